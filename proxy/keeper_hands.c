#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/process.h"
#include "proxy/keeper_core.h"

#define FIRST_LOOK_MS 50

static void say(struct keeper *k, const char *text)
{
	snprintf(k->said, sizeof(k->said), "%s", text);
}

/* --- commands --- */

/* The status of a command that ended by itself; -1 otherwise, and k->said says why. */
static int run_command(struct keeper *k, const char *name, const struct config_command *c)
{
	struct process_result result;
	const struct process p = { .argv = c->argv,
				   .out_max = 4096,
				   .deadline_ms = clock_ms() + k->options.config->command_ms,
				   .stop = &k->stop };
	int error = process_run(&p, &result), code = -1;
	if (error)
		snprintf(k->said, sizeof(k->said), "%s: %s", name, strerror(-error));
	else if (result.end == PROCESS_EXITED)
		code = result.code;
	else
		snprintf(k->said, sizeof(k->said), "%s: %s", name,
			 result.end == PROCESS_TIMEOUT ? "took too long" : "was killed");
	if (code > 0)
		snprintf(k->said, sizeof(k->said), "%s: exit status %d", name, code);
	process_result_fini(&result);
	return code;
}

/* 0: it runs; 1 and 3 (systemctl's): it does not; anything else says nothing. */
static enum keeper_life ask_status(struct keeper *k)
{
	int code = run_command(k, "status", &k->options.config->status);
	if (code == 0)
		return KEEPER_ALIVE;
	return code == 1 || code == 3 ? KEEPER_DEAD : KEEPER_UNKNOWN;
}

static enum keeper_killed kill_by_command(struct keeper *k)
{
	const struct config_guardian *c = k->options.config;
	struct timespec pause = { .tv_nsec = FIRST_LOOK_MS * 1000000 };
	enum keeper_life before = ask_status(k);
	if (before == KEEPER_DEAD)
		return KEEPER_WAS_GONE;
	k->dying = k->dying || before == KEEPER_ALIVE;
	int code = run_command(k, "kill", &c->kill);
	char why[KEEPER_SAID];
	memcpy(why, k->said, sizeof(why));
	uint64_t until = clock_ms() + max_u64(c->grace_ms, FIRST_LOOK_MS);
	do {
		if (ask_status(k) == KEEPER_DEAD) {
			say(k, k->dying ? "kill: its status says that it is gone"
					: "it is gone, perhaps before the kill: its status could "
					  "not be had");
			return k->dying ? KEEPER_GONE : KEEPER_WAS_GONE;
		}
		nanosleep(&pause, NULL);
	} while (clock_ms() < until && !atomic_load(&k->stop));
	if (code != 0)
		memcpy(k->said, why, sizeof(why));
	else
		say(k, "kill: its status does not say that it is gone");
	return KEEPER_STAYS;
}

/* --- both --- */

bool keeper_start(struct keeper *k)
{
	const struct config_guardian *c = k->options.config;
	if (!c->start.argv) {
		say(k, "restart: done");
		return run_command(k, "restart", &c->restart) == 0;
	}
	int error = child_start(c->start.argv, &k->child);
	if (error)
		snprintf(k->said, sizeof(k->said), "start: %s", strerror(-error));
	else
		snprintf(k->said, sizeof(k->said), "start: process %d", (int)k->child.pid);
	return !error;
}

static void bury(struct keeper *k)
{
	bool exited = !k->child.by_signal;
	bool missing = exited && k->child.code == 127;
	snprintf(k->said, sizeof(k->said), "process %d: %s %d%s", (int)k->child.pid,
		 exited ? "exit status" : "signal", k->child.code,
		 missing ? ", as of a program that is not there" : "");
	if (!child_reap(&k->child))
		k->child.pid =
			0; /* what it left behind outlives a KILL: nothing more can be done */
}

enum keeper_life keeper_look(struct keeper *k)
{
	const struct config_guardian *c = k->options.config;
	if (c->status.argv)
		return ask_status(k);
	if (!c->start.argv)
		return KEEPER_UNKNOWN;
	if (k->child.pid && !child_ended(&k->child))
		return KEEPER_ALIVE;
	if (k->child.pid)
		bury(k);
	return KEEPER_DEAD;
}

enum keeper_killed keeper_kill(struct keeper *k)
{
	const struct config_guardian *c = k->options.config;
	if (!c->start.argv)
		return kill_by_command(k);
	if (keeper_look(k) == KEEPER_DEAD)
		return KEEPER_WAS_GONE;
	snprintf(k->said, sizeof(k->said), "process %d and its group", (int)k->child.pid);
	k->dying = true;
	return child_kill(&k->child, c->grace_ms) ? KEEPER_GONE : KEEPER_STAYS;
}

/* --- memory --- */

static bool read_number(const char *path, uint64_t *n)
{
	struct buf text = { 0 };
	bool good = file_read(path, 64, &text) == 0;
	buf_add_char(&text, '\0');
	char *end = text.p;
	if (good && !text.failed && text.p[0] >= '0' && text.p[0] <= '9')
		*n = strtoull(text.p, &end, 10);
	good = good && !text.failed && end != text.p && (*end == '\n' || *end == '\0');
	buf_fini(&text);
	return good;
}

/* File pages that nobody has used lately, which the kernel takes back when it needs them: a shadow
 * that reads its weights from files is not fat. 0: nobody says. */
static uint64_t idle_cache(const char *cgroup)
{
	static const char name[] = "\ninactive_file ";
	char path[4096];
	struct buf text = { 0 };
	int n = snprintf(path, sizeof(path), "%s/memory.stat", cgroup);
	bool good = n > 0 && (size_t)n < sizeof(path) && file_read(path, 65536, &text) == 0;
	buf_add_char(&text, '\0');
	const char *at = good && !text.failed ? strstr(text.p, name) : NULL;
	uint64_t bytes = at ? strtoull(at + sizeof(name) - 1, NULL, 10) : 0;
	buf_fini(&text);
	return bytes;
}

static bool cgroup_memory(const char *cgroup, uint64_t *bytes)
{
	char path[4096];
	uint64_t all = 0;
	int n = snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	if (n <= 0 || (size_t)n >= sizeof(path) || !read_number(path, &all))
		return false;
	*bytes = all - min_u64(idle_cache(cgroup), all);
	return true;
}

bool keeper_memory(struct keeper *k, uint64_t *bytes)
{
	const struct config_guardian *c = k->options.config;
	uint64_t pid = (uint64_t)k->child.pid;
	if (c->cgroup)
		return cgroup_memory(c->cgroup, bytes);
	if (c->pid_file && (!read_number(c->pid_file, &pid) || pid > INT32_MAX))
		return false;
	return pid > 0 && child_memory((pid_t)pid, bytes);
}

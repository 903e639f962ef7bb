#include "lib/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define KILL_MS 2000

/* --- start --- */

/* Between fork and exec: nothing here may take a lock. */
_Noreturn static void become(char *const *argv, pid_t parent, int null)
{
	sigset_t none;
	struct sigaction plain = { .sa_handler = SIG_DFL };
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* it has ended meanwhile */
	for (int i = 1; i < 32; i++)
		(void)sigaction(i, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	(void)close_range(3, ~0U, 0); /* libraries do not mark all of theirs */
	execvp(argv[0], argv);
	_exit(127);
}

int child_start(const char *const *argv, struct child *out)
{
	char **words; /* execvp() takes them without const, and changes nothing */
	memcpy(&words, &argv, sizeof(words));
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return -errno;
	pid_t parent = getpid(), pid = fork();
	int error = pid < 0 ? -errno : 0;
	if (pid == 0)
		become(words, parent, null);
	close(null);
	if (error)
		return error;
	(void)setpgid(pid, pid); /* whoever is first */
	*out = (struct child){ .pid = pid };
	return 0;
}

/* --- end --- */

/* Whether a process of the group runs. One that nobody has waited for does not. */
static bool runs_in(const char *pid, pid_t group)
{
	char path[64], text[512];
	char state;
	int parent, its;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *behind = strrchr(text, ')'); /* the name may hold anything */
	return behind && sscanf(behind + 1, " %c %d %d", &state, &parent, &its) == 3 &&
	       its == group && state != 'Z' && state != 'X';
}

static bool group_runs(pid_t group)
{
	bool runs = false;
	if (kill(-group, 0) != 0 && errno == ESRCH)
		return false;
	DIR *all = opendir("/proc");
	if (!all)
		return true;
	for (struct dirent *e; !runs && (e = readdir(all));)
		runs = e->d_name[0] >= '1' && e->d_name[0] <= '9' && runs_in(e->d_name, group);
	closedir(all);
	return runs;
}

/* As long as it is not waited for, its number is its own. */
bool child_ended(struct child *c)
{
	CHECK(c->pid > 0);
	siginfo_t info = { 0 };
	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return false;
	c->by_signal = info.si_code != CLD_EXITED;
	c->code = info.si_status;
	return true;
}

static bool clear(struct child *c)
{
	kill(-c->pid, SIGKILL);
	if (group_runs(c->pid))
		return false;
	pid_t got = waitpid(c->pid, NULL, 0);
	CHECK(got == c->pid);
	c->pid = 0;
	return true;
}

/* True: its program and all of its group are gone. */
static bool await_end(struct child *c, uint32_t ms, bool all)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t until = clock_ms() + ms;
	for (;;) {
		if (child_ended(c) && (all ? clear(c) : !group_runs(c->pid)))
			return true;
		if (clock_ms() >= until)
			return false;
		nanosleep(&pause, NULL);
	}
}

bool child_reap(struct child *c)
{
	return await_end(c, KILL_MS, true);
}

bool child_kill(struct child *c, uint32_t grace_ms)
{
	CHECK(c->pid > 0);
	kill(-c->pid, SIGTERM);
	(void)await_end(c, grace_ms, false);
	kill(-c->pid, SIGKILL);
	return await_end(c, KILL_MS, true);
}

bool child_memory(pid_t pid, uint64_t *bytes)
{
	char path[64];
	unsigned long long size = 0, resident = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "re");
	bool good = f && fscanf(f, "%llu %llu", &size, &resident) == 2 && size > 0;
	if (f)
		fclose(f);
	if (good)
		*bytes = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
	return good;
}

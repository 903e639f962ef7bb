/*
 * The command driver: programs of the operator's that plan, act and verify. No shell is between.
 * What they must do is in redcard-patchctl(5).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/process.h"
#include "proxy/driver.h"

enum { OUTPUT_MAX = 65536, SAYS_MAX = 1500, EXIT_AGAIN = 75 /* EX_TEMPFAIL of sysexits.h */ };

struct command {
	const struct driver_job *job;
	const char *step;
	const char *revision; /* that act has made; for verify */
	struct process_result result;
};

static int start(struct command *c, const char *const *argv)
{
	char v[7][DRIVER_REVISION + 256];
	const char *env[ARRAY_LEN(v) + 1] = { NULL };
	const char *const texts[][2] = {
		{ "REDCARD_TARGET", c->job->target->name },
		{ "REDCARD_ANCHOR", c->job->anchor },
		{ "REDCARD_BAD", c->job->bad },
		{ "REDCARD_ID", c->job->id },
		{ "REDCARD_REASON", c->job->reason },
		{ "REDCARD_STEP", c->step },
		{ "REDCARD_REVISION", c->revision },
	};
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		snprintf(v[i], sizeof(v[i]), "%s=%s", texts[i][0], texts[i][1]);
		env[i] = v[i];
	}
	const struct process p = { .argv = argv,
				   .env = env,
				   .out_max = OUTPUT_MAX,
				   .deadline_ms = c->job->deadline_ms,
				   .stop = c->job->stop };
	return process_run(&p, &c->result);
}

static void say_output(struct buf *says, const struct buf *out)
{
	size_t n = min_size(out->n, SAYS_MAX);
	buf_add(says, out->p, n);
	if (n && out->p[n - 1] != '\n')
		buf_add_char(says, '\n');
}

/* DONE: it ended with 0 and has said no more than is kept. */
static enum driver_outcome run(struct command *c, const char *const *argv, struct buf *says)
{
	const struct process_result *r = &c->result;
	int error = start(c, argv);
	if (error) {
		buf_printf(says, "%s: %.200s cannot be run: %s\n", c->step, argv[0],
			   strerror(-error));
		return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE
			       ? DRIVER_AGAIN
			       : DRIVER_FAILED;
	}
	say_output(says, &r->err);
	switch (r->end) {
	case PROCESS_STOPPED: buf_printf(says, "%s: interrupted\n", c->step); return DRIVER_AGAIN;
	case PROCESS_TIMEOUT:
		buf_printf(says, "%s: it took too long and was killed\n", c->step);
		return DRIVER_AGAIN;
	case PROCESS_KILLED:
		buf_printf(says, "%s: ended by signal %d\n", c->step, r->code);
		return DRIVER_AGAIN;
	case PROCESS_EXITED: break;
	}
	if (r->code != 0)
		buf_printf(says, "%s: exit status %d\n", c->step, r->code);
	if (r->code != 0)
		return r->code == EXIT_AGAIN ? DRIVER_AGAIN : DRIVER_FAILED;
	if (!r->cut)
		return DRIVER_DONE;
	buf_printf(says, "%s: it prints more than %d bytes\n", c->step, OUTPUT_MAX);
	return DRIVER_FAILED;
}

/* The last line that is not empty. False: it names no revision. */
static bool last_line(const struct buf *out, char line[DRIVER_REVISION])
{
	size_t end = out->n, from;
	line[0] = '\0';
	if (!end)
		return false;
	while (end && memchr(" \t\r\n", out->p[end - 1], 4))
		end--;
	for (from = end; from && out->p[from - 1] != '\n';)
		from--;
	if (end - from >= DRIVER_REVISION || memchr(out->p + from, '\0', end - from))
		return false;
	memcpy(line, end > from ? out->p + from : "", end - from);
	line[end - from] = '\0';
	return driver_is_word(line);
}

static struct command command(const struct driver_job *job, const char *step)
{
	return (struct command){ .job = job, .step = step, .revision = "" };
}

static enum driver_outcome precedes(const struct driver_job *job, struct buf *says)
{
	struct command c = command(job, "precedes");
	if (!job->target->command.precedes)
		return DRIVER_DONE;
	enum driver_outcome outcome = run(&c, job->target->command.precedes, says);
	process_result_fini(&c.result);
	return outcome;
}

static enum driver_outcome plan(const struct driver_job *job, struct buf *says)
{
	struct command c = command(job, "plan");
	enum driver_outcome outcome = run(&c, job->target->command.plan, says);
	say_output(says, &c.result.out);
	process_result_fini(&c.result);
	return outcome;
}

static enum driver_outcome act(const struct driver_job *job, char revision[DRIVER_REVISION],
			       struct buf *says)
{
	struct command c = command(job, "act");
	char made[DRIVER_REVISION];
	revision[0] = '\0';
	if (!driver_passes(job, says))
		return DRIVER_AGAIN;
	enum driver_outcome outcome = run(&c, job->target->command.act, says);
	if (outcome == DRIVER_DONE && !last_line(&c.result.out, made)) {
		buf_add_text(says,
			     "act: its last line names no revision; let it print the one that "
			     "it made\n");
		outcome = DRIVER_FAILED;
	}
	if (outcome == DRIVER_DONE)
		memcpy(revision, made, sizeof(made));
	process_result_fini(&c.result);
	return outcome;
}

static enum driver_outcome verify(const struct driver_job *job, const char *revision,
				  struct buf *says)
{
	struct command c = command(job, "verify");
	char there[DRIVER_REVISION];
	c.revision = revision;
	enum driver_outcome outcome = run(&c, job->target->command.verify, says);
	if (outcome == DRIVER_DONE && !last_line(&c.result.out, there)) {
		buf_add_text(says, "verify: its last line names no revision; let it print the one "
				   "that is there\n");
		outcome = DRIVER_FAILED;
	} else if (outcome == DRIVER_DONE && strcmp(there, revision) != 0) {
		buf_printf(says, "verify: %s is there, where act has made %s\n", there, revision);
		outcome = DRIVER_FAILED;
	} else if (outcome == DRIVER_DONE) {
		buf_printf(says, "verified: %s is there\n", there);
	}
	process_result_fini(&c.result);
	return outcome;
}

const struct driver driver_command = { .name = "command",
				       .is_revision = driver_is_word,
				       .precedes = precedes,
				       .plan = plan,
				       .act = act,
				       .verify = verify };

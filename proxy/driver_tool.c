#include "proxy/driver_tool.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"

enum { OUTPUT_MAX = 16 << 20, ARGS_MAX = 24, LINE_MAX_BYTES = 300 };

bool tool_run(struct tool *t, const char *const *args)
{
	const struct driver_cluster *c = &t->job->target->cluster;
	const char *const options[][2] = { { "--kubeconfig", c->credentials },
					   { t->context, c->context },
					   { "--namespace", c->space } };
	const char *argv[ARGS_MAX] = { t->program };
	const char *const env[] = { "LC_ALL=C", NULL };
	size_t n = 1;
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i][1]) {
			argv[n++] = options[i][0];
			argv[n++] = options[i][1];
		}
	for (; *args; args++) {
		CHECK(n < ARRAY_LEN(argv) - 1);
		argv[n++] = *args;
	}
	const struct process p = { .argv = argv,
				   .env = env,
				   .out_max = OUTPUT_MAX,
				   .deadline_ms = t->job->deadline_ms,
				   .stop = t->job->stop };
	process_result_fini(&t->last);
	int error = process_run(&p, &t->last);
	if (error)
		buf_printf(t->says, "%s cannot be run: %s\n", t->program, strerror(-error));
	return !error && t->last.end == PROCESS_EXITED && t->last.code == 0 && !t->last.cut;
}

void tool_fini(struct tool *t)
{
	process_result_fini(&t->last);
}

struct span tool_said(const struct tool *t)
{
	return (struct span){ t->last.out.p, t->last.out.n };
}

static bool has(const struct buf *text, const char *word)
{
	return text->n && memmem(text->p, text->n, word, strlen(word));
}

enum driver_outcome tool_give_up(struct tool *t, const char *doing, const char *const *for_good)
{
	const struct buf *e = &t->last.err;
	const char *end = e->n ? memchr(e->p, '\n', e->n) : NULL;
	size_t n = min_size(end ? (size_t)(end - e->p) : e->n, LINE_MAX_BYTES);
	if (t->last.cut)
		buf_printf(t->says, "%s: %s says more than is read\n", doing, t->program);
	else
		buf_printf(t->says, "%s: %.*s\n", doing, (int)n, e->n ? e->p : "no answer in time");
	if (t->last.end != PROCESS_EXITED || t->last.code == 0)
		return t->last.cut ? DRIVER_FAILED : DRIVER_AGAIN;
	for (; *for_good; for_good++)
		if (has(e, *for_good))
			return DRIVER_FAILED;
	return DRIVER_AGAIN;
}

bool tool_is_number(const char *text)
{
	size_t n = strspn(text, "0123456789");
	return n > 0 && n <= 10 && !text[n] && text[0] != '0';
}

bool tool_waits(const struct tool *t, unsigned ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000,
					.tv_nsec = (long)(ms % 1000) * 1000000 };
	if (clock_ms() + ms >= t->job->deadline_ms || (t->job->stop && atomic_load(t->job->stop)))
		return false;
	nanosleep(&pause, NULL);
	return true;
}

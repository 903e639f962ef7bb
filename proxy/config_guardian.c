/* `guardian` of the shadow: limits, what is guarded, and how it is killed and started again. */
#include <string.h>

#include "proxy/config_keys.h"
#include "proxy/config_shadow.h"
#include "proxy/units.h"

#define SECOND 1000u
#define HOUR (3600u * SECOND)
#define ARGUMENTS_MAX 64

static const struct config_guardian defaults = {
	.error_hundredths = GUARDIAN_NONE,
	.p95_ms = GUARDIAN_NONE,
	.p95_ratio_hundredths = GUARDIAN_NONE,
	.restarts = GUARDIAN_NONE,
	.window_ms = 60 * SECOND,
	.samples = 20,
	.every_ms = SECOND,
	.grace_ms = 5 * SECOND,
	.command_ms = 10 * SECOND,
	.warm_up_ms = 2 * SECOND,
	.backoff_first_ms = SECOND,
	.backoff_most_ms = 60 * SECOND,
};

/* --- limits --- */

static void read_hundredths(struct config_reader *r, const struct yaml_node *node, uint32_t most,
			    uint32_t *out)
{
	uint64_t n = 0;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	if (units_decimal((struct span){ node->text, node->len }, 2, &n) != 0 || n > most)
		config_problem(r, node->line,
			       "`%s: %.32s` cannot be; write a number from 0 to %u with at most "
			       "two decimals",
			       node->key, node->text, most / 100);
	else
		*out = (uint32_t)n;
}

static void read_errors(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_hundredths(r, node, 10000, &((struct config_guardian *)base)->error_hundredths);
}

static void read_ratio(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_hundredths(r, node, 1000000, &((struct config_guardian *)base)->p95_ratio_hundredths);
}

static void read_limits(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("errors", read_errors),
		KEY_IN("p95", KEY_DURATION, struct config_guardian, p95_ms, 1, HOUR),
		KEY_BY("p95_ratio", read_ratio),
		KEY_IN("memory", KEY_SIZE64, struct config_guardian, memory_bytes, 1, 0),
		KEY_IN("restarts", KEY_COUNT, struct config_guardian, restarts, 0,
		       GUARDIAN_RESTARTS),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

/* --- commands --- */

static void read_argv(struct config_reader *r, const struct yaml_node *node,
		      struct config_command *out)
{
	if (!config_expect(r, node, YAML_LIST))
		return;
	size_t n = config_children(node), i = 0;
	const char **v = n && n <= ARGUMENTS_MAX ? config_alloc(r, n + 1, sizeof(*v)) : NULL;
	if (n == 0 || n > ARGUMENTS_MAX)
		config_problem(r, node->line,
			       "`%s` has %zu words; write a program and its arguments, at most %d",
			       node->key, n, ARGUMENTS_MAX);
	for (const struct yaml_node *e = node->first; v && e; e = e->next) {
		if (!config_expect(r, e, YAML_SCALAR))
			return;
		if (strlen(e->text) != e->len || (i == 0 && e->len == 0))
			config_problem(r, e->line,
				       "`%s` has a word that no program can be given; write text",
				       node->key);
		v[i++] = config_copy(r, (struct span){ e->text, e->len });
	}
	out->argv = v;
}

static void read_start(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_argv(r, node, &((struct config_guardian *)base)->start);
}

static void read_kill(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_argv(r, node, &((struct config_guardian *)base)->kill);
}

static void read_restart(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_argv(r, node, &((struct config_guardian *)base)->restart);
}

static void read_status(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_argv(r, node, &((struct config_guardian *)base)->status);
}

static void read_backoff(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("first", KEY_DURATION, struct config_guardian, backoff_first_ms, 10, HOUR),
		KEY_IN("most", KEY_DURATION, struct config_guardian, backoff_most_ms, 10, HOUR),
	};
	struct config_guardian *g = base;
	g->restarts_it = true;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), g);
	if (g->backoff_first_ms > g->backoff_most_ms)
		config_problem(r, node->line,
			       "the backoff's `first` is longer than its `most`; swap them");
}

/* --- all of it --- */

static void check_commands(struct config_reader *r, const struct config_guardian *g)
{
	bool commands = g->kill.argv || g->restart.argv || g->status.argv;
	if (g->start.argv && commands)
		config_problem(r, g->line,
			       "the guardian has `start` and commands for another process; leave "
			       "one out");
	if (commands && (!g->kill.argv || !g->status.argv))
		config_problem(r, g->line,
			       "the guardian needs both `kill` and `status`, or it would not know "
			       "whether the shadow is gone; add what lacks");
	if (g->restarts_it && !g->start.argv && !g->restart.argv)
		config_problem(r, g->line,
			       "`backoff` is set, but nothing can be started; add `start`, or "
			       "`restart` beside `kill` and `status`");
	if (g->restart.argv && !g->restarts_it)
		config_problem(r, g->line, "`restart` is never called; add `backoff` to say when");
}

static void check_memory(struct config_reader *r, const struct config_guardian *g)
{
	if (g->cgroup && g->pid_file)
		config_problem(r, g->line,
			       "both `cgroup` and `pid_file` say whose memory counts; leave one "
			       "out");
	if (g->memory_bytes && !g->start.argv && !g->cgroup && !g->pid_file)
		config_problem(r, g->line,
			       "`memory` is limited, but nobody says whose; add `cgroup` or "
			       "`pid_file`");
	if (g->restarts != GUARDIAN_NONE && !g->start.argv && !g->status.argv)
		config_problem(r, g->line,
			       "`restarts` are limited, but nothing tells of them; add `start`, or "
			       "`kill` and `status`");
}

void config_read_guardian(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("limits", read_limits),
		KEY_IN("window", KEY_DURATION, struct config_guardian, window_ms, SECOND, HOUR),
		KEY_IN("samples", KEY_COUNT, struct config_guardian, samples, 1, 4096),
		KEY_IN("every", KEY_DURATION, struct config_guardian, every_ms, 20, HOUR),
		KEY_BY("start", read_start),
		KEY_BY("kill", read_kill),
		KEY_BY("restart", read_restart),
		KEY_BY("status", read_status),
		KEY("cgroup", KEY_FILE, struct config_guardian, cgroup),
		KEY("pid_file", KEY_FILE, struct config_guardian, pid_file),
		KEY_IN("grace", KEY_DURATION, struct config_guardian, grace_ms, 0, HOUR),
		KEY_IN("command", KEY_DURATION, struct config_guardian, command_ms, 100, HOUR),
		KEY_IN("warm_up", KEY_DURATION, struct config_guardian, warm_up_ms, 0, HOUR),
		KEY_BY("backoff", read_backoff),
	};
	struct config_guardian *g = config_alloc(r, 1, sizeof(*g));
	if (!g)
		return;
	*g = defaults;
	g->line = node->line;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), g);
	if (node->kind != YAML_MAP)
		return;
	check_commands(r, g);
	check_memory(r, g);
	((struct config_shadow *)base)->guardian = g;
}

/* --- two of them --- */

static bool same_command(const struct config_command *a, const struct config_command *b)
{
	size_t i = 0;
	if (!a->argv || !b->argv)
		return a->argv == b->argv;
	while (a->argv[i] && config_same_text(a->argv[i], b->argv[i]))
		i++;
	return !a->argv[i] && !b->argv[i];
}

static bool same_limits(const struct config_guardian *a, const struct config_guardian *b)
{
	return a->error_hundredths == b->error_hundredths && a->p95_ms == b->p95_ms &&
	       a->p95_ratio_hundredths == b->p95_ratio_hundredths && a->restarts == b->restarts &&
	       a->memory_bytes == b->memory_bytes && a->window_ms == b->window_ms &&
	       a->samples == b->samples && a->every_ms == b->every_ms;
}

bool config_same_guardian(const struct config_guardian *a, const struct config_guardian *b)
{
	if (!a || !b)
		return a == b;
	return same_limits(a, b) && same_command(&a->start, &b->start) &&
	       same_command(&a->kill, &b->kill) && same_command(&a->restart, &b->restart) &&
	       same_command(&a->status, &b->status) && config_same_text(a->cgroup, b->cgroup) &&
	       config_same_text(a->pid_file, b->pid_file) && a->grace_ms == b->grace_ms &&
	       a->command_ms == b->command_ms && a->warm_up_ms == b->warm_up_ms &&
	       a->restarts_it == b->restarts_it && a->backoff_first_ms == b->backoff_first_ms &&
	       a->backoff_most_ms == b->backoff_most_ms;
}

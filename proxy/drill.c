/* `redcard drill`: tries a running system, from the violating byte to the verified restore. */
#include "proxy/drill.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "proxy/cli.h"
#include "proxy/drill_print.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

#define GIT_MS 60000
#define COUNT_MOST 10000

const struct drill_kind drill_kinds[] = {
	{ .name = "secret",
	  .summary = "the builder streams a key that two events share",
	  .door = DRILL_STREAM,
	  .pieces = { "```python\naws_access_key_id = \"%s", "%s\"\n", "print('done')\n```\n" },
	  .violates = 1,
	  .bad = true },
	{ .name = "dangerous-code",
	  .summary = "the builder streams a command that erases the machine",
	  .door = DRILL_STREAM,
	  .pieces = { "```sh\nset -e\nrm -rf", " /\n", "echo done\n```\n" },
	  .violates = 1,
	  .bad = true },
	{ .name = "coverage-violation",
	  .summary = "an event says that the change's tests cover 42 %",
	  .door = DRILL_EVENT,
	  .violates = DRILL_PIECES,
	  .metrics = "{\"cost_delta\":0.0,\"latency_regression\":0.2,\"unit_coverage\":42.0}",
	  .bad = true },
	{ .name = "latency-regression",
	  .summary = "an event says that the change is 9.5 % slower",
	  .door = DRILL_EVENT,
	  .violates = DRILL_PIECES,
	  .metrics = "{\"cost_delta\":0.0,\"latency_regression\":9.5,\"unit_coverage\":97.0}",
	  .bad = true },
	{ .name = "cost-spike",
	  .summary = "an event says that the change costs 0.25 USD more",
	  .door = DRILL_EVENT,
	  .violates = DRILL_PIECES,
	  .metrics = "{\"cost_delta\":0.25,\"latency_regression\":0.2,\"unit_coverage\":97.0}",
	  .bad = true },
	{ .name = "ast-divergence",
	  .summary = "two builders answer one request with different programs",
	  .door = DRILL_PAIR,
	  .pieces = { "```python\ndef total(items):\n    return sum(i.price for i in items)\n```\n" },
	  .others = { "```python\nimport json\n\nclass Cart:\n    def __init__(self, path):\n"
		      "        with open(path) as f:\n            self.items = json.load(f)\n```\n" },
	  .violates = 0,
	  .bad = true },
	{ .name = "good",
	  .summary = "a clean stream and a clean event, which must not be taken back",
	  .door = DRILL_STREAM,
	  .pieces = { "```python\ndef add(a, b):\n", "    return a + b\n```\n" },
	  .violates = DRILL_PIECES,
	  .metrics = "{\"cost_delta\":-0.01,\"latency_regression\":0.2,\"unit_coverage\":97.0}" },
};
const size_t drill_n_kinds = ARRAY_LEN(drill_kinds);

/* --- one of them --- */

/* A key as that rule knows them; it opens nothing. */
static bool make_secret(char out[64])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char random[16];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	size_t n = (size_t)snprintf(out, 64, "AK%s", "IA");
	for (size_t i = 0; i < sizeof(random); i++)
		out[n++] = letters[random[i] % 32];
	out[n] = '\0';
	return true;
}

static bool needs_secret(const struct drill_kind *kind)
{
	for (size_t i = 0; i < DRILL_PIECES && kind->pieces[i]; i++)
		if (strstr(kind->pieces[i], "%s"))
			return true;
	return false;
}

static bool is_configured(const struct drill *d, const struct drill_kind *kind, struct buf *why)
{
	if (kind->door == DRILL_PAIR && !d->config->pair)
		buf_add_text(why, "the configuration has no `pair`");
	else if (kind->metrics && !d->config->webhook.secret)
		buf_add_text(why, "the configuration has no `webhook`");
	else
		return true;
	return false;
}

static bool prepare(struct drill *d, struct drill_run *run)
{
	if (!is_configured(d, run->kind, &run->why) || !drill_parts_up(d, &run->why))
		return false;
	if (ledger_next_id(NULL, clock_real_us() / 1000, run->id) != 0 ||
	    (needs_secret(run->kind) && !make_secret(run->secret))) {
		buf_add_text(&run->why, "the kernel has no random bytes");
		return false;
	}
	return canary_push(d->place, run->id, run->anchor, run->bad, &run->why) &&
	       drill_register(d, run);
}

static void tidy(struct drill *d, struct drill_run *run)
{
	struct buf why = { 0 };
	if (run->bad[0] && !canary_tidy(d->place, run->id, &why))
		buf_printf(&run->why, "%sthe canary is still on the branch, take it away: %.*s",
			   run->why.n ? "; " : "", (int)why.n, why.n ? why.p : "");
	buf_fini(&why);
}

static void run_one(struct drill *d, struct drill_run *run)
{
	for (size_t i = 0; i < DRILL_PHASES; i++)
		run->phases[i] = NAN;
	run->could_not = !prepare(d, run);
	if (!run->could_not) {
		run->began_us = clock_real_us();
		run->passed = drill_inject(d, run) &&
			      (run->kind->bad ? drill_follow(d, run) : drill_watch(d, run));
	}
	if (!run->passed || !run->kind->bad)
		tidy(d, run);
}

/* --- the verb --- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* A second interrupt ends it at once. Not so a second TERM: timeout(1) sends two, and a canary
 * would be left behind. */
static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigemptyset(&a.sa_mask);
	sigaction(SIGTERM, &a, NULL);
	a.sa_flags |= SA_RESETHAND;
	sigaction(SIGINT, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

struct wishes {
	const char *config, *types, *count;
	bool json, list;
};

/* The kinds that are asked for, each once; false: it was said what is wrong. */
static bool choose(const char *types, bool chosen[])
{
	const char *at = types;
	for (size_t i = 0; i < drill_n_kinds; i++)
		chosen[i] = !types;
	while (at) {
		size_t n = strcspn(at, ","), i = 0;
		while (i < drill_n_kinds &&
		       !span_eq(span_of(drill_kinds[i].name), (struct span){ at, n }))
			i++;
		if (i == drill_n_kinds) {
			fprintf(stderr,
				"redcard drill: there is no type `%.*s`; see redcard drill --list\n",
				(int)min_size(n, 80), at);
			return false;
		}
		chosen[i] = true;
		at = at[n] ? at + n + 1 : NULL;
	}
	return true;
}

static int run_all(struct drill *d, const bool chosen[], uint64_t count, bool json)
{
	struct drill_times times = { 0 };
	struct buf out = { 0 };
	uint64_t n[3] = { 0 }; /* passed, failed, could not */
	buf_add_text(&out, "{\"drills\":[");
	for (size_t i = 0; i < drill_n_kinds; i++) {
		for (uint64_t k = 0; k < count && chosen[i] && !interrupted; k++) {
			struct drill_run run = { .kind = &drill_kinds[i] };
			run_one(d, &run);
			if (json && n[0] + n[1] + n[2])
				buf_add_char(&out, ',');
			n[run.passed ? 0 : run.could_not ? 2 : 1]++;
			drill_times_add(&times, &run);
			if (json)
				drill_print_json(&out, &run);
			else
				drill_print_run(&run, d->config);
			buf_fini(&run.why);
		}
	}
	if (json) {
		buf_add_text(&out, "],\"times_ms\":");
		drill_times_json(&times, &out);
		buf_add_text(&out, "}\n");
		fwrite(out.p, 1, out.n, stdout);
	} else {
		drill_times_print(&times);
		printf("%s%llu passed, %llu failed, %llu could not be drilled\n",
		       times.n > 1 ? "\n" : "", (unsigned long long)n[0], (unsigned long long)n[1],
		       (unsigned long long)n[2]);
	}
	drill_times_fini(&times);
	buf_fini(&out);
	return n[2] || interrupted ? EXIT_TOOL : n[1] ? EXIT_FINDING : EXIT_CLEAN;
}

/* False: it was said why not. */
static bool open_drill(struct drill *d, const char *path, struct config **config)
{
	struct buf why = { 0 };
	bool good = config_load_drill(path, config, &why) == 0;
	if (!good) {
		fwrite(why.p ? why.p : "", 1, why.n, stderr);
		buf_fini(&why);
		return false;
	}
	d->config = (*config)->drill;
	d->fetcher = fetcher_new();
	if (!d->fetcher)
		buf_add_text(&why, "out of memory");
	good = d->fetcher &&
	       canary_open(d->config->remote, d->config->branch, GIT_MS, &d->place, &why);
	for (size_t i = 0; good && i < ARRAY_LEN(d->builders) && d->config->builder[i]; i++)
		good = drill_builder_open(d->config->builder[i], &d->builders[i], &why) == 0;
	if (!good)
		fprintf(stderr, "redcard drill: %.*s; nothing was injected\n", (int)why.n,
			why.n ? why.p : "");
	buf_fini(&why);
	return good;
}

static void close_drill(struct drill *d, struct config *config)
{
	for (size_t i = 0; i < ARRAY_LEN(d->builders); i++)
		drill_builder_close(d->builders[i]);
	canary_close(d->place);
	fetcher_free(d->fetcher);
	config_unref(config);
}

static int list(void)
{
	for (size_t i = 0; i < drill_n_kinds; i++)
		printf("%-18s  %s\n", drill_kinds[i].name, drill_kinds[i].summary);
	return EXIT_CLEAN;
}

int drill_main(int argc, char **argv)
{
	struct wishes w = { 0 };
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &w.config,
		  .help = "which system is tried; needed" },
		{ .name = "type",
		  .value = "NAME,...",
		  .text = &w.types,
		  .help = "what is injected (all of them)" },
		{ .name = "count", .value = "N", .text = &w.count, .help = "of each type (1)" },
		{ .name = "list", .flag = &w.list, .help = "list the types" },
		{ .name = "json", .flag = &w.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "drill",
		.summary =
			"Injects bad canaries into a running system and follows each to its "
			"verified restore; 0 all\npassed, 1 something did not happen, 2 it could "
			"not be drilled.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard drill -c drill.yaml\n"
			    "  redcard drill -c drill.yaml --type secret,good\n"
			    "  redcard drill -c drill.yaml --type secret --count 100\n",
	};
	bool chosen[ARRAY_LEN(drill_kinds)];
	struct config *config = NULL;
	struct drill d = { .interrupted = &interrupted };
	uint64_t count = 1;
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (w.list)
		return list();
	if (!w.config) {
		fprintf(stderr,
			"redcard drill: which system? write -c FILE; see deploy/drill.yaml\n");
		return EXIT_TOOL;
	}
	if (w.count &&
	    (units_count(span_of(w.count), &count) != 0 || !count || count > COUNT_MOST)) {
		fprintf(stderr, "redcard drill: --count %s is no number of drills; write 1 to %d\n",
			w.count, COUNT_MOST);
		return EXIT_TOOL;
	}
	if (!choose(w.types, chosen))
		return EXIT_TOOL;
	catch_signals();
	status = open_drill(&d, w.config, &config) ? run_all(&d, chosen, count, w.json) : EXIT_TOOL;
	close_drill(&d, config);
	return status;
}

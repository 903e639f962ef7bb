/*
 * `redcard simulate`: recorded bodies through a new policy and an old one, and what would change.
 * Rules are paired by their ids.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/cli.h"
#include "proxy/config.h"
#include "proxy/recording.h"
#include "proxy/replay.h"
#include "proxy/report.h"
#include "proxy/verbs.h"
#include "proxy/walk.h"

#define BINARY_BYTES 8192 /* a NUL in the first of them: no text, and no recording in a folder */

struct pair { /* one id */
	const char *id;
	size_t before, after; /* its number in each policy, or SIZE_MAX */
	size_t newly[EFFECT_COUNT], no_longer[EFFECT_COUNT]; /* streams */
};

struct simulation {
	struct replay before, after;
	struct pair *pairs;
	size_t n_pairs;
	const char *wire;
	bool json, failed, shows_progress;
	size_t streams, changed, faults, binaries;
	struct buf out;
};

/* --- pairs --- */

static size_t find(const struct ruleset *set, const char *id)
{
	for (size_t i = 0; i < ruleset_count(set); i++)
		if (strcmp(ruleset_rule(set, i)->id, id) == 0)
			return i;
	return SIZE_MAX;
}

static bool pair_rules(struct simulation *s)
{
	const struct ruleset *old = s->before.set, *new = s->after.set;
	s->pairs = calloc(ruleset_count(old) + ruleset_count(new) + 1, sizeof(*s->pairs));
	if (!s->pairs)
		return false;
	for (size_t i = 0; i < ruleset_count(new); i++) {
		const char *id = ruleset_rule(new, i)->id;
		s->pairs[s->n_pairs++] =
			(struct pair){ .id = id, .before = find(old, id), .after = i };
	}
	for (size_t i = 0; i < ruleset_count(old); i++) {
		const char *id = ruleset_rule(old, i)->id;
		if (find(new, id) == SIZE_MAX)
			s->pairs[s->n_pairs++] =
				(struct pair){ .id = id, .before = i, .after = SIZE_MAX };
	}
	return true;
}

static bool pair_all(struct simulation *s)
{
	bool done = pair_rules(s);
	if (!done)
		fputs("redcard simulate: out of memory; give the process more\n", stderr);
	return done;
}

static enum effect effect_of(const struct replay *r, size_t rule)
{
	return rule == SIZE_MAX ? EFFECT_NOTHING : r->effects[rule];
}

/* --- one stream --- */

static void report_change(struct simulation *s, const char *name, const char *id,
			  enum effect before, enum effect after, bool first)
{
	if (!s->json) {
		printf("%s: %s: %s, now %s\n", name, id, effect_names[before], effect_names[after]);
		return;
	}
	buf_add_text(&s->out, first ? "{" : ",{");
	report_member(&s->out, "rule", id);
	buf_add_char(&s->out, ',');
	report_member(&s->out, "before", effect_names[before]);
	buf_add_char(&s->out, ',');
	report_member(&s->out, "after", effect_names[after]);
	buf_add_char(&s->out, '}');
}

static void compare_runs(struct simulation *s, const char *name)
{
	size_t changes = 0;
	bool other = strcmp(s->before.left, s->after.left) != 0;
	if (s->json) {
		buf_add_text(&s->out, s->streams ? ",\n  {" : "\n  {");
		report_member(&s->out, "file", name);
		buf_add_text(&s->out, ",\"changes\":[");
	}
	for (size_t i = 0; i < s->n_pairs; i++) {
		struct pair *p = &s->pairs[i];
		enum effect before = effect_of(&s->before, p->before),
			    after = effect_of(&s->after, p->after);
		if (before == after)
			continue;
		report_change(s, name, p->id, before, after, changes++ == 0);
		p->newly[after]++;
		p->no_longer[before]++;
	}
	if (s->json) {
		buf_printf(&s->out, "],\"other_bytes_leave\":%s,", other ? "true" : "false");
		report_member(&s->out, "ended_before", s->before.reason);
		buf_add_char(&s->out, ',');
		report_member(&s->out, "ended_after", s->after.reason);
		buf_add_char(&s->out, '}');
	} else if (other && !changes) {
		printf("%s: the same rules, but other bytes leave\n", name);
	}
	s->streams++;
	s->changed += changes || other;
	s->faults += s->before.fault || s->after.fault;
}

static int replay_both(struct simulation *s, struct span body)
{
	struct pieces pieces = { 0 };
	enum framing framing;
	enum dialect dialect;
	recording_wire(s->wire, (struct span){ body.p, min_size(body.n, 4096) }, &framing,
		       &dialect);
	uint32_t frame_bytes = framing == FRAMING_DOCUMENT ? GATE_DOCUMENT_BYTES : GATE_FRAME_BYTES;
	int error = recording_decode(body, framing, dialect, frame_bytes, &pieces) ? 0 : -ENOMEM;
	if (!error)
		error = replay_run(&s->before, body, framing, dialect, &pieces);
	if (!error)
		error = replay_run(&s->after, body, framing, dialect, &pieces);
	pieces_fini(&pieces);
	return error;
}

static void simulate_file(void *context, const char *name, bool met)
{
	struct simulation *s = context;
	struct buf text = { 0 };
	if (s->shows_progress && s->streams % 16 == 0)
		fprintf(stderr, "\r\033[K%zu streams, %zu change  %.50s", s->streams, s->changed,
			name);
	int error = recording_read(name, &text);
	struct span body = { text.p ? text.p : "", text.n };
	bool binary = met && memchr(body.p, 0, min_size(body.n, BINARY_BYTES));
	s->binaries += binary;
	if (!error && !binary)
		error = replay_both(s, body);
	if (!error && !binary)
		compare_runs(s, name);
	if (error)
		fprintf(stderr, "redcard simulate: %s: %s; %s\n", name, strerror(-error),
			recording_remedy(error));
	s->failed |= error != 0;
	buf_fini(&text);
}

/* --- all of them --- */

static bool changes(const struct pair *p)
{
	for (size_t e = 0; e < EFFECT_COUNT; e++)
		if (p->newly[e] || p->no_longer[e])
			return true;
	return false;
}

static void held_json(const char *key, const struct replay *r)
{
	if (r->n_held)
		printf(",\"%s\":{\"p50_bytes\":%u,\"p99_bytes\":%u,\"max_bytes\":%u}", key,
		       replay_held(r, 0.5), replay_held(r, 0.99), replay_held(r, 1));
}

static void summary_json(const struct simulation *s)
{
	bool first = true;
	printf("{\"streams\":[%.*s],\n \"rules\":[", (int)s->out.n, s->out.p ? s->out.p : "");
	for (size_t i = 0; i < s->n_pairs; i++) {
		const struct pair *p = &s->pairs[i];
		if (!changes(p))
			continue;
		printf("%s{\"rule\":\"%s\"", first ? "" : ",\n  ", p->id);
		for (size_t e = EFFECT_FLAGGED; e < EFFECT_COUNT; e++)
			printf(",\"newly_%s\":%zu,\"no_longer_%s\":%zu", effect_names[e],
			       p->newly[e], effect_names[e], p->no_longer[e]);
		fputc('}', stdout);
		first = false;
	}
	printf("],\n \"changed\":%zu,\"unchanged\":%zu,\"faulty\":%zu,\"left_out\":%zu", s->changed,
	       s->streams - s->changed, s->faults, s->binaries);
	held_json("held_before", &s->before);
	held_json("held_after", &s->after);
	puts("}");
}

static void summary_table(const struct simulation *s)
{
	int width = 4;
	for (size_t i = 0; i < s->n_pairs; i++)
		if (changes(&s->pairs[i]) && (int)strlen(s->pairs[i].id) > width)
			width = (int)strlen(s->pairs[i].id);
	printf("\n%-*s  %-27s  %s\n%-*s  %8s %9s %8s  %8s %9s %8s\n", width, "", "streams newly",
	       "streams no longer", width, "rule", "cut", "redacted", "flagged", "cut", "redacted",
	       "flagged");
	for (size_t i = 0; i < s->n_pairs; i++) {
		const struct pair *p = &s->pairs[i];
		if (changes(p))
			printf("%-*s  %8zu %9zu %8zu  %8zu %9zu %8zu\n", width, p->id,
			       p->newly[EFFECT_CUT], p->newly[EFFECT_REDACTED],
			       p->newly[EFFECT_FLAGGED], p->no_longer[EFFECT_CUT],
			       p->no_longer[EFFECT_REDACTED], p->no_longer[EFFECT_FLAGGED]);
	}
}

static void held_text(const char *when, const struct replay *r)
{
	if (r->n_held)
		printf("bytes held after an event, %s: median %u, p99 %u, most %u (of %zu)\n", when,
		       replay_held(r, 0.5), replay_held(r, 0.99), replay_held(r, 1), r->n_held);
	else
		printf("bytes held after an event, %s: no data\n", when);
}

static void summary_text(const struct simulation *s)
{
	bool any = false;
	for (size_t i = 0; i < s->n_pairs; i++)
		any |= changes(&s->pairs[i]);
	if (any)
		summary_table(s);
	printf("%s%zu streams, of which %zu change; %zu are faulty or end in the middle\n",
	       s->changed ? "\n" : "", s->streams, s->changed, s->faults);
	held_text("before", &s->before);
	held_text("now", &s->after);
	if (s->binaries)
		printf("%zu binary files left out\n", s->binaries);
}

static void simulate_all(struct simulation *s, const struct cli *cli)
{
	s->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	for (size_t i = 1; i < cli->n; i++)
		s->failed |= walk(cli->v[i], simulate_file, s) != 0;
	if (s->shows_progress)
		fputs("\r\033[K", stderr);
	replay_sort_held(&s->before);
	replay_sort_held(&s->after);
	if (s->out.failed) {
		fputs("redcard simulate: out of memory for the report; name fewer streams\n",
		      stderr);
		s->failed = true;
	} else if (s->json) {
		summary_json(s);
	} else {
		summary_text(s);
	}
}

/* The policy that a configuration names; NULL after its problems' lines. */
static const char *policy_of(const char *path, struct config **config)
{
	struct buf errors = { 0 };
	int error = config_load(path, config, &errors);
	fprintf(stderr, "%.*s", (int)errors.n, errors.n ? errors.p : "");
	buf_fini(&errors);
	return error ? NULL : (*config)->policy;
}

static bool prepare(struct simulation *s, const char *against, const char *new)
{
	return recording_wire_known("simulate", s->wire) && against &&
	       replay_open(&s->before, against) == 0 && replay_open(&s->after, new) == 0 &&
	       pair_all(s);
}

int simulate_main(int argc, char **argv)
{
	const char *against = NULL, *path = NULL;
	struct simulation s = { .wire = "auto" };
	struct config *config = NULL;
	const struct cli_option options[] = {
		{ .name = "against",
		  .letter = 'a',
		  .value = "POLICY",
		  .text = &against,
		  .help = "the old policy (builtin)" },
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the old policy is the one that this configuration names" },
		{ .name = "wire",
		  .letter = 'w',
		  .value = "WIRE",
		  .text = &s.wire,
		  .help = RECORDING_WIRES " (auto)" },
		{ .name = "json", .flag = &s.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "simulate",
		.summary =
			"Replays recorded streams against a new policy and an old one, and says what would\n"
			"change; exits with 1 when something would.",
		.operands = "POLICY STREAM|FOLDER|-...",
		.operands_min = 2,
		.operands_max = 100000,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples =
			"  redcard simulate new.yaml recorded/\n"
			"  redcard simulate new.yaml --against old.yaml answer.sse\n"
			"  redcard simulate new.yaml -c /etc/redcard/redcard.yaml --json recorded/\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (against && path) {
		fputs("redcard simulate: -a and -c exclude each other: both name the old policy; "
		      "leave one out\n",
		      stderr);
		return EXIT_TOOL;
	}
	const char *old = path ? policy_of(path, &config) : against ? against : "builtin";
	bool ready = prepare(&s, old, cli.v[0]);
	if (ready)
		simulate_all(&s, &cli);
	buf_fini(&s.out);
	free(s.pairs);
	replay_fini(&s.before);
	replay_fini(&s.after);
	config_unref(config);
	if (!ready || s.failed)
		return EXIT_TOOL;
	return s.changed ? EXIT_FINDING : EXIT_CLEAN;
}

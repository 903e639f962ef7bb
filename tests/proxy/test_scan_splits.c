/* A scan of a file finds what the stream engine finds, however the stream is split: the recorded
 * streams and the labelled code of the corpora, with the pack and with rules that find something
 * everywhere. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/gate.h"
#include "proxy/recording.h"

#define FEED_BYTES 65536     /* as scan reads */
#define EVEN_SPLITS_MAX 1200 /* bytes; longer texts are split at random */
#define RANDOM_SPLITS 12
#define SPLITS 12 /* at most, of a text that is not longer */

static const char policy[] =
	"version: 1\ninclude: [builtin]\nrules:\n"
	"  - {id: word, title: t, severity: low, action: redact, regex: '\\bthe ([a-z]{4,9})\\b'}\n"
	"  - {id: call, title: t, severity: low, action: cut, regex: '\\b(return[ (][a-z_]{3,20})'}\n"
	"  - {id: text, title: t, severity: low, action: flag, hold: window 30,\n"
	"     regex: 'content[a-z_]{0,8}[\"'' :=]{1,4}[a-z]{2,8}\\b'}\n";

static struct ruleset *set;
static struct gate_scratch scratch;
static uint64_t seed, texts, cards, runs;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

static const char *corpora(void)
{
	const char *path = getenv("CORPORA");
	return path ? path : "../shared/corpora";
}

/* The body in three parts, each fed in steps. */
static struct gate *observe(struct span body, size_t a, size_t b, size_t step)
{
	struct gate_options options = { .ruleset = set,
					.observe = true,
					.frame_bytes = RECORDING_FRAME_BYTES,
					.document_bytes = RECORDING_FRAME_BYTES };
	const size_t ends[] = { a, b, body.n };
	struct gate_out gone;
	size_t at = 0;
	recording_wire("auto", (struct span){ body.p, min_size(body.n, 4096) }, &options.framing,
		       &options.dialect);
	struct gate *g = gate_new(&options);
	cr_assert_not_null(g);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		while (at < ends[i]) {
			size_t n = min_size(step, ends[i] - at);
			(void)gate_feed(g, &scratch, body.p + at, n, &gone);
			at += n;
		}
	(void)gate_finish(g, &scratch, &gone);
	runs++;
	return g;
}

static void same_cards(struct gate *scan, struct gate *stream, const char *name, size_t a, size_t b)
{
	size_t n, m;
	const struct card *x = judge_cards(gate_judge(scan), &n),
			  *y = judge_cards(gate_judge(stream), &m);
	cr_assert_eq(n, m, "%s at %zu, %zu: %zu cards, whole %zu", name, a, b, m, n);
	cr_assert_eq(judge_counts(gate_judge(scan))->cards,
		     judge_counts(gate_judge(stream))->cards);
	for (size_t i = 0; i < n; i++)
		cr_assert(x[i].rule == y[i].rule && x[i].channel == y[i].channel &&
				  x[i].text_off == y[i].text_off &&
				  x[i].text_len == y[i].text_len && x[i].raw_off == y[i].raw_off &&
				  x[i].body_off == y[i].body_off,
			  "%s at %zu, %zu: card %zu is of %s, whole of %s", name, a, b, i,
			  ruleset_rule(set, y[i].rule)->id, ruleset_rule(set, x[i].rule)->id);
}

static void one_split(struct gate *scan, struct span body, const char *name, size_t a, size_t b,
		      size_t step)
{
	struct gate *g = observe(body, a, b, step);
	same_cards(scan, g, name, a, b);
	gate_free(g);
}

static void check(const char *name, struct span body)
{
	struct gate *scan = observe(body, 0, 0, FEED_BYTES);
	one_split(scan, body, name, 0, 0, 1);
	one_split(scan, body, name, 0, 0, 7);
	size_t pace = body.n <= EVEN_SPLITS_MAX ? 1 + body.n / SPLITS : body.n;
	for (size_t i = 1 + next() % pace; i < body.n; i += pace)
		one_split(scan, body, name, i, i, body.n);
	for (size_t i = 0; i < RANDOM_SPLITS && body.n > EVEN_SPLITS_MAX; i++) {
		size_t a = next() % body.n, b = next() % body.n;
		one_split(scan, body, name, min_size(a, b), a > b ? a : b, body.n);
	}
	cards += judge_counts(gate_judge(scan))->cards;
	texts++;
	gate_free(scan);
}

static void load(void)
{
	struct buf errors = { 0 };
	cr_assert_eq(ruleset_parse("test.yaml", span_of(policy), &set, &errors), 0, "%.*s",
		     (int)errors.n, errors.p);
	cr_assert_eq(gate_scratch_init(&scratch, set), 0);
	seed = 20261126;
	texts = cards = runs = 0;
}

static void unload(void)
{
	printf("%llu texts, %llu cards, %llu runs\n", (unsigned long long)texts,
	       (unsigned long long)cards, (unsigned long long)runs);
	gate_scratch_fini(&scratch);
	ruleset_unref(set);
}

TestSuite(scan_splits, .init = load, .fini = unload);

Test(scan_splits, recorded_streams)
{
	char folder[512], path[1024];
	snprintf(folder, sizeof(folder), "%s/llm_streams/raw", corpora());
	DIR *d = opendir(folder);
	if (!d)
		cr_skip("skipped: no corpora\n");
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		struct buf text = { 0 };
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.' && recording_read(path, &text) == 0)
			check(e->d_name, (struct span){ text.p ? text.p : "", text.n });
		buf_fini(&text);
	}
	closedir(d);
	cr_assert_geq(texts, 100);
	cr_assert_geq(cards, 200);
}

Test(scan_splits, labelled_code)
{
	char command[600];
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	snprintf(command, sizeof(command),
		 "gzip -dc '%s/insecure/cyberseceval_insecure.jsonl.gz' 2>/dev/null", corpora());
	FILE *f = popen(command, "r");
	cr_assert_not_null(f);
	while ((n = getline(&line, &room, f)) > 0) {
		struct json *json = NULL;
		if (json_parse((struct span){ line, (size_t)n }, &json) != 0)
			continue;
		struct span code = json_string(json_get(json_root(json), "code"));
		if (code.n)
			check("code", code);
		json_free(json);
	}
	free(line);
	pclose(f);
	if (!texts)
		cr_skip("skipped: no corpora\n");
	cr_assert_geq(texts, 100);
	cr_assert_geq(cards, 100);
}

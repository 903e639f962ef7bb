/* policy/run.c: it finds what the matcher of many expressions finds, however the text comes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/run.h"

#define TEXT 400

static const char *const expressions[] = { "\\b[0-9a-f]{8}", "(?i)\\b(?:\\b(?:[0-9A-F]{6}))",
					   "\\b(?:\\d{12})" };

Test(run, only_what_begins_a_word_is_one)
{
	static const char *const others[] = {
		"[0-9]{8}",         "\\b[0-9]{8,}",      "\\b[0-9]{3}",  "\\b[0-9-]{8}",
		"\\b\\p{L}{8}",     "\\b[0-9]{8}\\.",    "\\bx[0-9]{8}", "\\B[0-9]{8}",
		"\\b(?:[0-9]{8})?", "\\b(?:[0-9]{8}|a)", "[0-9]{8}\\b",  "\\b[[:alpha:]]{8}",
		"\\b[0-9]{49}"
	};
	struct runs r = { .n = 0 };
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		cr_assert(!runs_add(&r, others[i], 0), "%s", others[i]);
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		cr_assert(runs_add(&r, expressions[i], (uint32_t)i), "%s", expressions[i]);
	cr_assert_eq(r.least, 6);
	cr_assert_eq(r.most, 12);
}

static void same(struct multimatch_hits *a, struct multimatch_hits *b, const char *text)
{
	multimatch_hits_sort(a);
	multimatch_hits_sort(b);
	cr_assert_eq(a->n, b->n, "%zu and %zu: %.*s", a->n, b->n, TEXT, text);
	for (size_t i = 0; i < a->n; i++) {
		cr_assert_eq(a->v[i].end, b->v[i].end, "%.*s", TEXT, text);
		cr_assert_eq(a->v[i].pattern, b->v[i].pattern);
	}
}

/* The text begins at `base` of the channel, comes `step` bytes at a time, and of what is older than
 * that the track has 64 bytes. */
static void find(const struct runs *r, char *text, uint64_t base, size_t step,
		 struct multimatch_hits *h)
{
	for (size_t at = 0; at < TEXT; at += step) {
		size_t from = at > 64 ? at - 64 : 0;
		size_t n = min_size(step, TEXT - at);
		struct track t = { .text = text + from,
				   .base = base + from,
				   .n = (uint32_t)(at + n - from) };
		runs_find(r, &t, base, base + at, h);
	}
}

Test(run, the_matcher_says_the_same)
{
	static const char alphabet[] = "0123456789abcdefABCxz_. \n";
	struct multimatch_pattern v[ARRAY_LEN(expressions)] = { 0 };
	struct runs r = { .n = 0 };
	struct multimatch *m = NULL;
	struct multimatch_scratch *s = NULL;
	struct multimatch_hits want = { 0 }, got = { 0 };
	struct buf why = { 0 };
	size_t bad, all = 0;
	uint32_t seed = 3;
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
		v[i].text = expressions[i];
		cr_assert(runs_add(&r, expressions[i], (uint32_t)i));
	}
	cr_assert_eq(multimatch_new(v, ARRAY_LEN(v), &m, &bad, &why), 0);
	cr_assert_eq(multimatch_scratch_fit(&s, m), 0);
	for (int round = 0; round < 300; round++) {
		char text[TEXT];
		for (size_t i = 0; i < TEXT; i++) {
			seed = seed * 1664525u + 1013904223u;
			unsigned kinds = round % 3 ? sizeof(alphabet) - 1 : 12;
			text[i] = seed >> 29 ? alphabet[(seed >> 8) % kinds % 16]
					     : alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
		}
		struct multimatch_stream *t = multimatch_open(m);
		want.n = 0;
		cr_assert_eq(multimatch_feed(t, s, (struct span){ text, TEXT }, &want), 0);
		cr_assert_eq(multimatch_finish(t, s, &want), 0);
		multimatch_close(t);
		all += want.n;
		for (size_t step = 1; step <= TEXT; step += step < 20 ? 1 : 190) {
			got.n = 0;
			find(&r, text, round % 2 ? 1000 : 0, step, &got);
			same(&got, &want, text);
		}
	}
	cr_assert_gt(all, 3000, "%zu", all);
	multimatch_hits_fini(&want);
	multimatch_hits_fini(&got);
	multimatch_scratch_free(s);
	multimatch_free(m);
}

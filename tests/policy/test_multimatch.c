/* policy/multimatch.c: what it finds does not depend on how much it is given at a time. Few
 * patterns make the engine look for pairs of bytes, which is where version 5.4.9 overlooks matches.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/multimatch.h"

#define FILL_MAX 200
#define REST_MAX 100

static const struct {
	const char *patterns[4];
	const char *text;
	size_t hits;
} sets[] = {
	{ { "key-", "user-" }, "user-", 1 },
	{ { "ubya", "adhx" }, "ubya", 1 },
	{ { "dkfbx_", "xb", "kroljx-" }, "kroljx-", 1 },
	{ { "ul", "eelppq_", "iplk", "qaykl" }, "iplk", 1 },
	{ { "\\bp[ko]lws\\s?=", "\\bq[ab]xyz\\s?=" }, " qaxyz=", 1 },
	{ { "\\bp[ko]lws\\s?=", "\\bq[ab]xyz\\s?=", "\\bm[no]uvw_\\s?=" }, " pklws =", 1 },
	{ { "AKIA[A-Z2-7]" }, "AKIAQ", 1 },
};

static size_t count(struct multimatch *m, struct multimatch_scratch *s, struct span text,
		    size_t step)
{
	struct multimatch_stream *t = multimatch_open(m);
	struct multimatch_hits hits = { 0 };
	cr_assert_not_null(t);
	for (size_t at = 0; at < text.n; at += step) {
		struct span part = { text.p + at, min_size(step, text.n - at) };
		cr_assert_eq(multimatch_feed(t, s, part, &hits), 0);
	}
	cr_assert_eq(multimatch_finish(t, s, &hits), 0);
	size_t n = hits.n;
	multimatch_hits_fini(&hits);
	multimatch_close(t);
	return n;
}

Test(multimatch, nothing_is_overlooked_wherever_it_stands)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct multimatch_pattern v[4] = { 0 };
		struct multimatch *m = NULL;
		struct multimatch_scratch *s = NULL;
		struct buf why = { 0 };
		size_t n = 0, bad = 0, len = strlen(sets[i].text);
		char text[FILL_MAX + 16 + REST_MAX];
		for (; n < 4 && sets[i].patterns[n]; n++)
			v[n].text = sets[i].patterns[n];
		cr_assert_eq(multimatch_new(v, n, &m, &bad, &why), 0, "%.*s", (int)why.n, why.p);
		cr_assert_eq(multimatch_scratch_fit(&s, m), 0);
		for (size_t fill = 0; fill < FILL_MAX; fill++)
			for (size_t rest = 0; rest < REST_MAX; rest++) {
				memset(text, '.', sizeof(text));
				memcpy(text + fill, sets[i].text, len);
				struct span all = { text, fill + len + rest };
				cr_assert_eq(count(m, s, all, all.n), sets[i].hits,
					     "%s after %zu before %zu", sets[i].text, fill, rest);
				cr_assert_eq(count(m, s, all, 77), sets[i].hits,
					     "%s after %zu before %zu, in parts", sets[i].text,
					     fill, rest);
			}
		multimatch_scratch_free(s);
		multimatch_free(m);
	}
}

static unsigned chance(unsigned n)
{
	static uint32_t state = 1;
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static size_t add_text(char *to, const char *text)
{
	memcpy(to, text, strlen(text));
	return strlen(text);
}

/* Patterns as policies have them, and texts with some of what they find. */
Test(multimatch, any_set_finds_the_same_however_it_is_fed)
{
	for (int set = 0; set < 60; set++) {
		struct multimatch_pattern v[12] = { 0 };
		struct multimatch *m = NULL;
		struct multimatch_scratch *s = NULL;
		struct buf why = { 0 };
		char patterns[12][32], texts[12][32], text[2048];
		size_t n = 1 + chance(12), bad = 0;
		for (size_t i = 0; i < n; i++) {
			char word[8] = "", a = (char)('a' + chance(26)),
			     b = (char)('a' + chance(26));
			for (unsigned k = 0, len = 2 + chance(5); k < len; k++)
				word[k] = (char)('a' + chance(26));
			snprintf(patterns[i], 32, set % 2 ? "\\b%c[%cx]%s\\s?=" : "%c%c%s", a, b,
				 word);
			snprintf(texts[i], 32, set % 2 ? " %c%c%s=" : "%c%c%s", a, b, word);
			v[i].text = patterns[i];
		}
		cr_assert_eq(multimatch_new(v, n, &m, &bad, &why), 0, "%.*s", (int)why.n, why.p);
		cr_assert_eq(multimatch_scratch_fit(&s, m), 0);
		for (int round = 0; round < 60; round++) {
			size_t at = 0;
			for (unsigned k = 1 + chance(4); k; k--) {
				for (unsigned fill = chance(200); fill; fill--)
					text[at++] = round % 2 ? '.' : "etaoin shrdlu"[chance(13)];
				at += add_text(text + at, texts[chance((unsigned)n)]);
			}
			struct span all = { text, at };
			size_t wanted = count(m, s, all, 15);
			cr_assert_geq(wanted, 1);
			cr_assert_eq(count(m, s, all, at), wanted, "%.*s", (int)at, text);
			cr_assert_eq(count(m, s, all, 65 + chance(100)), wanted);
		}
		multimatch_scratch_free(s);
		multimatch_free(m);
	}
}

Test(multimatch, the_library_is_sound)
{
	cr_assert(multimatch_sound(), "install Hyperscan in place of Vectorscan 5.4.9");
}

static int order(const void *a, const void *b)
{
	const struct multimatch_hit *x = a, *y = b;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return (x->pattern > y->pattern) - (x->pattern < y->pattern);
}

/* Hits of some walks, each of which is in order, as far apart as `step` says, and all out of step.
 */
static void sort_walks(unsigned walks, unsigned length, unsigned step, unsigned patterns)
{
	static struct multimatch_hit want[4096];
	struct multimatch_hits h = { 0 };
	uint32_t seed = walks * 31 + length + step;
	size_t n = 0, unique = 0;
	for (unsigned w = 0; w < walks; w++)
		for (uint64_t i = 0, end = UINT64_C(1) << 40; i < length; i++) {
			seed = seed * 1664525 + 1013904223;
			end += (seed >> 16) % (step + 1);
			multimatch_hits_add(&h, end, seed >> 24 & (patterns - 1));
		}
	cr_assert_leq(h.n, ARRAY_LEN(want));
	memcpy(want, h.v, h.n * sizeof(*want));
	n = h.n;
	qsort(want, n, sizeof(*want), order);
	for (size_t i = 0; i < n; i++)
		if (!unique || order(&want[unique - 1], &want[i]) != 0)
			want[unique++] = want[i];
	multimatch_hits_sort(&h);
	cr_assert_eq(h.n, unique, "%u walks of %u: %zu, not %zu", walks, length, h.n, unique);
	for (size_t i = 0; i < unique; i++)
		cr_assert_eq(order(&h.v[i], &want[i]), 0, "%u walks of %u: hit %zu", walks, length,
			     i);
	multimatch_hits_fini(&h);
}

Test(multimatch, hits_are_sorted_whatever_order_they_come_in)
{
	static const unsigned steps[] = { 0, 1, 3, 40, 100000 };
	static const unsigned counts[] = { 1, 2, 3, 7, 60 };
	for (size_t a = 0; a < ARRAY_LEN(counts); a++)
		for (size_t b = 0; b < ARRAY_LEN(counts); b++)
			for (size_t s = 0; s < ARRAY_LEN(steps); s++)
				for (unsigned patterns = 1; patterns <= 256; patterns *= 4)
					sort_walks(counts[a], counts[b], steps[s], patterns);
}

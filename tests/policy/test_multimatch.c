/* policy/multimatch.c: what it finds does not depend on how much it is given at a time. Few
 * patterns make the engine look for pairs of bytes, which is where version 5.4.9 overlooks matches.
 */
#include <criterion/criterion.h>
#include <stdio.h>
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

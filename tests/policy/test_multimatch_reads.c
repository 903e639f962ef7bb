/* policy/multimatch.c: what a lead-in's end is found at does not depend on where reads end, nor on
 * what the memory behind them holds. The library is known to fail this in one version. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/multimatch.h"

static const struct {
	const char *pattern, *hit;
} cases[] = {
	{ "(?:ya|yb)_", "ya_" },
	{ "y[ab]_", "yb_" },
	{ "(?:hf_|api_org_)", "hf_" },
	{ "\\b(?:DES|BF)_[a-z0-9_]{0,16}crypt", "BF_encrypt" },
	{ "\\b(?:(?:ba|z|k)?sh[ \\t]{1,4}-i|exec[ \\t]{1,4}[0-9]{1,3}<>)", "exec 5<>" },
	{ "gh[pousr]_", "ghp_" },
};

static uint64_t seed;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

/* Hits of a text in three reads. */
static size_t hits_of(const struct multimatch *m, struct multimatch_scratch *s, struct span text,
		      size_t a, size_t b)
{
	struct multimatch_hits hits = { 0 };
	struct multimatch_stream *t = multimatch_open(m);
	const size_t ends[] = { a, b, text.n };
	size_t at = 0;
	cr_assert_not_null(t);
	for (size_t i = 0; i < ARRAY_LEN(ends); at = ends[i++]) {
		size_t n = ends[i] - at;
		char *copy = malloc(n + 1); /* its own memory, wherever that lies */
		cr_assert_not_null(copy);
		memcpy(copy, text.p + at, n);
		if (n)
			cr_assert_eq(multimatch_feed(t, s, (struct span){ copy, n }, &hits), 0);
		free(copy);
	}
	size_t n = hits.n;
	multimatch_close(t);
	multimatch_hits_fini(&hits);
	return n;
}

static void one_text(const struct multimatch *m, struct multimatch_scratch *s, const char *hit)
{
	static const char noise[] = "xz, \"\n";
	struct buf b = { 0 };
	for (size_t n = next() % 150; n; n--)
		buf_add_char(&b, noise[next() % (sizeof(noise) - 1)]);
	buf_add_text(&b, " ");
	buf_add_text(&b, hit);
	for (size_t n = next() % 3 ? 0 : next() % 40; n; n--)
		buf_add_char(&b, noise[next() % (sizeof(noise) - 1)]);
	size_t at = next() % (b.n + 1), more = next() % (b.n + 1);
	size_t hits =
		hits_of(m, s, (struct span){ b.p, b.n }, min_size(at, more), at > more ? at : more);
	cr_assert_eq(hits, 1, "%zu hits for %s in %zu bytes, cut at %zu and %zu", hits, hit, b.n,
		     at, more);
	buf_fini(&b);
}

Test(multimatch_reads, reads_end_anywhere)
{
	seed = 7;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct multimatch_pattern p = { .text = cases[i].pattern };
		struct multimatch *m = NULL;
		struct multimatch_scratch *s = NULL;
		struct buf why = { 0 };
		size_t bad;
		cr_assert_eq(multimatch_new(&p, 1, &m, &bad, &why), 0, "%.*s", (int)why.n, why.p);
		cr_assert_eq(multimatch_scratch_fit(&s, m), 0);
		for (int k = 0; k < 20000; k++)
			one_text(m, s, cases[i].hit);
		multimatch_scratch_free(s);
		multimatch_free(m);
		buf_fini(&why);
	}
}

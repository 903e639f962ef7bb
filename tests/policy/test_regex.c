/* policy/regex.c and policy/multimatch.c: "not yet" is monotone, and ends come exactly when their
 * byte was scanned. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "policy/multimatch.h"
#include "policy/regex.h"

static struct regex *compiled(const char *pattern, unsigned flags)
{
	struct buf why = { 0 };
	struct regex *re = NULL;
	cr_assert_eq(regex_new(pattern, flags, &re, &why), 0, "%s: %.*s", pattern, (int)why.n,
		     why.p);
	buf_fini(&why);
	return re;
}

Test(regex, partial_until_decided_and_never_again)
{
	static const struct {
		const char *pattern, *text;
		size_t decided; /* shortest prefix that is not partial */
		enum regex_result result;
	} cases[] = {
		{ "[a-z]{4}", "abcdef", 4, REGEX_YES },
		{ "[a-z]{4}\\b", "abcd ef", 5, REGEX_YES },
		{ "[a-z]{4}\\b", "abcdef", 5, REGEX_NO },
		{ "[a-z]{2,}", "abcd. ", 5, REGEX_YES },
		{ "ab$", "abc", 3, REGEX_NO },
		{ "(?:ab|abcd)", "abcd", 2, REGEX_YES },
		{ "(?:abcd|ab)", "abcx", 4, REGEX_YES },
		{ "ab(?=cd)", "abcde", 4, REGEX_YES },
		{ "ab(?!cd)", "abcde", 4, REGEX_NO },
		{ "[^;]*;", "aaaa;b", 5, REGEX_YES },
	};
	struct regex_scratch *s = regex_scratch_new();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct regex *re = compiled(cases[i].pattern, REGEX_AT_START);
		size_t start, end, n = strlen(cases[i].text);
		for (size_t k = 0; k <= n; k++) {
			enum regex_result r = regex_find(re, s, (struct span){ cases[i].text, k },
							 0, REGEX_MORE, 0, &start, &end);
			cr_assert_eq(r, k < cases[i].decided ? REGEX_PARTIAL : cases[i].result,
				     "%s on %.*s: %d", cases[i].pattern, (int)k, cases[i].text, r);
		}
		regex_free(re);
	}
	regex_scratch_free(s);
}

/* What may skip where nothing begins finds the same, where something stands before it too. */
Test(regex, whole_texts_have_the_same_matches)
{
	static const char *const patterns[] = {
		"\\bkey\\b", "(?i)(?:ac|bd)k?$", "^ab|cd", "(?<=a)b{2}", "[a-c]{3}\\z",
		"x*",        "(?m)^b[^c]*c",     "\\Aab",  "(a)|bb"
	};
	static const char *const texts[] = { "",           "ab",  "key",       "a key.",
					     "xkeys",      "BDK", "bd\nabbbc", "aabbcc\n",
					     "cdab\nbxxc", "abb", "ccc" };
	struct regex_scratch *s = regex_scratch_new();
	for (size_t i = 0; i < 2 * ARRAY_LEN(patterns); i++) {
		unsigned flags = i % 2 ? REGEX_AT_END : 0;
		struct regex *one = compiled(patterns[i / 2], flags);
		struct regex *other = compiled(patterns[i / 2], flags | REGEX_WHOLE);
		for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
			struct span text = span_of(texts[k]);
			for (size_t from = 0; from <= text.n; from++) {
				size_t a[2] = { 0 }, b[2] = { 0 };
				enum regex_result want =
					regex_find(one, s, text, from, 0, 0, &a[0], &a[1]);
				cr_assert_eq(regex_find(other, s, text, from, 0, 0, &b[0], &b[1]),
					     want, "%s in %s", patterns[i / 2], texts[k]);
				cr_assert(a[0] == b[0] && a[1] == b[1], "%s in %s from %zu",
					  patterns[i / 2], texts[k], from);
			}
		}
		regex_free(one);
		regex_free(other);
	}
	regex_scratch_free(s);
}

Test(regex, the_end_of_text_is_an_answer)
{
	struct regex_scratch *s = regex_scratch_new();
	struct regex *re = compiled("[a-z]{2,}$", REGEX_AT_START);
	size_t start, end;
	cr_assert_eq(regex_find(re, s, SPAN("abc"), 0, REGEX_MORE, 0, &start, &end), REGEX_PARTIAL);
	cr_assert_eq(regex_find(re, s, SPAN("abc"), 0, 0, 0, &start, &end), REGEX_YES);
	cr_assert_eq(end, 3);
	cr_assert_eq(regex_find(re, s, SPAN("abc\n"), 0, 0, 0, &start, &end), REGEX_NO);
	regex_free(re);
	regex_scratch_free(s);
}

Test(regex, groups_and_context)
{
	struct regex_scratch *s = regex_scratch_new();
	struct regex *re = compiled("\\b(?:x([0-9]+)|y(z))", REGEX_AT_START);
	size_t start, end;
	cr_assert_eq(regex_groups(re), 2);
	cr_assert_eq(regex_find(re, s, SPAN("-x12-"), 1, 0, 1, &start, &end), REGEX_YES);
	cr_assert(start == 2 && end == 4);
	cr_assert_eq(regex_find(re, s, SPAN("ax12-"), 1, 0, 1, &start, &end), REGEX_NO);
	cr_assert_eq(regex_find(re, s, SPAN("yz"), 0, 0, 1, &start, &end), REGEX_YES);
	cr_assert(start == 0 && end == 2, "a group that took no part stands for the whole");
	regex_free(re);
	re = compiled("^ab", 0);
	cr_assert_eq(regex_find(re, s, SPAN("ab"), 0, REGEX_INSIDE, 0, &start, &end), REGEX_NO);
	cr_assert_eq(regex_find(re, s, SPAN("ab"), 0, 0, 0, &start, &end), REGEX_YES);
	regex_free(re);
	regex_scratch_free(s);
}

Test(regex, refusals)
{
	static const char *const bad[] = { "a(b", "a[b", "(?<=[a-z]{70})b", "\\C",
					   "(?P<x>a)(?P<x>b)" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf why = { 0 };
		struct regex *re = NULL;
		cr_assert_eq(regex_new(bad[i], 0, &re, &why), -EINVAL, "%s", bad[i]);
		cr_assert_gt(why.n, 0);
		buf_fini(&why);
	}
}

Test(regex, runaway_matching_fails)
{
	struct regex_scratch *s = regex_scratch_new();
	struct regex *re = compiled("(?:a|aa|aaa|a*b?)*c", REGEX_AT_START);
	char text[600];
	size_t start, end;
	memset(text, 'a', sizeof(text));
	cr_assert_eq(regex_find(re, s, (struct span){ text, sizeof(text) }, 0, 0, 0, &start, &end),
		     REGEX_FAILED);
	regex_free(re);
	regex_scratch_free(s);
}

Test(multimatch, ends_at_every_split)
{
	static const struct multimatch_pattern patterns[] = {
		{ "abc", false }, { "b[0-9]{2}", false }, { "K.y", true }, { "end\\b", false }
	};
	static const char text[] = "xabcb12b345 k.Y K.y end ending end";
	static const struct multimatch_hit want[] = { { 4, 0 },  { 7, 1 },  { 10, 1 },
						      { 15, 2 }, { 23, 3 }, { 34, 3 } };
	struct multimatch *m = NULL;
	struct multimatch_scratch *s = NULL;
	struct multimatch_hits h = { 0 };
	struct buf why = { 0 };
	size_t bad, n = sizeof(text) - 1;
	cr_assert_eq(multimatch_new(patterns, ARRAY_LEN(patterns), &m, &bad, &why), 0);
	cr_assert_eq(multimatch_scratch_fit(&s, m), 0);
	for (size_t cut = 0; cut <= n; cut++) {
		struct multimatch_stream *t = multimatch_open(m);
		h.n = 0;
		cr_assert_eq(multimatch_feed(t, s, (struct span){ text, cut }, &h), 0);
		cr_assert_eq(multimatch_feed(t, s, (struct span){ text + cut, n - cut }, &h), 0);
		cr_assert_eq(multimatch_finish(t, s, &h), 0);
		cr_assert_eq(h.n, ARRAY_LEN(want), "split at %zu: %zu hits", cut, h.n);
		for (size_t i = 0; i < ARRAY_LEN(want); i++) {
			bool there = false;
			for (size_t k = 0; k < h.n; k++)
				there = there || (h.v[k].end == want[i].end &&
						  h.v[k].pattern == want[i].pattern);
			cr_assert(there, "split at %zu: %lu", cut, want[i].end);
		}
		multimatch_close(t);
	}
	multimatch_hits_fini(&h);
	multimatch_scratch_free(s);
	multimatch_free(m);
}

Test(multimatch, refusals_name_the_pattern)
{
	static const struct multimatch_pattern patterns[] = { { "abc", false },
							      { "a(?=b)", false } };
	struct multimatch *m = NULL;
	struct buf why = { 0 };
	size_t bad = 9;
	cr_assert_eq(multimatch_new(patterns, 2, &m, &bad, &why), -EINVAL);
	cr_assert_eq(bad, 1);
	cr_assert_gt(why.n, 0);
	buf_fini(&why);
	cr_assert_eq(multimatch_new(NULL, 0, &m, &bad, &why), 0);
	multimatch_free(m);
}

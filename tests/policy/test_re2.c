/* policy/re2.c: RE2's syntax read as RE2 reads it, by both engines. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "lib/base.h"
#include "policy/multimatch.h"
#include "policy/re2.h"
#include "policy/regex.h"

static const struct {
	const char *re2, *ours;
} table[] = {
	{ "abc-[\\w-]{20}", "abc-[\\-0-9A-Z_a-z]{20}" },
	{ "\\b(?:a|b)+?[^a-c]\\B", "\\b(?:a|b)+?[^a-c]\\B" },
	{ "a\\sb\\S", "a[\\t\\n\\f\\r ]b[\\x00-\\x08\\x0b\\x0e-\\x1f\\!-\\xff]" },
	{ "[\\s\"]", "[\\t\\n\\f\\r \\\"]" },
	{ "a\\v\\f\\t\\a", "a\\x0b\\f\\t\\x07" },
	{ "a$", "a\\z" },
	{ "(?m)a$", "(?m)a$" },
	{ "(?m:a$)b$", "(?m:a$)b\\z" },
	{ "(?m)a(?-m)b$", "(?m)a(?-m)b\\z" },
	{ "(?P<name>a)(?<other>b)(c)", "(a)(b)(c)" },
	{ "(?U)a+b*?", "a+?b*" },
	{ "(?iU)a{2,3}(?-U)b?", "(?i)a{2,3}?b?" },
	{ "(?U:a+)b+", "(?:a+?)b+" },
	{ "\\pN\\p{L}[\\PN]", "[0-9][A-Za-z][\\x00-\\/\\:-\\xff]" },
	{ "\\p{^Lu}x", "[\\x00-\\@\\[-\\xff]x" },
	{ "\\C{3}", "(?s:.){3}" },
	{ "\\Qa.b*\\E+c", "a\\.b\\*+c" },
	{ "\\Q(", "\\(" },
	{ "[[:word:]][[:^digit:]]", "[0-9A-Z_a-z][\\x00-\\/\\:-\\xff]" },
	{ "\\x41\\x{42}\\101\\0", "ABA\\x00" },
	{ "\\x{e9}+\\x{20ac}\\x{1f600}", "(?:\\xc3\\xa9)+\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80" },
	{ "\xc3\xa9?x", "(?:\\xc3\\xa9)?x" },
	{ "a{,3}b{x{2}", "a\\{,3}b\\{x{2}" },
	{ "^*a\\b+", "(?:^)*a(?:\\b)+" },
	{ "[]a][^]a]", "[\\]a][^\\]a]" },
	{ "[a\\-z][+--]", "[\\-az][\\+-\\-]" },
	{ "[^\\x00-\\x7f]", "[^\\x00-\\x7f]" },
	{ "[\\x20-\\x{10ffff}]", "[ -\\xff]" },
	{ "\\_\\'\\/", "_\\'\\/" },
	{ "a||b", "a||b" },
};

Test(re2, table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf out = { 0 }, why = { 0 };
		int rc = re2_translate(table[i].re2, &out, &why);
		cr_assert_eq(rc, 0, "%s: %.*s", table[i].re2, (int)why.n, why.p);
		buf_add_char(&out, '\0');
		cr_expect_str_eq(out.p, table[i].ours, "%s: %s", table[i].re2, out.p);
		buf_fini(&out);
		buf_fini(&why);
	}
}

Test(re2, refused)
{
	static const struct {
		const char *re2, *why;
	} cases[] = {
		{ "(?=a)b", "a look-around" },
		{ "(?<!a)b", "a look-around" },
		{ "(?<=a)b", "a look-around" },
		{ "(?>a)b", "a look-around" },
		{ "(?x)a b", "a look-around" },
		{ "(?#c)a", "a look-around" },
		{ "(?-)a", "a look-around" },
		{ "(?i", "a look-around" },
		{ "(a)\\1", "RE2 has no backref" },
		{ "(?P=n)a", "a look-around" },
		{ "a++", "a quantifier after" },
		{ "a**", "a quantifier after" },
		{ "a{2}{3}", "a quantifier after" },
		{ "*a", "a quantifier with nothing" },
		{ "(*UTF)a", "a quantifier with nothing" },
		{ "a|+b", "a quantifier with nothing" },
		{ "(?i)*a", "a quantifier with nothing" },
		{ "a\\Zb", "RE2 has no such escape" },
		{ "a\\Kb", "RE2 has no such escape" },
		{ "a\\hb", "RE2 has no such escape" },
		{ "a\\Rb", "RE2 has no such escape" },
		{ "a\\eb", "RE2 has no such escape" },
		{ "[\\b]", "RE2 has no such escape" },
		{ "a\\", "RE2 has no such escape" },
		{ "\\x4", "\\x takes two digits" },
		{ "\\x{}", "\\x takes two digits" },
		{ "\\x{110000}", "\\x takes two digits" },
		{ "\\p{Greek}", "a Unicode class other" },
		{ "\\p{L", "a Unicode class other" },
		{ "\\p", "a Unicode class other" },
		{ "[[:letter:]]", "a class in [: :]" },
		{ "[\xc3\xa9]", "a character beyond ASCII" },
		{ "[\\x{e9}]", "a character beyond ASCII" },
		{ "[a-\\x{e9}]", "a character beyond ASCII" },
		{ "[z-a]", "a range that ends" },
		{ "[abc", "a bracket class is not closed" },
		{ "[", "a bracket class is not closed" },
		{ "[]", "a bracket class is not closed" },
		{ "(a", "a parenthesis is not closed" },
		{ "a)", "a parenthesis too many" },
		{ "(?P<>a)", "a group's name" },
		{ "(?P<a", "a group's name" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = { 0 }, why = { 0 };
		cr_expect_eq(re2_translate(cases[i].re2, &out, &why), -EINVAL, "%s", cases[i].re2);
		buf_add_char(&why, '\0');
		cr_expect(strncmp(why.p, cases[i].why, strlen(cases[i].why)) == 0, "%s: %s",
			  cases[i].re2, why.p);
		buf_fini(&out);
		buf_fini(&why);
	}
}

/* What RE2 says of a text, and both engines of the translation. */
static const struct {
	const char *re2, *text;
	int from, to; /* the leftmost match; -1: none */
} says[] = {
	{ "a\\sb", "a\vb", -1, 0 },
	{ "a\\sb", "a\fb", 0, 3 },
	{ "a\\Sb", "a\vb", 0, 3 },
	{ "a[^\\s]b", "a\vb", 0, 3 },
	{ "a[[:space:]]b", "a\vb", 0, 3 },
	{ "a\\vb", "a\nb", -1, 0 },
	{ "a\\vb", "a\vb", 0, 3 },
	{ "ab$", "ab\n", -1, 0 },
	{ "ab$", "xab", 1, 3 },
	{ "ab\\z", "ab\n", -1, 0 },
	{ "(?m)ab$", "ab\n", 0, 2 },
	{ "(?m)^b", "a\nb", 2, 3 },
	{ "^b", "a\nb", -1, 0 },
	{ "a.b", "a\nb", -1, 0 },
	{ "(?s)a.b", "a\nb", 0, 3 },
	{ "(?s:a.)b.", "a\nb\n", -1, 0 },
	{ "a\\Cb", "a\nb", 0, 3 },
	{ "(?:(?i)a|b)c", "Bc", 0, 2 }, /* flags go on to the next alternatives */
	{ "(?:(?i)a|b)c", "BC", -1, 0 },
	{ "(?i)a(?-i)b", "AB", -1, 0 },
	{ "(?i)a(?-i)b", "Ab", 0, 2 },
	{ "(?i)[^a]b", "AB", -1, 0 },
	{ "(?i)[[:lower:]]x", "QX", 0, 2 },
	{ "(?U)a+b?", "aab", 0, 1 },
	{ "(?U)a+?b??", "aab", 0, 3 },
	{ "x\\pN\\pL", "x1a", 0, 3 },
	{ "x\\PN", "x1", -1, 0 },
	{ "\xc3\xa9+x", "\xc3\xa9\xc3\xa9x", 0, 5 },
	{ "\\x{e9}+x", "\xc3\xa9\xc3\xa9x", 0, 5 },
	{ "\\xe9x", "\xe9x", -1, 0 },
	{ "a[^\\x00-\\x7f]+b",
	  "a\xc3\xa9"
	  "b",
	  0, 4 },
	{ "\\Qa.b\\E", "axb", -1, 0 },
	{ "\\Qa.b\\E", "a.b", 0, 3 },
	{ "a{,2}b", "a{,2}b", 0, 6 },
	{ "a{,2}b", "aab", -1, 0 },
	{ "\\101\\0123", "A\n3", 0, 3 },
	{ "(?P<one>a)(b)", "ab", 0, 2 },
	{ "a\\b-", "a-", 0, 2 },
	{ "[a-c-e]+x", "b-ex", 0, 4 },
	{ "[\\d-z]+x", "1-zx", 0, 4 },
	{ "[[.a.]]", ".]", 0, 2 },
};

Test(re2, both_engines_read_it_alike)
{
	struct regex_scratch *s = regex_scratch_new();
	for (size_t i = 0; i < ARRAY_LEN(says); i++) {
		struct buf out = { 0 }, why = { 0 };
		struct regex *re = NULL;
		struct multimatch *m = NULL;
		struct multimatch_scratch *ms = NULL;
		struct multimatch_hits hits = { 0 };
		size_t from = 0, to = 0, bad = 0, n = strlen(says[i].text);
		bool wanted = says[i].from >= 0, ends = false;
		cr_assert_eq(re2_translate(says[i].re2, &out, &why), 0, "%s", says[i].re2);
		buf_add_char(&out, '\0');
		cr_assert_eq(regex_new(out.p, 0, &re, &why), 0, "%s", out.p);
		enum regex_result found =
			regex_find(re, s, (struct span){ says[i].text, n }, 0, 0, 0, &from, &to);
		cr_expect_eq(found == REGEX_YES, wanted, "%s: %s", says[i].re2, out.p);
		cr_expect(!wanted || ((int)from == says[i].from && (int)to == says[i].to),
			  "%s: %zu to %zu", says[i].re2, from, to);
		struct multimatch_pattern pattern = { .text = out.p };
		cr_assert_eq(multimatch_new(&pattern, 1, &m, &bad, &why), 0, "%s: %.*s", out.p,
			     (int)why.n, why.p);
		cr_assert_eq(multimatch_scratch_fit(&ms, m), 0);
		struct multimatch_stream *stream = multimatch_open(m);
		for (size_t k = 0; k < n; k++)
			cr_assert_eq(multimatch_feed(stream, ms,
						     (struct span){ says[i].text + k, 1 }, &hits),
				     0);
		cr_assert_eq(multimatch_finish(stream, ms, &hits), 0);
		for (size_t k = 0; k < hits.n; k++)
			ends = ends || hits.v[k].end == (uint64_t)says[i].to;
		cr_expect_eq(hits.n > 0, wanted, "%s: %zu", says[i].re2, hits.n);
		cr_expect_eq(ends, wanted, "%s", says[i].re2);
		multimatch_close(stream);
		multimatch_hits_fini(&hits);
		multimatch_scratch_free(ms);
		multimatch_free(m);
		regex_free(re);
		buf_fini(&out);
		buf_fini(&why);
	}
	regex_scratch_free(s);
}

/* policy/head.c: what the first places rule out, PCRE2 says no to as well; and a stream comes to
 * the same with that look as without it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/head.h"
#include "policy/lead_in.h"
#include "policy/rule.h"
#include "tests/policy/pack.h"

static struct regex *compiled(const char *expression)
{
	struct regex *re = NULL;
	struct buf why = { 0 };
	cr_assert_eq(regex_new(expression, REGEX_AT_START, &re, &why), 0, "%s: %.*s", expression,
		     (int)why.n, why.p);
	buf_fini(&why);
	return re;
}

static enum regex_result engine(const struct regex *re, struct regex_scratch *s, const char *p,
				size_t n)
{
	size_t start, end;
	return regex_find(re, s, (struct span){ p, n }, 0, REGEX_MORE, 0, &start, &end);
}

Test(head, sets_are_never_too_small)
{
	static const char *const classes[] = { "[[:space:]]", "[^[:digit:]]",  "[[:^alpha:]]",
					       "\\h",         "[\\h]",         "\\H",
					       "\\v",         "[^\\v]",        "\\V",
					       "\\N",         "\\s",           "[\\S]",
					       "\\W",         "[\\D]",         "(?i)[^a]",
					       "(?i)[a-c]",   "[\\x41-\\x5a]", ".",
					       "(?s).",       "\\x{41}",       "[\\101-\\103]",
					       "[^\\101]",    "(?i:k)",        "[\\b]",
					       "\\e",         "[]a]",          "[^]a]",
					       "a|[b-d]",     "(?:a|b?c)",     "(?i)a(?-i)b?",
					       "[a\\-z]" };
	struct regex_scratch *s = regex_scratch_new();
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct head h;
		struct regex *re = compiled(classes[i]);
		cr_assert_eq(head_read(classes[i], &h), 0, "%s", classes[i]);
		for (unsigned c = 0; c < 256; c++) {
			char byte = (char)c;
			if (engine(re, s, &byte, 1) != REGEX_NO)
				cr_assert(!head_rules_out(&h, &byte, 1), "%s %u", classes[i], c);
		}
		regex_free(re);
	}
	regex_scratch_free(s);
}

/* A body of a rule against random texts of bytes that it may well have. Returns how many were ruled
 * out. */
static size_t compare(const char *expression, struct regex_scratch *s, uint32_t *seed)
{
	static const char alphabet[] = "aAfFgzZ019_-=./+:\"' \n\\x";
	struct head h;
	char text[48];
	size_t out = 0;
	if (head_read(expression, &h) || !h.n)
		return 0;
	struct regex *re = compiled(expression);
	for (int round = 0; round < 60; round++) {
		unsigned mostly = (*seed >> 8) % (sizeof(alphabet) - 1);
		for (size_t i = 0; i < sizeof(text); i++) {
			*seed = *seed * 1664525u + 1013904223u;
			unsigned at = *seed >> 28 ? mostly : (*seed >> 8) % (sizeof(alphabet) - 1);
			text[i] = alphabet[at];
		}
		for (size_t n = 1; n <= sizeof(text); n++)
			if (head_rules_out(&h, text, n)) {
				out++;
				cr_assert_eq(engine(re, s, text, n), REGEX_NO, "%s: %.*s",
					     expression, (int)n, text);
				break;
			}
	}
	regex_free(re);
	return out;
}

Test(head, what_it_rules_out_is_no_match)
{
	static const char *const expressions[] = {
		"a{3}(?:b|c{2})", "(?:a|aa){2}b",  "a*?b?c{2,}",     "(a?){40}b",
		"\\ba(?=b)b",     "a$|ab",         "(?:a|b(?!c))cd", "((a*)*)*b",
		"[^\"]{3,}\"\\b", "(?:(?i)A)f{2}", "a(?:\\z|\\n)|aa"
	};
	struct regex_scratch *s = regex_scratch_new();
	struct ruleset *set = NULL;
	struct buf errors = { 0 };
	uint32_t seed = 7;
	size_t out = 0;
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		out += compare(expressions[i], s, &seed);
	cr_assert_eq(ruleset_load("builtin", &set, &errors), 0);
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *r = ruleset_rule(set, i);
		struct lead_in l;
		if (!r->regex[0] || lead_in_find(r->regex, 0, NULL, &l))
			continue;
		out += compare(r->regex, s, &seed) + (l.found ? compare(l.body, s, &seed) : 0);
		lead_in_fini(&l);
	}
	cr_assert_gt(out, 5000, "%zu", out);
	ruleset_unref(set);
	regex_scratch_free(s);
	buf_fini(&errors);
}

static void swap(const struct head **a, const struct head **b)
{
	const struct head *one = *a;
	*a = *b;
	*b = one;
}

/* The heads of a set's branches and patterns are taken away, or put back. */
static void swap_heads(struct ruleset *set, const struct head **kept)
{
	for (size_t i = 0; i < set->n_patterns; i++, kept++)
		swap(&set->patterns[i].head, kept);
	for (size_t i = 0; i < set->n; i++)
		for (size_t b = 0; b < set->rules[i].n_branches; b++, kept++)
			swap(&set->rules[i].branches[b].head, kept);
}

static void with_and_without(struct pack *p, const struct sample *s)
{
	struct sample_body body = { .name = "plain", .bytes = { s->text.p, s->text.n } };
	const struct head **none = calloc(2 * p->set->n_patterns, sizeof(*none));
	struct outcome with, without;
	size_t steps[] = { s->text.n, 1, 5 };
	cr_assert_not_null(none);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		pack_run(p, &body, steps[i], steps[i], &with);
		swap_heads(p->set, none);
		pack_run(p, &body, steps[i], steps[i], &without);
		swap_heads(p->set, none);
		pack_check_same(s, &body, &with, &without, steps[i], steps[i]);
	}
	free(none);
}

Test(head, a_stream_comes_to_the_same_without_it)
{
	pack_each(with_and_without);
}

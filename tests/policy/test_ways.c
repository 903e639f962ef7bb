/* policy/ways.c: what walking the ways of an expression says, PCRE2 says as well; and a stream
 * comes to the same with them as without. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lead_in.h"
#include "policy/rule.h"
#include "policy/ways.h"
#include "tests/policy/pack.h"

#define TEXT_MOST 96

struct subject {
	struct ways_classes *classes;
	struct ways_memo *memo;
	struct regex_scratch *scratch;
	struct ways *ways;
	struct regex *re;
	const char *expression;
	size_t none, more, ask;
};

static void begin(struct subject *s)
{
	*s = (struct subject){ .classes = calloc(1, sizeof(*s->classes)),
			       .memo = calloc(1, sizeof(*s->memo)),
			       .scratch = regex_scratch_new() };
	cr_assert(s->classes && s->memo && s->scratch);
}

static void end(struct subject *s)
{
	free(s->classes);
	free(s->memo);
	regex_scratch_free(s->scratch);
}

static bool take(struct subject *s, const char *expression)
{
	struct buf why = { 0 };
	s->expression = expression;
	s->classes->n = 0;
	cr_assert_eq(ways_read(expression, s->classes, &s->ways), 0);
	if (!s->ways)
		return false;
	cr_assert_eq(regex_new(expression, REGEX_AT_START, &s->re, &why), 0, "%s: %.*s", expression,
		     (int)why.n, why.p);
	buf_fini(&why);
	return true;
}

static void drop(struct subject *s)
{
	free(s->ways);
	regex_free(s->re);
	s->ways = NULL;
	s->re = NULL;
}

static enum ways_answer check(struct subject *s, const char *p, size_t n, size_t from, bool more,
			      struct ways_wait *wait)
{
	struct ways_text t = { p, 1000, 1000 + n, more };
	size_t a, b;
	enum ways_answer answer = ways_ask(s->ways, s->classes, s->memo, &t, 1000 + from, wait);
	enum regex_result engine = regex_find(s->re, s->scratch, (struct span){ p, n }, from,
					      more ? REGEX_MORE : 0, 0, &a, &b);
	if (answer == WAYS_NONE)
		cr_assert_eq(engine, REGEX_NO, "%s: %.*s from %zu", s->expression, (int)n, p, from);
	if (answer == WAYS_MORE)
		cr_assert_eq(engine, REGEX_PARTIAL, "%s: %.*s from %zu", s->expression, (int)n, p,
			     from);
	s->none += answer == WAYS_NONE;
	s->more += answer == WAYS_MORE;
	s->ask += answer == WAYS_ASK;
	return answer;
}

/* Longer and longer; what is noted of the text before stays good, and what it waits in is kept. */
static void check_text(struct subject *s, const char *p, size_t n, size_t from)
{
	struct ways_wait wait = { 0, 0 }, last = { 0, 0 };
	bool waited = false;
	ways_forget(s->memo);
	ways_memo_of(s->memo, p);
	for (size_t k = from + 1; k <= n; k++) {
		enum ways_answer answer = check(s, p, k, from, true, &wait);
		if (waited && 1000 + k < last.end &&
		    s->classes->in[last.class][(unsigned char)p[k - 1]])
			cr_assert_eq(answer, WAYS_MORE, "%s: %.*s", s->expression, (int)k, p);
		waited = answer == WAYS_MORE;
		last = wait;
		check(s, p, k, from, false, &wait);
		if (answer == WAYS_NONE)
			break;
	}
}

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* Mostly bytes that the expression goes on with, so that many texts are long in it. */
static void compare(struct subject *s, const char *expression, uint32_t *seed, int rounds)
{
	static const char alphabet[] = "aAfFgzZ019_-=./+:\"' \n\\xbcd;@,(";
	char text[TEXT_MOST];
	if (!take(s, expression))
		return;
	for (int round = 0; round < rounds; round++) {
		size_t from = random_below(seed, 3);
		struct ways_wait wait;
		for (size_t i = 0; i < sizeof(text); i++)
			for (int tries = 0; tries < 8; tries++) {
				text[i] = alphabet[random_below(seed, sizeof(alphabet) - 1)];
				struct ways_text t = { text, 1000, 1001 + i, true };
				ways_forget(s->memo);
				if (i < from || ways_ask(s->ways, s->classes, s->memo, &t,
							 1000 + from, &wait) == WAYS_MORE)
					break;
			}
		check_text(s, text, sizeof(text), from);
	}
	drop(s);
}

Test(ways, agree_with_the_engine)
{
	static const char *const expressions[] = {
		"a{3}(?:b|c{2})",
		"(?:a|aa){2}b",
		"a*?b?c{2,}",
		"a+?b",
		"[^;\"]{0,40}?(?:[a-f]-(?=[a-z0-9])|=[ ]=[ ])[a-z]",
		"[^;\"]{0,6}?(?:[a-f]-(?=[a-z0-9])|=[ ]=[ ])[a-z]",
		"[^-]{1,9}?(?:[0-9]{0,3}-|[a-f]{2}-)[a-f]",
		"[a-fz]{0,9}?[0-9._]{1,3}(?:-|:)",
		"[a-f]{3}[^-]{0,5}?(?:-|=x)",
		"[a-f]{0,5}(?:a-|[0-9]{0,2}=)[a-f]",
		"(?i)-?[a-f_-]{0,8}ab[ -]{0,3}-",
		"[a-f0-9]{2,7}[a-z]?z[0-9]",
		"(?!a[a-f]{0,2}z)[a-f]{2,5}[0-9]",
		"(?<![fz])[a-f]{1,3}(?=[0-9])[0-9]{2}-",
		"[a-f]{2,30}?(?:ab?|[a0])\\b[a-z]",
		"[^-]{1,60}?(?:z|(?:9|x)*)(?:Z|_)",
		"a{2,5}?a",
		"(?:a?){4}b",
		"(?:a|)(?:|b){1,3}?c",
		"\\ba(?=b)b",
		"a$|ab",
		"(?:a|b(?!c))cd",
		"((a*)*)*b",
		"((a|b?)*)*c",
		"[^\"]{3,}\"\\b",
		"(?:(?i)A)f{2}",
		"(?i)[^aF]{3,9}a",
		"(?i)[^a\"]{3,9}\"",
		"(?U)a{2,4}a",
		"(?m)a$\\n",
		"(?s).{2,8}z|.{1,3}\\n",
		".{2,8}z",
		"(?i)(.{8,})\"[\\t ]*-",
		"(?i)([a-z0-9_.=-]{10,150}|[a-z0-9][a-z0-9+/]{11,}={0,3})(?:[`'\"\\s;]|\\\\[nr]|$)",
		"([0-9a-f]{8})\\b",
		"([0-9a-f-]{4,8})\\b",
		"([0-9a-f]{4,8})\\b-",
		"([A-Za-z0-9]{12})(?:[\\t\\n\\f\\r \"\\'\\;\\`]|\\\\[nr]|\\z|\\b)",
		"(?:(?:a{2}|b)-){2,3}x",
		"(?:ab?){0,3}?c",
		"a{0}b|c{0,2}d",
		"[a-\\d]{2}z",
		"\\d_[-0-9A-Z_a-z]{7,30}\\.[0-9a-z]{2}[0-9a-z]{7}\\b",
		"(?i)(?:[a-f][0-9]?[a-f]{0,3}[0-9]{0,2}){2}(?:\\z|;)",
		"(?:a|b|c)(?:a|b|c)(?:a|b|c)(?:a|b|c)x",
		"a{0,40}b{0,40}a{0,40}(?:c|\\n)"
	};
	struct subject s;
	uint32_t seed = 7;
	begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		compare(&s, expressions[i], &seed, 400);
	cr_assert(s.none > 3000 && s.more > 30000, "%zu none, %zu more, %zu asked", s.none, s.more,
		  s.ask);
	end(&s);
}

Test(ways, agree_with_the_engine_on_the_pack)
{
	struct subject s;
	struct ruleset *set = NULL;
	struct buf errors = { 0 };
	uint32_t seed = 11;
	begin(&s);
	cr_assert_eq(ruleset_load("builtin", &set, &errors), 0);
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *r = ruleset_rule(set, i);
		struct lead_in l;
		if (!r->regex[0] || lead_in_find(r->regex, 0, NULL, &l))
			continue;
		compare(&s, r->regex, &seed, 40);
		if (l.found)
			compare(&s, l.body, &seed, 40);
		lead_in_fini(&l);
	}
	cr_assert(s.none > 1000 && s.more > 20000, "%zu none, %zu more, %zu asked", s.none, s.more,
		  s.ask);
	ruleset_unref(set);
	buf_fini(&errors);
	end(&s);
}

Test(ways, classes_are_exact)
{
	static const char *const classes[] = { "\\s",          "[\\S]",     "\\W",        "[\\D]",
					       "(?i)[^a]",     "(?i)[a-c]", "[^\\x41-Z]", ".",
					       "(?s).",        "\\x{41}",   "(?i:k)",     "[\\b]",
					       "\\e",          "[]a]",      "[^]a]",      "[a\\-z]",
					       "[[:space:]]",  "[\\101]",   "\\h",        "\\N",
					       "(?i)[^\\Wa-z]" };
	struct subject s;
	begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct ways_wait wait;
		if (!take(&s, classes[i]))
			continue;
		for (unsigned c = 0; c < 256; c++) {
			char byte = (char)c;
			ways_forget(s.memo);
			bool none = check(&s, &byte, 1, 0, true, &wait) == WAYS_NONE;
			size_t a, b;
			if (s.ways->items[0].kind == WAYS_RUN)
				cr_assert_eq(none,
					     regex_find(s.re, s.scratch, (struct span){ &byte, 1 },
							0, REGEX_MORE, 0, &a, &b) == REGEX_NO,
					     "%s %u", classes[i], c);
		}
		drop(&s);
	}
	end(&s);
}

/* The ways of a set's branches are taken away, or put back. */
static void swap_ways(struct ruleset *set, struct ways **kept)
{
	for (size_t i = 0; i < set->n; i++)
		for (size_t b = 0; b < set->rules[i].n_branches; b++, kept++) {
			struct ways *one = set->rules[i].branches[b].ways;
			set->rules[i].branches[b].ways = *kept;
			*kept = one;
		}
}

static void with_and_without(struct pack *p, const struct sample *s)
{
	struct sample_body body = { .name = "plain", .bytes = { s->text.p, s->text.n } };
	struct ways **none = calloc(p->set->n_patterns + 1, sizeof(*none));
	struct outcome with, without;
	size_t steps[] = { s->text.n, 1, 5 };
	cr_assert_not_null(none);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		pack_run(p, &body, steps[i], steps[i], &with);
		swap_ways(p->set, none);
		pack_run(p, &body, steps[i], steps[i], &without);
		swap_ways(p->set, none);
		pack_check_same(s, &body, &with, &without, steps[i], steps[i]);
	}
	free(none);
}

Test(ways, a_stream_comes_to_the_same_without_them)
{
	pack_each(with_and_without);
}

/* policy/trigger.c, policy/tail.c: heads and what is walked behind them find what the matcher finds
 * with whole lead-ins, however the text comes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"
#include "policy/tail.h"
#include "policy/trigger.h"
#include "policy/trigger_split.h"

#define TEXT_MOST 700
#define KEPT 64 /* of older text, as a channel keeps it */

static const char *const expressions[] = {
	"\\b(?:SG\\.(?i))",
	"\\bSG\\.",
	"(?i)\\b(?:\\b(?:sgp_))",
	"\\b(?:gh[pousr]_)",
	"(?i)key",
	("(?i)(?:key|(?-i:[Aa]pi|API)|token)(?:[ \\t\\w.-]{0,20})[\\s'\"]{0,3}(?:=|>|:{1,3}=|\\|\\||:|=>|\\?=|,)"
	 "[\\x60'\"\\s=]{0,5}"),
	"(?i)(?:twitter)(?:[ \\w.-]{0,20})[\\s'\"]{0,3}(?:=|:)[\"\\s=]{0,5}(?:A{4})",
	"\\bcurl[ \\t](?:[^\\n|;\"'`]{0,120}[ \\t])?",
	"\\b(?:curl|wget)[ \\t][^\\n|;]{1,200}\\|[ \\t]{0,4}(?:sudo[ \\t]{1,4})?",
	"\\bcurl\\b(?:.*?|.*?(?:[\\n\\r]{1,2}.*?){1,5})[\\t\\n\\r ](?:-H|--header)(?:=|[\\t ]{0,5})",
	"\\b(?:curl|fetch)[ (][^\\n]{0,160}\\b(?:169\\.254|metadata)(?::80)?/",
	"token[0-9]{2,4}(?:zone\\b)",
	"token\\b.{0,9}\\b[a-z]",
	"(?s)-----BEGIN .{2,70}KEY",
	"(?i)\\bprivate_key_id[\"']?[ \\t]{0,4}[:=][ \\t]{0,4}[\"']",
	"\\bprivate_key_id(?:[ \\t]?x|[0-9]{2,4}){1,3}z",
	"\\.run\\([^)\\n]{0,80}\\b(?:host|debug)[ \\t]{0,2}=",
	"\\bkey(?i:[a-c]{1,3})[A-C]{0,3}=",
	"tok[^\\W_]{2,5}?_+x",
	"api(?:_?key)?[-_]{0,2}(?:a|b*c){2}=",
};

struct both {
	struct multimatch *whole, *heads;
	struct multimatch_scratch *scratch;
	struct triggers *triggers;
	size_t n, hits;
};

static void take(struct both *b, const struct multimatch_pattern *v, size_t n)
{
	struct buf why = { 0 };
	size_t bad, n_heads;
	*b = (struct both){ .triggers = triggers_new(n), .n = n };
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(triggers_add(b->triggers, &v[i], (uint32_t)i, NULL), 0);
	const struct multimatch_pattern *heads = triggers_heads(b->triggers, &n_heads);
	cr_assert_eq(multimatch_new(v, n, &b->whole, &bad, &why), 0, "%.*s", (int)why.n, why.p);
	cr_assert_eq(multimatch_new(heads, n_heads, &b->heads, &bad, &why), 0, "%s: %.*s",
		     bad < n_heads ? heads[bad].text : "", (int)why.n, why.p);
	cr_assert_eq(multimatch_scratch_fit(&b->scratch, b->whole), 0);
	cr_assert_eq(multimatch_scratch_fit(&b->scratch, b->heads), 0);
	buf_fini(&why);
}

static void give(struct both *b)
{
	multimatch_free(b->whole);
	multimatch_free(b->heads);
	multimatch_scratch_free(b->scratch);
	triggers_free(b->triggers);
}

/* The text begins at `base` of a channel and comes `step` bytes at a time. */
static void find(struct both *b, char *text, size_t n, uint64_t base, size_t step,
		 struct multimatch_hits *all)
{
	struct multimatch_stream *t = multimatch_open(b->heads);
	struct multimatch_hits heads = { 0 }, out = { 0 };
	struct walks walks = { 0 };
	all->n = 0;
	for (size_t at = 0; at < n; at += step) {
		size_t from = at > KEPT ? at - KEPT : 0, part = min_size(step, n - at);
		struct track track = { .text = text + from,
				       .base = base + from,
				       .n = (uint32_t)(at + part - from) };
		heads.n = out.n = 0;
		cr_assert_eq(
			multimatch_feed(t, b->scratch, (struct span){ text + at, part }, &heads),
			0);
		cr_assert(
			triggers_find(b->triggers, &walks, &track, base, base + at, &heads, &out));
		for (size_t i = 0; i < out.n; i++)
			multimatch_hits_add(all, out.v[i].end, out.v[i].pattern);
	}
	cr_assert_lt(walks.n, 40 * b->n);
	heads.n = out.n = 0;
	cr_assert_eq(multimatch_finish(t, b->scratch, &heads), 0);
	struct track rest = { .text = text, .base = base, .n = (uint32_t)n };
	cr_assert(triggers_find(b->triggers, &walks, &rest, base, base + n, &heads, &out));
	for (size_t i = 0; i < out.n; i++)
		multimatch_hits_add(all, out.v[i].end, out.v[i].pattern);
	multimatch_close(t);
	multimatch_hits_fini(&heads);
	multimatch_hits_fini(&out);
	free(walks.v);
}

static void check(struct both *b, char *text, size_t n)
{
	static const size_t steps[] = { TEXT_MOST, 1, 2, 7, 33, 80 };
	struct multimatch_hits want = { 0 }, got = { 0 };
	struct multimatch_stream *t = multimatch_open(b->whole);
	cr_assert_eq(multimatch_feed(t, b->scratch, (struct span){ text, n }, &want), 0);
	cr_assert_eq(multimatch_finish(t, b->scratch, &want), 0);
	multimatch_close(t);
	multimatch_hits_sort(&want);
	b->hits += want.n;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		find(b, text, n, i % 2 ? 1000 : 0, steps[i], &got);
		for (size_t k = 0; k < min_size(got.n, want.n); k++)
			cr_assert(got.v[k].end == want.v[k].end &&
					  got.v[k].pattern == want.v[k].pattern,
				  "%zu by %zu: pattern %u at %zu, not %u at %zu: %.*s", k, steps[i],
				  got.v[k].pattern, (size_t)got.v[k].end, want.v[k].pattern,
				  (size_t)want.v[k].end, (int)n, text);
		cr_assert_eq(got.n, want.n, "%zu hits, not %zu, by %zu: %.*s", got.n, want.n,
			     steps[i], (int)n, text);
	}
	multimatch_hits_fini(&want);
	multimatch_hits_fini(&got);
}

static uint32_t below(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* A text of pieces of the expressions themselves, which come near to what they match. */
static size_t write_text(char *text, const struct multimatch_pattern *v, size_t n, uint32_t *seed)
{
	static const char *const words[] = { "SG.",         "sgp_",    "key",
					     "api",         "token",   " = \"",
					     ": '",         "curl ",   "wget ",
					     " -H ",        "| sudo ", "\n",
					     "=>",          "   ",     "169.254/",
					     "_",           "twitter", "AAAA",
					     "-----BEGIN ", "KEY",     "private_key_id",
					     "API",         "host =",  ".run(",
					     "ghp_",        "x",       "abc",
					     "\"",          ":=",      "||",
					     "fetch(" };
	size_t at = 0;
	uint32_t one = below(seed, (uint32_t)n);
	while (at + 20 < TEXT_MOST) {
		const char *from = words[below(seed, ARRAY_LEN(words))];
		size_t len = strlen(from);
		if (below(seed, 3) == 0) { /* of a pattern, often the same one */
			const char *p = v[below(seed, 4) ? one : below(seed, (uint32_t)n)].text;
			size_t most = strlen(p);
			from = p + below(seed, (uint32_t)most);
			from += strspn(from, "\\()?:[]{}i-b|");
			len = min_size(strcspn(from, "\\()?:[]{}|"), 19);
		}
		memcpy(text + at, from, len);
		at += len;
	}
	return at;
}

static void compare(const struct multimatch_pattern *v, size_t n, int rounds, size_t least)
{
	struct both b;
	char text[TEXT_MOST];
	uint32_t seed = 5;
	take(&b, v, n);
	for (int round = 0; round < rounds; round++)
		check(&b, text, write_text(text, v, n, &seed));
	cr_assert_geq(b.hits, least, "%zu", b.hits);
	give(&b);
}

Test(trigger, finds_what_the_matcher_finds)
{
	struct multimatch_pattern v[ARRAY_LEN(expressions)] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		v[i].text = expressions[i];
		compare(&v[i], 1, 60, 0);
	}
	compare(v, ARRAY_LEN(v), 400, 20000);
}

Test(trigger, finds_what_the_matcher_finds_of_the_pack)
{
	struct ruleset *set = NULL;
	struct buf errors = { 0 };
	size_t n = 0;
	cr_assert_eq(ruleset_load("builtin", &set, &errors), 0);
	struct multimatch_pattern *v = calloc(set->n_patterns, sizeof(*v));
	cr_assert_not_null(v);
	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->rules[i].n_branches; k++)
			v[n++].text = set->rules[i].branches[k].lead_in;
	compare(v, n, 600, 2000);
	free(v);
	ruleset_unref(set);
	buf_fini(&errors);
}

Test(trigger, heads_are_literal_and_shared)
{
	static const struct multimatch_pattern v[] = {
		{ .text = "\\b(?:SG\\.(?i))" },          { .text = "\\bSG\\." },
		{ .text = "(?i)(?:token)[ \\w]{0,9}=" }, { .text = "(?i)token[\"']?[ \\t]{0,4}:" },
		{ .text = "(?i)\\btoken_?x{2,4}=" },     { .text = "tok", .keyword = true },
		{ .text = "(?:ab|[a-z]{3})c" }
	};
	static const char *const heads[] = { "\\x53\\x47\\x2e", "(?i)\\x74\\x6f\\x6b\\x65\\x6e",
					     "tok", "(?:ab|[a-z]{3})c" };
	struct triggers *t = triggers_new(ARRAY_LEN(v));
	size_t n;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		cr_assert_eq(triggers_add(t, &v[i], (uint32_t)i, NULL), 0);
	const struct multimatch_pattern *found = triggers_heads(t, &n);
	cr_assert_eq(n, ARRAY_LEN(heads));
	for (size_t i = 0; i < n; i++)
		cr_assert_str_eq(found[i].text, heads[i]);
	cr_assert(triggers_user(t, 1) >= 2 && triggers_user(t, 1) <= 4);
	triggers_free(t);
}

/* What no table can say is left to the matcher. */
Test(tail, what_looks_around_is_none)
{
	static const char *const others[] = { "a(?=b)", "(?:a$)", "a|b", "[ab]{2,9}(?:c|d\\b)",
					      "[a-z]{0,900}b[a-z]{0,900}c" };
	struct tail *t = NULL;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		cr_assert_eq(tail_read(others[i], &t), 0);
		cr_assert_null(t, "%s", others[i]);
	}
}

Test(tail, one_state_is_within_another)
{
	struct tail *t = NULL;
	cr_assert_eq(tail_read("[a-c]{0,5}=", &t), 0);
	cr_assert_not_null(t);
	uint32_t start = t->start[1], later = tail_next(t, start, 'b');
	cr_assert(tail_within(t, later, start) && !tail_within(t, start, later));
	cr_assert(tail_within(t, TAIL_DEAD, start) && !tail_within(t, start, TAIL_DEAD));
	cr_assert(t->accepts[tail_next(t, later, '=')]);
	cr_assert_eq(tail_next(t, later, 'd'), TAIL_DEAD);
	free(t);
}

/*
 * Memory that is not to be had: each allocation of a comparison made to fail once, and all from it
 * on. No answer may be an agreement that would not be one with memory, and nothing may end the
 * process. Without a sanitizer, since those have the allocator for themselves.
 */
#include "policy/syntax_tree.h"
#include "tests/policy/quorum_play.h"
#include "tests/sanitized.h"

TestSuite(memory, .timeout = 600);

#if !SANITIZED

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t to, size_t n);

/* Which allocation fails, from 1; 0: none. */
static struct {
	bool on, and_all_behind;
	unsigned long at, count;
} failing;

static bool fails(void)
{
	if (!failing.on)
		return false;
	failing.count++;
	return failing.and_all_behind ? failing.count >= failing.at : failing.count == failing.at;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t each)
{
	return fails() ? NULL : __libc_calloc(n, each);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

int posix_memalign(void **out, size_t to, size_t n)
{
	void *p = fails() ? NULL : __libc_memalign(to, n);
	*out = p ? p : *out;
	return p ? 0 : 12; /* ENOMEM */
}

static void arm(unsigned long at, bool and_all_behind)
{
	failing.at = at;
	failing.count = 0;
	failing.and_all_behind = and_all_behind;
	failing.on = true;
}

/* Whether the one that was to fail was reached. */
static bool disarm(void)
{
	failing.on = false;
	return failing.count >= failing.at;
}

static const struct {
	const char *language, *a, *b;
	enum compare_reason reason; /* with memory */
} pairs[] = {
	{ "python", "import os\ndef f(a):\n    \"\"\"x\"\"\"\n    return os.path.join(a, 'b')\n",
	  "import os\ndef f(c):\n    \"\"\"y\"\"\"\n    return os.path.join(c, 'b')\n",
	  COMPARE_WITHIN },
	{ "python", "def f(a, b):\n    if a > b:\n        return eval('a')\n    return b\n",
	  "def f(a, b):\n    if a > b:\n        return eval('a')\n    return b\n\n\n",
	  COMPARE_EQUAL },
	{ "javascript", "const f = (a) => `${a}` + g(a);\n", "const f = (a) => `${a}` + h(a);\n",
	  COMPARE_SHARP_EDITS },
	{ "bash", "for f in *.c; do\n\techo \"$f\" | wc -c\ndone\ncat <<E\na\nE\n",
	  "for f in *.c; do\n\techo \"$f\" | wc -l\ndone\ncat <<E\na\nE\n", COMPARE_SHARP_EDITS },
	{ "rust", "fn f(a: u8) -> u8 { println!(\"{}\", r#\"x\"#); a + 1 }\n",
	  "fn f(a: u8) -> u8 { println!(\"{}\", r#\"x\"#); a + 2 }\n", COMPARE_SHARP_EDITS },
	{ "tsx", "const A = (p: { n: number }) => <b title=\"x\">{p.n}</b>;\n",
	  "const A = (p: { n: number }) => <b title=\"y\">{p.n}</b>;\n", COMPARE_SHARP_EDITS },
};

static void compare_failing(size_t i, bool and_all_behind)
{
	const struct syntax_language *l = syntax_find(span_of(pairs[i].language));
	const struct span texts[COMPARE_SIDES] = { span_of(pairs[i].a), span_of(pairs[i].b) };
	bool reached = true;
	unsigned long at = 1;
	for (; reached; at++) {
		struct comparison c;
		arm(at, and_all_behind);
		compare(&c, l, texts, 50 * SCORE_UNITS, true);
		reached = disarm();
		bool fine = c.reason == pairs[i].reason || c.reason == COMPARE_NO_MEMORY;
		cr_assert(fine, "%zu, allocation %lu: %s", i, at, compare_reason_names[c.reason]);
		cr_assert(reached || c.reason == pairs[i].reason);
		comparison_fini(&c);
	}
	cr_assert_gt(at, 30, "%zu: the allocations are counted", i);
}

Test(memory, a_comparison_that_lacks_some_never_agrees_for_that)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		compare_failing(i, false);
		compare_failing(i, true);
	}
}

/* --- a quorum --- */

static const struct {
	enum form form;
	const char *language, *extension, *a, *b;
	enum compare_reason reason;
} renders[] = {
	{ FORM_FENCE, "python", "py", "def f(a):\n    return a + 1\n",
	  "def f(a):\n    return a - 1\n", COMPARE_SHARP_EDITS },
	{ FORM_CALL, "python", "py", "import os\nprint(os.getcwd(), 1)\n",
	  "import os\nprint(os.getcwd(), 2)\n", COMPARE_SHARP_EDITS },
	{ FORM_BODY, "go", "go", "package a\nfunc f() int { return 1 }\n",
	  "package a\nfunc f() int { return 2 }\n", COMPARE_SHARP_EDITS },
	{ FORM_CALL, "none", "md", "# a\n", "# b\n", COMPARE_UNKNOWN_LANGUAGE },
	{ FORM_FENCE, "python", "py", "def f(a):\n    return a + 1\n",
	  "def f(b):\n    return b + 1\n", COMPARE_EQUAL },
};

/* All of the answer as one batch of pieces, so that the quorum's allocations are the only ones. */
static void decode(const struct answer *a, struct answering *on)
{
	*on = play_begin(a);
	size_t n = wire_feed(on->wire, a->bytes.p, a->bytes.n, &on->pieces);
	cr_assert_eq(wire_finish(on->wire, a->bytes.p + n, a->bytes.n - n, &on->pieces), WIRE_OK);
}

static struct quorum_pair decide(const struct quorum_settings *s, const struct answering on[2])
{
	struct quorum_pair p = { .reason = COMPARE_NO_MEMORY, .verdict = SCORE_FAIL };
	struct quorum *q = quorum_new(s);
	size_t n;
	for (unsigned i = 0; q && i < 2; i++)
		quorum_feed(q, i, on[i].wire, on[i].pieces.v, on[i].pieces.n);
	for (unsigned i = 0; q && i < 2; i++)
		quorum_end(q, i, QUORUM_COMPLETE);
	if (q) {
		p = *quorum_pairs(q, &n);
		cr_assert(p.judged);
		struct quorum_verdict v = quorum_verdict(q);
		cr_assert(v.verdict == p.verdict && v.settled);
	}
	quorum_free(q);
	return p;
}

/* What fails may be what was disputed early, and a pair that is disputed for another reason. */
static void decide_failing(size_t i, bool and_all_behind)
{
	struct quorum_settings s = play_settings(2, 2);
	struct answer both[2];
	struct answering on[2];
	s.threshold = 50 * SCORE_UNITS;
	both[0] = play_answer(renders[i].form, renders[i].language, renders[i].extension,
			      renders[i].a, strlen(renders[i].a));
	both[1] = play_answer(renders[i].form, renders[i].language, renders[i].extension,
			      renders[i].b, strlen(renders[i].b));
	decode(&both[0], &on[0]);
	decode(&both[1], &on[1]);
	bool reached = true;
	for (unsigned long at = 1; reached; at++) {
		arm(at, and_all_behind);
		struct quorum_pair p = decide(&s, on);
		reached = disarm();
		bool fine = p.reason == renders[i].reason || p.verdict == SCORE_FAIL;
		cr_assert(fine, "%zu, allocation %lu: %s", i, at, compare_reason_names[p.reason]);
		cr_assert(reached || p.reason == renders[i].reason, "%zu: %s", i,
			  compare_reason_names[p.reason]);
	}
	for (int k = 0; k < 2; k++) {
		buf_fini(&both[k].bytes);
		wire_free(on[k].wire);
		pieces_fini(&on[k].pieces);
	}
}

Test(memory, a_quorum_that_lacks_some_never_agrees_for_that)
{
	for (size_t i = 0; i < ARRAY_LEN(renders); i++) {
		decide_failing(i, false);
		decide_failing(i, true);
	}
}

/* --- the parser outside of a pool, where each of its allocations is one of its own --- */

static enum syntax_result grow_failing(const struct syntax_language *l, struct span text,
				       unsigned long at, bool and_all_behind, bool *reached)
{
	arm(at, and_all_behind);
	struct syntax_tree *t = syntax_tree_new(l), *copy = NULL;
	enum syntax_result half = SYNTAX_NO_MEMORY, whole = SYNTAX_NO_MEMORY;
	if (t)
		half = syntax_tree_grow(t, (struct span){ text.p, text.n / 2 },
					&syntax_default_limits);
	if (t && half == SYNTAX_OK)
		copy = syntax_tree_copy(t);
	if (copy)
		whole = syntax_tree_grow(copy, text, &syntax_default_limits);
	syntax_tree_free(copy);
	syntax_tree_free(t);
	*reached = disarm();
	return half == SYNTAX_OK ? whole : half;
}

Test(memory, a_parse_that_lacks_some_gives_up)
{
	static const char *const texts[] = { "if a: [b(c, d)]\n", "x=[1,\n", "if a:\n  f'{b}'\n" };
	for (size_t k = 0; k < 2 * ARRAY_LEN(texts) * syntax_count(); k++) {
		const struct syntax_language *l = syntax_language(k / 2 / ARRAY_LEN(texts));
		struct span text = span_of(texts[k / 2 % ARRAY_LEN(texts)]);
		int64_t held = syntax_held();
		bool reached = true;
		unsigned long at = 1;
		for (; reached; at++) {
			enum syntax_result r = grow_failing(l, text, at, k & 1, &reached);
			cr_assert(r == SYNTAX_OK || r == SYNTAX_NO_MEMORY, "%s: %s", l->name,
				  syntax_result_names[r]);
			cr_assert(reached || r == SYNTAX_OK);
			cr_assert_eq(syntax_held(), held);
		}
		cr_assert_gt(at, 20);
	}
}

#endif

/* --- the bound --- */

Test(memory, what_one_text_may_take_is_bounded_and_repeatable)
{
	const struct syntax_language *l = syntax_find(SPAN("python"));
	struct syntax_limits limits = syntax_default_limits;
	struct buf text = { 0 };
	struct syntax_nodes nodes;
	while (text.n < 20000)
		buf_add_text(&text, "f(a, [b]) \n");
	const struct span all = { text.p, text.n };
	uint32_t least = 0, most = 64 << 20;
	while (most - least > 1) { /* the least bound with which it is parsed */
		limits.memory = least + (most - least) / 2;
		enum syntax_result r = syntax_read(l, all, &limits, TREE_NODES_MAX, &nodes);
		if (r == SYNTAX_OK)
			free(nodes.v);
		else
			cr_assert_eq(r, SYNTAX_MEMORY_BOUND);
		*(r == SYNTAX_OK ? &most : &least) = limits.memory;
	}
	cr_assert_gt(most, 10 * all.n);
	cr_assert_lt(most, 400 * all.n);
	for (int i = 0; i < 3; i++) {
		limits.memory = i ? most - 1 : most;
		enum syntax_result r = syntax_read(l, all, &limits, TREE_NODES_MAX, &nodes);
		cr_assert_eq(r, i ? SYNTAX_MEMORY_BOUND : SYNTAX_OK);
		if (!i)
			free(nodes.v);
	}
	buf_fini(&text);
}

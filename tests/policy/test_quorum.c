/* Pairs of answers, their files and actions, and the verdict of M of N. */
#include "policy/render.h"
#include "tests/policy/quorum_play.h"

TestSuite(quorum, .timeout = 120);

static struct quorum_pair pair_with(const struct quorum_settings *settings, struct answer a,
				    struct answer b)
{
	struct answer both[] = { a, b };
	const struct order orders[] = { { ORDER_FIRST, 1 << 20, 0 },
					{ ORDER_LAST, 1 << 20, 0 },
					{ ORDER_EVEN, 1, 0 },
					{ ORDER_RANDOM, 0, 7 } };
	struct quorum_pair first = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct quorum *q = quorum_new(settings);
		size_t n;
		play(q, both, 2, orders[i], NULL, NULL);
		struct quorum_pair p = *quorum_pairs(q, &n);
		struct quorum_verdict v = quorum_verdict(q);
		cr_assert(p.judged && v.final && v.settled);
		cr_assert(p.disputed == (p.verdict != SCORE_PASS));
		cr_assert(v.verdict == p.verdict && v.reason == p.reason);
		cr_assert(v.yes == (p.verdict == SCORE_PASS ? 2 : 1));
		cr_assert(p.seen >= 0 && p.seen <= 1);
		if (i == 0)
			first = p;
		cr_assert(p.reason == first.reason && p.verdict == first.verdict);
		cr_assert(memcmp(&p.score, &first.score, sizeof(p.score)) == 0);
		quorum_free(q);
	}
	buf_fini(&a.bytes);
	buf_fini(&b.bytes);
	return first;
}

static struct quorum_pair pair(struct answer a, struct answer b)
{
	const struct quorum_settings settings = play_settings(2, 2);
	return pair_with(&settings, a, b);
}

static enum compare_reason reason(struct answer a, struct answer b)
{
	return pair(a, b).reason;
}

#define PY(text) "```python\n" text "```\n"
#define F1 "def f(a):\n    return a + 1\n"
#define F2 "def f(b):\n\n    return b + 1  # more\n"
#define G1 "import os\nfor i in range(3):\n    print(os.getcwd(), i)\n"

static const struct {
	const char *a, *b;
	enum compare_reason reason;
} prose[] = {
	{ PY(F1), "Look:\n" PY(F2) "Done.", COMPARE_EQUAL },
	{ PY(F1), PY(G1), COMPARE_ABOVE_THRESHOLD },
	{ PY(F1) "and\n" PY(G1), PY(F2) PY(G1), COMPARE_EQUAL },
	{ PY(F1) PY(G1), PY(G1) PY(F1), COMPARE_ABOVE_THRESHOLD }, /* by place */
	{ PY(F1) "```go\npackage a\n```\n", "```go\npackage a\n```\n" PY(F1), COMPARE_EQUAL },
	{ PY(F1), PY(F1) PY(G1), COMPARE_ABOVE_THRESHOLD }, /* a missing file */
	/* Paths, however they are written */
	{ "```python title=\"a.py\"\n" F1 "```\n```python:b.py\n" G1 "```\n",
	  "```b.py\n" G1 "```\n```py {file=a.py}\n" F1 "```\n", COMPARE_EQUAL },
	{ "```python ./a.py\n" F1 "```\n", "```python filename=a.py\n" F2 "```\n", COMPARE_EQUAL },
	{ "```python a.py\n" F1 "```\n", "```python b.py\n" F1 "```\n", COMPARE_ABOVE_THRESHOLD },
	{ "```python a.py\n" F1 "```\n", PY(F1), COMPARE_EQUAL }, /* by place after all */
	{ "```python a.py\n" G1 "```\n```python a.py\n" F1 "```\n",
	  "```python a.py\n" G1 "```\n```python a.py\n" F2 "```\n", COMPARE_EQUAL },
	{ "```python a.py\n" G1 "```\n```python a.py\n" F1 "```\n", "```python a.py\n" F1 "```\n",
	  COMPARE_ABOVE_THRESHOLD }, /* one more file */
	{ "```{.python}\n" F1 "```\n", "~~~ Python\n" F1 "~~~", COMPARE_EQUAL },
	{ "   ```python\n   def f(a):\n       return a + 1\n   ```\n", PY(F1), COMPARE_EQUAL },
	/* Above the fence, if it may be a file of its language */
	{ "`a.py`:\n" PY(F1) "**b.py**\n\n" PY(G1), "b.py:\n" PY(G1) "File: a.py\n" PY(F2),
	  COMPARE_EQUAL },
	{ "`a.py`:\n" PY(F1), "`b.py`:\n" PY(F1), COMPARE_ABOVE_THRESHOLD },
	{ "a.py b.py\n" PY(F1), "a.py\n" PY(F1), COMPARE_ABOVE_THRESHOLD },
	{ "`a.py`:\n" PY(F1), "The code:\n" PY(F1), COMPARE_EQUAL },
	{ "It reads a.csv.\n" PY(F1), "It reads `b.csv`:\n" PY(F1), COMPARE_EQUAL },
	{ "A.py\n\nb\n" PY(F1), "B.py\n\nb\n" PY(F1), COMPARE_EQUAL },
	{ "a.py\n```python b.py\n" F1 "```\n", "```python b.py\n" F1 "```\n", COMPARE_EQUAL },
	{ "```python b.py\n" F1 "```\n" PY(G1), "```python b.py\n" F1 "```\n```c.py\n" G1 "```\n",
	  COMPARE_EQUAL },
	/* What may be code in no fence */
	{ PY(F1) "\n    rm -rf a\n", PY(F1), COMPARE_UNSUPPORTED },
	{ PY(F1) "\n\trm -rf a", PY(F1), COMPARE_UNSUPPORTED },
	{ PY(F1) "a\n    b\n", PY(F1), COMPARE_EQUAL },
	{ PY(F1) "\n- a\n\n    b\n  c\n\n    d\n", PY(F1), COMPARE_EQUAL },
	{ PY(F1) "\n1. a\n\nb\n\n    c\n", PY(F1), COMPARE_UNSUPPORTED },
	{ "<PRE>\nrm -rf a\n</PRE>\n" PY(F1), PY(F1), COMPARE_UNSUPPORTED },
	{ "<pre class=a>a</pre>\n" PY(F1), PY(F1), COMPARE_UNSUPPORTED },
	{ "A `<pre>` and\n<prefix>\n" PY(F1), PY(F1), COMPARE_EQUAL },
	/* An end without a fence is one, and so is one without a line end */
	{ "```python\n" F1, PY(F1), COMPARE_TRUNCATED },
	{ "```python\n" F1 "```", PY(F1), COMPARE_EQUAL },
	/* No word: by content */
	{ "```\n" F1 "```\n", "```\n" F2 "```\n", COMPARE_EQUAL },
	{ "```\n" F1 "```\n", PY(F2), COMPARE_EQUAL },
	/* No language of ours */
	{ PY(F1) "```json\n{}\n```\n", PY(F1) "```json\n{}\n```\n", COMPARE_EQUAL },
	{ PY(F1) "```json\n{}\n```\n", PY(F1) "```json\n[]\n```\n", COMPARE_UNKNOWN_LANGUAGE },
	{ PY(F1) "```json\n{}\n```\n", PY(F1), COMPARE_UNKNOWN_LANGUAGE },
	{ "```\n<<1>>\n```\n", "```\n<<2>>\n```\n", COMPARE_UNKNOWN_LANGUAGE },
	{ "```python a\n" F1 "```\n", "```go:a\npackage a\n```\n", COMPARE_ABOVE_THRESHOLD },
	{ "```python:d/a\n" F1 "```\n", "```go:d/a\npackage a\n```\n", COMPARE_LANGUAGES_DIFFER },
	/* Nothing */
	{ "No.", PY(F1), COMPARE_EMPTY },
	{ PY(F1), "", COMPARE_EMPTY },
	{ "No.", "I will not.", COMPARE_BOTH_EMPTY },
	{ PY("# a\n"), PY(F1), COMPARE_EMPTY },
	{ PY("# a\n"), PY("# b\n"), COMPARE_BOTH_EMPTY },
	{ PY("# a\n") PY("# a\n"), PY("# b\n") PY("\n"), COMPARE_BOTH_EMPTY },
	{ PY("# a\n") PY(F1), PY("# b\n") PY(F2), COMPARE_EQUAL },
	{ PY("def f(:\n"), PY(F1), COMPARE_SYNTAX_ERROR },
	{ PY(F1) PY("def f(:\n"), PY(F1) PY(G1), COMPARE_SYNTAX_ERROR },
};

Test(quorum, fences)
{
	for (size_t i = 0; i < ARRAY_LEN(prose); i++) {
		enum compare_reason there = reason(play_prose(prose[i].a), play_prose(prose[i].b));
		enum compare_reason back = reason(play_prose(prose[i].b), play_prose(prose[i].a));
		cr_expect_eq(there, prose[i].reason, "%zu: %s", i, compare_reason_names[there]);
		cr_expect_eq(back, prose[i].reason, "%zu back: %s", i, compare_reason_names[back]);
	}
}

#define WRITES(path, text) "{\"path\":\"" path "\",\"content\":\"" text "\"}"
#define H1 "def f(a):\\n    return a\\n"
#define H2 "def f(b):\\n    return b\\n"
#define H3 "import os\\nprint(os.getcwd())\\n"

static const struct {
	const char *a, *b;
	enum compare_reason reason;
} calls[] = {
	{ WRITES("a.py", H1), WRITES("a.py", H2), COMPARE_EQUAL },
	{ WRITES("a.py", H1), "{ \"content\" : \"" H2 "\" , \"path\" : \"./a.py\" }",
	  COMPARE_EQUAL },
	{ WRITES("a.py", H1), WRITES("a.py", H3), COMPARE_ABOVE_THRESHOLD },
	{ WRITES("a.py", H1), WRITES("b.py", H1), COMPARE_ABOVE_THRESHOLD },
	{ WRITES("a.py", H1) WRITES("b.py", H3), WRITES("b.py", H3) WRITES("a.py", H1),
	  COMPARE_EQUAL },
	{ "{\"files\":[" WRITES("a.py", H1) "," WRITES("b.py", H3) "]}",
	  "{\"files\":[" WRITES("a.py", H2) "," WRITES("b.py", H3) "]}", COMPARE_EQUAL },
	{ WRITES("a.md", "x"), WRITES("a.md", "x"), COMPARE_EQUAL },
	{ WRITES("a.md", "x"), WRITES("a.md", "y"), COMPARE_UNKNOWN_LANGUAGE },
	/* What else is said */
	{ "{\"command\":\"ls\"}", "{\"command\": \"ls\"}", COMPARE_EQUAL },
	{ "{\"command\":\"ls\"}", "{\"command\":\"ls \"}", COMPARE_ACTIONS_DIFFER },
	{ "{\"a\":1,\"b\":[true,{\"c\":\"\\\"\",\"d\":{}}]}",
	  " {\"b\": [true, {\"d\":{},\"c\":\"\\\"\"}],\n\"a\":1}", COMPARE_EQUAL },
	{ "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", COMPARE_ACTIONS_DIFFER },
	{ "{\"a\":\"b\"}", "{\"a\":b}", COMPARE_ACTIONS_DIFFER },
	{ "{\"path\":\"a.py\",\"mode\":\"w\",\"content\":\"" H1 "\"}",
	  "{\"mode\":\"w\",\"path\":\"a.py\",\"content\":\"" H2 "\"}", COMPARE_EQUAL },
	{ "{\"path\":\"a.py\",\"mode\":\"w\",\"content\":\"" H1 "\"}",
	  "{\"mode\":\"a\",\"path\":\"a.py\",\"content\":\"" H1 "\"}", COMPARE_ACTIONS_DIFFER },
	{ "{\"path\":\"a.py\"}", "{\"path\":\"b.py\"}", COMPARE_ACTIONS_DIFFER },
	{ "{\"content\":\"" H1 "\"}", "{\"content\":\"" H1 "\"}", COMPARE_EQUAL },
	{ "{\"content\":\"" H1 "\"}", "{\"content\":\"" H2 "\"}", COMPARE_ACTIONS_DIFFER },
	{ "{\"command\":\"ls\"}", WRITES("a.py", H1), COMPARE_ACTIONS_DIFFER },
	/* Also where the files differ: an auditor is shown those alone */
	{ "{\"path\":\"a.py\",\"mode\":\"w\",\"content\":\"" H1 "\"}",
	  "{\"path\":\"a.py\",\"mode\":\"a\",\"content\":\"" H3 "\"}", COMPARE_ACTIONS_DIFFER },
	{ "{}", "{}", COMPARE_EQUAL },
	{ "{}", "", COMPARE_EMPTY },
	/* Broken off, or no JSON */
	{ "{\"path\":\"a.py\",\"content\":\"" H1, WRITES("a.py", H1), COMPARE_TRUNCATED },
	{ WRITES("a.py", H1), "{\"a\":1", COMPARE_TRUNCATED },
	{ "{\"a\" 1}", "{\"a\" 1}", COMPARE_TRUNCATED },
	{ "{\"a\":1}}", "{\"a\":1}}", COMPARE_TRUNCATED },
};

Test(quorum, calls)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		enum compare_reason there = reason(play_call(calls[i].a), play_call(calls[i].b));
		enum compare_reason back = reason(play_call(calls[i].b), play_call(calls[i].a));
		cr_expect_eq(there, calls[i].reason, "%zu: %s", i, compare_reason_names[there]);
		cr_expect_eq(back, calls[i].reason, "%zu back: %s", i, compare_reason_names[back]);
	}
}

Test(quorum, a_call_and_a_fence_of_one_path)
{
	cr_assert_eq(reason(play_call(WRITES("a.py", H1)),
			    play_prose("```a.py\ndef f(a):\n return a\n```")),
		     COMPARE_EQUAL);
}

static struct answer named(const char *tool, const char *arguments)
{
	struct answer a = { 0 };
	buf_printf(&a.bytes,
		   PLAY_EVENT
		   "\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"%s\"}}]}}]}\n\n",
		   tool);
	play_calls(&a, 0, arguments, strlen(arguments), 1000);
	return a;
}

Test(quorum, tools_are_told_apart)
{
	const char *file = WRITES("a.py", H1), *action = "{\"path\":\"a.py\"}";
	cr_assert_eq(reason(named("write", file), named("write", file)), COMPARE_EQUAL);
	cr_assert_eq(reason(named("write", file), named("append", file)), COMPARE_ACTIONS_DIFFER);
	cr_assert_eq(reason(named("read", action), named("read", action)), COMPARE_EQUAL);
	cr_assert_eq(reason(named("read", action), named("delete", action)),
		     COMPARE_ACTIONS_DIFFER);
}

static struct answer ended(enum quorum_ending how)
{
	struct answer a = play_prose(PY(F1));
	a.how = how;
	return a;
}

Test(quorum, endings)
{
	const enum compare_reason reasons[] = { COMPARE_EQUAL, COMPARE_TRUNCATED, COMPARE_STALLED,
						COMPARE_LATE,  COMPARE_ABSENT,    COMPARE_CUT };
	for (enum quorum_ending how = 0; how < QUORUM_ENDING_COUNT; how++) {
		cr_assert_eq(reason(ended(QUORUM_COMPLETE), ended(how)), reasons[how]);
		cr_assert_eq(reason(ended(how), ended(QUORUM_COMPLETE)), reasons[how]);
		cr_assert_eq(reason(ended(how), play_prose("")),
			     how ? reasons[how] : COMPARE_EMPTY);
	}
}

/* --- the same as redcard diff, for one file --- */

static const char *const small_body[][2] = {
	{ F1, F2 },      { F1, G1 },          { G1, F1 },          { F1, "" },
	{ F1, "# a\n" }, { F1, "def f(:\n" }, { "def f(:\n", F1 }, { "\n", F1 },
};

Test(quorum, a_body_is_as_redcard_diff_has_it)
{
	for (size_t i = 0; i < ARRAY_LEN(small_body); i++) {
		struct span texts[COMPARE_SIDES] = { span_of(small_body[i][0]),
						     span_of(small_body[i][1]) };
		const struct syntax_language *l = compare_language(texts[0]);
		struct comparison c;
		struct quorum_pair p = pair(play_answer(FORM_BODY, "", "", texts[0].p, texts[0].n),
					    play_answer(FORM_BODY, "", "", texts[1].p, texts[1].n));
		compare(&c, l ? l : compare_language(texts[1]), texts, 3 * SCORE_UNITS, true);
		cr_expect_eq(p.reason, c.reason, "%zu: %s, not %s", i,
			     compare_reason_names[p.reason], compare_reason_names[c.reason]);
		cr_expect(!p.scored || memcmp(&p.score, &c.score, sizeof(c.score)) == 0);
		comparison_fini(&c);
	}
	cr_assert_eq(reason(play_answer(FORM_BODY, "", "", "", 0),
			    play_answer(FORM_BODY, "", "", " \n", 2)),
		     COMPARE_BOTH_EMPTY);
	cr_assert_eq(reason(play_answer(FORM_BODY, "", "", "<<1", 3),
			    play_answer(FORM_BODY, "", "", "<<2", 3)),
		     COMPARE_UNKNOWN_LANGUAGE);
}

Test(quorum, with_a_base)
{
	const struct quorum_base base[] = { { SPAN("a.py"), SPAN(F1) },
					    { SPAN("b.py"), SPAN(G1) } };
	struct quorum_settings s = play_settings(2, 2);
	s.base = base;
	s.n_base = 2;
	struct quorum_pair p =
		pair_with(&s, play_prose("```a.py\n" F1 "```"), play_prose("```a.py\n" F2 "```"));
	cr_assert_eq(p.reason, COMPARE_NOTHING_CHANGED);
	p = pair_with(&s, play_prose("```a.py\n" F1 "```\n```b.py\nx = 1\n```"),
		      play_prose("```a.py\n" F2 "```\n```b.py\nx  = 1\n```"));
	cr_assert_eq(p.reason, COMPARE_EQUAL);
	cr_assert(p.score.ac.low > 0 && p.score.ac.low == p.score.bc.low);
	p = pair_with(&s, play_prose("```a.py\n" F1 "y = 2\n```"),
		      play_prose("```a.py\n" F2 "```"));
	cr_assert_eq(p.reason, COMPARE_ABOVE_THRESHOLD);
	cr_assert_eq(score_percent(p.score.ab.low, p.score.ac.low, p.score.bc.low), 100);
}

/* --- limits --- */

Test(quorum, limits)
{
	struct quorum_settings s = play_settings(2, 2);
	struct buf many = { 0 };
	s.max_bytes = sizeof(F1) - 1;
	cr_assert_eq(pair_with(&s, play_prose(PY(F1)), play_prose(PY(F1))).reason,
		     COMPARE_TOO_LARGE); /* the closing fence is read as code first */
	s.max_bytes += 4;
	cr_assert_eq(pair_with(&s, play_prose(PY(F1)), play_prose(PY(F1))).reason, COMPARE_EQUAL);
	s = play_settings(2, 2);
	s.max_nodes = 5;
	cr_assert_eq(pair_with(&s, play_prose(PY(F1)), play_prose(PY(F1))).reason,
		     COMPARE_TOO_LARGE);
	for (int i = 0; i < RENDER_FILES; i++)
		buf_printf(&many, "```python\nx%d = %d\n```\n", i, i);
	buf_add_char(&many, '\0');
	cr_assert_eq(reason(play_prose(many.p), play_prose(many.p)), COMPARE_EQUAL);
	many.n--;
	buf_add_text(&many, "```python\ny = 1\n```\n");
	buf_add_char(&many, '\0');
	cr_assert_eq(reason(play_prose(many.p), play_prose(many.p)), COMPARE_TOO_LARGE);
	many.n = 0;
	buf_add_text(&many, "{\"a\":\"");
	while (many.n <= RENDER_ACTIONS)
		buf_add_text(&many, "0123456789");
	buf_add_text(&many, "\"}");
	buf_add_char(&many, '\0');
	cr_assert_eq(reason(play_call(many.p), play_call("{\"a\":1}")), COMPARE_TOO_LARGE);
	many.n = 0;
	for (int i = 0; i < 100; i++)
		buf_add_char(&many, '[');
	for (int i = 0; i < 100; i++)
		buf_add_char(&many, ']');
	buf_add_char(&many, '\0');
	cr_assert_eq(reason(play_call(many.p), play_call(many.p)), COMPARE_TOO_LARGE);
	buf_fini(&many);
}

Test(quorum, a_failed_render_keeps_nothing_and_says_so_at_once)
{
	struct quorum_settings s = play_settings(2, 2);
	s.max_bytes = 100;
	struct quorum *q = quorum_new(&s);
	struct answer a = { 0 };
	play_says(&a, PY(F1 F1 F1 F1 F1 F1), sizeof(PY(F1 F1 F1 F1 F1 F1)) - 1, 50);
	struct answering on = play_begin(&a);
	size_t n, before = quorum_memory(q);
	play_step(q, 0, &a, &on, a.bytes.n - 1);
	const struct quorum_pair *p = quorum_pairs(q, &n);
	cr_assert(p->disputed && !p->judged && n == 1);
	cr_assert_eq(quorum_memory(q), before);
	struct quorum_verdict v = quorum_verdict(q);
	cr_assert(v.final && !v.settled && v.verdict == SCORE_FAIL);
	cr_assert_eq(v.reason, COMPARE_TOO_LARGE);
	play_step(q, 0, &a, &on, 1);
	quorum_free(q);
	buf_fini(&a.bytes);
}

/* --- M of N --- */

enum kind { SAME, OTHER, THIRD, BAD, OPEN };

static struct quorum_verdict of_many(unsigned agree, unsigned chosen, const enum kind *kinds,
				     unsigned n)
{
	const char *texts[] = { PY(F1), PY(G1), PY("class A:\n    b = 1\n    c = [b, b]\n"),
				PY(F1) };
	struct quorum_settings s = play_settings(n, agree);
	s.chosen = chosen;
	struct quorum *q = quorum_new(&s);
	for (unsigned i = 0; i < n; i++) {
		if (kinds[i] == OPEN)
			continue;
		struct answer a = play_prose(texts[kinds[i]]);
		a.how = kinds[i] == BAD ? QUORUM_STALLED : QUORUM_COMPLETE;
		struct answering on = play_begin(&a);
		play_step(q, i, &a, &on, a.bytes.n);
		buf_fini(&a.bytes);
	}
	struct quorum_verdict v = quorum_verdict(q);
	unsigned same = 0;
	for (unsigned i = 0; i < n; i++)
		same |= (unsigned)(kinds[i] == SAME) << i;
	cr_expect_eq(quorum_agreeing(q), v.verdict == SCORE_PASS ? same : 0);
	quorum_free(q);
	return v;
}

static const struct {
	unsigned agree, chosen, n;
	enum kind kinds[4];
	struct quorum_verdict v; /* final, settled, verdict, reason, yes */
} votes[] = {
	{ 2, 0, 2, { SAME, SAME }, { true, true, SCORE_PASS, COMPARE_EQUAL, 2 } },
	{ 2, 0, 3, { SAME, SAME, OTHER }, { true, true, SCORE_PASS, COMPARE_EQUAL, 2 } },
	{ 2, 0, 3, { SAME, OTHER, SAME }, { true, true, SCORE_PASS, COMPARE_EQUAL, 2 } },
	{ 2, 0, 3, { SAME, BAD, SAME }, { true, true, SCORE_PASS, COMPARE_EQUAL, 2 } },
	/* They agree, but not with the chosen one */
	{ 2, 0, 3, { OTHER, SAME, SAME }, { true, true, SCORE_AUDIT, COMPARE_ABOVE_THRESHOLD, 1 } },
	{ 2, 2, 3, { OTHER, SAME, SAME }, { true, true, SCORE_PASS, COMPARE_EQUAL, 2 } },
	{ 2, 0, 3, { SAME, BAD, OTHER }, { true, true, SCORE_AUDIT, COMPARE_ABOVE_THRESHOLD, 1 } },
	{ 2, 0, 3, { BAD, SAME, SAME }, { true, true, SCORE_FAIL, COMPARE_STALLED, 1 } },
	{ 3, 0, 3, { SAME, SAME, BAD }, { true, true, SCORE_FAIL, COMPARE_STALLED, 2 } },
	{ 3, 0, 3, { SAME, SAME, OTHER }, { true, true, SCORE_AUDIT, COMPARE_ABOVE_THRESHOLD, 2 } },
	{ 3, 1, 4, { SAME, SAME, OTHER, SAME }, { true, true, SCORE_PASS, COMPARE_EQUAL, 3 } },
	{ 3,
	  1,
	  4,
	  { SAME, SAME, OTHER, THIRD },
	  { true, true, SCORE_AUDIT, COMPARE_ABOVE_THRESHOLD, 2 } },
	/* While some are open */
	{ 2, 0, 3, { SAME, SAME, OPEN }, { true, false, SCORE_PASS, COMPARE_EQUAL, 2 } },
	{ 3, 0, 3, { BAD, SAME, OPEN }, { true, false, SCORE_FAIL, COMPARE_STALLED, 1 } },
	{ 3,
	  0,
	  3,
	  { SAME, OTHER, OPEN },
	  { true, false, SCORE_AUDIT, COMPARE_ABOVE_THRESHOLD, 1 } },
	{ 2, 0, 3, { BAD, OPEN, OPEN }, { true, false, SCORE_FAIL, COMPARE_STALLED, 1 } },
};

Test(quorum, m_of_n)
{
	for (size_t i = 0; i < ARRAY_LEN(votes); i++) {
		struct quorum_verdict v =
			of_many(votes[i].agree, votes[i].chosen, votes[i].kinds, votes[i].n);
		cr_expect(v.final == votes[i].v.final && v.settled == votes[i].v.settled, "%zu", i);
		cr_expect(v.verdict == votes[i].v.verdict && v.reason == votes[i].v.reason,
			  "%zu: %s", i, compare_reason_names[v.reason]);
		cr_expect_eq(v.yes, votes[i].v.yes, "%zu", i);
	}
	const enum kind open[][3] = { { SAME, OTHER, OPEN },
				      { OPEN, SAME, SAME },
				      { SAME, BAD, OPEN } };
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		cr_expect(!of_many(2, 0, open[i], 3).final, "%zu", i);
}

Test(quorum, files_for_an_auditor)
{
	struct quorum_settings s = play_settings(2, 2);
	struct quorum *q = quorum_new(&s);
	struct answer both[] = { play_prose("```a.py\n" F1 "```\n```json\n{}\n```\n"),
				 play_prose("") };
	size_t n;
	play(q, both, 2, (struct order){ ORDER_EVEN, 3, 0 }, NULL, NULL);
	const struct quorum_file *f = quorum_files(q, 0, &n);
	cr_assert_eq(n, 2);
	cr_assert(span_eq(f[0].path, SPAN("a.py")) && span_eq(f[0].text, SPAN(F1)));
	cr_assert_str_eq(f[0].language->name, "python");
	cr_assert(f[1].path.n == 0 && !f[1].language && span_eq(f[1].text, SPAN("{}\n")));
	quorum_files(q, 1, &n);
	cr_assert_eq(n, 0);
	quorum_free(q);
	buf_fini(&both[0].bytes);
	buf_fini(&both[1].bytes);
}

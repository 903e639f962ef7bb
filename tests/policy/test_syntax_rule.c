/* Syntax rules: what a query decides, at which byte, for every split, in plain bodies. */
#include <errno.h>
#include <stdio.h>

#include "tests/policy/syntax_play.h"

TestSuite(syntax_rule, .init = open_set, .fini = close_set);

static struct outcome body(const char *text)
{
	struct segment v[] = { { 0, text, SEGMENT_TEXT } };
	return play_every_way(&set, v, 1);
}

/* Raw offsets begin at 3; see judge_play.h. */
static uint64_t raw_after(const char *text, const char *what)
{
	const char *at = strstr(text, what);
	cr_assert_not_null(at);
	return 3 + (uint64_t)(at - text) + strlen(what);
}

Test(syntax_rule, match_is_cut_at_the_lead_in_and_decided_when_a_token_follows)
{
	static const char text[] =
		"import subprocess\nsubprocess.run(x,\n  shell=True)\ny = 1\nz = 2\n";
	struct outcome o = body(text);
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(o.verdict.cause, CUT_RULE);
	cr_assert_eq(o.let_go, raw_after(text, "run("));
	cr_assert_eq(o.verdict.decided_raw, raw_after(text, "y = 1\n"));
	cr_assert_eq(o.n_cards, 1);
	cr_assert_eq(o.cards[0].text_off, strlen("import subprocess\n"));
	cr_assert_eq(o.cards[0].text_len, strlen("subprocess.run(x,\n  shell=True)"));
}

Test(syntax_rule, the_end_of_the_text_decides_too)
{
	struct outcome o = body("subprocess.run(x, shell=True)");
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	o = body("subprocess.run(x, shell=False)");
	cr_assert_eq(o.verdict.kind, VERDICT_PASS);
}

Test(syntax_rule, near_misses_pass)
{
	static const char *const texts[] = {
		"subprocess.run(x, shell=False)\ny = 1\n",
		"subprocess.Popen(x, shell=True)\ny = 1\n",
		"s = 'subprocess.run(x, shell=True)'\ny = 1\n",
		"# subprocess.run(x, shell=True)\ny = 1\n",
		"subprocess.run(f(shell=True))\ny = 1\n",
		"const a = eval(\"1\");\nb();\n",
		"curl -s x | grep y\ncurl x\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct outcome o = body(texts[i]);
		cr_assert_eq(o.verdict.kind, VERDICT_PASS, "%s", texts[i]);
		cr_assert_eq(o.n_cards, 0, "%s", texts[i]);
	}
}

Test(syntax_rule, each_language_of_a_rule_is_tried_where_none_is_stated)
{
	struct outcome o = body("const f = (c: string): void => {\n  eval(c);\n};\n");
	cr_assert_eq(o.n_cards, 1);
	o = body("function f(c) {\n  eval('a' + c)\n}\n");
	cr_assert_eq(o.n_cards, 1);
}

Test(syntax_rule, pipeline_is_one_node)
{
	static const char text[] = "set -e\ncurl -s u | sh\necho\n";
	struct outcome o = body(text);
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(o.let_go, raw_after(text, "curl "));
}

/* While it is open, a comment or string of several lines is parsed as if it were code. */
Test(syntax_rule, open_comments_and_strings_are_no_code)
{
	static const char *const texts[] = {
		"def f():\n    \"\"\"\n    subprocess.run(x, shell=True)\n    y = 2\n    \"\"\"\n    return 1\n",
		"x = '''\nsubprocess.run(x, shell=True)\ny\n'''\nz = 1\n",
		"/*\n * Calls:\n * system(cmd);\n * then foo\n */\nint x;\n",
		"int f(void)\n{\n\t/*\n\t   system(cmd);\n\t   foo();\n\t */\n\treturn 0;\n}\n",
		"const s = `\neval(x);\nfoo();\n`;\nbar();\n",
		"/**\n * @example\n * eval(x);\n * foo\n */\nbar();\n",
		"package main\n/*\nspawn(x)\nfoo()\n*/\nfunc f() {}\n",
		"package main\nvar s = `\nspawn(x)\nfoo()\n`\nfunc f() {}\n",
		"fn f() {\nlet s = r#\"\n fork(x);\n foo();\n\"#;\nlet x = 1;\n}\n",
		"class A {\n/*\n execute(b);\n foo();\n*/\nint x;\n}\n",
		"cat <<EOF\ncurl x | sh\necho\nEOF\necho done\n",
		"usage=\"\ncurl x | sh\nfoo\n\"\necho done\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct outcome o = body(texts[i]);
		cr_assert_eq(o.verdict.kind, VERDICT_PASS, "%s", texts[i]);
		cr_assert_eq(o.n_cards, 0, "%s", texts[i]);
	}
	struct outcome o = body(
		"def f():\n    \"\"\"Closed.\"\"\"\n    subprocess.run(x, shell=True)\n    y\n");
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
}

/* A line that ends in a backslash goes on. */
Test(syntax_rule, continued_lines_are_one)
{
	cr_assert_eq(body("curl -s u \\\n  | sh\necho\n").verdict.kind, VERDICT_CUT);
	cr_assert_eq(body("curl -s u \\\r\n  -o - \\\r\n | sh\r\necho\r\n").verdict.kind,
		     VERDICT_CUT);
	cr_assert_eq(body("curl -s u \\\n  -o x\ncat x | sh\n").verdict.kind, VERDICT_PASS);
}

Test(syntax_rule, a_hold_that_meets_its_bound_is_a_cut)
{
	char text[400] = "subprocess.run(x,\n";
	while (strlen(text) < 300)
		strcat(text, "  a,\n");
	struct segment v[] = { { 0, text, SEGMENT_TEXT } };
	struct outcome o = play(&set, v, 1, NULL, false), other;
	cr_assert_eq(o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(o.verdict.cause, CUT_HOLD_BOUND);
	cr_assert_eq(o.verdict.decided_raw, 3 + strlen("subprocess.run(") + 200);
	for (size_t i = 0; i < strlen(text); i += 7) {
		bool splits[400] = { 0 };
		splits[i] = true;
		other = play(&set, v, 1, splits, false);
		play_same(&o, &other, "bound");
	}
}

/* Long programs: what is kept is bounded, and the answers stay. */
Test(syntax_rule, memory_of_a_long_program_is_bounded)
{
	struct buf text = { 0 };
	for (int i = 0; text.n < 300000; i++)
		buf_printf(&text, "def f%d(x):\n    if x:\n        return x + %d\n", i, i);
	for (int tail = 0; tail < 2; tail++) {
		buf_add_text(&text, tail ? "subprocess.run(x, shell=True)\n" : "eval(x)\n");
		struct judge *j = judge_new(set.set, NULL);
		struct verdict v = { 0 };
		for (size_t at = 0; at < text.n; at += 1000) {
			struct piece p = { .raw_off = at,
					   .raw_len = (uint32_t)min_size(1000, text.n - at),
					   .text_len = (uint32_t)min_size(1000, text.n - at),
					   .text = text.p + at };
			judge_feed(j, set.scratch, &p, 1, at + 1000 >= text.n, &v);
			cr_assert_leq(judge_memory(j), 64 << 10);
		}
		cr_assert_eq(v.kind, tail ? VERDICT_CUT : VERDICT_PASS);
		judge_free(j);
	}
	buf_fini(&text);
}

/* A tree of a few hundred lines is much more than their text. */
Test(syntax_rule, trees_are_counted)
{
	struct buf text = { 0 };
	while (text.n < 4000)
		buf_add_text(&text, "x = f(a, b)[1] + g(2)\n");
	buf_add_text(&text, "subprocess.run(x\n");
	struct piece p = { .raw_len = (uint32_t)text.n,
			   .text_len = (uint32_t)text.n,
			   .text = text.p };
	struct judge *j = judge_new(set.set, NULL);
	struct verdict v = { 0 };
	judge_feed(j, set.scratch, &p, 1, false, &v);
	cr_assert_eq(v.kind, VERDICT_HOLD);
	cr_assert_geq(judge_memory(j), 30000, "%zu", judge_memory(j));
	int64_t with = syntax_held();
	judge_free(j);
	cr_assert_leq(syntax_held(), with - 30000);
	buf_fini(&text);
}

/* Lines that never decide anything are parsed as long as there is an allowance. */
static uint64_t parses(uint32_t share)
{
	static const char line[] = "a([{ subprocess.run(\n";
	struct region g = { .share = share };
	struct candidates list = { 0 };
	struct regex_scratch *regex = regex_scratch_new();
	struct region_asker who = { &list, set.set, regex };
	region_begin(&g, 0, false, NULL);
	for (size_t i = 0; i < 200; i++) {
		struct candidate c = { .point = (i + 1) * strlen(line) - 1 };
		cr_assert(candidates_add(&list, &c));
		cr_assert(region_take(&g, &who, line, strlen(line)));
	}
	uint64_t n = g.parses;
	region_end(&g);
	cr_assert_eq(g.held, 0);
	free(list.v);
	regex_scratch_free(regex);
	return n;
}

Test(syntax_rule, further_channels_may_spend_less)
{
	uint64_t first = parses(1), fourth = parses(4), last = parses(64);
	uint64_t by_bytes = 200 * 21 / 256;
	cr_assert(first > 32 && first <= 64 + by_bytes, "%lu", first);
	cr_assert(fourth > 8 && fourth <= 16 + by_bytes, "%lu", fourth);
	cr_assert(last > 0 && last <= 1 + by_bytes, "%lu", last);
}

Test(syntax_rule, deep_nesting_and_endless_lines_end)
{
	struct buf text = { 0 };
	buf_add_text(&text, "subprocess.run(");
	for (int i = 0; i < 150; i++)
		buf_add_text(&text, "[");
	struct segment v[] = { { 0, text.p, SEGMENT_TEXT } };
	buf_add(&text, "", 1);
	v[0].text = text.p;
	struct outcome o = play(&set, v, 1, NULL, false);
	cr_assert_eq(o.verdict.kind, VERDICT_PASS, "no program in any language");
	buf_clear(&text);
	while (text.n < 200000)
		buf_add_text(&text, "subprocess.run(x, shell=False); ");
	buf_add(&text, "", 1);
	v[0].text = text.p;
	o = play(&set, v, 1, NULL, false);
	cr_assert_eq(o.verdict.kind, VERDICT_CUT, "held past its bound");
	cr_assert_eq(o.verdict.cause, CUT_HOLD_BOUND);
	buf_fini(&text);
}

/* Programs longer than what is kept of them. */
Test(syntax_rule, long_programs_at_splits)
{
	for (size_t lead = 16200; lead < 16500; lead += 43) {
		struct buf text = { 0 };
		for (int i = 0; text.n < lead; i++)
			buf_printf(&text, i % 7 ? "  x%d = y\n" : "def f%d():\n", i);
		buf_add_text(&text, "  subprocess.run(x,\n  1,\n  2,\n   shell=True)\n  y\nz\n");
		buf_add(&text, "", 1);
		struct segment v[] = { { 0, text.p, SEGMENT_TEXT } };
		struct outcome whole = play(&set, v, 1, NULL, false), other;
		bool *splits = calloc(text.n, sizeof(bool));
		for (size_t step = 1; step < 3000; step = step * 3 + 1) {
			memset(splits, 0, text.n);
			for (size_t i = 0; i < text.n; i += step)
				splits[i] = true;
			other = play(&set, v, 1, splits, false);
			play_same(&whole, &other, "long");
		}
		cr_assert_eq(whole.verdict.kind, VERDICT_CUT);
		free(splits);
		buf_fini(&text);
	}
}

/* Files */

static void refused(const char *keys, const char *says)
{
	char yaml[600];
	struct buf errors = { 0 };
	struct ruleset *none = NULL;
	snprintf(
		yaml, sizeof(yaml),
		"version: 1\nrules:\n  - id: a\n    title: t\n    severity: low\n    action: %s\n%s",
		strstr(keys, "REDACT") ? "redact" : "cut",
		strstr(keys, "REDACT") ? keys + 6 : keys);
	cr_assert_eq(ruleset_parse("t.yaml", span_of(yaml), &none, &errors), -EINVAL, "%s", yaml);
	buf_add(&errors, "", 1);
	cr_assert(strstr(errors.p, says), "%s: %s", says, errors.p);
	buf_fini(&errors);
}

Test(syntax_rule, a_policy_may_hold_more_than_its_syntax_rules)
{
	struct play p = play_open(
		"version: 1\nhold: {bytes: 20000}\nrules:\n  - id: a\n    title: t\n"
		"    severity: low\n    action: cut\n    languages: [go]\n    lead_in: f\\(\n"
		"    query: (call_expression) @c\n");
	cr_assert_eq(ruleset_rule(p.set, 0)->hold_bytes, REGION_HOLD);
	play_close(&p);
}

Test(syntax_rule, bad_rules_are_refused_with_a_remedy)
{
	refused("    query: (call) @c\n    lead_in: x\n", "write languages: [python]");
	refused("    query: (call) @c\n    languages: [python]\n", "write lead_in");
	refused("    query: (call) @c\n    languages: [cobol]\n    lead_in: x\n",
		"\"cobol\" is not known");
	refused("    query: (call @c\n    languages: [python]\n    lead_in: x\n", "form is broken");
	refused("    query: |\n      ; one\n      (cal) @c\n    languages: [python]\n    lead_in: x\n",
		"line 2 of the query, as python: no type of node is called so: \"cal\"");
	refused("    query: \"(call nofield: (identifier)) @c\"\n    languages: [python]\n    lead_in: x\n",
		"no field");
	refused("    query: (_) @c\n    languages: [python]\n    lead_in: x\n", "no type of node");
	refused("    query: (call) @c (#near? @c \"x\")\n    languages: [python]\n    lead_in: x\n",
		"t.yaml:7");
	refused("    query: ((call) @c (#near? @c \"x\"))\n    languages: [python]\n    lead_in: x\n",
		"#near? is not known");
	refused("    query: ((call) @c (#match? @c \"(\"))\n    languages: [python]\n    lead_in: x\n",
		"t.yaml:7");
	refused("    query: (call) @c\n    languages: [python]\n    lead_in: x\n    regex: y\n",
		"exclude each other");
	refused("    query: (call) @c\n    languages: [python]\n    lead_in: x\n    hold: none\n",
		"at most 8000");
	refused("    regex: abcd\n    languages: [python]\n", "languages are for a query");
	refused("REDACT    query: (call) @c\n    languages: [python]\n    lead_in: x\n",
		"cannot redact");
	refused("    query: (call) @c\n    languages: [python]\n    lead_in: abcd\n    decode: [hex]\n",
		"t.yaml:10: rule a: decode and a query exclude each other");
}

Test(syntax_rule, a_policy_that_decodes_leaves_syntax_rules_out)
{
	struct play p = play_open("version: 1\ndecode: [base64]\nrules:\n  - id: a\n    title: t\n"
				  "    severity: critical\n    action: cut\n    languages: [go]\n"
				  "    lead_in: abcde\\(\n    query: (call_expression) @c\n");
	cr_assert_eq(ruleset_rule(p.set, 0)->decode, 0);
	play_close(&p);
}

/* Syntax rules: what a query decides, at which byte, for every split; in plain bodies, fences and
 * the arguments of tools. */
#include <errno.h>
#include <stdio.h>

#include "policy/region.h"
#include "tests/policy/judge_play.h"

#define QUERY_SHELL                                                                                       \
	"      (call function: (attribute object: (identifier) @o attribute: (identifier) @f)\n"          \
	"            arguments: (argument_list (keyword_argument name: (identifier) @k value: (true)))\n" \
	"            (#eq? @o \"subprocess\") (#any-of? @f \"run\" \"call\") (#eq? @k \"shell\"))\n"

static const char policy[] =
	"version: 1\n"
	"rules:\n"
	"  - id: shell\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [python]\n"
	"    lead_in: 'subprocess\\.\\w{1,9}\\('\n"
	"    hold: {bytes: 200}\n"
	"    query: |\n" QUERY_SHELL "  - id: eval\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: flag\n"
	"    languages: [javascript, typescript]\n"
	"    lead_in: '\\beval\\('\n"
	"    query: |\n"
	"      (call_expression function: (identifier) @f arguments: (arguments . [(identifier) (binary_expression)])\n"
	"        (#eq? @f \"eval\"))\n"
	"  - id: piped\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [bash]\n"
	"    lead_in: '\\bcurl '\n"
	"    query: |\n"
	"      (pipeline (command name: (command_name) @c) (command name: (command_name) @s)\n"
	"        (#eq? @c \"curl\") (#match? @s \"^(ba)?sh$\"))\n"
	"  - id: system\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [c]\n"
	"    lead_in: '\\bsystem\\('\n"
	"    query: |\n"
	"      (call_expression function: (identifier) @f arguments: (argument_list (identifier)) (#eq? @f \"system\"))\n"
	"  - id: spawn\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [go]\n"
	"    lead_in: '\\bspawn\\('\n"
	"    query: '(call_expression function: (identifier) @f (#eq? @f \"spawn\"))'\n"
	"  - id: fork\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [rust]\n"
	"    lead_in: '\\bfork\\('\n"
	"    query: '(call_expression function: (identifier) @f (#eq? @f \"fork\"))'\n"
	"  - id: execute\n"
	"    title: t\n"
	"    severity: high\n"
	"    action: cut\n"
	"    languages: [java]\n"
	"    lead_in: '\\bexecute\\('\n"
	"    query: '(method_invocation name: (identifier) @f (#eq? @f \"execute\"))'\n";

static struct play set;

static void open_set(void)
{
	set = play_open(policy);
}

static void close_set(void)
{
	play_close(&set);
}

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

/* Of a wire: prose with fences, and arguments. */

struct wired {
	struct outcome o;
	uint64_t undecided;
};

static enum dialect dialect = DIALECT_CHAT;

static struct wired wired(const char *bytes, size_t step)
{
	const struct wire_options options = { .framing = dialect == DIALECT_OLLAMA ? FRAMING_LINES
										   : FRAMING_SSE,
					      .dialect = dialect,
					      .frame_max = 16384 };
	struct wire *w = wire_new(&options);
	struct judge *j = judge_new(set.set, w);
	struct pieces pieces = { 0 };
	struct wired out = { 0 };
	size_t n = strlen(bytes), taken = 0;
	for (size_t have = 0; have < n; have += step) {
		size_t upto = min_size(n, have + step);
		taken += wire_feed(w, bytes + taken, upto - taken, &pieces);
		judge_feed(j, set.scratch, pieces.v, pieces.n, false, &out.o.verdict);
		pieces.n = 0;
	}
	cr_assert_eq(wire_finish(w, bytes + taken, n - taken, &pieces), WIRE_OK);
	judge_feed(j, set.scratch, pieces.v, pieces.n, true, &out.o.verdict);
	const struct card *cards = judge_cards(j, &out.o.n_cards);
	memcpy(out.o.cards, cards ? cards : out.o.cards, out.o.n_cards * sizeof(*cards));
	out.o.let_go = out.o.verdict.kind == VERDICT_PASS ? n : out.o.verdict.release_raw;
	out.undecided = judge_counts(j)->undecided;
	judge_free(j);
	wire_free(w);
	pieces_fini(&pieces);
	return out;
}

#define EVENT(inside) "data: {\"choices\":[{\"index\":0,\"delta\":{" inside "}}]}\n\n"
#define SAYS(text) EVENT("\"content\":\"" text "\"")
#define CALLS(text) \
	EVENT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"" text "\"}}]")
#define BAD "subprocess.run(c, shell=True)\\n"

static struct wired everywhere(const char *bytes)
{
	struct wired whole = wired(bytes, strlen(bytes));
	for (size_t step = 1; step < strlen(bytes); step += step < 24 ? 1 : 17) {
		struct wired other = wired(bytes, step);
		play_same(&whole.o, &other.o, bytes);
		cr_assert_eq(whole.undecided, other.undecided);
	}
	return whole;
}

Test(syntax_rule, fences_say_the_language)
{
	static const struct {
		const char *bytes;
		bool cut;
	} cases[] = {
		{ SAYS("Run:\\n```python\\n" BAD "```\\n"), true },
		{ SAYS("Run:\\n```python\\n" BAD "```"), true },
		{ SAYS("Run:\\n```\\n" BAD "```\\n"), true },
		{ SAYS("Run:\\n```py") SAYS("thon\\nsubprocess.r") SAYS("un(c, shell=True)\\n``")
			  SAYS("`\\n"),
		  true },
		{ SAYS("Run:\\n```javascript\\n" BAD "```\\n"), false },
		{ SAYS("Run:\\n```text\\n" BAD "```\\n"), false },
		{ SAYS("Run: " BAD), false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_assert_eq(everywhere(cases[i].bytes).o.verdict.kind,
			     cases[i].cut ? VERDICT_CUT : VERDICT_PASS, "%s", cases[i].bytes);
}

Test(syntax_rule, arguments_hold_files)
{
#define QUOTED "subprocess.run(\\\\\\\"c\\\\\\\", shell=True)\\\\n"
	static const struct {
		const char *bytes;
		bool cut;
	} cases[] = {
		{ CALLS("{\\\"path\\\":\\\"a.py\\\",\\\"content\\\":\\\"" QUOTED "\\\"}"), true },
		{ CALLS("{\\\"content\\\":\\\"" QUOTED "\\\",\\\"path\\\":\\\"a.js\\\"}"), true },
		{ CALLS("{\\\"file_path\\\":\\\"a.js\\\",\\\"content\\\":\\\"" QUOTED "\\\"}"),
		  false },
		{ CALLS("{\\\"path\\\":\\\"a.md\\\",\\\"content\\\":\\\"" QUOTED "\\\"}"), false },
		{ CALLS("{\\\"path\\\":\\\"a.py\\\",\\\"content\\\":\\\"subprocess.run(\\\\\\\"c\\\\\\\", ")
			  CALLS("shell=False)\\\",\\\"shell\\\":\\\"True)\\\"}"),
		  false },
		{ CALLS("{\\\"path\\\":\\\"a.py\\\",\\\"content\\\":\\\"subprocess.run(\\\\\\\"c\\\\\\\", ")
			  CALLS("shell=True)\\\"}"),
		  true },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_assert_eq(everywhere(cases[i].bytes).o.verdict.kind,
			     cases[i].cut ? VERDICT_CUT : VERDICT_PASS, "%s", cases[i].bytes);
}

#define PYTHON "subprocess.run(c, shell=True)\\\\n"
#define KEY(k, v) "\\\"" k "\\\":\\\"" v "\\\""

/* What a string's language is was said before it, never in it or behind it. */
Test(syntax_rule, paths_speak_for_the_strings_behind_them)
{
	static const struct {
		const char *bytes;
		bool cut;
	} cases[] = {
		{ CALLS("{" KEY("path", "subprocess.run(c, shell=True).js") "}"), true },
		{ CALLS("{" KEY("path", ".") "," KEY("content", PYTHON) "}"), true },
		{ CALLS("{" KEY("path", "/home/u/.x/") "," KEY("content", PYTHON) "}"), true },
		{ CALLS("{" KEY("path", "a.d/Makefile") "," KEY("content", PYTHON) "}"), true },
		{ CALLS("[{" KEY("path", "a.md") "},{" KEY("content", PYTHON) "," KEY("path",
										      "b.py") "}]"),
		  true },
		{ CALLS("{" KEY("path", "") "," KEY("content", PYTHON) "}"), true },
		{ CALLS("{" KEY("path", "a.md") "," KEY("x", "") "," KEY("content", PYTHON) "}"),
		  false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_assert_eq(everywhere(cases[i].bytes).o.verdict.kind,
			     cases[i].cut ? VERDICT_CUT : VERDICT_PASS, "%s", cases[i].bytes);
}

static void all(const char *const *bytes, size_t n, bool cut)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(everywhere(bytes[i]).o.verdict.kind, cut ? VERDICT_CUT : VERDICT_PASS,
			     "%s", bytes[i]);
}

Test(syntax_rule, fences_of_every_form)
{
	static const char *const cut[] = {
		SAYS("~~~python\\n" BAD "~~~\\n"),
		SAYS("~~~python\\n```\\n" BAD "```\\n~~~\\n"),
		SAYS("````python\\n" BAD "```\\n````\\n"),
		SAYS("```python\\r\\nsubprocess.run(c,\\r\\n shell=True)\\r\\n```\\r\\nok"),
		SAYS("```python\\n" BAD "```") SAYS("\\n") SAYS("ok"),
		SAYS("```python\\n" BAD "```") "data: [DONE]\n\n",
		SAYS("```python\\n" BAD "  ``` ") SAYS("\\nok"),
		SAYS("```python\\nx = '\\u00e4\\ud83d\\ude00'\\n" BAD "```\\n"),
		SAYS("```python\\nx = 'ä€'\\n" BAD "```\\n"),
		SAYS("```text\\n" BAD "```\\n```python\\n" BAD "```\\n"),
		SAYS("```python\\nx\\n```\\n```js\\neval(c)\\n```\\n```py\\n" BAD "```\\n"),
	};
	static const char *const pass[] = {
		SAYS("~~~text\\n```python\\n" BAD "```\\n~~~\\n"),
		SAYS("```python\\n```\\n" BAD "```\\n```\\n"),
		SAYS("    ```python\\n" BAD "    ```\\n"),
		SAYS("```python\\n# subprocess.run(\\n```\\nc, shell=True)\\n"),
		SAYS("```python\\n") EVENT("\"refusal\":\"" BAD "\""),
	};
	all(cut, ARRAY_LEN(cut), true);
	all(pass, ARRAY_LEN(pass), false);
}

Test(syntax_rule, text_with_nul_bytes_is_the_same_at_every_split)
{
	everywhere(SAYS("```python\\n"
			"x\\u0000\\n" BAD "y\\u0000\\nz\\n```\\n"));
	everywhere(SAYS("```python\\nsubprocess.run(c,\\u0000shell=True)\\n\\u0000\\nz\\n```\\n"));
	everywhere(
		CALLS("{" KEY("path", "a\\\\u0000.py") "," KEY("content", PYTHON "\\\\u0000") "}"));
}

#define QUOTE "\\u0022"

Test(syntax_rule, quotes_of_every_form)
{
	static const char *const cut[] = {
		CALLS("{" QUOTE "path" QUOTE ":" QUOTE "a.py" QUOTE "," QUOTE "content" QUOTE
		      ":" QUOTE "subprocess.run(\\\\u0022c\\\\u0022, shell=True)" QUOTE "}"),
		CALLS("{" QUOTE "path" QUOTE ":" QUOTE "a.py" QUOTE "," QUOTE "content" QUOTE
		      ":" QUOTE "subprocess.run(\\u005c" QUOTE "c\\u005c\\\", shell=True)" QUOTE
		      "}"),
		CALLS("{" QUOTE QUOTE ":[" QUOTE QUOTE "," QUOTE QUOTE "," QUOTE BAD QUOTE "]}"),
	};
	all(cut, ARRAY_LEN(cut), true);
	static const char *const pass[] = {
		CALLS("{" KEY("path", "a.js") "," KEY("content", PYTHON) "}"),
		CALLS("{" KEY("a", "subprocess.run(c,") "," KEY("b", "shell=True)") "}"),
	};
	all(pass, ARRAY_LEN(pass), false);
}

#define PART(args)                                                                                         \
	"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"w\",\"args\":" args \
	"}}]}}]}\n\n"
#define OLLAMA(args)                                                                                            \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{" \
	"\"name\":\"w\",\"arguments\":" args "}}]},\"done\":false}\n"
#define OBJECT(file) \
	"{\"path\":\"" file "\",\"content\":\"subprocess.run(\\\"c\\\", shell=True)\\ny\\n\"}"

Test(syntax_rule, arguments_that_are_objects)
{
	dialect = DIALECT_GEMINI;
	static const char *const cut[] = {
		PART(OBJECT("a.py")),
		PART(OBJECT("")),
		PART(OBJECT("a.md")) PART("{\"content\":\"subprocess.run(c, shell=True)\"}"),
		PART("{\"\":\"\",\"command\":\"subprocess.run(\\u0022c\\u0022, shell=True)\"}"),
	};
	static const char *const pass[] = { PART(OBJECT("a.md")), PART(OBJECT("a.js")) };
	all(cut, ARRAY_LEN(cut), true);
	all(pass, ARRAY_LEN(pass), false);
	dialect = DIALECT_OLLAMA;
	static const char *const cut_lines[] = {
		OLLAMA(OBJECT("a.py")),
		OLLAMA(OBJECT("a.md")) OLLAMA("{\"content\":\"subprocess.run(c, shell=True)\"}"),
	};
	static const char *const pass_lines[] = { OLLAMA(OBJECT("a.md")) };
	all(cut_lines, ARRAY_LEN(cut_lines), true);
	all(pass_lines, ARRAY_LEN(pass_lines), false);
}

Test(syntax_rule, broken_code_is_undecided_where_its_language_is_stated)
{
	struct wired w = everywhere(SAYS("```python\\nsubprocess.run(c, ((\\n```\\n"));
	cr_assert_eq(w.undecided, 1);
	cr_assert_eq(w.o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(w.o.verdict.cause, CUT_HOLD_BOUND);
	w = everywhere(SAYS("```\\nsubprocess.run(c, ((\\n```\\n"));
	cr_assert_eq(w.undecided, 0);
	cr_assert_eq(w.o.verdict.kind, VERDICT_PASS);
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

/* A fence that closes is no part of the program, however near the program is to its bounds. */
Test(syntax_rule, fence_at_the_bound_of_a_line)
{
	for (size_t n = 65480; n < 65500; n += 3) {
		struct buf text = { 0 };
		buf_add_text(
			&text,
			"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"```python\\n'");
		for (size_t i = 0; i < n; i++)
			buf_add_text(&text, "a");
		buf_add_text(&text, "'\\nsubprocess.run(c, shell=True)\\n```      \\nok\"}}]}\n\n");
		buf_add(&text, "", 1);
		struct wired whole = wired(text.p, text.n - 1);
		struct wired other = wired(text.p, 1);
		play_same(&whole.o, &other.o, "fence");
		cr_assert_eq(whole.undecided, other.undecided);
		buf_fini(&text);
	}
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

/* Syntax rules where programs stand in a wire's text: in fences, and in the arguments of tools. */
#include "tests/policy/syntax_play.h"

TestSuite(syntax_wire, .init = open_set, .fini = close_set);

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

Test(syntax_wire, fences_say_the_language)
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

Test(syntax_wire, arguments_hold_files)
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
Test(syntax_wire, paths_speak_for_the_strings_behind_them)
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

/* Decided with nothing behind the lead-in: nothing was held, whatever came in between. */
Test(syntax_wire, lead_in_at_the_very_end)
{
	static const char *const cut[] = {
		SAYS("```python\\nsubprocess.run("),
		SAYS("```python\\nsubprocess.run(") EVENT("\"refusal\":\"no\""),
		SAYS("```python\\nsubprocess.run(") EVENT("\"refusal\":\"no\"") "data: [DONE]\n\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(cut); i++)
		cr_assert_eq(everywhere(cut[i]).o.verdict.cause, CUT_HOLD_BOUND, "%s", cut[i]);
}

Test(syntax_wire, what_a_cut_ends_is_not_counted)
{
	struct wired w = everywhere(SAYS("```python\\n" BAD "y\\nsubprocess.run(c, ((\\n```\\n"));
	cr_assert_eq(w.o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(w.undecided, 0);
	w = everywhere(SAYS("```js\\neval(c, ((\\n```\\n"));
	cr_assert_eq(w.undecided, 1);
	cr_assert_eq(w.o.verdict.kind, VERDICT_PASS);
}

static void all(const char *const *bytes, size_t n, bool cut)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(everywhere(bytes[i]).o.verdict.kind, cut ? VERDICT_CUT : VERDICT_PASS,
			     "%s", bytes[i]);
}

Test(syntax_wire, fences_of_every_form)
{
	static const char *const cut[] = {
		SAYS("~~~python\\n" BAD "~~~\\n"),
		SAYS("```python:a.py\\n" BAD "```\\n"),
		SAYS("```{.python}\\n" BAD "```\\n"),
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

Test(syntax_wire, text_with_nul_bytes_is_the_same_at_every_split)
{
	everywhere(SAYS("```python\\n"
			"x\\u0000\\n" BAD "y\\u0000\\nz\\n```\\n"));
	everywhere(SAYS("```python\\nsubprocess.run(c,\\u0000shell=True)\\n\\u0000\\nz\\n```\\n"));
	everywhere(
		CALLS("{" KEY("path", "a\\\\u0000.py") "," KEY("content", PYTHON "\\\\u0000") "}"));
}

#define QUOTE "\\u0022"

Test(syntax_wire, quotes_of_every_form)
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

/* A frame that ends inside an escape of the inner layer: the quote behind it is text. */
Test(syntax_wire, quotes_whose_escape_is_divided)
{
	static const char *const texts[] = {
		CALLS("{\\\"code\\\":\\\"subprocess.run(\\\\")
			CALLS("\\\"c\\\\\\\", shell=True)\\\\n\\\"}"),
		CALLS("{\\\"code\\\":\\\"subprocess.run(\\\\\\\"c\\\\")
			CALLS("\\\", shell=True)\\\\n\\\"}"),
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		cr_assert_eq(everywhere(texts[i]).o.verdict.kind, VERDICT_CUT, "%s", texts[i]);
}

Test(syntax_wire, arguments_that_are_objects)
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

Test(syntax_wire, broken_code_is_undecided_where_its_language_is_stated)
{
	struct wired w = everywhere(SAYS("```python\\nsubprocess.run(c, ((\\n```\\n"));
	cr_assert_eq(w.undecided, 1);
	cr_assert_eq(w.o.verdict.kind, VERDICT_CUT);
	cr_assert_eq(w.o.verdict.cause, CUT_HOLD_BOUND);
	w = everywhere(SAYS("```\\nsubprocess.run(c, ((\\n```\\n"));
	cr_assert_eq(w.undecided, 0);
	cr_assert_eq(w.o.verdict.kind, VERDICT_PASS);
}

/* A fence that closes is no part of the program, however near the program is to its bounds. */
Test(syntax_wire, fence_at_the_bound_of_a_line)
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

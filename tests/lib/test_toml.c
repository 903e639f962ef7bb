/* lib/toml.c: documents as trees with lines; what is not TOML is refused with its line. */
#include "lib/toml.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* {key: value, ...}, [value, ...], words as they are, strings in quotes. */
static void show(const struct yaml_node *n, struct buf *out)
{
	if (n->kind == YAML_SCALAR) {
		buf_printf(out, n->quoted ? "\"%s\"" : "%s", n->text);
		return;
	}
	buf_add_char(out, n->kind == YAML_MAP ? '{' : '[');
	for (const struct yaml_node *c = n->first; c; c = c->next) {
		if (c->key)
			buf_printf(out, "%s: ", c->key);
		show(c, out);
		buf_add_text(out, c->next ? ", " : "");
	}
	buf_add_char(out, n->kind == YAML_MAP ? '}' : ']');
}

static void reads(const char *text, const char *wanted)
{
	struct buf errors = { 0 }, got = { 0 };
	struct toml *t = NULL;
	int rc = toml_parse("t", span_of(text), &t, &errors);
	cr_assert_eq(rc, 0, "%s: %.*s", text, (int)errors.n, errors.p);
	show(toml_root(t), &got);
	cr_assert(got.n == strlen(wanted) && memcmp(got.p, wanted, got.n) == 0, "%s: %.*s", text,
		  (int)got.n, got.p);
	toml_free(t);
	buf_fini(&got);
	buf_fini(&errors);
}

static void refuses(const char *text, const char *says)
{
	struct buf errors = { 0 };
	struct toml *t = NULL;
	cr_assert_eq(toml_parse("t", span_of(text), &t, &errors), -EINVAL, "%s", text);
	cr_assert_null(t);
	buf_add_char(&errors, '\0');
	cr_assert(strncmp(errors.p, says, strlen(says)) == 0, "%s: %s", text, errors.p);
	cr_assert_eq(strchr(errors.p, '\n'), errors.p + errors.n - 2, "%s", errors.p);
	buf_fini(&errors);
}

Test(toml, values)
{
	reads("", "{}");
	reads("# a comment\r\n\n  \t# more", "{}");
	reads("\xef\xbb\xbf"
	      "a = 1",
	      "{a: 1}");
	reads("a = true # yes\nb=-3.5e7\nc = 1979-05-27T07:32:00Z\nd = 0xfF_f\n",
	      "{a: true, b: -3.5e7, c: 1979-05-27T07:32:00Z, d: 0xfF_f}");
	reads("a = [1, [2, 3], ] # end", "{a: [1, [2, 3]]}");
	reads("a = [ # one\n 1,\n\n 2 # two\n]\n", "{a: [1, 2]}");
	reads("a = {b = 1, c.d = \"x\"}", "{a: {b: 1, c: {d: \"x\"}}}");
	reads("a = {}\nb = []", "{a: {}, b: []}");
}

Test(toml, strings)
{
	reads("a = \"b\\\"c\\\\\\t\\u00e9\\U0001F600\"",
	      "{a: \"b\"c\\\t\xc3\xa9\xf0\x9f\x98\x80\"}");
	reads("a = 'b\\d\"'", "{a: \"b\\d\"\"}");
	reads("a = '''\nb'c''d\n'''", "{a: \"b'c''d\n\"}");
	reads("a = '''(?i)x\\b'''", "{a: \"(?i)x\\b\"}");
	reads("a = \"\"\"b\"\"\"\"\"", "{a: \"b\"\"\"}");
	reads("a = \"\"\"b \\\n   c\"\"\"", "{a: \"b c\"}");
	reads("a = \"\"", "{a: \"\"}");
	reads("a = ''''''", "{a: \"\"}");
}

Test(toml, tables)
{
	reads("[a]\nb = 1\n[c.d]\ne = 2\n[c]\nf = 3", "{a: {b: 1}, c: {d: {e: 2}, f: 3}}");
	reads("[[a]]\nb = 1\n[[a]]\nb = 2\n[[a.c]]\nd = 3\n[[a.c]]",
	      "{a: [{b: 1}, {b: 2, c: [{d: 3}, {}]}]}");
	reads("\"a b\".'c' = 1\na.b = 2\n1 = 3", "{a b: {c: 1}, a: {b: 2}, 1: 3}");
}

Test(toml, lines)
{
	struct buf errors = { 0 };
	struct toml *t = NULL;
	cr_assert_eq(toml_parse("t", SPAN("\n[[a]]\n\nb = '''\nx\n'''\nc = 1\n"), &t, &errors), 0);
	const struct yaml_node *a = yaml_get(toml_root(t), "a");
	cr_assert_eq(a->first->line, 2);
	cr_assert_eq(yaml_get(a->first, "b")->line, 4);
	cr_assert_eq(yaml_get(a->first, "c")->line, 7);
	toml_free(t);
}

Test(toml, refusals)
{
	refuses("a", "t:1: not TOML: a name without a value");
	refuses("a = ", "t:1: not TOML: a value belongs here");
	refuses("a = 1 2", "t:1: not TOML: something follows on the line");
	refuses("\na = 1\na = 2", "t:3: not TOML: a name stands here twice");
	refuses("a = \"x", "t:1: not TOML: a string does not end");
	refuses("a = \"", "t:1: not TOML: a string does not end");
	refuses("a = \"\"\"x", "t:1: not TOML: a string does not end");
	refuses("a = \"x\ny\"", "t:1: not TOML: a string does not end on its line");
	refuses("a = \"\\q\"", "t:1: not TOML: an escape is not known");
	refuses("a = \"\\u0000\"", "t:1: not TOML: an escape stands for no character");
	refuses("a = \"\\ud800\"", "t:1: not TOML: an escape stands for no character");
	refuses("a = \"\\u00g0\"", "t:1: not TOML: an escape has too few");
	refuses("a = \"x\x01\"", "t:1: not TOML: a string");
	refuses("[a\nb = 1", "t:1: not TOML: a header does not end");
	refuses("[[a]\n", "t:1: not TOML: a header does not end");
	refuses("[/a]]]", "t:1: not TOML: a name belongs here");
	refuses("[]", "t:1: not TOML: a name belongs here");
	refuses("\xc8\x8cst", "t:1: not TOML: a name belongs here");
	refuses("[a]\n[a]", "t:2: not TOML: a table is opened twice");
	refuses("a = 1\n[a]", "t:2: not TOML: a table is opened twice");
	refuses("a = 1\n[a.b]", "t:2: not TOML: a name goes through something");
	refuses("a = {b = 1}\na.c = 2", "t:2: not TOML: a name goes through something");
	refuses("a = [{b = 1}]\n[[a]]", "t:2: not TOML: a list of tables has the name");
	refuses("a = [1 2]", "t:1: not TOML: an array goes on without a comma");
	refuses("a = {b = 1\n}", "t:1: not TOML: a table in braces");
	refuses("\"\"\"a\"\"\" = 1", "t:1: not TOML: a name may not go over several lines");
	refuses("a = 1 # \x7f", "t:1: not TOML: something follows");
}

Test(toml, depth_is_bounded)
{
	struct buf text = { 0 };
	buf_add_text(&text, "a = ");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&text, '[');
	buf_add_char(&text, '\0');
	refuses(text.p, "t:1: not TOML: nested too deep");
	buf_fini(&text);
}

Test(toml, every_beginning_is_read_or_refused)
{
	static const char text[] = "[[r.s]]\na = \"\"\"x\\u00e9\\\n  y\"\"\"\nb = {c = ['d', 1.5,],"
				   " \"e\" = {}} # z\r\n[f]\ng.h = '''i''''\n";
	for (size_t n = 0; n <= strlen(text); n++) {
		struct buf errors = { 0 };
		struct toml *t = NULL;
		char *exact =
			n ? malloc(n) : NULL; /* its own memory, so that a late read is seen */
		if (n)
			memcpy(exact, text, n);
		int rc = toml_parse("t", (struct span){ n ? exact : "", n }, &t, &errors);
		cr_assert((rc == 0) == (t != NULL) && (rc == 0) == (errors.n == 0), "at %zu", n);
		toml_free(t);
		free(exact);
		buf_fini(&errors);
	}
}

Test(toml, files)
{
	struct buf errors = { 0 };
	struct toml *t = NULL;
	cr_assert_eq(toml_load("/nonexistent.toml", &t, &errors), -ENOENT);
	cr_assert_eq(toml_load("/", &t, &errors), -EISDIR);
	cr_assert_null(t);
	cr_assert_not_null(
		memmem(errors.p, errors.n, "/nonexistent.toml:1: cannot be read (No such", 44));
	buf_fini(&errors);
}

/* What is known of a tree while its text arrives is in the tree of the whole text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/json.h"
#include "policy/online.h"
#include "policy/online_text.h"
#include "policy/tree_language.h"

TestSuite(online, .timeout = 1200);

struct tally {
	unsigned texts, lines, wrong;
	uint64_t known, all; /* nodes, summed up over lines */
};

static bool is_any(const struct syntax_language *language, struct span label)
{
	(void)language;
	const char *blank = memchr(label.p, ' ', label.n);
	return blank && memmem(label.p, (size_t)(blank - label.p), "identifier", 10);
}

/* At each line end. */
static void read_lines(const struct syntax_language *language, struct span text, const char *id,
		       size_t every, struct tally *t)
{
	struct labels *labels = labels_new();
	struct tree whole, part;
	if (tree_build(language, text, labels, &whole) != TREE_OK) {
		labels_free(labels);
		return;
	}
	t->texts++;
	size_t line = 0;
	for (size_t n = 1; n < text.n; n++) {
		uint64_t steps = UINT64_MAX;
		uint32_t known = 0, i = 0;
		if (text.p[n - 1] != '\n' || line++ % every)
			continue;
		if (online_read(language, (struct span){ text.p, n }, &steps, labels, &part,
				&known)) {
			while (i < known && i < whole.n && part.left[i] == whole.left[i] &&
			       (part.label[i] == whole.label[i] ||
				is_any(language, labels_text(labels, part.label[i]))))
				i++;
			t->known += known;
		}
		if (i < known && t->wrong++ < 5) {
			struct span l = labels_text(labels, part.label[i]),
				    w = i < whole.n ? labels_text(labels, whole.label[i])
						    : SPAN("(none)");
			printf("%s: line %zu, node %u of %u: %.*s, not %.*s\n", id, line, i, known,
			       (int)l.n, l.p, (int)w.n, w.p);
		}
		t->lines++;
		t->all += whole.n * n / text.n;
		tree_fini(&part);
	}
	tree_fini(&whole);
	labels_free(labels);
}

static void read_file(const char *name, const char *const fields[], size_t every, struct tally *t)
{
	char path[512];
	struct buf all = { 0 };
	snprintf(path, sizeof(path), "%s/%s", getenv("CORPORA") ? getenv("CORPORA") : "", name);
	if (file_read(path, 64 << 20, &all) != 0)
		return;
	for (size_t at = 0, n; at < all.n; at += n + 1) {
		struct json *j = NULL;
		const char *end = memchr(all.p + at, '\n', all.n - at);
		n = end ? (size_t)(end - all.p) - at : all.n - at;
		cr_assert_eq(json_parse((struct span){ all.p + at, n }, &j), 0);
		const struct json_value *root = json_root(j);
		struct span id = json_string(json_get(root, "id"));
		char word[64];
		snprintf(word, sizeof(word), "%.*s", (int)id.n, id.p);
		const struct syntax_language *l =
			syntax_find(json_string(json_get(root, "language")));
		for (size_t i = 0; l && fields[i]; i++)
			read_lines(l, json_string(json_get(root, fields[i])), word, every, t);
		json_free(j);
	}
	buf_fini(&all);
}

static const char *const both[] = { "code_a", "code_b", NULL };
static const char *const one[] = { "code", NULL };

Test(online, what_is_known_stays_so_in_real_programs)
{
	struct tally t = { 0 };
	read_file("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl", both, 5, &t);
	read_file("code_equiv/equivalent_pairs.jsonl", both, 5, &t);
	read_file("code_pairs/classeval_solutions.jsonl", one, 5, &t);
	if (!t.texts)
		cr_skip("no corpora");
	printf("%u texts, %u lines, %.1f %% of the nodes known, %u wrong\n", t.texts, t.lines,
	       100.0 * (double)t.known / (double)t.all, t.wrong);
	cr_assert_eq(t.wrong, 0);
}

/* Where what comes later could change what stands before. */
static const char *const late[][2] = {
	{ "python", "print(eval('x'))\ny = 1\nx = 2\ndef f(a):\n    return a\nz = 3\n" },
	{ "python", "def f(a):\n    a = 1\n    return eval('a')\n\nb = 1\nc = f(b)\nb = c\n" },
	{ "python", "if a:\n    b()\nelse:\n    if c:\n        d()\n        e()\n    f()\ng()\n" },
	{ "python", "def f(x):\n    return x\n\nf(1)\nf(x=1)\ny = 1\n" },
	{ "python", "x = 1\ny = \"\"\"\na = 1\nb = 2\nc = 3\n\"\"\"\nz = 1\n" },
	{ "javascript", "a = b\n(c)\nd = 1\nvar a\nfunction b() {\n}\ne = 1\n" },
	{ "javascript", "f();\n/*\ng();\nh();\ni();\n*/\nj();\nk();\n" },
	{ "javascript", "var s = `\na;\nb;\nc;\n`;\nd();\ne();\n" },
	{ "c", "int f(void)\n{\n\tx = a /* b;\n\ty = 2;\n\tz = 3; */;\n\tw = 4;\n\tv = 5;\n}\n" },
	{ "go", "package a\nvar s = `\nx := 1\ny := 2\nz := 3\n`\nvar t = 1\nvar u = 2\n" },
	{ "rust", "fn f() {\n    let a = \"\nb();\nc();\nd();\n\";\n    e();\n    g();\n}\n" },
	{ "java",
	  "class A {\n  int a;\n  /* int b;\n  int c;\n  int d; */\n  int e;\n  int f;\n}\n" },
};

Test(online, later_text_changes_nothing_that_was_known)
{
	struct tally t = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(late); i++)
		read_lines(syntax_find(span_of(late[i][0])), span_of(late[i][1]), late[i][1], 1,
			   &t);
	cr_assert_eq(t.texts, ARRAY_LEN(late));
	cr_assert_eq(t.wrong, 0);
	cr_assert_gt(t.known, 0);
}

/* --- what it costs: parser steps, which are the same on every machine --- */

static uint64_t most_steps(size_t n)
{
	return ONLINE_STEPS + n / ONLINE_STEP_BYTES;
}

/* Arrives in parts of `step` bytes. */
static struct online arrive(const char *language, struct span text, size_t step)
{
	struct labels *labels = labels_new();
	struct online o = { 0 };
	for (size_t n = 0; n < text.n;) {
		n = min_size(text.n, n + step);
		online_grow(&o, syntax_find(span_of(language)), (struct span){ text.p, n }, false,
			    labels);
		cr_assert_leq(o.steps, most_steps(n));
	}
	labels_free(labels);
	return o;
}

static void add_times(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_text(out, text);
}

static const char *const slow[][3] = {
	/* language, what is repeated, before it */
	{ "python", "(\n", "x = " },
	{ "python", "if a:\n", "" },
	{ "python", "\"\"\"\n", "" },
	{ "python", "a = [\n{\n", "" },
	{ "javascript", "{\n", "" },
	{ "javascript", "f(function () {\n", "" },
	{ "javascript", "`${\n", "" },
	{ "javascript", "</a>\n<b>\n", "" },
	{ "typescript", "a<b<\n", "" },
	{ "c", "#if a\n", "" },
	{ "c", "/*\n", "" },
	{ "c", "int f(int (*\n", "" },
	{ "go", "func() {\n", "" },
	{ "java", "class A {\n", "" },
	{ "rust", "r#\"\n", "" },
	{ "rust", "a!{(\n", "" },
	{ "bash", "if a\nthen\n", "" },
	{ "bash", "$(\n", "" },
};

Test(online, a_stream_made_to_be_slow_is_bounded)
{
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		struct buf text = { 0 };
		buf_add_text(&text, slow[i][2]);
		add_times(&text, slow[i][1], 20000 / strlen(slow[i][1]));
		struct online o = arrive(slow[i][0], (struct span){ text.p, text.n }, 64);
		cr_assert_geq(o.looks, 1);
		online_fini(&o);
		buf_fini(&text);
	}
}

/* Looks and steps are in proportion to the text, and do not depend on how it was cut. */
Test(online, a_long_line_is_searched_once)
{
	struct buf text = { 0 };
	add_times(&text, "a = 1; ", 3000);
	struct online o = arrive("javascript", (struct span){ text.p, text.n }, 1);
	cr_assert(o.looks == 0 && o.next == text.n + 1);
	buf_add_text(&text, "\nb = 2\n");
	o = arrive("javascript", (struct span){ text.p, text.n }, 1);
	cr_assert_eq(o.looks, 1);
	online_fini(&o);
	buf_fini(&text);
}

Test(online, the_cost_is_amortised)
{
	struct buf text = { 0 };
	double each = 0;
	for (size_t n = 100; n <= 6400; n *= 4) {
		buf_clear(&text);
		for (size_t i = 0; i < n; i++)
			buf_printf(
				&text,
				"def f%zu(a, b):\n    \"\"\"Adds.\"\"\"\n    return a + b * %zu\n\n",
				i, i);
		struct span all = { text.p, text.n };
		struct online o = arrive("python", all, 64), other = arrive("python", all, text.n);
		cr_assert(o.steps == other.steps && o.looks == other.looks && o.n == other.n);
		cr_assert(!o.given_up && o.n > 10 * n);
		double now = (double)o.steps / (double)text.n;
		cr_assert(each == 0 || now < 1.5 * each);
		each = now;
		online_fini(&o);
		online_fini(&other);
	}
	buf_fini(&text);
}

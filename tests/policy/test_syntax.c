#include "policy/syntax.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sample {
	const char *file;
	const char *text;
} samples[] = {
	{ "a.sh", "for f in *.c; do\n\techo \"$f\" | wc -c\ndone\n" },
	{ "a.c", "static int add(int a, int b)\n{\n\treturn a + b;\n}\n" },
	{ "a.go", "package main\n\nfunc add(a, b int) int { return a + b }\n" },
	{ "A.java", "class A { int add(int a, int b) { return a + b; } }\n" },
	{ "a.js", "const add = (a, b) => `${a}` + b;\n" },
	{ "a.py", "def add(a, b):\n    if a:\n        return a + b\n    return f\"{b}\"\n" },
	{ "a.rs", "fn add<'a>(a: &'a str) -> String { format!(\"{}\", a) }\n" },
	{ "a.tsx", "const A = (p: { n: number }) => <b title=\"x\">{p.n}</b>;\n" },
	{ "a.ts", "interface P { n: number }\nconst f = <T,>(p: P): p is P => true;\n" },
};

static const struct syntax_language *language_of(const struct sample *sample)
{
	return syntax_of_file(span_of(sample->file));
}

static enum syntax_result parse(const char *name, struct span text, struct syntax_report *report)
{
	const struct syntax_language *language = syntax_find(span_of(name));
	cr_assert_not_null(language);
	return syntax_parse(language, text, &syntax_default_limits, report);
}

Test(syntax, every_language_has_a_sample)
{
	cr_assert_eq(syntax_count(), ARRAY_LEN(samples));
	for (size_t i = 0; i < syntax_count(); i++) {
		bool seen = false;
		for (size_t k = 0; k < ARRAY_LEN(samples); k++)
			seen |= language_of(&samples[k]) == syntax_language(i);
		cr_assert(seen, "%s has no sample", syntax_language(i)->name);
	}
}

Test(syntax, every_language_parses_its_sample)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct syntax_report report;
		enum syntax_result result =
			syntax_parse(language_of(&samples[i]), span_of(samples[i].text),
				     &syntax_default_limits, &report);
		cr_assert_eq(result, SYNTAX_OK, "%s: %s", samples[i].file,
			     syntax_result_names[result]);
		cr_assert_eq(report.errors, 0, "%s: %llu errors", samples[i].file,
			     (unsigned long long)report.errors);
		cr_assert_gt(report.nodes, 10, "%s", samples[i].file);
		cr_assert_gt(report.depth, 3, "%s", samples[i].file);
	}
}

/* A tree comes out of every prefix, cut anywhere: a stream is parsed while it still grows. */
Test(syntax, every_prefix_parses)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		size_t length = strlen(samples[i].text);
		uint64_t broken = 0;
		for (size_t n = 0; n <= length; n++) {
			struct syntax_report report;
			struct span prefix = { samples[i].text, n };
			cr_assert_eq(syntax_parse(language_of(&samples[i]), prefix,
						  &syntax_default_limits, &report),
				     SYNTAX_OK);
			cr_assert_geq(report.nodes, 1);
			broken += report.errors > 0;
		}
		cr_assert_gt(broken, 0, "%s: no prefix is broken, which cannot be",
			     samples[i].file);
	}
}

Test(syntax, an_error_is_counted)
{
	struct syntax_report report;
	cr_assert_eq(parse("c", SPAN("int main(void) { return ) 3; }"), &report), SYNTAX_OK);
	cr_assert_gt(report.errors, 0);
	cr_assert_eq(parse("c", SPAN("int main(void) { return 3;"), &report), SYNTAX_OK);
	cr_assert_gt(report.errors, 0, "a brace that had to be made up counts");
}

Test(syntax, names_and_aliases)
{
	cr_assert_str_eq(syntax_find(SPAN("py"))->name, "python");
	cr_assert_str_eq(syntax_find(SPAN("Python3"))->name, "python");
	cr_assert_str_eq(syntax_find(SPAN("TS"))->name, "typescript");
	cr_assert_str_eq(syntax_find(SPAN("sh"))->name, "bash");
	cr_assert_str_eq(syntax_find(SPAN("golang"))->name, "go");
	cr_assert_null(syntax_find(SPAN("")));
	cr_assert_null(syntax_find(SPAN(" ")));
	cr_assert_null(syntax_find(SPAN("py py3")), "a list is not a word");
	cr_assert_null(syntax_find(SPAN("pyth")));
	cr_assert_null(syntax_find(SPAN("cobol")));
	cr_assert_null(syntax_find(span_of(NULL)));
}

Test(syntax, names_are_unique)
{
	for (size_t i = 0; i < syntax_count(); i++) {
		char aliases[64];
		char *rest = aliases;
		snprintf(aliases, sizeof(aliases), "%s", syntax_language(i)->aliases);
		cr_assert_eq(syntax_find(span_of(syntax_language(i)->name)), syntax_language(i));
		for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
			cr_assert_eq(syntax_find(span_of(word)), syntax_language(i), "%s", word);
	}
}

Test(syntax, files)
{
	cr_assert_str_eq(syntax_of_file(SPAN("src/a.b/main.RS"))->name, "rust");
	cr_assert_str_eq(syntax_of_file(SPAN(".c"))->name, "c");
	cr_assert_null(syntax_of_file(SPAN("")));
	cr_assert_null(syntax_of_file(SPAN("Makefile")));
	cr_assert_null(syntax_of_file(SPAN("c")));
	cr_assert_null(syntax_of_file(SPAN("a.")));
	cr_assert_null(syntax_of_file(SPAN("a.py/c")));
	cr_assert_null(syntax_of_file(SPAN("a.txt")));
}

static char *nested(size_t depth)
{
	char *text = malloc(2 * depth + 1);
	cr_assert_not_null(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	return text;
}

Test(syntax, depth_is_bounded)
{
	struct syntax_limits limits = syntax_default_limits;
	struct syntax_report report;
	char *text = nested(100000);
	const struct syntax_language *python = syntax_find(SPAN("python"));
	cr_assert_eq(syntax_parse(python, span_of(text), &limits, &report), SYNTAX_TOO_DEEP);
	cr_assert_eq(report.depth, limits.depth);
	free(text);

	text = nested(10);
	cr_assert_eq(syntax_parse(python, span_of(text), &limits, &report), SYNTAX_OK);
	limits.depth = report.depth;
	cr_assert_eq(syntax_parse(python, span_of(text), &limits, &report), SYNTAX_OK,
		     "the limit itself is allowed");
	limits.depth--;
	cr_assert_eq(syntax_parse(python, span_of(text), &limits, &report), SYNTAX_TOO_DEEP);
	free(text);
}

Test(syntax, bytes_are_bounded)
{
	struct syntax_limits limits = syntax_default_limits;
	struct syntax_report report;
	limits.bytes = 6;
	const struct syntax_language *c = syntax_find(SPAN("c"));
	cr_assert_eq(syntax_parse(c, SPAN("int a;"), &limits, &report), SYNTAX_OK);
	cr_assert_eq(syntax_parse(c, SPAN("int a; "), &limits, &report), SYNTAX_TOO_LARGE);
	cr_assert_eq(report.nodes, 0);
}

/* The bound is counted, not timed: the same text stops at the same step, always. */
Test(syntax, steps_are_bounded_and_repeatable)
{
	struct syntax_limits limits = syntax_default_limits;
	struct syntax_report first, again;
	char *text = nested(1000);
	const struct syntax_language *js = syntax_find(SPAN("javascript"));
	limits.depth = 10000;
	cr_assert_eq(syntax_parse(js, span_of(text), &limits, &first), SYNTAX_OK);
	cr_assert_eq(syntax_parse(js, span_of(text), &limits, &again), SYNTAX_OK);
	cr_assert_eq(first.steps, again.steps);
	cr_assert_gt(first.steps, 1);
	limits.steps = first.steps;
	cr_assert_eq(syntax_parse(js, span_of(text), &limits, &again), SYNTAX_OK);
	limits.steps = first.steps - 1;
	cr_assert_eq(syntax_parse(js, span_of(text), &limits, &again), SYNTAX_TOO_COSTLY);
	free(text);
}

Test(syntax, any_bytes_parse)
{
	char bytes[1024];
	uint32_t seed = 1;
	for (size_t i = 0; i < syntax_count(); i++) {
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (char)((seed = seed * 1664525U + 1013904223U) >> 24);
		struct syntax_report report;
		struct span text = { bytes, sizeof(bytes) };
		cr_assert_eq(
			syntax_parse(syntax_language(i), text, &syntax_default_limits, &report),
			SYNTAX_OK);
		cr_assert_gt(report.errors, 0);
	}
}

/* Steps that take long count more: here a lexer that looks ahead for each byte anew. It was once
 * some 400 steps and half a second. */
Test(syntax, steps_that_take_long_are_more)
{
	static const struct {
		const char *language, *unit;
	} dear[] = { { "bash", "a?b:c=>[{({\n" } };
	struct syntax_limits limits = syntax_default_limits;
	limits.steps = 600;
	for (size_t i = 0; i < ARRAY_LEN(dear); i++) {
		const struct syntax_language *l = syntax_find(span_of(dear[i].language));
		struct buf text = { 0 };
		struct syntax_report first, again;
		while (text.n < 16384)
			buf_add_text(&text, dear[i].unit);
		struct span all = { text.p, text.n };
		cr_assert_eq(syntax_parse(l, all, &limits, &first), SYNTAX_TOO_COSTLY, "%s",
			     dear[i].language);
		cr_assert_eq(syntax_parse(l, all, &limits, &again), SYNTAX_TOO_COSTLY);
		cr_assert_eq(first.steps, again.steps);
		buf_fini(&text);
	}
}

/* What recovering from errors costs is charged; see region.h for who pays. */
Test(syntax, text_of_little_but_errors_is_dear)
{
	struct buf bad = { 0 }, good = { 0 };
	const struct syntax_language *bash = syntax_find(SPAN("bash"));
	struct syntax_tree *a = syntax_tree_new(bash), *b = syntax_tree_new(bash);
	while (bad.n < 4096)
		buf_add_text(&bad, "a?b:c=>[{({\n");
	while (good.n < 4096)
		buf_add_text(&good, "echo \"$a\" | wc\n");
	cr_assert_eq(syntax_tree_grow(a, (struct span){ bad.p, bad.n }, &syntax_default_limits),
		     SYNTAX_OK);
	cr_assert_eq(syntax_tree_grow(b, (struct span){ good.p, good.n }, &syntax_default_limits),
		     SYNTAX_OK);
	cr_assert_gt(syntax_tree_steps(a), 32 * syntax_tree_steps(b));
	syntax_tree_free(a);
	syntax_tree_free(b);
	buf_fini(&bad);
	buf_fini(&good);
}

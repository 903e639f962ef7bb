/* Pairs of answers that do different things, or that two readers read differently: none passes. */
#include <stdio.h>

#include "tests/policy/quorum_play.h"

TestSuite(evasion, .timeout = 120);

static struct quorum_pair judged(struct answer a, struct answer b)
{
	const struct quorum_settings settings = play_settings(2, 2);
	const struct order order = { ORDER_FIRST, 1 << 20, 0 };
	struct answer both[] = { a, b };
	struct quorum *q = quorum_new(&settings);
	size_t n;
	play(q, both, 2, order, NULL, NULL);
	struct quorum_pair p = *quorum_pairs(q, &n);
	cr_assert(p.judged);
	quorum_free(q);
	buf_fini(&a.bytes);
	buf_fini(&b.bytes);
	return p;
}

static struct answer body(const char *text)
{
	return play_answer(FORM_BODY, "", "", text, strlen(text));
}

static void expect_apart(const char *what, size_t i, const char *a, const char *b,
			 struct answer (*make)(const char *))
{
	struct quorum_pair there = judged(make(a), make(b)), back = judged(make(b), make(a));
	cr_expect_neq(there.verdict, SCORE_PASS, "%s %zu: %s", what, i,
		      compare_reason_names[there.reason]);
	cr_expect_neq(back.verdict, SCORE_PASS, "%s %zu back: %s", what, i,
		      compare_reason_names[back.reason]);
}

#define CODE "def f(a):\n    return a\n"
#define PY "```python\n" CODE "```\n"
#define X10 "x/../x/../"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define BLANKS "                                                                "

/* --- fences --- */

static const char *const fences[][2] = {
	/* Some readers see a fence here that is none of ours */
	{ PY, PY "- ```sh\n  rm -rf x\n  ```\n" },
	{ PY, PY "> ```sh\n> rm -rf x\n> ```\n" },
	{ PY, PY "1. Do\n\n    ```sh\n    rm -rf x\n    ```\n" },
	{ PY, PY "Do:\n\t```sh\n\trm -rf x\n\t```\n" },
	{ PY, PY "Run this: ```sh\nrm -rf x\n``` and then\n```\n```\n" },
	{ PY, "````python\n# \n'''\n```sh\nrm -rf x\n```\n'''\n" CODE "````\n" },
	{ "```js\nf()\n```\n", "````js\n/*\n```sh\nrm -rf x\n```\n*/\nf()\n````\n" },
	/* A path that is too long to be read, or stands too far behind */
	{ "```python a.py\n" CODE "```\n", "```python " X100 X100 X10 "b.py\n" CODE "```\n" },
	{ "```python a.py\n" CODE "```\n",
	  "```python" BLANKS BLANKS BLANKS BLANKS "b.py\n" CODE "```\n" },
	/* Two paths: who reads one of them may read either */
	{ "```python title=a.py\n" CODE "```\n", "```python b.py title=a.py\n" CODE "```\n" },
	{ "```python a.py\n" CODE "```\n", "```python a.py b.py\n" CODE "```\n" },
	{ "```python a.py\n" CODE "```\n", "```python:b.py title=a.py\n" CODE "```\n" },
	{ "```python a.py\n" CODE "```\n", "```python title=b.py title=a.py\n" CODE "```\n" },
	/* One is relative */
	{ "```python /a.py\n" CODE "```\n", "```python .//a.py\n" CODE "```\n" },
	/* No code at all */
	{ "```\nallow: alice\n```\n", "```\ndeny: alice\n```\n" },
	{ "```\nallow = 1\n```\n", "```\ndeny = 1\n```\n" },
	{ "```\na:\n  b: c\n  d: e\n```\n", "```\na:\n  b: c\nd: e\n```\n" },
};

Test(evasion, fences)
{
	for (size_t i = 0; i < ARRAY_LEN(fences); i++)
		expect_apart("fence", i, fences[i][0], fences[i][1], play_prose);
}

static const char *const bodies[][2] = {
	{ "allow: alice\n", "deny: alice\n" },
	{ "allow = alice\n", "deny = alice\n" },
	{ "a:\n  b: c\n  d: e\n", "a:\n  b: c\nd: e\n" },
	{ "all:\n\techo a\n", "all:\necho a\n" },
};

Test(evasion, bodies_that_are_no_program)
{
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		expect_apart("body", i, bodies[i][0], bodies[i][1], body);
}

/* --- calls --- */

#define H "def f(a):\\n    return a\\n"

static const char *const calls[][2] = {
	{ "{\"path\":\"/a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\".//a.py\",\"content\":\"" H "\"}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"a.py\",\"new_source\":\"" H "\"}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"a.py\",\"file_path\":\"b.py\",\"content\":\"" H "\"}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"\",\"path\":\"a.py\",\"content\":\"" H "\"}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"a.py\",\"content\":\"" H "\",\"content\":\"x\"}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"a.py\",\"content\":[\"" H "\"]}" },
	{ "{\"path\":\"a.py\",\"content\":\"" H "\"}", "{\"path\":\"a.py\",\"content\":null}" },
	{ "{\"path\":\"a.py\",\"old_str\":\"a\",\"new_str\":\"b\"}",
	  "{\"path\":\"a.py\",\"old_str\":\"b\",\"new_str\":\"a\"}" },
	{ "{\"path\":\"a\\u0000.py\",\"content\":\"" H "\"}",
	  "{\"path\":\"a.py\",\"content\":\"" H "\"}" },
	{ "{\"n\":1e3}", "{\"n\":1e30}" },
	{ "{\"n\":1,\"n\":2}", "{\"n\":2,\"n\":1}" },
	{ "{\"c\":\"\\u0001\"}", "{\"c\":\"\\u0002\"}" },
	{ "{\"c\":\"a\\\\u0062\"}", "{\"c\":\"ab\"}" },
};

Test(evasion, calls)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		expect_apart("call", i, calls[i][0], calls[i][1], play_call);
}

static void add_call(struct answer *a, unsigned index, const char *name, const char *arguments)
{
	if (name)
		buf_printf(&a->bytes,
			   PLAY_EVENT "\"tool_calls\":[{\"index\":%u,\"function\":"
				      "{\"name\":\"%s\"}}]}}]}\n\n",
			   index, name);
	if (arguments)
		play_calls(a, index, arguments, strlen(arguments), 1000);
}

Test(evasion, names_and_arguments_of_calls_belong_together)
{
	struct answer a = { 0 }, b = { 0 };
	add_call(&a, 0, "read", "{\"path\":\"a\"}");
	add_call(&a, 1, "delete", "{\"path\":\"b\"}");
	add_call(&b, 1, "read", "{\"path\":\"b\"}");
	add_call(&b, 0, "delete", "{\"path\":\"a\"}");
	cr_assert_neq(judged(a, b).verdict, SCORE_PASS);
}

Test(evasion, names_that_come_in_another_order)
{
	struct answer a = { 0 }, b = { 0 };
	add_call(&a, 0, "read", "{\"path\":\"a\"}");
	add_call(&a, 1, "delete", "{\"path\":\"b\"}");
	add_call(&b, 1, "read", NULL);
	add_call(&b, 0, "delete", "{\"path\":\"a\"}");
	add_call(&b, 1, NULL, "{\"path\":\"b\"}");
	cr_assert_neq(judged(a, b).verdict, SCORE_PASS);
}

Test(evasion, files_and_the_tools_that_write_them)
{
	const char *x = "{\"path\":\"a.py\",\"content\":\"" H "\"}";
	const char *y = "{\"path\":\"b.py\",\"content\":\"import os\\n\"}";
	struct answer a = { 0 }, b = { 0 };
	add_call(&a, 0, "write", x);
	add_call(&a, 1, "append", y);
	add_call(&b, 0, "write", y);
	add_call(&b, 1, "append", x);
	cr_assert_neq(judged(a, b).verdict, SCORE_PASS);
	struct answer c = { 0 }, d = { 0 };
	add_call(&c, 0, "write", x);
	add_call(&c, 1, "write", y);
	add_call(&d, 0, "write", y);
	add_call(&d, 1, "write", x);
	cr_assert_eq(judged(c, d).verdict, SCORE_PASS);
}

Test(evasion, names_of_frames_that_look_alike)
{
	const char *const names[2][6] = { { "a", "b", "c", "d", "ef", "g" },
					  { "a", "b", "c", "d", "e", "fg" } };
	struct answer v[2];
	memset(v, 0, sizeof(v));
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 6; k++)
			add_call(&v[i], 0, names[i][k], k == 5 ? "{}" : NULL);
	cr_assert_neq(judged(v[0], v[1]).verdict, SCORE_PASS);
}

Test(evasion, which_call_has_no_arguments)
{
	struct answer a = { 0 }, b = { 0 };
	add_call(&a, 0, "read", NULL);
	add_call(&a, 1, "delete", "{\"path\":\"a\"}");
	add_call(&b, 0, "read", "{\"path\":\"a\"}");
	add_call(&b, 1, "delete", NULL);
	cr_assert_neq(judged(a, b).verdict, SCORE_PASS);
}

/* --- comments and names that a compiler reads as something else --- */

static const struct {
	const char *path, *a, *b;
} files[] = {
	{ "a.java", "class A { void f() { g(); } }\n",
	  "class A { void f() { g(); // \\u000a h();\n } }\n" },
	{ "a.py", "def f():\n    return 1\n", "def f():\n    # a\r    import os\n    return 1\n" },
	{ "a.js", "f();\n", "f(); // a\xe2\x80\xa8 g();\n" },
	{ "a.js", "f();\n", "f(); // a\xe2\x80\xa9 g();\n" },
	{ "a.js", "f();\n", "f(); // a\r g();\n" },
	{ "a.ts", "f();\n", "f(); // a\r g();\n" },
	{ "a.js", "x = a;\n", "x = a\n<!--b[g()]\n" },
	{ "a.js", "x = a;\n", "x = a;\n<!-- b\n" },
	{ "a.c", "void f(void)\n{\n\tg();\n}\n",
	  "void f(void)\n{\n\t/* a *\\\n/ h(); /* */\n\tg();\n}\n" },
	{ "a.go", "package a\n\nfunc f() {\n\tg()\n}\n",
	  "package a\n\nfunc f() {\n\tg() // a\r h()\n}\n" },
	{ "a.rs", "fn f() { g(); }\n", "fn f() { g(); }\n#[doc = \"a\"]\nfn h() {}\n" },
	{ "a.py", "x = 1\n", "x = 1\n\f\rimport os\n" },
	{ "a.sh", "f() {\n  g\n}\n", "f() {\n  g # a\r h\n}\n" },
	{ "a.sh", "g a\n", "g a #b; h\n#\\\nh\n" },
	{ "a.sh", "g 'a'\n", "g $'a'\n" },
	{ "a.sh", "g \"a\"\n", "g 'a' \"\"\n" },
	{ "a.py", "f('a' 'b')\n", "f('a', 'b')\n" },
	{ "a.py", "x = b'a'\n", "x = 'a'\n" },
	{ "a.py", "x = r'\\n'\n", "x = '\\n'\n" },
	{ "a.py", "x = (1,)\n", "x = (1)\n" },
	{ "a.py", "x = 0o10\n", "x = 10\n" },
	{ "a.py", "f(a)\n", "f(\xd0\xb0)\n" },
	{ "a.js", "f(`a`);\n", "f`a`;\n" },
	{ "a.js", "function f() {\n  return a;\n}\n", "function f() {\n  return\n  a;\n}\n" },
	{ "a.js", "x = a\n++b\n", "x = a++\nb\n" },
	{ "a.js", "\"use strict\";\nf();\n", "(\"use strict\");\nf();\n" },
	{ "a.js", "f(a => { b });\n", "f(a => ({ b }));\n" },
	{ "a.js", "x = a?.b.c;\n", "x = (a?.b).c;\n" },
	{ "a.js", "x = { __proto__: a };\n", "x = { [\"__proto__\"]: a };\n" },
	{ "a.js", "x = { __proto__ };\n", "x = { __proto__: __proto__ };\n" },
	{ "a.js", "let f = function () {};\n", "let f = (function () {})();\n" },
	{ "a.go", "package a\n\nvar x = `a\\n`\n", "package a\n\nvar x = \"a\\n\"\n" },
	{ "a.c", "int x = 'a';\n", "char *x = \"a\";\n" },
	{ "a.c", "int x = 010;\n", "int x = 10;\n" },
	{ "a.c", "#define X 1 // a\nint y = X;\n", "#define X 1 //\\\n + 1\nint y = X;\n" },
	{ "a.rs", "fn f() -> i32 { 1 }\n", "fn f() -> i32 { 1; }\n" },
	{ "a.java", "class A { long x = 1L; }\n", "class A { long x = 1; }\n" },
	{ "a.java", "class A { void f() { g(); } }\n",
	  "class A { void f() { g(); // a\r h();\n } }\n" },
	{ "a.c", "void f(void)\n{\n\tg();\n}\n", "void f(void)\n{\n\t// a \\ \n\tg();\n}\n" },
	{ "a.c", "void f(void)\n{\n\tg();\n}\n", "void f(void)\n{\n\t// a?\?/\n\tg();\n}\n" },
	{ "a.c", "void f(void)\n{\n\tg();\n}\n", "void f(void)\n{\n\t// a\r\th();\n\tg();\n}\n" },
	{ "a.py", "def f():\n    fi = 1\n    q = 2\n    return fi\n",
	  "def f():\n    fi = 1\n    \xef\xac\x81 = 2\n    return fi\n" },
	{ "a.js", "function f() { let ab = 1; { let q = 2; return ab; } }\n",
	  "function f() { let ab = 1; { let \\u0061b = 2; return ab; } }\n" },
};

Test(evasion, what_a_compiler_reads)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char a[400], b[400];
		snprintf(a, sizeof(a), "````%s\n%s````\n", files[i].path, files[i].a);
		snprintf(b, sizeof(b), "````%s\n%s````\n", files[i].path, files[i].b);
		expect_apart("file", i, a, b, play_prose);
	}
}

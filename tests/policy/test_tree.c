#include "policy/tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *dump(const char *language, const char *text)
{
	struct labels *l = labels_new();
	struct tree t;
	struct buf out = { 0 };
	enum tree_result r = tree_build(syntax_find(span_of(language)), span_of(text), l, &t);
	cr_assert_eq(r, TREE_OK, "%s: %s: %s", language, text, tree_result_names[r]);
	tree_dump(&t, l, &out);
	buf_add_char(&out, '\0');
	cr_assert(!out.failed);
	tree_fini(&t);
	labels_free(l);
	return out.p;
}

struct pair {
	const char *language, *a, *b;
};

static void check(const struct pair *p, size_t n, bool equal)
{
	for (size_t i = 0; i < n; i++) {
		char *a = dump(p[i].language, p[i].a), *b = dump(p[i].language, p[i].b);
		cr_expect_eq(strcmp(a, b) == 0, equal,
			     "%s: %s and\n%s should%s be one tree:\n%s\n%s", p[i].language, p[i].a,
			     p[i].b, equal ? "" : " not", a, b);
		free(a);
		free(b);
	}
}

static const struct pair equal[] = {
	{ "python", "def f(a, b):\n    return a - b\n", "def f(x,  y): # c\n    return (x - y)\n" },
	{ "python", "x = 'a\\'b'\n", "y = \"a'b\"\n" },
	{ "python", "f(1, 2)\n", "f(\n  1,\n  2,\n)\n" },
	{ "python", "x = [i for i in y]\n", "z = [k for k in y]\n" },
	{ "python", "def f(x): g(x=x)\nf(1)\n", "def f(y): g(x=y)\nf(1)\n" },
	{ "python", "x = 1, 2\n", "x = (1, 2)\n" },
	{ "python", "class A():\n  pass\n", "class A:\n  pass\n" },
	{ "python", "def f(a):\n  global g\n  g = a\n", "def f(b):\n  global h\n  h = b\n" },
	{ "python", "global x\nx = 1\n", "global y\ny = 1\n" },
	{ "python", "def f():\n  global x\n  global x\n  x = 1\n",
	  "def f():\n  global y\n  global y\n  y = 1\n" },
	{ "python", "def f():\n  x = 1\n  def g():\n    nonlocal x\n    x = 2\n",
	  "def f():\n  y = 1\n  def g():\n    nonlocal y\n    y = 2\n" },
	{ "python", "if a:\n  b\nelse:\n  # c\n  if d:\n    e\n  else:\n    g\n",
	  "if a:\n  b\nelif d:\n  e\nelse:\n  g\n" },
	{ "python", "x = ('a' \"b\" # c\n  r'\\c')\n", "x = 'ab\\\\c'\n" },
	{ "python", "x = '\\x1F'\n", "x = '\\x1f'\n" },
	{ "python", "f(0XFF)\n", "f(0xff)\n" },
	{ "python", "with open('a') as f:\n  f.read()\n", "with open(\"a\") as g: g.read()\n" },
	{ "python", "def f() -> List[int]: pass\n", "def f() -> (List[int]): pass\n" },
	{ "python", "match a:\n  case 1, 2 if c: b\n", "match a:\n  case (1, 2,) if c: b\n" },
	{ "python", "match a:\n  case 1,: b\n", "match a:\n  case (1,): b\n" },
	{ "javascript", "for ((a = 1);;) {}", "for (a = 1;;) {}" },
	{ "javascript", "((a?.b)).c", "(a?.b).c" },
	{ "javascript", "((a?.b).c)()", "(a?.b).c()" },
	{ "javascript", "(a?.b())?.()", "a?.b()?.()" },
	{ "javascript", "const f = x => x;", "const g = (y) => (y); // c\n" },
	{ "javascript", "let a = { 'b': 1, };", "let c = { b: 1 }" },
	{ "javascript", "function f(a) { return { a: a } }",
	  "function g(b) { return { a: b, }; }" },
	{ "javascript", "function f(a) { return { a } }", "function f(b) { return { a: b } }" },
	{ "javascript", "for (var i = 0; i < 3; i++) { g(i) }", "for (var k=0;k<3;k++) { g(k) }" },
	{ "javascript", "import { a } from 'm'; a(1);", "import { a as b } from 'm'; b(1);" },
	{ "javascript", "import a from 'm'; a(1);", "import b from 'm'; b(1);" },
	{ "javascript", "class A { #b = 1; c() { return this.#b } }",
	  "class D { #e = 1; c() { return this.#e } }" },
	{ "javascript", "let a = 1; export { a };", "let b = 1; export { b as a };" },
	{ "javascript", "new A", "new A()" },
	{ "python", "any(x for x in y)\n", "any((x for x in y))\n" },
	{ "python", "x = r'\\b'\n", "x = '\\\\b'\n" },
	{ "python", "x = '''a\nb'''\n", "x = 'a\\nb'\n" },
	{ "typescript", "const f = (x: number): string => `${x}`;",
	  "const f = ( y:number ):string => `${y}`" },
	{ "typescript", "type A = | 'b' | 'c';", "type A = \"b\" | \"c\"" },
	{ "go", "package p\nfunc f(a int) int { b := a; return b }\n",
	  "package p\n// c\nfunc f(x int) int {\n\ty := (x)\n\treturn y\n}\n" },
	{ "rust", "fn f(a: u8) -> u8 { let b = a; b }",
	  "fn f(x: u8) -> u8 {\n  let y = x; /* c */ (y)\n}" },
	{ "java", "class A { int f(int a) { int b = a; return b; } }",
	  "class A { // c\n int f(int x) { int y = x; return (y); } }" },
	{ "c", "int f(int a) { int b = a; return b; }",
	  "int f(int x)\n{\n\tint y = x; /* c */\n\treturn (y);\n}\n" },
	{ "bash", "for f in a b; do echo \"$f\"; done\n",
	  "# c\nfor f in a b\ndo\n  echo \"$f\"\ndone\n" },
};

/* Where the program sees how its names are spelled, and comments that are code. Both ways: what
 * stands in `unseen` differs from it by as little as possible and is no change. */
static const struct pair seen[] = {
	{ "python", "def f(x): return f'{x=}'\n", "def f(y): return f'{y=}'\n" },
	{ "python", "f'{x = }'\n", "f'{x=}'\n" },
	{ "python", "f'{x=}'\n", "f'{x}'\n" },
	{ "python", "def f(a): return locals()\n", "def f(b): return locals()\n" },
	{ "python", "a = 1\nglobals()['a']\n", "b = 1\nglobals()['a']\n" },
	{ "python", "def f(a): eval('a')\n", "def f(b): eval('a')\n" },
	{ "python", "def f(a): exec('a')\n", "def f(b): exec('a')\n" },
	{ "python", "def f(a): return vars()\n", "def f(b): return vars()\n" },
	{ "python", "def f(a): return dir()\n", "def f(b): return dir()\n" },
	{ "python", "def f(a): pass\ng = f\ng(a=1)\n", "def f(b): pass\ng = f\ng(a=1)\n" },
	{ "python", "def f(a): pass\nk(f, a=1)\n", "def f(b): pass\nk(f, a=1)\n" },
	{ "python", "def f(a): pass\nf(**k)\n", "def f(b): pass\nf(**k)\n" },
	{ "python", "def a(): pass\n__all__ = ['a']\n", "def b(): pass\n__all__ = ['a']\n" },
	{ "python", "__all__ += ['a']\na = 1\n", "__all__ += ['a']\nb = 1\n" },
	{ "python", "__version__ = 1\n", "__author__ = 1\n" },
	{ "python", "class A: pass\nx: 'A' = 1\n", "class B: pass\nx: 'A' = 1\n" },
	{ "python", "def test_a(): pass\n", "def helper(): pass\n" },
	{ "python", "def test_a(b): b()\n", "def test_a(c): c()\n" },
	{ "python", "@app.get('/')\ndef f(a): pass\n", "@app.get('/')\ndef f(b): pass\n" },
	{ "python", "@task\ndef f(): pass\n", "@task\ndef g(): pass\n" },
	{ "python", "# -*- coding: latin-1 -*-\nx = 1\n", "# -*- coding: utf-7 -*-\nx = 1\n" },
	{ "python", "#!/bin/a\n# coding=latin-1\nx = 1\n", "#!/bin/a\nx = 1\n" },
	{ "python", "#!/usr/bin/python2\nx = 1\n", "#!/usr/bin/python3\nx = 1\n" },
	{ "python", "x = b'\\uFACE'\n", "x = b'\\uface'\n" },
	{ "javascript", "let a = 1; eval('a')", "let b = 1; eval('a')" },
	{ "javascript", "let b = 1; with (a) { b }", "let c = 1; with (a) { c }" },
	{ "javascript", "/** @jsx h */ f()", "f()" },
	{ "javascript", "import(/* webpackIgnore: true */ a)", "import(a)" },
	{ "typescript", "// @ts-nocheck\nf()", "f()" },
	{ "typescript", "/// <reference path=\"a\" />\nf()", "f()" },
	{ "typescript", "class A { constructor(private a: B) {} }",
	  "class A { constructor(private b: B) {} }" },
	{ "typescript", "class A { constructor(readonly a: B) {} }",
	  "class A { constructor(readonly b: B) {} }" },
	{ "go", "//go:build linux\n\npackage p\nvar x int\n",
	  "//go:build windows\n\npackage p\nvar x int\n" },
	{ "go", "// +build linux\n\npackage p\nvar x int\n", "package p\nvar x int\n" },
	{ "go", "package p\n//go:embed a\nvar x string\n",
	  "package p\n//go:embed b\nvar x string\n" },
	{ "go", "package p\n//export F\nfunc F() {}\n", "package p\nfunc F() {}\n" },
	{ "go", "package p\n// int a;\nimport \"C\"\n", "package p\n// int b;\nimport \"C\"\n" },
	{ "rust", "fn f(x: u8) { println!(\"{x}\") }", "fn f(y: u8) { println!(\"{x}\") }" },
	{ "rust", "fn f(x: u8, y: u8) { println!(\"{x}\") }",
	  "fn f(y: u8, x: u8) { println!(\"{x}\") }" },
	{ "rust", "fn f(w: u8) { println!(\"{:>w$}\", 1) }",
	  "fn f(v: u8) { println!(\"{:>w$}\", 1) }" },
	{ "rust", "fn f(x: u8) { dbg!(x) }", "fn f(y: u8) { dbg!(y) }" },
	{ "rust", "fn f(x: u8) { print!(\"{}\", stringify!(x)) }",
	  "fn f(y: u8) { print!(\"{}\", stringify!(y)) }" },
	{ "java", "record A(int x) { int f() { return x; } }",
	  "record A(int y) { int f() { return y; } }" },
	{ "java", "class A { void f(@P int x) {} }", "class A { void f(@P int y) {} }" },
	{ "c", "#define S(x) #x\nvoid f(int a) { g(s(a)); }",
	  "#define S(x) #x\nvoid f(int b) { g(s(b)); }" },
	{ "c", "#define M g(a)\nvoid f(int a) { M; }", "#define M g(a)\nvoid f(int b) { M; }" },
	{ "c", "void f(int a) { assert(a); }", "void f(int b) { assert(b); }" },
	{ "c", "void f(int a) { SHOW(a); }", "void f(int b) { SHOW(b); }" },
	{ "bash", "#!/bin/bash\na\n", "#!/bin/sh\na\n" },
};

static const struct pair unseen[] = {
	{ "python", "def f(x): return f'{x}'\n", "def f(y): return f'{y}'\n" },
	{ "python", "def f(a): return o.eval(a)\n", "def f(b): return o.eval(b)\n" },
	{ "python", "def f(a): return vars(a)\n", "def f(b): return vars(b)\n" },
	{ "python", "def f(a): pass\nsorted(k, key=1)\n", "def f(b): pass\nsorted(k, key=1)\n" },
	{ "python", "def f(key): sorted(k, key=1)\n", "def f(b): sorted(k, key=1)\n" },
	{ "python", "def f(a): pass\ng(**k)\n", "def f(b): pass\ng(**k)\n" },
	{ "python", "@lru_cache(None)\ndef f(a): pass\n", "@lru_cache(None)\ndef g(b): pass\n" },
	{ "python", "x = ['a']\na = 1\n", "x = ['a']\nb = 1\n" },
	{ "python", "x = 1\n# coding: latin-1\n# type: ignore\n", "x = 1\n" },
	{ "python", "x = '\\uFACE\\N{ox}'\n", "x = '\\uface\\N{OX}'\n" },
	{ "javascript", "let a = 1; o.eval('a')", "let b = 1; o.eval('a')" },
	{ "javascript", "/* @__PURE__ */ f() // eslint-disable-line", "f()" },
	{ "typescript", "class A { constructor(a: B) {} }", "class A { constructor(b: B) {} }" },
	{ "go", "package p\n// go:embed a\nvar x string\n", "package p\nvar x string\n" },
	{ "go", "package p\n// a\nimport \"c\"\n", "package p\nimport \"c\"\n" },
	{ "rust", "fn f(x: u8) { println!(\"{}\", x) }", "fn f(y: u8) { println!(\"{}\", y) }" },
	{ "rust", "/// a\nfn f(x: u8) { g(\"x\", x) }", "fn f(y: u8) { g(\"x\", y) }" },
	{ "java", "class A { void f(final int x) {} }", "class A { void f(final int y) {} }" },
	{ "c", "#define M g(b)\nvoid f(int a) { h(a); }",
	  "#define M g(b)\nvoid f(int c) { h(c); }" },
	{ "bash", "a # b\n#!/bin/c\n", "a\n" },
};

static const struct pair different[] = {
	{ "python", "x = a - b\n", "x = b - a\n" },
	{ "python", "x = len(a)\n", "x = eval(a)\n" },
	{ "python", "x = 1\n", "x = 2\n" },
	{ "python", "x = r'\\x1F'\n", "x = r'\\x1f'\n" },
	{ "python", "x = '\\x1FA'\n", "x = '\\x1Fa'\n" },
	{ "python", "if a:\n  b\nelse:\n  if d:\n    e\n  g\n", "if a:\n  b\nelif d:\n  e\n" },
	{ "python", "for a in b:\n  c\nelse:\n  if d:\n    e\n", "for a in b:\n  c\nelse:\n  e\n" },
	{ "python", "if a:\n  b\nelif d:\n  e\nelse:\n  g\n",
	  "if a:\n  b\nelif d:\n  e\nelif g:\n  g\n" },
	{ "python", "if a:\n  b\nelif c:\n  d\n", "if a:\n  b\nif c:\n  d\n" },
	{ "python", "x = 'a' 'b'\n", "x = 'a', 'b'\n" },
	{ "python", "x = b'a' b'b'\n", "x = 'ab'\n" },
	{ "python", "x = f'{a}' 'b'\n", "x = '{a}b'\n" },
	{ "python", "def f(x): pass\nf(x=1)\n", "def f(y): pass\nf(x=1)\n" },
	{ "python", "class A:\n  def __init__(self, x): pass\nm.A(x=1)\n",
	  "class A:\n  def __init__(self, y): pass\nm.A(x=1)\n" },
	{ "python", "x = 1\n", "x = 1,\n" },
	{ "python", "x = a[1:]\n", "x = a[:1]\n" },
	{ "python", "x = a[1]\n", "x = a[1,]\n" },
	{ "python", "x = b'a'\n", "x = 'a'\n" },
	{ "python", "x = 'a'\n", "x = ' a'\n" },
	{ "python", "from . import a\n", "from .. import a\n" },
	{ "python", "import os\nos.x()\n", "import sys\nsys.x()\n" },
	{ "python", "def f(x=x): pass\n", "def f(x=y): pass\n" },
	{ "python", "def f(a, b):\n  return a\n", "def f(a, b):\n  return b\n" },
	{ "python", "def f():\n  x = 1\n  x\n", "def f():\n  global x\n  x = 1\n  x\n" },
	{ "python", "def f(a):\n  return a.b\n", "def f(a):\n  return a.c\n" },
	{ "python", "for x in y: pass\n", "for x, in y: pass\n" },
	{ "python", "class A:\n  x = 1\n", "class A:\n  y = 1\n" },
	{ "javascript", "let a = [, 1]", "let a = [1]" },
	{ "javascript", "let a = (b?.c).d", "let a = b?.c.d" },
	{ "javascript", "f(a - b)", "f(b - a)" },
	{ "javascript", "len(1)", "eval(1)" },
	{ "javascript", "f(1)", "f(2)" },
	{ "javascript", "export function f() {}", "export function g() {}" },
	{ "javascript", "for (let i = 0; ; i++) {}", "for (let i = 0; i++;) {}" },
	{ "javascript", "function f(a) { return { a } }", "function f(b) { return { b } }" },
	{ "javascript", "let f = () => ({})", "let f = () => {}" },
	{ "javascript", "let x = `a ${b}`", "let x = `a${b}`" },
	{ "javascript", "import { a as b } from 'm'; b(1); a(1)",
	  "import { a as b } from 'm'; b(1); b(1)" },
	{ "javascript", "import { a } from 'm'; a(1);", "import { b } from 'm'; b(1);" },
	{ "javascript", "import { a } from 'm'; import { a as b } from 'n'; a(1);",
	  "import { a } from 'm'; import { a as b } from 'n'; b(1);" },
	{ "javascript", "import a from 'm'; a(1);", "import a from 'n'; a(1);" },
	{ "javascript", "export function f(a) { return g }", "export function f(g) { return g }" },
	{ "javascript", "export { a as b }", "export { a as c }" },
	{ "javascript", "class A { #b; #c; d() { return this.#b } }",
	  "class A { #b; #c; d() { return this.#c } }" },
	{ "python", "x = r'\\n'\n", "x = '\\n'\n" },
	{ "python", "f(x for x in y)\n", "f([x for x in y])\n" },
	{ "javascript", "((a?.b)).c", "a?.b.c" },
	{ "typescript", "(a?.b)!.c", "a?.b!.c" },
	{ "typescript", "(a?.()).b", "a?.().b" },
	{ "python", "x: List[int]\n", "x: List[int,]\n" },
	{ "python", "match a:\n  case 1: b\n", "match a:\n  case 1,: b\n" },
	{ "python", "match a:\n  case 1, 2: b\n", "match a:\n  case 1, 2, 3: b\n" },
	{ "python", "match a:\n  case [1, 2], 3: b\n", "match a:\n  case 1, 2, 3: b\n" },
	{ "javascript", "for (a = 1;;) {}", "for (;a = 1;) {}" },
	{ "c", "char *x = \" \";", "char *x = \"\";" },
	{ "c", "char *x = \"\\n a\";", "char *x = \"\\na\";" },
	{ "c", "char *x = \"a \\n\";", "char *x = \"a\\n\";" },
	{ "c", "char x = ' ';", "char x = '\\t';" },
	{ "c", "char *x = L\"a\";", "char *x = \"a\";" },
	{ "go", "package p\nvar x = \" \"\n", "package p\nvar x = \"\"\n" },
	{ "go", "package p\nvar x = \"\\n a\"\n", "package p\nvar x = \"\\na\"\n" },
	{ "go", "package p\nvar x = ` a`\n", "package p\nvar x = `a`\n" },
	{ "java", "class A { String x = \" \"; }", "class A { String x = \"\"; }" },
	{ "java", "class A { String x = \"\\n a\"; }", "class A { String x = \"\\na\"; }" },
	{ "java", "class A { String x = \"\"\"\n a \"\"\"; }",
	  "class A { String x = \"\"\"\n  a \"\"\"; }" },
	{ "rust", "fn f() { \" \" }", "fn f() { \"\" }" },
	{ "rust", "fn f() { \"\\n a\" }", "fn f() { \"\\na\" }" },
	{ "rust", "fn f() { r\" a\" }", "fn f() { r\"a\" }" },
	{ "rust", "fn f() { b\"a\" }", "fn f() { \"a\" }" },
	{ "rust", "fn f() { g!(a.b) }", "fn f() { g!(a b) }" },
	{ "rust", "fn f() { x as u8 }", "fn f() { x as u16 }" },
	{ "rust", "fn f() { let x = &mut a; }", "fn f() { let x = &a; }" },
	{ "rust", "pub fn f() {}", "fn f() {}" },
	{ "rust", "unsafe fn f() {}", "fn f() {}" },
	{ "javascript", "x = ' '", "x = ''" },
	{ "javascript", "x = `\n`", "x = ``" },
	{ "javascript", "x = / a/", "x = /a/" },
	{ "javascript", "async () => 1", "() => 1" },
	{ "javascript", "a?.b", "a.b" },
	{ "javascript", "a == b", "a === b" },
	{ "javascript", "a.b", "a[b]" },
	{ "javascript", "var a; a = 1", "let a; a = 1" },
	{ "javascript", "function* f() {}", "function f() {}" },
	{ "javascript", "f(...a)", "f(a)" },
	{ "javascript", "class A { static b() {} }", "class A { b() {} }" },
	{ "javascript", "class A { get b() {} }", "class A { b() {} }" },
	{ "typescript", "class A { private a: B }", "class A { public a: B }" },
	{ "typescript", "let a: B[]", "let a: B" },
	{ "typescript", "let a: { b?: C }", "let a: { b: C }" },
	{ "tsx", "x = <a b=\"c\"/>", "x = <a b=\"d\"/>" },
	{ "tsx", "x = <a>b c</a>", "x = <a>bc</a>" },
	{ "tsx", "x = <a>{b} {c}</a>", "x = <a>{b}{c}</a>" },
	{ "python", "async def f(): pass\n", "def f(): pass\n" },
	{ "python", "x = ''\n", "x = ' '\n" },
	{ "python", "x = f'{a} {b}'\n", "x = f'{a}{b}'\n" },
	{ "python", "x = f'{a!r}'\n", "x = f'{a!s}'\n" },
	{ "python", "x = f'{a:2}'\n", "x = f'{a:3}'\n" },
	{ "python", "def f(*, a): pass\n", "def f(a): pass\n" },
	{ "python", "def f(*a): pass\n", "def f(**a): pass\n" },
	{ "python", "if a:\n  b()\n  c()\n", "if a:\n  b()\nc()\n" },
	{ "python", "x = not a\n", "x = a\n" },
	{ "python", "a is not b\n", "a is b\n" },
	{ "python", "a not in b\n", "a in b\n" },
	{ "python", "raise a from b\n", "raise a, b\n" },
	{ "python", "x = {a: b}\n", "x = {a, b}\n" },
	{ "python", "x = 1.0\n", "x = 1\n" },
	{ "python", "x = 1e5\n", "x = 1e-5\n" },
	{ "go", "package p\nfunc f() { go g() }\n", "package p\nfunc f() { defer g() }\n" },
	{ "go", "package p\nvar x chan<- int\n", "package p\nvar x <-chan int\n" },
	{ "go", "package p\nfunc f() { a := 1; { a := 2; g(a) } }\n",
	  "package p\nfunc f() { a := 1; { a = 2; g(a) } }\n" },
	{ "go", "package p\nvar x = T{a: b}\n", "package p\nvar x = T{c: b}\n" },
	{ "go", "package p\nfunc f(a int) T { return T{a: 1} }\n",
	  "package p\nfunc f(b int) T { return T{c: 1} }\n" },
	{ "c", "int *x;", "int x;" },
	{ "c", "int x[3];", "int x[4];" },
	{ "c", "int x[3][4];", "int x[3];" },
	{ "c", "void f() { a->b; }", "void f() { a.b; }" },
	{ "c", "#define A 1\n", "#define A 2\n" },
	{ "c", "#include <a.h>\n", "#include <b.h>\n" },
	{ "c", "static int x;", "int x;" },
	{ "java", "class A { static int x; }", "class A { int x; }" },
	{ "java", "class A { private int x; }", "class A { public int x; }" },
	{ "java", "class A<T> {}", "class A {}" },
	{ "java", "class A { void f() { a.b(); } }", "class A { void f() { b(); } }" },
	{ "bash", "a > b\n", "a >> b\n" },
	{ "bash", "a 2>&1\n", "a >&2\n" },
	{ "bash", "a \" \"\n", "a \"\"\n" },
	{ "bash", "a ' '\n", "a ''\n" },
	{ "bash", "a b c\n", "a bc\n" },
	{ "bash", "a \"b\"\n", "a b\n" },
	{ "bash", "(a)\n", "{ a; }\n" },
	{ "bash", "$a\n", "\"$a\"\n" },
	{ "bash", "${a}\n", "${#a}\n" },
	{ "bash", "${a:1:2}\n", "${a:1}\n" },
	{ "bash", "if a; then b; fi\n", "if ! a; then b; fi\n" },
	{ "bash", "a <<E\nb\nE\n", "a <<E\n b\nE\n" },
	{ "bash", "a <<E\n$b\nE\n", "a <<'E'\n$b\nE\n" },
	{ "bash", "while a; do b; done\n", "until a; do b; done\n" },
	{ "typescript", "let a: number", "let a: string" },
	{ "typescript", "f(a - b)", "f(b - a)" },
	{ "typescript", "len(1)", "eval(1)" },
	{ "typescript", "f(1)", "f(2)" },
	{ "go", "package p\nvar x = a - b\n", "package p\nvar x = b - a\n" },
	{ "go", "package p\nvar x = len(a)\n", "package p\nvar x = eval(a)\n" },
	{ "go", "package p\nvar x = 1\n", "package p\nvar x = 2\n" },
	{ "go", "package p\nvar x = a[1:]\n", "package p\nvar x = a[:1]\n" },
	{ "go", "package p\nfunc f() { switch a(); {} }\n",
	  "package p\nfunc f() { switch a() {} }\n" },
	{ "go", "package p\nvar x = \"a b\"\n", "package p\nvar x = \"ab\"\n" },
	{ "rust", "fn f() { a - b }", "fn f() { b - a }" },
	{ "rust", "fn f() { len(a) }", "fn f() { eval(a) }" },
	{ "rust", "fn f() { 1 }", "fn f() { 2 }" },
	{ "rust", "fn f() { [1; 2] }", "fn f() { [1, 2] }" },
	{ "rust", "fn f() { vec![1; 2] }", "fn f() { vec![1, 2] }" },
	{ "rust", "fn f() { (a.b)(c) }", "fn f() { a.b(c) }" },
	{ "rust", "fn f() { a }", "fn f() { a; }" },
	{ "rust", "fn f() { (a,) }", "fn f() { (a) }" },
	{ "rust", "fn f() { a.. }", "fn f() { ..a }" },
	{ "rust", "fn f() { let x = 1; { g(x); let x = 2; } }",
	  "fn f() { let x = 1; { g(z); let z = 2; } }" },
	{ "java", "class A { int x = a - b; }", "class A { int x = b - a; }" },
	{ "java", "class A { int x = len(a); }", "class A { int x = eval(a); }" },
	{ "java", "class A { int x = 1; }", "class A { int x = 2; }" },
	{ "java", "class A { int[] x; }", "class A { int[][] x; }" },
	{ "java", "class A { int x; int f() { return x; } }",
	  "class A { int y; int f() { return y; } }" },
	{ "c", "int x = a - b;", "int x = b - a;" },
	{ "c", "int x = len(a);", "int x = eval(a);" },
	{ "c", "int x = 1;", "int x = 2;" },
	{ "c", "int main() {}", "int other() {}" },
	{ "c", "unsigned int x;", "int x;" },
	{ "c", "void f() { for (int i = 0; ; i++) {} }", "void f() { for (int i = 0; i++;) {} }" },
	{ "bash", "echo $((a - b))\n", "echo $((b - a))\n" },
	{ "bash", "len x\n", "eval x\n" },
	{ "bash", "x=1\n", "x=2\n" },
	{ "bash", "echo \"$a $b\"\n", "echo \"$a$b\"\n" },
	{ "bash", "a; b\n", "a & b\n" },
	{ "bash", "a && b\n", "a || b\n" },
	{ "bash", "[ $a = b ]\n", "[[ $a = b ]]\n" },
	{ "bash", "a <(b)\n", "a >(b)\n" },
	{ "bash", "echo ${a:-b}\n", "echo ${a:+b}\n" },
};

Test(tree, what_means_the_same_is_one_tree)
{
	check(equal, ARRAY_LEN(equal), true);
}

Test(tree, what_does_not_is_not)
{
	check(different, ARRAY_LEN(different), false);
}

Test(tree, what_a_program_sees_of_its_text_is_in_the_tree)
{
	check(seen, ARRAY_LEN(seen), false);
	check(unseen, ARRAY_LEN(unseen), true);
}

static enum tree_result build(const char *language, struct span text, uint32_t *wrong)
{
	struct labels *l = labels_new();
	struct tree t;
	enum tree_result r = tree_build(syntax_find(span_of(language)), text, l, &t);
	*wrong = t.wrong;
	tree_fini(&t);
	labels_free(l);
	return r;
}

Test(tree, what_is_no_program_is_said)
{
	uint32_t wrong;
	cr_assert_eq(build("python", SPAN("x = 1\ndef (:\n"), &wrong), TREE_SYNTAX);
	cr_assert_geq(wrong, 6);
	cr_assert_eq(build("python", SPAN("# nothing\n\n"), &wrong), TREE_EMPTY);
	cr_assert_eq(build("python", SPAN("#!/bin/a\n# coding: b\n"), &wrong), TREE_EMPTY);
	cr_assert_eq(build("go", SPAN(""), &wrong), TREE_EMPTY);
	cr_assert_eq(build("python", SPAN("x = '\xff\xfe'\n"), &wrong), TREE_OK);
}

Test(tree, depth_is_limited)
{
	struct buf b = { 0 };
	uint32_t wrong;
	buf_add_text(&b, "x = ");
	for (int i = 0; i < 3000; i++)
		buf_add_char(&b, '[');
	for (int i = 0; i < 3000; i++)
		buf_add_char(&b, ']');
	cr_assert_eq(build("python", (struct span){ b.p, b.n }, &wrong), TREE_TOO_DEEP);
	buf_fini(&b);
}

/* So many calls that see names are listed; with more of them, all names are. */
Test(tree, no_call_that_sees_names_is_one_too_many)
{
	struct buf texts[2] = { { 0 }, { 0 } };
	for (int i = 0; i < 70; i++)
		for (int k = 0; k < 2; k++)
			buf_printf(&texts[k], "def f%d(%s):\n    return eval('a')\n", i,
				   i == 69 && k ? "b" : "a");
	buf_add_char(&texts[0], '\0');
	buf_add_char(&texts[1], '\0');
	const struct pair p = { "python", texts[0].p, texts[1].p };
	check(&p, 1, false);
	buf_fini(&texts[0]);
	buf_fini(&texts[1]);
}

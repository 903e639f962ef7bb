#include "policy/compare.h"
#include "tests/policy/sharp_play.h"

/* "kind: from -> to; kind: from -> to", each side empty where there is none. */
static void say(const struct sharp_edits *e, const char *const texts[2], struct buf *out)
{
	for (uint32_t i = 0; i < e->n; i++) {
		buf_printf(out, "%s%s: ", i ? "; " : "", sharp_kind_names[e->v[i].kind]);
		for (int k = 0; k < 2; k++) {
			struct syntax_range r = e->v[i].at[k].source;
			buf_add_text(out, k ? " -> " : "");
			if (e->v[i].in[k])
				buf_add(out, texts[k] + r.from, r.to - r.from);
		}
	}
	buf_add_char(out, '\0');
}

struct row {
	const char *language, *a, *b;
	const char *says; /* NULL: no sharp edit */
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const char *const texts[2] = { r->a, r->b };
		struct sharp_edits e;
		struct buf said = { 0 };
		play_both(r->language, span_of(r->a), span_of(r->b), &e);
		say(&e, texts, &said);
		cr_expect_str_eq(said.p, r->says ? r->says : "", "%s: %s and\n%s:\n%s", r->language,
				 r->a, r->b, said.p);
		sharp_edits_fini(&e);
		buf_fini(&said);
	}
}

#define PYTHON_GUARD "def f(a):\n    if a < 3:\n        raise E(a)\n    return a\n"
#define PYTHON_TYPED \
	"def f(a: int, *b: str, c: List[int] = 3) -> int:\n    d: int = a\n    return d\n"
#define PYTHON_BARE "def f(a, *b, c = 3):\n    d = a\n    return d\n"

static const struct row python[] = {
	{ "python", "x = len(a)\n", "x = eval(a)\n", "callee: len -> eval" },
	{ "python", "x = a.read()\n", "x = a.write()\n", "callee: a.read -> a.write" },
	{ "python", "f(1)\ng(2)\n", "g(1)\nf(2)\n", "callee: f -> g; callee: g -> f" },
	{ "python", "a = q - r\n", "a = r - q\n", "operator: q - r -> r - q" },
	{ "python", "a = q - r\n", "a = q + r\n", "operator: q - r -> q + r" },
	{ "python", "while a < b: f()\n", "while a <= b: f()\n", "comparison: a < b -> a <= b" },
	{ "python", "if a: f()\n", "if not a: f()\n", "operator: a -> not a" },
	{ "python", "if a and b: f()\n", "if a or b: f()\n", "operator: a and b -> a or b" },
	{ "python", "x = 3\n", "x = 4\n", "literal: 3 -> 4" },
	{ "python", "f('a')\n", "f('b')\n", "literal: 'a' -> 'b'" },
	{ "python", "x = 'http://a.example'\n", "x = 'http://b.example'\n",
	  "url: 'http://a.example' -> 'http://b.example'" },
	{ "python", "x = 'a.com'\n", "x = 'b.com'\n", "url: 'a.com' -> 'b.com'" },
	{ "python", "re.match(r'^a$', x)\n", "re.match(r'^a', x)\n", "literal: r'^a$' -> r'^a'" },
	{ "python", "def f():\n    return 1\n", "def f():\n    return 1\n\n\n", NULL },
	{ "python", "def f():\n    return 1\n# a\n", "\n\ndef f():\n    return 1\n", NULL },
	{ "python", "import os\n", "import sys\n", "import: import os -> import sys" },
	{ "python", "from a import b\nb()\n", "from c import b\nb()\n",
	  "import: from a import b -> from c import b" },
	{ "python", PYTHON_GUARD, "def f(a):\n    return a\n",
	  "guard: if a < 3:\n        raise E(a) -> " },
	{ "python", PYTHON_GUARD, "def f(a):\n    if a < 3:\n        pass\n    return a\n",
	  "exit: raise E(a) -> " },
	{ "python", "def f(b=1): pass\n", "def f(b=2): pass\n", "literal: 1 -> 2" },
	{ "python", "get(u, verify=True)\n", "get(u, verify=False)\n", "literal: True -> False" },
	{ "python", "run(u)\n", "run(u, shell=True)\n", "argument:  -> shell=True" },
	{ "python", "run(u, a=b)\n", "run(u, c=b)\n", "argument: a=b -> c=b" },
	{ "python", "run(u, v)\n", "run(v, u)\n", "argument: (u, v) -> (v, u)" },
	{ "python", "try: f()\nexcept A: g()\n", "try: f()\nexcept B: g()\n", "exception: A -> B" },
	{ "python", "@login\ndef f(): g()\n", "def f(): g()\n", "decorator: @login -> " },
	{ "python", "async def f(): g()\n", "def f(): g()\n", "modifier: async -> " },
	{ "python", "async def f(): await g()\n", "async def f(): g()\n",
	  "callee: await g() -> g()" },
	{ "python", "def f(): return g()\n", "def f(): g()\n", "exit: return g() -> g()" },
	{ "python", "class A:\n  @staticmethod\n  def f(a: b):\n    'a'\n    g()\n",
	  "class A:\n  @staticmethod\n  def f(a):\n    'b'\n    g()\n", NULL },
	{ "python", "class A:\n  @d\n  @staticmethod\n  def f():\n    'a'\n    g()\n",
	  "class A:\n  @d\n  @staticmethod\n  def f():\n    'b'\n    g()\n",
	  "literal: 'a' -> 'b'" },
	{ "python", "class A(B): x = 1\n", "class A(C): x = 1\n", "type: (B) -> (C)" },
	{ "python", "if a:\n    f()\n    g()\n", "if a:\n    f()\ng()\n",
	  "callee: g() -> ; callee:  -> g()" },
	{ "python", "#!/bin/a\nx = 1\n", "#!/bin/b\nx = 1\n", "directive: #!/bin/a -> #!/bin/b" },
	{ "python", "x = 1 # coding: a\n", "x = 1 # coding: b\n", NULL },
	{ "python", "# a\n# coding: utf-8\nx = 1\n", "# a\n# coding: utf-7\nx = 1\n",
	  "directive: # coding: utf-8 -> # coding: utf-7" },
	{ "python", "def f(a):\n    return a\n", "def f(b): # c\n    return (b)\n", NULL },
	{ "python", "def _f(a):\n    def h(): pass\n    return a\n",
	  "def _g(b):\n    def i(): pass\n    return b\n", NULL },
	{ "python", "def f(a):\n    return a\n", "def g(a):\n    return a\n", "name: f -> g" },
	{ "python", "def f(a):\n    return a\nprint(f(1))\n",
	  "def g(a):\n    return a\nprint(g(1))\n", NULL },
	{ "python", "A = 1\nB = 2\n", "B = 1\nA = 2\n", "name: A -> B; name: B -> A" },
	{ "python", "limit = 1\n", "bound = 1\n", NULL },
	{ "python", "@x\nclass A: pass\n", "@x\nclass B: pass\n", "name: A -> B" },
	{ "python", "def f(*, a=1, b=2): return a, b\n", "def f(*, b=1, a=2): return b, a\n",
	  "name: a -> b; name: b -> a" },
	{ "python", "x = 'a'\n", "x = \"a\"\n", NULL },
	{ "python", "def f():\n    'a'\n    g()\n", "def f():\n    '''b'''\n    g()\n", NULL },
	{ "python", "def f():\n    'a'\n    g()\n", "def f():\n    g()\n", NULL },
	{ "python", "def f():\n    f'{a()}'\n    g()\n", "def f():\n    g()\n",
	  "callee: f'{a()}' -> " },
	{ "python", "def f():\n    'a'\n    g(__doc__)\n", "def f():\n    g(__doc__)\n",
	  "literal: 'a' -> " },
	{ "python", "def f():\n    f'a{b()}c'\n    g()\n", "def f():\n    g()\n",
	  "callee: f'a{b()}c' -> " },
	{ "python", "def f(a: print('b')): g()\n", "def f(a): g()\n",
	  "parameter: a: print('b') -> a" },
	{ "python", "def f() -> (x := 1): g()\n", "def f() -> int: g()\n", "type: (x := 1) -> " },
	{ "python", "@tool\ndef f():\n    'a'\n    g()\n", "@tool\ndef f():\n    'b'\n    g()\n",
	  "literal: 'a' -> 'b'" },
	{ "python", "class A:\n  @staticmethod\n  def f(a: b):\n    'a'\n    g()\n",
	  "class A:\n  @staticmethod\n  def f(a):\n    'b'\n    g()\n", NULL },
	{ "python", "class A:\n  @d\n  @staticmethod\n  def f():\n    'a'\n    g()\n",
	  "class A:\n  @d\n  @staticmethod\n  def f():\n    'b'\n    g()\n",
	  "literal: 'a' -> 'b'" },
	{ "python", "class A(B):\n    # c\n    'a'\n", "class A(B):\n    # c\n    'b'\n",
	  "literal: 'a' -> 'b'" },
	{ "python", "class A:\n    'a'\n", "class A:\n    'b'\n", NULL },
	{ "python", "from typing import Any as os\nos.a()\n", "os.a()\n",
	  "import: from typing import Any as os -> " },
	{ "python", "try: f()\nexcept A: pass\n", "try: f()\nexcept A: g()\n", "callee:  -> g()" },
	{ "python", "class A:\n    pass\n", "class A:\n    ...\n", NULL },
	{ "python", PYTHON_TYPED, PYTHON_BARE, NULL },
	{ "python", "from typing import List\n" PYTHON_TYPED, PYTHON_BARE, NULL },
	{ "python", "from typing import List\n" PYTHON_TYPED "x = List\n", PYTHON_BARE "x = List\n",
	  "import: from typing import List -> " },
	{ "python", "import typer\ndef f(a: int): g()\n", "import typer\ndef f(a): g()\n",
	  "parameter: a: int -> a" },
	{ "python", "@d\ndef f(a: int): g()\n", "@d\ndef f(a): g()\n", "parameter: a: int -> a" },
	{ "python", "class A:\n    x: int = 3\n", "class A:\n    x = 3\n", "type: int -> " },
};

static const struct row script[] = {
	{ "javascript", "a(1)", "b(1)", "callee: a -> b" },
	{ "javascript", "a(1)", "a( 1 ) // b", NULL },
	{ "javascript", "const a = b - c", "const a = c - b", "operator: b - c -> c - b" },
	{ "javascript", "if (a < b) c()", "if (a <= b) c()", "comparison: a < b -> a <= b" },
	{ "javascript", "if (a == b) c()", "if (a === b) c()", "comparison: a == b -> a === b" },
	{ "javascript", "if (a) b()", "if (!a) b()", "operator: a -> !a" },
	{ "javascript", "let a = 'b'", "let c = \"b\";", NULL },
	{ "javascript", "let a = 'b'", "let a = 'c'", "literal: 'b' -> 'c'" },
	{ "javascript", "f('https://a.example/x')", "f('https://b.example/x')",
	  "url: 'https://a.example/x' -> 'https://b.example/x'" },
	{ "javascript", "import a from 'b'; a()", "import a from 'c'; a()",
	  "import: import a from 'b'; -> import a from 'c';" },
	{ "javascript", "import a from 'b'; a()", "import c from 'b'; c()", NULL },
	{ "javascript", "const a = require('b')", "const a = require('c')",
	  "import: ('b') -> ('c')" },
	{ "javascript", "function f(a) { if (!a) { throw b } g() }", "function f(a) { g() }",
	  "guard: if (!a) { throw b } -> " },
	{ "javascript", "function f(a) { if (!a) return; g() }",
	  "function f(a) { if (a) return; g() }", "operator: !a -> a" },
	{ "javascript", "async function f() { await g() }", "async function f() { g() }",
	  "callee: await g() -> g()" },
	{ "javascript", "async function f() { g() }", "function f() { g() }",
	  "modifier: async -> " },
	{ "javascript", "f(/^a$/)", "f(/^a/)", "literal: /^a$/ -> /^a/" },
	{ "javascript", "f({ a: true })", "f({ a: false })", "literal: true -> false" },
	{ "javascript", "f({})", "f({ a: b })", "assignment:  -> a: b" },
	{ "javascript", "try { f() } catch (e) { g() }", "try { f() } catch (e) { }",
	  "callee: g() -> " },
	{ "javascript", "var a = 1", "let a = 1", "assignment: var a = 1 -> let a = 1" },
	{ "javascript", "#!/bin/a\nf()", "#!/bin/b\nf()", "directive: #!/bin/a -> #!/bin/b" },
	{ "javascript", "x = <a b={c}/>", "x = <a d={c}/>", "argument: b={c} -> d={c}" },
	{ "typescript", "function f(a: string): void { g(a) }", "function f(a) { g(a) }", NULL },
	{ "typescript", "const a = (b: c, d?: e) => b", "const a = (b, d?) => b", NULL },
	{ "typescript", "const a: b = 1", "const a = 1", NULL },
	{ "typescript", "interface A { b: c }\nf()", "f()", NULL },
	{ "typescript", "export type A = 'b'\nf()", "export type A = 'c'\nf()", NULL },
	{ "typescript", "import type { A } from 'b'\nf()", "f()", NULL },
	{ "typescript", "import { A } from 'b'\nf()", "f()", "import: import { A } from 'b' -> " },
	{ "typescript", "import { type A } from 'b'\nf()", "f()",
	  "import: import { type A } from 'b' -> " },
	{ "typescript", "import type from 'b'\nf()", "f()", "import: import type from 'b' -> " },
	{ "typescript", "f<A>(a)", "f<B>(a)", "type: <A> -> <B>" },
	{ "typescript", "enum A { B = 1 }", "enum A { B = 2 }", "literal: 1 -> 2" },
	{ "typescript", "class A { constructor(private b: c) { d() } }",
	  "class A { constructor(b: c) { d() } }", "parameter: (private b: c) -> (b: c)" },
	{ "typescript", "const a = b as c", "const a = b as d", "type: b as c -> b as d" },
	{ "typescript", "@D class A { f(a: b) { c() } }", "@D class A { f(a: e) { c() } }",
	  "type: : b -> : e" },
	{ "typescript", "class A { private a = 1 }", "class A { public a = 1 }",
	  "modifier: private -> public" },
	{ "tsx", "const a = (b: c) => <d e={b}/>", "const a = (b) => <d e={b}/>", NULL },
	{ "tsx", "const a = <b c={d}/>", "const a = <b c={e}/>", "argument: c={d} -> c={e}" },
};

#define GO(body) "package p\nfunc f(a int) int {\n" body "\n}\n"

static const struct row go[] = {
	{ "go", GO("return g(a)"), GO("return h(a)"), "callee: g -> h" },
	{ "go", GO("return g(a)"), "package p\n// c\nfunc f(b int) int { return g((b)) }\n", NULL },
	{ "go", GO("return a - b"), GO("return b - a"), "operator: a - b -> b - a" },
	{ "go", GO("if a < b { g() }"), GO("if a <= b { g() }"), "comparison: a < b -> a <= b" },
	{ "go", GO("return 1"), GO("return 2"), "literal: 1 -> 2" },
	{ "go", GO("g(\"http://a\")"), GO("g(\"http://b\")"), "url: \"http://a\" -> \"http://b\"" },
	{ "go", GO("if a < 1 { return 0 }\ng()"), GO("g()"), "guard: if a < 1 { return 0 } -> " },
	{ "go", GO("go g()"), GO("g()"), "modifier: go g() -> g()" },
	{ "go", "package p\nimport \"a\"\n", "package p\nimport \"b\"\n",
	  "import: \"a\" -> \"b\"" },
	{ "go", "package p\nimport (\n\"a\"\n\"b\"\n)\n", "package p\nimport (\n\"b\"\n\"a\"\n)\n",
	  NULL },
	{ "go", "package p\nimport (\n\"a\"\n\"b\"\n)\n", "package p\nimport (\n\"b\"\n\"c\"\n)\n",
	  "import: \"a\" -> ; import:  -> \"c\"" },
	{ "go", "//go:build a\npackage p\n", "//go:build b\npackage p\n",
	  "directive: //go:build a -> //go:build b" },
	{ "go", "// a\npackage p\n", "// b\npackage p\n", NULL },
	{ "go", "package p\n// int f;\nimport \"C\"\n", "package p\n// int g;\nimport \"C\"\n",
	  "directive: // int f; -> // int g;" },
	{ "go", "package p\nimport (\n// int f;\n\"C\"\n\"a\"\n)\n",
	  "package p\nimport (\n// int f;\n\"a\"\n\"C\"\n)\n",
	  "import: \"C\" -> ; import:  -> \"C\"" },
	{ "go", "package p\n//go:embed a\nvar b string\nvar c string\n",
	  "package p\nvar b string\n//go:embed a\nvar c string\n",
	  "directive: //go:embed a -> ; directive:  -> //go:embed a" },
	{ "go", "package p\n// int f;\nimport \"c\"\n", "package p\n// int g;\nimport \"c\"\n",
	  NULL },
	{ "go", GO("return int8(a.(b))"), GO("return int8(a.(c))"), "type: a.(b) -> a.(c)" },
};

static const struct row rust[] = {
	{ "rust", "fn f() { g(1) }", "fn f() { h(1) }", "callee: g -> h" },
	{ "rust", "fn f(a: T) { g(a) }", "fn f(b: T) { g((b)) } // c", NULL },
	{ "rust", "fn f() { a - b }", "fn f() { b - a }", "operator: a - b -> b - a" },
	{ "rust", "fn f() { if a < b { g() } }", "fn f() { if a <= b { g() } }",
	  "comparison: a < b -> a <= b" },
	{ "rust", "fn f() { 1 }", "fn f() { 2 }", "literal: 1 -> 2" },
	{ "rust", "fn f() { g(\"a.com\") }", "fn f() { g(\"b.com\") }",
	  "url: \"a.com\" -> \"b.com\"" },
	{ "rust", "use a::b;", "use a::c;", "import: use a::b; -> use a::c;" },
	{ "rust", "fn f(a: bool) { if a { return; } g() }", "fn f(a: bool) { g() }",
	  "guard: if a { return; } -> " },
	{ "rust", "fn f() { unsafe { g() } }", "fn f() { { g() } }",
	  "modifier: unsafe { g() } -> { g() }" },
	{ "rust", "fn f() { g() }", "pub fn f() { g() }", "modifier:  -> pub" },
	{ "rust", "fn f() { g()? }", "fn f() { g() }", "exit: g()? -> g()" },
	{ "rust", "fn f() { a as u8 }", "fn f() { a as u16 }", "type: a as u8 -> a as u16" },
	{ "rust", "fn f() { g!(a) }", "fn f() { h!(a) }", "callee: g -> h" },
	{ "rust", "#[allow(dead_code)]\nfn f() {}", "fn f() {}", NULL },
	{ "rust", "#[test]\nfn f() {}", "fn f() {}", "decorator: #[test] -> " },
	{ "rust", "#![forbid(unsafe_code)]\nfn f() {}", "fn f() {}",
	  "decorator: #![forbid(unsafe_code)] -> " },
};

#define JAVA(body) "class A { void f(int a) { " body " } }"

static const struct row java[] = {
	{ "java", JAVA("g(a);"), JAVA("h(a);"), "callee: g -> h" },
	{ "java", JAVA("g(a);"), "class A { /* c */ void f(int b) { g((b)); } }", NULL },
	{ "java", JAVA("g(x - y);"), JAVA("g(y - x);"), "operator: x - y -> y - x" },
	{ "java", JAVA("if (x < y) g();"), JAVA("if (x <= y) g();"),
	  "comparison: x < y -> x <= y" },
	{ "java", JAVA("g(1);"), JAVA("g(2);"), "literal: 1 -> 2" },
	{ "java", JAVA("g(\"http://a\");"), JAVA("g(\"http://b\");"),
	  "url: \"http://a\" -> \"http://b\"" },
	{ "java", "import a.B;", "import a.C;", "import: import a.B; -> import a.C;" },
	{ "java", "import a.B;\nimport a.C;", "import a.C;\nimport a.B;", NULL },
	{ "java", JAVA("if (a < 1) { throw b; } g();"), JAVA("g();"),
	  "guard: if (a < 1) { throw b; } -> " },
	{ "java", "class A { private int a; }", "class A { public int a; }",
	  "modifier: private -> public" },
	{ "java", "class A { int a; }", "class A { final int a; }", "modifier:  -> final" },
	{ "java", JAVA("final int b = a;"), JAVA("int b = a;"), NULL },
	{ "java", "class A { @Override void f() { } }", "class A { void f() { } }", NULL },
	{ "java", "class A { @Inject void f() { } }", "class A { void f() { } }",
	  "decorator: @Inject -> " },
	{ "java", JAVA("try { g(); } catch (B e) { h(); }"),
	  JAVA("try { g(); } catch (C e) { h(); }"), "exception: B -> C" },
	{ "java", JAVA("g((int) x);"), JAVA("g((long) x);"), "type: (int) x -> (long) x" },
	{ "java", "class A { } // a", "class A { } // b", NULL },
	{ "java", "class A { } // \\u000a", "class A { } // b",
	  "directive: // \\u000a -> ; structure: // \\u000a -> " },
};

static const struct row c_language[] = {
	{ "c", "int f(int a) { return g(a); }", "int f(int a) { return h(a); }", "callee: g -> h" },
	{ "c", "int f(int a) { return g(a); }", "int f(int b) { return g((b)); } // c", NULL },
	{ "c", "int f() { return a - b; }", "int f() { return b - a; }",
	  "operator: a - b -> b - a" },
	{ "c", "int f() { if (a < b) g(); }", "int f() { if (a <= b) g(); }",
	  "comparison: a < b -> a <= b" },
	{ "c", "int a = 1;", "int a = 2;", "literal: 1 -> 2" },
	{ "c", "char *a = \"http://a\";", "char *a = \"http://b\";",
	  "url: \"http://a\" -> \"http://b\"" },
	{ "c", "#include <a.h>\n", "#include <b.h>\n",
	  "import: #include <a.h>\n -> #include <b.h>\n" },
	{ "c", "int f(int a) { if (a) return 1; g(); }", "int f(int a) { g(); }",
	  "guard: if (a) return 1; -> " },
	{ "c", "int f() { return (char)a; }", "int f() { return (long)a; }", "type: char -> long" },
	{ "c", "static int f() { }", "int f() { }", "modifier: static -> " },
	{ "c", "#define A 1\n", "#define A 2\n", "assignment: #define A 1\n -> #define A 2\n" },
	{ "c", "int f() { return a & b; }", "int f() { return a && b; }",
	  "operator: a & b -> a && b" },
};

static const struct row bash[] = {
	{ "bash", "a x\n", "b x\n", "callee: a -> b" },
	{ "bash", "a x # c\n", "a  x\n", NULL },
	{ "bash", "a x y\n", "a y x\n", "argument: x -> ; argument:  -> x" },
	{ "bash", "a > x\n", "a >> x\n", "redirect: > x -> >> x" },
	{ "bash", "a > x\n", "a\n", "redirect: a > x -> a" },
	{ "bash", "a | b\n", "a | b | c\n", "pipeline: a | b -> a | b | c" },
	{ "bash", "A=1 b\n", "A=2 b\n", "literal: 1 -> 2" },
	{ "bash", "a || exit 1\nb\n", "b\n", "guard: a || exit 1 -> " },
	{ "bash", "a && b\n", "a || b\n", "operator: && -> ||" },
	{ "bash", "if [ $a -lt 1 ]; then b; fi\n", "if [ $a -le 1 ]; then b; fi\n",
	  "comparison: $a -lt 1 -> $a -le 1" },
	{ "bash", "curl http://a\n", "curl http://b\n", "url: http://a -> http://b" },
	{ "bash", "source a\nb\n", "b\n", "import: source a -> " },
	{ "bash", "set -e\nb\n", "b\n", "callee: set -e -> " },
	{ "bash", "#!/bin/bash\na\n", "#!/bin/sh\na\n", "directive: #!/bin/bash -> #!/bin/sh" },
	{ "bash", "a \"$b\"\n", "a $b\n", "argument: \"$b\" -> $b" },
};

Test(sharp, python)
{
	check(python, sizeof(python) / sizeof(*python));
}

Test(sharp, javascript_and_typescript)
{
	check(script, sizeof(script) / sizeof(*script));
}

Test(sharp, go)
{
	check(go, sizeof(go) / sizeof(*go));
}

Test(sharp, rust)
{
	check(rust, sizeof(rust) / sizeof(*rust));
}

Test(sharp, java)
{
	check(java, sizeof(java) / sizeof(*java));
}

Test(sharp, c)
{
	check(c_language, sizeof(c_language) / sizeof(*c_language));
}

Test(sharp, bash)
{
	check(bash, sizeof(bash) / sizeof(*bash));
}

/* A program of 20,000 lines, with one of its functions as it is told. */
static void large(struct buf *out, const char *in_the_middle)
{
	buf_clear(out);
	for (int i = 0; i < 2500; i++) {
		buf_printf(out, "def f%d(a, b):\n    \"\"\"Doc %d.\"\"\"\n", i, i);
		if (i == 1250)
			buf_add_text(out, in_the_middle);
		else
			buf_printf(out, "    if a < %d:\n        raise E(a)\n", i);
		buf_printf(out, "    n = g%d(a) + len(b)\n    x = 'http://%d.example'\n", i, i);
		buf_add_text(out, "    return n\n\n");
	}
}

#define LARGE_GUARD "    if not a.allowed:\n        raise Denied(a)\n"

Test(sharp, any_size)
{
	static const struct {
		const char *was, *is, *kind;
	} rows[] = {
		{ LARGE_GUARD, "", "guard" },
		{ LARGE_GUARD, "    if a.allowed:\n        raise Denied(a)\n", "operator" },
		{ "    run(a)\n", "    len(a)\n", "callee" },
		{ "    u = 'http://a.example/'\n", "    u = 'http://a.example.org/'\n", "url" },
		{ "    u = 1\n", "    u = 2\n", "literal" },
		{ "    u = a - b\n", "    u = b - a\n", "operator" },
		{ "    'a'\n", "    'b'\n", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf a = { 0 }, b = { 0 };
		large(&a, rows[i].was);
		large(&b, rows[i].is);
		struct comparison c;
		const struct span texts[COMPARE_SIDES] = { { a.p, a.n }, { b.p, b.n } };
		compare(&c, syntax_find(SPAN("python")), texts, 3 * SCORE_UNITS, false);
		cr_expect_gt(c.score.ab.low, 0);
		cr_assert(c.sharp_known);
		cr_expect_eq(c.reason, rows[i].kind ? COMPARE_SHARP_EDITS : COMPARE_WITHIN);
		cr_expect_eq(c.sharp.n, rows[i].kind != NULL);
		if (c.sharp.n && rows[i].kind)
			cr_expect_str_eq(sharp_kind_names[c.sharp.v[0].kind], rows[i].kind);
		comparison_fini(&c);
		buf_fini(&a);
		buf_fini(&b);
	}
}

/* Where eval() is called, names count as they are spelled: the whole file differs. */
Test(sharp, eval_in_a_large_file)
{
	struct buf a = { 0 }, b = { 0 };
	large(&a, "    len(a)\n");
	large(&b, "    eval(a)\n");
	struct comparison c;
	const struct span texts[COMPARE_SIDES] = { { a.p, a.n }, { b.p, b.n } };
	compare(&c, syntax_find(SPAN("python")), texts, 3 * SCORE_UNITS, false);
	cr_expect_eq(compare_verdict(c.reason), SCORE_AUDIT);
	compare_sharp(&c, syntax_find(SPAN("python")), texts);
	bool callee = false;
	for (uint32_t i = 0; i < c.sharp.n; i++)
		callee = callee || c.sharp.v[i].kind == SHARP_CALLEE;
	cr_expect(callee);
	comparison_fini(&c);
	buf_fini(&a);
	buf_fini(&b);
}

Test(sharp, places)
{
	struct sharp_edits e;
	play_both("python", SPAN("x = 1\n\n# \xc3\xa9\ny = '\xc3\xa9' + len(x)\n"),
		  SPAN("x = 1\ny = '\xc3\xa9' + eval(x)\n"), &e);
	cr_assert_eq(e.n, 1);
	cr_expect_eq(e.v[0].at[0].line, 4);
	cr_expect_eq(e.v[0].at[1].line, 2);
	cr_expect_eq(e.v[0].at[0].column, 11);
	cr_expect_eq(e.v[0].at[1].column, 11);
	sharp_edits_fini(&e);
}

/* The list ends, the answer does not depend on it. */
Test(sharp, many)
{
	struct buf a = { 0 }, b = { 0 };
	struct sharp_edits e;
	for (int i = 0; i < 3000; i++) {
		buf_printf(&a, "f(%d)\n", i);
		buf_printf(&b, "g(%d)\n", i * 7 % 3000);
	}
	play_both("python", (struct span){ a.p, a.n }, (struct span){ b.p, b.n }, &e);
	cr_expect_eq(e.n, SHARP_LISTED_MAX);
	cr_expect(e.more);
	sharp_edits_fini(&e);
	buf_fini(&a);
	buf_fini(&b);
}

/* Lists that share little, and have nothing but their order in common. */
Test(sharp, order)
{
	struct sharp_edits e;
	play_both("python", SPAN("a()\nb()\nc()\nd()\n"), SPAN("d()\nc()\nb()\na()\n"), &e);
	cr_expect_gt(e.n, 0);
	sharp_edits_fini(&e);
	play_both("python", SPAN("a()\n'x'\nb()\n"), SPAN("a()\nb()\n'y'\n"), &e);
	cr_expect_eq(e.n, 0);
	sharp_edits_fini(&e);
}

/*
 * Normalised trees of program text, for comparing what two builders wrote.
 *
 * A tree is tree-sitter's without comments and punctuation; its leaves carry text. A name bound
 * inside the file is the n-th name of its scope, written %up.n: so many scopes out, the number in
 * that scope, parameters first, then by first binding. So a consistent rename changes nothing. What
 * keeps its spelling: free names, imports, attributes, what stands in a class; and in Bash, C, Go,
 * Rust and Java the names of the file, which other files may see. Parentheses that only group, the
 * style of quotes, the case of numbers and trailing commas are gone where they mean nothing.
 *
 * Where a program can see how its names are spelled, that counts. A call of eval, exec, locals,
 * globals, vars() or dir() has the file's names in its label. Names keep their spelling in a file
 * that has a `with` of JavaScript; names in f"{x=}", in
 * Rust's "{x}", in __all__ and quoted types, in the bodies and arguments of macros; parameters that
 * some call names, that an annotation or a decorator can read, of tests, of records and of
 * constructors that make fields of them; in Python __x__ (tree_observed.c, tree_names.c).
 *
 * A comment stays where it changes what is built or run (tree_comment.c): #! lines, Python's
 * coding lines, Go's //go: and // +build and //export and what stands above import "C", JSX and
 * bundler comments of scripts, /// <reference> and @ts- of TypeScript, without which its compiler
 * refuses. What only silences a checker (# type: ignore, noqa, eslint-disable, NOLINT) goes with
 * the others, and so do comments that are documentation.
 *
 * Each tree is normalised by itself, so that a distance between trees is one between texts.
 */
#ifndef POLICY_TREE_H
#define POLICY_TREE_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/syntax.h"

enum tree_result {
	TREE_OK,
	TREE_EMPTY,        /* nothing but comments and white space */
	TREE_SYNTAX,       /* the text is no program; where: tree.wrong */
	TREE_TOO_LARGE,    /* more bytes, nodes or names than the limit */
	TREE_TOO_COSTLY,   /* the parser gave up */
	TREE_TOO_DEEP,     /* nested deeper than the limit */
	TREE_MEMORY_BOUND, /* more memory than the limit, for the parser or the labels */
	TREE_NO_MEMORY,
	TREE_UNSUPPORTED, /* the grammar does not fit */
	TREE_RESULT_COUNT
};

extern const char *const tree_result_names[TREE_RESULT_COUNT];

enum {
	TREE_NODES_MAX = 600000, /* of the parser, in one tree: 14 MB of them */
	TREE_DEPTH_MAX = 500,
	LABELS_BYTES = 64 << 20, /* of a table */
};

/* Labels are numbers, the same in all trees of one table. */
struct labels;

struct labels *labels_new(void); /* NULL: no memory */
void labels_free(struct labels *l);
/* UINT32_MAX: no memory, or labels_full() */
uint32_t labels_intern(struct labels *l, struct span text);
bool labels_full(const struct labels *l); /* LABELS_BYTES do not do */
struct span labels_text(const struct labels *l, uint32_t label);
uint32_t labels_count(const struct labels *l);

/* In postorder; the root is the last. Its arrays are one piece of memory, that of `label`. */
struct tree {
	uint32_t n;
	uint32_t *label;
	uint32_t *left;              /* the leftmost leaf below, or itself */
	struct syntax_range *source; /* bytes of the text */
	uint32_t wrong;              /* TREE_SYNTAX: the byte where it begins */
};

struct syntax_text;

/* The same; kept: where the parsed text is left for the caller after TREE_OK, unless it takes more
 * than `most` bytes. */
enum tree_result tree_build_keeping(const struct syntax_language *language, struct span text,
				    struct labels *labels, struct tree *out, size_t most,
				    struct syntax_text **kept) MUST_USE;

/* *out is a tree after TREE_OK alone; tree_fini() is fine after any. */
enum tree_result tree_build(const struct syntax_language *language, struct span text,
			    struct labels *labels, struct tree *out) MUST_USE;

/* A tree of n nodes, for those who fill it themselves. False: no memory. */
bool tree_init(struct tree *t, uint32_t n) MUST_USE;
void tree_fini(struct tree *t);

bool tree_equal(const struct tree *a, const struct tree *b); /* of one table */

/* Appends {"l": label, "c": [node, ...]}. */
void tree_dump(const struct tree *t, const struct labels *labels, struct buf *out);

#endif

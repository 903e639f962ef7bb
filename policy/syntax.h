/*
 * Syntax trees of program text: the door to tree-sitter and to the grammars linked into the binary.
 *
 * A parse is bounded in bytes, in steps, in depth and in memory. Steps are counted by the parser
 * itself, not by a clock: the same text gives the same answer on every machine, unless that has no
 * memory left. Any thread may parse.
 */
#ifndef POLICY_SYNTAX_H
#define POLICY_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "policy/regex.h"

/* The lists are of words between spaces: " py py3 ". */
struct syntax_language {
	const char *name;
	const char *aliases;    /* other words after a code fence that mean it */
	const char *extensions; /* of file names, without the dot */
	const char *closers;    /* what ends comments and strings that go over lines */
};

enum syntax_result {
	SYNTAX_OK,           /* the whole text is in the tree; look at report.errors */
	SYNTAX_TOO_LARGE,    /* more bytes than the limit: not parsed */
	SYNTAX_TOO_COSTLY,   /* more steps than the limit: given up */
	SYNTAX_TOO_DEEP,     /* nested deeper than the limit: counted up to there */
	SYNTAX_MEMORY_BOUND, /* more memory than the limit: given up */
	SYNTAX_NO_MEMORY,    /* there is none: given up */
	SYNTAX_UNSUPPORTED,  /* the grammar and the core do not fit each other */
	SYNTAX_RESULT_COUNT
};

extern const char *const syntax_result_names[SYNTAX_RESULT_COUNT];

struct syntax_limits {
	uint32_t bytes;
	uint32_t steps; /* one is a hundred parser operations, or what costs as much */
	uint32_t depth;
	uint32_t memory; /* bytes for the parser and the tree; one step more may be taken */
};

enum { SYNTAX_MEMORY = 128 << 20 }; /* of any text, by default */

extern const struct syntax_limits syntax_default_limits;

struct syntax_report {
	uint64_t nodes;  /* named and anonymous */
	uint64_t errors; /* of these: what has no place in the grammar, and what was made up */
	uint32_t depth;  /* of the deepest node; the root is 1 */
	uint32_t steps;
};

size_t syntax_count(void);
const struct syntax_language *syntax_language(size_t index);

/* By name or alias, ASCII letters in either case; NULL when it is none of ours. */
const struct syntax_language *syntax_find(struct span name);

/* By the extension of a file name; NULL when it has none or none of ours. */
const struct syntax_language *syntax_of_file(struct span path);

/* Whether word stands in a list of words that have a space on both sides. */
bool syntax_listed(const char *list, struct span word);

/* Parses text whole. *report is set for every result and describes what was seen up to there. */
enum syntax_result syntax_parse(const struct syntax_language *language, struct span text,
				const struct syntax_limits *limits,
				struct syntax_report *report) MUST_USE;

/* A tree of a text that grows at its end. What a sequence of texts gives is a function of that
 * sequence alone. */
struct syntax_tree;

struct syntax_tree *syntax_tree_new(const struct syntax_language *language); /* NULL: no memory */
void syntax_tree_free(struct syntax_tree *t);                                /* NULL is fine */

/* text is all of it, and begins with what the call before had. After an answer other than
 * SYNTAX_OK the tree stays as it was, and no later call changes it. */
enum syntax_result syntax_tree_grow(struct syntax_tree *t, struct span text,
				    const struct syntax_limits *limits) MUST_USE;

struct syntax_tree *syntax_tree_copy(const struct syntax_tree *t); /* NULL: no memory */

uint64_t syntax_tree_steps(const struct syntax_tree *t); /* of all its parses, those of a
							    text of little but errors
							    counted 64 times */

/* What all trees and parsers hold that this thread has made, less what it has freed: differences
 * tell what something holds. */
int64_t syntax_held(void);

/* A tree-sitter query, compiled for one language. Each pattern is one named node with what it must
 * contain; predicates: see syntax_predicate.h. */
struct syntax_query; /* immutable, shared by threads */

/* -EINVAL: what is wrong, without a line end, is appended to *why, and *line is where, from 0. */
int syntax_query_new(const struct syntax_language *language, struct span text,
		     struct syntax_query **out, unsigned *line, struct buf *why) MUST_USE;
void syntax_query_free(struct syntax_query *q); /* NULL is fine */

enum syntax_answer {
	SYNTAX_OPEN,     /* the code around the byte is not complete yet */
	SYNTAX_NO,       /* complete, and no match */
	SYNTAX_YES,      /* a match, unless a comment or string that is open here holds it */
	SYNTAX_BROKEN,   /* the text has ended, and the code around the byte is no program */
	SYNTAX_EXHAUSTED /* nested too deep, or no memory */
};

struct syntax_range { /* bytes of the text */
	uint32_t from, to;
};

/* About the byte at `at`: judged is the smallest node around it of a type that a pattern begins
 * with, inside the smallest statement around it. It is complete when a token follows it, or when
 * the text is `whole`. text is what the tree was grown to. SYNTAX_YES: *out is that node's. */
enum syntax_answer syntax_ask(const struct syntax_tree *t, const struct syntax_query *q,
			      struct regex_scratch *s, struct span text, uint32_t at, bool whole,
			      struct syntax_range *out) MUST_USE;

#endif

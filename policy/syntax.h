/*
 * Syntax trees of program text: the door to tree-sitter and to the grammars linked into the binary.
 *
 * A parse is bounded in bytes, in steps and in depth. Steps are counted by the parser itself, not
 * by a clock: the same text gives the same report on every machine. A parse keeps nothing
 * afterwards, and any thread may parse.
 */
#ifndef POLICY_SYNTAX_H
#define POLICY_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

/* The lists are of words between spaces: " py py3 ". */
struct syntax_language {
	const char *name;
	const char *aliases;    /* other words after a code fence that mean it */
	const char *extensions; /* of file names, without the dot */
};

enum syntax_result {
	SYNTAX_OK,          /* the whole text is in the tree; look at report.errors */
	SYNTAX_TOO_LARGE,   /* more bytes than the limit: not parsed */
	SYNTAX_TOO_COSTLY,  /* more steps than the limit: given up */
	SYNTAX_TOO_DEEP,    /* nested deeper than the limit: counted up to there */
	SYNTAX_UNSUPPORTED, /* the grammar and the core do not fit each other */
	SYNTAX_RESULT_COUNT
};

extern const char *const syntax_result_names[SYNTAX_RESULT_COUNT];

struct syntax_limits {
	uint32_t bytes;
	uint32_t steps; /* one is a hundred parser operations, a few microseconds */
	uint32_t depth;
};

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

/* Parses text whole. *report is set for every result and describes what was seen up to there. */
enum syntax_result syntax_parse(const struct syntax_language *language, struct span text,
				const struct syntax_limits *limits,
				struct syntax_report *report) MUST_USE;

#endif

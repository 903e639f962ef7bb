/*
 * The lists of a tree_language as numbers: what they say of each node type of the grammar. Made at
 * the first use of a language and kept for good; any thread may ask.
 */
#ifndef POLICY_TREE_TYPES_H
#define POLICY_TREE_TYPES_H

#include "policy/syntax_tree.h"
#include "policy/tree_language.h"

enum {
	TYPE_DROPPED = 1 << 0,
	TYPE_SEPARATOR = 1 << 1,
	TYPE_EXACT = 1 << 2,
	TYPE_ATOM = 1 << 3,
	TYPE_TRANSPARENT = 1 << 4,
	TYPE_LONE = 1 << 5,
	TYPE_FIELDED = 1 << 6,
	TYPE_STRING = 1 << 7,
	TYPE_INSET = 1 << 8,
	TYPE_NUMBER = 1 << 9,
	TYPE_MARKUP = 1 << 10,
	TYPE_JOINED = 1 << 11,
	TYPE_REWRITTEN = 1 << 12,
	TYPE_NAME = 1 << 14,
	TYPE_SCOPE = 1 << 15,
	TYPE_FUNCTION = 1 << 16,
	TYPE_CLASS = 1 << 17,
	TYPE_PATTERN = 1 << 18,
	/* Stands on one side in a list of pairs: then the list is worth a look. */
	TYPE_OPENED = 1 << 19,    /* right */
	TYPE_KEPT = 1 << 20,      /* right */
	TYPE_EMPTY = 1 << 21,     /* right */
	TYPE_DISSOLVED = 1 << 23, /* left */
	TYPE_KEYED = 1 << 24,     /* left */
	TYPE_SKIPS = 1 << 25,     /* left */
	/* The grammar's own name says it. */
	TYPE_COMMA = 1 << 26,
	TYPE_HEREDOC = 1 << 27,
	TYPE_KEYWORD = 1 << 28,
	/* More lists. */
	TYPE_COMMENT = 1 << 29,
	TYPE_WATCHED = 1 << 30,
};

struct tree_type {
	uint32_t flags;
	uint32_t bindings;  /* those whose parent it is, a bit each */
	struct span name;   /* in labels: its alias, if it has one */
	struct span source; /* as the grammar says it; ends with '\0' */
};

struct tree_types {
	const struct syntax_language *language;
	const struct tree_language *l;
	uint32_t n;
	uint32_t reads;      /* the bindings that bind nothing, a bit each */
	uint16_t fields[32]; /* of the bindings; 0: any */
	struct tree_type v[];
};

const struct tree_types *tree_types_of(
	const struct syntax_language *language); /* NULL: no memory */

#endif

/*
 * Which number a name has in its scope: the part of normalisation that resolves names.
 */
#ifndef POLICY_TREE_NAMES_H
#define POLICY_TREE_NAMES_H

#include "lib/buf.h"
#include "policy/tree_types.h"

enum { NAME_UP_MAX = 1 << 9, NAME_INDEX_MAX = 1 << 22, SEEN_BYTES_MAX = 16 << 20 };
#define NAME_IMPORT 0x80000000U

struct names_seen {
	uint32_t by;     /* the first node that may see how all names are spelled; 0: none */
	struct buf list; /* then: each name that has a number, once, with a space behind it */
};

/* out[i] of node i: 0, it keeps its spelling; 1 + up * NAME_INDEX_MAX + number; or NAME_IMPORT and
 * the node that says what was imported. False: no memory, or more scopes or names than the limits.
 */
bool tree_names(const struct tree_types *types, const struct syntax_nodes *nodes, struct span text,
		uint32_t *out, struct names_seen *all) MUST_USE;

#endif

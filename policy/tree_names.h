/*
 * Which number a name has in its scope: the part of normalisation that resolves names.
 */
#ifndef POLICY_TREE_NAMES_H
#define POLICY_TREE_NAMES_H

#include "policy/tree_types.h"

enum { NAME_UP_MAX = 1 << 9, NAME_INDEX_MAX = 1 << 22, SEEN_BYTES_MAX = 16 << 20 };
#define NAME_IMPORT 0x80000000U
#define NAME_EYE NAME_IMPORT /* of no node: it sees how all names are spelled */

/* out[i] of node i: 0, it keeps its spelling; 1 + up * NAME_INDEX_MAX + number; or NAME_IMPORT and
 * the node that says what was imported. *seen_names: the names that a NAME_EYE
 * sees. False: no memory, or more scopes or names than the limits.
 */
bool tree_names(const struct tree_types *types, const struct syntax_nodes *nodes, struct span text,
		uint32_t *out, struct buf *seen_names) MUST_USE;

#endif

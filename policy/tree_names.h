/*
 * Which number a name has in its scope: the part of normalisation that resolves names.
 */
#ifndef POLICY_TREE_NAMES_H
#define POLICY_TREE_NAMES_H

#include "policy/tree.h"
#include "policy/tree_types.h"

enum { NAME_UP_MAX = 1 << 9, NAME_INDEX_MAX = 1 << 22, SEEN_BYTES_MAX = 16 << 20, EYES_MAX = 64 };
#define NAME_IMPORT 0x80000000U
#define NAME_EYE 0xC0000000U

/* out[i] of node i: 0, it keeps its spelling; 1 + up * NAME_INDEX_MAX + number; NAME_IMPORT and the
 * node that says what was imported; or, of a call that sees how names are spelled, NAME_EYE and
 * where in *seen_names those that it sees begin, as text with a NUL. Where more than EYES_MAX calls
 * see names, all keep their spelling. TREE_NO_MEMORY; TREE_TOO_LARGE: more scopes, names or bytes
 * of seen ones than the limits. */
enum tree_result tree_names(const struct tree_types *types, const struct syntax_nodes *nodes,
			    struct span text, uint32_t *out, struct buf *seen_names) MUST_USE;

#endif

/*
 * What differs between two trees, node by node: an edit mapping. It pairs nodes one to one and
 * keeps their order and ancestry; what has no partner was deleted or inserted, partners whose
 * labels differ were relabelled. Its cost is the number of all these.
 *
 * Where the distance is exact the mapping costs just that, as far as it is affordable: the
 * alignment of the distance's upper bound when that meets it, else Zhang and Shasha's program in
 * the narrowest strip, traced back. A pair of subtrees that the trace uses and that are not equal
 * is computed again and traced in turn; each belongs to another pair of keyroots, so all of it
 * costs no more than the program did. Where that is not affordable it is the alignment: then
 * `exact` is false and the cost an upper bound.
 *
 * Of the two trees the one that comes first by size, shape and labels is always mapped to the
 * other, so that swapping them gives the mirrored mapping.
 */
#ifndef POLICY_CHANGES_H
#define POLICY_CHANGES_H

#include "policy/distance.h"

enum { CHANGES_NONE = -1 }; /* no partner */

enum change_kind { CHANGE_RELABELLED, CHANGE_DELETED, CHANGE_INSERTED, CHANGE_KIND_COUNT };

extern const char *const change_kind_names[CHANGE_KIND_COUNT];

/* For people: a relabelled node, or the neighbours that went or came together, which are either the
 * top of a subtree with those below it, or whole subtrees beside each other. */
struct change {
	enum change_kind kind;
	int32_t a, b;   /* relabelled: both nodes. Deleted, inserted: the last top in its tree */
	uint32_t first; /* the first top; the same as the last if there is one */
	uint32_t nodes; /* what it costs */
	bool whole;     /* nothing below the tops has a partner */
	uint32_t order;
};

struct changes {
	uint32_t n_a, n_b;
	int32_t *a, *b; /* of each node: its partner in the other tree, or CHANGES_NONE */
	uint32_t cost;
	bool exact;       /* the cost is the distance */
	struct change *v; /* in the order of A, what was inserted behind what it follows */
	uint32_t n;
};

/* Between trees whose distance is d, with as much as that took at most. False: no memory.
 * changes_fini() is fine after either. */
bool changes_find(const struct tree *a, const struct tree *b, const struct labels *labels,
		  const struct distance *d, const struct distance_limits *limits,
		  struct changes *out) MUST_USE;
void changes_fini(struct changes *c);

#endif

/*
 * Between the files of the distance: what is left of two trees after reduction, and what bounds it.
 */
#ifndef POLICY_DISTANCE_PARTS_H
#define POLICY_DISTANCE_PARTS_H

#include "policy/distance.h"

/* A forest: the nodes [from, to) of a tree in postorder. */
struct side {
	const struct tree *tree;
	uint32_t *id;     /* of a node: equal ones have equal subtrees, in both trees */
	uint32_t *parent; /* of a node; of the root, the number of nodes */
	uint32_t from, to;
};

struct sides {
	struct side a, b;
};

bool sides_init(struct sides *s, const struct tree *a, const struct tree *b) MUST_USE;
void sides_reduce(struct sides *s);
void sides_fini(struct sides *s);

/* At most `high` is looked for. 0 with *failed: no memory. */
uint32_t distance_lower(const struct sides *s, uint32_t high, uint64_t steps, bool *failed);
uint32_t distance_upper(const struct sides *s, uint64_t steps);

/* The distance in a strip for k; above k: k + 1. *cells goes down by what it took. */
enum distance_result distance_strip(const struct sides *s, uint32_t k, uint64_t *cells,
				    uint64_t bytes, uint32_t *out) MUST_USE;

#endif

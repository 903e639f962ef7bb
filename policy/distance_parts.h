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
/* partner: of each node of a its partner in b, or -1; what is mapped is entered. NULL: not asked.
 */
void sides_reduce(struct sides *s, int32_t *partner);
void sides_fini(struct sides *s);

/* Maps two equal trees to each other, node by node. */
void sides_pair(const struct sides *s, uint32_t i, uint32_t j, int32_t *partner);

/* At most `high` is looked for. 0 with *failed: no memory. */
uint32_t distance_lower(const struct sides *s, uint32_t high, uint64_t steps, bool *failed);
uint32_t distance_upper(const struct sides *s, uint64_t steps, int32_t *partner);

/* The distance in a strip for k; above k: k + 1. *cells goes down by what it took. With partners
 * the way to it is traced back, which costs at most the same again. */
enum distance_result distance_strip(const struct sides *s, uint32_t k, uint64_t *cells,
				    uint64_t bytes, int32_t *partner, uint32_t *out) MUST_USE;

#endif

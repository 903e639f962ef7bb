/* Random trees for tests of what compares trees. */
#ifndef TESTS_POLICY_TREE_RANDOM_H
#define TESTS_POLICY_TREE_RANDOM_H

#include <criterion/criterion.h>
#include <string.h>

#include "policy/tree.h"

static uint64_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed >> 33) % n;
}

/* A random tree: each node takes some of the trees so far as its children. */
static struct tree random_tree(uint32_t n, uint32_t labels)
{
	struct tree t;
	uint32_t open[64], depth = 0;
	cr_assert(tree_init(&t, n));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t take = rnd(3) ? rnd(depth + 1) % 4 : 0;
		take = i == n - 1 ? depth : take < depth ? take : depth;
		t.label[i] = rnd(labels);
		t.left[i] = take ? open[depth - take] : i;
		depth -= take;
		open[depth++] = t.left[i];
	}
	return t;
}

/* A copy with some labels changed and some inner nodes or leaves taken out. */
static struct tree edited(const struct tree *t, uint32_t edits, uint32_t labels)
{
	struct tree e;
	bool gone[64] = { false };
	uint32_t at[65], n = 0;
	cr_assert(tree_init(&e, t->n));
	memcpy(e.label, t->label, t->n * sizeof(*t->label));
	for (uint32_t i = 0; i < edits; i++) {
		e.label[rnd(t->n)] = rnd(labels);
		gone[rnd(t->n)] |= rnd(2) && t->n > 1;
	}
	gone[t->n - 1] = false;
	for (uint32_t i = 0; i < t->n; i++) {
		at[i] = n;
		if (gone[i])
			continue;
		e.label[n] = e.label[i];
		e.left[n] = at[t->left[i]];
		n++;
	}
	e.n = n;
	return e;
}

#endif

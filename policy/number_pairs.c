#include "policy/number_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

uint32_t number_of_pair(struct number_pairs *p, uint32_t left, uint32_t right)
{
	uint64_t hash = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15U;
	size_t i = (size_t)(hash ^ hash >> 29) & p->mask;
	for (; p->slots[i]; i = (i + 1) & p->mask)
		if (p->v[p->slots[i]].left == left && p->v[p->slots[i]].right == right)
			return p->slots[i];
	CHECK(p->n < p->room);
	p->v[++p->n] = (struct number_pair){ left, right };
	return p->slots[i] = p->n;
}

bool number_pairs_init(struct number_pairs *p, size_t nodes)
{
	*p = (struct number_pairs){ .mask = 64, .room = nodes * 2 };
	while (p->mask < nodes * 3)
		p->mask *= 2;
	p->slots = memory_take(p->mask * sizeof(*p->slots));
	p->v = memory_take((p->room + 1) * sizeof(*p->v));
	if (!p->slots || !p->v)
		return false;
	memset(p->slots, 0, p->mask-- * sizeof(*p->slots));
	return true;
}

void number_pairs_fini(struct number_pairs *p)
{
	free(p->slots);
	free(p->v);
	*p = (struct number_pairs){ 0 };
}

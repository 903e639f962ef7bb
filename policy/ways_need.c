#include "policy/ways_need.h"

#include <string.h>

bool ways_is_look(const char *source, const struct pattern_node *n)
{
	const char *p = source + n->from;
	return n->kind == PATTERN_OPAQUE &&
	       (strncmp(p, "(?=", 3) == 0 || strncmp(p, "(?!", 3) == 0 ||
		strncmp(p, "(?<=", 4) == 0 || strncmp(p, "(?<!", 4) == 0);
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return a > PATTERN_MANY - b ? PATTERN_MANY : a + b;
}

/* The most bytes that it takes; PATTERN_MANY where that is not known. */
static uint32_t most_of(const char *source, const struct pattern_node *n)
{
	uint32_t most = 0;
	if (n->kind == PATTERN_BYTES)
		return n->max;
	if (n->kind == PATTERN_OPAQUE && !ways_is_look(source, n))
		return PATTERN_MANY;
	if (n->kind != PATTERN_GROUP)
		return 0;
	for (const struct pattern_branch *b = n->branches; b; b = b->next) {
		uint32_t sum = 0;
		for (const struct pattern_node *k = b->first; k; k = k->next)
			sum = add(sum, most_of(source, k));
		most = sum > most ? sum : most;
	}
	return most && n->max > PATTERN_MANY / most ? PATTERN_MANY : most * n->max;
}

/* Every branch needs one of the set's bytes, which are added to it. */
static bool all_need(const char *source, const struct pattern_branch *b, struct ways_need *out)
{
	bool all = true;
	for (; b && all; b = b->next)
		all = ways_needs(source, b->first, out);
	return all;
}

static bool has(const uint32_t set[8], unsigned c)
{
	return set[c / 32] >> c % 32 & 1;
}

/* A letter in either case counts once: it is as good as another byte, and may come before that. */
static uint32_t size_of(const uint32_t set[8])
{
	uint32_t n = 0;
	for (unsigned c = 0; c < 256; c++)
		n += has(set, c) && !(c >= 'a' && c <= 'z' && has(set, c - 'a' + 'A'));
	return n;
}

bool ways_needs(const char *source, const struct pattern_node *n, struct ways_need *out)
{
	struct ways_need best = { .far = 0 };
	uint32_t least = UINT32_MAX, before = 0;
	for (; n; before = add(before, most_of(source, n)), n = n->next) {
		struct ways_need one = { .far = 0 };
		bool all =
			n->min && n->kind == PATTERN_GROUP && all_need(source, n->branches, &one);
		if (n->min && n->kind == PATTERN_BYTES)
			memcpy(one.set, n->in, sizeof(one.set));
		else if (!all)
			continue;
		if (size_of(one.set) >= least)
			continue;
		least = size_of(one.set);
		best = one;
		best.far = add(one.far, before);
	}
	for (size_t i = 0; i < 8 && least < UINT32_MAX; i++)
		out->set[i] |= best.set[i];
	out->far = best.far > out->far ? best.far : out->far;
	return least < UINT32_MAX;
}

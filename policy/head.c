#include "policy/head.h"

#include <errno.h>

#include "policy/pattern.h"

#define WORK_MAX 20000 /* visits of items; what needs more is left to the engine */

/* Places are told by bits: where an item may begin, and then where it may end. What goes past the
 * last place is of no interest. */
struct reading {
	struct head *head;
	uint32_t work;
};

static uint32_t list_ends(struct reading *r, const struct pattern_branch *list, uint32_t begins);

/* It may look at anything from its earliest place on. */
static uint32_t opaque(struct head *h, uint32_t begins)
{
	uint32_t first = (uint32_t)__builtin_ctz(begins);
	h->n = first < h->n ? first : h->n;
	return 0;
}

static uint32_t once(struct reading *r, const struct pattern_node *n, uint32_t begins)
{
	uint32_t ends = 0;
	switch (n->kind) {
	case PATTERN_ASSERT:
	case PATTERN_FLAGS: return begins;
	case PATTERN_OPAQUE: return opaque(r->head, begins);
	case PATTERN_GROUP:
		for (const struct pattern_branch *b = n->branches; b; b = b->next)
			ends |= list_ends(r, b, begins);
		return ends;
	case PATTERN_BYTES: break;
	}
	for (unsigned c = 0; c < 256; c++)
		if (n->in[c / 32] >> c % 32 & 1)
			r->head->may[c] |= begins;
	return begins << 1;
}

/* Each repeat goes on by a place, or adds places to those it began with, so that few are new. */
static uint32_t node_ends(struct reading *r, const struct pattern_node *n, uint32_t begins)
{
	uint32_t ends = n->min ? 0 : begins;
	for (uint32_t i = 1; i <= n->max && begins && r->work < WORK_MAX; i++, r->work++) {
		uint32_t after = once(r, n, begins);
		if (i >= n->min || after == begins)
			ends |= after;
		if (after == begins)
			break;
		begins = after;
	}
	return ends;
}

static uint32_t list_ends(struct reading *r, const struct pattern_branch *list, uint32_t begins)
{
	for (const struct pattern_node *n = list->first; n && begins; n = n->next)
		begins = node_ends(r, n, begins);
	return begins;
}

int head_read(const char *expression, struct head *out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	*out = (struct head){ 0 };
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc;
	struct reading r = { .head = out };
	uint32_t least = pattern_branches_min(pattern_root(p));
	out->n = least < HEAD_PLACES ? least : HEAD_PLACES;
	for (const struct pattern_branch *b = pattern_root(p); b; b = b->next)
		list_ends(&r, b, 1);
	if (r.work >= WORK_MAX)
		out->n = 0;
	pattern_free(p);
	return 0;
}

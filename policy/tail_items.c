#include <string.h>

#include "policy/tail_draft.h"

static uint16_t add(struct tail_draft *d, struct item item)
{
	if (d->n_items == ITEMS_MOST) {
		d->failed = true;
		return 0;
	}
	d->items[d->n_items] = item;
	return (uint16_t)d->n_items++;
}

static uint16_t build_list(struct tail_draft *d, const struct pattern_node *n, uint16_t next);

static uint16_t build_bytes(struct tail_draft *d, const struct pattern_node *n, uint16_t next)
{
	struct item item = { .kind = ITEM_BYTE, .next = next };
	d->failed = d->failed || !n->exact;
	memcpy(item.in, n->in, sizeof(item.in));
	if (d->source[n->from] == '.' && !(n->flags & PATTERN_S))
		item.in['\n' / 32] &= ~(1u << '\n' % 32);
	return add(d, item);
}

static uint16_t build_once(struct tail_draft *d, const struct pattern_node *n, uint16_t next)
{
	if (n->kind == PATTERN_BYTES)
		return build_bytes(d, n, next);
	uint16_t first = build_list(d, n->branches->first, next);
	for (const struct pattern_branch *b = n->branches->next; b && !d->failed; b = b->next) {
		uint16_t other = build_list(d, b->first, next);
		first = add(d, (struct item){ .kind = ITEM_FORK, .next = first, .other = other });
	}
	return first;
}

/* The bytes that are repeated, where it is nothing else. */
static const struct pattern_node *plain_bytes(const struct pattern_node *n)
{
	const struct pattern_node *one = n->kind == PATTERN_GROUP ? n->branches->first : NULL;
	if (n->kind == PATTERN_BYTES)
		return n;
	bool only = one && !n->branches->next && !one->next && one->kind == PATTERN_BYTES;
	return only && one->min == 1 && one->max == 1 ? one : NULL;
}

/* How many there are is counted by who walks. */
static uint16_t build_gap(struct tail_draft *d, const struct pattern_node *n,
			  const struct pattern_node *bytes, uint16_t next)
{
	if (d->n_gaps == TAIL_GAPS || n->max >= TAIL_NO_GAP) {
		d->failed = true;
		return next;
	}
	struct gap *gap = &d->gaps[d->n_gaps];
	uint16_t at = add(d, (struct item){ .kind = ITEM_FORK, .next = next });
	gap->first = gap->loop = build_bytes(d, bytes, at);
	d->items[at].other = gap->loop;
	for (uint32_t i = 0, before = at; i < n->min && !d->failed; i++, before = gap->first)
		gap->first = build_bytes(d, bytes, (uint16_t)before);
	gap->least = n->min;
	gap->most = n->max;
	gap->item = add(d, (struct item){ .kind = ITEM_GAP,
					  .stops = n->min > 0,
					  .next = next,
					  .other = (uint16_t)d->n_gaps++ });
	return gap->item;
}

static uint16_t build_repeats(struct tail_draft *d, const struct pattern_node *n, uint16_t next)
{
	uint16_t at = next;
	const struct pattern_node *bytes = plain_bytes(n);
	if (bytes && !d->again && n->max != PATTERN_MANY && n->max - n->min >= d->gap_least)
		return build_gap(d, n, bytes, next);
	if (n->max == PATTERN_MANY) {
		at = add(d, (struct item){ .kind = ITEM_FORK, .next = next, .other = next });
		d->again++;
		uint16_t again = build_once(d, n, at);
		d->again--;
		d->items[at].other = again;
	}
	for (uint32_t i = n->min; i < n->max && n->max != PATTERN_MANY && !d->failed; i++) {
		uint16_t once = build_once(d, n, at);
		at = add(d, (struct item){ .kind = ITEM_FORK, .next = once, .other = next });
	}
	for (uint32_t i = 0; i < n->min && !d->failed; i++)
		at = build_once(d, n, at);
	return at;
}

static uint16_t build_node(struct tail_draft *d, const struct pattern_node *n, uint16_t next)
{
	bool edge = n->kind == PATTERN_ASSERT && strncmp(d->source + n->from, "\\b", 2) == 0;
	if (n->kind == PATTERN_FLAGS)
		return next;
	if (n->kind == PATTERN_BYTES || n->kind == PATTERN_GROUP)
		return build_repeats(d, n, next);
	d->failed = d->failed || !edge || n->min != 1 || n->max != 1;
	uint16_t at = add(d, (struct item){ .kind = ITEM_EDGE, .next = next });
	put(&d->edges, at);
	d->asks = true;
	return at;
}

static uint16_t build_list(struct tail_draft *d, const struct pattern_node *n, uint16_t next)
{
	if (!n || d->failed)
		return next;
	return build_node(d, n, build_list(d, n->next, next));
}

uint16_t tail_items(struct tail_draft *d, const struct pattern_branch *root, uint16_t *done)
{
	*done = add(d, (struct item){ .kind = ITEM_DONE });
	uint16_t first = build_list(d, root->first, *done);
	d->failed = d->failed || root->next;
	return first;
}

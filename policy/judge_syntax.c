/*
 * Programs in a channel's text: their regions are followed as the text comes, and decide the
 * candidates of syntax rules.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/judge_state.h"

/* Envelope, refusals and reasoning hold no programs. */
static bool may_hold_programs(const struct channel *c)
{
	return c->prose || c->code;
}

bool judge_find_code(struct judge *j, struct slot *slot)
{
	struct channel *c = slot->channel;
	if (j->set->syntax && may_hold_programs(c)) {
		if (!c->region && !(c->region = calloc(1, sizeof(*c->region))))
			return false;
		CHECK(c->program); /* it has text */
		c->region->share = c->program;
		return slot_find_code(slot);
	}
	return !j->set->code_scope || !c->prose || slot_find_code(slot);
}

/* A stretch of the new text that is all code or all none. */
static bool follow(const struct region_asker *who, struct slot *slot, const struct code_edge *edge,
		   uint64_t from)
{
	struct region *g = slot->channel->region;
	const char *text = slot->work.text + (from - slot->work.base);
	size_t n = (size_t)(edge->until - from);
	if (!edge->code) {
		if (g->open) /* a string, which ends with its quote */
			region_close(g, who, from + 1, false, false);
		return true;
	}
	if (!g->open)
		region_begin(g, from, edge->stated, edge->language);
	n -= edge->closed; /* the end of the fence's line is no checkpoint */
	bool ours = !g->stated || g->language;
	if (ours && !region_take(g, who, text, n))
		return false;
	if (edge->closed)
		region_close(g, who, edge->until, true, false);
	return true;
}

bool judge_ask(struct judge *j, struct judge_scratch *s, struct slot *slot)
{
	struct region_asker who = { &slot->list, j->set, s->tools.regex };
	const struct channel *c = slot->channel;
	struct region *g = c->region;
	uint64_t from = slot->old_end;
	for (uint32_t i = 0; i < slot->n_edges; i++) {
		if (!follow(&who, slot, &slot->edges[i], from))
			return false;
		from = slot->edges[i].until;
	}
	if (g->open && slot->ended)
		region_close(g, &who, from, c->prose && fence_may_close(&c->fence), true);
	if (slot->ended)
		g->arguments = (struct arguments){ 0 };
	return true;
}

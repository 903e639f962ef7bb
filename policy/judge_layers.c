/*
 * Decoded text as channels of their own, and where holds begin in it.
 *
 * Every verdict stays a property of the bytes because a hold in derived text begins at a raw offset
 * that does not depend on the split either: at the first raw byte that has a part of the body's
 * first derived byte, whether that byte is known already or only begun. Two things are special.
 *
 * - What a run gives out at once (its first bytes, or what stood before a `%`) is known later than
 *   it came. A lead-in that ends there is known with the character that ended the wait, and the
 *   hold begins at that character at the earliest: what came before it may have left.
 * - What stood before a `%` was judged as plain text first. When the same rule's candidate was
 *   alive there until the `%`, its hold goes on without a gap:
 *
 *     text      key=sk-ab%63...      plain: held from `a`, given up at `%`
 *     percent   key=sk-abc...        derived: known with the `%`, held from `a`
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/judge_state.h"

#define DERIVED_MAX 256 /* derived channels of one stream */

void judge_layers_name(uint8_t layers, char name[32])
{
	size_t n = 0;
	name[0] = '\0';
	for (; layers; layers >>= 2)
		n += (size_t)snprintf(name + n, 32 - n, "%s%s", n ? " in " : "",
				      layer_names[(layers & 3) - 1]);
}

void card_channel(const struct card *card, const struct wire *wire, char name[96])
{
	char layers[32];
	channel_name(wire_channel(wire, card->channel), name);
	judge_layers_name(card->layers, layers);
	size_t n = strlen(name);
	if (card->layers)
		snprintf(name + n, 96 - n, ", %s", layers);
}

static enum layer_kind kind_of(const struct channel *c)
{
	return (enum layer_kind)((c->path & 3) - 1);
}

static const struct track *track_of(const struct judge_scratch *s, const struct channel *c)
{
	return c->slot ? &s->slots[c->slot - 1].work : &c->kept;
}

/* The layers that some rule is judged in, of text that went through these kinds already. */
static unsigned wanted(const struct ruleset *set, unsigned kinds, unsigned depth)
{
	unsigned bits = 0;
	for (unsigned k = 0; k < LAYER_COUNT; k++)
		if (set->decode_depth[kinds | 1u << k] > depth)
			bits |= 1u << k;
	return bits;
}

static struct channel *derive(struct judge *j, struct channel *parent, unsigned kind)
{
	if (j->n_derived == DERIVED_MAX)
		return NULL;
	struct channel *c = calloc(1, sizeof(*c));
	if (!c || !judge_add_channel(j, c))
		return NULL;
	j->n_derived++;
	c->parent = parent;
	c->path = (uint8_t)(parent->path << 2 | (kind + 1));
	c->depth = parent->depth + 1;
	c->kinds = (uint8_t)(parent->kinds | 1u << kind);
	return c;
}

static struct slot *slot_of(struct judge_scratch *s, struct channel *c, uint16_t number)
{
	if (c->slot)
		return &s->slots[c->slot - 1];
	struct slot *slot = judge_scratch_slot(s);
	if (!slot || !slot_begin(slot, c, number))
		return NULL;
	c->slot = (uint32_t)s->n_slots;
	return slot;
}

static bool make_layers(struct judge *j, struct channel *c, uint64_t from)
{
	c->layers = calloc(1, sizeof(*c->layers));
	if (!c->layers)
		return false;
	struct layer_want *want = &c->layers->want;
	want->hint = &j->set->decode_hint;
	want->layers = wanted(j->set, c->kinds, c->depth);
	for (unsigned k = 0; k < LAYER_COUNT; k++)
		if (wanted(j->set, c->kinds | 1u << k, c->depth + 1))
			want->deeper |= 1u << k;
	layers_end(&c->layers->decoder, from);
	return true;
}

/* What one layer of a slot's text has derived in this call goes into a slot of its own. */
static bool pass_on(struct judge *j, struct judge_scratch *s, uint32_t slot_index, unsigned kind)
{
	const struct slot from = s->slots[slot_index]; /* slots may move */
	struct channel **child = &from.channel->layers->derived[kind];
	struct track *derived = &s->derived[kind];
	if (!derived->n && !(from.ended && *child))
		return true;
	if (!*child && !(*child = derive(j, from.channel, kind)))
		return false;
	struct slot *to = slot_of(s, *child, from.number);
	if (!to || !track_append(&to->work, derived))
		return false;
	to->ended = from.ended;
	to->end = from.end;
	track_clear(derived, 0);
	return true;
}

bool judge_decode(struct judge *j, struct judge_scratch *s, uint32_t slot_index)
{
	const struct slot *slot = &s->slots[slot_index];
	struct channel *c = slot->channel;
	const bool ended = slot->ended;
	const uint64_t end = track_end(&slot->work);
	if (!c->layers && (end == slot->old_end || !make_layers(j, c, slot->old_end)))
		return end == slot->old_end;
	if (!c->layers->want.layers)
		return true;
	struct layers *l = &c->layers->decoder;
	if (!layers_feed(l, &slot->work, &c->layers->want, s->derived))
		return false;
	if (!ended && !s->derived[0].n && !s->derived[1].n && !s->derived[2].n)
		return true;
	for (unsigned k = 0; k < LAYER_COUNT; k++)
		if (!pass_on(j, s, slot_index, k))
			return false;
	return true;
}

/* Where the next byte of a derived text has begun; UINT64_MAX: it has not. */
static uint64_t pending(const struct judge_scratch *s, const struct channel *c)
{
	uint64_t from;
	for (; c->parent; c = c->parent)
		if (layer_pending(&c->parent->layers->decoder.v[kind_of(c)], &from))
			return track_raw(track_of(s, c->parent), from);
	return CANDIDATE_NO_RAW;
}

/* The same rule's candidate in the text before a `%`, if it lived until then: its hold. */
static uint64_t held_before(const struct judge *j, struct judge_scratch *s, const struct slot *slot,
			    const struct candidate *c)
{
	const struct slot *plain = &s->slots[slot->channel->parent->slot - 1];
	const struct track *t = &plain->work;
	uint64_t raw = track_raw(&slot->work, c->point);
	uint64_t mark = track_until(t, track_raw_end(&slot->work, c->point)) - 1;
	struct secret unused;
	for (uint32_t i = 0; i < plain->list.n; i++) {
		const struct candidate *one = &plain->list.v[i];
		if (one->rule == c->rule && one->point < mark && track_raw(t, one->point) == raw &&
		    candidate_state(one, judge_rule(j, one), &s->tools, t, mark, false, &unused) ==
			    CANDIDATE_ALIVE)
			return candidate_raw(one, t);
	}
	return judge_gone_held(j, s, plain, c->rule, raw, mark) ? raw : CANDIDATE_NO_RAW;
}

/* A new candidate's hold, when its first byte is known or has begun at `raw`. */
static uint64_t place(const struct judge *j, struct judge_scratch *s, const struct slot *slot,
		      const struct candidate *c, uint64_t raw)
{
	const struct channel *root = slot->channel;
	while (root->parent)
		root = root->parent;
	const struct track *t = track_of(s, root);
	uint64_t last = track_until(t, track_raw_end(&slot->work, c->point - 1)) - 1;
	uint64_t least = track_raw(t, last);
	if (raw >= least)
		return raw;
	bool known = c->point < track_end(&slot->work);
	uint64_t held = known && kind_of(slot->channel) == LAYER_PERCENT
				? held_before(j, s, slot, c)
				: CANDIDATE_NO_RAW;
	return held == CANDIDATE_NO_RAW ? least : held;
}

static void place_one(const struct judge *j, struct judge_scratch *s, const struct channel *c,
		      struct candidate *one, bool is_new)
{
	const struct track *t = track_of(s, c);
	uint64_t raw = one->point < track_end(t) ? track_raw(t, one->point) : pending(s, c);
	if (one->raw != CANDIDATE_NO_RAW || raw == CANDIDATE_NO_RAW)
		return;
	one->raw = is_new ? place(j, s, &s->slots[c->slot - 1], one, raw) : raw;
}

void judge_place_holds(struct judge *j, struct judge_scratch *s)
{
	for (uint32_t i = 0; i < j->n_every; i++) {
		struct channel *c = j->every[i];
		struct slot *slot = c->slot ? &s->slots[c->slot - 1] : NULL;
		struct candidates *list = slot ? &slot->list : &c->open;
		for (uint32_t k = 0; c->parent && k < list->n; k++)
			place_one(j, s, c, &list->v[k], slot && k >= slot->new_from);
	}
}

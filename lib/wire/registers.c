/*
 * Registers: the members of a payload that name channels, and those that an ending repeats.
 *
 * A container that owns a register gives it a start value when it opens (its place in an array, or
 * 0) and settles it for every text inside when it closes, since the member that names the channel
 * may stand after the text.
 */
#include <string.h>

#include "lib/wire/steps.h"

static void keep(char *to, uint8_t *n, const struct wire *w)
{
	if (*n || w->captured_n > KEPT_MAX)
		return;
	memcpy(to, w->captured, w->captured_n);
	*n = w->captured_n;
}

void registers_capture(struct wire *w, uint64_t off)
{
	struct span text = { w->captured, w->captured_n > KEPT_MAX ? 0 : w->captured_n };

	switch ((enum role)w->capture) {
	case ROLE_TYPE:
		if (w->table->classify)
			w->r.type = w->table->classify(text);
		if (w->dialect == DIALECT_UNKNOWN)
			w->dialect = (enum dialect)w->r.type;
		break;
	case ROLE_FLAG:
		if (w->captured_n)
			w->r.flags |= w->json.place->arg;
		break;
	case ROLE_ID:
		keep(w->kept_id, &w->id_n, w);
		w->started = min_u64(w->started, off);
		break;
	case ROLE_MODEL: keep(w->kept_model, &w->model_n, w); break;
	case ROLE_PATH:
	case ROLE_TEXT:
	case ROLE_ARGS:
	case ROLE_A:
	case ROLE_B:
	case ROLE_CREATED:
	case ROLE_SEQUENCE:
	case ROLE_USAGE:
	case ROLE_SNIFF:
	case ROLE_SEALED: break;
	case ROLE_STEP:
		if (w->captured_n && !w->reread && w->steps < UINT8_MAX)
			w->steps++;
		break;
	case ROLE_ITEM:
		w->sealed_other = !span_eq(text, SPAN("reasoning"));
		w->r.flags |= w->table->sort(text);
		break;
	case ROLE_SORT: w->r.flags |= w->table->sort(text); break;
	}
	w->capture = ROLE_PATH;
}

/* A number that no stream can mean is kept within what a sum of them can hold. */
void registers_usage(struct wire *w, uint8_t part, uint64_t tokens)
{
	w->usage[part] = min_u64(tokens, UINT32_MAX);
	w->usage_known |= (uint8_t)(1u << part);
	w->usage_new = true;
}

void registers_number(struct wire *w)
{
	const struct json_text *t = &w->json;

	switch ((enum role)t->place->role) {
	case ROLE_A: /* what is no index names no choice that a client knows: one channel for all of
			those */
		w->r.a = t->whole && t->number < UINT16_MAX ? (uint16_t)t->number : UINT16_MAX;
		break;
	case ROLE_B:
		w->r.b = t->whole && t->number < UINT32_MAX ? (uint32_t)t->number : UINT32_MAX;
		break;
	case ROLE_CREATED:
		if (t->whole)
			w->created = t->number;
		break;
	case ROLE_SEQUENCE:
		if (t->whole)
			w->sequence = max_u64(w->sequence, t->number);
		break;
	case ROLE_USAGE:
		if (t->whole)
			registers_usage(w, t->place->arg, t->number);
		break;
	case ROLE_PATH:
	case ROLE_TEXT:
	case ROLE_ARGS:
	case ROLE_TYPE:
	case ROLE_FLAG:
	case ROLE_ID:
	case ROLE_MODEL:
	case ROLE_SNIFF:
	case ROLE_SEALED:
	case ROLE_STEP:
	case ROLE_ITEM:
	case ROLE_SORT: break;
	}
}

void registers_open(struct wire *w, const struct json_place *place)
{
	uint16_t position = json_text_position(&w->json);

	CHECK(w->json.depth <= JSON_LEVELS);
	w->scope_from[w->json.depth - 1] = w->known_n;
	w->scope_outer[w->json.depth - 1] = w->r;
	if (place->scope & OWN_A)
		w->r.a = position;
	if (place->scope & OWN_B)
		w->r.b = position;
	if (place->scope & OWN_TYPE)
		w->r.type = 0;
	if (place->scope & OWN_FLAGS)
		w->r.flags = 0;
}

/* Copies the registers that `owned` names from the scope that closes, unless an inner scope settled
 * them. */
static void settle(struct known *k, uint8_t owned, const struct registers *r)
{
	uint8_t open = (uint8_t)(owned & ~k->settled);

	if (open & OWN_A)
		k->r.a = r->a;
	if (open & OWN_B)
		k->r.b = r->b;
	if (open & OWN_TYPE)
		k->r.type = r->type;
	if (open & OWN_FLAGS)
		k->r.flags = r->flags;
	k->settled |= owned;
}

/* What the scope that closes owned, as it was outside. */
static void restore(struct wire *w, uint8_t owned)
{
	const struct registers *outer = &w->scope_outer[w->json.depth];

	if (owned & OWN_A)
		w->r.a = outer->a;
	if (owned & OWN_B)
		w->r.b = outer->b;
	if (owned & OWN_TYPE)
		w->r.type = outer->type;
	if (owned & OWN_FLAGS)
		w->r.flags = outer->flags;
}

void registers_close(struct wire *w, const struct json_place *place, uint64_t off)
{
	if (w->reread)
		return;
	if (!w->long_frame) {
		for (uint32_t i = w->scope_from[w->json.depth]; i < w->known_n; i++)
			settle(&w->known[i], place->scope, &w->r);
	}
	if (w->table->closed)
		w->table->closed(w, place, &w->r, off);
	restore(w, place->scope);
}

/*
 * Texts that a stream says twice: in deltas, and whole when they are complete. Which of them a
 * client reads is the client's choice.
 *
 * Where a channel has no text from earlier frames, what is said at such a place is its text. Else
 * it is a repeat: envelope, and a PIECE_REPEAT before it names the channel. Whether the two are the
 * same is asked by who needs to know; the decoder keeps no text. An identity of a repeat is that of
 * the envelope, with the channel in `a` (from 1), and for a name its call in `b`.
 */
#include <string.h>

#include "lib/wire/steps.h"

static bool named(const struct wire *w, uint32_t call)
{
	return call >= NAMED_CALLS || w->named[call / 64] >> (call % 64) & 1;
}

/* The channel of this identity that had text before this frame, or NO_CHANNEL. */
static uint16_t said_before(const struct wire *w, struct channel_id id)
{
	bool name = id.kind == CHANNEL_TOOL_NAME;

	if (name && !named(w, id.b))
		return NO_CHANNEL;
	for (uint16_t i = 0; i < w->channels_before; i++) {
		const struct channel *c = &w->channels[i];
		if (!c->retired && c->id.kind == id.kind && c->id.a == id.a &&
		    (name || c->id.b == id.b))
			return i;
	}
	return NO_CHANNEL;
}

static bool compared(uint8_t kind)
{
	return kind == CHANNEL_CONTENT || kind == CHANNEL_ARGUMENTS || kind == CHANNEL_TOOL_TEXT ||
	       kind == CHANNEL_TOOL_NAME;
}

struct channel_id again_identity(const struct wire *w, const struct json_place *place,
				 const struct registers *r)
{
	struct channel_id id = { .kind = place->arg, .a = r->a, .b = place->extra };

	if (w->table->resolve)
		id = w->table->resolve(place, r);
	if (place->said != SAID_AGAIN)
		return id;
	if (!compared(id.kind))
		return (struct channel_id){ .kind = CHANNEL_ENVELOPE };
	uint16_t channel = said_before(w, id);
	if (channel == NO_CHANNEL)
		return id;
	return (struct channel_id){ .kind = CHANNEL_ENVELOPE,
				    .a = (uint16_t)(channel + 1),
				    .b = id.kind == CHANNEL_TOOL_NAME ? id.b : 0 };
}

void again_begin(struct wire *w, uint64_t off, struct pieces *out)
{
	struct channel_id id = w->id;

	if (id.kind != CHANNEL_ENVELOPE || !id.a)
		return;
	w->id = (struct channel_id){ .kind = CHANNEL_ENVELOPE };
	struct piece *p = piece_push(w, out, PIECE_REPEAT, (uint16_t)(id.a - 1), off, 0);
	if (p)
		p->call = id.b;
}

void again_named(struct wire *w, uint32_t call)
{
	if (call < NAMED_CALLS)
		w->named_now[call / 64] |= 1ull << (call % 64);
}

void again_frame(struct wire *w)
{
	memset(w->named_now, 0, sizeof(w->named_now));
	w->channels_before = w->channels_n;
}

void again_frame_end(struct wire *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->named); i++)
		w->named[i] = w->restarted ? 0 : w->named[i] | w->named_now[i];
}

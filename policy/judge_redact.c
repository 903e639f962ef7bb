/*
 * What a redaction takes out of the raw body, and when it cannot be done.
 *
 * The secret's text is known byte by byte, and so are the raw bytes that each of them stands for;
 * what lies between two of its pieces, such as the end of one event and the head of the next, is
 * no part of it. Taking them out must leave what a client can read. Where that is not certain, the
 * stream is cut instead:
 *
 * - what is encoded is not taken out of its encoding;
 * - a character is taken whole or not at all;
 * - a NUL is where a string of the envelope ends, and stands on its quote;
 * - in JSON that is read with its punctuation (tool arguments) only the inside of a string may be
 *   replaced. Text without a quote is within one string, or within none; a byte that cannot stand
 *   between the strings of a document says which.
 *
 * All of it is a property of the text up to the deciding byte.
 */
#include <string.h>

#include "policy/judge_state.h"

#define STRING_LOOK_BACK 32 /* at most REGEX_LOOK_BACK, which is always kept */

/* Bytes that may stand in a JSON document outside its strings. */
static bool between_strings(char c)
{
	return c && strchr("0123456789+-.eE{}[]:,truefalsn \t\r\n", c);
}

static bool in_a_string(const char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (text[i] == '"' || text[i] == '\0')
			return false;
	size_t least = from > STRING_LOOK_BACK ? from - STRING_LOOK_BACK : 0;
	for (size_t i = to; i-- > least;) {
		if (text[i] == '"' || text[i] == '\0')
			return false;
		if (!between_strings(text[i]))
			return true;
	}
	return false;
}

/* The bytes that UTF-8 announces with this one. */
static size_t character(unsigned char c)
{
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool whole_characters(const char *text, size_t from, size_t to)
{
	size_t last = to;
	if (((unsigned char)text[from] & 0xc0) == 0x80)
		return false;
	while (last > from && ((unsigned char)text[last - 1] & 0xc0) == 0x80)
		last--;
	return last > from && to - (last - 1) >= character((unsigned char)text[last - 1]);
}

static enum channel_kind kind_of(const struct judge *j, const struct slot *slot)
{
	return j->wire ? (enum channel_kind)wire_channel(j->wire, slot->number).kind : CHANNEL_RAW;
}

bool judge_can_redact(const struct judge *j, const struct slot *slot, const struct decision *d)
{
	const struct rule *r = &j->set->rules[d->rule];
	const struct track *t = &slot->work;
	uint64_t window = (uint64_t)r->info.hold_bytes + r->delay;
	if (slot->channel->parent)
		return false;
	if (r->info.hold == HOLD_WINDOW && d->at - d->body > window)
		return false;
	if (d->body < t->base || d->body >= d->secret.to || d->secret.to > track_end(t))
		return false;
	if (track_raw(t, d->body) < j->safe_raw)
		return false; /* it has left: a window that was given up because time was over */
	size_t from = (size_t)(d->body - t->base), to = (size_t)(d->secret.to - t->base);
	if (!whole_characters(t->text, from, to))
		return false;
	switch (kind_of(j, slot)) {
	case CHANNEL_ENVELOPE:
	case CHANNEL_ARGUMENTS:
	case CHANNEL_TOOL_TEXT: return in_a_string(t->text, from, to);
	case CHANNEL_RAW:
	case CHANNEL_CONTENT:
	case CHANNEL_REFUSAL:
	case CHANNEL_REASONING:
	case CHANNEL_TOOL_NAME:
	case CHANNEL_KIND_COUNT: break;
	}
	return true;
}

/* One redaction being written down, as the longest stretches of raw bytes that follow one another.
 */
struct stretch {
	struct judge *judge;
	struct edit edit;
	bool ok;
};

static void end_stretch(struct stretch *s)
{
	if (s->edit.from == s->edit.to)
		return;
	s->ok = edits_add(&s->judge->edits, s->edit) && s->ok;
	s->edit.masked = false;
	s->edit.from = s->edit.to;
}

static void add_raw(struct stretch *s, uint64_t raw, uint64_t end)
{
	if (raw != s->edit.to) {
		end_stretch(s);
		s->edit.from = raw;
	}
	s->edit.to = end;
}

/* Line ends of payloads that are not JSON belong to the framing. */
static void add_lines(struct stretch *s, const char *text, uint64_t n, uint64_t raw)
{
	for (uint64_t i = 0; i < n; i++)
		if (text[i] != '\n' && text[i] != '\r')
			add_raw(s, raw + i, raw + i + 1);
}

bool judge_redact(struct judge *j, const struct slot *slot, const struct decision *d)
{
	const struct track *t = &slot->work;
	enum channel_kind kind = kind_of(j, slot);
	bool lines = kind == CHANNEL_RAW && j->wire && wire_framing(j->wire) != FRAMING_NONE;
	struct track_part part;
	struct stretch s = { .judge = j, .ok = true };
	s.edit = (struct edit){ .rule = d->rule,
				.masked = true,
				.envelope = kind == CHANNEL_ENVELOPE };
	for (uint32_t i = track_find(t, d->body); track_part(t, i, d->body, d->secret.to, &part);
	     i++) {
		if (lines)
			add_lines(&s, t->text + (part.at - t->base), part.n, part.raw);
		else
			add_raw(&s, part.raw, part.raw_end);
	}
	end_stretch(&s);
	return s.ok;
}

const struct edit *judge_edits(const struct judge *j, size_t *n)
{
	*n = j->edits.n;
	return j->edits.v;
}

void judge_edited(struct judge *j, uint64_t raw)
{
	edits_drop(&j->edits, raw);
}

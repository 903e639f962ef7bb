#include "policy/judge.h"

#include <stdlib.h>
#include <string.h>

#include "policy/judge_state.h"

/* A call's text is worked on in portions, so that the working memory of a thread stays bounded.
 * Portions are splits, and splits change nothing. */
#define PORTION_BYTES (256u << 10)

struct judge *judge_new(struct ruleset *set, const struct wire *wire)
{
	struct judge *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->set = ruleset_ref(set);
	j->wire = wire;
	j->window = set->window;
	j->observe = set->monitor;
	return j;
}

void judge_observe(struct judge *j)
{
	CHECK(j->raw_seen == 0);
	j->observe = true;
	j->window = 0;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	for (uint32_t i = 0; i < j->n_every; i++)
		channel_free(j->every[i]);
	free(j->every);
	free(j->channels);
	edits_fini(&j->edits);
	free(j->cards);
	ruleset_unref(j->set);
	free(j);
}

size_t judge_memory(const struct judge *j)
{
	size_t sum = sizeof(*j) + (j->n_channels + j->cap_every) * sizeof(struct channel *) +
		     j->cap_cards * sizeof(struct card) + j->edits.cap * sizeof(struct edit);
	for (uint32_t i = 0; i < j->n_every; i++)
		sum += channel_memory(j->every[i], j->set);
	return sum;
}

const struct card *judge_cards(const struct judge *j, size_t *n)
{
	*n = j->n_cards;
	return j->cards;
}

const struct judge_counts *judge_counts(const struct judge *j)
{
	return &j->counts;
}

struct ruleset *judge_ruleset(const struct judge *j)
{
	return j->set;
}

/* Channels */

static void classify(const struct judge *j, struct channel *c, uint16_t number)
{
	enum channel_kind kind = CHANNEL_RAW;
	if (j->wire)
		kind = (enum channel_kind)wire_channel(j->wire, number).kind;
	switch (kind) {
	case CHANNEL_ARGUMENTS: c->arguments = true; /* fall through */
	case CHANNEL_RAW:
	case CHANNEL_TOOL_TEXT: c->code = true; break;
	case CHANNEL_CONTENT:
		c->prose = true;
		fence_init(&c->fence);
		break;
	case CHANNEL_ENVELOPE:
	case CHANNEL_REFUSAL:
	case CHANNEL_REASONING:
	case CHANNEL_TOOL_NAME:
	case CHANNEL_KIND_COUNT: break;
	}
}

bool judge_add_channel(struct judge *j, struct channel *c)
{
	if (j->n_every == j->cap_every) {
		uint32_t cap = j->cap_every ? 2 * j->cap_every : 4;
		struct channel **v = realloc(j->every, cap * sizeof(*v));
		if (!v) {
			channel_free(c);
			return false;
		}
		j->every = v;
		j->cap_every = cap;
	}
	j->every[j->n_every++] = c;
	return true;
}

static struct channel *channel_make(struct judge *j, uint16_t number)
{
	if (number >= j->n_channels) {
		uint32_t n = (uint32_t)number + 1;
		struct channel **v = realloc(j->channels, n * sizeof(struct channel *));
		if (!v)
			return NULL;
		memset(v + j->n_channels, 0, (n - j->n_channels) * sizeof(struct channel *));
		j->channels = v;
		j->n_channels = n;
	}
	struct channel *c = calloc(1, sizeof(*c));
	if (!c || !judge_add_channel(j, c))
		return NULL;
	classify(j, c, number);
	j->channels[number] = c;
	return c;
}

static struct slot *slot_of(struct judge *j, struct judge_scratch *s, uint16_t number)
{
	struct channel *c = number < j->n_channels ? j->channels[number] : NULL;
	if (c && c->slot)
		return &s->slots[c->slot - 1];
	if (!c && !(c = channel_make(j, number)))
		return NULL;
	struct slot *slot = judge_scratch_slot(s);
	if (!slot || !slot_begin(slot, c, number))
		return NULL;
	c->slot = (uint32_t)s->n_slots;
	return slot;
}

/* Takes the pieces of one channel that follow one another, of at most a portion or so. Returns how
 * many; 0: no memory. This runs for every piece of every stream, so its cursors are locals, which a
 * store through a char pointer cannot change. */
static size_t take_text(struct slot *slot, const struct piece *v, size_t n, uint64_t *seen)
{
	struct track *t = &slot->work;
	const struct piece *p = v, *stop = v + n;
	struct track_cursor c = track_cursor(t);
	uint32_t begin = t->n;
	for (; p < stop && p->kind == PIECE_TEXT && p->channel == v->channel; p++) {
		uint32_t len = p->text_len;
		if (!len && !p->raw_len)
			continue;
		if (len > c.left || c.run == c.runs_end) {
			track_stop(t, &c);
			if (t->n - begin > PORTION_BYTES)
				break;
			if (!slot_room(slot, len))
				return 0;
			c = track_cursor(t);
		}
		if (len)
			track_put(&c, piece_text(p), len, p->raw_off, p->raw_len);
		else
			track_put_raw(&c, p->raw_off, p->raw_len);
	}
	track_stop(t, &c);
	*seen = max_u64(*seen, p[-1].raw_off + p[-1].raw_len);
	return (size_t)(p - v);
}

/* Channels that may hold programs are numbered as their text begins, which the bytes decide. */
static void number_program(struct judge *j, struct channel *c, uint32_t n)
{
	if (n && !c->program && (c->prose || c->code))
		c->program = ++j->n_programs;
}

/* Gathers pieces into slots until a portion is full or a channel goes on after its end. Returns how
 * many it took; fewer than one only when memory ran out. */
static size_t gather(struct judge *j, struct judge_scratch *s, const struct piece *v, size_t n)
{
	uint64_t bytes = 0;
	size_t i = 0, took = 1;
	for (; i < n && bytes < PORTION_BYTES; i += took) {
		const struct piece *p = &v[i];
		took = 1;
		if (p->kind == PIECE_FRAME) {
			j->counts.frames++;
			continue;
		}
		if (p->kind == PIECE_REPEAT)
			continue;
		struct slot *slot = slot_of(j, s, p->channel);
		if (!slot)
			return 0;
		if (p->kind == PIECE_CHANNEL_END) {
			j->raw_seen = max_u64(j->raw_seen, p->raw_off + p->raw_len);
			j->ends++;
			if (!slot->ended) /* what says it again decides nothing */
				slot->end = (struct moment){ j->raw_seen, j->ends };
			slot->ended = true;
			continue;
		}
		if (slot->ended)
			break;
		uint32_t before = slot->work.n;
		took = take_text(slot, p, n - i, &j->raw_seen);
		if (!took)
			return 0;
		bytes += slot->work.n - before;
		number_program(j, slot->channel, slot->work.n - before);
	}
	j->counts.text_bytes += bytes;
	return i;
}

/* Every channel's last chance: its text ends here. */
static bool gather_ends(struct judge *j, struct judge_scratch *s)
{
	for (uint32_t i = 0; i < j->n_channels; i++) {
		if (!j->channels[i])
			continue;
		struct slot *slot = slot_of(j, s, (uint16_t)i);
		if (!slot)
			return false;
		if (!slot->ended) {
			slot->ended = true;
			slot->end = MOMENT_LAST;
		}
	}
	return true;
}

/* Matching */

/* What of the patterns ends in the new text. False: no memory, or the engine failed. */
static bool match(struct judge *j, struct judge_scratch *s, struct slot *slot)
{
	struct channel *c = slot->channel;
	struct seeker with = channel_seeker(c, j->set, s->multimatch);
	struct multimatch_hits *found = c->parent ? &s->hits : &s->heads;
	uint64_t begin = max_u64(slot->work.base, c->stream_base), at = slot->old_end;
	struct span text = { slot->work.text + (begin - slot->work.base),
			     track_end(&slot->work) - begin };
	s->heads.n = s->hits.n = s->runs.n = 0;
	s->heads.failed = s->hits.failed = s->runs.failed = false;
	if (seek_feed(&c->seek, &with, text, at - begin, at - c->stream_base, found))
		return false;
	if (slot->ended && seek_finish(&c->seek, &with, found))
		return false;
	if (c->parent) {
		multimatch_hits_sort(&s->hits);
		return !s->hits.failed;
	}
	bool ok = triggers_find(j->set->triggers, &c->walks, &slot->work, c->stream_base,
				slot->old_end, slot->ended, &s->heads, &s->hits);
	if (j->set->runs->n)
		runs_find(j->set->runs, &slot->work, c->stream_base, slot->old_end, &s->runs);
	multimatch_hits_sort(&s->runs);
	multimatch_hits_merge(&s->hits, &s->runs);
	return ok && !s->heads.failed && !s->hits.failed && !s->runs.failed;
}

static bool scan(struct judge *j, struct judge_scratch *s, struct slot *slot)
{
	struct channel *c = slot->channel;
	bool fresh = track_end(&slot->work) > slot->old_end;
	ways_forget(s->tools.ways); /* slots may have moved */
	if (!j->set->n_patterns || (!fresh && !(slot->ended && seek_begun(&c->seek))))
		return true;
	if (!judge_find_code(j, slot) || !match(j, s, slot))
		return false;
	if (!judge_open(j, s, slot))
		return false;
	return !c->region || judge_ask(j, s, slot);
}

static void forget_slots(struct judge_scratch *s)
{
	for (size_t i = 0; i < s->n_slots; i++)
		s->slots[i].channel->slot = 0;
	judge_scratch_reset(s);
}

/* One portion. False: it was cut. */
static bool judge_portion(struct judge *j, struct judge_scratch *s)
{
	bool ok = true, over = false;
	s->tools.classes = j->set->classes;
	for (size_t i = 0; ok && i < s->n_slots;
	     i++) /* decoding makes slots, in which there is more */
		ok = scan(j, s, &s->slots[i]) &&
		     (!j->set->decoded || judge_decode(j, s, (uint32_t)i));
	if (ok && j->n_derived)
		judge_place_holds(j, s);
	for (size_t i = 0; ok && i < s->n_slots; i++)
		ok = judge_decide(j, s, (uint32_t)i);
	if (ok && s->n_decisions)
		over = judge_settle(j, s);
	for (size_t i = 0; ok && !over && i < s->n_slots; i++)
		ok = slot_save(&s->slots[i], j->set);
	forget_slots(s);
	if (!ok)
		judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
	return ok && !over;
}

void judge_feed(struct judge *j, struct judge_scratch *s, const struct piece *v, size_t n,
		bool final, struct verdict *out)
{
	size_t at = 0;
	do {
		if (j->verdict.kind == VERDICT_CUT)
			break;
		size_t took = gather(j, s, v + at, n - at);
		if (took == 0 && at < n) {
			forget_slots(s);
			judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			break;
		}
		at += took;
		if (final && at == n && !gather_ends(j, s)) {
			forget_slots(s);
			judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			break;
		}
		if (judge_portion(j, s))
			judge_hold(j);
	} while (at < n);
	*out = j->verdict;
}

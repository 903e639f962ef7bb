#include "policy/channel.h"

#include <stdlib.h>
#include <string.h>

#include "policy/syntax_rule.h"

#define SLACK_BYTES 256  /* of text that nothing needs, before the rest is moved over it */
#define LARGE_BYTES 2048 /* a buffer of this size is not left with a channel that needs little */

void channel_free(struct channel *c)
{
	if (!c)
		return;
	seek_end(&c->seek);
	track_fini(&c->kept);
	walks_fini(&c->walks);
	free(c->open.v);
	free(c->keywords);
	free(c->companions);
	if (c->region)
		region_end(c->region);
	free(c->region);
	free(c->layers);
	free(c);
}

static size_t keyword_words(const struct ruleset *set)
{
	return ((size_t)set->keyword_rules + 63) / 64;
}

struct seeker channel_seeker(const struct channel *c, const struct ruleset *set,
			     struct multimatch_scratch *scratch)
{
	if (c->parent)
		return (struct seeker){ .matcher = set->decoded, .scratch = scratch };
	return (struct seeker){ set->multimatch, triggers_table(set->triggers), scratch };
}

size_t channel_memory(const struct channel *c, const struct ruleset *set)
{
	return sizeof(*c) + (c->region ? region_memory(c->region) : 0) + track_memory(&c->kept) +
	       c->open.cap * sizeof(*c->open.v) + walks_memory(&c->walks) +
	       (c->keywords ? keyword_words(set) * sizeof(*c->keywords) : 0) +
	       (c->companions ? set->companions * sizeof(*c->companions) : 0) +
	       (c->layers ? sizeof(*c->layers) : 0) +
	       (c->seek.stream ? multimatch_stream_bytes(c->parent ? set->decoded : set->multimatch)
			       : 0);
}

static void swap_tracks(struct track *a, struct track *b)
{
	struct track t = *a;
	*a = *b;
	*b = t;
}

/* During a call the channel's buffer is the slot's, and the slot's own lies with the channel. */
bool slot_begin(struct slot *s, struct channel *c, uint16_t number)
{
	s->channel = c;
	s->number = number;
	s->old_end = track_end(&c->kept);
	s->list.n = 0;
	s->gone.n = 0;
	s->gone.failed = false;
	s->n_seen = s->n_edges = 0;
	s->ended = false;
	swap_tracks(&s->work, &c->kept);
	track_clear(&c->kept, s->old_end);
	for (uint32_t i = 0; i < c->open.n; i++)
		if (!candidates_add(&s->list, &c->open.v[i]))
			return false;
	s->new_from = s->list.n;
	return true;
}

bool slot_room(struct slot *s, uint32_t n)
{
	struct track *own = &s->channel->kept;
	if (own->cap > s->work.cap && own->cap_runs > s->work.n_runs) {
		if (!track_assign(own, &s->work, s->work.base))
			return false;
		swap_tracks(&s->work, own);
		track_clear(own, s->old_end);
	}
	return track_room(&s->work, n);
}

bool slot_saw(struct slot *s, uint32_t keyword, uint64_t end)
{
	const uint64_t *bits = s->channel->keywords;
	if (bits && bits[keyword / 64] & (UINT64_C(1) << keyword % 64))
		return true;
	if (s->n_seen == s->cap_seen) {
		uint32_t cap = s->cap_seen ? 2 * s->cap_seen : 16;
		struct keyword_seen *v = realloc(s->seen, cap * sizeof(*v));
		if (!v)
			return false;
		s->seen = v;
		s->cap_seen = cap;
	}
	s->seen[s->n_seen++] = (struct keyword_seen){ keyword, end };
	return true;
}

bool slot_has(const struct slot *s, uint32_t keyword, uint64_t until)
{
	const uint64_t *bits = s->channel->keywords;
	if (bits && bits[keyword / 64] & (UINT64_C(1) << keyword % 64))
		return true;
	for (uint32_t i = 0; i < s->n_seen; i++)
		if (s->seen[i].keyword == keyword && s->seen[i].end <= until)
			return true;
	return false;
}

static bool edge_add(struct slot *s, struct code_edge edge)
{
	if (s->n_edges && s->edges[s->n_edges - 1].code == edge.code) {
		s->edges[s->n_edges - 1].until = edge.until;
		s->edges[s->n_edges - 1].closed = edge.closed;
		return true;
	}
	if (s->n_edges == s->cap_edges) {
		uint32_t cap = s->cap_edges ? 2 * s->cap_edges : 8;
		struct code_edge *v = realloc(s->edges, cap * sizeof(*v));
		if (!v)
			return false;
		s->edges = v;
		s->cap_edges = cap;
	}
	s->edges[s->n_edges++] = edge;
	return true;
}

/* Of "python:src/a.py" and "{.python}" too. */
static struct span fence_word(const char *word)
{
	word += strspn(word, "{.");
	return (struct span){ word, strcspn(word, ":}") };
}

static uint64_t fenced(struct slot *s, uint64_t at, struct code_edge *edge)
{
	struct fence *f = &s->channel->fence;
	at += fence_feed(f, s->work.text + (at - s->work.base), (size_t)(track_end(&s->work) - at),
			 &edge->code);
	if (!edge->code)
		return at;
	edge->closed = !fence_in_code(f);
	struct span word = fence_word(f->language);
	edge->stated = word.n > 0;
	edge->language = syntax_find(word);
	return at;
}

/* Quotes part two strings, so the edges of strings are never joined. */
static uint64_t quoted(struct slot *s, uint64_t at, struct code_edge *edge)
{
	struct arguments *a = &s->channel->region->arguments;
	edge->stated = a->stated; /* as it was said before the string: its end may say it anew */
	edge->language = a->language;
	at += arguments_feed(a, &s->work, at, &edge->code);
	return at;
}

bool slot_find_code(struct slot *s)
{
	const struct channel *c = s->channel;
	uint64_t end = track_end(&s->work);
	for (uint64_t at = s->old_end; at < end;) {
		struct code_edge edge = { .code = true, .until = end };
		edge.until = at = c->prose       ? fenced(s, at, &edge)
				  : c->arguments ? quoted(s, at, &edge)
						 : end;
		if (!edge_add(s, edge))
			return false;
	}
	return true;
}

static bool reads(const struct syntax_rule *rule, bool stated,
		  const struct syntax_language *language)
{
	return !stated || (language && syntax_rule_reads(rule, language));
}

bool slot_may_ask(const struct slot *s, const struct syntax_rule *rule, uint64_t point)
{
	const struct region *g = s->channel->region;
	if (!g)
		return false;
	if (point <= s->old_end)
		return g->open && point > g->start && reads(rule, g->stated, g->language);
	for (uint32_t i = 0; i < s->n_edges; i++)
		if (point <= s->edges[i].until)
			return s->edges[i].code &&
			       reads(rule, s->edges[i].stated, s->edges[i].language);
	return false;
}

bool slot_is_code(const struct slot *s, uint64_t at)
{
	if (s->channel->code)
		return true;
	if (at < s->old_end || !s->n_edges)
		return s->channel->was_code;
	for (uint32_t i = 0; i < s->n_edges; i++)
		if (at < s->edges[i].until)
			return s->edges[i].code;
	return s->edges[s->n_edges - 1].code;
}

static bool save_keywords(struct slot *s, const struct ruleset *set)
{
	struct channel *c = s->channel;
	if (s->n_seen && !c->keywords)
		c->keywords = calloc(keyword_words(set), sizeof(*c->keywords));
	for (uint32_t i = 0; c->keywords && i < s->n_seen; i++)
		c->keywords[s->seen[i].keyword / 64] |= UINT64_C(1) << s->seen[i].keyword % 64;
	return !s->n_seen || c->keywords;
}

/* Keeps the text from `need` on, and the context before it. A little more is not worth moving the
 * rest for it; a large buffer stays with the slot. */
static bool save_text(struct slot *s, const struct ruleset *set, uint64_t need)
{
	struct channel *c = s->channel;
	struct track *work = &s->work;
	uint64_t from = max_u64(need > set->context ? need - set->context : 0, work->base);
	uint32_t n = (uint32_t)(track_end(work) - from);
	bool large = work->cap > LARGE_BYTES && n < work->cap / 2;
	if (!large && from - work->base <= SLACK_BYTES)
		from = work->base;
	if (set->companions)
		c->lines += track_lines(work, from);
	if (large) {
		track_clear_for(&c->kept, from, n);
		return track_assign(&c->kept, work, from);
	}
	if (from > work->base)
		track_trim(work, from);
	swap_tracks(work, &c->kept);
	return true;
}

bool slot_save(struct slot *s, const struct ruleset *set)
{
	struct channel *c = s->channel;
	uint64_t end = track_end(&s->work), need = end;
	c->slot = 0;
	c->open.n = 0;
	for (uint32_t i = 0; i < s->list.n; i++) {
		struct candidate *one = &s->list.v[i];
		if (one->state != CANDIDATE_ALIVE)
			continue;
		if (one->raw == CANDIDATE_NO_RAW && one->point < end)
			one->raw = track_raw(&s->work, one->point);
		need = min_u64(need, min_u64(one->from, one->point));
		if (!candidates_add(&c->open, one))
			return false;
	}
	if (c->open.cap > 64 && c->open.n == 0) {
		free(c->open.v);
		c->open = (struct candidates){ 0 };
	}
	if (s->n_edges)
		c->was_code = s->edges[s->n_edges - 1].code;
	if (s->ended) { /* what follows, should anything follow, is another text */
		fence_init(&c->fence);
		c->was_code = false;
		free(c->companions);
		c->companions = NULL;
		c->lines = 0;
		track_clear(&c->kept, end);
		c->stream_base = end;
		c->walks.n = 0;
		if (c->layers)
			layers_end(&c->layers->decoder, end);
		return save_keywords(s, set);
	}
	return save_keywords(s, set) && save_text(s, set, need);
}

void slot_fini(struct slot *s)
{
	track_fini(&s->work);
	free(s->list.v);
	multimatch_hits_fini(&s->gone);
	free(s->seen);
	free(s->edges);
	*s = (struct slot){ 0 };
}

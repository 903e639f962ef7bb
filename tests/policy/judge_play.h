/*
 * Streams for tests of the judge: segments of text in channels, played whole, byte by byte, or
 * split anywhere. Between two segments lie raw bytes that are no text, as a wire's framing would
 * be.
 */
#ifndef TESTS_POLICY_JUDGE_PLAY_H
#define TESTS_POLICY_JUDGE_PLAY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/judge.h"

#define PLAY_GAP 7
#define PLAY_CARDS 16

enum segment_kind { SEGMENT_TEXT, SEGMENT_ESCAPE, SEGMENT_END };

struct segment {
	uint16_t channel;
	const char *text;
	enum segment_kind
		kind; /* SEGMENT_ESCAPE: the text stands for one escape sequence of 6 raw bytes */
};

struct outcome {
	struct verdict verdict;
	size_t n_cards;
	struct card cards[PLAY_CARDS];
	uint64_t let_go; /* raw bytes that may have left at most */
};

struct play {
	struct ruleset *set;
	struct judge_scratch *scratch;
};

/* name: of the file that the policy might be read from. */
static inline struct play play_open_as(const char *name, const char *policy)
{
	struct play p = { 0 };
	struct buf errors = { 0 };
	int rc = ruleset_parse(name, span_of(policy), &p.set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(judge_scratch_new(p.set, &p.scratch), 0);
	buf_fini(&errors);
	return p;
}

static inline struct play play_open(const char *policy)
{
	return play_open_as("test.yaml", policy);
}

static inline void play_close(struct play *p)
{
	judge_scratch_free(p->scratch);
	ruleset_unref(p->set);
}

/* How many places a stream may be split at: before every byte of text but the first. */
static inline size_t play_bytes(const struct segment *v, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += v[i].kind == SEGMENT_TEXT ? strlen(v[i].text) : 1;
	return sum;
}

struct player {
	struct judge *judge;
	const struct play *play;
	struct piece pieces[1024];
	size_t n;
	uint64_t seen, last;
	struct outcome out;
};

static inline void player_feed(struct player *r, bool final)
{
	struct verdict v;
	bool over = r->out.verdict.kind == VERDICT_CUT;
	judge_feed(r->judge, r->play->scratch, r->pieces, r->n, final, &v);
	if (over)
		cr_assert_eq(memcmp(&v, &r->out.verdict, sizeof(v)), 0, "a cut latches");
	uint64_t let_go = v.kind == VERDICT_PASS ? r->seen : v.release_raw;
	if (!over)
		cr_assert_geq(let_go, r->last, "release goes back from %lu to %lu", r->last,
			      let_go);
	r->last = let_go;
	r->out.verdict = v;
	r->out.let_go = let_go;
	r->n = 0;
}

static inline void player_add(struct player *r, struct piece p)
{
	cr_assert_lt(r->n, ARRAY_LEN(r->pieces));
	r->pieces[r->n++] = p;
	r->seen = p.raw_off + p.raw_len;
}

/* splits[i] says whether a call ends before the i-th byte; NULL: one call. every: each byte is a
 * piece of its own even inside one call. */
static inline struct outcome play(const struct play *p, const struct segment *v, size_t n,
				  const bool *splits, bool every)
{
	struct player r = { .judge = judge_new(p->set, NULL), .play = p };
	uint64_t raw = 3;
	size_t at = 0;
	cr_assert_not_null(r.judge);
	for (size_t i = 0; i < n; i++, raw += PLAY_GAP) {
		size_t len = v[i].kind == SEGMENT_TEXT ? strlen(v[i].text) : 1, from = 0;
		for (size_t k = 0; k < len; k++, at++) {
			bool split = splits && splits[at];
			if (v[i].kind == SEGMENT_TEXT && k > from && (split || every)) {
				player_add(&r, (struct piece){ .raw_off = raw,
							       .raw_len = (uint32_t)(k - from),
							       .text_len = (uint32_t)(k - from),
							       .channel = v[i].channel,
							       .text = v[i].text + from });
				raw += k - from;
				from = k;
			}
			if (split)
				player_feed(&r, false);
		}
		if (v[i].kind == SEGMENT_TEXT) {
			player_add(&r, (struct piece){ .raw_off = raw,
						       .raw_len = (uint32_t)(len - from),
						       .text_len = (uint32_t)(len - from),
						       .channel = v[i].channel,
						       .text = v[i].text + from });
			raw += len - from;
		} else if (v[i].kind == SEGMENT_ESCAPE) {
			struct piece piece = { .raw_off = raw,
					       .raw_len = 6,
					       .channel = v[i].channel };
			piece.text_len = (uint32_t)strlen(v[i].text);
			piece.lit_len = (uint8_t)piece.text_len;
			memcpy(piece.lit, v[i].text, piece.text_len);
			player_add(&r, piece);
			raw += 6;
		} else {
			player_add(&r, (struct piece){ .raw_off = raw,
						       .channel = v[i].channel,
						       .kind = PIECE_CHANNEL_END });
		}
	}
	player_feed(&r, true);
	const struct card *cards = judge_cards(r.judge, &r.out.n_cards);
	cr_assert_leq(r.out.n_cards, PLAY_CARDS);
	memcpy(r.out.cards, cards ? cards : r.out.cards, r.out.n_cards * sizeof(*cards));
	judge_free(r.judge);
	return r.out;
}

static inline void play_same(const struct outcome *a, const struct outcome *b, const char *what)
{
	cr_assert_eq(a->verdict.kind, b->verdict.kind, "%s: verdict %d, whole %d", what,
		     b->verdict.kind, a->verdict.kind);
	cr_assert_eq(a->verdict.cause, b->verdict.cause, "%s: cause", what);
	cr_assert_eq(a->verdict.rule, b->verdict.rule, "%s: rule", what);
	cr_assert_eq(a->let_go, b->let_go, "%s: released %lu, whole %lu", what, b->let_go,
		     a->let_go);
	cr_assert_eq(a->verdict.decided_raw, b->verdict.decided_raw,
		     "%s: decided at %lu, whole %lu", what, b->verdict.decided_raw,
		     a->verdict.decided_raw);
	cr_assert_eq(a->n_cards, b->n_cards, "%s: %zu cards, whole %zu", what, b->n_cards,
		     a->n_cards);
	for (size_t i = 0; i < a->n_cards; i++) {
		const struct card *x = &a->cards[i], *y = &b->cards[i];
		cr_assert(x->rule == y->rule && x->channel == y->channel &&
				  x->text_off == y->text_off && x->text_len == y->text_len &&
				  x->raw_off == y->raw_off && x->action == y->action &&
				  x->layers == y->layers && x->raw_end == y->raw_end &&
				  x->body_raw == y->body_raw,
			  "%s: card %zu differs (rule %u %u, text %lu+%u %lu+%u, raw %lu %lu)",
			  what, i, x->rule, y->rule, x->text_off, x->text_len, y->text_off,
			  y->text_len, x->raw_off, y->raw_off);
	}
}

/* Whole, byte by byte, every byte its own piece in one call, and split in two and in three at every
 * place. */
static inline struct outcome play_every_way(const struct play *p, const struct segment *v, size_t n)
{
	size_t bytes = play_bytes(v, n);
	bool *splits = calloc(bytes + 1, sizeof(*splits));
	char what[64];
	struct outcome whole = play(p, v, n, NULL, false), other = play(p, v, n, NULL, true);
	play_same(&whole, &other, "pieces of one byte");
	memset(splits, 1, bytes);
	other = play(p, v, n, splits, false);
	play_same(&whole, &other, "byte by byte");
	for (size_t a = 0; a < bytes; a++) {
		for (size_t b = a; b < bytes && (b < a + 24 || b + 4 > bytes); b++) {
			memset(splits, 0, bytes);
			splits[a] = splits[b] = true;
			snprintf(what, sizeof(what), "split at %zu and %zu", a, b);
			other = play(p, v, n, splits, false);
			play_same(&whole, &other, what);
		}
	}
	free(splits);
	return whole;
}

#endif

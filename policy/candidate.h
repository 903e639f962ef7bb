/*
 * Candidates: places where a rule may turn out to be broken, and the state of each as a function of
 * its channel's text.
 *
 * Theory of operation
 *
 *   text     ...AKIA|IOSFODNN7EXAMPLE"...
 *                   ^point            ^decided here (\b needs the quote)
 *
 * candidate_state() answers for any prefix of the text. It is monotone: ALIVE up to some length,
 * then one other answer for good. candidate_decide() finds that length. Both depend on text alone,
 * so whoever asks, after whatever split, hears the same.
 */
#ifndef POLICY_CANDIDATE_H
#define POLICY_CANDIDATE_H

#include "policy/rule.h"
#include "policy/track.h"

#define CANDIDATE_NO_RAW UINT64_MAX

struct secret { /* text offsets of what a match is about */
	uint64_t from, to;
	uint64_t begin, end; /* of the whole match; begin: only of those without a lead-in */
};

struct candidate {
	uint64_t point; /* lead-in's end, or a whole match's end */
	uint64_t from;  /* where the body's expression is anchored */
	uint64_t raw;   /* where its hold begins: of the first body byte, CANDIDATE_NO_RAW while
			   there is none; in derived text see judge_layers.c */
	uint16_t rule;
	uint8_t branch; /* of the rule's */
	uint8_t state;  /* enum candidate_state, as of the newest text */

	/* Of a syntax rule: what the region has decided; see region.h. */
	uint8_t answer;
	bool by_end;      /* the end of the channel's text decided, not its last byte */
	uint8_t waits_in; /* stays ALIVE while bytes of this class come, up to the offset: */
	uint32_t waits_at,
		waits_end; /* bytes behind `from`: it waited there; until there at most */
	uint64_t decided;  /* by the text before this offset; 0: not yet */
	struct secret secret;
};

struct candidates {
	struct candidate *v;
	uint32_t n, cap;
};

bool candidates_add(struct candidates *c, const struct candidate *one); /* false: no memory */

enum candidate_state {
	CANDIDATE_ALIVE,
	CANDIDATE_DEAD,
	CANDIDATE_FOUND,
	CANDIDATE_BOUND, /* undecided when the rule's bytes were used up */
	CANDIDATE_FAILED, /* the engine gave up */
	CANDIDATE_UNASKED
};

/* A place in the order of what becomes known: the raw offset right after a byte; and among what
 * becomes known there, 0 for the byte itself and then the ends of channels, numbered as they come.
 */
struct moment {
	uint64_t raw;
	uint32_t end;
};

#define MOMENT_LAST ((struct moment){ UINT64_MAX, UINT32_MAX })

static inline int moment_compare(struct moment a, struct moment b)
{
	if (a.raw != b.raw)
		return a.raw < b.raw ? -1 : 1;
	return (a.end > b.end) - (a.end < b.end);
}

struct view { /* one channel's text as of now */
	const struct track *track;
	bool ended;        /* nothing follows */
	struct moment end; /* when that is known */
};

struct tools { /* what questions are answered with */
	struct regex_scratch *regex;
	struct ways_memo *ways;
	const struct ways_classes *classes;
};

static inline uint64_t candidate_raw(const struct candidate *c, const struct track *t)
{
	return c->raw == CANDIDATE_NO_RAW ? track_raw(t, c->point) : c->raw;
}

/* Its state is what is known without the engine, else UNASKED. False: the expression that leads in
 * does not match where it was reported (an engine's failure). */
bool candidate_open(struct candidate *c, const struct rule *r, const struct tools *s,
		    const struct view *v);

/* The state for the text before `until`; `ended` says that the text ends there for good. */
enum candidate_state candidate_state(const struct candidate *c, const struct rule *r,
				     const struct tools *s, const struct track *t, uint64_t until,
				     bool ended, struct secret *out);
/* The same for a candidate that was ALIVE or UNASKED and all text of a view, and notes what it
 * waits for. */
enum candidate_state candidate_ask(struct candidate *c, const struct rule *r, const struct tools *s,
				   const struct view *v, struct secret *out);

/* Where so many lines from `at` on end, as far as they count: at a line feed before `until`, or at
 * CANDIDATE_LINE_REST bytes for each, in all CANDIDATE_REST_MAX. Otherwise it is not known yet, and
 * `until`. */
#define CANDIDATE_LINE_REST 256
#define CANDIDATE_REST_MAX 2048
bool candidate_lines_end(const struct track *t, uint64_t at, uint32_t lines, uint64_t until,
			 uint64_t *end);

/* For a candidate whose state over the whole view is not ALIVE: the shortest text that shows it,
 * and the raw offset right after the byte that decided. known: a length for which it was ALIVE;
 * found: what candidate_state() said of the whole. */
struct decided {
	uint64_t at;
	struct moment when;
};

struct decided candidate_decide(const struct candidate *c, const struct rule *r,
				const struct tools *s, const struct view *v, uint64_t known,
				const struct secret *found);

#endif

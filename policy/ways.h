/*
 * Ways: how a body may match, each a row of runs of bytes, in the order in which the engine tries
 * them. Most bodies that are open or no secret after all are known for what they are by walking
 * their ways, without the engine.
 *
 * Theory of operation
 *
 *   ([a-z=]{10,150}|[0-9]{8})(?:["']|\z)      [a-z=]{10,150} ["']
 *                                             [a-z=]{10,150} \z
 *                                             [0-9]{8} ["']
 *                                             [0-9]{8} \z
 *
 * PCRE2 asks for more text as soon as the way it is on needs a byte behind the end. So where the
 * first way that has not failed consumes the whole text and goes on, the answer is "more". A way
 * has failed when a run was too short or a byte is not there, and no earlier run could have taken
 * fewer bytes and gone on: what follows that run begins with none of its bytes. Where all ways have
 * failed there is no match, whatever follows. All else (a match, an expression that is no row of
 * runs) is left to the engine.
 *
 * A look-around is passed over: what fails without it fails with it. But behind one the engine may
 * have failed where the way goes on, so that the answer is never "more".
 *
 * Where a run of one class ends is noted, so that many candidates in one run walk it once.
 */
#ifndef POLICY_WAYS_H
#define POLICY_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define WAYS_CLASSES 256
#define WAYS_MOST 32       /* of an expression; what comes after them is left to the engine */
#define WAYS_ITEMS_MOST 40 /* of a way, likewise */
#define WAYS_FAR 64

struct ways_classes { /* of a rule set */
	uint32_t n, n_needs;
	bool in[WAYS_CLASSES][256];
	bool needs[WAYS_CLASSES]
		  [256]; /* what must come behind runs, apart so that both have room */
};

#define WAYS_LINE 0 /* the class of all bytes but a line feed, the first of them */
void ways_classes_begin(struct ways_classes *c);
/* The number of a class, which is added when it is new; -1: there are too many. */
int ways_class_of(struct ways_classes *c, const uint32_t set[8]);

enum ways_kind {
	WAYS_RUN,  /* of bytes of a class, as long as it can be */
	WAYS_EDGE, /* \b */
	WAYS_END,  /* \z */
	WAYS_SEEK, /* a lazy run, less the bytes that what follows needs one of */
	WAYS_LOOK, /* while an expression is read: a look-around */
	WAYS_STOP  /* only the engine knows */
};

struct ways_item {
	uint8_t kind;
	uint8_t class;
	uint8_t seek; /* of a lazy run: the class of WAYS_SEEK; WAYS_LINE: there is none */
	uint8_t need; /* of a run: one of these comes, at most so far behind it */
	uint8_t far;  /* WAYS_FAR: nobody knows */
	bool one;     /* exactly a byte */
	bool lazy, apart;
	bool sure;  /* where it fails, fewer bytes for the runs before it would not help */
	bool vague; /* the engine may have failed before it */
	uint32_t min, max;
};

struct way {
	uint16_t first, n; /* items */
	uint16_t shared;   /* so many of them are those of the way before */
};

struct ways {
	uint32_t n;
	struct way v[WAYS_MOST];
	struct ways_item items[];
};

struct ways_memo { /* of one text at a time */
	const void *text;
	uint32_t epoch;
	uint64_t at[WAYS_ITEMS_MOST + 2]; /* where the items of a way begin */
	struct {
		uint64_t from, to; /* bytes of the class, all of them */
		uint32_t epoch;
	} runs[WAYS_CLASSES];
};

struct ways_text {
	const char *p;
	uint64_t base, until; /* offsets of the first byte, and after the last */
	bool more;            /* may follow */
};

enum ways_answer { WAYS_NONE, WAYS_MORE, WAYS_ASK };

struct ways_wait { /* of WAYS_MORE: it stays so while bytes of the class come, before `end` */
	uint64_t end;
	uint8_t class;
};

/* *out is the heap's; NULL where the engine knows better from the first byte on. -ENOMEM. */
int ways_read(const char *expression, struct ways_classes *classes, struct ways **out) MUST_USE;

enum ways_answer ways_ask(const struct ways *w, const struct ways_classes *classes,
			  struct ways_memo *memo, const struct ways_text *t, uint64_t from,
			  struct ways_wait *wait);

/* Where the run of the class that goes on at `at` ends, at `limit` at the latest. */
uint64_t ways_run(const struct ways_classes *classes, struct ways_memo *memo,
		  const struct ways_text *t, uint8_t class, uint64_t at, uint64_t limit);

/* What is noted is about this text. */
static inline void ways_memo_of(struct ways_memo *m, const void *text)
{
	m->epoch += m->text != text;
	m->text = text;
}

static inline void ways_forget(struct ways_memo *m)
{
	m->epoch++;
	m->text = NULL;
}

#endif

/*
 * Seeking: what of a rule set's heads ends in a text that comes in parts. The matcher looks for
 * them as long as little is found; text that is full of them is taken through a table of states,
 * whose cost does not depend on what it finds. Both find the same, and each can take over from the
 * other anywhere.
 */
#ifndef POLICY_SEEK_H
#define POLICY_SEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/head_table.h"
#include "policy/multimatch.h"

#define SEEK_CROWD_MAX 16384 /* the table is used for so many bytes at least that have no find */

struct seek {                             /* of one text; zero-initialised is at its beginning */
	struct multimatch_stream *stream; /* NULL until there is text */
	uint64_t stream_at;               /* the offset at which the matcher took over */
	struct head_table_place place;    /* in the table */
	uint16_t crowd;                   /* how much was found of late */
	bool in_table;
};

struct seeker { /* what a text is looked through with */
	const struct multimatch *matcher;
	const struct head_table *table; /* NULL: there is none */
	struct multimatch_scratch *scratch;
};

/* Appends what ends in text.p[from..], hits in no particular order; what is before `from` is older
 * text, as much as there is up to HEAD_TABLE_REACH bytes. Offsets are counted from the text's
 * beginning, text.p[from] is at `at`. -ENOMEM, or -EIO: the engine failed. */
int seek_feed(struct seek *k, const struct seeker *with, struct span text, size_t from, uint64_t at,
	      struct multimatch_hits *out) MUST_USE;
/* The text is complete: appends what waited for its end. What is fed next is another text. */
int seek_finish(struct seek *k, const struct seeker *with, struct multimatch_hits *out) MUST_USE;
static inline bool seek_begun(const struct seek *k)
{
	return k->stream || k->in_table;
}

void seek_end(struct seek *k);

#endif

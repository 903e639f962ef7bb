/*
 * Head tables: all that the matcher of many expressions looks for, as one table of states. It costs
 * the same for every text. The matcher is far cheaper where little is found, and far dearer where
 * much is; policy/seek.h takes whichever is the right one.
 *
 * Theory of operation
 *
 * A head is a row of sets of bytes. A state is the set of beginnings of heads that the last bytes
 * are; a byte takes each of them a place further, or drops it, and begins others. So a state is
 * known from the last HEAD_TABLE_REACH bytes alone, and a text may be taken up anywhere.
 */
#ifndef POLICY_HEAD_TABLE_H
#define POLICY_HEAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "policy/multimatch.h"

#define HEAD_TABLE_REACH 48 /* bytes of the longest head, at most */

struct head_row {
	uint32_t (*in)[8]; /* sets, a bit for each byte */
	uint32_t n;
	bool once; /* of a text only the first end counts */
};

struct head_table; /* immutable */

/* *out is the heap's; NULL where too many states would be needed. -ENOMEM. */
int head_table_new(const struct head_row *rows, uint32_t n, struct head_table **out) MUST_USE;
void head_table_free(struct head_table *t); /* NULL is fine */

#define HEAD_TABLE_ONCE 256 /* of more heads than this that count once, others do so each time */

struct head_table_place { /* in a text; zero-initialised is its beginning, or any place of it */
	uint32_t state;
	uint64_t told[HEAD_TABLE_ONCE / 64]; /* heads that counted once */
};

/* Adds where heads end, by head, in no order for one end; the text begins at offset `at`. */
void head_table_find(const struct head_table *t, struct span text, uint64_t at,
		     struct head_table_place *place, struct multimatch_hits *out);

#endif

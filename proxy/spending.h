/*
 * What each builder has cost today, kept over restarts. A day is a UTC day.
 *
 * Theory of operation
 *
 *   streams of all workers --charge--> total, one atomic for each builder --thread--> DIR/spending
 *
 * A stream charges what it has cost so far, again and again; a later figure replaces the earlier
 * one of the same stream, so that an estimate becomes what the builder reports. What was charged to
 * a day that is over stays there.
 *
 * One thread writes the file: aside, synced, renamed. While a builder has streams the file says
 * more than was spent, by a sixty-fourth of the limit (the lead), and is written again when half of
 * that is used up. So a kill -9 loses nothing that was spent, unless more than half of the lead was
 * spent during the one write that it interrupted, and the restart counts at most a lead too much. A
 * second after the last stream the file is exact.
 *
 * When it cannot be written, nothing may be spent that is not in it: spent_state() says so, and
 * spent_allowed() ends at what was written last. A day never goes back, whatever the clock does.
 */
#ifndef PROXY_SPENDING_H
#define PROXY_SPENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define SPENDING_LEAD 64 /* the lead is this part of the limit */

struct spending; /* the server's */
struct spent;    /* one builder's; lives as long as the struct spending */

/* Reads folder/spending, writes it once and starts the thread. Without a file nothing was spent. On
 * failure -errno, and one line `file:line: what; remedy`: the file is broken or of a day to come,
 * the folder cannot be written, or another redcard has it. */
int spending_open(const char *folder, struct spending **out, struct buf *error) MUST_USE;
void spending_close(struct spending *s); /* after the last stream; NULL is fine */

/* The builder of that name with its limit in nano-USD from now on. NULL: no memory. One thread. */
struct spent *spending_of(struct spending *s, const char *builder, uint64_t limit);

uint32_t spending_today(void);                  /* days since 1970 */
void spending_date(uint32_t day, char out[16]); /* "2026-11-26" */

enum spent_state {
	SPENT_FREE,
	SPENT_UP,    /* the day's limit is reached */
	SPENT_UNKEPT /* what is spent cannot be written */
};

enum spent_state spent_state(const struct spent *row, uint32_t today);
uint64_t spent_today(const struct spent *row, uint32_t today); /* nano-USD */
uint64_t spent_limit(const struct spent *row);

/* One stream's part. */
struct spent_meter {
	struct spent *row; /* NULL: not metered */
	uint64_t former;   /* charged to days before `day` */
	uint64_t charged;  /* to this day */
	uint32_t day;
};

void spent_begin(struct spent_meter *m, struct spent *row);
/* What the stream may cost in all, if nothing else is spent. kept: no more than is written. */
uint64_t spent_allowed(const struct spent_meter *m, uint32_t today, bool kept);
void spent_charge(struct spent_meter *m, uint32_t today, uint64_t cost); /* so far */
void spent_end(struct spent_meter *m);                                   /* once more is fine */

#endif

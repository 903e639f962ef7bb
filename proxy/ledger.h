/*
 * The ledger: rows that are on disk before anybody is told of them.
 *
 * Theory of operation
 *
 *   ledger_add() --> queue --> the writer's thread: one transaction for all that wait --> done()
 *                                 |
 *                                 +--> now and then a checkpoint: file outside, then database
 *
 * The writer alone has the database open for writing. While a commit waits for the disk others
 * queue up, and go together with the next one.
 */
#ifndef PROXY_LEDGER_H
#define PROXY_LEDGER_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "proxy/ledger_store.h"

struct ledger;

struct ledger_options {
	const char *path, *key, *checkpoints; /* files */
	uint32_t checkpoint_rows, checkpoint_ms;
};

#define LEDGER_CHECKPOINT_ROWS 256
#define LEDGER_CHECKPOINT_MS 10000

/* Makes what is not there: the database, the key and its public half (KEY.pub), the file of
 * checkpoints. Refuses a database that does not carry on where the last checkpoint outside says. On
 * failure -errno and one sentence in *why. */
int ledger_open(const struct ledger_options *o, struct ledger **out, struct buf *why) MUST_USE;
/* Everything that was accepted is written and answered first, and a checkpoint. NULL is fine. */
void ledger_close(struct ledger *l);

/* Any thread. The row's kind, subject and key (p NULL: none) must pass ledger_row_wrong(); its body
 * is a JSON object. Copies. -EINVAL: the body is no object that can be canonical; -EFBIG: it is
 * larger than LEDGER_BODY_MAX; -EAGAIN: the queue is full; -ENOMEM. Else done() runs once, on the
 * writer's thread: error 0 and the row is on disk, or it is not. -EEXIST: the key belongs to
 * another row; the others as in lib/sqlite.h. */
int ledger_add(struct ledger *l, const struct ledger_row *row,
	       void (*done)(const struct ledger_added *added, void *owner), void *owner) MUST_USE;
/* The same, and waits. */
int ledger_add_wait(struct ledger *l, const struct ledger_row *row,
		    struct ledger_added *out) MUST_USE;

/* told() runs on the writer's thread whenever rows were written, and does not wait. Once, and its
 * owner outlives the ledger. */
void ledger_tell(struct ledger *l, void (*told)(void *owner), void *owner);

struct ledger_counts {
	uint64_t written, repeated;
	uint64_t refused; /* the queue was full */
	uint64_t failed;  /* could not be written */
	uint64_t checkpoints;
	int error; /* what stood in the way of the latest write, or 0 */
};

void ledger_counts(const struct ledger *l, struct ledger_counts *out);
const char *ledger_error(int error); /* in words */
const char *ledger_path(const struct ledger *l);

/* --- for those who have a row to put and no time --- */

/* The one that ledger_put() writes to; NULL: none, and rows become lines of the log (event
 * "ledger"). Set while nobody puts. */
void ledger_use(struct ledger *l);

bool ledger_in_use(void);

/* kind: "vote", "quorum", "audit"...; subject: what it is about, an id. body: a JSON object. Any
 * thread. A row that the ledger does not take is counted, and logged (event "ledger_lost"). */
void ledger_put(const char *kind, const char *subject, struct span body);
/* key: a retry with the same one is the same row; NULL: none. */
void ledger_put_once(const char *kind, const char *subject, struct span body, const char *key);

#endif

/*
 * One sink at work: a thread that follows the ledger and tells somebody of its rows.
 *
 * Theory of operation
 *
 *   the next row that is wanted --> try --> delivered, or refused: the cursor moves on
 *                                    ^ |
 *                         a pause ---+ +--> failed: the row stays the next one
 *
 * Rows go in their order, one at a time. A pause is exponential with full jitter, and at least what
 * Retry-After asks for. A row is skipped when the sink has failed all through `give_up_after` and
 * the row is as old. A refusal (a 3xx, or a 4xx that no repetition mends) is about one row and
 * stops none behind it.
 */
#ifndef PROXY_SINK_H
#define PROXY_SINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/fetch.h"
#include "proxy/config_sinks.h"
#include "proxy/metric_table.h"
#include "proxy/sink_cursor.h"

enum sink_state { SINK_UNKNOWN, SINK_UP, SINK_DOWN, SINK_STATE_COUNT };

extern const char *const sink_state_names[SINK_STATE_COUNT];

/* What a sink's thread sleeps on; shared by all of them. */
struct sink_clock {
	pthread_mutex_t lock;
	pthread_cond_t news;
	uint64_t written; /* times that the ledger had rows */
	bool draining;    /* what can be delivered at once still is */
	unsigned running;
};

struct sink {
	const struct config_sink *config;
	struct sink_clock *clock;
	pthread_t thread;
	bool started;
	_Atomic bool stop;

	struct ledger_store *store; /* the thread's, while it runs, as are these */
	struct fetcher *fetcher;
	struct sink_cursor cursor;
	struct buf texts;       /* of the row in hand */
	uint64_t kept, kept_ms; /* the cursor that is on disk, and since when */
	uint64_t failing_ms;    /* since when no try has worked; 0: the last one has */
	unsigned tries;         /* failed ones of the row in hand */
	size_t sent;            /* messages of the row that need no other try */
	bool refused;           /* one of them was */
	int unread, unkept;     /* errors of the ledger and the cursor that are in the log */

	_Atomic uint64_t at; /* the cursor, */
	_Atomic int state;   /* and enum sink_state, for those who look */
	_Atomic uint64_t counts[SINK_RESULT_COUNT];
	uint64_t measured[SINK_RESULT_COUNT]; /* of them: what a metric has; under the lock */
};

/* What became of one request, or of all for a row, where there may be nothing to say. */
enum sink_answer { SINK_TAKEN, SINK_REFUSED, SINK_FAILED, SINK_STOPPED, SINK_NOTHING };

struct sink_message;

/* wait_s: at least so long until the next try. why: one line about what is not taken. excerpt: of
 * the answer's body; NULL: not wanted. */
enum sink_answer sink_send(struct fetcher *f, const struct config_sink *s,
			   const struct sink_message *m, const _Atomic bool *stop, uint32_t *wait_s,
			   struct buf *excerpt, char why[FETCH_WHY]);

void *sink_main(void *sink); /* the thread */

#endif

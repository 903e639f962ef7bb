/*
 * The outbox: rollbacks that the proxy asks PatchCtl for. A wish is a row of the ledger (kind
 * "rollback") before PatchCtl hears of it, so it survives a crash of either side; its later rows
 * say what became of it. One target, bad revision and rule make one wish, however often it is asked
 * for.
 *
 * Theory of operation
 *
 *   outbox_ask() --> writing --> due --> accepted --> ending --> gone
 *                    its row     POST    polled       its last row
 *
 * Couriers are threads that take the wish that is due next, ask PatchCtl about it and say when it
 * is due again. At the start the open wishes of the ledger are due at once. A ledger that cannot be
 * written holds nothing up: the rollback is asked for from memory, and that is loud.
 *
 * A wish that has ended can be asked for again where nothing was restored (it failed, expired, was
 * refused or bypassed) and another exchange or change has a card of it: that is its next attempt.
 * What was verified, and what a person has aborted, stays so.
 */
#ifndef PROXY_OUTBOX_H
#define PROXY_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/metrics.h"
#include "proxy/config_rollback.h"
#include "proxy/ledger.h"

struct outbox;

enum outbox_source { OUTBOX_RULE, OUTBOX_ASSERTION, OUTBOX_QUORUM, OUTBOX_SOURCE_COUNT };

extern const char *const outbox_source_names[OUTBOX_SOURCE_COUNT];
enum outbox_source outbox_source_of(struct span name); /* a rule where it is none of them */

struct outbox_wish {
	const char *target;  /* one of PatchCtl's */
	const char *bad;     /* the revision that is taken back */
	const char *rule;    /* that was broken: a rule, an assertion, "quorum" */
	const char *subject; /* an exchange's id, or a change */
	uint64_t seen_ms;    /* CLOCK_REALTIME: when the violating byte arrived; the budget runs
				from here */
	enum outbox_source source;
};

/* Any thread; never waits. Copies. */
void outbox_ask(const struct outbox_wish *wish);

/* --- the server's --- */

struct outbox_options {
	struct ledger *ledger;
	const char *ledger_path;
	struct config *config;         /* with a rollback; it takes its own reference */
	struct metrics_shard *metrics; /* nobody else's */
};

/* Reads what is open in the ledger and starts the couriers. outbox_ask() works from then on. On
 * failure -errno and one sentence in *why. */
int outbox_start(const struct outbox_options *o, struct outbox **out, struct buf *why) MUST_USE;
void outbox_configure(struct outbox *o, struct config *config); /* after a reload */
/* What PatchCtl has not heard of gets a moment more; the rest is in the ledger. NULL is fine. */
void outbox_stop(struct outbox *o);
void outbox_free(struct outbox *o); /* after the ledger is closed; NULL is fine */

void outbox_measure(struct outbox *o);                      /* sets the gauges */
void outbox_status(struct outbox *o, struct buf *out);      /* appends one JSON object */
bool outbox_bypassed(struct outbox *o, const char *target); /* now */

/* --- bypass: for a while nothing is asked for --- */

#define OUTBOX_BYPASS_MOST_MS (24u * 3600 * 1000)

/* A row of kind "bypass" is on disk: it is in force. Also done() of that row's ledger_add(). */
void outbox_bypass_written(const struct ledger_added *added, void *outbox);

#endif

/*
 * The crew: threads that work rollbacks off, one call of a driver at a time. Drivers block; no more
 * than `at_once` work, and one for each target.
 *
 * A call that may work later is made again after a pause that grows, within the rollback's
 * deadline. What is past its deadline ends as expired whatever its target does.
 *
 * A rollback keeps the configuration that it was accepted with, and its target.
 */
#ifndef PROXY_PATCHCTL_CREW_H
#define PROXY_PATCHCTL_CREW_H

#include "lib/metrics.h"
#include "proxy/patchctl_store.h"

struct crew;

/* Goes on with every rollback that is not at its end. metrics: a table of patchctl_metrics with
 * `at_once` + 1 shards for the crew. -errno, and one sentence in *why. */
int crew_open(struct config *config, struct patchctl_store *store, struct metrics *metrics,
	      struct crew **out, struct buf *why) MUST_USE;
/* Interrupts the drivers; what is open goes on when it is opened again. NULL is fine. */
void crew_close(struct crew *c);

/* patchctl_store_accept(), and what is accepted is worked on. */
int crew_accept(struct crew *c, struct config *config, struct span key, struct rollback *r,
		enum acceptance *out) MUST_USE;

/* Ends a rollback whose driver has not begun with what cannot be undone. *r is what it is then, but
 * for ABORT_UNKNOWN. */
int crew_abort(struct crew *c, struct span id, const char *by, const char *reason,
	       struct rollback *r, enum abortion *out) MUST_USE;

/* Those whose target is not there look for it in another configuration. */
void crew_renew(struct crew *c, struct config *config);

/* What a driver would do. done runs on a thread of the crew; it does not when the crew is closed
 * before. -EAGAIN: too many wait; -ENOMEM. */
struct crew_plan {
	enum driver_outcome outcome;
	const char *anchor; /* "": none could be chosen */
	struct span says;
};

int crew_plan(struct crew *c, struct config *config, const struct rollback *r,
	      void (*done)(const struct crew_plan *plan, void *owner), void *owner) MUST_USE;

#endif

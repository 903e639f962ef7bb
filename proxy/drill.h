/*
 * A drill: a bad canary is injected through the front door of a running system, and followed by its
 * own id up to the verified restore. The drill believes nothing that it has not read where it
 * counts: the card and the rollback in the ledger, the phases at PatchCtl, the restored branch at
 * the remote. It writes no metric.
 *
 * Theory of operation
 *
 *	parts up? -> canary pushed -> (clock) injected -> card -> asked -> accepted -> verified
 *	          -> read back from the remote -> canary tidied away where it still stands
 */
#ifndef PROXY_DRILL_H
#define PROXY_DRILL_H

#include <signal.h>
#include <stdbool.h>

#include "lib/fetch.h"
#include "lib/json.h"
#include "proxy/config_drill.h"
#include "proxy/drill_builder.h"
#include "proxy/drill_canary.h"
#include "proxy/ledger_row.h"

enum drill_door { DRILL_STREAM, DRILL_PAIR, DRILL_EVENT };

struct drill_kind {
	const char *name, *summary;
	enum drill_door door;
	const char *pieces[DRILL_PIECES]; /* of the first builder; "%s": a secret made for it */
	const char *others[DRILL_PIECES]; /* of the second */
	size_t violates;
	const char *metrics; /* of the event; NULL: none is sent */
	bool bad;
};

extern const struct drill_kind drill_kinds[];
extern const size_t drill_n_kinds;

struct drill {
	const struct config_drill *config;
	struct fetcher *fetcher;
	struct drill_builder *builders[2];
	struct canary_place *place;
	const volatile sig_atomic_t *interrupted; /* not 0: end soon, and leave nothing behind */
};

enum drill_mark { /* what has to happen, in this order */
		  DRILL_VIOLATED,
		  DRILL_CARD,
		  DRILL_ASKED,
		  DRILL_ACCEPTED,
		  DRILL_VERIFIED,
		  DRILL_RESTORED, /* as the drill has read it from the remote */
		  DRILL_MARKS
};

extern const char *const drill_mark_names[DRILL_MARKS];

#define DRILL_PHASES 5

extern const char
	*const drill_phase_names[DRILL_PHASES]; /* detect... as the ledger's row has them */

struct drill_run {
	const struct drill_kind *kind;
	char id[LEDGER_ID_LENGTH + 1];
	char exchange[LEDGER_ID_LENGTH + 1]; /* "": none */
	char anchor[CANARY_SHA], bad[CANARY_SHA];
	char secret[64];
	char rule[128];
	char rollback[64];           /* PatchCtl's id */
	uint64_t began_us;           /* CLOCK_REALTIME, before the injection */
	uint64_t at_us[DRILL_MARKS]; /* 0: it has not happened */
	double phases[DRILL_PHASES]; /* ms; NAN: not told */
	bool passed;
	bool could_not; /* be drilled: a part is down */
	struct buf why;
};

/* Each: false, and one sentence in run->why. */
bool drill_parts_up(struct drill *d, struct buf *why) MUST_USE;
bool drill_register(struct drill *d, struct drill_run *run) MUST_USE; /* the anchor, at PatchCtl */
bool drill_inject(struct drill *d, struct drill_run *run) MUST_USE;
/* Up to the end of the budget. */
bool drill_follow(struct drill *d, struct drill_run *run) MUST_USE;
/* That nothing is taken back, for as long as the configuration says. */
bool drill_watch(struct drill *d, struct drill_run *run) MUST_USE;

#endif

/*
 * What builders have changed: which revision of which target was made for a spec. A builder reports
 * it after its answer (POST /ledger/ID/change, a row of kind "change"), so a rule may be broken
 * before the change is known.
 *
 * Theory of operation
 *
 *   changes_condemn() --> remembered --+
 *                                      +--> outbox_ask(), once for each change of that spec
 *   rows of kind "change" -------------+
 *
 *   rows of kind "spec" --> the specs that wait for their first change --> in time, late, overdue
 *
 * The first worker follows the ledger, so that it does not matter who wrote a row, and a restart
 * finds what it must still know in the rows of the last day. All of it is bounded: where there is
 * too much the oldest goes, and the log says so.
 */
#ifndef PROXY_CHANGES_H
#define PROXY_CHANGES_H

#include "lib/base.h"
#include "proxy/ledger_store.h"
#include "proxy/outbox.h"

#define CHANGE_TARGET 64 /* bytes, with the NUL */
#define CHANGE_REVISION 129

struct change_place {
	char target[CHANGE_TARGET];
	char revision[CHANGE_REVISION];
	uint64_t time_ms; /* when it was reported; 0: with the event */
};

/* The change of a spec is to be taken back: now, or as soon as it is reported; and so are further
 * ones of that spec. wish: where it has a target, only the changes of that one; bad is not looked
 * at. Any thread; never waits; copies. */
void changes_condemn(struct span spec, const struct outbox_wish *wish);

/* The newest change of a spec: 1, 0 (none is known), -errno. */
int changes_newest(struct ledger_store *s, struct span spec, struct change_place *out) MUST_USE;

/* --- the first worker's --- */

struct worker;

int changes_begin(struct worker *w) MUST_USE; /* where there is a ledger */
void changes_turn(struct worker *w);          /* what was condemned meanwhile */
void changes_follow(struct worker *w);        /* reads what the ledger has got */
void changes_end(struct worker *w);

#endif

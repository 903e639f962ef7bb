/*
 * The outbox: rollbacks that the proxy asks PatchCtl for. A wish is a row of the ledger (kind
 * "rollback") before PatchCtl hears of it, so it survives a crash of either side; its later rows
 * say what became of it. One target, bad revision and rule make one wish, however often it is asked
 * for.
 */
#ifndef PROXY_OUTBOX_H
#define PROXY_OUTBOX_H

#include <stdint.h>

struct outbox_wish {
	const char *target;  /* one of PatchCtl's */
	const char *bad;     /* the revision that is taken back */
	const char *rule;    /* that was broken: a rule, an assertion, "quorum" */
	const char *subject; /* an exchange's id, or a change */
	uint64_t seen_ms;    /* CLOCK_REALTIME: when the violating byte arrived; the budget runs
				from here */
};

/* Any thread; never waits. Copies. */
void outbox_ask(const struct outbox_wish *wish);

#endif

/*
 * The state of a change: the worst of all events about it, as the ledger has them. A later clean
 * event does not erase an earlier violation. Read when it is asked for; what was read is kept for
 * the changes that were asked for last, so that each row is read once.
 */
#ifndef PROXY_CHANGE_STATE_H
#define PROXY_CHANGE_STATE_H

#include "policy/ruleset.h"
#include "proxy/ledger_store.h"

struct change_states; /* of one thread, with its ledger_store */

struct change_state {
	uint64_t events, violations; /* no events: the change is unknown, which is never good */
	uint64_t last_ms;            /* of the last event */
	enum severity severity;      /* the worst, where there is a violation */
};

struct change_states *change_states_new(void); /* NULL: no memory */
void change_states_free(struct change_states *c);

/* -EAGAIN: there are so many events that it takes another call; or another -errno. */
int change_state_read(struct change_states *c, struct ledger_store *s, struct span change,
		      struct change_state *out) MUST_USE;

/* Members of a JSON object, without its braces: events, severity, state, violations... */
void change_state_add(struct buf *out, const struct change_state *state);

#endif

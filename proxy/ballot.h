/*
 * A ballot: what several builders answer to one request, or to several that name one spec, on its
 * way to the quorum's verdict.
 *
 * Theory of operation
 *
 *   fan-out    the client's exchange, and a silent one for each other builder --+
 *   by spec    the exchanges of several clients, of any worker -----------------+--> quorum
 *                                                                                      |
 *   exchange_news() <-- the worker's list of voters <-- the word: admit or refuse <----+
 *
 * An exchange takes a seat, hands its pieces over as it decodes them, and says how its answer
 * ended. A ballot is shared by threads, so all of it is under its lock, and nothing is called back
 * under it: what happened is put on the list of each voter's worker, which works it off after its
 * batch.
 *
 * A ballot's home is the worker of its first voter. The home has its timer: whoever has not
 * answered by then is late. A ballot by spec stays known until then, so that a second vote of one
 * builder is noticed.
 */
#ifndef PROXY_BALLOT_H
#define PROXY_BALLOT_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/timers.h"
#include "policy/quorum.h"
#include "proxy/config.h"

#define BALLOT_SPEC_BYTES 128
#define BALLOTS_BY_SPEC 1024 /* known at once */

struct ballot;
struct card_change;
struct exchange;
struct runtime;
struct worker;

/* An exchange's seat. */
struct voter {
	struct ballot *ballot; /* NULL: none */
	struct worker *w;
	unsigned seat;
	bool on_list;
	struct voter *next, *prev; /* on the worker's list */
};

/* One worker's voters that have news; any thread may add. */
struct voters {
	pthread_mutex_t lock;
	struct voter *first;
};

int voters_init(struct voters *v) MUST_USE; /* -errno */
void voters_fini(struct voters *v);
/* exchange_news() for each, until there are none; and what is to be asked of auditors */
void voters_tell(struct worker *w);

/* All ballots by spec. */
struct ballots;
struct ballots *ballots_new(void); /* NULL: no memory */
void ballots_free(struct ballots *all);

enum ballot_join { BALLOT_JOINED, BALLOT_DUPLICATE, BALLOT_FULL, BALLOT_NO_MEMORY };

/* A new ballot with the voter in the chosen builder's seat. id: its exchange. */
enum ballot_join ballot_open(struct voter *v, struct worker *w, struct runtime *rt,
			     const struct config_quorum *q, const char *id) MUST_USE;
/* Takes another seat of a ballot that this thread has opened. */
void ballot_sit(struct voter *v, struct voter *beside, unsigned seat, const char *id);
/* Takes that seat of the spec's ballot, which the first one opens. */
enum ballot_join ballot_join(struct voter *v, struct worker *w, struct runtime *rt,
			     const struct config_quorum *q, unsigned seat, struct span spec,
			     const char *id) MUST_USE;
void voter_leave(struct voter *v); /* it must have said how its answer ended; NULL ballot is fine */

/* What its builder changes in a target of PatchCtl, as far as it is known by now. */
void voter_change(struct voter *v, const struct card_change *change, const char *target);
void voter_feed(struct voter *v, const struct wire *wire, const struct piece *p, size_t n);
/* Only the first of a voter's endings counts. */
void voter_end(struct voter *v, enum quorum_ending how);
/* Of a seat that cannot be taken. */
void voter_end_seat(struct voter *v, unsigned seat, enum quorum_ending how);

enum ballot_word {
	BALLOT_OPEN,
	BALLOT_ADMIT, /* its answer is among those that agree: what was held may leave */
	BALLOT_REFUSE
};

enum ballot_word voter_word(const struct voter *v);
bool voter_needed(const struct voter *v);        /* its answer can still say something */
const char *voter_reason(const struct voter *v); /* why it is refused; static */
const struct config_quorum *voter_quorum(const struct voter *v);
const char *voter_ballot_id(const struct voter *v);
/* The voter in that seat, of this thread; NULL: it left. */
struct voter *voter_beside(const struct voter *v, unsigned seat);

/* The worker drains: seats that nobody has taken stay empty. */
void ballots_drain(struct worker *w);
void ballots_drop(struct worker *w); /* it ends */

#endif

/*
 * Cards of an exchange: each is logged, put into the ledger and, where its rule says so, followed
 * by a wish to take the change back, as soon as it was judged and before the answer ends. Never the
 * matched text.
 *
 * What is taken back is the revision that the builder names in its answer's x-redcard-revision,
 * else the change of the request's x-redcard-spec. The header goes on to the client as it came.
 */
#ifndef PROXY_CARD_H
#define PROXY_CARD_H

#include "proxy/exchange.h"
#include "proxy/outbox.h"

#define CARD_REVISION_BYTES 127 /* as drivers take it */

/* What an exchange's builder changes, on a route with a rollback. */
struct card_change {
	char spec[BALLOT_SPEC_BYTES + 1];       /* "": none was named */
	char revision[CARD_REVISION_BYTES + 1]; /* the same */
};

/* false: no memory */
bool card_change_begin(struct exchange *x, const struct http1_head *request) MUST_USE;
void card_change_named(struct exchange *x, const struct http1_head *answer);
void card_change_seated(struct exchange *x); /* it has a seat, maybe: its ballot is told */

/* Those that were judged since the last call. */
void cards_put(struct exchange *x);

/* What becomes of a rollback of that change, for its card's row. NULL of either: there is none. */
const char *card_plan(const struct card_change *change, const char *target);
/* Appends what is taken back as an element of the list `changes` of a card's row, which is looked
 * at after a crash. Nothing where it is not known. */
void card_add_change(struct buf *out, const struct card_change *change, const char *target);
/* Asks for it. false: nobody knows what to take back, which is logged. wish: target and bad are not
 * looked at. */
bool card_ask(const struct card_change *change, const char *target, const struct outbox_wish *wish);

uint64_t card_seen_ms(const struct worker *w); /* CLOCK_REALTIME of what it handles now */

#endif

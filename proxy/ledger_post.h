/*
 * Exchanges that wait for a row of the ledger. The writer's thread marks the post and wakes the
 * worker, which owns it.
 */
#ifndef PROXY_LEDGER_POST_H
#define PROXY_LEDGER_POST_H

#include "proxy/exchange.h"
#include "proxy/ledger.h"

struct ledger_post;

/* The row goes to the ledger, and the exchange on to `then`, whose step runs when something is
 * known; or it is refused. */
enum step_next ledger_post_add(struct exchange *x, const struct ledger_row *row,
			       const struct step *then);
/* The same; written() runs first, on the writer's thread. NULL: nobody else is told. */
enum step_next ledger_post_add_with(struct exchange *x, const struct ledger_row *row,
				    const struct step *then,
				    void (*written)(const struct ledger_added *added, void *owner),
				    void *owner);
const struct ledger_added *ledger_post_answer(const struct exchange *x); /* NULL: not yet */
enum step_next ledger_post_refuse(struct exchange *x, int error);        /* answers why */

void ledger_posts_tell(struct worker *w);       /* exchanges whose row has its answer go on */
void ledger_posts_fini(struct worker *w);       /* after the ledger is closed */
void ledger_post_forget(struct ledger_post *p); /* its exchange is gone; NULL is fine */

#endif

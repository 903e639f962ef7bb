/*
 * Answers of our own: problem documents (RFC 9457) and the admin pages' bodies. They go to the
 * client's conn whole.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "lib/http1.h"
#include "proxy/client.h"

struct exchange;

/* A malformed request: answers and closes; there is no exchange. Nothing reached a builder. */
void answer_refusal(struct client *c, enum http1_refusal why);
void answer_timeout(struct client *c); /* 408 for a head that never ended */

/* For a running exchange whose answer has not begun. title: a few words; detail: one sentence. */
void answer_problem(struct exchange *x, unsigned status, const char *title, const char *detail);
/* The gate's cut: 403, not to be tried again. What could not be judged is treated like what was
 * judged badly, with a type of its own. */
void answer_cut(struct exchange *x);
void answer_unrecorded(struct exchange *x); /* the ledger cannot be written: 503 */
void answer_body(struct exchange *x, unsigned status, const char *content_type, struct span body);

#endif

/*
 * Answers of our own: problem documents (RFC 9457) and the admin pages' bodies. They go to the client's conn whole.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "lib/http1.h"
#include "proxy/client.h"

struct exchange;

/* A malformed request: answers and closes; there is no exchange. Nothing reached a builder. */
void answer_refusal(struct client *c, enum http1_refusal why);
void answer_timeout(struct client *c); /* 408 for a head that never ended */

/* For a running exchange whose answer has not begun. title: a few words; detail: one sentence. With rule (may be NULL) it
 * is a policy refusal, which clients must not retry. */
void answer_problem(struct exchange *x, unsigned status, const char *title, const char *detail, const char *rule);
void answer_body(struct exchange *x, unsigned status, const char *content_type, struct span body);

#endif

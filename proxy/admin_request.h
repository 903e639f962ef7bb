/* What requests to the admin listener that do more than read a page have in common. */
#ifndef PROXY_ADMIN_REQUEST_H
#define PROXY_ADMIN_REQUEST_H

#include "proxy/exchange.h"

/* A page in a browser can give its own name the address of this machine, and then read what is
 * here; it cannot do without a name. */
bool admin_names_address(struct span host);

/* Whether a body of JSON may come, which no page in a browser can send; else it is refused. */
bool admin_may_post(struct exchange *x, const struct http1_head *head);

enum admin_body { ADMIN_BODY_WAITS, ADMIN_BODY_WHOLE, ADMIN_BODY_REFUSED };

/* Reads the request's body into x->request_head. REFUSED: it was answered. */
enum admin_body admin_gather(struct exchange *x, size_t max, const char *too_large);

enum step_next admin_problem(struct exchange *x, unsigned status, const char *title,
			     const char *detail); /* answers; the exchange is at its end */

/* A value of a query or a part of a path: %xx is a byte, and in a query + a blank. Into room that
 * has space for it already and lives as long as *out is used. False: it is malformed, or empty. */
bool admin_decode(struct span value, struct buf *room, struct span *out);

#endif

/*
 * Backends: conns to builders, one worker's. A pool keeps the idle ones of one upstream and picks
 * the address with the fewest exchanges in flight among those that are up.
 *
 * Ownership: a backend belongs to the exchange that took it until backend_release() or
 * backend_close(); an idle one belongs to its pool. A builder that closes an idle connection takes
 * it out of the pool at once, because it is being read all the time.
 */
#ifndef PROXY_BACKEND_H
#define PROXY_BACKEND_H

#include "lib/http1.h"
#include "proxy/conn.h"
#include "proxy/metric_table.h"
#include "proxy/runtime.h"
#include "proxy/tap.h"

struct exchange;
struct pool;

struct backend {
	struct conn conn;
	struct http1 *http;
	struct pool *pool;
	struct exchange *exchange; /* NULL while idle or closing */
	size_t address;            /* index in the upstream */
	struct resolver_address addr;
	bool reused;        /* it served an exchange before */
	uint64_t sent_mark; /* conn.sent_bytes when the running exchange took it */
	struct tap_seat seat;
	struct timer idle;
	struct backend *next_idle, *prev_idle;
};

/* one reference; holds rt; NULL: no memory */
struct pool *pool_new(struct worker *w, struct runtime *rt, size_t upstream);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p); /* NULL is fine */
/* closes the idle backends, keeps no new ones, and drops a reference; NULL is fine */
void pool_retire(struct pool *p);

/* A backend for x: an idle one (already open), or a new one that is connecting. tried: bit mask of
 * address indexes not to use; the one that was chosen is added. NULL: none can be had, *why says
 * it. */
struct backend *backend_take(struct pool *p, struct exchange *x, uint32_t *tried,
			     enum upstream_error *why) MUST_USE;

/* back to the pool; the answer was complete and allows reuse */
void backend_release(struct backend *b);
void backend_close(struct backend *b); /* not reusable */
/* no byte of the running exchange was handed to the kernel */
bool backend_untouched(const struct backend *b);

struct upstream_address *backend_address(const struct backend *b);
const struct config_upstream *backend_upstream(const struct backend *b);

#endif

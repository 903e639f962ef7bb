/*
 * Names to addresses, off the ring: one background thread asks getaddrinfo() again and again and
 * publishes what it found. Readers copy the current list under a lock that is held for a copy only,
 * whenever they pick an address; nobody is called back. A lookup that fails leaves the last good
 * list in place.
 *
 * IP literals are resolved by resolver_add() itself and never again.
 */
#ifndef LIB_RESOLVER_H
#define LIB_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base.h"

#define RESOLVER_ADDRESSES_MAX 16

struct resolver_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t n; /* bytes of the member that counts */
};

enum resolver_state {
	RESOLVER_NEVER,  /* no answer yet, good or bad */
	RESOLVER_GOOD,   /* the last lookup found addresses */
	RESOLVER_FAILED, /* the last lookup failed; an older list may be there */
	RESOLVER_STATE_COUNT
};

extern const char *const resolver_state_names[RESOLVER_STATE_COUNT];

struct resolver;      /* the thread and its names */
struct resolver_name; /* one host and port; lives as long as its resolver */

/* How a host is looked up: 0 and *n addresses (at most max), or an error code of getaddrinfo().
 * Called on the background thread only. Tests bring their own. */
struct resolver_source {
	int (*lookup)(const char *host, uint16_t port, struct resolver_address *out, size_t max,
		      size_t *n);
};

/* Every name is looked up again after resolve_ms, sooner when that failed. source NULL is
 * getaddrinfo(); otherwise it must stay. -ENOMEM, or why the thread cannot start. */
int resolver_new(uint32_t resolve_ms, const struct resolver_source *source,
		 struct resolver **out) MUST_USE;

/* Stops. Does not wait for a lookup that hangs: the thread cleans up when it returns. NULL is
 * fine. */
void resolver_free(struct resolver *r);

/* Adds a name and wakes the thread; the host is copied, "[::1]" is an IPv6 literal. The same
 * host and port give the same name. NULL: no memory. */
struct resolver_name *resolver_add(struct resolver *r, const char *host, uint16_t port);

/* Waits until the name was looked up once, well or not. 0, or -ETIMEDOUT. */
int resolver_wait(struct resolver_name *name, uint32_t timeout_ms) MUST_USE;

/* Copies the current list, best first; returns how many. 0: none is known. Any thread. */
size_t resolver_addresses(struct resolver_name *name, struct resolver_address *out, size_t max);

/* How the last lookup went. *error is a constant text ("Name or service not known"), "" unless
 * it failed. */
enum resolver_state resolver_status(struct resolver_name *name, const char **error);

#endif

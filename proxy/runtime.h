/*
 * A runtime: one loaded configuration with the state of its upstreams, shared by all workers. A
 * reload makes a new one; exchanges keep the one they began with, and the last reference frees it.
 */
#ifndef PROXY_RUNTIME_H
#define PROXY_RUNTIME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/resolver.h"
#include "proxy/config.h"
#include "proxy/spending.h"

struct upstream_address {
	const struct config_address *config;
	struct resolver_name *name;     /* the resolver's */
	_Atomic uint32_t outstanding;   /* exchanges in flight, all workers */
	_Atomic uint32_t failures;      /* in a row (passive) */
	_Atomic uint64_t down_until_ms; /* CLOCK_MONOTONIC; passive */
	_Atomic int active;             /* enum active_health */
	_Atomic bool worked; /* an exchange got an answer since the last failure (passive) */
	_Atomic bool out;    /* failures took it out, and no answer came since */
};

enum active_health { ACTIVE_UNKNOWN, ACTIVE_UP, ACTIVE_DOWN };

struct upstream {
	const struct config_upstream *config;
	struct upstream_address *addresses;
	size_t n;
	struct spent *spent; /* the server's; NULL: no daily limit */
};

struct runtime {
	_Atomic unsigned refs;
	struct config *config;
	struct upstream *upstreams; /* in the configuration's order */
};

/* Takes over the reference to config, also on failure and keeps the resolver's names. -ENOMEM. */
int runtime_new(struct resolver *resolver, struct config *config, struct runtime **out) MUST_USE;
/* Gives each builder with a daily limit its place in the spending, which may be NULL where none has
 * one. -ENOMEM. */
int runtime_spend(struct runtime *rt, struct spending *spending) MUST_USE;
struct runtime *runtime_ref(struct runtime *rt);
void runtime_unref(struct runtime *rt); /* NULL is fine */

/* TLS for a connection to that address, or NULL: no memory. Only where the upstream has TLS. */
struct tls *upstream_tls(const struct config_upstream *u, const struct config_address *a);

bool upstream_address_up(const struct upstream_address *a, uint64_t now_ms);
/* The passive side: what an exchange saw of an address. */
void upstream_address_failed(struct upstream_address *a, const struct config_upstream *u,
			     uint64_t now_ms);
void upstream_address_worked(struct upstream_address *a);

#endif

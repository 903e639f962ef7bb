/*
 * A worker: one thread, one ring, its listeners, its conns and its pools. Nothing here is shared
 * with another worker but the runtime (configuration and upstream state), the metrics and the log.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/metrics.h"
#include "lib/ring.h"
#include "lib/timers.h"
#include "proxy/ballot.h"
#include "proxy/conn.h"
#include "proxy/gate.h"
#include "proxy/ledger.h"
#include "proxy/runtime.h"

struct pool;
struct client;
struct health;

struct listener {
	struct op accept;
	struct timer again; /* accepting goes on after a failure */
	struct worker *w;
	int fd;
	const struct config_listener *config;
	bool admin;
	bool accepting;
};

struct worker {
	struct ring *ring;
	struct timers timers;
	uint64_t now_ms; /* CLOCK_MONOTONIC, as of the current batch */
	unsigned index;
	struct chunk_stock chunks;
	struct conn *dying, *to_flush;
	struct gate_scratch gate;
	struct client *ready;     /* clients with input that nobody parsed yet */
	struct buf plain, cipher; /* scratch for TLS */
	struct buf inflated;      /* scratch for decompressed bodies */

	struct runtime *runtime; /* what new exchanges use */
	struct pool **pools;     /* one per upstream of that runtime */
	size_t n_pools;
	struct health *health; /* active checks; the first worker has them */

	struct listener *listeners;
	size_t n_listeners;
	struct client *clients; /* all of them, linked */
	unsigned n_clients, n_admin_clients, n_silent_clients, n_exchanges, n_backends, n_audits;
	bool draining;
	struct timer drain;
	struct voters voters;          /* exchanges with news of their ballots */
	struct ballot *ballots;        /* those at home here, */
	_Atomic bool asks_due;         /* one of which has something to ask */
	struct ledger_post *posts;     /* exchanges that wait for a row of the ledger, */
	struct patchctl_plan *plans;   /* or for a driver's plan */
	struct changes_watch *changes; /* the first worker's, where there is a ledger */

	struct tap_session *tap; /* the replayer that it copies for; NULL: none */
	size_t tap_held;         /* bytes of answers that its copies hold */

	struct metrics_shard *metrics;
	struct metrics *all_metrics;
	uint64_t random[2];   /* state of the id generator */
	uint64_t log_dropped; /* as last added to the metric, like these */
	struct ledger_counts ledger;

	struct op wake; /* reads the eventfd below */
	int wake_fd;
	uint64_t wake_count;
	struct server *server;
	pthread_t thread;
	_Atomic bool stopped;
};

/* What can fail early; the ring is opened by the thread that uses it. -errno; worker_fini() is owed
 * in any case. */
int worker_init(struct worker *w, struct server *server, unsigned index) MUST_USE;
/* Opens the listening sockets, the first worker also that of the admin listener. -errno, and one
 * line in *errors. */
int worker_listen(struct worker *w, bool for_clients, struct buf *errors) MUST_USE;
void worker_fini(struct worker *w); /* after its thread has ended */

void *worker_main(void *worker); /* the thread: runs until it has drained */
/* What it consists of, for a verb that does something between the turns. -errno; worker_end() is
 * owed in any case. */
int worker_begin(struct worker *w) MUST_USE;
void worker_turn(struct worker *w); /* waits for what happens next, and handles it */
void worker_end(struct worker *w);

void worker_wake(struct worker *w); /* from any thread: look at the server's state again */

/* For conns. */
void worker_flush_later(struct worker *w, struct conn *c);
void worker_bury_later(struct worker *w, struct conn *c);

/* A client left: accepting goes on if it had stopped at the limit. */
void worker_client_gone(struct worker *w);
unsigned worker_connections(const struct worker *w); /* clients that count for the limit */
void worker_exchange_begins(struct worker *w);
void worker_exchange_ends(struct worker *w);

void worker_new_id(struct worker *w, char *id); /* see exchange_id.h */

/* The pool of that upstream, with a reference for the caller. NULL: no memory. */
struct pool *worker_pool(struct worker *w, const struct runtime *runtime, size_t upstream);

#endif

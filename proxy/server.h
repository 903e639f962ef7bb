/*
 * The server: the workers and what they share. The main thread owns it, handles signals and
 * reloads; workers read it when they are woken.
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/metrics.h"
#include "lib/resolver.h"
#include "proxy/ledger.h"
#include "proxy/runtime.h"
#include "proxy/worker.h"

struct server {
	struct runtime *first;   /* owns the listeners' configuration; kept for the server's life */
	struct runtime *current; /* under the mutex; workers take their own reference */
	pthread_mutex_t mutex;
	struct resolver *resolver;
	struct ballots *ballots;            /* by spec */
	struct spending *spending;          /* NULL: no state_dir when it started */
	struct ledger *ledger;              /* NULL: none is configured */
	struct ledger_store *ledger_reader; /* for the first worker's pages */
	struct outbox *outbox;              /* NULL: nobody is asked for rollbacks */
	struct sinks *sinks;                /* NULL: no ledger */
	struct tap *tap;                    /* NULL: nothing is mirrored */
	struct change_states *states;       /* the same; NULL until one is asked for */
	struct nonces *nonces;              /* of the webhook; NULL until it is used */
	struct patchctl *patchctl;          /* what the admin listener serves instead; or NULL */
	struct shadow *shadow;              /* the replayer, as patchctl; or NULL */
	struct audit_desk *desk;            /* NULL: nobody can be asked */
	struct metrics *metrics;
	struct worker *workers;
	unsigned n_workers;
	unsigned threads; /* of workers: started, and not yet waited for */
	_Atomic bool draining;
	_Atomic unsigned running; /* workers whose loop runs */
	_Atomic int start_error;  /* -errno of a worker that could not start */
	_Atomic uint64_t reloads, reloads_refused;
	uint64_t started; /* seconds since 1970 */
	bool said;        /* why it cannot start */
};

/* Opens what workers share, but no worker. Takes over the reference to config. On failure -errno;
 * server_fini() is owed in any case. s->said: it was said why. */
int server_init(struct server *s, struct config *config) MUST_USE;
/* Once the log is open, since it goes on with what an earlier process has begun. On failure -errno,
 * and the reason is printed. */
int server_open_outbox(struct server *s) MUST_USE;
/* The same, for the mirror. */
int server_open_tap(struct server *s) MUST_USE;
void server_fini(struct server *s); /* no worker runs any more */

/* The threads of all workers. On failure -errno: the reason is printed as that verb's, and none of
 * them runs any more. */
int server_start(struct server *s, const char *verb) MUST_USE;
/* Lets those that run drain, and waits for their ends. */
void server_stop(struct server *s);
void server_wake(struct server *s);                     /* all workers */
struct metrics_shard *server_metrics(struct server *s); /* the main thread's */

/* a new reference to the current one; any thread */
struct runtime *server_runtime(struct server *s);

#endif

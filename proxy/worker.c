#include "proxy/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/backend.h"
#include "proxy/changes.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/health.h"
#include "proxy/ledger_post.h"
#include "proxy/metric_table.h"
#include "proxy/patchctl_pages.h"
#include "proxy/server.h"

#define RING_ENTRIES 1024
#define SMALL_READ 4096
#define FILES_MAX 65536
#define BACKLOG 4096
#define ADMIN_CLIENTS_MAX 512 /* more are turned away at once */
#define ACCEPT_AGAIN_MS 200   /* after an accept that failed for want of descriptors or memory */

/* --- lists that are worked off after each batch --- */

void worker_flush_later(struct worker *w, struct conn *c)
{
	if (c->flushing)
		return;
	c->flushing = true;
	c->next_flush = w->to_flush;
	w->to_flush = c;
}

void worker_bury_later(struct worker *w, struct conn *c)
{
	if (c->dying)
		return;
	c->dying = true;
	c->next_dying = w->dying;
	w->dying = c;
}

static void pump_ready(struct worker *w)
{
	while (w->ready) {
		struct client *c = w->ready;
		w->ready = c->next_ready;
		c->ready = false;
		client_pump(c);
	}
}

static void flush_all(struct worker *w)
{
	while (w->to_flush) {
		struct conn *c = w->to_flush;
		w->to_flush = c->next_flush;
		c->flushing = false;
		conn_flush(c);
	}
}

/* A conn whose ops still run comes back to the list with their completions. */
static void bury_dead(struct worker *w)
{
	while (w->dying) {
		struct conn *c = w->dying;
		w->dying = c->next_dying;
		c->dying = false;
		if (conn_idle(c))
			conn_bury(c);
	}
}

/* --- accepting --- */

unsigned worker_connections(const struct worker *w)
{
	return w->n_clients - w->n_admin_clients - w->n_silent_clients;
}

static bool full(const struct worker *w)
{
	return worker_connections(w) >= w->runtime->config->limits.connections;
}

static void resume_accepting(struct worker *w)
{
	for (size_t i = 0; i < w->n_listeners; i++) {
		struct listener *l = &w->listeners[i];
		if (l->fd < 0 || l->accept.pending || (!l->admin && (w->draining || full(w))))
			continue;
		ring_accept(w->ring, &l->accept, l->fd);
	}
}

static void accept_again(struct timer *t)
{
	resume_accepting(CONTAINER_OF(t, struct listener, again)->w);
}

static void on_accept(struct op *op, int result, unsigned flags)
{
	struct listener *l = CONTAINER_OF(op, struct listener, accept);
	struct worker *w = l->w;
	if (result >= 0 && l->admin && w->n_admin_clients >= ADMIN_CLIENTS_MAX) {
		close(result);
	} else if (result >= 0) {
		if (!l->admin)
			metric_add(w->metrics, METRIC_CONNECTIONS, SIDE_CLIENT, 1);
		client_accept(l, result);
		if (!l->admin && full(w))
			ring_cancel(
				w->ring,
				&l->accept); /* waiting connections stay in the kernel's queue */
		metric_set(w->metrics, METRIC_CONNECTIONS_OPEN, SIDE_CLIENT, worker_connections(w));
	} else if (result != -ECANCELED && result != -ECONNABORTED) {
		log_message(LOG_WARNING, "accept", "%s: %s", l->config->address, strerror(-result));
		timer_set(&w->timers, &l->again, w->now_ms + ACCEPT_AGAIN_MS);
		return; /* at once it would fail again */
	}
	if (!(flags & RING_MORE))
		resume_accepting(w);
}

void worker_client_gone(struct worker *w)
{
	metric_set(w->metrics, METRIC_CONNECTIONS_OPEN, SIDE_CLIENT, worker_connections(w));
	if (!w->draining)
		resume_accepting(w);
}

void worker_exchange_begins(struct worker *w)
{
	w->n_exchanges++;
	metric_set(w->metrics, METRIC_STREAMS_OPEN, 0, w->n_exchanges);
}

void worker_exchange_ends(struct worker *w)
{
	w->n_exchanges--;
	metric_set(w->metrics, METRIC_STREAMS_OPEN, 0, w->n_exchanges);
}

static int open_socket(const struct config_listener *config, bool shared, struct buf *errors)
{
	int on = 1;
	const char *path = "listen";
	int fd = socket(config->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto fail;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		goto fail;
	if (config->addr.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&config->addr, config->addr_len) != 0 ||
	    listen(fd, BACKLOG) != 0)
		goto fail;
	return fd;
fail:;
	int error = errno;
	if (fd >= 0)
		close(fd);
	buf_printf(errors, "%u: cannot %s on %s: %s; %s\n", config->line, path, config->address,
		   strerror(error),
		   error == EADDRINUSE ? "stop what uses it, or choose another port"
				       : "choose another address");
	return -error;
}

/* Sockets that share a port do not notice a stranger who shares it too, so the port is first asked
 * for alone. A process that was killed a moment ago may still have it: the kernel takes its ring
 * apart later than it tells of its death. */
static int probe_socket(const struct config_listener *config, struct buf *errors)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	size_t said = errors->n;
	for (int tries = 10;; tries--) {
		int fd = open_socket(config, false, errors);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (fd != -EADDRINUSE || tries == 0)
			return fd;
		errors->n = said;
		nanosleep(&pause, NULL);
	}
}

static int open_listener(struct worker *w, const struct config_listener *config, bool admin,
			 struct buf *errors)
{
	int error = w->index == 0 ? probe_socket(config, errors) : 0;
	int fd = error ? error : open_socket(config, true, errors);
	if (fd < 0)
		return fd;
	struct listener *l = &w->listeners[w->n_listeners++];
	*l = (struct listener){
		.accept.done = on_accept,
		.again.fire = accept_again,
		.w = w,
		.fd = fd,
		.config = config,
		.admin = admin,
	};
	return 0;
}

static void close_listeners(struct worker *w, bool also_admin)
{
	for (size_t i = 0; i < w->n_listeners; i++) {
		struct listener *l = &w->listeners[i];
		if (l->fd < 0 || (l->admin && !also_admin))
			continue;
		ring_cancel(w->ring, &l->accept);
		close(l->fd);
		l->fd = -1;
	}
}

/* --- the runtime --- */

struct pool *worker_pool(struct worker *w, const struct runtime *runtime, size_t upstream)
{
	if (runtime == w->runtime)
		return pool_ref(w->pools[upstream]);
	/* An exchange that began before a reload: it gets a pool of its own, which goes with its
	 * backend. */
	struct runtime *old = NULL;
	memcpy(&old, &runtime, sizeof(old));
	struct pool *p = pool_new(w, old, upstream);
	if (p)
		pool_retire(pool_ref(p)); /* or its idle backends would outlive the worker */
	return p;
}

static void retire_pools(struct worker *w)
{
	for (size_t i = 0; i < w->n_pools; i++)
		pool_retire(w->pools[i]);
	free(w->pools);
	w->pools = NULL;
	w->n_pools = 0;
}

/* Takes over the reference. On failure the worker stays with what it has. */
static int adopt(struct worker *w, struct runtime *rt)
{
	size_t n = rt->config->n_upstreams;
	struct pool **pools = calloc(n + 1, sizeof(struct pool *));
	size_t made = 0;
	if (!pools || judge_scratch_grow(w->gate.judge, rt->config->ruleset) != 0)
		goto fail;
	for (; made < n; made++) {
		pools[made] = pool_new(w, rt, made);
		if (!pools[made])
			goto fail;
	}
	retire_pools(w);
	runtime_unref(w->runtime);
	w->runtime = rt;
	w->pools = pools;
	w->n_pools = n;
	if (w->index == 0)
		health_restart(w);
	return 0;
fail:
	while (made > 0)
		pool_retire(pools[--made]);
	free(pools);
	runtime_unref(rt);
	return -ENOMEM;
}

/* --- waking and draining --- */

static void drain_is_over(struct timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, drain);
	for (struct client *c = w->clients; c;) {
		struct client *next = c->next;
		if (c->exchange)
			exchange_drain(c->exchange);
		conn_close(&c->conn);
		c = next;
	}
}

static void begin_drain(struct worker *w)
{
	w->draining = true;
	close_listeners(w, false);
	health_stop(w);
	for (struct client *c = w->clients; c; c = c->next)
		client_drain(c);
	ballots_drain(w);
	timer_set(&w->timers, &w->drain, w->now_ms + w->runtime->config->timeouts.drain + 1);
}

static void look_at_server(struct worker *w)
{
	struct server *s = w->server;
	struct runtime *rt = server_runtime(s);
	if (rt == w->runtime)
		runtime_unref(rt);
	else if (adopt(w, rt) != 0)
		log_message(LOG_ERROR, "reload",
			    "worker %u is out of memory and keeps the old configuration", w->index);
	else
		resume_accepting(w); /* the limit of connections may have been raised */
	if (atomic_load(&s->draining) && !w->draining)
		begin_drain(w);
}

static void on_wake(struct op *op, int result, unsigned flags)
{
	struct worker *w = CONTAINER_OF(op, struct worker, wake);
	(void)flags;
	if (result == -ECANCELED)
		return;
	look_at_server(w);
	ring_read(w->ring, &w->wake, w->wake_fd, &w->wake_count, sizeof(w->wake_count));
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake_fd, &one, sizeof(one));
	CHECK(n == sizeof(one) || errno == EAGAIN);
}

/* --- life --- */

int worker_init(struct worker *w, struct server *server, unsigned index)
{
	*w = (struct worker){
		.index = index,
		.server = server,
		.metrics = metrics_shard(server->metrics, index),
		.all_metrics = server->metrics,
		.wake.done = on_wake,
		.drain.fire = drain_is_over,
		.wake_fd = eventfd(0, EFD_CLOEXEC),
	};
	if (w->wake_fd < 0)
		return -errno;
	if (getrandom(w->random, sizeof(w->random), 0) != sizeof(w->random))
		return -errno;
	return 0;
}

int worker_listen(struct worker *w, bool for_clients, struct buf *errors)
{
	const struct config *config = w->server->first->config;
	w->listeners = calloc(config->n_listeners + 1, sizeof(*w->listeners));
	if (!w->listeners || voters_init(&w->voters) != 0)
		return -ENOMEM;
	for (size_t i = 0; for_clients && i < config->n_listeners; i++) {
		int error = open_listener(w, &config->listeners[i], false, errors);
		if (error)
			return error;
	}
	return w->index == 0 && config->admin.addr_len
		       ? open_listener(w, &config->admin, true, errors)
		       : 0;
}

void worker_fini(struct worker *w)
{
	if (!w->server)
		return;
	for (size_t i = 0; i < w->n_listeners; i++)
		if (w->listeners[i].fd >= 0)
			close(w->listeners[i].fd);
	free(w->listeners);
	voters_fini(&w->voters);
	tap_session_drop(w->tap);
	ledger_posts_fini(w);
	patchctl_plans_fini(w);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
}

void worker_turn(struct worker *w)
{
	uint64_t due = timers_next(&w->timers);
	uint64_t least = w->now_ms + 60000; /* look at least once a minute */
	int error = ring_wait(w->ring, min_u64(due, least) * 1000000);
	CHECK(error == 0);
	w->now_ms = clock_ms();
	(void)ring_dispatch(w->ring);
	timers_run(&w->timers, w->now_ms);
	pump_ready(w);
	voters_tell(w);
	ledger_posts_tell(w);
	changes_turn(w);
	patchctl_plans_tell(w);
	flush_all(w);
	bury_dead(w);
}

int worker_begin(struct worker *w)
{
	struct ring_options options = {
		.entries = RING_ENTRIES,
		.buffers = { [RING_SMALL] = 512, [RING_LARGE] = 8 },
		.buffer_bytes = { [RING_SMALL] = SMALL_READ, [RING_LARGE] = 65536 },
	};
	struct rlimit files = { 0 };
	struct runtime *rt = server_runtime(w->server);
	w->now_ms = clock_ms();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		options.files = (unsigned)min_u64(files.rlim_cur, FILES_MAX);
	int error = ring_open(&options, &w->ring);
	if (!error)
		error = gate_scratch_init(&w->gate, rt->config->ruleset);
	if (error) {
		runtime_unref(rt);
		return error;
	}
	error = adopt(w, rt);
	if (error)
		return error;
	ring_read(w->ring, &w->wake, w->wake_fd, &w->wake_count, sizeof(w->wake_count));
	resume_accepting(w);
	return changes_begin(w);
}

void worker_end(struct worker *w)
{
	if (w->ring) {
		close_listeners(w, true);
		health_stop(w);
		for (struct client *c = w->clients; c; c = c->next)
			conn_close(&c->conn);
		retire_pools(w);
		ballots_drop(w);
		ring_cancel(w->ring, &w->wake);
		for (int i = 0; i < 1000 && (w->n_clients || w->n_backends || w->wake.pending);
		     i++) {
			timer_set(&w->timers, &w->drain, w->now_ms + 10);
			worker_turn(w);
		}
	}
	changes_end(w);
	timer_remove(&w->timers, &w->drain);
	timers_fini(&w->timers);
	runtime_unref(w->runtime);
	gate_scratch_fini(&w->gate);
	chunk_stock_fini(&w->chunks);
	buf_fini(&w->plain);
	buf_fini(&w->cipher);
	buf_fini(&w->inflated);
	ring_close(w->ring);
}

void *worker_main(void *worker)
{
	struct worker *w = worker;
	int error = worker_begin(w);
	if (error)
		atomic_store(&w->server->start_error, error);
	atomic_fetch_add(&w->server->running, 1);
	while (!error && !(w->draining && w->n_clients == w->n_admin_clients))
		worker_turn(w);
	worker_end(w);
	return NULL;
}

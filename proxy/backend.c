#include "proxy/backend.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

struct pool {
	struct worker *w;
	struct runtime *rt;
	struct upstream *upstream;
	struct backend *idle; /* most recently used first */
	unsigned n_idle;
	unsigned refs; /* the worker's, and one for each backend */
	bool retired;
	size_t turn; /* where equal addresses are tried next */
	uint64_t tls_quiet_until_ms;
};

#define TLS_QUIET_MS 10000 /* a pool's failures of TLS are explained once in this time */

struct pool *pool_new(struct worker *w, struct runtime *rt, size_t upstream)
{
	struct pool *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->w = w;
	p->rt = runtime_ref(rt);
	p->upstream = &rt->upstreams[upstream];
	p->refs = 1;
	return p;
}

struct pool *pool_ref(struct pool *p)
{
	p->refs++;
	return p;
}

void pool_unref(struct pool *p)
{
	if (!p || --p->refs)
		return;
	runtime_unref(p->rt);
	free(p);
}

void pool_retire(struct pool *p)
{
	if (!p)
		return;
	p->retired = true;
	while (p->idle)
		backend_close(p->idle);
	pool_unref(p);
}

struct upstream_address *backend_address(const struct backend *b)
{
	return &b->pool->upstream->addresses[b->address];
}

const struct config_upstream *backend_upstream(const struct backend *b)
{
	return b->pool->upstream->config;
}

bool backend_untouched(const struct backend *b)
{
	return b->conn.sent_bytes == b->sent_mark && !b->conn.send.pending;
}

/* --- idle list --- */

static void unlink_idle(struct backend *b)
{
	struct pool *p = b->pool;
	if (b->prev_idle)
		b->prev_idle->next_idle = b->next_idle;
	else if (p->idle == b)
		p->idle = b->next_idle;
	else
		return;
	if (b->next_idle)
		b->next_idle->prev_idle = b->prev_idle;
	b->next_idle = b->prev_idle = NULL;
	p->n_idle--;
}

static void link_idle(struct backend *b)
{
	struct pool *p = b->pool;
	b->prev_idle = NULL;
	b->next_idle = p->idle;
	if (p->idle)
		p->idle->prev_idle = b;
	p->idle = b;
	p->n_idle++;
}

static void idle_too_long(struct timer *t)
{
	struct backend *b = CONTAINER_OF(t, struct backend, idle);
	if (!b->exchange)
		backend_close(b);
}

static void leave_exchange(struct backend *b)
{
	if (!b->exchange)
		return;
	atomic_fetch_sub(&backend_address(b)->outstanding, 1);
	b->exchange = NULL;
}

void backend_close(struct backend *b)
{
	unlink_idle(b);
	leave_exchange(b);
	conn_close(&b->conn);
}

void backend_release(struct backend *b)
{
	struct pool *p = b->pool;
	const struct config_upstream *u = p->upstream->config;
	bool keep = !b->conn.eof && !conn_closing(&b->conn) && conn_input(&b->conn).n == 0 &&
		    conn_queued(&b->conn) == 0 && p->n_idle < u->idle_max && !p->retired &&
		    !p->w->draining;
	if (!keep) {
		backend_close(b);
		return;
	}
	leave_exchange(b);
	http1_next(b->http);
	b->reused = true;
	link_idle(b);
	conn_read(&b->conn);
	timer_set(&p->w->timers, &b->idle, p->w->now_ms + u->idle_ms);
}

/* --- what the conn reports --- */

static void on_opened(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (b->exchange)
		exchange_backend_opened(b->exchange);
}

static void on_input(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (b->exchange)
		exchange_advance(b->exchange);
	else
		backend_close(b); /* an answer that nobody asked for */
}

static void on_eof(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (b->exchange)
		exchange_backend_lost(b->exchange, UPSTREAM_RESET);
	else
		backend_close(b);
}

static void on_sent(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (b->exchange)
		exchange_advance(b->exchange);
}

/* Says why, which a count of failures cannot; not oftener than people read. */
static void log_tls_failure(struct backend *b)
{
	struct pool *p = b->pool;
	const struct config_address *a = backend_address(b)->config;
	if (p->tls_quiet_until_ms > p->w->now_ms)
		return;
	p->tls_quiet_until_ms = p->w->now_ms + TLS_QUIET_MS;
	log_message(LOG_WARNING, "builder_tls", "builder %s: %s:%u: %s", p->upstream->config->name,
		    a->host, a->port, tls_error(b->conn.tls));
}

static void on_failed(struct conn *c, int error)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (error == -EPROTO && c->tls)
		log_tls_failure(b);
	enum upstream_error why = error == -EPROTO ? UPSTREAM_TLS : UPSTREAM_RESET;
	/* A send failed. A builder may answer and close before it has the whole request: what it
	 * said is still to be read, and the reading ends by itself. */
	if (b->exchange && c->state == CONN_OPEN && c->recv.pending && error != -EPROTO)
		return;
	if (c->state == CONN_OPENING && error != -EPROTO)
		why = UPSTREAM_CONNECT;
	if (b->exchange)
		exchange_backend_lost(b->exchange, why);
	else
		backend_close(b);
}

static void on_closed(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	struct pool *p = b->pool;
	timer_remove(&p->w->timers, &b->idle);
	tap_seat_leave(p->w, &b->seat);
	http1_free(b->http);
	free(b);
	p->w->n_backends--;
	pool_unref(p);
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.input = on_input,
	.eof = on_eof,
	.sent = on_sent,
	.failed = on_failed,
	.closed = on_closed,
};

/* --- choosing --- */

/* Fewest exchanges in flight among the addresses that are up; when all are down, among all: trying
 * is better than refusing. -1: none left. */
static int pick_address(struct pool *p, uint32_t tried)
{
	struct upstream *u = p->upstream;
	int best = -1;
	bool best_up = false;
	uint32_t best_load = 0;
	p->turn++;
	for (size_t i = 0; i < u->n; i++) {
		size_t at = (i + p->turn) % u->n;
		if (tried & 1u << at)
			continue;
		struct upstream_address *a = &u->addresses[at];
		bool up = upstream_address_up(a, p->w->now_ms);
		uint32_t load = atomic_load_explicit(&a->outstanding, memory_order_relaxed);
		if (best >= 0 && (best_up > up || (best_up == up && best_load <= load)))
			continue;
		best = (int)at;
		best_up = up;
		best_load = load;
	}
	return best;
}

/* The builder's goodbye may have arrived while its completion waits behind the one at work; asking
 * costs a system call and saves a request that could not be sent again. */
static bool is_stale(const struct backend *b)
{
	char byte;
	ssize_t n = recv(b->conn.file.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static struct backend *find_idle(struct pool *p, size_t address)
{
	struct backend *next;
	for (struct backend *b = p->idle; b; b = next) {
		next = b->next_idle;
		if (b->address != address)
			continue;
		if (!is_stale(b))
			return b;
		backend_close(b);
	}
	return NULL;
}

static struct backend *connect_new(struct pool *p, size_t address, enum upstream_error *why)
{
	const struct config_limits *limits = &p->rt->config->limits;
	const struct http1_limits head = { .head_bytes = limits->head_bytes,
					   .headers = limits->headers };
	struct resolver_address all[RESOLVER_ADDRESSES_MAX];
	size_t n = resolver_addresses(p->upstream->addresses[address].name, all, ARRAY_LEN(all));
	*why = n ? UPSTREAM_CONNECT : UPSTREAM_UNRESOLVED;
	struct backend *b = n ? calloc(1, sizeof(*b)) : NULL;
	struct tls *tls = NULL;
	if (!b)
		return NULL;
	b->pool = p;
	b->address = address;
	b->addr = all[p->turn % n];
	b->idle.fire = idle_too_long;
	b->http = http1_new(HTTP1_RESPONSE, &head);
	if (!b->http)
		goto fail;
	if (p->upstream->config->tls_context) {
		tls = upstream_tls(p->upstream->config, p->upstream->addresses[address].config);
		if (!tls)
			goto fail;
	}
	if (conn_connect(&b->conn, p->w, &b->addr.any, b->addr.n, tls, &handler) != 0)
		goto fail;
	if (!tls)
		tap_seat_take(p->w, &b->seat, b->conn.file.fd);
	p->refs++;
	p->w->n_backends++;
	metric_add(p->w->metrics, METRIC_CONNECTIONS, SIDE_UPSTREAM, 1);
	return b;
fail:
	tls_free(tls);
	http1_free(b->http);
	free(b);
	return NULL;
}

struct backend *backend_take(struct pool *p, struct exchange *x, uint32_t *tried,
			     enum upstream_error *why)
{
	struct backend *b = NULL;
	*why = UPSTREAM_NO_ADDRESS;
	while (!b) {
		int at = pick_address(p, *tried);
		if (at < 0)
			return NULL;
		*tried |= 1u << at;
		b = find_idle(p, (size_t)at);
		if (b) {
			unlink_idle(b);
			timer_clear(&b->idle);
		} else {
			b = connect_new(p, (size_t)at, why);
		}
	}
	b->exchange = x;
	b->sent_mark = b->conn.sent_bytes;
	atomic_fetch_add(&backend_address(b)->outstanding, 1);
	return b;
}

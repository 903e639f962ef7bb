#include "proxy/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/exchange.h"
#include "proxy/worker.h"

const char *const backend_failure_names[BACKEND_FAILURE_COUNT] = {
	[BACKEND_OK] = "ok",           [BACKEND_NO_ADDRESS] = "no_address", [BACKEND_CONNECT] = "connect",
	[BACKEND_TLS] = "tls",         [BACKEND_TIMEOUT] = "timeout",       [BACKEND_RESET] = "reset",
	[BACKEND_PROTOCOL] = "protocol",
};

struct pool {
	struct worker *w;
	struct runtime *rt;
	struct upstream *upstream;
	struct backend *idle; /* most recently used first */
	unsigned n_idle;
	unsigned refs;        /* the worker's, and one for each backend */
	size_t turn;          /* where equal addresses are tried next */
};

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

static void put_pool(struct pool *p)
{
	if (--p->refs)
		return;
	runtime_unref(p->rt);
	free(p);
}

void pool_unref(struct pool *p)
{
	if (!p)
		return;
	while (p->idle)
		backend_close(p->idle);
	put_pool(p);
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
	bool keep = !b->conn.eof && !conn_closing(&b->conn) && conn_input(&b->conn).n == 0 && conn_queued(&b->conn) == 0 &&
		    p->n_idle < u->idle_max && p->refs > 1 && p->rt == p->w->runtime && !p->w->draining;
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
		exchange_backend_lost(b->exchange, BACKEND_RESET);
	else
		backend_close(b);
}

static void on_sent(struct conn *c)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	if (b->exchange)
		exchange_advance(b->exchange);
}

static void on_failed(struct conn *c, int error)
{
	struct backend *b = CONTAINER_OF(c, struct backend, conn);
	enum backend_failure why = error == -EPROTO ? BACKEND_TLS : BACKEND_RESET;
	if (c->state == CONN_OPENING && error != -EPROTO)
		why = BACKEND_CONNECT;
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
	http1_free(b->http);
	free(b);
	put_pool(p);
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

/* Fewest exchanges in flight among the addresses that are up; when all are down, among all: trying is better than
 * refusing. -1: none left. */
static int pick_address(struct pool *p, uint32_t tried)
{
	struct upstream *u = p->upstream;
	int best = -1;
	bool best_up = false;
	uint32_t best_load = 0;
	p->turn++;
	for (size_t i = 0; i < u->n; i++) {
		size_t at = (i + p->turn) % u->n;
		if (at < 32 && tried & 1u << at)
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

static struct backend *find_idle(struct pool *p, size_t address)
{
	for (struct backend *b = p->idle; b; b = b->next_idle)
		if (b->address == address)
			return b;
	return NULL;
}

static enum backend_failure connect_new(struct pool *p, size_t address, struct backend **out)
{
	const struct config_upstream *u = p->upstream->config;
	const struct http1_limits limits = { p->rt->config->limits.head_bytes, 0, p->rt->config->limits.headers };
	struct sockaddr_storage all[8];
	size_t n = resolver_addresses(p->upstream->addresses[address].name, all, ARRAY_LEN(all));
	if (n == 0)
		return BACKEND_NO_ADDRESS;
	struct backend *b = calloc(1, sizeof(*b));
	struct tls *tls = NULL;
	if (!b)
		return BACKEND_CONNECT;
	b->http = http1_new(HTTP1_RESPONSE, &limits);
	if (!b->http)
		goto fail;
	if (u->tls_context) {
		const char *name = u->tls_server_name ? u->tls_server_name : p->upstream->addresses[address].config->host;
		tls = tls_new(u->tls_context, name);
		if (!tls)
			goto fail;
	}
	b->pool = p;
	b->address = address;
	b->addr = all[p->turn % n];
	b->idle.fire = idle_too_long;
	socklen_t len = b->addr.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (conn_connect(&b->conn, p->w, &b->addr, len, tls, &handler) != 0)
		goto fail;
	p->refs++;
	*out = b;
	return BACKEND_OK;
fail:
	tls_free(tls);
	http1_free(b->http);
	free(b);
	return BACKEND_CONNECT;
}

enum backend_failure backend_take(struct pool *p, struct exchange *x, uint32_t *tried, struct backend **out)
{
	enum backend_failure why = BACKEND_NO_ADDRESS;
	for (;;) {
		int at = pick_address(p, *tried);
		if (at < 0)
			return why;
		*tried |= at < 32 ? 1u << at : 0;
		struct backend *b = find_idle(p, (size_t)at);
		if (b) {
			unlink_idle(b);
			timer_clear(&b->idle);
			why = BACKEND_OK;
		} else {
			why = connect_new(p, (size_t)at, &b);
		}
		if (why == BACKEND_OK) {
			b->exchange = x;
			b->sent_mark = b->conn.sent_bytes;
			atomic_fetch_add(&backend_address(b)->outstanding, 1);
			*out = b;
			return BACKEND_OK;
		}
		if (at >= 32)
			return why;
	}
}

#include "proxy/client.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

static const struct config_timeouts *timeouts(const struct client *c)
{
	return &c->conn.w->runtime->config->timeouts;
}

static void set_timer(struct client *c, struct timer *t, uint32_t ms)
{
	if (ms)
		timer_set(&c->conn.w->timers, t, c->conn.w->now_ms + ms);
	else
		timer_clear(t);
}

void client_queued(struct client *c)
{
	if (!c->write_timer.deadline_ms && !c->conn.silent)
		set_timer(c, &c->write_timer, timeouts(c)->client_write);
}

void client_read(struct client *c)
{
	if (conn_input(&c->conn).n <= CLIENT_AHEAD_BYTES)
		conn_read(&c->conn);
}

static void begin_idle(struct client *c)
{
	set_timer(c, &c->read_timer, timeouts(c)->client_idle);
}

/* --- requests --- */

static bool parse(struct client *c)
{
	struct span in = conn_input(&c->conn);
	struct span body;
	size_t used = 0;
	bool fresh = http1_idle(c->http);
	enum http1_event event = http1_feed(c->http, in.p, in.n, &used, &body);
	conn_consume(&c->conn, used);
	conn_trim(&c->conn);
	switch (event) {
	case HTTP1_HEAD:
		timer_clear(&c->read_timer);
		c->requests++;
		exchange_begin(c);
		return true;
	case HTTP1_REFUSED:
		timer_clear(&c->read_timer);
		answer_refusal(c, http1_refusal(c->http));
		return false;
	case HTTP1_MORE:
		if (fresh && !http1_idle(c->http))
			set_timer(c, &c->read_timer, timeouts(c)->client_head);
		return used > 0;
	case HTTP1_BODY:
	case HTTP1_TRAILER:
	case HTTP1_END: break;
	}
	CHECK(!"a body before a head");
	return false;
}

/* Answers that the client does not take stop the reading of its requests: those of our own cost no
 * builder anything. */
static bool stuck(const struct client *c)
{
	return conn_queued(&c->conn) > c->conn.w->runtime->config->limits.window_bytes;
}

void client_pump(struct client *c)
{
	while (!c->exchange && !conn_closing(&c->conn) && conn_input(&c->conn).n > 0 && !stuck(c))
		if (!parse(c))
			break;
	if (!c->exchange && !conn_closing(&c->conn) && !stuck(c))
		conn_read(&c->conn);
}

static void look_later(struct client *c)
{
	struct worker *w = c->conn.w;
	if (c->ready)
		return;
	c->ready = true;
	c->next_ready = w->ready;
	w->ready = c;
}

void client_exchange_ended(struct client *c, bool keep)
{
	struct worker *w = c->conn.w;
	c->exchange = NULL;
	if (conn_closing(&c->conn))
		return;
	if (!keep || w->draining || c->conn.eof ||
	    c->requests >= w->runtime->config->limits.requests_per_connection) {
		conn_close_after_flush(&c->conn);
		return;
	}
	http1_next(c->http);
	begin_idle(c);
	client_read(c);
	if (conn_input(&c->conn).n)
		look_later(c);
}

void client_drain(struct client *c)
{
	if (!c->exchange && !conn_closing(&c->conn))
		conn_close_after_flush(&c->conn);
}

/* --- what the conn reports --- */

static void on_opened(struct conn *conn)
{
	begin_idle(CONTAINER_OF(conn, struct client, conn));
}

static void on_input(struct conn *conn)
{
	struct client *c = CONTAINER_OF(conn, struct client, conn);
	if (c->exchange)
		exchange_advance(c->exchange);
	else
		client_pump(c);
	if (!conn_closing(conn) && conn_input(conn).n > CLIENT_AHEAD_BYTES)
		conn_pause(conn);
}

static void on_eof(struct conn *conn)
{
	struct client *c = CONTAINER_OF(conn, struct client, conn);
	if (c->exchange)
		exchange_client_gone(c->exchange, RESULT_CLIENT_GONE);
	else
		conn_close_after_flush(conn);
}

static void on_sent(struct conn *conn)
{
	struct client *c = CONTAINER_OF(conn, struct client, conn);
	if (conn_queued(conn))
		set_timer(c, &c->write_timer, timeouts(c)->client_write);
	else
		timer_clear(&c->write_timer);
	if (c->exchange)
		exchange_advance(c->exchange);
	else
		client_pump(c);
}

static void on_failed(struct conn *conn, int error)
{
	struct client *c = CONTAINER_OF(conn, struct client, conn);
	(void)error;
	if (c->exchange)
		exchange_client_gone(c->exchange, RESULT_CLIENT_GONE);
	conn_close(conn);
}

static void count(const struct client *c, int change)
{
	struct worker *w = c->conn.w;
	w->n_clients += (unsigned)change;
	if (c->listener->admin)
		w->n_admin_clients += (unsigned)change;
	if (c->conn.silent)
		w->n_silent_clients += (unsigned)change;
}

static void on_closed(struct conn *conn)
{
	struct client *c = CONTAINER_OF(conn, struct client, conn);
	struct worker *w = conn->w;
	CHECK(!c->exchange);
	timer_remove(&w->timers, &c->read_timer);
	timer_remove(&w->timers, &c->write_timer);
	if (c->prev)
		c->prev->next = c->next;
	else
		w->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	count(c, -1);
	http1_free(c->http);
	free(c);
	worker_client_gone(w);
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.input = on_input,
	.eof = on_eof,
	.sent = on_sent,
	.failed = on_failed,
	.closed = on_closed,
};

/* --- timers --- */

static void read_too_slow(struct timer *t)
{
	struct client *c = CONTAINER_OF(t, struct client, read_timer);
	if (http1_idle(c->http) || c->conn.state == CONN_OPENING)
		conn_close(&c->conn);
	else
		answer_timeout(c);
}

static void write_too_slow(struct timer *t)
{
	struct client *c = CONTAINER_OF(t, struct client, write_timer);
	if (c->exchange)
		exchange_client_gone(c->exchange, RESULT_TIMEOUT);
	conn_abort(&c->conn);
}

/* --- accepting --- */

static void name_peer(struct client *c)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	const void *ip = NULL;
	if (getpeername(c->conn.file.fd, (struct sockaddr *)&addr, &len) != 0)
		return;
	if (addr.ss_family == AF_INET)
		ip = &((struct sockaddr_in *)(void *)&addr)->sin_addr;
	else if (addr.ss_family == AF_INET6)
		ip = &((struct sockaddr_in6 *)(void *)&addr)->sin6_addr;
	if (ip)
		inet_ntop(addr.ss_family, ip, c->peer, sizeof(c->peer));
}

static void enter(struct client *c, struct listener *l)
{
	struct worker *w = l->w;
	c->listener = l;
	c->read_timer.fire = read_too_slow;
	c->write_timer.fire = write_too_slow;
	c->next = w->clients;
	if (w->clients)
		w->clients->prev = c;
	w->clients = c;
	count(c, 1);
}

struct client *client_silent(const struct client *in_whose_name)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	conn_silent(&c->conn, in_whose_name->conn.w, &handler);
	memcpy(c->peer, in_whose_name->peer, sizeof(c->peer));
	enter(c, in_whose_name->listener);
	return c;
}

void client_accept(struct listener *l, int fd)
{
	struct worker *w = l->w;
	const struct config_limits *limits = &w->runtime->config->limits;
	const struct http1_limits head = { limits->head_bytes, limits->target_bytes,
					   limits->headers };
	struct client *c = calloc(1, sizeof(*c));
	struct tls *tls = NULL;
	if (!c)
		goto fail;
	c->http = http1_new(HTTP1_REQUEST, &head);
	if (!c->http)
		goto fail;
	if (l->config->tls) {
		tls = tls_new(l->config->tls, NULL);
		if (!tls)
			goto fail;
	}
	conn_accept(&c->conn, w, fd, tls, &handler);
	enter(c, l);
	name_peer(c);
	set_timer(c, &c->read_timer, tls ? timeouts(c)->client_head : timeouts(c)->client_idle);
	conn_read(&c->conn);
	return;
fail:
	if (c)
		http1_free(c->http);
	free(c);
	close(fd);
}

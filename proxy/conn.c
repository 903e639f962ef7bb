#include "proxy/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/worker.h"

#define LINGER_MS 1000
#define SHORT_READ 2048
#define SHORT_READS_MAX 16

/* --- sending and the end --- */

static void begin_linger(struct conn *c)
{
	c->state = CONN_LINGERING;
	if (c->silent || shutdown(c->file.fd, SHUT_WR) != 0 || c->eof) {
		conn_close(c);
		return;
	}
	conn_read(c);
	timer_set(&c->w->timers, &c->linger, c->w->now_ms + LINGER_MS);
}

static void linger_over(struct timer *t)
{
	conn_close(CONTAINER_OF(t, struct conn, linger));
}

static void on_sent(struct op *op, int result, unsigned flags)
{
	struct conn *c = CONTAINER_OF(op, struct conn, send);
	(void)flags;
	c->in_flight = 0;
	if (c->state == CONN_CLOSING) {
		worker_bury_later(c->w, c);
		return;
	}
	if (result < 0 && result != -EINTR && result != -EAGAIN) {
		c->truncated = true; /* the failure may stand for the one a read would have met */
		c->handler->failed(c, result);
		return;
	}
	if (result > 0) {
		c->sent_bytes += (uint64_t)result;
		conn_forget_sent(c, (size_t)result);
	}
	if (c->out)
		worker_flush_later(c->w, c);
	if (c->state == CONN_OPEN || c->state == CONN_FLUSHING)
		c->handler->sent(c);
	if (c->state == CONN_FLUSHING && !c->out)
		begin_linger(c);
}

/* --- input --- */

struct span conn_input(const struct conn *c)
{
	if (c->backlog.n)
		return (struct span){ c->backlog.p + c->backlog_off,
				      c->backlog.n - c->backlog_off };
	return c->in;
}

void conn_consume(struct conn *c, size_t n)
{
	if (c->backlog.n) {
		CHECK(n <= c->backlog.n - c->backlog_off);
		c->backlog_off += n;
		return;
	}
	CHECK(n <= c->in.n);
	c->in.p += n;
	c->in.n -= n;
}

void conn_trim(struct conn *c)
{
	conn_drop_joined(c);
	if (c->backlog_off < c->backlog.n)
		return;
	buf_fini(&c->backlog);
	c->backlog_off = 0;
}

static void keep_rest(struct conn *c)
{
	if (c->in.n) {
		buf_add(&c->backlog, c->in.p, c->in.n);
		CHECK(!c->backlog.failed);
	}
	c->in = (struct span){ 0 };
	if (c->in_buffer >= 0)
		ring_buffer_return(c->w->ring, (unsigned)c->in_buffer);
	c->in_buffer = -1;
}

/* Hands n bytes to the owner; afterwards nothing points into p any more. */
static void deliver(struct conn *c, const char *p, size_t n)
{
	if (n == 0)
		return;
	conn_trim(c);
	if (c->backlog.n) {
		buf_drop_front(&c->backlog, c->backlog_off);
		c->backlog_off = 0;
		buf_add(&c->backlog, p, n);
		CHECK(!c->backlog.failed);
		c->in = (struct span){ 0 };
	} else {
		c->in = (struct span){ p, n };
	}
	if (c->state == CONN_OPEN)
		c->handler->input(c);
	keep_rest(c);
}

static void deliver_tls(struct conn *c, const char *p, size_t n)
{
	struct buf *plain = &c->w->plain;
	buf_clear(plain);
	enum tls_status status = tls_feed(c->tls, p, n, plain, &c->w->cipher);
	CHECK(!plain->failed);
	conn_write_cipher(c);
	if (status == TLS_FAILED) {
		c->handler->failed(c, -EPROTO);
		return;
	}
	if (c->state == CONN_OPENING && tls_ready(c->tls)) {
		c->state = CONN_OPEN;
		c->handler->opened(c);
	}
	if (c->state != CONN_CLOSING)
		deliver(c, plain->p, plain->n);
	if (plain->cap > 256 * 1024)
		buf_fini(plain);
	if (status == TLS_CLOSED && !c->eof && c->state == CONN_OPEN) {
		c->eof = true;
		c->handler->eof(c);
	}
}

static void read_ended(struct conn *c, int result)
{
	if (result == -ENOBUFS || result == -EINTR || result == -ECANCELED || result > 0) {
		if (c->want_read)
			conn_read(c);
		return;
	}
	if (result < 0) {
		c->handler->failed(c, result);
		return;
	}
	if (c->eof)
		return;
	c->eof = true;
	c->truncated = c->tls != NULL;
	c->handler->eof(c);
}

/* A full small buffer asks for large ones; a run of short reads gives them up. True: the stock has
 * changed. */
static bool fit_stock(struct conn *c, size_t n, unsigned buffer)
{
	enum ring_stock before = c->stock;
	c->short_reads = n < SHORT_READ ? (uint8_t)(c->short_reads + 1) : 0;
	if (c->stock == RING_SMALL && n == ring_buffer_bytes(c->w->ring, buffer))
		c->stock = RING_LARGE;
	else if (c->stock == RING_LARGE && c->short_reads >= SHORT_READS_MAX)
		c->stock = RING_SMALL;
	return c->stock != before;
}

static void on_received(struct op *op, int result, unsigned flags)
{
	struct conn *c = CONTAINER_OF(op, struct conn, recv);
	int buffer = flags & RING_BUFFER ? (int)ring_flags_buffer(flags) : -1;
	c->in_buffer = buffer;
	bool discard =
		c->state == CONN_CLOSING || c->state == CONN_LINGERING || c->state == CONN_FLUSHING;
	if (result > 0 && !discard) {
		const char *p = ring_buffer(c->w->ring, (unsigned)c->in_buffer);
		if (c->tls)
			deliver_tls(c, p, (size_t)result);
		else
			deliver(c, p, (size_t)result);
	}
	bool refit = buffer >= 0 && result > 0 && fit_stock(c, (size_t)result, (unsigned)buffer);
	keep_rest(c);
	if (c->state == CONN_CLOSING) {
		worker_bury_later(c->w, c);
		return;
	}
	if (flags & RING_MORE) {
		if (refit && c->want_read)
			ring_cancel(c->w->ring,
				    &c->recv); /* it is armed again with the other stock */
		return;
	}
	if (c->state == CONN_FLUSHING && result == 0) {
		c->eof = true; /* the peer has said all; it may still read */
		return;
	}
	if (discard && result <= 0 && result != -ENOBUFS && result != -ECANCELED) {
		conn_close(c);
		return;
	}
	read_ended(c, result);
}

void conn_read(struct conn *c)
{
	c->want_read = true;
	if (!c->recv.pending && !c->eof && !c->silent && c->state != CONN_CLOSING)
		ring_recv(c->w->ring, &c->recv, c->file, c->stock);
}

void conn_pause(struct conn *c)
{
	if (c->want_read && c->recv.pending)
		ring_cancel(c->w->ring, &c->recv);
	c->want_read = false;
}

/* --- life --- */

static void init(struct conn *c, struct worker *w, int fd, struct tls *tls,
		 const struct conn_handler *handler)
{
	*c = (struct conn){
		.w = w,
		.handler = handler,
		.tls = tls,
		.recv.done = on_received,
		.send.done = on_sent,
		.file = ring_attach(w->ring, fd),
		.in_buffer = -1,
		.linger.fire = linger_over,
	};
	c->out_tail = &c->out;
}

static void set_no_delay(int fd)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			 sizeof(on)); /* Unix sockets refuse it, and need it not */
}

void conn_accept(struct conn *c, struct worker *w, int fd, struct tls *tls,
		 const struct conn_handler *handler)
{
	init(c, w, fd, tls, handler);
	c->state = tls ? CONN_OPENING : CONN_OPEN;
	set_no_delay(fd);
}

void conn_silent(struct conn *c, struct worker *w, const struct conn_handler *handler)
{
	*c = (struct conn){
		.w = w,
		.handler = handler,
		.state = CONN_OPEN,
		.file = { .fd = -1, .slot = -1 },
		.in_buffer = -1,
		.linger.fire = linger_over,
		.silent = true,
	};
	c->out_tail = &c->out;
}

static void on_connected(struct op *op, int result, unsigned flags)
{
	struct conn *c = CONTAINER_OF(op, struct conn, send);
	(void)flags;
	c->connecting = false;
	c->send.done = on_sent;
	if (c->state == CONN_CLOSING) {
		worker_bury_later(c->w, c);
		return;
	}
	if (result < 0) {
		c->handler->failed(c, result);
		return;
	}
	conn_read(c);
	if (c->tls) {
		deliver_tls(c, NULL, 0);
		return;
	}
	c->state = CONN_OPEN;
	worker_flush_later(c->w, c);
	c->handler->opened(c);
}

int conn_connect(struct conn *c, struct worker *w, const struct sockaddr *addr, socklen_t len,
		 struct tls *tls, const struct conn_handler *handler)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set_no_delay(fd);
	init(c, w, fd, tls, handler);
	c->connecting = true;
	c->send.done = on_connected;
	ring_connect(w->ring, &c->send, c->file, addr, len);
	return 0;
}

size_t conn_queued(const struct conn *c)
{
	return c->queued;
}

bool conn_closing(const struct conn *c)
{
	return c->state >= CONN_FLUSHING;
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	timer_remove(&c->w->timers, &c->linger);
	ring_cancel(c->w->ring, &c->recv);
	ring_cancel(c->w->ring, &c->send);
	worker_bury_later(c->w, c);
}

void conn_close_after_flush(struct conn *c)
{
	if (conn_closing(c))
		return;
	if (c->tls && c->state == CONN_OPEN) {
		tls_shutdown(c->tls, &c->w->cipher);
		conn_write_cipher(c);
	}
	if (c->state == CONN_OPENING) {
		conn_close(c);
		return;
	}
	c->state = CONN_FLUSHING;
	if (!c->out)
		begin_linger(c);
}

void conn_abort(struct conn *c)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(c->file.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	conn_close(c);
}

bool conn_idle(const struct conn *c)
{
	return c->recv.pending == 0 && c->send.pending == 0;
}

void conn_bury(struct conn *c)
{
	CHECK(c->state == CONN_CLOSING && conn_idle(c));
	conn_drop_output(c);
	keep_rest(c);
	buf_fini(&c->backlog);
	tls_free(c->tls);
	if (!c->silent) {
		ring_detach(c->w->ring, c->file);
		close(c->file.fd);
	}
	c->handler->closed(c);
}

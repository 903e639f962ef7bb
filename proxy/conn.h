/*
 * A conn: one socket with its TLS, its input not yet consumed and its output not yet sent. It is
 * embedded in its owner (a client or a backend) and tells it what happened through a small table.
 *
 * Theory of operation
 *
 *   recv (multishot) --> in: the bytes of this completion --> handler->input() consumes them
 *                        backlog: what was not consumed, copied (conn_pause() stops reading)
 *   conn_write()     --> out: chunks, oldest first --> send, gathered --> handler->sent()
 *   conn_lend()      --> out, without a copy: the receive buffer itself, framed in place
 *
 * States, in order: opening (connecting or TLS handshake), open, flushing (conn_close_after_flush),
 * closing. Nothing arms after closing; handler->closed() runs from conn_bury() when every op is
 * idle, and may free the owner.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/ring.h"
#include "lib/timers.h"
#include "lib/tls.h"

struct worker;
struct chunk;
struct conn;

struct conn_handler {
	void (*opened)(struct conn *c); /* connected, and the TLS handshake is done */
	void (*input)(struct conn *c);  /* conn_input() has grown */
	void (*eof)(struct conn *c);    /* the peer closed its side; input may still be there */
	void (*sent)(struct conn *c);   /* output went down; conn_queued() tells how much is left */
	void (*failed)(struct conn *c, int error); /* -errno, or -EPROTO for TLS; close it */
	void (*closed)(struct conn *c);            /* last call: free the owner */
};

enum conn_state { CONN_OPENING, CONN_OPEN, CONN_FLUSHING, CONN_LINGERING, CONN_CLOSING };

#define CONN_IOV 6

struct conn {
	struct worker *w;
	const struct conn_handler *handler;
	struct tls *tls;
	struct op recv, send; /* send also connects */
	struct ring_file file;
	enum conn_state state;
	bool want_read;
	bool eof;
	bool truncated; /* the stream ends without TLS's own end, or after a failed send */
	bool connecting;
	int in_buffer;         /* the receive buffer `in` points into, or -1 */
	enum ring_stock stock; /* what the next recv is armed with */
	uint8_t short_reads;   /* in a row */
	struct span in;
	struct buf backlog;
	size_t backlog_off;
	struct chunk *joined; /* conn_join()'s copy */
	struct chunk *out, **out_tail;
	unsigned chunks;     /* in out */
	size_t queued;       /* bytes in out */
	uint64_t sent_bytes; /* since it was opened */
	unsigned in_flight;  /* chunks that the running send covers */
	struct iovec iov[CONN_IOV];
	struct msghdr msg;
	struct timer linger;
	struct conn *next_dying, *next_flush;
	bool dying, flushing; /* on the worker's lists */
	bool silent;          /* no socket: what is written is dropped, and nothing arrives */
};

/* Takes over an accepted socket. tls may be NULL; the conn owns it. Reading starts with
 * conn_read(). */
void conn_accept(struct conn *c, struct worker *w, int fd, struct tls *tls,
		 const struct conn_handler *handler);

/* A conn without a peer, open until it is closed. */
void conn_silent(struct conn *c, struct worker *w, const struct conn_handler *handler);

/* Opens a socket and connects it; the outcome comes as opened() or failed(). -errno when it cannot
 * even begin: then the conn needs no close. addr must stay valid until then. */
int conn_connect(struct conn *c, struct worker *w, const struct sockaddr *addr, socklen_t len,
		 struct tls *tls, const struct conn_handler *handler) MUST_USE;

void conn_read(struct conn *c);  /* read on (idempotent) */
void conn_pause(struct conn *c); /* stop; bytes already on the way go to the backlog */

struct span conn_input(const struct conn *c);
/* the bytes stay where they are until conn_trim() or the callback returns */
void conn_consume(struct conn *c, size_t n);
void conn_trim(struct conn *c); /* gives memory back once everything is consumed */

void conn_write(struct conn *c, const void *p, size_t n); /* copies */

void conn_write_chunk_size(struct conn *c, size_t n); /* "1f\r\n" (RFC 9112, 7.1) */

/* Slices of the input as one stretch: the slice itself, or a copy that lives until conn_trim(). */
struct span conn_join(struct conn *c, const struct span *slices, size_t n);

/* True when body, inside from's joined input or its receive buffer, may be sent from there: all
 * input is consumed, no TLS, and buffers are plentiful. */
bool conn_can_lend(const struct conn *c, const struct conn *from, struct span body);
/* Queues body without copying and takes its memory from `from`; with chunked, frames it in place.
 */
void conn_lend(struct conn *c, struct conn *from, struct span body, bool chunked);

size_t conn_queued(const struct conn *c);
bool conn_closing(const struct conn *c);

void conn_close(struct conn *c); /* now; queued output is dropped */
/* when the output is sent; then lingers so that the peer can read it */
void conn_close_after_flush(struct conn *c);
void conn_abort(struct conn *c); /* now, with a reset */

/* For the files of the conn only. */
void conn_write_cipher(struct conn *c);          /* queues what TLS left in the worker's buffer */
void conn_forget_sent(struct conn *c, size_t n); /* n bytes of the queue have left */
void conn_drop_output(struct conn *c);
void conn_drop_joined(struct conn *c);

/* For the worker, after each batch: start the send of what was queued; is every op idle; say
 * closed(). */
void conn_flush(struct conn *c);
bool conn_idle(const struct conn *c);
void conn_bury(struct conn *c);

/* One thread's stock of output chunks. */
#define CHUNK_SIZES 2
struct chunk_stock {
	struct chunk *free[CHUNK_SIZES];
	unsigned n[CHUNK_SIZES];
};
void chunk_stock_fini(struct chunk_stock *s);

#endif

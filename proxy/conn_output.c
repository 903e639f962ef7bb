/* What a conn sends: chunks in a queue, gathered into sends; and input that goes on to another conn
 * without a copy. */
#include <stdlib.h>
#include <string.h>

#include "proxy/conn.h"
#include "proxy/worker.h"

/* The two sizes of chunks that are kept for use again, last in first out so that they stay in the
 * cache. */
static const size_t chunk_bytes[CHUNK_SIZES] = { 4024, 65536 + RING_HEADROOM + RING_TAILROOM };
static const unsigned chunk_keep[CHUNK_SIZES] = { 256, 4 };

#define LEND_LEAST 1024 /* smaller bodies are cheaper to copy than to keep a receive buffer for */

struct chunk {
	struct chunk *next;
	char *p;
	size_t n;
	size_t room; /* bytes free behind the last one; only where the bytes are in data[] */
	int buffer;  /* a receive buffer to give back, or -1 */
	int size;    /* index into chunk_bytes, or -1 for a size of its own */
	char data[];
};

static struct chunk *chunk_new(struct worker *w, size_t least)
{
	int size = 0;
	while (size < CHUNK_SIZES && least > chunk_bytes[size])
		size++;
	struct chunk *k = size < CHUNK_SIZES ? w->chunks.free[size] : NULL;
	size_t room = size < CHUNK_SIZES ? chunk_bytes[size] : least;
	if (k) {
		w->chunks.free[size] = k->next;
		w->chunks.n[size]--;
	} else {
		k = malloc(sizeof(*k) + room);
	}
	CHECK(k); /* windows and queues are bounded, so a failure means a memory limit below the
		     configuration's */
	*k = (struct chunk){
		.p = k->data, .room = room, .buffer = -1, .size = size < CHUNK_SIZES ? size : -1
	};
	return k;
}

static void chunk_free(struct worker *w, struct chunk *k)
{
	if (k->buffer >= 0)
		ring_buffer_return(w->ring, (unsigned)k->buffer);
	if (k->size < 0 || w->chunks.n[k->size] >= chunk_keep[k->size]) {
		free(k);
		return;
	}
	k->next = w->chunks.free[k->size];
	w->chunks.free[k->size] = k;
	w->chunks.n[k->size]++;
}

void chunk_stock_fini(struct chunk_stock *s)
{
	for (int size = 0; size < CHUNK_SIZES; size++) {
		while (s->free[size]) {
			struct chunk *k = s->free[size];
			s->free[size] = k->next;
			free(k);
		}
		s->n[size] = 0;
	}
}

/* --- output --- */

static void append_chunk(struct conn *c, struct chunk *k)
{
	*c->out_tail = k;
	c->out_tail = &k->next;
	c->chunks++;
	c->queued += k->n;
	worker_flush_later(c->w, c);
}

/* The last chunk, when bytes may still be added to it: it is of our own memory and no running send
 * covers it. */
static struct chunk *open_chunk(const struct conn *c)
{
	if (c->chunks <= c->in_flight)
		return NULL;
	struct chunk *k = CONTAINER_OF(c->out_tail, struct chunk, next);
	return k->buffer < 0 ? k : NULL;
}

static void queue_copy(struct conn *c, const void *p, size_t n)
{
	struct chunk *k = open_chunk(c);
	if (k && k->room >= n) {
		memcpy(k->p + k->n, p, n);
		k->n += n;
		k->room -= n;
		c->queued += n;
		return;
	}
	k = chunk_new(c->w, n);
	memcpy(k->data, p, n);
	k->n = n;
	k->room -= n;
	append_chunk(c, k);
}

void conn_drop_output(struct conn *c)
{
	while (c->out) {
		struct chunk *k = c->out;
		c->out = k->next;
		chunk_free(c->w, k);
	}
	c->out_tail = &c->out;
	c->chunks = 0;
	c->queued = 0;
	c->in_flight = 0;
}

void conn_write_cipher(struct conn *c)
{
	struct buf *cipher = &c->w->cipher;
	CHECK(!cipher->failed);
	if (cipher->n)
		queue_copy(c, cipher->p, cipher->n);
	buf_clear(cipher);
}

void conn_write(struct conn *c, const void *p, size_t n)
{
	if (n == 0 || c->silent || c->state == CONN_CLOSING)
		return;
	if (!c->tls) {
		queue_copy(c, p, n);
		return;
	}
	(void)tls_write(c->tls, p, n, &c->w->cipher); /* a failure shows at the next read */
	conn_write_cipher(c);
}

#define CHUNK_SIZE_LINE 20

static size_t format_chunk_size(char line[CHUNK_SIZE_LINE], size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char text[16];
	size_t at = sizeof(text), digits;
	do {
		text[--at] = hex[n & 15];
		n >>= 4;
	} while (n > 0);
	digits = sizeof(text) - at;
	memcpy(line, text + at, digits);
	memcpy(line + digits, "\r\n", 2);
	return digits + 2;
}

void conn_write_chunk_size(struct conn *c, size_t n)
{
	char line[CHUNK_SIZE_LINE];
	conn_write(c, line, format_chunk_size(line, n));
}

void conn_flush(struct conn *c)
{
	if (c->send.pending || c->connecting || c->state >= CONN_LINGERING || !c->out)
		return;
	if (!c->out->next) {
		c->in_flight = 1;
		ring_send(c->w->ring, &c->send, c->file, c->out->p, c->out->n);
		return;
	}
	unsigned n = 0;
	for (struct chunk *k = c->out; k && n < CONN_IOV; k = k->next)
		c->iov[n++] = (struct iovec){ .iov_base = k->p, .iov_len = k->n };
	c->in_flight = n;
	c->msg = (struct msghdr){ .msg_iov = c->iov, .msg_iovlen = n };
	ring_sendv(c->w->ring, &c->send, c->file, &c->msg);
}

void conn_forget_sent(struct conn *c, size_t n)
{
	CHECK(n <= c->queued);
	c->queued -= n;
	while (n > 0) {
		struct chunk *k = c->out;
		size_t part = min_size(n, k->n);
		k->p += part;
		k->n -= part;
		n -= part;
		if (k->n > 0)
			break;
		c->out = k->next;
		c->chunks--;
		if (!c->out)
			c->out_tail = &c->out;
		chunk_free(c->w, k);
	}
}

/* --- lending: input that goes on to another conn without a copy --- */

struct span conn_join(struct conn *c, const struct span *slices, size_t n)
{
	size_t total = 0;
	if (n == 1)
		return slices[0];
	for (size_t i = 0; i < n; i++)
		total += slices[i].n;
	struct chunk *k = chunk_new(c->w, total + RING_HEADROOM + RING_TAILROOM);
	CHECK(!c->joined);
	c->joined = k;
	k->p = k->data + RING_HEADROOM;
	for (size_t i = 0; i < n; i++) {
		memcpy(k->p + k->n, slices[i].p, slices[i].n);
		k->n += slices[i].n;
	}
	k->room = 0;
	return (struct span){ k->p, k->n };
}

void conn_drop_joined(struct conn *c)
{
	if (c->joined)
		chunk_free(c->w, c->joined);
	c->joined = NULL;
}

static bool inside(struct span part, const char *p, size_t n)
{
	return part.p >= p && part.p < p + n;
}

bool conn_can_lend(const struct conn *c, const struct conn *from, struct span body)
{
	if (c->tls || c->silent || body.n < LEND_LEAST)
		return false;
	if (from->joined)
		return inside(body, from->joined->p, from->joined->n);
	if (from->in_buffer < 0 || from->in.n || from->tls)
		return false;
	unsigned buffer = (unsigned)from->in_buffer;
	return inside(body, ring_buffer(c->w->ring, buffer),
		      ring_buffer_bytes(c->w->ring, buffer)) &&
	       ring_buffer_spare(c->w->ring, buffer);
}

/* The chunk that will carry what `from` lends: its joined input, or a new one around its receive
 * buffer. */
static struct chunk *take_lent(struct conn *c, struct conn *from, struct span body)
{
	struct chunk *k = from->joined;
	if (k) {
		from->joined = NULL;
		k->p += body.p - k->p;
	} else {
		char *buffer = ring_buffer(c->w->ring, (unsigned)from->in_buffer);
		k = chunk_new(c->w, 0);
		k->p = buffer + (body.p - buffer);
		k->buffer = from->in_buffer;
		from->in_buffer = -1;
	}
	k->n = body.n;
	k->room = 0;
	return k;
}

void conn_lend(struct conn *c, struct conn *from, struct span body, bool chunked)
{
	struct chunk *k = take_lent(c, from, body);
	if (chunked) { /* at most five digits and four line end bytes, inside head- and tailroom */
		char line[CHUNK_SIZE_LINE];
		size_t n = format_chunk_size(line, body.n);
		CHECK(body.n < 1u << 20 && n <= RING_HEADROOM);
		memcpy(k->p + k->n, "\r\n", 2);
		k->p -= n;
		memcpy(k->p, line, n);
		k->n += n + 2;
	}
	append_chunk(c, k);
}

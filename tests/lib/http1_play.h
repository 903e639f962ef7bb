/*
 * Plays bytes to a parser in pieces and writes down what it reports, bodies joined, in one line:
 *
 *   H(GET /x host=a 1.1 keep length=5)[Host=a][Content-Length=5]B(hello)E M
 *
 * H head, B body, E end with its trailers, R refused and why; the last letter is what the end of
 * the connection meant (M nothing had begun). Each piece is a block of its own, freed before the
 * next: a span into an old one is found.
 */
#ifndef TESTS_LIB_HTTP1_PLAY_H
#define TESTS_LIB_HTTP1_PLAY_H

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/http1.h"

struct play {
	enum http1_kind kind;
	struct http1_limits limits;
	const char *method; /* responses: what they answer */
	size_t slices;      /* 0: http1_feed(); otherwise http1_feed_body() with that many */
	bool drop_head;     /* give the head back as soon as it was read */
	/* what is going on */
	struct http1 *h;
	struct buf log, body;
	bool in_body;
};

static const struct http1_limits play_limits = { .head_bytes = 8192,
						 .target_bytes = 2048,
						 .headers = 32 };

static inline void play_headers(struct buf *log, const struct http1_header *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_char(log, '[');
		buf_add(log, v[i].name.p, v[i].name.n);
		buf_add_char(log, '=');
		buf_add(log, v[i].value.p, v[i].value.n);
		buf_add_char(log, ']');
	}
}

static inline void play_head(struct play *p)
{
	static const char *const framings[] = { "none", "length", "chunked", "until-close" };
	const struct http1_head *head = http1_head(p->h);
	buf_add_text(&p->log, "H(");
	if (p->kind == HTTP1_REQUEST)
		buf_printf(&p->log, "%.*s %.*s host=%.*s", (int)head->method.n, head->method.p,
			   (int)head->target.n, head->target.p, (int)head->host.n, head->host.p);
	else
		buf_printf(&p->log, "%u %.*s", head->status, (int)head->reason.n, head->reason.p);
	buf_printf(&p->log, " 1.%u%s%s%s %s", head->minor, head->keep_alive ? " keep" : "",
		   head->upgrade ? " upgrade" : "", head->expect_continue ? " expect" : "",
		   framings[head->framing]);
	if (head->framing == HTTP1_LENGTH)
		buf_printf(&p->log, "=%llu", (unsigned long long)head->length);
	buf_add_char(&p->log, ')');
	play_headers(&p->log, head->headers, head->n);
	if (p->drop_head)
		http1_drop_head(p->h);
	p->in_body = true;
}

static inline void play_flush(struct play *p)
{
	if (p->body.n > 0) {
		buf_add_text(&p->log, "B(");
		buf_add(&p->log, p->body.p, p->body.n);
		buf_add_char(&p->log, ')');
		buf_clear(&p->body);
	}
	p->in_body = false;
}

/* One event; false when nothing more can come. */
static inline bool play_event(struct play *p, enum http1_event event)
{
	size_t n;
	const struct http1_header *trailers;
	switch (event) {
	case HTTP1_MORE:
	case HTTP1_BODY: return true;
	case HTTP1_HEAD: play_head(p); return true;
	case HTTP1_TRAILER: abort();
	case HTTP1_END:
		play_flush(p);
		trailers = http1_trailers(p->h, &n);
		buf_add_char(&p->log, 'E');
		play_headers(&p->log, trailers, n);
		http1_next(p->h);
		return true;
	case HTTP1_REFUSED:
		play_flush(p);
		buf_printf(&p->log, "R(%s)", http1_refusal_names[http1_refusal(p->h)]);
		return false;
	}
	abort();
}

/* One piece; false when refused. */
static inline bool play_piece(struct play *p, const char *bytes, size_t n)
{
	enum http1_event event = HTTP1_MORE;
	do {
		struct span slices[64] = { 0 };
		size_t used = 0, n_slices = 0;
		if (p->slices > 0 && p->in_body) {
			used = http1_feed_body(p->h, bytes, n, slices, p->slices, &n_slices,
					       &event);
		} else {
			event = http1_feed(p->h, bytes, n, &used, &slices[0]);
			n_slices = event == HTTP1_BODY;
		}
		for (size_t i = 0; i < n_slices; i++)
			buf_add(&p->body, slices[i].p, slices[i].n);
		if (used > n)
			abort();
		bytes += used;
		n -= used;
		if (!play_event(p, event))
			return false;
	} while (event != HTTP1_MORE);
	return n == 0 || (abort(), false); /* MORE means that all is used */
}

/* Plays the first `first` bytes, then pieces of `step`; returns the line, which the caller
 * frees. */
static inline char *play(struct play setup, const char *bytes, size_t n, size_t first, size_t step)
{
	struct play *p = &setup;
	bool going = true;
	if (p->limits.head_bytes == 0)
		p->limits = play_limits;
	p->h = http1_new(p->kind, &p->limits);
	if (p->method)
		http1_expect(p->h, span_of(p->method));
	for (size_t at = 0, size = first; going && at < n; at += size, size = step) {
		size = min_size(size, n - at);
		char *copy = malloc(size ? size : 1);
		memcpy(copy, bytes + at, size);
		going = play_piece(p, copy, size);
		free(copy);
	}
	if (going) {
		enum http1_event event = http1_eof(p->h);
		if (event == HTTP1_MORE)
			buf_add_char(&p->log, 'M');
		else
			play_event(p, event);
	}
	http1_free(p->h);
	buf_fini(&p->body);
	buf_add_char(&p->log, 0);
	return p->log.p;
}

#endif

/*
 * HTTP/1.1 messages, both directions: llhttp in strict mode behind one door, and the rules that it
 * leaves to its user (RFC 9112 sections 2 to 7, RFC 9110 section 7.6). No I/O. Anything that two
 * parsers could read differently is refused here, so that what is forwarded, which is always
 * written anew, has one meaning.
 *
 * The parser is fed bytes and stops at each thing the caller must act on. Header names and values
 * are collected in the caller's buffer and stay valid until http1_next().
 */
#ifndef LIB_HTTP1_H
#define LIB_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_event {
	HTTP1_MORE,    /* all bytes are used, nothing to report */
	HTTP1_HEAD,    /* a head is complete: http1_head() */
	HTTP1_BODY,    /* body bytes: *body is a slice of the bytes fed */
	HTTP1_TRAILER, /* reserved: trailers are complete: http1_trailers() */
	HTTP1_END,     /* the message is complete; call http1_next() before feeding what follows */
	HTTP1_REFUSED  /* http1_refusal() says why; latches */
};

/* Why a message was refused. Requests are answered with status; responses become 502. */
enum http1_refusal {
	HTTP1_OK,
	HTTP1_MALFORMED,         /* 400: the grammar is broken (llhttp) */
	HTTP1_BAD_VERSION,       /* 505: not HTTP/1.0 or 1.1 */
	HTTP1_BAD_METHOD,        /* 501: not GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS */
	HTTP1_BAD_TARGET,        /* 400: not origin-form, absolute-form or `OPTIONS *` */
	HTTP1_BAD_HOST,          /* 400: none, several, not a host, or not the target's */
	HTTP1_BAD_HEADER,        /* 400: not a token, a control byte, obs-fold */
	HTTP1_BAD_LENGTH,        /* 400: several, signed, or not plain digits */
	HTTP1_BAD_ENCODING,      /* 400: anything but one "chunked", alone, in HTTP/1.1 */
	HTTP1_BAD_CHUNK,         /* 400: chunk framing */
	HTTP1_TARGET_TOO_LONG,   /* 414 */
	HTTP1_HEADERS_TOO_LARGE, /* 431: bytes or count */
	HTTP1_TRUNCATED,         /* the connection ended inside a message */
	HTTP1_NO_MEMORY,         /* 503 */
	HTTP1_REFUSAL_COUNT
};

extern const char *const http1_refusal_names[HTTP1_REFUSAL_COUNT];
unsigned http1_refusal_status(enum http1_refusal why);

struct http1_limits {
	uint32_t head_bytes; /* start line and headers together */
	uint32_t target_bytes;
	uint32_t headers; /* count; also for trailers */
};

struct http1_header {
	struct span name;  /* as received */
	struct span value; /* without surrounding whitespace */
};

enum http1_framing { HTTP1_NO_BODY, HTTP1_LENGTH, HTTP1_CHUNKED, HTTP1_UNTIL_CLOSE };

/* A parsed head. Spans point into the parser's own memory: valid until http1_next() or
 * http1_fini(). */
struct http1_head {
	struct span method; /* requests */
	struct span target; /* requests: origin-form ("/path?query") or "*", reduced if need be */
	struct span host;   /* requests: authority of the absolute target, else Host */
	unsigned status;    /* responses */
	struct span reason; /* responses */
	unsigned minor;     /* HTTP/1.minor */
	bool keep_alive;    /* what the message itself allows */
	bool upgrade;       /* asks for (or, with 101, grants) another protocol */
	bool expect_continue;
	enum http1_framing framing;
	uint64_t length; /* HTTP1_LENGTH */
	const struct http1_header *headers;
	size_t n;
};

struct http1; /* under 500 bytes while idle; head memory is allocated while a head is in use */

/* The limits are copied. NULL: no memory. */
struct http1 *http1_new(enum http1_kind kind, const struct http1_limits *limits);
void http1_free(struct http1 *h);
size_t http1_memory(const struct http1 *h);

/* Responses only, before the first byte and after http1_next() of the message before: the method
 * of the request it answers ("HEAD" has no body). Holds for the interim responses and the final
 * one. */
void http1_expect(struct http1 *h, struct span method);

/* Parses from p; *used is how many bytes were consumed up to and including what the event
 * reports. Call again with the rest until HTTP1_MORE. */
enum http1_event http1_feed(struct http1 *h, const char *p, size_t n, size_t *used,
			    struct span *body);

/* The same for many slices at once, only after HTTP1_HEAD: stores up to max body slices, in
 * order, and returns how many bytes were used. *event is what comes after these slices:
 * HTTP1_MORE (all bytes are used), HTTP1_BODY (the array is full: call again with the rest),
 * HTTP1_END, or HTTP1_REFUSED (the slices before it are still sound). */
size_t http1_feed_body(struct http1 *h, const char *p, size_t n, struct span *slices, size_t max,
		       size_t *n_slices, enum http1_event *event);

/* n bytes that nobody has: how many of them are of a body of known length, or of one until close.
 * These are passed over, as if they had been fed. */
uint64_t http1_skip(struct http1 *h, uint64_t n);

/* The peer closed: HTTP1_END when that completes the message (until-close body), HTTP1_MORE when
 * nothing had begun, HTTP1_REFUSED (truncated) otherwise. */
enum http1_event http1_eof(struct http1 *h);

/* After HTTP1_END: forget the message, give back its memory, be ready for the next. */
void http1_next(struct http1 *h);

/* The head's memory may be given back early, once it has been forwarded: spans of http1_head()
 * become invalid. */
void http1_drop_head(struct http1 *h);

const struct http1_head *http1_head(const struct http1 *h);
/* At HTTP1_END; invalid after http1_next(). */
const struct http1_header *http1_trailers(const struct http1 *h, size_t *n);
enum http1_refusal http1_refusal(const struct http1 *h);
bool http1_idle(const struct http1 *h); /* no byte of a message was seen since http1_next() */

/* The first header of that name, or the empty span (p == NULL). Names compare without case. */
struct span http1_find(const struct http1_head *head, struct span name);

/* True for headers that concern one connection only (RFC 9110, 7.6.1): the fixed list and those
 * that the message's own Connection header names. They are never forwarded. */
bool http1_hop_by_hop(const struct http1_head *head, const struct http1_header *header);

#endif

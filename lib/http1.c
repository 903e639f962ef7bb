/*
 * Theory of operation
 *
 *   LEAD --> HEAD --> LENGTH | CHUNKED | UNTIL_CLOSE --> DONE --> (http1_next) LEAD
 *     \________\___________\_____________________________________> REFUSED (latches)
 *
 * llhttp reads heads, chunks and trailers; which framing a message has is decided in http1_rules.c,
 * and a body of known length or until close never reaches llhttp. For every message the parser is
 * reset, so nothing one message said can change how the next is read.
 *
 * What is reported must not depend on how the bytes were split. So rules are applied where llhttp
 * says that a thing is complete, never on the part of it that a read happened to bring, and a head
 * is fed at most its limit of bytes.
 */
#include "lib/http1.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http1_lines.h"
#include "lib/http1_message.h"
#include "lib/http1_rules.h"
#include "lib/http1_start.h"

enum state { LEAD, HEAD, LENGTH, CHUNKED, UNTIL_CLOSE, DONE, REFUSED };

struct http1 {
	llhttp_t parser;
	struct http1_limits limits;
	struct http1_message message;
	struct http1_store *trailers; /* allocated when the first trailer comes */
	struct span *slices;          /* the caller's, during one call */
	size_t slices_max, slices_n;
	uint64_t left; /* LENGTH: bytes to come */
	struct http1_start start;
	enum http1_lines lines;
	uint32_t extension_n; /* bytes of this chunk's extensions */
	uint8_t kind, state, why;
	bool lead_cr;   /* an empty line before a request, begun */
	bool lead_line; /* ... and complete: one is allowed */
	bool answers_head;
};

static struct http1 *of(llhttp_t *parser)
{
	return CONTAINER_OF(parser, struct http1, parser);
}

static int refuse(struct http1 *h, enum http1_refusal why)
{
	if (h->why == HTTP1_OK)
		h->why = (uint8_t)why;
	h->state = REFUSED;
	return -1;
}

/* Where names and values go now: the head's store, or the trailers' once the body has begun. */
static struct http1_store *current(struct http1 *h)
{
	if (h->state != CHUNKED)
		return &h->message.store;
	if (!h->trailers)
		h->trailers = calloc(1, sizeof(*h->trailers));
	return h->trailers;
}

/* ---- llhttp's callbacks ---- */

/* Any piece of text. A head's bytes are limited by what it is fed; trailers are limited here. */
static int on_text(llhttp_t *parser, const char *p, size_t n)
{
	struct http1 *h = of(parser);
	struct http1_store *s = current(h);
	if (!s)
		return refuse(h, HTTP1_NO_MEMORY);
	if (n > h->limits.head_bytes - min_size(s->n, h->limits.head_bytes))
		return refuse(h, HTTP1_HEADERS_TOO_LARGE);
	return http1_store_add(s, p, n) == 0 ? 0 : refuse(h, HTTP1_NO_MEMORY);
}

static int judged(llhttp_t *parser, enum http1_refusal why)
{
	return why == HTTP1_OK ? 0 : refuse(of(parser), why);
}

static int on_method_complete(llhttp_t *parser)
{
	return judged(parser, http1_message_method(&of(parser)->message));
}

static int on_start(llhttp_t *parser, const char *p, size_t n)
{
	http1_start_piece(&of(parser)->start, p, n);
	return on_text(parser, p, n);
}

static int on_target_complete(llhttp_t *parser)
{
	return judged(parser, http1_message_target(&of(parser)->message, &of(parser)->limits));
}

static int on_reason_complete(llhttp_t *parser)
{
	return judged(parser, http1_message_reason(&of(parser)->message));
}

static int on_version(llhttp_t *parser, const char *p, size_t n)
{
	http1_start_version(&of(parser)->start, p, n, of(parser)->kind == HTTP1_REQUEST);
	return 0;
}

static int on_version_complete(llhttp_t *parser)
{
	struct http1 *h = of(parser);
	unsigned major = llhttp_get_http_major(parser), minor = llhttp_get_http_minor(parser);
	if (!http1_start_sound(&h->start, h->kind == HTTP1_REQUEST))
		return refuse(h, HTTP1_MALFORMED);
	return judged(parser, http1_message_version(&h->message, major, minor));
}

static int on_name_complete(llhttp_t *parser)
{
	struct http1 *h = of(parser);
	struct http1_store *s = current(h);
	if (s && h->state == CHUNKED && !http1_rules_trailer(http1_store_piece(s)))
		return refuse(h, HTTP1_BAD_HEADER);
	return judged(parser, s ? http1_message_name(s, &h->limits) : HTTP1_NO_MEMORY);
}

static int on_value_complete(llhttp_t *parser)
{
	struct http1_store *s = current(of(parser));
	return judged(parser, s ? http1_message_value(s) : HTTP1_NO_MEMORY);
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http1 *h = of(parser);
	unsigned status = (unsigned)llhttp_get_status_code(parser);
	enum http1_refusal why =
		h->kind == HTTP1_REQUEST
			? http1_message_request(&h->message)
			: http1_message_response(&h->message, status, h->answers_head);
	if (why != HTTP1_OK)
		return refuse(h, why);
	parser->upgrade = 0; /* or llhttp would let an upgrade change the framing */
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct http1 *h = of(parser);
	/* One slice a chunk, and a full array stops at the end of its chunk. */
	CHECK(h->slices_n < h->slices_max);
	h->slices[h->slices_n++] = (struct span){ p, n };
	return 0;
}

static int on_chunk_complete(llhttp_t *parser)
{
	struct http1 *h = of(parser);
	h->extension_n = 0;
	return h->slices_n == h->slices_max ? HPE_PAUSED : 0;
}

/* Chunk extensions are dropped, and may not be an endless way to say nothing. */
static int on_extension(llhttp_t *parser, const char *p, size_t n)
{
	struct http1 *h = of(parser);
	(void)p;
	if (n > h->limits.head_bytes - min_size(h->extension_n, h->limits.head_bytes))
		return refuse(h, HTTP1_BAD_CHUNK);
	h->extension_n += (uint32_t)n;
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	of(parser)->state = DONE;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_method = on_start,
	.on_method_complete = on_method_complete,
	.on_url = on_start,
	.on_url_complete = on_target_complete,
	.on_status = on_text,
	.on_status_complete = on_reason_complete,
	.on_version = on_version,
	.on_version_complete = on_version_complete,
	.on_header_field = on_text,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_text,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_value = on_extension,
	.on_chunk_complete = on_chunk_complete,
	.on_message_complete = on_message_complete,
};

/* llhttp's reasons in our words, where a callback has not said it already. */
static enum http1_event refused(struct http1 *h, llhttp_errno_t error)
{
	if (h->state == REFUSED)
		return HTTP1_REFUSED;
	struct http1_head so_far = { .headers = h->message.store.v, .n = h->message.store.count };
	bool encoded = http1_find(&so_far, SPAN("transfer-encoding")).p != NULL;
	enum http1_refusal why = h->state == CHUNKED ? HTTP1_BAD_CHUNK : HTTP1_MALFORMED;
	switch (error) {
	case HPE_INVALID_METHOD: why = HTTP1_BAD_METHOD; break;
	case HPE_INVALID_URL: why = HTTP1_BAD_TARGET; break;
	case HPE_INVALID_VERSION: why = HTTP1_BAD_VERSION; break;
	case HPE_INVALID_HEADER_TOKEN:
	case HPE_UNEXPECTED_SPACE: why = HTTP1_BAD_HEADER; break;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
		why = encoded ? HTTP1_BAD_ENCODING : HTTP1_BAD_LENGTH;
		break;
	case HPE_INVALID_TRANSFER_ENCODING: why = HTTP1_BAD_ENCODING; break;
	default: break;
	}
	(void)refuse(h, why);
	return HTTP1_REFUSED;
}

/* ---- feeding ---- */

/* One empty line may precede a request (RFC 9112, 2.2), none a response. Returns the bytes it
 * takes. */
static size_t skip_lead(struct http1 *h, const char *p, size_t n)
{
	size_t i = 0;
	for (; i < n && h->state == LEAD; i++) {
		if (h->lead_cr && p[i] == '\n') {
			h->lead_cr = false;
			h->lead_line = true;
		} else if (!h->lead_cr && p[i] == '\r' && !h->lead_line &&
			   h->kind == HTTP1_REQUEST) {
			h->lead_cr = true;
		} else if (h->lead_cr || p[i] == '\r' || p[i] == '\n') {
			(void)refuse(h, HTTP1_MALFORMED);
			break;
		} else {
			h->state = HEAD;
			break;
		}
	}
	return i;
}

static void head_complete(struct http1 *h)
{
	llhttp_resume(&h->parser);
	switch (h->message.head.framing) {
	case HTTP1_NO_BODY: h->state = DONE; break;
	case HTTP1_LENGTH:
		h->left = h->message.head.length;
		h->state = h->left ? LENGTH : DONE;
		break;
	case HTTP1_CHUNKED: h->state = CHUNKED; break;
	case HTTP1_UNTIL_CLOSE: h->state = UNTIL_CLOSE; break;
	}
}

static enum http1_event refuse_head(struct http1 *h, enum http1_refusal why)
{
	(void)refuse(h, why);
	return HTTP1_REFUSED;
}

static enum http1_event feed_head(struct http1 *h, const char *p, size_t n, size_t *used)
{
	n = min_size(n, h->limits.head_bytes - h->start.fed_at);
	n = http1_lines_follow(&h->lines, p, n);
	http1_start_begin(&h->start, p);
	llhttp_errno_t error = n > 0 ? llhttp_execute(&h->parser, p, n) : HPE_OK;
	if (error == HPE_PAUSED) {
		*used = (size_t)(llhttp_get_error_pos(&h->parser) - p);
		if (h->lines != LINES_ENDED || *used != n) /* two readings of where the head ends */
			return refuse_head(h, HTTP1_MALFORMED);
		head_complete(h);
		return HTTP1_HEAD;
	}
	if (error != HPE_OK)
		return refused(h, error);
	if (h->lines == LINES_ENDED || h->lines == LINES_BROKEN)
		return refuse_head(h, HTTP1_MALFORMED);
	*used = n;
	http1_start_end(&h->start, n);
	if (h->start.fed_at < h->limits.head_bytes)
		return HTTP1_MORE;
	bool in_target = h->kind == HTTP1_REQUEST && !h->message.target_done;
	return refuse_head(h, in_target ? HTTP1_TARGET_TOO_LONG : HTTP1_HEADERS_TOO_LARGE);
}

static enum http1_event feed_chunks(struct http1 *h, const char *p, size_t n, size_t *used)
{
	if (n == 0)
		return HTTP1_MORE;
	llhttp_errno_t error = llhttp_execute(&h->parser, p, n);
	if (error == HPE_OK) {
		*used = n;
		return HTTP1_MORE;
	}
	if (error != HPE_PAUSED)
		return refused(h, error);
	*used = (size_t)(llhttp_get_error_pos(&h->parser) - p);
	llhttp_resume(&h->parser);
	return h->state == DONE ? HTTP1_END : HTTP1_BODY;
}

size_t http1_feed_body(struct http1 *h, const char *p, size_t n, struct span *slices, size_t max,
		       size_t *n_slices, enum http1_event *event)
{
	size_t used = 0;
	CHECK(h->state > HEAD && max > 0);
	h->slices = slices;
	h->slices_max = max;
	h->slices_n = 0;
	*event = HTTP1_MORE;
	switch ((enum state)h->state) {
	case LEAD:
	case HEAD:
	case REFUSED: *event = HTTP1_REFUSED; break;
	case DONE: *event = HTTP1_END; break;
	case CHUNKED: *event = feed_chunks(h, p, n, &used); break;
	case LENGTH:
	case UNTIL_CLOSE:
		used = h->state == LENGTH ? (size_t)min_u64(h->left, n) : n;
		if (used > 0)
			slices[h->slices_n++] = (struct span){ p, used };
		h->left -= h->state == LENGTH ? used : 0;
		if (h->state == LENGTH && h->left == 0) {
			h->state = DONE;
			*event = HTTP1_END;
		}
		break;
	}
	*n_slices = h->slices_n;
	h->slices = NULL;
	return used;
}

enum http1_event http1_feed(struct http1 *h, const char *p, size_t n, size_t *used,
			    struct span *body)
{
	*used = 0;
	if (h->state == LEAD) {
		*used = skip_lead(h, p, n);
		if (h->state == LEAD)
			return HTTP1_MORE;
		p += *used;
		n -= *used;
	}
	if (h->state == HEAD) {
		size_t taken = 0;
		enum http1_event event = n > 0 ? feed_head(h, p, n, &taken) : HTTP1_MORE;
		*used += taken;
		return event;
	}
	enum http1_event event;
	size_t slices;
	*used += http1_feed_body(h, p, n, body, 1, &slices, &event);
	/* An end or a refusal after the slice is reported by the next call. */
	return slices > 0 ? HTTP1_BODY : event;
}

uint64_t http1_skip(struct http1 *h, uint64_t n)
{
	if (h->state != LENGTH)
		return h->state == UNTIL_CLOSE ? n : 0;
	n = min_u64(n, h->left);
	h->left -= n;
	h->state = h->left ? LENGTH : DONE;
	return n;
}

enum http1_event http1_eof(struct http1 *h)
{
	switch ((enum state)h->state) {
	case LEAD: return HTTP1_MORE;
	case UNTIL_CLOSE:
	case DONE: h->state = DONE; return HTTP1_END;
	case HEAD:
	case LENGTH:
	case CHUNKED: (void)refuse(h, HTTP1_TRUNCATED); return HTTP1_REFUSED;
	case REFUSED: break;
	}
	return HTTP1_REFUSED;
}

/* ---- lifetime and questions ---- */

static void reset(struct http1 *h)
{
	llhttp_reset(&h->parser);
	CHECK(!h->message.store.text);
	memset(&h->message, 0, sizeof(h->message));
	memset(&h->start, 0, sizeof(h->start));
	h->lines = LINES_TEXT;
	h->extension_n = 0;
	h->lead_cr = h->lead_line = false;
	h->state = LEAD;
}

struct http1 *http1_new(enum http1_kind kind, const struct http1_limits *limits)
{
	struct http1 *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->kind = (uint8_t)kind;
	h->limits = *limits;
	llhttp_init(&h->parser, kind == HTTP1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	reset(h);
	return h;
}

static void drop_trailers(struct http1 *h)
{
	if (h->trailers)
		http1_store_fini(h->trailers);
	free(h->trailers);
	h->trailers = NULL;
}

void http1_free(struct http1 *h)
{
	if (!h)
		return;
	drop_trailers(h);
	http1_store_fini(&h->message.store);
	free(h);
}

void http1_drop_head(struct http1 *h)
{
	CHECK(h->state != LEAD && h->state != HEAD);
	struct http1_head *head = &h->message.head;
	http1_store_fini(&h->message.store);
	head->method = head->target = head->host = head->reason = (struct span){ NULL, 0 };
	head->headers = NULL;
	head->n = 0;
}

void http1_next(struct http1 *h)
{
	CHECK(h->state == DONE);
	http1_drop_head(h);
	drop_trailers(h);
	if (h->message.head.status >= 200) /* an interim response is followed by the final one */
		h->answers_head = false;
	reset(h);
}

void http1_expect(struct http1 *h, struct span method)
{
	CHECK(h->kind == HTTP1_RESPONSE);
	h->answers_head = span_eq(method, SPAN("HEAD"));
}

size_t http1_memory(const struct http1 *h)
{
	size_t trailers = h->trailers ? sizeof(*h->trailers) + http1_store_memory(h->trailers) : 0;
	return sizeof(*h) + http1_store_memory(&h->message.store) + trailers;
}

const struct http1_head *http1_head(const struct http1 *h)
{
	return &h->message.head;
}

const struct http1_header *http1_trailers(const struct http1 *h, size_t *n)
{
	*n = h->trailers ? h->trailers->count : 0;
	return h->trailers ? h->trailers->v : NULL;
}

enum http1_refusal http1_refusal(const struct http1 *h)
{
	return (enum http1_refusal)h->why;
}

bool http1_idle(const struct http1 *h)
{
	return h->state == LEAD;
}

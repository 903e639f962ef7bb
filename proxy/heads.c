#include "proxy/heads.h"

#include <string.h>

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *head_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

static bool is(const struct http1_header *h, const char *name)
{
	return span_eq_nocase(h->name, span_of(name));
}

static bool is_one_of(const struct http1_header *h, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(h->name, names[i]))
			return true;
	return false;
}

static void put(struct buf *out, struct span name, struct span value)
{
	buf_add(out, name.p, name.n);
	buf_add(out, ": ", 2);
	buf_add(out, value.p, value.n);
	buf_add(out, "\r\n", 2);
}

static bool replaced_by_route(const struct config_route *route, const struct http1_header *h)
{
	for (size_t i = 0; i < route->n_headers; i++)
		if (is(h, route->headers[i].name))
			return true;
	return false;
}

/* The client's list followed by what we add, for headers that form lists (Via, X-Forwarded-For). */
static void put_list(struct buf *out, const struct http1_head *head, const char *name,
		     struct span last, bool keep)
{
	buf_add_text(out, name);
	buf_add_text(out, ": ");
	for (size_t i = 0; keep && i < head->n; i++) {
		if (!is(&head->headers[i], name) || head->headers[i].value.n == 0)
			continue;
		buf_add(out, head->headers[i].value.p, head->headers[i].value.n);
		buf_add_text(out, ", ");
	}
	buf_add(out, last.p, last.n);
	buf_add_text(out, "\r\n");
}

static void put_forwarded(struct buf *out, const struct http1_head *head,
			  const struct head_facts *facts)
{
	struct span proto = http1_find(head, SPAN("x-forwarded-proto"));
	struct span host = http1_find(head, SPAN("x-forwarded-host"));
	if (!facts->forwarded_append || !proto.p)
		proto = facts->tls ? SPAN("https") : SPAN("http");
	if (!facts->forwarded_append || !host.p)
		host = head->host;
	if (facts->client_ip.n)
		put_list(out, head, "x-forwarded-for", facts->client_ip, facts->forwarded_append);
	put(out, SPAN("x-forwarded-proto"), proto);
	if (host.n)
		put(out, SPAN("x-forwarded-host"), host);
}

static void put_length(struct buf *out, uint64_t length)
{
	buf_add_text(out, "content-length: ");
	buf_add_number(out, length, 10);
	buf_add_text(out, "\r\n");
}

/* Who is asking, in all the words that builders believe: only a trusted client may say it. */
static bool names_client(const struct http1_header *h)
{
	static const struct span names[] = { SPAN_INIT("forwarded"), SPAN_INIT("x-real-ip") };
	static const struct span family = SPAN_INIT("x-forwarded-");
	return is_one_of(h, names, ARRAY_LEN(names)) ||
	       (h->name.n > family.n &&
		span_eq_nocase((struct span){ h->name.p, family.n }, family));
}

/* Parts of an answer, asked for one by one, would each be judged without what stands before it. */
static bool asks_for_part(const struct http1_header *h)
{
	return is(h, "range") || is(h, "if-range");
}

static void put_request_framing(struct buf *out, const struct http1_head *head)
{
	switch (head->framing) {
	case HTTP1_LENGTH: put_length(out, head->length); break;
	case HTTP1_CHUNKED: buf_add_text(out, "transfer-encoding: chunked\r\n"); break;
	case HTTP1_NO_BODY:
	case HTTP1_UNTIL_CLOSE: break;
	}
}

void head_request(struct buf *out, const struct http1_head *head, const struct config_route *route,
		  const struct head_facts *facts)
{
	static const struct span ours[] = {
		SPAN_INIT("host"),
		SPAN_INIT("content-length"),
		SPAN_INIT("transfer-encoding"),
		SPAN_INIT("expect"),
		SPAN_INIT("via"),
		SPAN_INIT("upgrade"),
		SPAN_INIT("accept-encoding"),
		SPAN_INIT("x-forwarded-for"),
		SPAN_INIT("x-forwarded-proto"),
		SPAN_INIT("x-forwarded-host"),
		SPAN_INIT("x-redcard-exchange"),
	};
	buf_add(out, head->method.p, head->method.n);
	buf_add_char(out, ' ');
	buf_add(out, head->target.p, head->target.n);
	buf_add_text(out, " HTTP/1.1\r\n");
	struct span host = head->host.n ? head->host : facts->host;
	put(out, SPAN("host"), route->host_header ? span_of(route->host_header) : host);
	for (size_t i = 0; i < head->n; i++) {
		const struct http1_header *h = &head->headers[i];
		if (is_one_of(h, ours, ARRAY_LEN(ours)) || http1_hop_by_hop(head, h) ||
		    replaced_by_route(route, h))
			continue;
		if ((names_client(h) && !facts->forwarded_append) ||
		    (asks_for_part(h) && route->inspect))
			continue;
		put(out, h->name, h->value);
	}
	for (size_t i = 0; i < route->n_headers; i++)
		if (route->headers[i].value)
			put(out, span_of(route->headers[i].name), span_of(route->headers[i].value));
	buf_add_text(out, "accept-encoding: identity\r\n");
	put_list(out, head, "via", SPAN("1.1 redcard"), true);
	put_forwarded(out, head, facts);
	put(out, SPAN("x-redcard-exchange"), facts->exchange);
	if (facts->upgrade)
		put(out, SPAN("connection: upgrade\r\nupgrade"), http1_find(head, SPAN("upgrade")));
	if (facts->expect_continue)
		buf_add_text(out, "expect: 100-continue\r\n");
	put_request_framing(out, head);
	buf_add_text(out, "\r\n");
}

static void put_status(struct buf *out, const struct http1_head *head)
{
	buf_add_text(out, "HTTP/1.1 ");
	buf_add_number(out, head->status, 10);
	buf_add_char(out, ' ');
	buf_add(out, head->reason.p, head->reason.n);
	buf_add_text(out, "\r\n");
}

/* What tells a body by its bytes is not true of one in which something was replaced. */
static bool names_bytes(const struct http1_header *h)
{
	static const struct span names[] = {
		SPAN_INIT("etag"),           SPAN_INIT("digest"),      SPAN_INIT("content-md5"),
		SPAN_INIT("content-digest"), SPAN_INIT("repr-digest"), SPAN_INIT("signature"),
		SPAN_INIT("signature-input")
	};
	return is_one_of(h, names, ARRAY_LEN(names));
}

void head_response(struct buf *out, const struct http1_head *head, const struct head_answer *facts)
{
	static const struct span ours[] = { SPAN_INIT("content-length"),
					    SPAN_INIT("transfer-encoding"), SPAN_INIT("upgrade"),
					    SPAN_INIT("x-redcard-exchange") };
	put_status(out, head);
	for (size_t i = 0; i < head->n; i++) {
		const struct http1_header *h = &head->headers[i];
		if (is_one_of(h, ours, ARRAY_LEN(ours)) || http1_hop_by_hop(head, h))
			continue;
		if (is(h, "via") || (facts->decoded && is(h, "content-encoding")) ||
		    (facts->event_stream && is(h, "x-accel-buffering")) ||
		    (facts->edited && names_bytes(h)))
			continue;
		put(out, h->name, h->value);
	}
	put_list(out, head, "via", SPAN("1.1 redcard"), true);
	put(out, SPAN("x-redcard-exchange"), facts->exchange);
	if (facts->event_stream)
		buf_add_text(out, "x-accel-buffering: no\r\n");
	if (facts->chunked)
		buf_add_text(out, "transfer-encoding: chunked\r\n");
	else if (facts->has_length)
		put_length(out, facts->length);
	if (facts->upgrade)
		put(out, SPAN("connection: upgrade\r\nupgrade"), http1_find(head, SPAN("upgrade")));
	else if (facts->close)
		buf_add_text(out, "connection: close\r\n");
	else if (facts->keep_alive_1_0)
		buf_add_text(out, "connection: keep-alive\r\n");
	buf_add_text(out, "\r\n");
}

void head_interim(struct buf *out, const struct http1_head *head)
{
	put_status(out, head);
	for (size_t i = 0; i < head->n; i++)
		if (!http1_hop_by_hop(head, &head->headers[i]) &&
		    !is(&head->headers[i], "content-length"))
			put(out, head->headers[i].name, head->headers[i].value);
	buf_add_text(out, "\r\n");
}

/* Fields that would change the framing or the routing of a message do not belong into trailers (RFC
 * 9110, 6.5.1). */
void head_trailers(struct buf *out, const struct http1_header *trailers, size_t n, bool edited)
{
	static const struct span forbidden[] = {
		SPAN_INIT("content-length"), SPAN_INIT("transfer-encoding"),
		SPAN_INIT("host"),           SPAN_INIT("connection"),
		SPAN_INIT("trailer"),        SPAN_INIT("te"),
		SPAN_INIT("upgrade"),        SPAN_INIT("content-encoding"),
		SPAN_INIT("content-type"),   SPAN_INIT("authorization"),
		SPAN_INIT("cookie"),         SPAN_INIT("set-cookie"),
	};
	for (size_t i = 0; i < n; i++)
		if (!is_one_of(&trailers[i], forbidden, ARRAY_LEN(forbidden)) &&
		    !(edited && names_bytes(&trailers[i])))
			put(out, trailers[i].name, trailers[i].value);
}

#include "proxy/shadow_rewrite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const shadow_fit_names[] = { "fits",
					 "malformed",
					 "upgrade",
					 "compressed",
					 "not JSON",
					 "no text",
					 "credential in the body",
					 "out of memory" };
static_assert(ARRAY_LEN(shadow_fit_names) == SHADOW_FIT_COUNT, "a name for each");

#define NAME_BYTES 256

struct work {
	struct http1 *http;
	const struct config_rewrite *rewrite;
	struct shadow_request *out;
	struct buf offsets; /* size_t: where each header begins in the text */
	size_t method, target, url;
};

/* --- the request as it was --- */

/* Reads all of it; the head's spans live until the parser is freed. */
static enum shadow_fit read_request(struct work *w, struct span bytes)
{
	bool ended = false, more = true;
	while (!ended && more) {
		size_t used = 0;
		struct span body = { 0 };
		enum http1_event event = http1_feed(w->http, bytes.p, bytes.n, &used, &body);
		if (event == HTTP1_REFUSED)
			return SHADOW_MALFORMED;
		if (event == HTTP1_BODY)
			buf_add(&w->out->body, body.p, body.n);
		ended = event == HTTP1_END;
		more = event != HTTP1_MORE;
		bytes.p += used;
		bytes.n -= used;
	}
	if (!ended || bytes.n)
		return SHADOW_MALFORMED;
	const struct http1_head *head = http1_head(w->http);
	w->out->has_body = head->framing != HTTP1_NO_BODY;
	if (head->upgrade || head->target.n == 0 || head->target.p[0] != '/')
		return SHADOW_UPGRADE;
	return w->out->body.failed ? SHADOW_NO_MEMORY : SHADOW_FITS;
}

/* --- what becomes of it --- */

static size_t put_text(struct work *w, struct span text)
{
	size_t at = w->out->text.n;
	buf_add(&w->out->text, text.p, text.n);
	buf_add_char(&w->out->text, '\0');
	return at;
}

static void put_header(struct work *w, struct span name, struct span value)
{
	struct buf *text = &w->out->text;
	size_t at = text->n;
	buf_add(text, name.p, name.n);
	buf_add_text(text, value.n ? ": " : ";"); /* libcurl's word for an empty value */
	buf_add(text, value.p, value.n);
	buf_add_char(text, '\0');
	buf_add(&w->offsets, &at, sizeof(at));
}

static int digit(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* A parameter's name as its reader decodes it. One that is longer than any of ours is cut. */
static struct span decoded(struct span name, char room[NAME_BYTES])
{
	size_t n = 0;
	for (size_t i = 0; i < name.n && n < NAME_BYTES; i++, n++) {
		room[n] = name.p[i];
		if (name.p[i] != '%' || i + 2 >= name.n || digit(name.p[i + 1]) < 0 ||
		    digit(name.p[i + 2]) < 0)
			continue;
		room[n] = (char)(digit(name.p[i + 1]) * 16 + digit(name.p[i + 2]));
		i += 2;
	}
	return (struct span){ room, n };
}

/* To the next separator; of some servers ";" is one. */
static size_t parameter(struct span rest)
{
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '&' && rest.p[n] != ';')
		n++;
	return n;
}

/* "/path?a=1&key=2&b" without the parameters that stay away. */
static void put_target(struct work *w, struct span target)
{
	struct buf *text = &w->out->text;
	const char *mark = memchr(target.p, '?', target.n);
	size_t path = mark ? (size_t)(mark - target.p) : target.n;
	bool first = true;
	buf_add(text, target.p, path);
	for (size_t at = path + 1; at <= target.n && mark;) {
		size_t n = parameter((struct span){ target.p + at, target.n - at });
		const char *equals = n ? memchr(target.p + at, '=', n) : NULL;
		char room[NAME_BYTES];
		struct span name = { target.p + at, equals ? (size_t)(equals - target.p) - at : n };
		if (!shadow_stays_away(w->rewrite, decoded(name, room))) {
			buf_add_char(text, first ? '?' : target.p[at - 1]);
			buf_add(text, target.p + at, n);
			first = false;
		}
		at += n + 1;
	}
	buf_add_char(text, '\0');
}

static bool is_one_of(struct span name, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(name, names[i]))
			return true;
	return false;
}

static bool configured(const struct config_rewrite *w, struct span name)
{
	for (size_t i = 0; i < w->n_headers; i++)
		if (span_eq_nocase(name, span_of(w->headers[i].name)))
			return true;
	return false;
}

static void put_headers(struct work *w, const struct http1_head *head)
{
	static const struct span ours[] = { SPAN_INIT("host"), SPAN_INIT("content-length"),
					    SPAN_INIT("expect"), SPAN_INIT("accept-encoding"),
					    SPAN_INIT("x-redcard-shadow") };
	static const struct span of_body[] = { SPAN_INIT("digest"), SPAN_INIT("content-digest"),
					       SPAN_INIT("repr-digest"), SPAN_INIT("content-md5") };
	const struct config_rewrite *c = w->rewrite;
	for (size_t i = 0; i < head->n; i++) {
		const struct http1_header *h = &head->headers[i];
		if (is_one_of(h->name, ours, ARRAY_LEN(ours)) || http1_hop_by_hop(head, h) ||
		    configured(c, h->name) || shadow_stays_away(c, h->name) ||
		    (c->model && is_one_of(h->name, of_body, ARRAY_LEN(of_body))))
			continue;
		put_header(w, h->name, h->value);
	}
	for (size_t i = 0; i < c->n_headers; i++)
		if (c->headers[i].value)
			put_header(w, span_of(c->headers[i].name), span_of(c->headers[i].value));
	if (c->host)
		put_header(w, SPAN("host"), span_of(c->host));
	put_header(w, SPAN("accept-encoding"), SPAN("identity"));
	put_header(w, SPAN("x-redcard-shadow"), SPAN("1"));
}

/* libcurl adds these unless it is told not to. */
static void silence(struct work *w, const struct http1_head *head)
{
	static const char *const added[] = { "accept", "content-type", "user-agent" };
	for (size_t i = 0; i < ARRAY_LEN(added); i++) {
		struct span name = span_of(added[i]);
		if (http1_find(head, name).p || configured(w->rewrite, name))
			continue;
		size_t at = w->out->text.n;
		buf_printf(&w->out->text, "%s:", added[i]);
		buf_add_char(&w->out->text, '\0');
		buf_add(&w->offsets, &at, sizeof(at));
	}
}

static bool is_compressed(const struct http1_head *head)
{
	for (size_t i = 0; i < head->n; i++) {
		const struct http1_header *h = &head->headers[i];
		if (span_eq_nocase(h->name, SPAN("content-encoding")) && h->value.n &&
		    !span_eq_nocase(h->value, SPAN("identity")))
			return true;
	}
	return false;
}

static enum shadow_fit set_model(struct work *w, const struct http1_head *head)
{
	struct buf *body = &w->out->body, changed = { 0 };
	if (!w->rewrite->model || body->n == 0)
		return SHADOW_FITS;
	if (is_compressed(head))
		return SHADOW_COMPRESSED;
	enum shadow_fit fit =
		shadow_set_model((struct span){ body->p, body->n }, w->rewrite->model, &changed);
	struct buf old = *body;
	*body = changed;
	buf_fini(&old);
	return fit;
}

/* The text stays where it is from now on. */
static enum shadow_fit point(struct work *w)
{
	struct shadow_request *r = w->out;
	size_t n = w->offsets.n / sizeof(size_t);
	if (r->text.failed || w->offsets.failed)
		return SHADOW_NO_MEMORY;
	r->headers = calloc(n + 1, sizeof(*r->headers));
	if (!r->headers)
		return SHADOW_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		size_t at;
		memcpy(&at, w->offsets.p + i * sizeof(at), sizeof(at));
		r->headers[i] = r->text.p + at;
	}
	r->method = r->text.p + w->method;
	r->target = r->text.p + w->target;
	r->url = r->text.p + w->url;
	return SHADOW_FITS;
}

static enum shadow_fit rewrite(struct work *w, struct span bytes, const char *url)
{
	enum shadow_fit fit = read_request(w, bytes);
	if (fit != SHADOW_FITS)
		return fit;
	const struct http1_head *head = http1_head(w->http);
	w->method = put_text(w, head->method);
	w->target = put_text(w, head->target);
	w->url = w->out->text.n;
	buf_add_text(&w->out->text, url);
	put_target(w, head->target);
	put_headers(w, head);
	silence(w, head);
	if (shadow_body_tells((struct span){ w->out->body.p, w->out->body.n }, w->rewrite))
		return SHADOW_SECRET;
	fit = set_model(w, head);
	return fit == SHADOW_FITS ? point(w) : fit;
}

enum shadow_fit shadow_rewrite(struct span bytes, const struct http1_limits *limits,
			       const struct config_shadow_to *to, struct shadow_request *out)
{
	struct work w = { .rewrite = &to->rewrite,
			  .out = out,
			  .http = http1_new(HTTP1_REQUEST, limits) };
	*out = (struct shadow_request){ 0 };
	enum shadow_fit fit = w.http ? rewrite(&w, bytes, to->url) : SHADOW_NO_MEMORY;
	http1_free(w.http);
	buf_fini(&w.offsets);
	return fit;
}

void shadow_request_fini(struct shadow_request *r)
{
	buf_fini(&r->text);
	buf_fini(&r->body);
	free(r->headers);
	*r = (struct shadow_request){ 0 };
}

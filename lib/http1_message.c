#include "lib/http1_message.h"

#include "lib/http1_rules.h"

enum http1_refusal http1_message_method(struct http1_message *m)
{
	struct span method = http1_store_piece(&m->store);
	m->method_n = m->store.n;
	http1_store_mark(&m->store);
	return http1_rules_method(method) ? HTTP1_OK : HTTP1_BAD_METHOD;
}

enum http1_refusal http1_message_target(struct http1_message *m, const struct http1_limits *limits)
{
	m->target_n = m->store.n - m->method_n;
	m->target_done = true;
	http1_store_mark(&m->store);
	return m->target_n <= limits->target_bytes ? HTTP1_OK : HTTP1_TARGET_TOO_LONG;
}

enum http1_refusal http1_message_reason(struct http1_message *m)
{
	struct span reason = http1_store_piece(&m->store);
	m->target_n = m->store.n;
	http1_store_mark(&m->store);
	return http1_rules_text(reason) ? HTTP1_OK : HTTP1_MALFORMED;
}

enum http1_refusal http1_message_version(struct http1_message *m, unsigned major, unsigned minor)
{
	m->head.minor = minor;
	m->version_done = true;
	return major == 1 && minor <= 1 ? HTTP1_OK : HTTP1_BAD_VERSION;
}

enum http1_refusal http1_message_name(struct http1_store *s, const struct http1_limits *limits)
{
	if (!http1_rules_token(http1_store_piece(s)))
		return HTTP1_BAD_HEADER;
	if (s->count == limits->headers)
		return HTTP1_HEADERS_TOO_LARGE;
	return http1_store_name(s) == 0 ? HTTP1_OK : HTTP1_NO_MEMORY;
}

enum http1_refusal http1_message_value(struct http1_store *s)
{
	struct span value = http1_rules_trim(http1_store_piece(s));
	if (s->count == 0 || !http1_rules_text(value))
		return HTTP1_BAD_HEADER;
	if (value.n > 0)
		s->v[s->count - 1].value = value;
	http1_store_mark(s);
	return HTTP1_OK;
}

static enum http1_refusal take_headers(struct http1_message *m)
{
	m->head.headers = m->store.v;
	m->head.n = m->store.count;
	/* llhttp takes a line without a version for HTTP/0.9. */
	return m->version_done ? HTTP1_OK : HTTP1_BAD_VERSION;
}

enum http1_refusal http1_message_request(struct http1_message *m)
{
	enum http1_refusal why = take_headers(m);
	m->head.method = (struct span){ m->store.text, m->method_n };
	m->head.target = (struct span){ m->store.text + m->method_n, m->target_n };
	return why == HTTP1_OK ? http1_rules_request(&m->head) : why;
}

enum http1_refusal http1_message_response(struct http1_message *m, unsigned status,
					  bool answers_head)
{
	enum http1_refusal why = take_headers(m);
	m->head.status = status;
	m->head.reason = (struct span){ m->target_n ? m->store.text : "", m->target_n };
	return why == HTTP1_OK ? http1_rules_response(&m->head, answers_head) : why;
}

/* Questions about a head, and the words for why one was refused. */
#include <assert.h>

#include "lib/http1.h"
#include "lib/http1_rules.h"

const char *const http1_refusal_names[HTTP1_REFUSAL_COUNT] = {
	[HTTP1_OK] = "ok",
	[HTTP1_MALFORMED] = "malformed",
	[HTTP1_BAD_VERSION] = "bad_version",
	[HTTP1_BAD_METHOD] = "bad_method",
	[HTTP1_BAD_TARGET] = "bad_target",
	[HTTP1_BAD_HOST] = "bad_host",
	[HTTP1_BAD_HEADER] = "bad_header",
	[HTTP1_BAD_LENGTH] = "bad_length",
	[HTTP1_BAD_ENCODING] = "bad_encoding",
	[HTTP1_BAD_CHUNK] = "bad_chunk",
	[HTTP1_TARGET_TOO_LONG] = "target_too_long",
	[HTTP1_HEADERS_TOO_LARGE] = "headers_too_large",
	[HTTP1_TRUNCATED] = "truncated",
	[HTTP1_NO_MEMORY] = "no_memory",
};
static_assert(ARRAY_LEN(http1_refusal_names) == HTTP1_REFUSAL_COUNT, "one name per refusal");

unsigned http1_refusal_status(enum http1_refusal why)
{
	switch (why) {
	case HTTP1_BAD_VERSION: return 505;
	case HTTP1_BAD_METHOD: return 501;
	case HTTP1_TARGET_TOO_LONG: return 414;
	case HTTP1_HEADERS_TOO_LARGE: return 431;
	case HTTP1_NO_MEMORY: return 503;
	case HTTP1_OK:
	case HTTP1_MALFORMED:
	case HTTP1_BAD_TARGET:
	case HTTP1_BAD_HOST:
	case HTTP1_BAD_HEADER:
	case HTTP1_BAD_LENGTH:
	case HTTP1_BAD_ENCODING:
	case HTTP1_BAD_CHUNK:
	case HTTP1_TRUNCATED:
	case HTTP1_REFUSAL_COUNT: break;
	}
	return 400;
}

static bool same_name(struct span a, struct span b)
{
	return a.n == b.n && span_eq_nocase(a, b); /* lengths differ as a rule: no call */
}

struct span http1_find(const struct http1_head *head, struct span name)
{
	for (size_t i = 0; i < head->n; i++) {
		if (same_name(head->headers[i].name, name))
			return head->headers[i].value;
	}
	return (struct span){ NULL, 0 };
}

bool http1_hop_by_hop(const struct http1_head *head, const struct http1_header *header)
{
	static const struct span fixed[] = {
		{ "connection", 10 },
		{ "keep-alive", 10 },
		{ "proxy-connection", 16 },
		{ "transfer-encoding", 17 },
		{ "te", 2 },
		{ "trailer", 7 },
		{ "upgrade", 7 },
		{ "http2-settings", 14 },
		{ "proxy-authenticate", 18 },
		{ "proxy-authorization", 19 },
	};
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (same_name(header->name, fixed[i]))
			return true;
	}
	for (size_t i = 0; i < head->n; i++) {
		struct span list = head->headers[i].value, element;
		if (!same_name(head->headers[i].name, fixed[0]))
			continue;
		while (http1_rules_element(&list, &element)) {
			if (same_name(element, header->name))
				return true;
		}
	}
	return false;
}

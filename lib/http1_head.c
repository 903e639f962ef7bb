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

struct span http1_find(const struct http1_head *head, struct span name)
{
	for (size_t i = 0; i < head->n; i++) {
		if (span_eq_nocase(head->headers[i].name, name))
			return head->headers[i].value;
	}
	return (struct span){ NULL, 0 };
}

bool http1_hop_by_hop(const struct http1_head *head, const struct http1_header *header)
{
	static const char *const fixed[] = { "connection",        "keep-alive", "proxy-connection", "transfer-encoding",
		                             "te",                "trailer",    "upgrade",          "http2-settings",
		                             "proxy-authenticate", "proxy-authorization" };
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (span_eq_nocase(header->name, span_of(fixed[i])))
			return true;
	}
	for (size_t i = 0; i < head->n; i++) {
		struct span list = head->headers[i].value, element;
		if (!span_eq_nocase(head->headers[i].name, SPAN("connection")))
			continue;
		while (http1_rules_element(&list, &element)) {
			if (span_eq_nocase(element, header->name))
				return true;
		}
	}
	return false;
}

/*
 * Theory of operation
 *
 * One pass over the headers (`survey`) counts and remembers the few that decide something; then the
 * framing of the message follows from RFC 9112, section 6.3, with every choice that a recipient may
 * make turned into a refusal:
 *
 *   request   TE + CL, two CL, a list, another coding  ->  refused, never repaired
 *   response  the same; what may have no body (1xx, 204, 304, an answer to HEAD) has none
 *
 * The target loses its scheme and authority here, so that all later code sees origin-form and one
 * host.
 */
#include "lib/http1_rules.h"

#include <arpa/inet.h>
#include <string.h>

/* Sets of bytes, a bit each. */
struct byte_set {
	uint32_t bits[8];
};

/* letters, digits and !#$%&'*+-.^_`|~ */
static const struct byte_set token_bytes = { { 0x00000000, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff,
					       0x00000000, 0x00000000, 0x00000000, 0x00000000 } };
/* letters, digits and -._~: a reg-name without percent-encoding and sub-delimiters, which no
 * host here needs */
static const struct byte_set host_bytes = { { 0x00000000, 0x03ff6000, 0x87fffffe, 0x47fffffe,
					      0x00000000, 0x00000000, 0x00000000, 0x00000000 } };
/* what can be seen, but # and the backslash, which some take for a slash */
static const struct byte_set target_bytes = { { 0x00000000, 0xfffffff6, 0xefffffff, 0x7fffffff,
						0x00000000, 0x00000000, 0x00000000, 0x00000000 } };
static bool all_of(struct span s, const struct byte_set *set)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (!(set->bits[c / 32] >> (c % 32) & 1))
			return false;
	}
	return true;
}

bool http1_rules_token(struct span s)
{
	return s.n > 0 && all_of(s, &token_bytes);
}

/* Eight bytes at a time: does one of them lie under 0x20, or equal DEL? (The classic carry
 * trick; exact as a yes or no.) */
static bool has_control(uint64_t x)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t low = (x - ones * 0x20) & ~x;
	uint64_t del = x ^ ones * 0x7f;
	return ((low | ((del - ones) & ~del)) & ones * 0x80) != 0;
}

bool http1_rules_text(struct span s)
{
	size_t i = 0;
	for (uint64_t x; i + 8 <= s.n; i += 8) {
		memcpy(&x, s.p + i, 8);
		if (has_control(x))
			break;
	}
	for (; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

struct span http1_rules_trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool http1_rules_method(struct span s)
{
	static const struct span forwarded[] = { { "GET", 3 },    { "HEAD", 4 },  { "POST", 4 },
						 { "PUT", 3 },    { "PATCH", 5 }, { "DELETE", 6 },
						 { "OPTIONS", 7 } };
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++) {
		if (span_eq(s, forwarded[i]))
			return true;
	}
	return false;
}

/* A value made of nothing but digits, at most `max`. */
static bool plain_number(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

static bool is_ipv6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return strlen(text) == s.n && inet_pton(AF_INET6, text, &address) == 1;
}

/* Splits "name:port"; *port is empty when there is none. False when the form is broken. */
static bool split_authority(struct span s, struct span *name, struct span *port)
{
	const char *colon;
	if (s.n > 0 && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);
		if (!end)
			return false;
		*name = (struct span){ s.p, (size_t)(end - s.p) + 1 };
		colon = end + 1 < s.p + s.n ? end + 1 : NULL;
		if (colon && *colon != ':')
			return false;
	} else {
		colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
		*name = (struct span){ s.p, colon ? (size_t)(colon - s.p) : s.n };
	}
	*port = (struct span){ NULL, 0 };
	if (colon) {
		uint64_t number;
		*port = (struct span){ colon + 1, (size_t)(s.p + s.n - colon) - 1 };
		return plain_number(*port, 65535, &number) && number > 0;
	}
	return true;
}

bool http1_rules_host(struct span s)
{
	struct span name, port;
	if (!split_authority(s, &name, &port) || name.n == 0 || name.n > 255)
		return false;
	if (name.p[0] == '[')
		return is_ipv6((struct span){ name.p + 1, name.n - 2 });
	return all_of(name, &host_bytes);
}

/* Do two valid authorities name the same place, for a scheme with that default port? */
static bool same_authority(struct span a, struct span b, const char *default_port)
{
	struct span a_name, a_port, b_name, b_port;
	if (!split_authority(a, &a_name, &a_port) || !split_authority(b, &b_name, &b_port))
		return false;
	if (a_port.n == 0)
		a_port = span_of(default_port);
	if (b_port.n == 0)
		b_port = span_of(default_port);
	return span_eq_nocase(a_name, b_name) && span_eq(a_port, b_port);
}

/* What the headers say, counted: more than one of a kind is as telling as its value. */
struct survey {
	unsigned hosts, lengths, encodings;
	struct span host, length, encoding;
	bool close, keep_alive, wants_upgrade, has_upgrade, expects;
	bool names_framing; /* Connection names Host or Content-Length: the next hop would strip
			       them */
};

bool http1_rules_element(struct span *list, struct span *element)
{
	while (list->n > 0) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma ? (size_t)(comma - list->p) : list->n;
		size_t step = comma ? n + 1 : n;
		*element = http1_rules_trim((struct span){ list->p, n });
		list->p += step;
		list->n -= step;
		if (element->n > 0)
			return true;
	}
	return false;
}

static void survey_connection(struct survey *s, struct span list)
{
	struct span element;
	while (http1_rules_element(&list, &element)) {
		if (span_eq_nocase(element, SPAN("close")))
			s->close = true;
		else if (span_eq_nocase(element, SPAN("keep-alive")))
			s->keep_alive = true;
		else if (span_eq_nocase(element, SPAN("upgrade")))
			s->wants_upgrade = true;
		else if (span_eq_nocase(element, SPAN("host")) ||
			 span_eq_nocase(element, SPAN("content-length")))
			s->names_framing = true;
	}
}

static void survey_header(struct survey *s, const struct http1_header *header)
{
	struct span name = header->name;
	switch (name.n) { /* lengths first: most headers match none and cost one comparison */
	case 4:
		if (span_eq_nocase(name, SPAN("host")))
			s->hosts++, s->host = header->value;
		break;
	case 6:
		if (span_eq_nocase(name, SPAN("expect")) &&
		    span_eq_nocase(header->value, SPAN("100-continue")))
			s->expects = true;
		break;
	case 7:
		if (span_eq_nocase(name, SPAN("upgrade")))
			s->has_upgrade = true;
		break;
	case 10:
		if (span_eq_nocase(name, SPAN("connection")))
			survey_connection(s, header->value);
		break;
	case 14:
		if (span_eq_nocase(name, SPAN("content-length")))
			s->lengths++, s->length = header->value;
		break;
	case 17:
		if (span_eq_nocase(name, SPAN("transfer-encoding")))
			s->encodings++, s->encoding = header->value;
		break;
	}
}

static void survey_headers(struct survey *s, struct http1_head *head)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < head->n; i++)
		survey_header(s, &head->headers[i]);
	head->keep_alive = !s->close && (head->minor == 1 || s->keep_alive);
}

/* RFC 9112, 6.3, without its liberties. Leaves HTTP1_NO_BODY when neither header is there. */
static enum http1_refusal find_framing(const struct survey *s, struct http1_head *head)
{
	head->framing = HTTP1_NO_BODY;
	head->length = 0;
	if (s->encodings > 0) {
		if (s->encodings > 1 || s->lengths > 0 || head->minor == 0 ||
		    !span_eq_nocase(s->encoding, SPAN("chunked")))
			return HTTP1_BAD_ENCODING;
		head->framing = HTTP1_CHUNKED;
	} else if (s->lengths > 0) {
		if (s->lengths > 1 || !plain_number(s->length, INT64_MAX, &head->length))
			return HTTP1_BAD_LENGTH;
		head->framing = HTTP1_LENGTH;
	}
	return HTTP1_OK;
}

/* The authority and the rest of an absolute-form target; NULL when it is not one. */
static const char *split_absolute(struct span target, struct span *authority, struct span *rest)
{
	static const struct {
		const char *scheme, *port;
	} schemes[] = { { "http://", "80" }, { "https://", "443" } };
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);
		if (target.n <= n ||
		    !span_eq_nocase((struct span){ target.p, n }, span_of(schemes[i].scheme)))
			continue;
		const char *from = target.p + n, *end = target.p + target.n, *p = from;
		while (p < end && *p != '/' && *p != '?')
			p++;
		*authority = (struct span){ from, (size_t)(p - from) };
		*rest = (struct span){ p, (size_t)(end - p) };
		return schemes[i].port;
	}
	return NULL;
}

static enum http1_refusal reduce_target(struct http1_head *head, const struct survey *s)
{
	struct span target = head->target, authority, rest;
	bool options = span_eq(head->method, SPAN("OPTIONS"));
	if (!all_of(target, &target_bytes) || target.n == 0)
		return HTTP1_BAD_TARGET;
	if (target.p[0] == '/')
		return HTTP1_OK;
	if (target.n == 1 && target.p[0] == '*')
		return options ? HTTP1_OK : HTTP1_BAD_TARGET;
	const char *port = split_absolute(target, &authority, &rest);
	/* A query without a path: some read it into the host. */
	if (!port || (rest.n > 0 && rest.p[0] == '?'))
		return HTTP1_BAD_TARGET;
	if (!http1_rules_host(authority))
		return HTTP1_BAD_HOST;
	if (s->hosts > 0 && !same_authority(authority, s->host, port))
		return HTTP1_BAD_HOST;
	head->host = authority;
	head->target = rest.n > 0 ? rest : options ? SPAN("*") : SPAN("/");
	return HTTP1_OK;
}

enum http1_refusal http1_rules_request(struct http1_head *head)
{
	struct survey s;
	survey_headers(&s, head);
	if (s.hosts > 1 || (s.hosts == 0 && head->minor == 1))
		return HTTP1_BAD_HOST;
	if (s.hosts == 1 && !http1_rules_host(s.host))
		return HTTP1_BAD_HOST;
	if (s.names_framing)
		return HTTP1_BAD_HEADER;
	head->host = s.host;
	head->upgrade = s.wants_upgrade && s.has_upgrade && head->minor == 1;
	head->expect_continue = s.expects && head->minor == 1;
	enum http1_refusal why = reduce_target(head, &s);
	return why == HTTP1_OK ? find_framing(&s, head) : why;
}

enum http1_refusal http1_rules_response(struct http1_head *head, bool answers_head)
{
	struct survey s;
	survey_headers(&s, head);
	if (head->status < 100 || head->status > 599)
		return HTTP1_MALFORMED;
	enum http1_refusal why = find_framing(&s, head);
	if (why != HTTP1_OK)
		return why;
	bool never = head->status < 200 || head->status == 204;
	if (never && head->framing == HTTP1_CHUNKED)
		return HTTP1_BAD_ENCODING;
	if (never && head->framing == HTTP1_LENGTH && head->length > 0)
		return HTTP1_BAD_LENGTH;
	if (never || head->status == 304 || answers_head)
		head->framing = HTTP1_NO_BODY;
	else if (head->framing == HTTP1_NO_BODY)
		head->framing = HTTP1_UNTIL_CLOSE;
	head->upgrade = head->status == 101;
	head->keep_alive = head->keep_alive && head->framing != HTTP1_UNTIL_CLOSE;
	return HTTP1_OK;
}

bool http1_rules_trailer(struct span name)
{
	return !span_eq_nocase(name, SPAN("content-length")) &&
	       !span_eq_nocase(name, SPAN("transfer-encoding")) &&
	       !span_eq_nocase(name, SPAN("host"));
}

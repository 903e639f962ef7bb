#include "proxy/admin_request.h"

#include <arpa/inet.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/worker.h"

#define SLICES 8

enum step_next admin_problem(struct exchange *x, unsigned status, const char *title,
			     const char *detail)
{
	answer_problem(x, status, title, detail);
	return exchange_to(x, &step_finish);
}

static enum admin_body refuse(struct exchange *x, unsigned status, const char *title,
			      const char *detail)
{
	answer_problem(x, status, title, detail);
	return ADMIN_BODY_REFUSED;
}

enum admin_body admin_gather(struct exchange *x, size_t max, const char *too_large)
{
	struct conn *from = &x->client->conn;
	while (!x->request_done) {
		struct span in = conn_input(from), slices[SLICES];
		size_t n = 0;
		enum http1_event event;
		if (in.n == 0) {
			client_read(x->client);
			return ADMIN_BODY_WAITS;
		}
		size_t used =
			http1_feed_body(x->client->http, in.p, in.n, slices, SLICES, &n, &event);
		for (size_t i = 0; i < n; i++)
			buf_add(&x->request_head, slices[i].p, slices[i].n);
		conn_consume(from, used);
		conn_trim(from);
		x->request_done = event == HTTP1_END;
		if (event == HTTP1_REFUSED)
			return refuse(x, 400, "malformed body", "the request's body is malformed");
		if (x->request_head.n > max || x->request_head.failed)
			return refuse(x, 413, "body too large", too_large);
	}
	exchange_phase(x, 0);
	client_read(x->client);
	return ADMIN_BODY_WHOLE;
}

static bool is_json(struct span type)
{
	const struct span json = SPAN_INIT("application/json");
	return type.n >= json.n && span_eq_nocase((struct span){ type.p, json.n }, json) &&
	       (type.n == json.n || type.p[json.n] == ';' || type.p[json.n] == ' ');
}

bool admin_may_post(struct exchange *x, const struct http1_head *head)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	bool browser = http1_find(head, SPAN("origin")).p != NULL;
	if (browser || !is_json(http1_find(head, SPAN("content-type")))) {
		answer_problem(x, browser ? 403 : 415, browser ? "not from a browser" : "not JSON",
			       browser ? "pages in a browser are not answered here"
				       : "what is posted here has the content type "
					 "application/json");
		return false;
	}
	if (x->expects_continue)
		conn_write(&x->client->conn, go_on, sizeof(go_on) - 1);
	exchange_phase(x, x->rt->config->timeouts.client_body);
	return true;
}

bool admin_names_address(struct span host)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	const char *colon = memchr(host.p, ':', host.n);
	if (host.n && host.p[0] == '[')
		return true;
	if (colon)
		host.n = (size_t)(colon - host.p);
	if (span_eq_nocase(host, SPAN("localhost")))
		return true;
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, &address) == 1;
}

bool admin_decode(struct span value, struct buf *room, struct span *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t start = room->n;
	for (size_t i = 0; i < value.n; i++) {
		const char *high, *low;
		if (value.p[i] != '%') {
			buf_add_char(room, value.p[i] == '+' ? ' ' : value.p[i]);
			continue;
		}
		if (i + 2 >= value.n || !value.p[i + 1] || !value.p[i + 2] ||
		    !(high = strchr(hex, value.p[i + 1] | 0x20)) ||
		    !(low = strchr(hex, value.p[i + 2] | 0x20)))
			return false;
		buf_add_char(room, (char)((high - hex) << 4 | (low - hex)));
		i += 2;
	}
	*out = (struct span){ room->p + start, room->n - start };
	return !room->failed && out->n > 0;
}

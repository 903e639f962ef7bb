#include "proxy/audit_pages.h"

#include <arpa/inet.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/audit_desk.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define SLICES 8
#define ANSWER_BYTES 65536

static const struct span all = SPAN_INIT("/audits");

/* What follows "/audits/", or nothing. */
static struct span id_of(struct span path)
{
	if (path.n <= all.n + 1 || path.p[all.n] != '/')
		return (struct span){ 0 };
	return (struct span){ path.p + all.n + 1, path.n - all.n - 1 };
}

bool audit_pages_have(struct span path)
{
	return path.n >= all.n && memcmp(path.p, all.p, all.n) == 0 &&
	       (path.n == all.n || path.p[all.n] == '/');
}

static enum step_next problem(struct exchange *x, unsigned status, const char *title,
			      const char *detail)
{
	answer_problem(x, status, title, detail);
	return exchange_to(x, &step_finish);
}

static enum step_next not_waiting(struct exchange *x)
{
	return problem(x, 404, "no such audit",
		       "no audit of this id waits; it was answered, or its time is over");
}

static enum step_next show(struct exchange *x, struct span id)
{
	struct buf out = { 0 };
	bool found = true;
	if (id.n)
		found = audit_desk_show(x->w->server->desk, id, x->w->now_ms, &out);
	else
		audit_desk_list(x->w->server->desk, x->w->now_ms, &out);
	if (found && !out.failed)
		answer_body(x, 200, "application/json", (struct span){ out.p, out.n });
	bool failed = out.failed;
	buf_fini(&out);
	if (failed)
		return problem(x, 503, "out of memory", "there is no room for the question");
	return found ? exchange_to(x, &step_finish) : not_waiting(x);
}

static enum step_next judge(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->client->http);
	struct span target = head->target;
	const char *query = memchr(target.p, '?', target.n);
	struct audit_said said;
	if (query)
		target.n = (size_t)(query - target.p);
	audit_read_json((struct span){ x->request_head.p, x->request_head.n }, &said);
	if (said.answer != AUDIT_YES && said.answer != AUDIT_NO)
		return problem(x, 400, "no answer", said.reason);
	if (!audit_desk_answer(x->w->server->desk, id_of(target), x->w->now_ms, &said))
		return not_waiting(x);
	answer_body(x, 200, "application/json", SPAN("{\"answered\":true}\n"));
	return exchange_to(x, &step_finish);
}

/* The body is small and is kept whole. */
static enum step_next run_receive(struct exchange *x)
{
	struct conn *from = &x->client->conn;
	while (!x->request_done) {
		struct span in = conn_input(from), slices[SLICES];
		size_t n = 0;
		enum http1_event event;
		if (in.n == 0) {
			client_read(x->client);
			return STEP_WAIT;
		}
		size_t used =
			http1_feed_body(x->client->http, in.p, in.n, slices, SLICES, &n, &event);
		for (size_t i = 0; i < n; i++)
			buf_add(&x->request_head, slices[i].p, slices[i].n);
		conn_consume(from, used);
		conn_trim(from);
		x->request_done = event == HTTP1_END;
		if (event == HTTP1_REFUSED)
			return problem(x, 400, "malformed body", "the request's body is malformed");
		if (x->request_head.n > ANSWER_BYTES || x->request_head.failed)
			return problem(x, 413, "body too large", "an answer has at most 64 KiB");
	}
	exchange_phase(x, 0);
	client_read(x->client);
	return judge(x);
}

static const struct step step_receive = { "receive", run_receive };

static bool is_json(struct span type)
{
	const struct span json = SPAN_INIT("application/json");
	return type.n >= json.n && span_eq_nocase((struct span){ type.p, json.n }, json) &&
	       (type.n == json.n || type.p[json.n] == ';' || type.p[json.n] == ' ');
}

static enum step_next receive(struct exchange *x, const struct http1_head *head)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (http1_find(head, SPAN("origin")).p)
		return problem(x, 403, "not from a browser",
			       "audits are not answered by pages in a browser");
	if (!is_json(http1_find(head, SPAN("content-type"))))
		return problem(x, 415, "not JSON",
			       "an answer has the content type application/json");
	if (x->expects_continue)
		conn_write(&x->client->conn, go_on, sizeof(go_on) - 1);
	exchange_phase(x, x->rt->config->timeouts.client_body);
	return exchange_to(x, &step_receive);
}

/* A page can give its own name the address of this machine, and then read what is here; it cannot
 * do without a name. */
static bool names_address(struct span host)
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

enum step_next audit_pages_answer(struct exchange *x, const struct http1_head *head,
				  struct span path)
{
	struct span id = id_of(path);
	if (!head->host.n || !names_address(head->host))
		return problem(x, 403, "asked by a name",
			       "audits are read at the listener's address or localhost");
	if (span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD")))
		return show(x, id);
	if (id.n && span_eq(head->method, SPAN("POST")))
		return receive(x, head);
	if (!id.n)
		return problem(x, 405, "method not allowed", "this page is read with GET");
	return problem(x, 400, "wrong method", "an audit is read with GET and answered with POST");
}

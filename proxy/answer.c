#include "proxy/answer.h"

#include <string.h>

#include "lib/log.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

static void problem_body(struct buf *body, unsigned status, const char *title, const char *detail, struct span id,
			 const char *rule)
{
	buf_printf(body, "{\"type\":\"%s\",\"title\":\"", rule ? "urn:redcard:cut" : "about:blank");
	buf_add_json(body, span_of(title));
	buf_printf(body, "\",\"status\":%u,\"detail\":\"", status);
	buf_add_json(body, span_of(detail));
	buf_add_text(body, "\",\"exchange\":\"");
	buf_add_json(body, id);
	if (rule) {
		buf_add_text(body, "\",\"rule\":\"");
		buf_add_json(body, span_of(rule));
	}
	buf_add_text(body, "\"}\n");
}

static void put_answer(struct client *c, unsigned status, const char *type, struct span body, struct span id,
		       const char *extra, bool close, bool head_only)
{
	struct buf out = { 0 };
	buf_printf(&out, "HTTP/1.1 %u %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n%s", status,
		   head_reason(status), type, body.n, extra);
	if (id.n)
		buf_printf(&out, "x-redcard-exchange: %.*s\r\n", (int)id.n, id.p);
	buf_printf(&out, "connection: %s\r\n\r\n", close ? "close" : "keep-alive");
	if (!head_only)
		buf_add(&out, body.p, body.n);
	if (!out.failed)
		conn_write(&c->conn, out.p, out.n);
	client_queued(c);
	buf_fini(&out);
}

static void refuse(struct client *c, unsigned status, const char *reason)
{
	char id[EXCHANGE_ID_LENGTH + 1];
	worker_new_id(c->conn.w, id);
	struct buf body = { 0 };
	problem_body(&body, status, head_reason(status), reason, span_of(id), NULL);
	put_answer(c, status, "application/problem+json", (struct span){ body.p, body.n }, span_of(id), "", true, false);
	buf_fini(&body);
	conn_close_after_flush(&c->conn);
	metric_add(c->conn.w->metrics, METRIC_REQUESTS, metric_status_class(status), 1);
	struct buf *line = log_begin(LOG_INFO, "refused");
	if (!line)
		return;
	log_text(line, "exchange", span_of(id));
	log_text(line, "client", span_of(c->peer));
	log_number(line, "status", status);
	log_text(line, "reason", span_of(reason));
	log_end(line);
}

void answer_refusal(struct client *c, enum http1_refusal why)
{
	metric_add(c->conn.w->metrics, METRIC_REFUSED_REQUESTS, why, 1);
	refuse(c, http1_refusal_status(why), http1_refusal_names[why]);
}

void answer_timeout(struct client *c)
{
	refuse(c, 408, "the request's head was not complete in time");
}

static void answer(struct exchange *x, unsigned status, const char *type, struct span body, const char *extra)
{
	CHECK(!x->head_queued);
	x->status = status;
	x->head_queued = true;
	x->close_client |= !x->request_done;
	put_answer(x->client, status, type, body, (struct span){ x->id, EXCHANGE_ID_LENGTH }, extra,
		   x->close_client || x->client_is_1_0, x->is_head);
	x->close_client |= x->client_is_1_0;
}

void answer_problem(struct exchange *x, unsigned status, const char *title, const char *detail, const char *rule)
{
	struct buf body = { 0 };
	problem_body(&body, status, title, detail, (struct span){ x->id, EXCHANGE_ID_LENGTH }, rule);
	const char *extra = rule ? "x-should-retry: false\r\n" : status == 405 ? "allow: GET, HEAD\r\n" : "";
	answer(x, status, "application/problem+json", (struct span){ body.p, body.n }, extra);
	buf_fini(&body);
}

void answer_body(struct exchange *x, unsigned status, const char *content_type, struct span body)
{
	answer(x, status, content_type, body, "cache-control: no-store\r\n");
}

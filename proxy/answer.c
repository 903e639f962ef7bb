#include "proxy/answer.h"

#include <string.h>

#include "lib/log.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

struct problem { /* RFC 9457 */
	const char *type, *title, *detail;
	const char *key, *value; /* one member more, or NULL */
	unsigned status;
};

static void add_member(struct buf *body, const char *key, struct span value)
{
	buf_printf(body, ",\"%s\":\"", key);
	buf_add_json(body, value);
	buf_add_char(body, '"');
}

static void problem_body(struct buf *body, const struct problem *p, struct span id)
{
	buf_printf(body, "{\"type\":\"%s\",\"status\":%u", p->type ? p->type : "about:blank",
		   p->status);
	add_member(body, "title", span_of(p->title));
	add_member(body, "detail", span_of(p->detail));
	add_member(body, "exchange", id);
	if (p->key)
		add_member(body, p->key, span_of(p->value));
	buf_add_text(body, "}\n");
}

static void put_answer(struct client *c, unsigned status, const char *type, struct span body,
		       struct span id, const char *extra, bool close, bool head_only)
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
	const struct problem problem = { .status = status,
					 .title = head_reason(status),
					 .detail = reason };
	problem_body(&body, &problem, span_of(id));
	put_answer(c, status, "application/problem+json", (struct span){ body.p, body.n },
		   span_of(id), "", true, false);
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

static void answer(struct exchange *x, unsigned status, const char *type, struct span body,
		   const char *extra)
{
	CHECK(!x->head_queued);
	x->status = status;
	x->head_queued = true;
	x->close_client |= !x->request_done;
	put_answer(x->client, status, type, body, (struct span){ x->id, EXCHANGE_ID_LENGTH }, extra,
		   x->close_client || x->client_is_1_0, x->is_head);
	x->close_client |= x->client_is_1_0;
}

static void answer_with(struct exchange *x, const struct problem *p, const char *extra)
{
	struct buf body = { 0 };
	problem_body(&body, p, (struct span){ x->id, EXCHANGE_ID_LENGTH });
	answer(x, p->status, "application/problem+json", (struct span){ body.p, body.n }, extra);
	buf_fini(&body);
}

void answer_problem(struct exchange *x, unsigned status, const char *title, const char *detail)
{
	const struct problem p = { .status = status, .title = title, .detail = detail };
	answer_with(x, &p, status == 405 ? "allow: GET, HEAD\r\n" : "");
}

static void answer_over_budget(struct exchange *x)
{
	enum budget_limit limit = exchange_broken(x);
	struct problem p = {
		.type = "urn:redcard:budget",
		.status = 403,
		.title = "budget used up",
		.detail = "the builder's answer went over a budget of this route",
		.key = "reason",
		.value = budget_reasons[limit],
	};
	if (limit == BUDGET_DAILY) {
		p.status = 429;
		p.detail = "what this builder may cost in a day (UTC) is spent";
	} else if (limit == BUDGET_UNKEPT) {
		p.status = 503;
		p.title = "spending cannot be kept";
		p.detail = "this proxy cannot write down what the builder costs";
	}
	answer_with(x, &p, "x-should-retry: false\r\n");
}

void answer_unrecorded(struct exchange *x)
{
	const struct problem p = {
		.type = "urn:redcard:ledger",
		.status = 503,
		.title = "ledger not written",
		.detail =
			"this proxy cannot write its ledger, so nothing is answered; try again later",
		.key = "reason",
		.value = exchange_ledger_error,
	};
	answer_with(x, &p, "retry-after: 1\r\n");
}

/* What a builder has not done in time, or at all, it may do the next time. */
static unsigned disputed_status(const char *reason)
{
	static const struct {
		enum compare_reason reason;
		unsigned status;
	} failures[] = {
		{ COMPARE_ABSENT, 502 }, { COMPARE_TRUNCATED, 502 }, { COMPARE_STALLED, 504 },
		{ COMPARE_LATE, 504 },   { COMPARE_NO_MEMORY, 503 },
	};
	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		if (strcmp(reason, compare_reason_names[failures[i].reason]) == 0)
			return failures[i].status;
	return 403;
}

static void answer_disputed(struct exchange *x)
{
	unsigned status = disputed_status(x->disputed);
	const struct problem p = {
		.type = "urn:redcard:quorum",
		.status = status,
		.title = "builders do not agree",
		.detail =
			status == 403
				? "too few builders gave the same answer, so none of it was released"
				: "a builder's answer failed, so none was released; try again later",
		.key = "reason",
		.value = x->disputed,
	};
	answer_with(x, &p, status == 403 ? "x-should-retry: false\r\n" : "");
}

void answer_cut(struct exchange *x)
{
	if (x->disputed) {
		answer_disputed(x);
		return;
	}
	if (exchange_broken(x)) {
		answer_over_budget(x);
		return;
	}
	if (x->reason == exchange_ledger_error) {
		answer_unrecorded(x);
		return;
	}
	const struct verdict *v = gate_verdict(x->gate);
	bool judged = v->kind == VERDICT_CUT && v->cause != CUT_ENGINE_ERROR;
	struct problem p = {
		.type = judged ? "urn:redcard:cut" : "urn:redcard:unjudged",
		.status = 403,
		.title = judged ? "policy violation" : "answer could not be judged",
		.detail =
			judged ? "the builder's answer broke this proxy's policy"
			       : "the builder's answer could not be judged, so none of it was released",
		.key = judged && v->cause == CUT_RULE ? "rule" : "reason",
		.value = gate_reason(x->gate),
	};
	answer_with(x, &p, "x-should-retry: false\r\n");
}

void answer_body(struct exchange *x, unsigned status, const char *content_type, struct span body)
{
	answer(x, status, content_type, body, "cache-control: no-store\r\n");
}

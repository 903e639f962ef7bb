/*
 * Theory of operation
 *
 *   ask --> preparing --> connecting --> waiting --> (closing) --> said
 *                |          ^ |                                   ^
 *                |          +-+ another address                   |
 *                +--> at the desk --------------------------------+
 *
 * What is decided is said by the timer in a turn of its own, so that the owner never runs inside a
 * callback of the conn. The conn is part of the audit, which therefore goes after it is closed.
 */
#include "proxy/auditor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http1.h"
#include "lib/log.h"
#include "proxy/audit_desk.h"
#include "proxy/audit_prepare.h"
#include "proxy/metric_table.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define LOOK_MS 200   /* at the desk */
#define PREPARE_MS 10 /* the same of the preparation */

struct audit {
	struct conn conn;
	struct worker *w;
	struct runtime *rt;
	const struct config_auditor *config;
	struct audit_job *job; /* while it is prepared */
	struct http1 *http;
	struct buf request; /* head and question, until they are sent */
	struct buf answer;
	struct resolver_address to;
	uint32_t tried; /* addresses */
	bool live;      /* the conn is open or closing */
	bool sent;
	int error; /* of the last address */
	bool decided;
	bool at_desk;
	struct audit_said said;
	char id[AUDIT_ID_BYTES + 1]; /* at the desk */
	char exchange[AUDIT_ID_BYTES + 1];
	uint64_t asked_ms, until_ms, connect_until_ms;
	struct timer timer;
	void (*done)(struct audit *audit, void *owner); /* NULL: cancelled */
	void *owner;
};

const struct audit_said *audit_said(const struct audit *a)
{
	return &a->said;
}

uint64_t audit_took_ms(const struct audit *a)
{
	return a->w->now_ms - a->asked_ms;
}

/* --- the end --- */

static void count_pending(struct worker *w, int more)
{
	w->n_audits += (unsigned)more;
	metric_set(w->metrics, METRIC_AUDITS_PENDING, 0, w->n_audits);
}

static void destroy(struct audit *a)
{
	if (a->at_desk)
		audit_desk_take(a->w->server->desk, a->id);
	timer_remove(&a->w->timers, &a->timer);
	audit_job_drop(a->job);
	http1_free(a->http);
	buf_fini(&a->request);
	buf_fini(&a->answer);
	runtime_unref(a->rt);
	free(a);
}

static void decide(struct audit *a, enum audit_answer answer, const char *why)
{
	if (a->decided)
		return;
	a->decided = true;
	audit_say(&a->said, answer, span_of(why));
}

/* What is decided is said once the conn is closed. */
static void finish(struct audit *a)
{
	if (a->live)
		conn_close(&a->conn);
	else
		timer_set(&a->w->timers, &a->timer, a->w->now_ms + 1);
}

/* The auditor's reason may quote the code under question, so it is not for the log. */
static void say(struct audit *a)
{
	enum audit_answer answer = a->said.answer;
	struct buf *line = log_begin(LOG_INFO, "audit");
	metric_add(a->w->metrics, METRIC_AUDITS + answer, metric_auditor(a->config->name), 1);
	if (line) {
		log_text(line, "exchange", span_of(a->exchange));
		log_text(line, "auditor", span_of(a->config->name));
		log_text(line, "answer", span_of(audit_answer_names[answer]));
		if (answer != AUDIT_YES && answer != AUDIT_NO)
			log_text(line, "reason", span_of(a->said.reason));
		log_number(line, "ms", audit_took_ms(a));
		log_end(line);
	}
	count_pending(a->w, -1);
	a->done(a, a->owner);
	destroy(a);
}

void audit_cancel(struct audit *a)
{
	if (!a)
		return;
	CHECK(a->done);
	count_pending(a->w, -1);
	a->done = NULL;
	if (a->live)
		conn_close(&a->conn);
	else
		destroy(a);
}

/* --- the conn --- */

static void connect_next(struct audit *a);

static void on_opened(struct conn *c)
{
	struct audit *a = CONTAINER_OF(c, struct audit, conn);
	conn_write(c, a->request.p, a->request.n);
	buf_fini(&a->request);
	a->sent = true;
}

static void judge(struct audit *a)
{
	struct span text = { a->answer.p, a->answer.n };
	if (a->config->kind == AUDITOR_CHAT)
		audit_read_chat(text, &a->said);
	else
		audit_read_json(text, &a->said);
	a->decided = true;
}

static void take_head(struct audit *a)
{
	const struct http1_head *head = http1_head(a->http);
	char why[48];
	struct span coding = http1_find(head, SPAN("content-encoding"));
	if (head->status < 200) {
		http1_next(a->http);
	} else if (head->status != 200) {
		snprintf(why, sizeof(why), "it answered with status %u", head->status);
		decide(a, AUDIT_UNCLEAR, why);
	} else if (coding.p && !span_eq_nocase(coding, SPAN("identity"))) {
		decide(a, AUDIT_UNCLEAR, "the answer is compressed");
	}
}

static void take_event(struct audit *a, enum http1_event event, struct span body)
{
	switch (event) {
	case HTTP1_MORE:
	case HTTP1_TRAILER: break;
	case HTTP1_HEAD: take_head(a); break;
	case HTTP1_BODY:
		buf_add(&a->answer, body.p, body.n);
		if (a->answer.failed)
			decide(a, AUDIT_UNCLEAR, "the answer is too large");
		break;
	case HTTP1_END: judge(a); break;
	case HTTP1_REFUSED: decide(a, AUDIT_UNCLEAR, "the answer is broken HTTP"); break;
	}
}

static void on_input(struct conn *c)
{
	struct audit *a = CONTAINER_OF(c, struct audit, conn);
	enum http1_event event = HTTP1_HEAD;
	while (event != HTTP1_MORE && !a->decided) {
		struct span in = conn_input(c), body = { 0 };
		size_t used = 0;
		event = http1_feed(a->http, in.p, in.n, &used, &body);
		take_event(a, event, body);
		conn_consume(c, used);
	}
	if (a->decided)
		finish(a);
}

static void on_eof(struct conn *c)
{
	struct audit *a = CONTAINER_OF(c, struct audit, conn);
	enum http1_event event = http1_eof(a->http);
	if (event == HTTP1_END && !a->decided && !c->truncated)
		judge(a);
	else if (event == HTTP1_MORE)
		decide(a, AUDIT_UNREACHABLE, "it closed without an answer");
	else
		decide(a, AUDIT_UNCLEAR, "the answer broke off");
	finish(a);
}

static void on_sent(struct conn *c)
{
	(void)c;
}

static void on_failed(struct conn *c, int error)
{
	struct audit *a = CONTAINER_OF(c, struct audit, conn);
	char why[160];
	a->error = error;
	if (error == -EPROTO && c->tls && !a->sent) {
		snprintf(why, sizeof(why), "its TLS failed: %s", tls_error(c->tls));
		decide(a, AUDIT_UNREACHABLE, why);
	} else if (a->sent) {
		decide(a, AUDIT_UNREACHABLE, "the connection broke");
	}
	conn_close(c); /* undecided, the next address is tried when it is closed */
}

static void on_closed(struct conn *c)
{
	struct audit *a = CONTAINER_OF(c, struct audit, conn);
	a->live = false;
	a->w->n_backends--;
	if (!a->done) {
		destroy(a);
		return;
	}
	if (!a->decided)
		connect_next(a);
	else
		finish(a);
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.input = on_input,
	.eof = on_eof,
	.sent = on_sent,
	.failed = on_failed,
	.closed = on_closed,
};

/* An address that was not tried yet, those that are up first. */
static struct upstream_address *next_address(struct audit *a, const struct upstream *u)
{
	for (int up = 1; up >= 0; up--) {
		for (size_t i = 0; i < u->n; i++) {
			if (a->tried & 1u << i ||
			    upstream_address_up(&u->addresses[i], a->w->now_ms) != up)
				continue;
			a->tried |= 1u << i;
			return &u->addresses[i];
		}
	}
	return NULL;
}

static int connect_to(struct audit *a, const struct upstream *u, struct upstream_address *address)
{
	struct tls *tls = NULL;
	if (resolver_addresses(address->name, &a->to, 1) == 0)
		return -ENOENT;
	if (u->config->tls_context) {
		tls = upstream_tls(u->config, address->config);
		if (!tls)
			return -ENOMEM;
	}
	int error = conn_connect(&a->conn, a->w, &a->to.any, a->to.n, tls, &handler);
	if (error) {
		tls_free(tls);
		return error;
	}
	a->w->n_backends++;
	a->live = true;
	a->connect_until_ms = a->w->now_ms + a->rt->config->timeouts.connect;
	timer_set(&a->w->timers, &a->timer, min_u64(a->connect_until_ms, a->until_ms));
	return 0;
}

static void connect_next(struct audit *a)
{
	const struct upstream *u = &a->rt->upstreams[a->config->upstream];
	struct upstream_address *address;
	char why[96];
	while ((address = next_address(a, u)) != NULL) {
		int error = connect_to(a, u, address);
		if (error == 0)
			return;
		a->error = error;
	}
	snprintf(why, sizeof(why), "no address of it takes a connection (%s)",
		 a->error == -ENOENT ? "its name is not resolved" : strerror(-a->error));
	decide(a, AUDIT_UNREACHABLE, why);
	finish(a);
}

/* --- the question --- */

static void put_head(struct audit *a, size_t n)
{
	const struct config_upstream *u = &a->rt->config->upstreams[a->config->upstream];
	const struct config_address *to = &u->addresses[0];
	struct buf *out = &a->request;
	bool bare_v6 = strchr(to->host, ':') && to->host[0] != '[';
	buf_printf(out, "POST %s HTTP/1.1\r\nhost: %s%s%s", a->config->path, bare_v6 ? "[" : "",
		   to->host, bare_v6 ? "]" : "");
	if (to->port != (u->tls ? 443 : 80))
		buf_printf(out, ":%u", to->port);
	buf_printf(out,
		   "\r\nuser-agent: redcard-audit\r\ncontent-type: application/json\r\n"
		   "accept: application/json\r\naccept-encoding: identity\r\n"
		   "content-length: %zu\r\nconnection: close\r\n",
		   n);
	for (size_t i = 0; i < a->config->n_headers; i++)
		buf_printf(out, "%s: %s\r\n", a->config->headers[i].name,
			   a->config->headers[i].value);
	buf_add_text(out, "\r\n");
}

static void ask_http(struct audit *a, const struct buf *question)
{
	static const struct http1_limits limits = { .head_bytes = 16384, .headers = 100 };
	put_head(a, question->n);
	buf_add(&a->request, question->p, question->n);
	a->http = http1_new(HTTP1_RESPONSE, &limits);
	if (a->request.failed || !a->http) {
		decide(a, AUDIT_UNREACHABLE, "out of memory");
		finish(a);
		return;
	}
	http1_expect(a->http, SPAN("POST"));
	connect_next(a);
}

static void ask_human(struct audit *a, const struct audit_question *q, const struct buf *question)
{
	worker_new_id(a->w, a->id);
	struct audit_desk *desk = a->w->server->desk;
	int error = !desk ? -ENOSPC
			  : audit_desk_put(desk, a->id, a->config->name, q,
					   (struct span){ question->p, question->n }, a->w->now_ms,
					   a->until_ms);
	a->at_desk = error == 0;
	if (error) {
		decide(a, AUDIT_UNREACHABLE,
		       error == -ENOMEM ? "out of memory" : "too many audits wait for a person");
		finish(a);
		return;
	}
	timer_set(&a->w->timers, &a->timer, min_u64(a->w->now_ms + LOOK_MS, a->until_ms));
}

static void send_question(struct audit *a)
{
	struct audit_job *job = a->job;
	const struct audit_said *refusal = audit_job_refusal(job);
	a->job = NULL;
	timer_set(&a->w->timers, &a->timer, a->until_ms);
	if (refusal) {
		a->said = *refusal;
		a->decided = true;
		finish(a);
	} else if (a->config->kind == AUDITOR_HUMAN) {
		ask_human(a, audit_job_question(job), audit_job_text(job));
	} else {
		ask_http(a, audit_job_text(job));
	}
	audit_job_drop(job);
}

/* There is time left: for another look at the desk, or for another address. */
static void wait_on(struct audit *a)
{
	uint64_t next = a->job       ? a->w->now_ms + PREPARE_MS
			: a->at_desk ? a->w->now_ms + LOOK_MS
				     : a->until_ms;
	if (a->live && !a->sent) {
		a->error = -ETIMEDOUT;
		conn_close(&a->conn);
	}
	timer_set(&a->w->timers, &a->timer, min_u64(next, a->until_ms));
}

static void on_timer(struct timer *t)
{
	struct audit *a = CONTAINER_OF(t, struct audit, timer);
	if (a->decided && !a->live) {
		say(a);
		return;
	}
	if (a->job && !a->decided && audit_job_ready(a->job)) {
		send_question(a);
		return;
	}
	if (a->at_desk && !a->decided)
		a->decided = audit_desk_look(a->w->server->desk, a->id, &a->said);
	if (!a->decided && a->w->now_ms < a->until_ms) {
		wait_on(a);
		return;
	}
	decide(a, AUDIT_TIMEOUT, "no answer in time");
	finish(a);
}

static void begin(struct audit *a, const struct audit_question *q)
{
	if (!audit_fits(q))
		decide(a, AUDIT_UNCLEAR, "too large to audit");
	else if (!(a->job = audit_job_new(a->rt->config, a->config, q)))
		decide(a, AUDIT_UNREACHABLE, "out of memory");
	timer_set(&a->w->timers, &a->timer, a->w->now_ms + 1);
}

struct audit *audit_ask(struct worker *w, struct runtime *rt, const struct config_auditor *config,
			const struct audit_question *q,
			void (*done)(struct audit *audit, void *owner), void *owner)
{
	struct audit *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	*a = (struct audit){
		.w = w,
		.rt = runtime_ref(rt),
		.config = config,
		.answer.max = AUDIT_ANSWER_BYTES,
		.asked_ms = w->now_ms,
		.until_ms = w->now_ms + config->timeout_ms,
		.timer.fire = on_timer,
		.done = done,
		.owner = owner,
	};
	size_t n = min_size(q->exchange.n, AUDIT_ID_BYTES);
	if (n)
		memcpy(a->exchange, q->exchange.p, n);
	count_pending(w, 1);
	begin(a, q);
	return a;
}

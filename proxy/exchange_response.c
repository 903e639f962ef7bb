/* The answer's side of an exchange: its head, and its body on the way through decoder, gate and framing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

#define SLICES 512 /* chunks of one read that are judged together */

static const struct config_timeouts *timeouts(const struct exchange *x)
{
	return &x->rt->config->timeouts;
}

static enum step_next builder_failed(struct exchange *x, enum upstream_error why, const char *detail)
{
	metric_add(x->w->metrics, METRIC_UPSTREAM_ERRORS, why, 1);
	upstream_address_failed(backend_address(x->backend), backend_upstream(x->backend), x->w->now_ms);
	return exchange_failed(x, RESULT_BUILDER_FAILED, 502, upstream_error_names[why], detail);
}

/* --- await: the head --- */

static enum step_next interim(struct exchange *x, const struct http1_head *head)
{
	struct http1 *http = x->backend->http;
	if (head->status == 101)
		return exchange_to(x, x->wants_upgrade ? &step_tunnel : &step_finish);
	if (!x->client_is_1_0 && (head->status != 100 || x->expects_continue)) {
		x->expects_continue = x->expects_continue && head->status != 100;
		struct buf out = { 0 };
		head_interim(&out, head);
		conn_write(&x->client->conn, out.p, out.n);
		client_queued(x->client);
		buf_fini(&out);
	}
	http1_next(http);
	return STEP_AGAIN;
}

static enum step_next run_await(struct exchange *x)
{
	if (exchange_pump_request(x) == PUMP_FAILED)
		return STEP_AGAIN;
	struct http1 *http = x->backend->http;
	struct span in = conn_input(&x->backend->conn), body;
	if (in.n == 0 && x->lost)
		return builder_failed(x, x->lost_why, "the builder closed the connection before it answered");
	if (in.n == 0)
		return STEP_WAIT;
	size_t used;
	enum http1_event event = http1_feed(http, in.p, in.n, &used, &body);
	conn_consume(&x->backend->conn, used);
	if (event == HTTP1_REFUSED)
		return builder_failed(x, UPSTREAM_MALFORMED, http1_refusal_names[http1_refusal(http)]);
	if (event != HTTP1_HEAD)
		return STEP_AGAIN;
	const struct http1_head *head = http1_head(http);
	if (head->status == 101 && !x->wants_upgrade)
		return builder_failed(x, UPSTREAM_MALFORMED, "the builder switched protocols unasked");
	if (head->status < 200)
		return interim(x, head);
	upstream_address_worked(backend_address(x->backend));
	metric_observe(x->w->metrics, METRIC_FIRST_BYTE, 0, (double)(x->w->now_ms - x->sent_ms) / 1000);
	return exchange_to(x, &step_respond);
}

const struct step step_await = { "await", run_await };

/* --- respond: what will be done with the body --- */

static bool open_inflate(struct exchange *x, struct span coding)
{
	if (coding.n == 0 || span_eq_nocase(coding, SPAN("identity")))
		return true;
	if (x->route->refuse_compressed || !inflate_known(coding))
		return false;
	const struct config_limits *limits = &x->rt->config->limits;
	x->inflate = inflate_new(coding, limits->decoded_bytes, limits->decoded_ratio);
	return x->inflate != NULL;
}

static void detect(const struct exchange *x, struct span content_type, struct gate_options *options)
{
	struct buf target = { 0 };
	buf_add_text(&target, strchr(x->summary, ' ') + 1);
	buf_add_text(&target, x->detect_query ? "?alt=sse" : "");
	wire_detect((struct span){ target.p, target.n }, content_type, &options->framing, &options->dialect);
	buf_fini(&target);
}

static bool open_gate(struct exchange *x, struct span content_type)
{
	const struct config_route *route = x->route;
	struct gate_options options = {
		.ruleset = x->rt->config->ruleset,
		.framing = route->framing,
		.dialect = route->dialect,
		.skip_reasoning = route->skip_reasoning,
		.fail_open = route->fail_open,
		.frame_bytes = route->frame_bytes,
		.document_bytes = route->document_bytes,
		.cut = route->cut,
	};
	if (route->wire_auto)
		detect(x, content_type, &options);
	x->gate = gate_new(&options);
	return x->gate != NULL;
}

static bool is_event_stream(struct span content_type)
{
	static const char name[] = "text/event-stream";
	return content_type.n >= sizeof(name) - 1 &&
	       span_eq_nocase((struct span){ content_type.p, sizeof(name) - 1 }, SPAN("text/event-stream"));
}

static void choose_form(struct exchange *x, const struct http1_head *head)
{
	bool keeps_length = head->framing == HTTP1_LENGTH && !x->inflate;
	/* An ending may have to follow, so a stream's length is not promised. */
	if (x->gate && wire_framing(gate_wire(x->gate)) != FRAMING_DOCUMENT && !x->client_is_1_0)
		keeps_length = false;
	if (head->framing == HTTP1_NO_BODY)
		x->form = BODY_NONE;
	else if (keeps_length)
		x->form = BODY_LENGTH;
	else if (x->client_is_1_0)
		x->form = BODY_UNTIL_CLOSE;
	else
		x->form = BODY_CHUNKED;
	x->close_client |= x->form == BODY_UNTIL_CLOSE;
	x->answer_empty = x->form == BODY_NONE || (head->framing == HTTP1_LENGTH && head->length == 0);
}

/* The length that an answer without a body states (HEAD, 304), when it states one. */
static bool stated_length(const struct http1_head *head, uint64_t *length)
{
	struct span value = http1_find(head, SPAN("content-length"));
	*length = 0;
	for (size_t i = 0; i < value.n; i++)
		*length = *length * 10 + (uint64_t)(value.p[i] - '0');
	return value.p && value.n > 0 && value.n < 19 && head->status != 204;
}

static enum step_next run_respond(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->backend->http);
	bool has_body = head->framing != HTTP1_NO_BODY;
	x->status = head->status;
	buf_fini(&x->request_head);
	struct span type = http1_find(head, SPAN("content-type"));
	bool judged = has_body && x->route->inspect;
	if (judged && !open_inflate(x, http1_find(head, SPAN("content-encoding"))))
		return exchange_failed(x, RESULT_CUT, 502, "encoding refused",
				       "the builder's answer is compressed in a way that cannot be judged");
	if (judged && !open_gate(x, type))
		return exchange_failed(x, RESULT_REFUSED, 503, "out of memory", "this proxy is out of memory");
	x->event_stream = is_event_stream(type);
	choose_form(x, head);
	struct head_answer facts = {
		.exchange = { x->id, EXCHANGE_ID_LENGTH },
		.chunked = x->form == BODY_CHUNKED,
		.has_length = x->form == BODY_LENGTH,
		.length = head->length,
		.decoded = x->inflate != NULL,
		.event_stream = x->event_stream,
		.close = x->close_client || x->w->draining ||
			 x->client->requests >= x->rt->config->limits.requests_per_connection,
		.keep_alive_1_0 = x->client_is_1_0 && !x->close_client,
	};
	if (x->form == BODY_NONE)
		facts.has_length = stated_length(head, &facts.length);
	x->close_client |= facts.close;
	head_response(&x->head, head, &facts);
	if (x->head.failed)
		return exchange_failed(x, RESULT_REFUSED, 503, "out of memory", "this proxy is out of memory");
	if (!judged)
		(void)exchange_commit_head(x);
	else
		x->head_due_ms = x->w->now_ms + timeouts(x)->head_hold;
	exchange_schedule(x);
	exchange_phase(x, timeouts(x)->upstream_idle);
	return exchange_to(x, &step_body);
}

const struct step step_respond = { "respond", run_respond };

bool exchange_commit_head(struct exchange *x)
{
	if (x->head_queued)
		return false;
	x->head_queued = true;
	x->head_due_ms = 0;
	conn_write(&x->client->conn, x->head.p, x->head.n);
	client_queued(x->client);
	buf_fini(&x->head);
	return true;
}

/* --- body: towards the client --- */

static void write_pair(struct exchange *x, struct span a, struct span b)
{
	struct conn *to = &x->client->conn;
	if (x->form == BODY_CHUNKED) {
		char size[24];
		int len = snprintf(size, sizeof(size), "%zx\r\n", a.n + b.n);
		conn_write(to, size, (size_t)len);
	}
	conn_write(to, a.p, a.n);
	conn_write(to, b.p, b.n);
	if (x->form == BODY_CHUNKED)
		conn_write(to, "\r\n", 2);
}

/* Sends what may leave: `old` from the gate's window, then `fresh`, which may lie in the builder's receive buffer. */
static void emit(struct exchange *x, struct span old, struct span fresh)
{
	static const struct span none = { "", 0 };
	if (old.n + fresh.n == 0)
		return;
	(void)exchange_commit_head(x);
	if (conn_can_lend(&x->client->conn, &x->backend->conn, fresh)) {
		if (old.n)
			write_pair(x, old, none);
		conn_lend(&x->client->conn, &x->backend->conn, fresh, x->form == BODY_CHUNKED);
	} else {
		write_pair(x, old, fresh);
	}
	client_queued(x->client);
}

static void end_body(struct exchange *x, const struct http1_header *trailers, size_t n)
{
	(void)exchange_commit_head(x);
	if (x->form != BODY_CHUNKED)
		return;
	struct buf end = { 0 };
	buf_add_text(&end, "0\r\n");
	head_trailers(&end, trailers, n);
	buf_add_text(&end, "\r\n");
	conn_write(&x->client->conn, end.p, end.n);
	buf_fini(&end);
}

enum step_next exchange_cut(struct exchange *x)
{
	static const struct span none = { "", 0 };
	const char *reason = gate_reason(x->gate);
	x->result = RESULT_CUT;
	x->reason = reason;
	exchange_drop_backend(x);
	if (!x->head_queued) {
		answer_problem(x, 403, "policy violation", "the builder's answer broke this proxy's policy", reason);
		return exchange_to(x, &step_finish);
	}
	struct buf ending = { 0 };
	int error = gate_end(x->gate, (struct span){ x->id, EXCHANGE_ID_LENGTH }, &ending);
	bool proper = error == 0 && x->form != BODY_LENGTH && !ending.failed;
	if (proper) {
		if (ending.n)
			write_pair(x, (struct span){ ending.p, ending.n }, none);
		end_body(x, NULL, 0);
	}
	x->aborted = !proper;
	x->close_client = true;
	buf_fini(&ending);
	return exchange_to(x, &step_finish);
}

static void note_hold(struct exchange *x)
{
	bool holding = gate_holding(x->gate);
	if (holding && !x->hold_since_ms) {
		x->hold_since_ms = x->w->now_ms;
		x->keepalive_ms = timeouts(x)->keepalive ? x->w->now_ms + timeouts(x)->keepalive : 0;
	} else if (!holding) {
		x->hold_since_ms = 0;
	}
	exchange_schedule(x);
}

/* One stretch of the body, decoded or as received, through the gate. True when the gate cut. */
static bool judge(struct exchange *x, struct span body)
{
	static const struct span none = { "", 0 };
	if (!x->gate) {
		x->unscanned += body.n;
		emit(x, none, body);
		return false;
	}
	struct gate_out out;
	enum gate_state state = gate_feed(x->gate, &x->w->gate, body.p, body.n, &out);
	emit(x, out.old, out.fresh);
	if (gate_holding(x->gate) || x->hold_since_ms)
		note_hold(x);
	return state == GATE_CUT;
}

static bool inflate_and_judge(struct exchange *x, struct span body, bool *cut)
{
	struct buf *plain = &x->w->inflated;
	buf_clear(plain);
	enum inflate_status status = inflate_feed(x->inflate, body.p, body.n, plain);
	if (plain->n && !plain->failed)
		*cut = judge(x, (struct span){ plain->p, plain->n });
	if (plain->cap > 1024 * 1024)
		buf_fini(plain);
	return status == INFLATE_OK || status == INFLATE_END;
}

/* Slices of one read, moved together in place so that they are judged at once and can be lent. */
static struct span join(struct conn *from, const struct span *slices, size_t n)
{
	char *base = conn_input_writable(from);
	char *first = base + (slices[0].p - conn_input(from).p);
	size_t total = slices[0].n;
	for (size_t i = 1; i < n; i++) {
		memmove(first + total, slices[i].p, slices[i].n);
		total += slices[i].n;
	}
	return (struct span){ first, total };
}

static enum step_next finish_body(struct exchange *x)
{
	size_t n = 0;
	const struct http1_header *trailers = http1_trailers(x->backend->http, &n);
	x->answer_done = true;
	if (x->inflate && inflate_finish(x->inflate) != INFLATE_END)
		return exchange_failed(x, RESULT_CUT, 502, "encoding broken", "the builder's compressed answer broke off");
	if (x->gate) {
		struct gate_out out;
		enum gate_state state = gate_finish(x->gate, &x->w->gate, &out);
		emit(x, out.old, out.fresh);
		if (state == GATE_CUT)
			return exchange_cut(x);
	}
	end_body(x, trailers, n);
	return exchange_to(x, &step_finish);
}

/* Consumes one read's worth. AGAIN: more may be there; WAIT: all is used. */
static enum step_next pump_answer(struct exchange *x)
{
	struct conn *from = &x->backend->conn;
	struct span slices[SLICES], in = conn_input(from);
	size_t n;
	enum http1_event event;
	size_t used = http1_feed_body(x->backend->http, in.p, in.n, slices, SLICES, &n, &event);
	struct span body = { "", 0 };
	if (n)
		body = join(from, slices, n);
	conn_consume(from, used);
	bool cut = false, sound = true;
	if (body.n && x->inflate)
		sound = inflate_and_judge(x, body, &cut);
	else if (body.n)
		cut = judge(x, body);
	conn_trim(from);
	if (cut)
		return exchange_cut(x);
	if (!sound)
		return exchange_failed(x, RESULT_CUT, 502, "encoding broken", "the builder's compressed answer cannot be decoded");
	if (event == HTTP1_END)
		return finish_body(x);
	if (event == HTTP1_REFUSED)
		return builder_failed(x, UPSTREAM_MALFORMED, http1_refusal_names[http1_refusal(x->backend->http)]);
	return conn_input(from).n ? STEP_AGAIN : STEP_WAIT;
}

static enum step_next run_body(struct exchange *x)
{
	if (!x->request_done && exchange_pump_request(x) == PUMP_FAILED)
		return STEP_AGAIN;
	struct conn *from = &x->backend->conn;
	if (conn_queued(&x->client->conn) > x->rt->config->limits.window_bytes) {
		conn_pause(from);
		exchange_phase(x, 0); /* the client is slow, not the builder */
		return STEP_WAIT;
	}
	if (conn_input(from).n || x->answer_empty) {
		exchange_phase(x, timeouts(x)->upstream_idle);
		return pump_answer(x);
	}
	if (x->lost) {
		if (x->lost_why == UPSTREAM_RESET && from->eof && http1_eof(x->backend->http) == HTTP1_END)
			return finish_body(x);
		return builder_failed(x, x->lost_why, "the builder broke off its answer");
	}
	conn_read(from);
	if (!x->phase.deadline_ms)
		exchange_phase(x, timeouts(x)->upstream_idle);
	return STEP_WAIT;
}

const struct step step_body = { "body", run_body };

/* --- what is due while bytes wait --- */

static bool expire_hold(struct exchange *x)
{
	struct gate_out out;
	enum gate_state state = gate_expire(x->gate, &x->w->gate, &out);
	x->hold_since_ms = 0;
	emit(x, out.old, out.fresh);
	if (state != GATE_CUT)
		return false;
	(void)exchange_cut(x);
	exchange_advance(x);
	return true;
}

void exchange_tick(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, tick);
	uint64_t now = x->w->now_ms;
	if (x->step == &step_gather) {
		exchange_advance(x);
		return;
	}
	if (x->head_due_ms && now >= x->head_due_ms)
		(void)exchange_commit_head(x);
	if (x->hold_since_ms && now >= x->hold_since_ms + ruleset_hold_ms(judge_ruleset(gate_judge(x->gate))) &&
	    expire_hold(x))
		return;
	if (x->hold_since_ms && x->keepalive_ms && now >= x->keepalive_ms) {
		struct span comment = wire_keepalive(gate_wire(x->gate));
		if (comment.n && gate_at_boundary(x->gate))
			emit(x, comment, (struct span){ "", 0 });
		x->keepalive_ms = now + timeouts(x)->keepalive;
	}
	exchange_schedule(x);
}

/* --- tunnel: an upgraded connection, beside the gate and counted as such --- */

static void tunnel(struct exchange *x, struct conn *from, struct conn *to)
{
	struct span in = conn_input(from);
	if (conn_queued(to) > x->rt->config->limits.window_bytes) {
		conn_pause(from);
		return;
	}
	conn_read(from);
	if (in.n == 0)
		return;
	x->unscanned += in.n;
	conn_write(to, in.p, in.n);
	conn_consume(from, in.n);
	conn_trim(from);
}

static enum step_next run_tunnel(struct exchange *x)
{
	struct conn *client = &x->client->conn, *builder = &x->backend->conn;
	if (!x->head_queued) {
		struct head_answer facts = { .exchange = { x->id, EXCHANGE_ID_LENGTH }, .upgrade = true };
		x->status = 101;
		x->result = RESULT_TUNNELLED;
		x->close_client = true;
		head_response(&x->head, http1_head(x->backend->http), &facts);
		(void)exchange_commit_head(x);
	}
	tunnel(x, client, builder);
	tunnel(x, builder, client);
	client_queued(x->client);
	exchange_phase(x, timeouts(x)->upstream_idle);
	return x->lost && conn_input(builder).n == 0 ? exchange_to(x, &step_finish) : STEP_WAIT;
}

const struct step step_tunnel = { "tunnel", run_tunnel };

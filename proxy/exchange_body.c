/* The body of an exchange's answer, on its way from the builder through decompression, gate and
 * framing to the client. */
#include <string.h>

#include "lib/log.h"
#include "proxy/answer.h"
#include "proxy/card.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

#define SLICES 512 /* chunks of one read that are judged together */
#define SNIFF_BYTES 256
#define BLANKS " \t\r\n\xef\xbb\xbf" /* white space, and the bytes of a byte order mark */

static const struct config_timeouts *timeouts(const struct exchange *x)
{
	return &x->rt->config->timeouts;
}

/* --- towards the client --- */

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

static void write_pair(struct exchange *x, struct span a, struct span b)
{
	struct conn *to = &x->client->conn;
	if (x->form == BODY_CHUNKED)
		conn_write_chunk_size(to, a.n + b.n);
	conn_write(to, a.p, a.n);
	conn_write(to, b.p, b.n);
	if (x->form == BODY_CHUNKED)
		conn_write(to, "\r\n", 2);
}

/* Sends `old`, then `fresh`, which may lie in the builder's receive buffer. */
static void send_out(struct exchange *x, struct span old, struct span fresh)
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

/* Releases what may leave: `old` is from the gate's window. */
static void emit(struct exchange *x, struct span old, struct span fresh)
{
	tap_answer(x, old);
	tap_answer(x, fresh);
	send_out(x, old, fresh);
}

/* Trailers are judged like a text of their own; those that break the policy stay behind. */
static bool trailers_pass(struct exchange *x, const struct buf *trailers)
{
	const struct gate_options options = { .ruleset = x->rt->config->ruleset,
					      .framing = FRAMING_NONE };
	struct gate_out out;
	struct gate *g = gate_new(&options);
	bool pass = g && gate_feed(g, &x->w->gate, trailers->p, trailers->n, &out) == GATE_OPEN &&
		    gate_finish(g, &x->w->gate, &out) == GATE_OPEN &&
		    gate_record(g)->redactions == 0;
	gate_free(g);
	if (!pass)
		log_message(LOG_WARNING, "trailers",
			    "exchange %s: the builder's trailers broke the policy and stay behind",
			    x->id);
	return pass;
}

static void end_body(struct exchange *x, const struct http1_header *trailers, size_t n)
{
	(void)exchange_commit_head(x);
	if (x->form != BODY_CHUNKED || x->as_framed)
		return;
	struct buf end = { 0 };
	head_trailers(&end, trailers, n, exchange_edits(x));
	conn_write(&x->client->conn, "0\r\n", 3);
	if (end.n && (!x->gate || trailers_pass(x, &end)))
		conn_write(&x->client->conn, end.p, end.n);
	conn_write(&x->client->conn, "\r\n", 2);
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
		answer_cut(x);
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

void exchange_keep_alive(struct exchange *x)
{
	x->keepalive_ms = timeouts(x)->keepalive ? x->w->now_ms + timeouts(x)->keepalive : 0;
}

static void note_hold(struct exchange *x)
{
	bool holding = gate_holding(x->gate);
	uint64_t from = gate_verdict(x->gate)->release_raw;
	if (holding && x->hold_since_ms && from != x->held_from)
		x->hold_since_ms =
			x->w->now_ms; /* the older text was decided: what is held now is younger */
	x->held_from = from;
	if (holding && !x->hold_since_ms) {
		x->hold_since_ms = x->w->now_ms;
		exchange_keep_alive(x);
	} else if (!holding) {
		x->hold_since_ms = 0;
		if (!gate_barred(x->gate))
			x->keepalive_ms = 0;
	}
	exchange_schedule(x);
}

/* --- through the gate --- */

static bool holds_too_much(const struct exchange *x)
{
	const struct gate_record *r = gate_record(x->gate);
	return r->received - r->released > voter_quorum(&x->voter)->held_bytes;
}

static bool feed(struct exchange *x, struct span body)
{
	struct gate_out out;
	exchange_budget_feeds(x);
	enum gate_state state = gate_feed(x->gate, &x->w->gate, body.p, body.n, &out);
	cards_put(x);
	emit(x, out.old, out.fresh);
	exchange_budget_fed(x);
	if (gate_holding(x->gate) || x->hold_since_ms)
		note_hold(x);
	state = exchange_recorded(x, state);
	if (state == GATE_OPEN && gate_barred(x->gate) && holds_too_much(x)) {
		x->disputed = compare_reason_names[COMPARE_TOO_LARGE];
		state = gate_refuse(x->gate, x->disputed);
	}
	return state == GATE_CUT;
}

static enum framing sniff(const struct exchange *x, char first)
{
	if (first == '[')
		return x->sniff_dialect == DIALECT_GEMINI ? FRAMING_ARRAY : FRAMING_DOCUMENT;
	if (first == '{')
		return x->sniff_dialect == DIALECT_OLLAMA ? FRAMING_LINES : FRAMING_DOCUMENT;
	return FRAMING_SSE; /* its decoder judges other text line by line */
}

/* The first byte that is no white space and no byte order mark chooses the framing. */
static bool sniff_and_feed(struct exchange *x, struct span body, bool last)
{
	struct buf *all = &x->sniffed;
	buf_add(all, body.p, body.n);
	size_t at = 0;
	while (at < all->n && strchr(BLANKS, all->p[at]) && all->p[at])
		at++;
	if (at == all->n && !last && at < SNIFF_BYTES)
		return false;
	x->sniffs = false;
	if (all->failed || !exchange_open_gate(x, at < all->n ? sniff(x, all->p[at]) : FRAMING_NONE,
					       x->sniff_dialect))
		return true;
	bool cut = all->n && feed(x, (struct span){ all->p, all->n });
	buf_fini(all);
	return cut;
}

/* One stretch of the body, decompressed or as received. True: it must go no further. */
static bool judge(struct exchange *x, struct span body)
{
	static const struct span none = { "", 0 };
	if (x->sniffs)
		return sniff_and_feed(x, body, false);
	if (x->gate)
		return feed(x, body);
	x->unscanned += body.n;
	emit(x, none, body);
	return false;
}

static enum inflate_status inflate_and_judge(struct exchange *x, struct span body, bool *cut)
{
	struct buf *plain = &x->w->inflated;
	buf_clear(plain);
	enum inflate_status status = inflate_feed(x->inflate, body.p, body.n, plain);
	if (plain->n && !plain->failed)
		*cut = judge(x, (struct span){ plain->p, plain->n });
	if (plain->cap > 1024 * 1024)
		buf_fini(plain);
	return status;
}

/* The gate cut, or there was no memory for one. */
static enum step_next stopped(struct exchange *x)
{
	if (x->gate)
		return exchange_cut(x);
	return exchange_failed(x, RESULT_REFUSED, 503, "out of memory",
			       "this proxy is out of memory");
}

static enum step_next end_answer(struct exchange *x)
{
	size_t n = 0;
	const struct http1_header *trailers = http1_trailers(x->backend->http, &n);
	end_body(x, trailers, n);
	return exchange_to(x, &step_finish);
}

enum step_next exchange_admitted(struct exchange *x)
{
	struct gate_out out;
	x->keepalive_ms = 0;
	if (exchange_recorded(x, GATE_OPEN) == GATE_CUT)
		return exchange_cut(x);
	enum gate_state state = gate_admit(x->gate, &out);
	emit(x, out.old, out.fresh);
	return state == GATE_CUT ? exchange_cut(x) : end_answer(x);
}

/* The builder has said all; what is barred waits for the others. */
static enum step_next await_ballot(struct exchange *x)
{
	exchange_vote(x, QUORUM_COMPLETE);
	if (!x->gate || !gate_barred(x->gate))
		return end_answer(x);
	conn_pause(&x->backend->conn); /* nothing more is wanted of it */
	exchange_phase(x, 0);
	timer_clear(&x->allowance);
	x->hold_since_ms = 0;
	exchange_schedule(x);
	return exchange_to(x, &step_ballot);
}

static enum step_next finish_body(struct exchange *x)
{
	x->answer_done = true;
	if (x->inflate && inflate_finish(x->inflate) != INFLATE_END)
		return exchange_failed(x, RESULT_CUT, 502, "encoding broken",
				       "the builder's compressed answer broke off");
	if (x->sniffs && sniff_and_feed(x, (struct span){ "", 0 }, true))
		return stopped(x);
	if (x->gate) {
		struct gate_out out;
		exchange_budget_feeds(x);
		enum gate_state state = gate_finish(x->gate, &x->w->gate, &out);
		cards_put(x);
		emit(x, out.old, out.fresh);
		state = exchange_recorded(x, state);
		if (state == GATE_CUT)
			return exchange_cut(x);
	}
	return await_ballot(x);
}

/* Nothing is judged and both sides are chunked: the framing that the parser has found sound goes on
 * as it came. */
static void pass_as_framed(struct exchange *x, struct span raw, const struct span *slices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		x->unscanned += slices[i].n;
		tap_answer(x, slices[i]);
	}
	if (conn_can_lend(&x->client->conn, &x->backend->conn, raw))
		conn_lend(&x->client->conn, &x->backend->conn, raw, false);
	else
		conn_write(&x->client->conn, raw.p, raw.n);
	client_queued(x->client);
}

static enum step_next after_read(struct exchange *x, enum http1_event event)
{
	if (event == HTTP1_END)
		return finish_body(x);
	if (event == HTTP1_REFUSED)
		return exchange_builder_failed(
			x, UPSTREAM_MALFORMED,
			http1_refusal_names[http1_refusal(x->backend->http)]);
	return conn_input(&x->backend->conn).n ? STEP_AGAIN : STEP_WAIT;
}

/* Consumes one read's worth. AGAIN: more may be there; WAIT: all is used. */
static enum step_next pump_answer(struct exchange *x)
{
	struct conn *from = &x->backend->conn;
	struct span slices[SLICES], in = conn_input(from);
	size_t n;
	enum http1_event event;
	size_t used = http1_feed_body(x->backend->http, in.p, in.n, slices, SLICES, &n, &event);
	if (x->as_framed) {
		conn_consume(from, used);
		pass_as_framed(x, (struct span){ in.p, used }, slices, n);
		conn_trim(from);
		return after_read(x, event);
	}
	struct span body = { "", 0 };
	if (n)
		body = conn_join(from, slices, n);
	conn_consume(from, used);
	bool cut = false;
	enum inflate_status status = INFLATE_OK;
	if (body.n && x->inflate)
		status = inflate_and_judge(x, body, &cut);
	else if (body.n)
		cut = judge(x, body);
	conn_trim(from);
	if (cut)
		return stopped(x);
	if (status != INFLATE_OK && status != INFLATE_END)
		return exchange_failed(
			x, RESULT_CUT, 502, inflate_status_names[status],
			"the builder's compressed answer cannot be decoded within the limits");
	return after_read(x, event);
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
		if (x->lost_why == UPSTREAM_RESET && from->eof && !from->truncated &&
		    http1_eof(x->backend->http) == HTTP1_END)
			return finish_body(x);
		return exchange_builder_failed(x, x->lost_why, "the builder broke off its answer");
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
	cards_put(x);
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
	if (x->hold_since_ms &&
	    now >= x->hold_since_ms + ruleset_hold_ms(judge_ruleset(gate_judge(x->gate))) &&
	    expire_hold(x))
		return;
	if (x->keepalive_ms && now >= x->keepalive_ms) {
		struct span comment = { 0 };
		if (x->gate)
			comment = wire_keepalive(gate_wire(x->gate));
		if (comment.n && x->form != BODY_LENGTH && gate_at_boundary(x->gate))
			send_out(x, comment, (struct span){ "", 0 });
		exchange_keep_alive(x);
	}
	exchange_schedule(x);
}

/* The head of an exchange's answer: waiting for it, and deciding what will be done with its body.
 */
#include <string.h>

#include "proxy/card.h"
#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/worker.h"

static const struct config_timeouts *timeouts(const struct exchange *x)
{
	return &x->rt->config->timeouts;
}

enum step_next exchange_builder_failed(struct exchange *x, enum upstream_error why,
				       const char *detail)
{
	metric_add(x->w->metrics, METRIC_UPSTREAM_ERRORS, why, 1);
	upstream_address_failed(backend_address(x->backend), backend_upstream(x->backend),
				x->w->now_ms);
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
	if (conn_queued(&x->client->conn) >
	    x->rt->config->limits.window_bytes) { /* of interim answers, say */
		conn_pause(&x->backend->conn);
		return STEP_WAIT;
	}
	struct span in = conn_input(&x->backend->conn), body;
	if (in.n && backend_untouched(x->backend) && x->request_bytes == x->gathered_bytes) {
		exchange_retry(x,
			       UPSTREAM_RESET); /* what came before we asked is no answer to us */
		return STEP_AGAIN;
	}
	if (in.n == 0 && x->lost)
		return exchange_builder_failed(
			x, x->lost_why, "the builder closed the connection before it answered");
	if (in.n == 0) {
		conn_read(&x->backend->conn);
		return STEP_WAIT;
	}
	size_t used;
	enum http1_event event = http1_feed(http, in.p, in.n, &used, &body);
	conn_consume(&x->backend->conn, used);
	if (event == HTTP1_REFUSED)
		return exchange_builder_failed(x, UPSTREAM_MALFORMED,
					       http1_refusal_names[http1_refusal(http)]);
	if (event != HTTP1_HEAD)
		return STEP_AGAIN;
	const struct http1_head *head = http1_head(http);
	if (head->status == 101 && !x->wants_upgrade)
		return exchange_builder_failed(x, UPSTREAM_MALFORMED,
					       "the builder switched protocols unasked");
	if (head->status < 200)
		return interim(x, head);
	upstream_address_worked(backend_address(x->backend));
	metric_observe(x->w->metrics, METRIC_FIRST_BYTE, 0,
		       (double)(x->w->now_ms - x->sent_ms) / 1000);
	return exchange_to(x, &step_respond);
}

const struct step step_await = { "await", run_await };

/* --- respond: can the body be judged as its reader will read it? --- */

/* Of two headers each client picks its own. */
static bool said_twice(const struct http1_head *head, struct span name)
{
	unsigned n = 0;
	for (size_t i = 0; i < head->n; i++)
		n += span_eq_nocase(head->headers[i].name, name);
	return n > 1;
}

/* The rules read bytes below 0x80 as ASCII. A charset in which they are not would carry text past
 * them. */
static bool ascii_charset(struct span value)
{
	static const struct span known[] = { SPAN_INIT("utf-8"),      SPAN_INIT("utf8"),
					     SPAN_INIT("us-ascii"),   SPAN_INIT("ascii"),
					     SPAN_INIT("iso-8859-"),  SPAN_INIT("latin1"),
					     SPAN_INIT("windows-125") };
	while (value.n && memchr(" \t=\"'", value.p[0], 5))
		value.p++, value.n--;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (value.n >= known[i].n &&
		    span_eq_nocase((struct span){ value.p, known[i].n }, known[i]))
			return true;
	return false;
}

static bool charset_is_judged(struct span type)
{
	static const struct span name = SPAN_INIT("charset");
	for (; type.n > name.n; type.p++, type.n--)
		if (span_eq_nocase((struct span){ type.p, name.n }, name) &&
		    !ascii_charset((struct span){ type.p + name.n, type.n - name.n }))
			return false;
	return true;
}

static bool reads_one_way(const struct http1_head *head)
{
	return !said_twice(head, SPAN("content-encoding")) &&
	       !said_twice(head, SPAN("content-type")) &&
	       charset_is_judged(http1_find(head, SPAN("content-type")));
}

/* --- respond: what will be done with it --- */

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

static void detect(const struct exchange *x, struct span content_type, enum framing *framing,
		   enum dialect *dialect)
{
	struct buf target = { 0 };
	buf_add_text(&target, strchr(x->summary, ' ') + 1);
	buf_add_text(&target, x->detect_query ? "?alt=sse" : "");
	wire_detect((struct span){ target.p, target.n }, content_type, framing, dialect);
	buf_fini(&target);
	if (x->route->dialect !=
	    DIALECT_UNKNOWN) /* the route names the API; the answer tells the framing */
		*dialect = x->route->dialect;
}

bool exchange_open_gate(struct exchange *x, enum framing framing, enum dialect dialect)
{
	const struct config_route *route = x->route;
	const struct config_upstream *builder = &x->rt->config->upstreams[route->upstream];
	struct gate_options options = {
		.ruleset = x->rt->config->ruleset,
		.framing = framing,
		.dialect = dialect,
		.skip_reasoning = route->skip_reasoning,
		.fail_open = route->fail_open,
		.frame_bytes = route->frame_bytes,
		.document_bytes = route->document_bytes,
		.cut = route->cut,
		.limits = route->budget.set ? &route->budget : NULL,
		.price = builder->priced ? &builder->price : NULL,
	};
	exchange_tap(x, &options);
	x->gate = gate_new(&options);
	return x->gate != NULL;
}

static bool choose_wire(struct exchange *x, struct span content_type)
{
	enum framing framing = x->route->framing;
	enum dialect dialect = x->route->dialect;
	if (x->route->wire_auto) {
		detect(x, content_type, &framing, &dialect);
		/* An API answers in JSON or in events, whatever the builder calls it. */
		x->sniffs = framing == FRAMING_NONE && dialect != DIALECT_UNKNOWN;
		x->sniff_dialect = dialect;
	}
	return x->sniffs || exchange_open_gate(x, framing, dialect);
}

static bool is_event_stream(struct span content_type)
{
	static const char name[] = "text/event-stream";
	return content_type.n >= sizeof(name) - 1 &&
	       span_eq_nocase((struct span){ content_type.p, sizeof(name) - 1 },
			      SPAN("text/event-stream"));
}

bool exchange_edits(const struct exchange *x)
{
	return x->route->inspect && ruleset_redacts(x->rt->config->ruleset);
}

static void choose_form(struct exchange *x, const struct http1_head *head)
{
	bool keeps_length = head->framing == HTTP1_LENGTH && !x->inflate;
	/* An ending may have to follow, so a stream's length is not promised. */
	bool stream =
		x->sniffs || (x->gate && wire_framing(gate_wire(x->gate)) != FRAMING_DOCUMENT);
	if (stream && !x->client_is_1_0)
		keeps_length = false;
	if (exchange_edits(x))
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
	x->as_framed =
		x->form == BODY_CHUNKED && head->framing == HTTP1_CHUNKED && !x->route->inspect;
	x->answer_empty =
		x->form == BODY_NONE || (head->framing == HTTP1_LENGTH && head->length == 0);
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

/* The head waits for the first judged byte, so that a cut can still be an answer; for the verdict
 * of a quorum as long as it takes, where nothing could keep the client waiting. */
static void await_judgement(struct exchange *x)
{
	bool barred = exchange_is_barred(x);
	if (!barred || x->event_stream)
		x->head_due_ms = x->w->now_ms + timeouts(x)->head_hold;
	if (barred)
		exchange_keep_alive(x);
}

static enum step_next run_respond(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->backend->http);
	bool has_body = head->framing != HTTP1_NO_BODY;
	x->status = head->status;
	card_change_named(x, head);
	buf_fini(&x->request_head);
	if (!has_body || x->status != 200)
		exchange_vote(x, QUORUM_ABSENT);
	struct span type = http1_find(head, SPAN("content-type"));
	bool judged = has_body && x->route->inspect;
	if (judged &&
	    (!reads_one_way(head) || !open_inflate(x, http1_find(head, SPAN("content-encoding")))))
		return exchange_failed(
			x, RESULT_CUT, 502, "encoding refused",
			"the builder's answer is encoded in a way that cannot be judged");
	if (judged && !choose_wire(x, type))
		return exchange_failed(x, RESULT_REFUSED, 503, "out of memory",
				       "this proxy is out of memory");
	x->event_stream = is_event_stream(type);
	choose_form(x, head);
	struct head_answer facts = {
		.exchange = { x->id, EXCHANGE_ID_LENGTH },
		.chunked = x->form == BODY_CHUNKED,
		.has_length = x->form == BODY_LENGTH,
		.length = head->length,
		.decoded = x->inflate != NULL,
		.edited = exchange_edits(x),
		.event_stream = x->event_stream,
		.close = x->close_client || x->w->draining ||
			 x->client->requests >= x->rt->config->limits.requests_per_connection,
		.keep_alive_1_0 = x->client_is_1_0 && !x->close_client,
	};
	if (x->form == BODY_NONE)
		facts.has_length = stated_length(head, &facts.length) && !facts.edited;
	x->close_client |= facts.close;
	head_response(&x->head, head, &facts);
	http1_drop_head(x->backend->http);
	if (x->head.failed)
		return exchange_failed(x, RESULT_REFUSED, 503, "out of memory",
				       "this proxy is out of memory");
	if (!judged)
		(void)exchange_commit_head(x);
	else
		await_judgement(x);
	exchange_schedule(x);
	exchange_phase(x, timeouts(x)->upstream_idle);
	return exchange_to(x, &step_body);
}

const struct step step_respond = { "respond", run_respond };

/* The request's side of an exchange: its head, written for the builder, and its body, framed anew.
 */
#include <errno.h>
#include <stdio.h>

#include "proxy/exchange.h"
#include "proxy/heads.h"
#include "proxy/tap.h"
#include "proxy/worker.h"

#define SLICES 32
#define GATHER_BYTES 65536
#define GATHER_MS 2000

int exchange_write_head(struct exchange *x, const struct http1_head *head,
			const struct client *from)
{
	const struct head_facts facts = {
		.client_ip = span_of(from->peer),
		.exchange = { x->id, EXCHANGE_ID_LENGTH },
		.host = span_of(x->rt->config->upstreams[x->route->upstream].addresses[0].host),
		.tls = from->listener->config->tls != NULL,
		.forwarded_append = x->rt->config->proxy_headers,
		.upgrade = x->wants_upgrade,
		.expect_continue = x->expects_continue,
	};
	head_request(&x->request_head, head, x->route, &facts);
	x->head_bytes = x->request_head.n;
	return x->request_head.failed ? -ENOMEM : 0;
}

/* --- the body --- */

static void put(struct exchange *x, const void *p, size_t n)
{
	if (x->step == &step_gather) {
		buf_add(&x->request_head, p, n);
		return;
	}
	conn_write(&x->backend->conn, p, n);
	tap_bytes(x, p, n);
}

static void put_chunk_size(struct exchange *x, size_t n)
{
	char line[24];
	put(x, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", n));
}

static void forward(struct exchange *x, const struct span *slices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		x->request_bytes += slices[i].n;
		if (x->request_framing == HTTP1_CHUNKED)
			put_chunk_size(x, slices[i].n);
		put(x, slices[i].p, slices[i].n);
		if (x->request_framing == HTTP1_CHUNKED)
			put(x, "\r\n", 2);
	}
}

static void finish_request(struct exchange *x)
{
	x->request_done = true;
	client_read(x->client); /* only a reader notices that the client leaves */
	if (x->request_framing == HTTP1_CHUNKED) {
		struct buf end = { 0 };
		size_t n;
		const struct http1_header *trailers = http1_trailers(x->client->http, &n);
		buf_add_text(&end, "0\r\n");
		head_trailers(&end, trailers, n, false);
		buf_add_text(&end, "\r\n");
		put(x, end.p, end.n);
		buf_fini(&end);
	}
	tap_request_done(x);
	if (x->step == &step_await)
		exchange_phase(x, x->rt->config->timeouts.first_byte);
}

static enum pump refused(struct exchange *x)
{
	enum http1_refusal why = http1_refusal(x->client->http);
	metric_add(x->w->metrics, METRIC_REFUSED_REQUESTS, why, 1);
	x->close_client = true;
	(void)exchange_failed(x, RESULT_REFUSED, http1_refusal_status(why),
			      http1_refusal_names[why], "the request's body is malformed");
	return PUMP_FAILED;
}

static uint64_t most_bytes(const struct exchange *x)
{
	uint64_t most = x->rt->config->limits.body_bytes;
	return exchange_fans_out(x) ? min_u64(most, x->route->quorum->request_bytes) : most;
}

enum pump exchange_pump_request(struct exchange *x)
{
	struct conn *from = &x->client->conn;
	while (!x->request_done) {
		struct span in = conn_input(from);
		if (x->backend &&
		    conn_queued(&x->backend->conn) > x->rt->config->limits.window_bytes) {
			conn_pause(from);
			return PUMP_WAIT;
		}
		if (in.n == 0) {
			client_read(x->client);
			return PUMP_WAIT;
		}
		struct span slices[SLICES];
		size_t n;
		enum http1_event event;
		size_t used =
			http1_feed_body(x->client->http, in.p, in.n, slices, SLICES, &n, &event);
		forward(x, slices, n);
		conn_consume(from, used);
		conn_trim(from);
		if (event == HTTP1_REFUSED)
			return refused(x);
		if (x->request_bytes > most_bytes(x)) {
			x->close_client = true;
			(void)exchange_failed(x, RESULT_REFUSED, 413, "body too large",
					      "the request's body is larger than this proxy takes");
			return PUMP_FAILED;
		}
		if (event == HTTP1_END)
			finish_request(x);
		else if (x->step == &step_await || x->step == &step_gather)
			exchange_phase(x, x->rt->config->timeouts.client_body);
		if (x->step == &step_gather && x->request_bytes >= GATHER_BYTES &&
		    !exchange_fans_out(x))
			return PUMP_DONE;
	}
	return PUMP_DONE;
}

/* --- steps --- */

/* A body of ordinary size is read whole before a builder hears of the request: what is malformed
 * never reaches one, and another address can be tried without loss. A longer or slower body is sent
 * as it comes. */
static enum step_next run_gather(struct exchange *x)
{
	if (x->expects_continue) /* the body comes when the builder wants it (RFC 9110, 10.1.1) */
		return exchange_to(x, &step_connect);
	if (!x->gather_until_ms && !x->request_done && !exchange_fans_out(x)) {
		x->gather_until_ms = x->w->now_ms + GATHER_MS;
		timer_set(&x->w->timers, &x->tick, x->gather_until_ms);
	}
	if (!x->request_done && exchange_fans_out(x) && !x->phase.deadline_ms)
		exchange_phase(x, x->rt->config->timeouts.client_body);
	enum pump pump = exchange_pump_request(x);
	if (pump == PUMP_FAILED)
		return STEP_AGAIN;
	if (pump == PUMP_WAIT && (x->w->now_ms < x->gather_until_ms || exchange_fans_out(x)))
		return STEP_WAIT;
	timer_clear(&x->tick);
	if (x->request_head.failed)
		return exchange_failed(x, RESULT_REFUSED, 503, "out of memory",
				       "this proxy is out of memory");
	x->gathered_bytes = x->request_bytes;
	if (exchange_fans_out(x))
		exchange_ask_rivals(x);
	return exchange_to(x, &step_connect);
}

const struct step step_gather = { "gather", run_gather };

static enum step_next run_send(struct exchange *x)
{
	conn_write(&x->backend->conn, x->request_head.p, x->request_head.n);
	tap_sent(x);
	http1_expect(x->backend->http, x->is_head ? SPAN("HEAD") : SPAN("GET"));
	x->sent_ms = x->w->now_ms;
	exchange_budget_sent(x);
	const struct config_timeouts *t = &x->rt->config->timeouts;
	exchange_phase(x, x->request_done || x->expects_continue ? t->first_byte : t->client_body);
	return exchange_to(x, &step_await);
}

const struct step step_send = { "send", run_send };

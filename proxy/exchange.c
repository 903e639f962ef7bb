#include "proxy/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "proxy/admin.h"
#include "proxy/answer.h"
#include "proxy/card.h"
#include "proxy/heads.h"
#include "proxy/ledger_post.h"
#include "proxy/patchctl_pages.h"
#include "proxy/record.h"
#include "proxy/worker.h"

#define SUMMARY_TARGET 512 /* bytes of a path that the record keeps */

/* --- stepping --- */

static bool can_wake(const struct exchange *x)
{
	return x->client->conn.recv.pending || x->client->conn.send.pending ||
	       x->client->conn.out || x->phase.deadline_ms || x->tick.deadline_ms ||
	       x->total.deadline_ms || x->allowance.deadline_ms || x->voter.ballot || x->post ||
	       x->plan || (x->backend && !conn_idle(&x->backend->conn));
}

void exchange_advance(struct exchange *x)
{
	enum step_next next = STEP_AGAIN;
	while (next == STEP_AGAIN)
		next = x->step->run(x);
	if (next == STEP_WAIT)
		CHECK(can_wake(x));
}

enum step_next exchange_to(struct exchange *x, const struct step *step)
{
	x->step = step;
	return STEP_AGAIN;
}

void exchange_phase(struct exchange *x, uint32_t ms)
{
	if (ms)
		timer_set(&x->w->timers, &x->phase, x->w->now_ms + ms);
	else
		timer_clear(&x->phase);
}

void exchange_schedule(struct exchange *x)
{
	uint64_t due = UINT64_MAX;
	if (x->head_due_ms)
		due = x->head_due_ms;
	if (x->hold_since_ms) {
		const struct ruleset *set = judge_ruleset(gate_judge(x->gate));
		due = min_u64(due, x->hold_since_ms + ruleset_hold_ms(set));
	}
	if (x->keepalive_ms)
		due = min_u64(due, x->keepalive_ms);
	if (due == UINT64_MAX)
		timer_clear(&x->tick);
	else
		timer_set(&x->w->timers, &x->tick, due);
}

/* --- begin and end --- */

static void phase_over(struct timer *t);
static void total_over(struct timer *t);

/* A query may carry credentials, so only its presence and the wire's own parameter are kept. */
static char *summarise(const struct http1_head *head)
{
	const char *query = memchr(head->target.p, '?', head->target.n);
	size_t target =
		min_size(query ? (size_t)(query - head->target.p) : head->target.n, SUMMARY_TARGET);
	char *text = malloc(head->method.n + 1 + target + 1);
	if (!text)
		return NULL;
	memcpy(text, head->method.p, head->method.n);
	text[head->method.n] = ' ';
	memcpy(text + head->method.n + 1, head->target.p, target);
	text[head->method.n + 1 + target] = '\0';
	return text;
}

struct exchange *exchange_new(struct client *client, struct runtime *rt, const char *summary)
{
	struct worker *w = client->conn.w;
	struct exchange *x = calloc(1, sizeof(*x));
	char *copy = x ? strdup(summary) : NULL;
	if (!copy) {
		free(x);
		return NULL;
	}
	x->w = w;
	x->rt = runtime_ref(rt);
	x->client = client;
	x->summary = copy;
	x->began_ms = w->now_ms;
	x->result = RESULT_PASSED;
	x->reason = "";
	x->phase.fire = phase_over;
	x->tick.fire = exchange_tick;
	x->total.fire = total_over;
	worker_new_id(w, x->id);
	client->exchange = x;
	if (!client->listener->admin)
		worker_exchange_begins(w);
	uint32_t limit = rt->config->timeouts.exchange;
	if (limit)
		timer_set(&w->timers, &x->total, w->now_ms + limit);
	return x;
}

void exchange_begin(struct client *client)
{
	const struct http1_head *head = http1_head(client->http);
	char *summary = summarise(head);
	struct exchange *x =
		summary ? exchange_new(client, client->conn.w->runtime, summary) : NULL;
	free(summary);
	if (!x) {
		answer_refusal(client, HTTP1_NO_MEMORY);
		return;
	}
	x->request_framing = head->framing;
	x->is_head = span_eq(head->method, SPAN("HEAD"));
	x->client_is_1_0 = head->minor == 0;
	x->close_client = !head->keep_alive;
	x->expects_continue =
		head->expect_continue && head->minor == 1 && head->framing != HTTP1_NO_BODY;
	x->detect_query = memmem(head->target.p, head->target.n, "alt=sse", 7) != NULL;
	x->request_done = head->framing == HTTP1_NO_BODY ||
			  (head->framing == HTTP1_LENGTH && head->length == 0);
	x->step = &step_route;
	exchange_advance(x);
}

static void destroy(struct exchange *x)
{
	timer_remove(&x->w->timers, &x->phase);
	timer_remove(&x->w->timers, &x->tick);
	timer_remove(&x->w->timers, &x->total);
	timer_remove(&x->w->timers, &x->allowance);
	gate_free(x->gate);
	inflate_free(x->inflate);
	ledger_post_forget(x->post);
	patchctl_plan_forget(x->plan);
	buf_fini(&x->request_head);
	buf_fini(&x->head);
	buf_fini(&x->sniffed);
	free(x->change);
	tap_copy_free(x);
	free(x->summary);
	free(x->own_route);
	runtime_unref(x->rt);
	free(x);
}

void exchange_drop_backend(struct exchange *x)
{
	tap_backend_leaves(x);
	if (x->backend)
		backend_close(x->backend);
	x->backend = NULL;
}

static enum step_next run_finish(struct exchange *x)
{
	struct client *client = x->client;
	tap_backend_leaves(x);
	if (x->backend && !x->lost && x->answer_done && x->request_done &&
	    http1_head(x->backend->http)->keep_alive)
		backend_release(x->backend);
	else
		exchange_drop_backend(x);
	x->backend = NULL;
	bool keep = !x->close_client && x->request_done && !x->aborted;
	tap_finish(x);
	record_exchange(x);
	exchange_unseat(x);
	client_queued(client);
	if (!client->listener->admin)
		worker_exchange_ends(x->w);
	destroy(x);
	client_exchange_ended(client, keep);
	return STEP_DONE;
}

const struct step step_finish = { "finish", run_finish };

enum step_next exchange_failed(struct exchange *x, enum exchange_result result, unsigned status,
			       const char *reason, const char *detail)
{
	x->result = result;
	x->reason = reason;
	exchange_vote_failed(x);
	exchange_drop_backend(x);
	if (!x->head_queued) {
		answer_problem(x, status, reason, detail);
	} else {
		x->aborted = true;
		x->close_client = true;
	}
	return exchange_to(x, &step_finish);
}

/* --- routing --- */

static enum step_next refuse(struct exchange *x, unsigned status, const char *reason,
			     const char *detail)
{
	x->close_client |= !x->request_done;
	return exchange_failed(x, RESULT_REFUSED, status, reason, detail);
}

static enum step_next run_route(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->client->http);
	const struct config *config = x->rt->config;
	if (x->client->listener->admin)
		return admin_answer(x, head);
	if (x->w->n_exchanges > config->limits.streams)
		return refuse(x, 503, "too many streams",
			      "this proxy is at its limit of streams; try again later");
	bool ambiguous;
	x->route = head_route(config, head, &ambiguous);
	if (ambiguous)
		return refuse(
			x, 400, "ambiguous path",
			"the path means another route when its dots, slashes or escapes are resolved");
	if (!x->route)
		return refuse(x, 404, "no route", "no route matches this host, path and method");
	exchange_budget_begin(x);
	if (head->framing == HTTP1_LENGTH && head->length > config->limits.body_bytes)
		return refuse(x, 413, "body too large",
			      "the request's body is larger than this proxy takes");
	if (head_wants_upgrade(head)) {
		if (!x->route->tunnel_upgrades)
			return refuse(x, 501, "upgrade refused",
				      "this route does not let connections be upgraded");
		x->wants_upgrade = true;
	}
	if (!card_change_begin(x, head))
		return refuse(x, 503, "out of memory",
			      "this proxy is out of memory; try again later");
	if (!exchange_may_record(x) || !exchange_may_spend(x))
		return STEP_AGAIN;
	if (!exchange_take_seat(x, head))
		return STEP_AGAIN;
	card_change_seated(x);
	if (!tap_choose(x, head) || exchange_write_head(x, head, x->client) != 0)
		return refuse(x, 503, "out of memory",
			      "this proxy is out of memory; try again later");
	http1_drop_head(x->client->http); /* what is still needed of it was copied */
	return exchange_to(x, &step_gather);
}

const struct step step_route = { "route", run_route };

/* --- connecting --- */

static void count_upstream_error(struct exchange *x, enum upstream_error why)
{
	metric_add(x->w->metrics, METRIC_UPSTREAM_ERRORS, why, 1);
}

/* The reason is that of the last attempt; when there was none, why there is nothing to try. */
static enum step_next unreachable(struct exchange *x, enum upstream_error why)
{
	static const char *const details[UPSTREAM_ERROR_COUNT] = {
		[UPSTREAM_UNRESOLVED] = "the builder's name could not be resolved",
		[UPSTREAM_CONNECT] = "the builder refused the connection or is not there",
		[UPSTREAM_TLS] =
			"the builder's TLS failed: another protocol, or a certificate that does not verify",
		[UPSTREAM_TIMEOUT] = "the builder did not take the connection in time",
		[UPSTREAM_RESET] = "the builder broke the connection off",
		[UPSTREAM_MALFORMED] = "the builder does not speak HTTP",
		[UPSTREAM_NO_ADDRESS] = "the builder has no address to try",
	};
	if (x->retries)
		why = x->lost_why;
	else
		count_upstream_error(x, why);
	return exchange_failed(x, RESULT_BUILDER_FAILED, 502, upstream_error_names[why],
			       details[why]);
}

static enum step_next run_connect(struct exchange *x)
{
	if (!x->backend) {
		enum upstream_error why;
		struct pool *pool = worker_pool(x->w, x->rt, x->route->upstream);
		x->backend = pool ? backend_take(pool, x, &x->tried, &why) : NULL;
		pool_unref(pool);
		if (!x->backend)
			return unreachable(x, pool ? why : UPSTREAM_NO_ADDRESS);
		x->lost = false;
		exchange_phase(x, x->rt->config->timeouts.connect);
	}
	return x->backend->conn.state == CONN_OPEN ? exchange_to(x, &step_send) : STEP_WAIT;
}

const struct step step_connect = { "connect", run_connect };

void exchange_backend_opened(struct exchange *x)
{
	exchange_advance(x);
}

/* Another attempt is safe when not one byte of this request went to the kernel, and no body byte
 * left the client's connection for the one that is gone. */
static bool may_retry(const struct exchange *x)
{
	if (x->step == &step_connect)
		return true;
	return x->step == &step_await && backend_untouched(x->backend) &&
	       x->request_bytes == x->gathered_bytes && conn_input(&x->backend->conn).n == 0;
}

void exchange_retry(struct exchange *x, enum upstream_error why)
{
	count_upstream_error(x, why);
	if (x->step == &step_connect)
		upstream_address_failed(backend_address(x->backend), backend_upstream(x->backend),
					x->w->now_ms);
	else
		x->tried = 0; /* a stale idle connection: the address itself may be well */
	exchange_drop_backend(x);
	x->retries++;
	metric_add(x->w->metrics, METRIC_UPSTREAM_RETRIES, 0, 1);
	x->step = &step_connect;
}

void exchange_backend_lost(struct exchange *x, enum upstream_error why)
{
	x->lost = true;
	x->lost_why = why;
	if (may_retry(x))
		exchange_retry(x, why);
	exchange_advance(x);
}

/* --- time and absence --- */

void exchange_client_gone(struct exchange *x, enum exchange_result result)
{
	struct client *client = x->client;
	exchange_vote(x, x->status ? QUORUM_TRUNCATED : QUORUM_ABSENT);
	x->result = result;
	if (!x->reason[0])
		x->reason = exchange_result_names[result];
	x->close_client = true;
	x->aborted = true;
	x->head_queued = true;
	exchange_drop_backend(x);
	x->step = &step_finish;
	conn_close(&client->conn);
	exchange_advance(x);
}

static const char *phase_name(const struct exchange *x)
{
	if (x->step == &step_connect)
		return "connect timeout";
	return x->step == &step_await || x->step == &step_gather ? "first byte timeout"
								 : "builder stalled";
}

static void time_out(struct exchange *x, unsigned status, const char *reason, const char *detail)
{
	(void)exchange_failed(x, RESULT_TIMEOUT, status, reason, detail);
	exchange_advance(x);
}

static bool awaits_body(const struct exchange *x)
{
	return !x->request_done &&
	       (x->step == &step_await || x->step == &step_gather || x->client->listener->admin);
}

static void phase_over(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, phase);
	if (x->step == &step_connect) {
		x->lost_why = UPSTREAM_TIMEOUT;
		exchange_retry(x, UPSTREAM_TIMEOUT);
		exchange_advance(x);
		return;
	}
	if (awaits_body(x)) {
		time_out(x, 408, "request body timeout", "the request's body stopped arriving");
		return;
	}
	count_upstream_error(x, UPSTREAM_TIMEOUT);
	if (x->backend)
		upstream_address_failed(backend_address(x->backend), backend_upstream(x->backend),
					x->w->now_ms);
	time_out(x, 504, phase_name(x), "the builder did not answer in time");
}

static void total_over(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, total);
	exchange_vote(x, QUORUM_LATE);
	time_out(x, 504, "exchange timeout", "the exchange took too long");
}

void exchange_drain(struct exchange *x)
{
	(void)exchange_failed(x, RESULT_DRAINED, 503, "shutting down",
			      "this proxy is shutting down");
	exchange_advance(x);
}

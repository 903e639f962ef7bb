/* The limits on an exchange's time that end it with a verdict. The gate keeps those that are
 * counted in bytes. */
#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

#define BYTES_PER_TOKEN 4 /* of a request whose tokens nobody reports */

enum budget_limit exchange_broken(const struct exchange *x)
{
	return x->broken || !x->gate ? x->broken : gate_broken(x->gate);
}

/* Sets the timer to what is due next; a time that moves on is looked at when it fires. */
static void arm(struct exchange *x, enum budget_limit *over)
{
	const struct budget_times t = { x->began_ms, x->sent_ms, x->first_ms, x->last_ms };
	uint64_t next;
	*over = budget_time(&x->route->budget, &t, x->w->now_ms, &next);
	if (next == UINT64_MAX)
		timer_clear(&x->allowance);
	else
		timer_set(&x->w->timers, &x->allowance, next);
}

static void cut(struct exchange *x)
{
	x->reason = budget_reasons[x->broken];
	if (x->gate && gate_stop(x->gate, x->broken) == GATE_CUT) {
		(void)exchange_cut(x);
		exchange_advance(x);
		return;
	}
	x->result = RESULT_CUT;
	exchange_drop_backend(x);
	if (!x->head_queued) {
		answer_cut(x);
	} else {
		x->aborted = true;
		x->close_client = true;
	}
	(void)exchange_to(x, &step_finish);
	exchange_advance(x);
}

static void allowance_over(struct timer *timer)
{
	struct exchange *x = CONTAINER_OF(timer, struct exchange, allowance);
	enum budget_limit over;
	if (conn_queued(&x->client->conn) > x->rt->config->limits.window_bytes)
		x->last_ms = x->w->now_ms; /* the client is slow, not the builder */
	arm(x, &over);
	if (!over)
		return;
	timer_clear(&x->allowance);
	x->broken = over;
	if (!ruleset_monitor(x->rt->config->ruleset))
		cut(x);
}

void exchange_budget_begin(struct exchange *x)
{
	enum budget_limit over;
	x->allowance.fire = allowance_over;
	if (x->route->budget.set)
		arm(x, &over);
}

void exchange_budget_sent(struct exchange *x)
{
	enum budget_limit over;
	if (x->route->budget.first_byte_ms && !x->broken)
		arm(x, &over);
}

/* --- the builder's day --- */

static bool only_kept(const struct exchange *x)
{
	return !x->route->fail_open;
}

static enum budget_limit day_over(const struct exchange *x, const struct spent *row)
{
	switch (spent_state(row, spending_today())) {
	case SPENT_UP: return BUDGET_DAILY;
	case SPENT_UNKEPT: return only_kept(x) ? BUDGET_UNKEPT : BUDGET_NONE;
	case SPENT_FREE: break;
	}
	return BUDGET_NONE;
}

bool exchange_may_spend(struct exchange *x)
{
	struct spent *row = x->rt->upstreams[x->route->upstream].spent;
	if (!row)
		return true;
	enum budget_limit over = day_over(x, row);
	if (over && !x->broken)
		x->broken = over;
	if (!over || ruleset_monitor(x->rt->config->ruleset)) {
		spent_begin(&x->spent, row);
		return true;
	}
	x->result = RESULT_REFUSED;
	x->reason = budget_reasons[over];
	x->close_client |= !x->request_done;
	metric_add(x->w->metrics, METRIC_BUDGET_REFUSALS, over, 1);
	answer_cut(x);
	(void)exchange_to(x, &step_finish);
	return false;
}

/* Errors cost nothing. */
static bool costs(const struct exchange *x)
{
	return x->spent.row && x->gate && x->status < 300;
}

void exchange_budget_feeds(struct exchange *x)
{
	if (!costs(x))
		return;
	uint32_t today = spending_today();
	bool unkept = only_kept(x) && spent_state(x->spent.row, today) == SPENT_UNKEPT;
	gate_allow(x->gate, unkept ? BUDGET_UNKEPT : BUDGET_DAILY,
		   spent_allowed(&x->spent, today, unkept));
}

static void charge(struct exchange *x)
{
	if (costs(x))
		spent_charge(&x->spent, spending_today(), budget_cost(gate_budget(x->gate)));
}

void exchange_budget_settle(struct exchange *x)
{
	if (x->gate && x->status < 300)
		gate_guess_input(x->gate, x->request_bytes / BYTES_PER_TOKEN);
	charge(x);
	spent_end(&x->spent);
}

void exchange_budget_fed(struct exchange *x)
{
	const struct gate_record *r = gate_record(x->gate);
	charge(x);
	if (!x->route->budget.set || x->broken)
		return;
	uint64_t passed = gate_barred(x->gate) ? r->judged : r->released;
	if (x->first_ms && r->frames == x->frames && passed == x->passed)
		return;
	bool first = !x->first_ms;
	x->frames = r->frames;
	x->passed = passed;
	x->last_ms = x->w->now_ms;
	enum budget_limit over;
	if (first) {
		x->first_ms = x->w->now_ms;
		arm(x, &over);
	}
}

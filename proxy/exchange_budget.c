/* The limits on an exchange's time that end it with a verdict. The gate keeps those that are
 * counted in bytes. */
#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

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

void exchange_budget_fed(struct exchange *x)
{
	const struct gate_record *r = gate_record(x->gate);
	if (!x->route->budget.set || x->broken)
		return;
	if (x->first_ms && r->frames == x->frames && r->released == x->passed)
		return;
	bool first = !x->first_ms;
	x->frames = r->frames;
	x->passed = r->released;
	x->last_ms = x->w->now_ms;
	enum budget_limit over;
	if (first) {
		x->first_ms = x->w->now_ms;
		arm(x, &over);
	}
}

/* Exchanges while the ledger cannot be written: what must be written down and cannot be does not
 * happen, but on routes with `on_error: open`. */
#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/ledger.h"
#include "proxy/server.h"
#include "proxy/worker.h"

const char exchange_ledger_error[] = "ledger_error";

static bool fails(const struct exchange *x)
{
	struct ledger_counts counts;
	if (!x->w->server->ledger || !x->route->inspect)
		return false;
	ledger_counts(x->w->server->ledger, &counts);
	return counts.error != 0;
}

static bool passes(struct exchange *x)
{
	x->unrecorded = true;
	return x->route->fail_open || ruleset_monitor(x->rt->config->ruleset);
}

bool exchange_may_record(struct exchange *x)
{
	if (!fails(x) || passes(x))
		return true;
	x->result = RESULT_REFUSED;
	x->reason = exchange_ledger_error;
	x->close_client |= !x->request_done;
	answer_unrecorded(x);
	(void)exchange_to(x, &step_finish);
	return false;
}

enum gate_state exchange_recorded(struct exchange *x, enum gate_state state)
{
	size_t cards = 0;
	(void)judge_cards(gate_judge(x->gate), &cards);
	if (state != GATE_OPEN || !(cards || gate_barred(x->gate)) || !fails(x) || passes(x))
		return state;
	return gate_refuse(x->gate, exchange_ledger_error);
}

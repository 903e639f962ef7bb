#include "proxy/record.h"

#include "lib/log.h"
#include "lib/wire_usage.h"
#include "proxy/card.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

/* Not merely over one, under a policy that monitors. */
static bool cut_by_budget(const struct exchange *x)
{
	return exchange_broken(x) && x->reason == budget_reasons[exchange_broken(x)];
}

static enum cut_label cut_label(const struct exchange *x)
{
	if (x->disputed)
		return CUT_LABEL_QUORUM;
	if (x->reason == exchange_ledger_error)
		return CUT_LABEL_LEDGER;
	if (cut_by_budget(x))
		return CUT_LABEL_BUDGET;
	if (!x->gate || x->inflate)
		return x->gate && gate_verdict(x->gate)->kind == VERDICT_CUT ? CUT_LABEL_RULE
									     : CUT_LABEL_ENCODING;
	switch (gate_verdict(x->gate)->kind == VERDICT_CUT ? gate_verdict(x->gate)->cause
							   : CUT_NONE) {
	case CUT_RULE: return CUT_LABEL_RULE;
	case CUT_HOLD_BOUND: return CUT_LABEL_HOLD_BOUND;
	case CUT_ENGINE_ERROR: return CUT_LABEL_ENGINE_ERROR;
	case CUT_NONE:
	case CUT_CAUSE_COUNT: break;
	}
	return wire_failed(gate_wire(x->gate)) == WIRE_NO_MEMORY ? CUT_LABEL_NO_MEMORY
								 : CUT_LABEL_WIRE_ERROR;
}

static void settle_result(struct exchange *x, size_t n_cards)
{
	if (x->result != RESULT_PASSED)
		return;
	if (x->client->conn.silent)
		x->result = RESULT_COMPARED;
	else if (x->unscanned || (x->gate && gate_record(x->gate)->unscanned))
		x->result = RESULT_UNSCANNED;
	else if (n_cards)
		x->result = RESULT_FLAGGED;
}

static void count_gate(struct exchange *x)
{
	struct metrics_shard *m = x->w->metrics;
	const struct gate_record *r = gate_record(x->gate);
	const struct judge_counts *counts = judge_counts(gate_judge(x->gate));
	metric_add(m, METRIC_RECEIVED_BYTES, 0, r->received);
	metric_add(m, METRIC_JUDGED_BYTES, 0, r->judged);
	if (!x->client->conn.silent) /* else it left nobody */
		metric_add(m, METRIC_RELEASED_BYTES, 0, r->released);
	metric_add(m, METRIC_UNSCANNED_BYTES, 0, r->unscanned);
	metric_add(m, METRIC_REDACTIONS, 0, r->redactions);
	metric_add(m, METRIC_REDACTED_BYTES, 0, r->redacted);
	metric_observe(m, METRIC_HOLD_BYTES, 0, (double)r->held_max);
	metric_add(m, METRIC_UNDECIDED, 0, counts->undecided);
	metric_add(m, METRIC_HOLD_BOUND, HOLD_RESULT_CUT, counts->bound_cuts);
	metric_add(m, METRIC_HOLD_BOUND, HOLD_RESULT_RELEASED, counts->bound_releases);
}

static void log_coverage(struct buf *line, struct exchange *x, size_t n_cards)
{
	const struct gate_record *r = gate_record(x->gate);
	struct wire *wire = gate_wire(x->gate);
	log_text(line, "framing", span_of(framing_names[wire_framing(wire)]));
	log_text(line, "dialect", span_of(dialect_names[wire_dialect(wire)]));
	log_number(line, "received_bytes", r->received);
	log_number(line, "judged_bytes", r->judged);
	log_number(line, "released_bytes", x->client->conn.silent ? 0 : r->released);
	log_number(line, "held_max_bytes", r->held_max);
	log_number(line, "held_max_text_bytes", judge_counts(gate_judge(x->gate))->held_max);
	log_number(line, "unscanned_bytes", r->unscanned + x->unscanned);
	log_number(line, "redactions", r->redactions);
	log_number(line, "redacted_bytes", r->redacted);
	log_number(line, "frames", r->frames);
	log_number(line, "cards", n_cards);
	log_text(line, "ruleset", span_of(ruleset_hash(judge_ruleset(gate_judge(x->gate)))));
}

/* What the stream cost: as it was estimated, as it said itself, and what that comes to. */
static void log_budget(struct buf *line, struct exchange *x)
{
	const struct budget *b = gate_budget(x->gate);
	struct wire_usage usage;
	if (!b)
		return;
	wire_usage(gate_wire(x->gate), &usage);
	log_number(line, "estimated_output_tokens", budget_estimate(b));
	if (usage.input_known)
		log_number(line, "reported_input_tokens", usage.input);
	if (usage.output_known)
		log_number(line, "reported_output_tokens", usage.output);
	if (x->rt->config->upstreams[x->route->upstream].priced)
		log_number(line, "cost_nanousd", budget_cost(b));
}

static void log_exchange(struct exchange *x, size_t n_cards)
{
	bool bad = x->result == RESULT_BUILDER_FAILED || x->result == RESULT_CUT ||
		   x->result == RESULT_TIMEOUT;
	struct buf *line = log_begin(bad ? LOG_WARNING : LOG_INFO, "exchange");
	if (!line)
		return;
	log_text(line, "exchange", (struct span){ x->id, EXCHANGE_ID_LENGTH });
	log_text(line, "client", span_of(x->client->peer));
	log_text(line, "request", span_of(x->summary));
	log_text(line, "route", span_of(x->route ? x->route->name : ""));
	log_number(line, "status", x->status);
	log_text(line, "result", span_of(exchange_result_names[x->result]));
	log_text(line, "reason", span_of(x->reason));
	log_number(line, "duration_ms", x->w->now_ms - x->began_ms);
	log_number(line, "request_bytes", x->request_bytes);
	log_number(line, "retries", x->retries);
	bool sampled;
	struct span sample = tap_key(x->copy, &sampled);
	if (sample.n) {
		log_text(line, "sample", sample);
		log_bool(line, "sampled", sampled);
	}
	if (x->voter.ballot) {
		log_text(line, "ballot", span_of(voter_ballot_id(&x->voter)));
		log_text(line, "builder",
			 span_of(x->rt->config->upstreams[x->route->upstream].name));
	}
	if (exchange_broken(x))
		log_text(line, "budget", span_of(budget_limit_names[exchange_broken(x)]));
	if (x->unrecorded)
		log_bool(line, "unrecorded", true);
	if (x->gate)
		log_budget(line, x);
	if (x->gate)
		log_coverage(line, x, n_cards);
	else
		log_number(line, "unscanned_bytes", x->unscanned);
	log_end(line);
}

void record_exchange(struct exchange *x)
{
	size_t n_cards = 0;
	exchange_budget_settle(x);
	cards_put(x);
	if (x->gate)
		(void)judge_cards(gate_judge(x->gate), &n_cards);
	settle_result(x, n_cards);
	if (x->client->listener->admin)
		return;
	if (!x->client->conn.silent)
		metric_add(x->w->metrics, METRIC_REQUESTS, metric_status_class(x->status), 1);
	metric_add(x->w->metrics, METRIC_EXCHANGES, x->result, 1);
	if (x->unscanned)
		metric_add(x->w->metrics, METRIC_UNSCANNED_BYTES, 0, x->unscanned);
	if (x->result == RESULT_CUT)
		metric_add(x->w->metrics, METRIC_CUTS, cut_label(x), 1);
	if (x->result == RESULT_CUT && cut_by_budget(x))
		metric_add(x->w->metrics, METRIC_BUDGET_CUTS, exchange_broken(x), 1);
	if (x->gate)
		count_gate(x);
	if (x->rt->config->log_exchanges)
		log_exchange(x, n_cards);
}

#include "proxy/quorum_print.h"

#include "proxy/config_audit.h"
#include "proxy/config_ledger.h"
#include "proxy/config_quorum.h"
#include "proxy/metric_table.h"
#include "proxy/units.h"

static const char *const kinds[AUDITOR_KIND_COUNT] = { "a model", "a webhook", "a person" };

static const char *builder_name(const struct config *c, const struct config_quorum *q, unsigned i)
{
	return c->upstreams[q->builders[i].upstream].name;
}

static void print_quorum(const struct config *c, const struct config_quorum *q, struct buf *out)
{
	char timeout[32];
	units_print_duration(q->timeout_ms, timeout);
	buf_printf(out, "quorum %s: %u of", q->name, q->agree);
	for (unsigned i = 0; i < q->n_builders; i++)
		buf_printf(out, "%s %s%s", i ? "," : "", builder_name(c, q, i),
			   i == q->chosen ? " (chosen)" : "");
	buf_printf(out,
		   "; threshold " SCORE_THRESHOLD
		   " %%, release %s, pair %s, timeout %s, base of %zu %s%s%s\n",
		   q->threshold / (double)SCORE_UNITS, q->on_quorum ? "on_quorum" : "chosen",
		   q->pairing == PAIRING_SPEC ? "spec" : "fan_out", timeout, q->n_base,
		   q->n_base == 1 ? "file" : "files", q->auditor ? ", audit " : "",
		   q->auditor ? q->auditor->name : "");
}

void quorum_print(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < c->n_quorums; i++)
		print_quorum(c, &c->quorums[i], out);
	for (size_t i = 0; i < c->n_auditors; i++) {
		const struct config_auditor *a = &c->auditors[i];
		char timeout[32];
		units_print_duration(a->timeout_ms, timeout);
		buf_printf(out, "auditor %s: %s, %s%s\n", a->name, kinds[a->kind],
			   a->kind == AUDITOR_HUMAN ? "asked for " : "which has ", timeout);
	}
	if (c->ledger)
		buf_printf(out, "ledger %s, checkpoints %s\n", c->ledger->options.path,
			   c->ledger->options.checkpoints);
}

static void add_quorum(const struct config *c, const struct config_quorum *q, struct buf *out)
{
	buf_add_text(out, "{\"name\":\"");
	buf_add_json(out, span_of(q->name));
	buf_add_text(out, "\",\"builders\":[");
	for (unsigned i = 0; i < q->n_builders; i++) {
		buf_add_text(out, i ? ",\"" : "\"");
		buf_add_json(out, span_of(builder_name(c, q, i)));
		buf_add_char(out, '"');
	}
	buf_add_text(out, "],\"chosen\":\"");
	buf_add_json(out, span_of(builder_name(c, q, q->chosen)));
	buf_printf(out,
		   "\",\"agree\":%u,\"release\":\"%s\",\"threshold\":" SCORE_THRESHOLD
		   ",\"audit\":\"",
		   q->agree, q->on_quorum ? "on_quorum" : "chosen",
		   q->threshold / (double)SCORE_UNITS);
	buf_add_json(out, span_of(q->auditor ? q->auditor->name : ""));
	buf_add_text(out, "\"}");
}

void quorum_add_json(const struct config *c, const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < c->n_quorums; i++) {
		buf_add_text(out, i ? "," : ",\"quorums\":[");
		add_quorum(c, &c->quorums[i], out);
	}
	if (!c->n_quorums)
		return;
	buf_add_text(out, "],\"quorum_verdicts\":{");
	for (unsigned v = 0; v < SCORE_VERDICT_COUNT; v++) {
		double n = 0, one;
		for (size_t reason = 0; reason < COMPARE_REASON_COUNT; reason++) {
			one = metrics_total(m, METRIC_QUORUM_VERDICTS + v, reason);
			n += one > 0 ? one : 0; /* NaN: none yet */
		}
		buf_printf(out, "%s\"%s\":%.0f", v ? "," : "", score_verdict_names[v], n);
	}
	buf_add_char(out, '}');
}

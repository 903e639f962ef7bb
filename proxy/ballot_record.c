/* What is written down of a ballot: metrics, and rows for those who check it later. */
#include <math.h>
#include <stdio.h>

#include "proxy/ballot_record.h"
#include "proxy/ledger.h"
#include "proxy/metric_table.h"
#include "proxy/worker.h"

static const char *builder_name(const struct ballot *b, unsigned seat)
{
	return b->rt->config->upstreams[b->config->builders[seat].upstream].name;
}

static void member(struct buf *body, const char *key, const char *value)
{
	buf_printf(body, "%s\"%s\":\"", body->n > 1 ? "," : "", key);
	buf_add_json(body, span_of(value));
	buf_add_char(body, '"');
}

static void put(const struct ballot *b, const char *kind, struct buf *body)
{
	buf_add_char(body, '}');
	if (!body->failed)
		ledger_put(kind, b->id, (struct span){ body->p, body->n });
	buf_fini(body);
}

static void record_vote(const struct ballot *b, unsigned seat)
{
	const struct seat *s = &b->seats[seat];
	struct buf body = { 0 };
	buf_add_char(&body, '{');
	member(&body, "builder", builder_name(b, seat));
	buf_printf(&body, ",\"chosen\":%s", seat == b->config->chosen ? "true" : "false");
	member(&body, "ending", s->ended ? quorum_ending_names[s->how] : "stopped");
	member(&body, "exchange", s->exchange);
	put(b, "vote", &body);
}

static void add_percent(struct buf *body, const struct quorum_pair *p)
{
	if (p->scored)
		score_add_bounds(&p->score, body);
	else
		buf_add_text(body, "null");
}

static void record_pair(const struct ballot *b, const struct quorum_pair *p)
{
	struct buf body = { 0 };
	buf_add_char(&body, '{');
	member(&body, "a", builder_name(b, p->a));
	member(&body, "b", builder_name(b, p->b));
	buf_add_text(&body, ",\"diff_percent\":");
	add_percent(&body, p);
	buf_printf(&body, ",\"disputed_early\":%s", p->disputed ? "true" : "false");
	if (p->judged)
		member(&body, "reason", compare_reason_names[p->reason]);
	if (p->judged)
		buf_printf(&body, ",\"seen\":%.4f", p->seen);
	member(&body, "verdict", p->judged ? score_verdict_names[p->verdict] : "open");
	put(b, "pair", &body);
}

static void record_verdict(const struct ballot *b, const struct quorum_verdict *v, uint64_t now_ms)
{
	struct buf body = { 0 };
	buf_printf(&body, "{\"agree\":%u", b->config->agree);
	buf_printf(&body, ",\"builders\":%u,\"duration_ms\":%llu", b->config->n_builders,
		   (unsigned long long)(now_ms - b->began_ms));
	member(&body, "quorum", b->config->name);
	member(&body, "reason", compare_reason_names[v->reason]);
	member(&body, "spec", b->spec);
	buf_printf(&body, ",\"threshold\":" SCORE_THRESHOLD,
		   b->config->threshold / (double)SCORE_UNITS);
	member(&body, "verdict", score_verdict_names[v->verdict]);
	buf_printf(&body, ",\"yes\":%u", v->yes);
	put(b, "quorum", &body);
}

/* Of all workers the last one to measure a pair is right, so all write to one shard. */
static void count_pair(const struct ballot *b, const struct quorum_pair *p, struct worker *self)
{
	char name[METRIC_PAIR_BYTES];
	double low = NAN, high; /* what could not be compared has no score, and no older one */
	if (p->judged)          /* else how much there would have been is not known */
		metric_observe(self->metrics, METRIC_QUORUM_DECIDED, 0, p->seen);
	snprintf(name, sizeof(name), "%s/%s", builder_name(b, p->a), builder_name(b, p->b));
	if (p->scored)
		score_bounds(&p->score, &low, &high);
	metric_set(metrics_shard(self->all_metrics, 0), METRIC_QUORUM_DIFF, metric_pair(name), low);
}

void ballot_record(const struct ballot *b, const struct quorum_verdict *v, struct worker *self)
{
	size_t n;
	const struct quorum_pair *pairs = quorum_pairs(b->quorum, &n);
	metric_add(self->metrics, METRIC_QUORUM_VERDICTS + (size_t)v->verdict, v->reason, 1);
	for (unsigned i = 0; i < b->config->n_builders; i++)
		record_vote(b, i);
	for (size_t i = 0; i < n; i++) {
		record_pair(b, &pairs[i]);
		count_pair(b, &pairs[i], self);
	}
	record_verdict(b, v, self->now_ms);
}

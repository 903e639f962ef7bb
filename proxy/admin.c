#include "proxy/admin.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "proxy/answer.h"
#include "proxy/audit_pages.h"
#include "proxy/change_pages.h"
#include "proxy/exchange.h"
#include "proxy/ledger_pages.h"
#include "proxy/meta_pages.h"
#include "proxy/outbox.h"
#include "proxy/outbox_pages.h"
#include "proxy/patchctl_pages.h"
#include "proxy/quorum_print.h"
#include "proxy/server.h"
#include "proxy/shadow.h"
#include "proxy/sinks.h"
#include "proxy/version.h"
#include "proxy/worker.h"

static void livez(struct exchange *x)
{
	answer_body(x, 200, "text/plain; charset=utf-8", SPAN("ok\n"));
}

static void readyz(struct exchange *x)
{
	const struct server *s = x->w->server;
	struct span said = SPAN("ok\n");
	struct ledger_counts ledger = { 0 };
	if (s->ledger)
		ledger_counts(s->ledger, &ledger);
	if (ledger.error)
		said = SPAN("the ledger cannot be written\n");
	if (atomic_load(&s->draining))
		said = SPAN("draining\n");
	answer_body(x, said.n == 3 ? 200 : 503, "text/plain; charset=utf-8", said);
}

/* What is known of an upstream: nothing before it was asked or tried. */
enum builder_state { BUILDER_UNKNOWN, BUILDER_UP, BUILDER_DOWN };

static enum builder_state builder_state(const struct upstream *u, uint64_t now_ms)
{
	enum builder_state state = BUILDER_DOWN;
	for (size_t i = 0; i < u->n; i++) {
		const struct upstream_address *a = &u->addresses[i];
		if (!upstream_address_up(a, now_ms))
			continue;
		if (atomic_load(&a->active) == ACTIVE_UP || atomic_load(&a->worked))
			return BUILDER_UP;
		state = BUILDER_UNKNOWN;
	}
	return state;
}

static void measure_day(struct worker *w, const struct upstream *u)
{
	size_t builder = metric_builder(u->config->name);
	double spent = NAN, limit = NAN;
	if (u->spent) {
		spent = (double)spent_today(u->spent, spending_today()) / 1e9;
		limit = (double)spent_limit(u->spent) / 1e9;
	}
	metric_set(w->metrics, METRIC_SPENT_TODAY, builder, spent);
	metric_set(w->metrics, METRIC_DAILY_LIMIT, builder, limit);
}

/* 0: not known. */
static uint64_t last_row(const struct server *s)
{
	struct ledger_head head;
	return s->ledger_reader && ledger_store_last(s->ledger_reader, &head) == 1 ? head.sequence
										   : 0;
}

static void measure_ledger(struct worker *w)
{
	struct ledger_counts now, *last = &w->ledger;
	if (!w->server->ledger)
		return;
	ledger_counts(w->server->ledger, &now);
	metric_add(w->metrics, METRIC_LEDGER_ROWS, LEDGER_WRITTEN, now.written - last->written);
	metric_add(w->metrics, METRIC_LEDGER_ROWS, LEDGER_REPEATED, now.repeated - last->repeated);
	metric_add(w->metrics, METRIC_LEDGER_ROWS, LEDGER_REFUSED, now.refused - last->refused);
	metric_add(w->metrics, METRIC_LEDGER_ROWS, LEDGER_FAILED, now.failed - last->failed);
	metric_add(w->metrics, METRIC_LEDGER_CHECKPOINTS, 0, now.checkpoints - last->checkpoints);
	metric_set(w->metrics, METRIC_LEDGER_WRITABLE, 0, now.error == 0);
	*last = now;
}

static void metrics(struct exchange *x)
{
	struct worker *w = x->w;
	struct buf out = { 0 };
	const struct config *config = w->runtime->config;
	for (size_t i = 0; i < config->n_upstreams; i++) {
		enum builder_state state = builder_state(&w->runtime->upstreams[i], w->now_ms);
		if (state != BUILDER_UNKNOWN)
			metric_set(w->metrics, METRIC_BUILDER_UP,
				   metric_builder(config->upstreams[i].name), state == BUILDER_UP);
	}
	for (size_t i = 0; i < config->n_upstreams; i++)
		measure_day(w, &w->runtime->upstreams[i]);
	measure_ledger(w);
	if (w->server->outbox)
		outbox_measure(w->server->outbox);
	sinks_measure(w->server->sinks, w->metrics, last_row(w->server));
	metric_set(w->metrics, METRIC_RULES, 0, (double)ruleset_count(config->ruleset));
	metric_set(w->metrics, METRIC_BUILD_INFO, 0, 1);
	metric_set(w->metrics, METRIC_START_TIME, 0, (double)w->server->started);
	uint64_t dropped = log_dropped();
	metric_add(w->metrics, METRIC_LOG_DROPPED, 0, dropped - w->log_dropped);
	w->log_dropped = dropped;
	metrics_render(w->all_metrics, &out);
	answer_body(x, 200, "text/plain; version=0.0.4; charset=utf-8",
		    (struct span){ out.p, out.n });
	buf_fini(&out);
}

static void put_address(struct buf *out, const struct upstream *u, const struct upstream_address *a,
			uint64_t now_ms)
{
	static const char *const active[] = { "unknown", "up", "down" };
	const char *error;
	enum resolver_state resolved = resolver_status(a->name, &error);
	buf_add_text(out, "{\"builder\":\"");
	buf_add_json(out, span_of(u->config->name));
	buf_add_text(out, "\",\"address\":\"");
	buf_add_json(out, span_of(a->config->host));
	buf_printf(out,
		   ":%u\",\"usable\":%s,\"health\":\"%s\",\"resolved\":\"%s\",\"outstanding\":%u}",
		   a->config->port, upstream_address_up(a, now_ms) ? "true" : "false",
		   active[atomic_load(&a->active)], resolver_state_names[resolved],
		   atomic_load(&a->outstanding));
}

/* No data is null, not zero. */
static void put_total(struct buf *out, const char *key, double value, bool first)
{
	buf_printf(out, "%s\"%s\":", first ? "" : ",", key);
	if (isnan(value))
		buf_add_text(out, "null");
	else
		buf_printf(out, "%.0f", value);
}

static void put_totals(struct buf *out, const struct metrics *m)
{
	static const struct {
		const char *key;
		enum metric metric;
	} rows[] = {
		{ "received_bytes", METRIC_RECEIVED_BYTES },
		{ "judged_bytes", METRIC_JUDGED_BYTES },
		{ "released_bytes", METRIC_RELEASED_BYTES },
		{ "unscanned_bytes", METRIC_UNSCANNED_BYTES },
		{ "upstream_retries", METRIC_UPSTREAM_RETRIES },
	};
	buf_add_text(out, "\"exchanges\":{");
	for (size_t i = 0; i < RESULT_COUNT; i++)
		put_total(out, exchange_result_names[i], metrics_total(m, METRIC_EXCHANGES, i),
			  i == 0);
	buf_add_text(out, "},\"bytes\":{");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_total(out, rows[i].key, metrics_total(m, rows[i].metric, 0), i == 0);
	buf_add_text(out, "}");
}

static void put_spending(struct buf *out, const struct runtime *rt)
{
	static const char *const states[] = { "free", "spent", "not written" };
	uint32_t today = spending_today();
	char date[16];
	spending_date(today, date);
	for (size_t i = 0, n = 0; i < rt->config->n_upstreams; i++) {
		const struct spent *row = rt->upstreams[i].spent;
		if (!row)
			continue;
		buf_add_text(out, n++ ? ",{\"builder\":\"" : "{\"builder\":\"");
		buf_add_json(out, span_of(rt->config->upstreams[i].name));
		buf_printf(out,
			   "\",\"day\":\"%s\",\"spent_usd\":%.6f,\"limit_usd\":%.6f,"
			   "\"state\":\"%s\"}",
			   date, (double)spent_today(row, today) / 1e9,
			   (double)spent_limit(row) / 1e9, states[spent_state(row, today)]);
	}
}

static void put_ledger(struct buf *out, const struct server *s)
{
	struct ledger_counts n;
	if (!s->ledger)
		return;
	ledger_counts(s->ledger, &n);
	buf_add_text(out, ",\"ledger\":{\"path\":\"");
	buf_add_json(out, span_of(ledger_path(s->ledger)));
	buf_printf(out,
		   "\",\"written\":%llu,\"refused\":%llu,\"failed\":%llu,"
		   "\"checkpoints\":%llu,\"state\":\"",
		   (unsigned long long)n.written, (unsigned long long)n.refused,
		   (unsigned long long)n.failed, (unsigned long long)n.checkpoints);
	buf_add_json(out, n.error ? span_of(ledger_error(n.error)) : SPAN("good"));
	buf_add_text(out, "\"}");
}

static void status(struct exchange *x)
{
	struct worker *w = x->w;
	const struct server *s = w->server;
	const struct config *config = w->runtime->config;
	struct buf out = { 0 };
	buf_add_text(&out, "{\"version\":\"");
	buf_add_json(&out, span_of(redcard_version));
	buf_printf(&out, "\",\"uptime_s\":%llu,\"workers\":%u,\"draining\":%s,\"configuration\":\"",
		   (unsigned long long)((uint64_t)time(NULL) - s->started), s->n_workers,
		   atomic_load(&s->draining) ? "true" : "false");
	buf_add_json(&out, span_of(config->path));
	buf_printf(&out, "\",\"reloads\":%llu,\"reloads_refused\":%llu,\"policy\":{\"file\":\"",
		   (unsigned long long)atomic_load(&s->reloads),
		   (unsigned long long)atomic_load(&s->reloads_refused));
	buf_add_json(&out, span_of(config->policy));
	buf_printf(&out, "\",\"mode\":\"%s\",\"rules\":%zu,\"hash\":\"%s\"},",
		   ruleset_monitor(config->ruleset) ? "monitor" : "enforce",
		   ruleset_count(config->ruleset), ruleset_hash(config->ruleset));
	put_total(&out, "connections_open",
		  metrics_total(w->all_metrics, METRIC_CONNECTIONS_OPEN, SIDE_CLIENT), true);
	put_total(&out, "streams_open", metrics_total(w->all_metrics, METRIC_STREAMS_OPEN, 0),
		  false);
	buf_add_char(&out, ',');
	put_totals(&out, w->all_metrics);
	buf_add_text(&out, ",\"builders\":[");
	for (size_t i = 0, n = 0; i < config->n_upstreams; i++) {
		const struct upstream *u = &w->runtime->upstreams[i];
		for (size_t k = 0; k < u->n; k++) {
			buf_add_text(&out, n++ ? "," : "");
			put_address(&out, u, &u->addresses[k], w->now_ms);
		}
	}
	buf_add_text(&out, "],\"spending\":[");
	put_spending(&out, w->runtime);
	buf_add_char(&out, ']');
	quorum_add_json(config, w->all_metrics, &out);
	put_ledger(&out, s);
	if (s->outbox) {
		buf_add_text(&out, ",\"rollbacks\":");
		outbox_status(s->outbox, &out);
	}
	if (s->sinks) {
		buf_add_text(&out, ",\"sinks\":");
		sinks_add_json(s->sinks, &out, last_row(s));
	}
	if (s->tap) {
		buf_add_text(&out, ",\"mirror\":");
		tap_status(s->tap, &out);
	}
	buf_add_text(&out, "}\n");
	answer_body(x, 200, "application/json", (struct span){ out.p, out.n });
	buf_fini(&out);
}

static const struct {
	const char *path;
	void (*answer)(struct exchange *x);
} pages[] = {
	{ "/livez", livez },
	{ "/readyz", readyz },
	{ "/metrics", metrics },
	{ "/status", status },
};

static void answer_page(struct exchange *x, const struct http1_head *head, struct span path)
{
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (!span_eq(path, span_of(pages[i].path)))
			continue;
		if (reads)
			pages[i].answer(x);
		else
			answer_problem(x, 405, "method not allowed", "this page is read with GET");
		return;
	}
	answer_problem(x, 404, "no such page",
		       "the admin listener has /livez, /readyz, /metrics, /status, /audits, "
		       "/audits/ID, /changes, /changes/ID, /rollback/bypass, /webhook/meta, "
		       "/ledger/rows, /ledger/new, /ledger/ID and /ledger/ID/change");
}

enum step_next admin_answer(struct exchange *x, const struct http1_head *head)
{
	const char *query = memchr(head->target.p, '?', head->target.n);
	struct span path = { head->target.p,
			     query ? (size_t)(query - head->target.p) : head->target.n };
	if (x->w->server->patchctl)
		return patchctl_pages_answer(x, head, path);
	if (x->w->server->shadow)
		return shadow_pages_answer(x, head, path);
	if (audit_pages_have(path))
		return audit_pages_answer(x, head, path);
	if (outbox_pages_have(path))
		return outbox_pages_answer(x, head);
	if (meta_pages_have(path))
		return meta_pages_answer(x, head, path);
	if (change_pages_have(path))
		return change_pages_answer(x, head, path);
	if (ledger_pages_have(path))
		return ledger_pages_answer(x, head, path);
	answer_page(x, head, path);
	return exchange_to(x, &step_finish);
}

/* What `redcard shadow run` answers: /livez, /metrics, /status. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/ledger.h"
#include "proxy/server.h"
#include "proxy/shadow.h"
#include "proxy/version.h"

static struct shadow *shadow_of(const struct exchange *x)
{
	return x->w->server->shadow;
}

static void livez(struct exchange *x)
{
	answer_body(x, 200, "text/plain; charset=utf-8", SPAN("ok\n"));
}

static void measure_rows(struct shadow *s)
{
	struct ledger_counts n;
	if (!s->ledger)
		return;
	ledger_counts(s->ledger, &n);
	uint64_t lost = n.refused + n.failed;
	metric_add(s->page_shard, SHADOW_ROWS, SHADOW_ROW_WRITTEN, n.written - s->rows_written);
	metric_add(s->page_shard, SHADOW_ROWS, SHADOW_ROW_LOST, lost - s->rows_lost);
	s->rows_written = n.written;
	s->rows_lost = lost;
}

static void metrics(struct exchange *x)
{
	struct shadow *s = shadow_of(x);
	struct replayer_counts n;
	struct buf out = { 0 };
	replayer_counts(s->replayer, &n);
	metric_set(s->page_shard, SHADOW_PENDING, 0, n.queued + n.sent + n.waiting);
	metric_set(s->page_shard, SHADOW_MIRRORS, 0, !n.paused);
	measure_rows(s);
	metrics_render(s->metrics, &out);
	answer_body(x, 200, "text/plain; version=0.0.4; charset=utf-8",
		    (struct span){ out.p, out.n });
	buf_fini(&out);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(text));
	buf_add_char(out, '"');
}

static void put_source(struct buf *out, struct shadow *s)
{
	pthread_mutex_lock(&s->lock);
	struct mirror_counts n = s->counts;
	const char *tap = s->tap;
	struct attach_view view = s->view;
	bool attached = s->attached;
	char why[sizeof(s->tap_why)];
	memcpy(why, s->tap_why, sizeof(why));
	pthread_mutex_unlock(&s->lock);
	buf_add_text(out, ",\"mirror\":{");
	put_text(out, "tap", tap);
	buf_add_char(out, ',');
	put_text(out, "why", why);
	buf_printf(out,
		   ",\"proxies\":%llu,\"requests\":%llu,\"complete\":%llu,\"incomplete\":%llu,"
		   "\"sampled_bytes\":%llu,\"captured_bytes\":%llu,\"lost_bytes\":%llu,"
		   "\"answers\":%llu,\"answers_lost\":%llu",
		   (unsigned long long)n.proxies, (unsigned long long)n.requests,
		   (unsigned long long)n.complete, (unsigned long long)n.incomplete,
		   (unsigned long long)n.sampled, (unsigned long long)n.captured,
		   (unsigned long long)n.lost, (unsigned long long)n.answers,
		   (unsigned long long)n.answers_lost);
	if (attached) {
		buf_add_text(out, ",\"attach\":");
		attach_put(out, &view);
	}
	buf_add_char(out, '}');
}

static void put_results(struct buf *out, const struct shadow *s)
{
	buf_add_text(out, ",\"results\":{");
	for (size_t i = 0; i < SHADOW_RESULT_COUNT; i++) {
		double n = metrics_total(s->metrics, SHADOW_REQUESTS, i);
		buf_printf(out, "%s\"%s\":%.0f", i ? "," : "", shadow_result_names[i],
			   isnan(n) ? 0 : n);
	}
	buf_add_char(out, '}');
}

static void put_guardian(struct buf *out, struct shadow *s)
{
	struct keeper_view v;
	if (!s->keeper) {
		buf_add_text(out, ",\"guardian\":null");
		return;
	}
	keeper_view(s->keeper, &v);
	buf_add_text(out, ",\"guardian\":{");
	put_text(out, "state", guardian_state_names[v.state]);
	buf_add_char(out, ',');
	put_text(out, "said", v.said);
	buf_printf(out, ",\"samples\":%u,\"limit\":", v.finding.samples);
	if (v.finding.limit == LIMIT_NONE)
		buf_add_text(out, "null");
	else
		buf_printf(out, "\"%s\",\"value\":%.17g,\"allowed\":%.17g",
			   guardian_limit_names[v.finding.limit], v.finding.value,
			   v.finding.allowed);
	buf_printf(out, ",\"pid\":%d,\"memory_bytes\":", v.pid);
	if (v.memory_known)
		buf_printf(out, "%llu}", (unsigned long long)v.memory_bytes);
	else
		buf_add_text(out, "null}");
}

static void status(struct exchange *x)
{
	struct shadow *s = shadow_of(x);
	struct replayer_counts n;
	struct buf out = { 0 };
	replayer_counts(s->replayer, &n);
	buf_add_char(&out, '{');
	put_text(&out, "version", redcard_version);
	buf_printf(&out,
		   ",\"uptime_s\":%llu,\"mirroring\":%s,\"queued\":%u,\"sent\":%u,\"waiting\":%u,"
		   "\"bytes\":%llu",
		   (unsigned long long)((uint64_t)time(NULL) - x->w->server->started),
		   n.paused ? "false" : "true", n.queued, n.sent, n.waiting,
		   (unsigned long long)n.bytes);
	put_source(&out, s);
	put_results(&out, s);
	put_guardian(&out, s);
	buf_add_text(&out, "}\n");
	answer_body(x, 200, "application/json", (struct span){ out.p, out.n });
	buf_fini(&out);
}

enum step_next shadow_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path)
{
	static const struct {
		const char *path;
		void (*answer)(struct exchange *x);
	} pages[] = { { "/livez", livez }, { "/metrics", metrics }, { "/status", status } };
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	size_t i = 0;
	while (i < ARRAY_LEN(pages) && !span_eq(path, span_of(pages[i].path)))
		i++;
	if (i == ARRAY_LEN(pages))
		answer_problem(x, 404, "no such page",
			       "the replayer has /livez, /metrics and /status");
	else if (!reads)
		answer_problem(x, 405, "method not allowed", "this page is read with GET");
	else
		pages[i].answer(x);
	return exchange_to(x, &step_finish);
}

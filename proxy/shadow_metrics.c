#include "proxy/shadow_metrics.h"

#include <assert.h>

#include "proxy/guardian.h"

const char *const shadow_result_names[] = { "ok",         "differs", "uncompared", "no_primary",
					    "violation",  "error",   "timeout",    "unsuitable",
					    "incomplete", "dropped", "stopped" };
static_assert(ARRAY_LEN(shadow_result_names) == SHADOW_RESULT_COUNT, "one name for each");

static const char *const sides[] = { "primary", "shadow" };
static_assert(ARRAY_LEN(sides) == SHADOW_SIDE_COUNT, "one name for each side");
static const char *const rows[] = { "written", "lost" };
static_assert(ARRAY_LEN(rows) == SHADOW_ROW_COUNT, "one name for each");

static const char *const connections[] = { "seen",      "unseen", "tls",      "http2",
					   "malformed", "hole",   "upgraded", "full" };
static_assert(ARRAY_LEN(connections) == SHADOW_CONNECTION_COUNT, "one name for each");
static const char *const directions[] = { "request", "answer" };
static_assert(ARRAY_LEN(directions) == ATTACH_DIRECTION_COUNT, "one name for each");

static const double seconds[] = {
	0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300
};
static const double percents[] = { 0, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 75 };

const struct metric_desc shadow_metrics[SHADOW_METRICS] = {
	[SHADOW_REQUESTS] = { .name = "redcard_shadow_requests_total",
			      .help = "Mirrored requests, by what became of them.",
			      .kind = METRIC_COUNTER,
			      .label = "result",
			      .values = shadow_result_names,
			      .n_values = SHADOW_RESULT_COUNT,
			      .zero_is_data = true },
	[SHADOW_LATENCY] = { .name = "redcard_shadow_latency_seconds",
			     .help = "Time to the end of an answer, by whose it was.",
			     .kind = METRIC_HISTOGRAM,
			     .label = "side",
			     .values = sides,
			     .n_values = SHADOW_SIDE_COUNT,
			     .bounds = seconds,
			     .n_bounds = ARRAY_LEN(seconds) },
	[SHADOW_DIFF] = { .name = "redcard_shadow_diff_percent",
			  .help = "How far the shadow's code was from the primary's, at most.",
			  .kind = METRIC_HISTOGRAM,
			  .bounds = percents,
			  .n_bounds = ARRAY_LEN(percents) },
	[SHADOW_LOST_BYTES] = { .name = "redcard_shadow_lost_bytes_total",
				.help = "Bytes of mirrored requests that were lost on their way.",
				.kind = METRIC_COUNTER,
				.zero_is_data = true },
	[SHADOW_ROWS] = { .name = "redcard_shadow_rows_total",
			  .help = "Rows for the ledger, by what became of them.",
			  .kind = METRIC_COUNTER,
			  .label = "result",
			  .values = rows,
			  .n_values = SHADOW_ROW_COUNT },
	[SHADOW_PENDING] = { .name = "redcard_shadow_pending_requests",
			     .help = "Mirrored requests that wait or are being worked on.",
			     .kind = METRIC_GAUGE },
	[SHADOW_MIRRORS] = { .name = "redcard_shadow_mirroring",
			     .help = "Whether requests are sent to the shadow: 1 yes, 0 no.",
			     .kind = METRIC_GAUGE },
	[SHADOW_STATE] = { .name = "redcard_shadow_state",
			   .help = "What the guardian knows of the shadow: 1 for the state it is in.",
			   .kind = METRIC_GAUGE,
			   .label = "state",
			   .values = guardian_state_names,
			   .n_values = GUARDIAN_STATE_COUNT },
	[SHADOW_KILLS] = { .name = "ext_shadow_kill_total",
			   .help = "Kills of the shadow that happened: it was there, and is gone.",
			   .kind = METRIC_COUNTER,
			   .zero_is_data = true },
	[SHADOW_DEATHS] = { .name = "redcard_shadow_deaths_total",
			    .help = "Times that the shadow ended by itself.",
			    .kind = METRIC_COUNTER,
			    .zero_is_data = true },
	[SHADOW_STARTS] = { .name = "redcard_shadow_starts_total",
			    .help = "Times that the guardian started the shadow.",
			    .kind = METRIC_COUNTER,
			    .zero_is_data = true },
	[SHADOW_UNKILLED] = { .name = "redcard_shadow_kill_failures_total",
			      .help = "Attempts to kill the shadow after which it was not gone.",
			      .kind = METRIC_COUNTER,
			      .zero_is_data = true },
	[SHADOW_MEMORY] = { .name = "redcard_shadow_memory_bytes",
			    .help = "Memory of the shadow, as the guardian read it last.",
			    .kind = METRIC_GAUGE },
	[SHADOW_CONNECTIONS] = { .name = "redcard_shadow_connections_total",
				 .help = "Connections of the attached service: all that were seen "
					 "or not seen to begin, and why some are not followed.",
				 .kind = METRIC_COUNTER,
				 .label = "fate",
				 .values = connections,
				 .n_values = SHADOW_CONNECTION_COUNT },
	[SHADOW_UNROUTED] = { .name = "redcard_shadow_unrouted_requests_total",
			      .help = "Requests to the attached service that no route takes.",
			      .kind = METRIC_COUNTER },
	[SHADOW_RING_LOST] = { .name = "redcard_shadow_ring_lost_bytes_total",
			       .help = "Bytes of the attached service's packets that found no room, "
				       "by what they were of.",
			       .kind = METRIC_COUNTER,
			       .label = "side",
			       .values = directions,
			       .n_values = ATTACH_DIRECTION_COUNT },
};

void shadow_count_attached(struct metrics_shard *shard, const struct attach_view *before,
			   const struct attach_view *now)
{
	static const struct attach_view none;
	const struct attach_view *was = before ? before : &none;
	const struct wiretap_counts *a = &was->counts, *b = &now->counts;
	metric_add(shard, SHADOW_CONNECTIONS, SHADOW_CONNECTION_SEEN, b->seen - a->seen);
	metric_add(shard, SHADOW_CONNECTIONS, SHADOW_CONNECTION_UNSEEN, b->unseen - a->unseen);
	for (size_t end = FLOW_GOES_ON + 1; end < FLOW_CLOSED; end++)
		metric_add(shard, SHADOW_CONNECTIONS, SHADOW_CONNECTION_ENDS + end - 1,
			   b->flows.ends[end] - a->flows.ends[end]);
	metric_add(shard, SHADOW_UNROUTED, 0, b->flows.unrouted - a->flows.unrouted);
	for (size_t i = 0; i < ATTACH_DIRECTION_COUNT; i++)
		metric_add(shard, SHADOW_RING_LOST, i,
			   now->ring[i].lost_bytes - was->ring[i].lost_bytes);
}

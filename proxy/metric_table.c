#include "proxy/metric_table.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "lib/http1.h"
#include "policy/budget.h"
#include "policy/compare.h"
#include "policy/ruleset.h"
#include "proxy/outbox.h"
#include "proxy/tap.h"
#include "proxy/version.h"

const char *const exchange_result_names[RESULT_COUNT] = {
	[RESULT_PASSED] = "passed",
	[RESULT_FLAGGED] = "flagged",
	[RESULT_CUT] = "cut",
	[RESULT_UNSCANNED] = "unscanned",
	[RESULT_TUNNELLED] = "tunnelled",
	[RESULT_REFUSED] = "refused",
	[RESULT_CLIENT_GONE] = "client_gone",
	[RESULT_BUILDER_FAILED] = "builder_failed",
	[RESULT_TIMEOUT] = "timeout",
	[RESULT_DRAINED] = "drained",
	[RESULT_COMPARED] = "compared",
	[RESULT_NOT_NEEDED] = "not_needed",
};

static const char *const status_class_names[] = { "1xx", "2xx", "3xx", "4xx", "5xx", "none" };
static_assert(ARRAY_LEN(status_class_names) == STATUS_CLASS_COUNT, "one name for each class");

static const char *const cut_label_names[CUT_LABEL_COUNT] = {
	[CUT_LABEL_RULE] = "rule",
	[CUT_LABEL_HOLD_BOUND] = "hold_bound",
	[CUT_LABEL_ENGINE_ERROR] = "engine_error",
	[CUT_LABEL_WIRE_ERROR] = "wire_error",
	[CUT_LABEL_ENCODING] = "encoding",
	[CUT_LABEL_NO_MEMORY] = "no_memory",
	[CUT_LABEL_BUDGET] = "budget",
	[CUT_LABEL_QUORUM] = "quorum",
	[CUT_LABEL_LEDGER] = "ledger",
};

const char *const upstream_error_names[UPSTREAM_ERROR_COUNT] = {
	[UPSTREAM_UNRESOLVED] = "unresolved",
	[UPSTREAM_CONNECT] = "connect",
	[UPSTREAM_TLS] = "tls",
	[UPSTREAM_TIMEOUT] = "timeout",
	[UPSTREAM_RESET] = "reset",
	[UPSTREAM_MALFORMED] = "malformed",
	[UPSTREAM_NO_ADDRESS] = "no_address",
};

static const char *const hold_result_names[] = { "cut", "released" };
static const char *const side_names[] = { "client", "upstream" };
static const char *const ledger_result_names[] = { "written", "repeated", "refused", "failed" };
static_assert(ARRAY_LEN(ledger_result_names) == LEDGER_RESULT_COUNT, "one name for each result");
const char *const wish_result_names[WISH_RESULT_COUNT] = {
	[WISH_ASKED] = "asked",         [WISH_REPEATED] = "repeated", [WISH_TAKEN] = "accepted",
	[WISH_VERIFIED] = "verified",   [WISH_FAILED] = "failed",     [WISH_EXPIRED] = "expired",
	[WISH_ABORTED] = "aborted",     [WISH_BYPASSED] = "bypassed", [WISH_REFUSED] = "refused",
	[WISH_NO_CHANGE] = "no_change",
};

const char *const wish_phase_names[WISH_PHASE_COUNT] = {
	[WISH_DETECT] = "detect", [WISH_RECORD] = "record", [WISH_DECIDE] = "decide",
	[WISH_ACT] = "act",       [WISH_VERIFY] = "verify", [WISH_TOTAL] = "total",
};

static const char *const meta_verdict_names[] = { "pass", "violation" };
static_assert(ARRAY_LEN(meta_verdict_names) == META_VERDICT_COUNT, "one name for each verdict");
static const char *const spec_result_names[] = { "in_time", "late" };
static_assert(ARRAY_LEN(spec_result_names) == SPEC_RESULT_COUNT, "one name for each result");
static const char *const webhook_refusal_names[] = {
	"absent", "wrong", "stale", "replayed", "broken", "malformed", "conflict", "unwritten",
};
static_assert(ARRAY_LEN(webhook_refusal_names) == WEBHOOK_REFUSAL_COUNT, "one name for each");
static const char *const reload_result_names[] = { "ok", "refused" };
static const char *const versions[] = { redcard_version };
static_assert(ARRAY_LEN(hold_result_names) == HOLD_RESULT_COUNT, "one name for each result");
static_assert(ARRAY_LEN(side_names) == SIDE_COUNT, "one name for each side");
static_assert(ARRAY_LEN(reload_result_names) == RELOAD_RESULT_COUNT, "one name for each result");

static const double byte_bounds[] = { 0, 256, 1024, 4096, 16384, 65536, 262144, 1048576 };
static const double phase_bounds[] = { 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
				       1,     2.5,   5,     10,   30,    60,   90,  120 };
static const double second_bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
					1,     2.5,  5,     10,   30,  60,   120 };

/* Places that are filled as names come up; a scrape by another thread skips those that are still
 * empty. */
static const char *builders[METRIC_BUILDERS_MAX], *auditors[METRIC_AUDITORS_MAX];
static const char *const mirror_bytes_names[] = { "captured", "lost" };
static const char *const mirror_answer_names[] = { "handed", "lost" };

static const char *sinks[METRIC_SINKS_MAX];
static char builder_names[METRIC_BUILDERS_MAX][64], auditor_names[METRIC_AUDITORS_MAX][64];

static char sink_names[METRIC_SINKS_MAX][64];
static const char *assertions[METRIC_ASSERTIONS_MAX];
static char assertion_names[METRIC_ASSERTIONS_MAX][64];

static const char *pairs[METRIC_PAIRS_MAX];
static char pair_names[METRIC_PAIRS_MAX][METRIC_PAIR_BYTES];

static const double ratio_bounds[] = { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1 };

#define LABELS(name, names) .label = (name), .values = (names), .n_values = ARRAY_LEN(names)

#define VERDICTS(row, value)                                                          \
	[METRIC_QUORUM_VERDICTS + (row)] = { .name = "redcard_quorum_verdicts_total", \
					     .kind = METRIC_COUNTER,                  \
					     .help = "Verdicts of quorums, and why.", \
					     .label = "reason",                       \
					     .values = compare_reason_names,          \
					     .n_values = COMPARE_REASON_COUNT,        \
					     .also = "verdict",                       \
					     .also_value = (value) }

#define AUDITS(row, value)                                              \
	[METRIC_AUDITS + (row)] = { .name = "redcard_audits_total",     \
				    .kind = METRIC_COUNTER,             \
				    .help = "Audits, by their answer.", \
				    LABELS("auditor", auditors),        \
				    .also = "answer",                   \
				    .also_value = (value) }

#define DELIVERIES(row, value)                                                               \
	[METRIC_SINK_DELIVERIES +                                                            \
		(row)] = { .name = "redcard_sink_deliveries_total",                          \
			   .kind = METRIC_COUNTER,                                           \
			   .help = "Rows of the ledger for a sink, by what became of them.", \
			   LABELS("sink", sinks),                                            \
			   .also = "result",                                                 \
			   .also_value = (value) }

const struct metric_desc metric_table[METRIC_COUNT] = {
	[METRIC_EXCHANGES] = { .name = "redcard_exchanges_total",
			       .kind = METRIC_COUNTER,
			       .help = "Exchanges (a request and its response) by how they ended.",
			       LABELS("result", exchange_result_names) },
	[METRIC_REQUESTS] = { .name = "redcard_requests_total",
			      .kind = METRIC_COUNTER,
			      .help = "Requests answered, by the class of the status sent to the client.",
			      LABELS("status", status_class_names) },
	[METRIC_REFUSED_REQUESTS] = { .name = "redcard_refused_requests_total",
				      .kind = METRIC_COUNTER,
				      .help = "Requests refused because of their HTTP, by reason.",
				      .label = "reason",
				      .values = http1_refusal_names,
				      .n_values = HTTP1_REFUSAL_COUNT },
	[METRIC_RECEIVED_BYTES] = { .name = "redcard_received_bytes_total",
				    .kind = METRIC_COUNTER,
				    .help = "Decoded body bytes received from builders.",
				    .zero_is_data = true },
	[METRIC_JUDGED_BYTES] = { .name = "redcard_judged_bytes_total",
				  .kind = METRIC_COUNTER,
				  .help = "Decoded body bytes judged.",
				  .zero_is_data = true },
	[METRIC_RELEASED_BYTES] = { .name = "redcard_released_bytes_total",
				    .kind = METRIC_COUNTER,
				    .help = "Decoded body bytes released to clients.",
				    .zero_is_data = true },
	[METRIC_UNSCANNED_BYTES] = { .name = "redcard_unscanned_bytes_total",
				     .kind = METRIC_COUNTER,
				     .help = "Body bytes released without a verdict because a route says so.",
				     .zero_is_data = true },
	[METRIC_REDACTIONS] = { .name = "redcard_redactions_total",
				.kind = METRIC_COUNTER,
				.help = "Secrets replaced by a mask in what left.",
				.zero_is_data = true },
	[METRIC_REDACTED_BYTES] = { .name = "redcard_redacted_bytes_total",
				    .kind = METRIC_COUNTER,
				    .help = "Decoded body bytes received that a mask replaced.",
				    .zero_is_data = true },
	[METRIC_CARDS] = { .name = "redcard_cards_total",
			   .kind = METRIC_COUNTER,
			   .help = "Cards shown, by the action of the broken rule.",
			   .label = "action",
			   .values = action_names,
			   .n_values = ACTION_COUNT },
	[METRIC_CUTS] = { .name = "redcard_cuts_total",
			  .kind = METRIC_COUNTER,
			  .help = "Streams cut, by cause.",
			  LABELS("cause", cut_label_names) },
	[METRIC_BUDGET_CUTS] = { .name = "redcard_budget_cuts_total",
				 .kind = METRIC_COUNTER,
				 .help = "Streams cut because a budget was used up, by the limit.",
				 .label = "limit",
				 .values = budget_limit_names,
				 .n_values = BUDGET_LIMIT_COUNT },
	[METRIC_BUDGET_REFUSALS] = { .name = "redcard_budget_refusals_total",
				     .kind = METRIC_COUNTER,
				     .help = "Requests refused because a builder's day was spent or cannot be kept.",
				     LABELS("limit", budget_limit_names) },
	[METRIC_UNDECIDED] = { .name = "redcard_syntax_undecided_total",
			       .kind = METRIC_COUNTER,
			       .help = "Places where a syntax rule could not be decided: broken code, or a bound." },
	[METRIC_HOLD_BOUND] = { .name = "redcard_hold_bound_total",
				.kind = METRIC_COUNTER,
				.help = "Holds that reached their bound in bytes or time, by what was done.",
				LABELS("result", hold_result_names) },
	[METRIC_HOLD_BYTES] = { .name = "redcard_hold_bytes",
				.kind = METRIC_HISTOGRAM,
				.help = "Most body bytes an inspected exchange had received and not released.",
				.bounds = byte_bounds,
				.n_bounds = ARRAY_LEN(byte_bounds) },
	[METRIC_FIRST_BYTE] = { .name = "redcard_first_byte_seconds",
				.kind = METRIC_HISTOGRAM,
				.help = "Time from the request sent to the head of the builder's answer.",
				.bounds = second_bounds,
				.n_bounds = ARRAY_LEN(second_bounds) },
	[METRIC_UPSTREAM_ERRORS] = { .name = "redcard_upstream_errors_total",
				     .kind = METRIC_COUNTER,
				     .help = "Failures on the builders' side, by kind.",
				     LABELS("kind", upstream_error_names) },
	[METRIC_UPSTREAM_RETRIES] = { .name = "redcard_upstream_retries_total",
				      .kind = METRIC_COUNTER,
				      .help = "Requests sent again to another address before any byte was sent.",
				      .zero_is_data = true },
	[METRIC_CONNECTIONS_OPEN] = { .name = "redcard_connections_open",
				      .kind = METRIC_GAUGE,
				      .help = "Open connections, by side.",
				      LABELS("side", side_names) },
	[METRIC_CONNECTIONS] = { .name = "redcard_connections_total",
				 .kind = METRIC_COUNTER,
				 .help = "Connections accepted (client) and made (upstream).",
				 LABELS("side", side_names) },
	[METRIC_STREAMS_OPEN] = { .name = "redcard_streams_open",
				  .kind = METRIC_GAUGE,
				  .help = "Exchanges in flight." },
	AUDITS(AUDIT_YES, "yes"),
	AUDITS(AUDIT_NO, "no"),
	AUDITS(AUDIT_TIMEOUT, "timeout"),
	AUDITS(AUDIT_UNREACHABLE, "unreachable"),
	AUDITS(AUDIT_UNCLEAR, "unclear"),
	[METRIC_AUDITS_PENDING] = { .name = "redcard_audits_pending",
				    .kind = METRIC_GAUGE,
				    .help = "Audits that are not answered yet." },
	[METRIC_RELOADS] = { .name = "redcard_reloads_total",
			     .kind = METRIC_COUNTER,
			     .help = "Reloads of the configuration, by result.",
			     LABELS("result", reload_result_names),
			     .zero_is_data = true },
	[METRIC_LOG_DROPPED] = { .name = "redcard_log_dropped_lines_total",
				 .kind = METRIC_COUNTER,
				 .help = "Log lines dropped because their reader was too slow or the disk full.",
				 .zero_is_data = true },
	[METRIC_LEDGER_ROWS] = { .name = "redcard_ledger_rows_total",
				 .kind = METRIC_COUNTER,
				 .help = "Rows asked of the ledger, by what became of them.",
				 LABELS("result", ledger_result_names) },
	[METRIC_LEDGER_CHECKPOINTS] = { .name = "redcard_ledger_checkpoints_total",
					.kind = METRIC_COUNTER,
					.help = "Checkpoints of the ledger that were signed and written." },
	[METRIC_LEDGER_WRITABLE] = { .name = "redcard_ledger_writable",
				     .kind = METRIC_GAUGE,
				     .least = true,
				     .help = "Whether the ledger's latest write worked: 1 yes, 0 no." },
	[METRIC_ROLLBACKS] = { .name = "gemini_rollback_triggered_total",
			       .kind = METRIC_COUNTER,
			       .help = "Rollbacks that PatchCtl has accepted, by what was broken.",
			       LABELS("reason", outbox_source_names) },
	[METRIC_WISHES] = { .name = "redcard_rollback_wishes_total",
			    .kind = METRIC_COUNTER,
			    .help = "Rollbacks asked for, and what became of them.",
			    LABELS("result", wish_result_names) },
	[METRIC_WISHES_OPEN] = { .name = "redcard_rollback_wishes_open",
				 .kind = METRIC_GAUGE,
				 .help = "Rollbacks asked for whose end is not known." },
	[METRIC_WISH_PHASE] = { .name = "redcard_rollback_phase_seconds",
				.kind = METRIC_HISTOGRAM,
				.help = "What each phase of a verified rollback took.",
				LABELS("phase", wish_phase_names),
				.bounds = phase_bounds,
				.n_bounds = ARRAY_LEN(phase_bounds) },
	[METRIC_BYPASSED] = { .name = "redcard_rollback_bypassed",
			      .kind = METRIC_GAUGE,
			      .help = "Whether a bypass is in force, of any target: 1 yes, 0 no." },
	[METRIC_OBJECTIVE_MISSED] = { .name = "redcard_rollback_objective_missed_total",
				      .kind = METRIC_COUNTER,
				      .help = "Rollbacks that were not verified within rollback.objective." },
	DELIVERIES(SINK_DELIVERED, "delivered"),
	DELIVERIES(SINK_REFUSALS, "refused"),
	DELIVERIES(SINK_RETRIED, "retried"),
	DELIVERIES(SINK_SKIPPED, "skipped"),
	[METRIC_SINK_LAG] = { .name = "redcard_sink_lag_rows",
			      .kind = METRIC_GAUGE,
			      .help = "Rows of the ledger that the sink has not passed yet.",
			      LABELS("sink", sinks) },
	[METRIC_SINK_UP] = { .name = "redcard_sink_up",
			     .kind = METRIC_GAUGE,
			     .help = "Whether the latest try of the sink was taken: 1 yes, 0 no.",
			     LABELS("sink", sinks) },
	[METRIC_MIRRORED] = { .name = "redcard_mirror_requests_total",
			      .kind = METRIC_COUNTER,
			      .help = "Requests that the sample takes, by what became of their copies.",
			      LABELS("result", tap_result_names) },
	[METRIC_MIRROR_BYTES] = { .name = "redcard_mirror_bytes_total",
				  .kind = METRIC_COUNTER,
				  .help = "Bytes of requests that were to be copied: captured and lost.",
				  LABELS("result", mirror_bytes_names) },
	[METRIC_MIRROR_ANSWERS] = { .name = "redcard_mirror_answers_total",
				    .kind = METRIC_COUNTER,
				    .help = "Answers to copied requests: handed to the replayer, or lost.",
				    LABELS("result", mirror_answer_names) },
	[METRIC_MIRROR_MARKED] = { .name = "redcard_mirror_marked_requests_total",
				   .kind = METRIC_COUNTER,
				   .help = "Requests that were marked for the eBPF tap to copy." },
	[METRIC_MIRROR_TAP] = { .name = "redcard_mirror_tap",
				.kind = METRIC_GAUGE,
				.help = "Which tap copies requests: 1 for it, 0 for the others.",
				LABELS("tap", mirror_tap_names) },
	[METRIC_META_EVENTS] = { .name = "redcard_meta_events_total",
				 .kind = METRIC_COUNTER,
				 .help = "Events of the streaming auditor, by their verdict.",
				 LABELS("verdict", meta_verdict_names) },
	[METRIC_META_UNKNOWN] = { .name = "redcard_meta_unknown_metrics_total",
				  .kind = METRIC_COUNTER,
				  .help = "Metrics in events that no assertion is about." },
	[METRIC_ASSERTIONS] = { .name = "redcard_assertion_violations_total",
				.kind = METRIC_COUNTER,
				.help = "Assertions that events broke, by field.",
				LABELS("field", assertions) },
	[METRIC_WEBHOOK_REFUSED] = { .name = "redcard_webhook_refused_total",
				     .kind = METRIC_COUNTER,
				     .help = "Requests to the audit webhook that were refused, by reason.",
				     LABELS("reason", webhook_refusal_names) },
	[METRIC_SPEC_CHANGE] = { .name = "redcard_spec_change_seconds",
				 .kind = METRIC_HISTOGRAM,
				 .help = "Time from the row of a spec to its first change.",
				 .bounds = second_bounds,
				 .n_bounds = ARRAY_LEN(second_bounds) },
	[METRIC_SPEC_CHANGES] = { .name = "redcard_spec_changes_total",
				  .kind = METRIC_COUNTER,
				  .help = "Specs that got their first change, in time or late.",
				  LABELS("result", spec_result_names) },
	[METRIC_SPEC_OVERDUE] = { .name = "redcard_spec_overdue_total",
				  .kind = METRIC_COUNTER,
				  .help = "Specs whose time passed without a change." },
	[METRIC_BUILDER_UP] = { .name = "builder_status_up",
				.kind = METRIC_GAUGE,
				.least = true,
				.help = "Whether the builder has a usable address: 1 yes, 0 no.",
				LABELS("builder", builders) },
	[METRIC_SPENT_TODAY] = { .name = "redcard_builder_spent_today_usd",
				 .kind = METRIC_GAUGE,
				 .least = true,
				 .help = "What a builder with a daily limit has cost today (UTC).",
				 LABELS("builder", builders) },
	[METRIC_DAILY_LIMIT] = { .name = "redcard_builder_daily_limit_usd",
				 .kind = METRIC_GAUGE,
				 .least = true,
				 .help = "What a builder may cost in a day.",
				 LABELS("builder", builders) },
	VERDICTS(SCORE_PASS, "pass"),
	VERDICTS(SCORE_AUDIT, "audit"),
	VERDICTS(SCORE_FAIL, "fail"),
	[METRIC_QUORUM_DIFF] = { .name = "quorum_ast_diff_percent",
				 .kind = METRIC_GAUGE,
				 .help = "How far the last renders of two builders were from each other.",
				 LABELS("builder_pair", pairs) },
	[METRIC_QUORUM_DECIDED] = { .name = "redcard_quorum_decided_at_ratio",
				    .kind = METRIC_HISTOGRAM,
				    .help = "Share of two renders that had been seen when their verdict was final.",
				    .bounds = ratio_bounds,
				    .n_bounds = ARRAY_LEN(ratio_bounds) },
	[METRIC_BUILD_INFO] = { .name = "redcard_build_info",
				.kind = METRIC_GAUGE,
				.least = true,
				.help = "Always 1; the label carries the version.",
				LABELS("version", versions) },
	[METRIC_RULES] = { .name = "redcard_rules",
			   .kind = METRIC_GAUGE,
			   .least = true,
			   .help = "Rules in the ruleset in force." },
	[METRIC_START_TIME] = { .name = "redcard_start_time_seconds",
				.kind = METRIC_GAUGE,
				.least = true,
				.help = "When the process started, in seconds since 1970-01-01 UTC." },
};

enum status_class metric_status_class(unsigned status)
{
	return status >= 100 && status <= 599 ? (enum status_class)(status / 100 - 1) : STATUS_NONE;
}

/* Finds the name or copies it to the next free place; the last place is everyone else's. */
static size_t find_label(const char **labels, char *names, size_t n, size_t bytes, const char *name)
{
	size_t i = 0;
	while (i < n && labels[i] && strcmp(labels[i], name) != 0)
		i++;
	if (i < n && labels[i])
		return i;
	if (i >= n - 1) {
		i = n - 1;
		name = "other";
	}
	if (!labels[i]) {
		strncpy(names + i * bytes, name, bytes - 1);
		__atomic_store_n(&labels[i], names + i * bytes, __ATOMIC_RELEASE);
	}
	return i;
}

size_t metric_builder(const char *name)
{
	return find_label(builders, builder_names[0], METRIC_BUILDERS_MAX, sizeof(builder_names[0]),
			  name);
}

/* For names that any thread may bring. */
static size_t find_shared(const char **labels, char *names, size_t n, size_t bytes,
			  const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	size_t i = find_label(labels, names, n, bytes, name);
	pthread_mutex_unlock(&lock);
	return i;
}

size_t metric_pair(const char *name)
{
	return find_shared(pairs, pair_names[0], METRIC_PAIRS_MAX, METRIC_PAIR_BYTES, name);
}

size_t metric_auditor(const char *name)
{
	return find_shared(auditors, auditor_names[0], METRIC_AUDITORS_MAX,
			   sizeof(auditor_names[0]), name);
}

size_t metric_sink(const char *name)
{
	return find_shared(sinks, sink_names[0], METRIC_SINKS_MAX, sizeof(sink_names[0]), name);
}

size_t metric_assertion(const char *field)
{
	return find_shared(assertions, assertion_names[0], METRIC_ASSERTIONS_MAX,
			   sizeof(assertion_names[0]), field);
}

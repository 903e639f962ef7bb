/*
 * Every metric of redcard, once: the enum is the index into the table, and redcard(1) lists the
 * same names, which a test compares. Label values are enums too, so that nothing unbounded can
 * become a label.
 */
#ifndef PROXY_METRIC_TABLE_H
#define PROXY_METRIC_TABLE_H

#include "lib/metrics.h"
#include "policy/compare.h"
#include "proxy/audit_form.h"
#include "proxy/metric_labels.h"

enum metric {
	METRIC_EXCHANGES,        /* counter by enum exchange_result */
	METRIC_REQUESTS,         /* counter by enum status_class */
	METRIC_REFUSED_REQUESTS, /* counter by enum http1_refusal */
	METRIC_RECEIVED_BYTES,   /* these four as in struct gate_record, added when they grow */
	METRIC_JUDGED_BYTES,
	METRIC_RELEASED_BYTES,
	METRIC_UNSCANNED_BYTES,
	METRIC_REDACTIONS,
	METRIC_REDACTED_BYTES,
	METRIC_CARDS,           /* counter by enum action */
	METRIC_CUTS,            /* counter by enum cut_label */
	METRIC_BUDGET_CUTS,     /* counter by enum budget_limit */
	METRIC_BUDGET_REFUSALS, /* counter by enum budget_limit */
	METRIC_UNDECIDED,       /* counter */
	METRIC_HOLD_BOUND,      /* counter by enum hold_result */
	METRIC_HOLD_BYTES,      /* histogram: held_max of each inspected exchange */
	METRIC_FIRST_BYTE,      /* histogram, seconds: request sent to the answer's head */
	METRIC_UPSTREAM_ERRORS, /* counter by enum upstream_error */
	METRIC_UPSTREAM_RETRIES,
	METRIC_CONNECTIONS_OPEN, /* gauge by enum side */
	METRIC_CONNECTIONS,      /* counter by enum side */
	METRIC_STREAMS_OPEN,     /* gauge */
	METRIC_AUDITS,           /* counters by metric_auditor(), one for each audit_answer */
	METRIC_AUDITS_LAST = METRIC_AUDITS + AUDIT_ANSWER_COUNT - 1,
	METRIC_AUDITS_PENDING,     /* gauge */
	METRIC_RELOADS,            /* counter by enum reload_result */
	METRIC_LOG_DROPPED,        /* counter */
	METRIC_LEDGER_ROWS,        /* counter by enum ledger_result */
	METRIC_LEDGER_CHECKPOINTS, /* counter */
	METRIC_LEDGER_WRITABLE,    /* gauge: 0 or 1; set by one shard */
	METRIC_ROLLBACKS,          /* counter by enum outbox_source */
	METRIC_WISHES,             /* counter by enum wish_result */
	METRIC_WISHES_OPEN,        /* gauge; set by one shard, as the next but one */
	METRIC_WISH_PHASE,         /* histogram by enum wish_phase, seconds */
	METRIC_BYPASSED,           /* gauge: whether nothing is asked for, of any target */
	METRIC_OBJECTIVE_MISSED,   /* counter */
	METRIC_SINK_DELIVERIES,    /* counters by metric_sink(), one for each sink_result */
	METRIC_SINK_DELIVERIES_LAST = METRIC_SINK_DELIVERIES + SINK_RESULT_COUNT - 1,
	METRIC_SINK_LAG, /* gauges by metric_sink(), set by one shard */
	METRIC_SINK_UP,
	METRIC_MIRRORED,        /* counter by enum tap_result */
	METRIC_MIRROR_BYTES,    /* counter: captured, lost */
	METRIC_MIRROR_ANSWERS,  /* counter: handed over, lost */
	METRIC_MIRROR_MARKED,   /* counter: of these, those that the eBPF program copies */
	METRIC_MIRROR_TAP,      /* gauge by enum mirror_tap; set by one shard */
	METRIC_META_EVENTS,     /* counter by enum meta_verdict */
	METRIC_META_UNKNOWN,    /* counter */
	METRIC_ASSERTIONS,      /* counter by metric_assertion() */
	METRIC_WEBHOOK_REFUSED, /* counter by enum webhook_refusal */
	METRIC_SPEC_CHANGE,     /* histogram, seconds: a spec's row to its first change */
	METRIC_SPEC_CHANGES,    /* counter by enum spec_result */
	METRIC_SPEC_OVERDUE,    /* counter */
	METRIC_BUILDER_UP, /* gauge by metric_builder(): 0 or 1; the least of the shards is shown */
	METRIC_SPENT_TODAY, /* gauges by metric_builder(), USD, as METRIC_BUILDER_UP */
	METRIC_DAILY_LIMIT,
	METRIC_QUORUM_VERDICTS, /* counters by enum compare_reason, one for each verdict */
	METRIC_QUORUM_VERDICTS_LAST = METRIC_QUORUM_VERDICTS + SCORE_VERDICT_COUNT - 1,
	METRIC_QUORUM_DIFF,    /* gauge by metric_pair(), in shard 0: the last score of a pair */
	METRIC_QUORUM_DECIDED, /* histogram: share of both texts seen when it was final */
	METRIC_BUILD_INFO,     /* gauge by version: 1 */
	METRIC_RULES,          /* gauge: rules in the ruleset in force; set by one shard */
	METRIC_START_TIME,     /* gauge, seconds since the epoch; set by one shard */
	METRIC_COUNT
};

extern const char *const exchange_result_names[RESULT_COUNT];
extern const char *const wish_result_names[WISH_RESULT_COUNT];
extern const char *const wish_phase_names[WISH_PHASE_COUNT];
extern const char *const upstream_error_names[UPSTREAM_ERROR_COUNT];
extern const struct metric_desc metric_table[METRIC_COUNT];

enum status_class metric_status_class(unsigned status);

/* The label value of a builder (an upstream's name): finds it or takes the next free place, and
 * copies the name. Builders stay known over reloads. When all places are taken the last one,
 * "other", is shared. Call from one thread only. */
#define METRIC_BUILDERS_MAX 64
size_t metric_builder(const char *name);
/* The same for a pair of builders, "a/b"; any thread. */
#define METRIC_PAIRS_MAX 64
#define METRIC_PAIR_BYTES 128
size_t metric_pair(const char *name);

/* The same for the field of an assertion; from any thread. */
#define METRIC_ASSERTIONS_MAX 64
size_t metric_assertion(const char *field);

/* The same for an auditor; from any thread. */
#define METRIC_AUDITORS_MAX 17
size_t metric_auditor(const char *name);

/* The same for sinks. */
#define METRIC_SINKS_MAX 33
size_t metric_sink(const char *name);

#endif

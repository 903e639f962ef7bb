#include "proxy/patchctl_metrics.h"

#include <stdio.h>

#include "lib/log.h"
#include "proxy/patchctl_store.h"

static const char *const refusals[] = { "unauthorized", "replayed", "forbidden", "cooldown",
					"quota" };
_Static_assert(ARRAY_LEN(refusals) == PATCHCTL_REFUSALS, "one name for each refusal");

/* Waiting for a driver, acting, verifying; the whole is from acceptance to the verified restore. */
static const char *const phases[] = { "wait", "act", "verify", "whole" };
_Static_assert(ARRAY_LEN(phases) == PATCHCTL_PHASES, "one name for each phase");

static const double seconds[] = {
	0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 120
};

const struct metric_desc patchctl_metrics[PATCHCTL_METRICS] = {
	[PATCHCTL_ATTEMPTED] = { .name = "redcard_rollbacks_attempted_total",
				 .help = "Rollbacks that were accepted.",
				 .kind = METRIC_COUNTER,
				 .zero_is_data = true },
	[PATCHCTL_SUCCEEDED] = { .name = "redcard_rollbacks_succeeded_total",
				 .help = "Rollbacks whose restore was verified.",
				 .kind = METRIC_COUNTER,
				 .zero_is_data = true },
	[PATCHCTL_FAILED] = { .name = "redcard_rollbacks_failed_total",
			      .help = "Rollbacks that a driver could not do.",
			      .kind = METRIC_COUNTER,
			      .zero_is_data = true },
	[PATCHCTL_EXPIRED] = { .name = "redcard_rollbacks_expired_total",
			       .help = "Rollbacks whose deadline passed.",
			       .kind = METRIC_COUNTER,
			       .zero_is_data = true },
	[PATCHCTL_ABORTED] = { .name = "redcard_rollbacks_aborted_total",
			       .help = "Rollbacks that a person ended before they had an effect.",
			       .kind = METRIC_COUNTER,
			       .zero_is_data = true },
	[PATCHCTL_REPEATED] = { .name = "redcard_rollbacks_repeated_total",
				.help = "Requests for a rollback that was known.",
				.kind = METRIC_COUNTER,
				.zero_is_data = true },
	[PATCHCTL_REFUSED] = { .name = "redcard_patchctl_refused_total",
			       .help = "Requests that were refused.",
			       .kind = METRIC_COUNTER,
			       .label = "reason",
			       .values = refusals,
			       .n_values = PATCHCTL_REFUSALS,
			       .zero_is_data = true },
	[PATCHCTL_AGAIN] = { .name = "redcard_rollback_retries_total",
			     .help = "Calls of a driver that are tried again.",
			     .kind = METRIC_COUNTER,
			     .zero_is_data = true },
	[PATCHCTL_UNWRITTEN] = { .name = "redcard_patchctl_unwritten_total",
				 .help = "Changes of phase that could not be written at once.",
				 .kind = METRIC_COUNTER,
				 .zero_is_data = true },
	[PATCHCTL_OPEN] = { .name = "redcard_rollbacks_open",
			    .help = "Rollbacks that are not at their end.",
			    .kind = METRIC_GAUGE,
			    .zero_is_data = true },
	[PATCHCTL_SECONDS] = { .name = "redcard_rollback_seconds",
			       .help = "Time that verified rollbacks took, by phase.",
			       .kind = METRIC_HISTOGRAM,
			       .label = "phase",
			       .values = phases,
			       .n_values = PATCHCTL_PHASES,
			       .bounds = seconds,
			       .n_bounds = ARRAY_LEN(seconds) },
};

/* When it came to its phase. */
static uint64_t last_ms(const struct rollback *r)
{
	return max_u64(max_u64(r->accepted_ms, r->acting_ms), max_u64(r->acted_ms, r->ended_ms));
}

void patchctl_log(const struct rollback *r)
{
	bool good = r->phase != ROLLBACK_FAILED && r->phase != ROLLBACK_EXPIRED;
	char event[32];
	snprintf(event, sizeof(event), "rollback_%s", rollback_phase_names[r->phase]);
	struct buf *line = log_begin(good ? LOG_INFO : LOG_ERROR, event);
	if (!line)
		return;
	log_text(line, "rollback", span_of(r->id));
	log_text(line, "target", span_of(r->target));
	log_text(line, "bad", span_of(r->bad));
	log_text(line, "anchor", span_of(r->anchor));
	log_text(line, "revision", span_of(r->revision));
	log_number(line, "tries", r->tries);
	log_number(line, "ms", last_ms(r) - r->accepted_ms);
	log_text(line, "says", span_of(r->says));
	log_end(line);
}

static void observe(struct metrics_shard *m, enum patchctl_phase phase, uint64_t from, uint64_t to)
{
	metric_observe(m, PATCHCTL_SECONDS, phase, to > from ? (double)(to - from) / 1000 : 0);
}

void patchctl_count(struct metrics_shard *m, const struct rollback *r)
{
	if (r->phase == ROLLBACK_FAILED)
		metric_add(m, PATCHCTL_FAILED, 0, 1);
	if (r->phase == ROLLBACK_EXPIRED)
		metric_add(m, PATCHCTL_EXPIRED, 0, 1);
	if (r->phase == ROLLBACK_ABORTED)
		metric_add(m, PATCHCTL_ABORTED, 0, 1);
	if (r->phase != ROLLBACK_VERIFIED)
		return;
	metric_add(m, PATCHCTL_SUCCEEDED, 0, 1);
	observe(m, PHASE_WAIT, r->accepted_ms, r->acting_ms);
	observe(m, PHASE_ACT, r->acting_ms, r->acted_ms);
	observe(m, PHASE_VERIFY, r->acted_ms, r->ended_ms);
	observe(m, PHASE_WHOLE, r->accepted_ms, r->ended_ms);
}

/* What PatchCtl counts. Its numbers are its own: /metrics shows nothing of the proxy. */
#ifndef PROXY_PATCHCTL_METRICS_H
#define PROXY_PATCHCTL_METRICS_H

#include "lib/metrics.h"

struct rollback;

enum patchctl_metric {
	PATCHCTL_ATTEMPTED,
	PATCHCTL_SUCCEEDED,
	PATCHCTL_FAILED,
	PATCHCTL_EXPIRED,
	PATCHCTL_ABORTED,
	PATCHCTL_REPEATED,
	PATCHCTL_REFUSED,
	PATCHCTL_AGAIN,
	PATCHCTL_UNWRITTEN,
	PATCHCTL_OPEN,
	PATCHCTL_SECONDS,
	PATCHCTL_METRICS
};

enum patchctl_refusal {
	REFUSED_UNAUTHORIZED,
	REFUSED_REPLAYED,
	REFUSED_FORBIDDEN,
	REFUSED_COOLDOWN,
	REFUSED_QUOTA,
	PATCHCTL_REFUSALS
};

enum patchctl_phase { PHASE_WAIT, PHASE_ACT, PHASE_VERIFY, PHASE_WHOLE, PATCHCTL_PHASES };

extern const struct metric_desc patchctl_metrics[PATCHCTL_METRICS];

/* A rollback came to its phase: one line of the log, and its numbers. */
void patchctl_log(const struct rollback *r);
void patchctl_count(struct metrics_shard *m, const struct rollback *r);

#endif

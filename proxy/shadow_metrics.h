/* What `redcard shadow run` counts. Its numbers are its own: /metrics shows nothing of the proxy.
 */
#ifndef PROXY_SHADOW_METRICS_H
#define PROXY_SHADOW_METRICS_H

#include "lib/metrics.h"

enum shadow_metric {
	SHADOW_REQUESTS, /* counter by enum shadow_result */
	SHADOW_LATENCY,  /* histogram by enum shadow_side */
	SHADOW_DIFF,     /* histogram */
	SHADOW_LOST_BYTES,
	SHADOW_ROWS,    /* counter by enum shadow_row */
	SHADOW_PENDING, /* gauge */
	SHADOW_MIRRORS, /* gauge: 0 or 1 */
	SHADOW_STATE,   /* gauge by enum guardian_state: 1 for the one it is */
	SHADOW_KILLS,
	SHADOW_DEATHS,
	SHADOW_STARTS,
	SHADOW_UNKILLED,
	SHADOW_MEMORY, /* gauge */
	SHADOW_METRICS
};

/* What became of a mirrored request: exactly one each. */
enum shadow_result {
	SHADOW_OK,         /* the shadow's code agrees with the primary's */
	SHADOW_DIFFERS,    /* it does not */
	SHADOW_UNCOMPARED, /* it could not be compared; the row says why */
	SHADOW_NO_PRIMARY, /* the primary's answer did not come */
	SHADOW_VIOLATION,  /* the shadow's answer broke the policy */
	SHADOW_ERROR,      /* no usable answer */
	SHADOW_TIMEOUT,
	SHADOW_UNSUITABLE, /* from here on nothing was sent: it cannot be rebuilt as configured; */
	SHADOW_INCOMPLETE, /* bytes of it were lost; */
	SHADOW_DROPPED,    /* the queue was full; */
	SHADOW_STOPPED,    /* mirroring was stopped, or the replayer ends */
	SHADOW_RESULT_COUNT
};

enum shadow_side { SIDE_PRIMARY, SIDE_SHADOW, SHADOW_SIDE_COUNT };
enum shadow_row { SHADOW_ROW_WRITTEN, SHADOW_ROW_LOST, SHADOW_ROW_COUNT };

extern const char *const shadow_result_names[SHADOW_RESULT_COUNT];
extern const struct metric_desc shadow_metrics[SHADOW_METRICS];

#endif

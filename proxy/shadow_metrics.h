/* What `redcard shadow run` counts. Its numbers are its own: /metrics shows nothing of the proxy.
 */
#ifndef PROXY_SHADOW_METRICS_H
#define PROXY_SHADOW_METRICS_H

#include "lib/metrics.h"
#include "proxy/attach.h"

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
	/* Of a service that no proxy stands in front of; absent otherwise. */
	SHADOW_CONNECTIONS, /* counter by enum shadow_connection */
	SHADOW_UNROUTED,
	SHADOW_RING_LOST, /* counter by enum attach_direction: bytes of packets */
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

/* The first two are all connections; the others, why one was followed no longer. */
enum shadow_connection {
	SHADOW_CONNECTION_SEEN,
	SHADOW_CONNECTION_UNSEEN,
	SHADOW_CONNECTION_ENDS, /* then a value for each enum flow_end but the first and the last */
	SHADOW_CONNECTION_COUNT = SHADOW_CONNECTION_ENDS + FLOW_CLOSED - 1
};

extern const char *const shadow_result_names[SHADOW_RESULT_COUNT];
extern const struct metric_desc shadow_metrics[SHADOW_METRICS];

/* Adds what is new since `before` (NULL: all of it). */
void shadow_count_attached(struct metrics_shard *shard, const struct attach_view *before,
			   const struct attach_view *now);

#endif

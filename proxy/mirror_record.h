/*
 * What the proxy and the replayer say to each other: messages over the socket, of which each is a
 * packet, and records in the rings. Both are of one version and one machine, so they are plain
 * structs; what does not look like one is refused.
 */
#ifndef PROXY_MIRROR_RECORD_H
#define PROXY_MIRROR_RECORD_H

#include <stdint.h>

#include "proxy/mirror.h"

#define MIRROR_VERSION 2
#define MIRROR_MAGIC 0x6d724352u /* "RCrm" */
#define MIRROR_WORKERS_MAX 256
#define MIRROR_PART_BYTES (32u << 10) /* a request's bytes in one record, at most */
#define MIRROR_WHY_BYTES 200

/* --- over the socket --- */

enum mirror_word {
	MIRROR_HELLO = 1, /* the proxy's first: n says how many workers it has */
	MIRROR_RING, /* the answer, one for each worker n, with the ring's descriptor; the first
			one also with those of the eBPF tap, where that runs */
	MIRROR_PAUSE /* n: 1 or 0 */
};

struct mirror_message {
	uint32_t magic, version;
	uint32_t word; /* enum mirror_word */
	uint32_t n;
	uint32_t tap; /* enum mirror_tap */
	uint32_t answer_most;
	uint64_t peer;        /* for marks */
	uint32_t slots_first; /* of the eBPF tap, and how many are this proxy's */
	uint32_t slots_n;
	char why[MIRROR_WHY_BYTES];
};

/* --- in a ring --- */

enum mirror_kind { MIRROR_PART = 1, MIRROR_ANSWER };

/* Of a part. */
enum mirror_flag {
	MIRROR_BEGIN = 1,
	MIRROR_END = 2,
	MIRROR_LOST = 4, /* with END: it is incomplete */
	MIRROR_LEFT = 8, /* with END: its client left before all of it was there */
	/* Of an answer. */
	MIRROR_WHOLE = 16,
	MIRROR_CUT = 32,
	MIRROR_TOO_LARGE = 64
};

/* Then the route and the spec (of the first part), then the bytes. */
struct mirror_record {
	uint32_t kind, flags;
	char id[MIRROR_ID];
	uint8_t spec_n;
	uint16_t route_n;
	uint32_t status, framing, dialect;
	uint64_t mark;   /* not 0: the bytes come from the eBPF program under this number */
	uint64_t offset; /* of the bytes in the request */
	uint64_t total;  /* with END: the request's bytes */
	uint64_t lost;   /* with END: of these */
	uint64_t time_us, first_us, total_us;
};

/* What a proxy counts in a ring. */
enum mirror_counter {
	MIRROR_SAMPLED,
	MIRROR_CAPTURED,
	MIRROR_LOST_BYTES,
	MIRROR_REQUESTS,
	MIRROR_COMPLETE,
	MIRROR_INCOMPLETE,
	MIRROR_TRUNCATED,
	MIRROR_ANSWERS,
	MIRROR_ANSWERS_LOST,
	MIRROR_COUNTER_COUNT
};

#endif

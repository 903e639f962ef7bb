/*
 * HTTP/1 on a connection between others, from what was seen of its two directions: the requests in
 * the sample and the answers to them, for the mirror's sink. No I/O; the time is the packets'.
 *
 * Theory of operation
 *
 *   requests --> head: in the sample? --> bytes as they came --> sink->request, when all are there
 *                  | each waits, in order
 *   answers ---> the first that waits --> body, decoded -------> sink->answer
 *
 * Bytes that are missing inside a body of known length cost that message and no other. Elsewhere
 * they may hide where a message begins: then that direction is followed no longer. Without requests
 * nothing more is known of the connection; without answers its requests are mirrored all the same.
 * Nothing is guessed.
 */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/room.h"
#include "proxy/mirror.h"

struct config;
struct flow;

enum flow_end { /* why requests are followed no longer */
		FLOW_GOES_ON,
		FLOW_TLS,
		FLOW_HTTP2,
		FLOW_MALFORMED,
		FLOW_HOLE,     /* bytes were lost where a message may begin */
		FLOW_UPGRADED, /* to another protocol, or nobody can tell */
		FLOW_FULL,     /* too many requests wait, or there is no room */
		FLOW_CLOSED,   /* the client has said all; the last one */
		FLOW_END_COUNT
};

extern const char *const flow_end_names[FLOW_END_COUNT];

struct flow_counts {
	struct mirror_counts mirror;
	uint64_t unrouted; /* requests that no route takes, or that could take two */
	uint64_t limited;  /* of the sample, over the rate or without room */
	uint64_t ends[FLOW_END_COUNT];
	uint64_t
		unanswered; /* flows whose answers are followed no longer, but whose requests are */
};

/* What flows share; their owner fills in all but the counts, and changes what it likes between two
 * calls. */
struct flow_shared {
	struct config *config; /* whose routes and shares hold; each copy takes a reference */
	struct mirror_sink sink;
	struct room room;    /* for all that is kept of connections */
	uint64_t random[2];  /* for ids; not both 0 */
	int64_t realtime_us; /* what CLOCK_REALTIME is ahead of the packets' clock */
	bool paused;         /* no request is sampled */
	uint64_t second;     /* the latest one, and how many of the sample it had */
	uint32_t second_used;
	struct buf plain; /* scratch; its owner frees it */
	struct flow_counts counts;
};

struct flow *flow_new(struct flow_shared *shared); /* NULL: no memory */
/* The connection is gone: what is open of it is said to the sink first. NULL is fine. */
void flow_free(struct flow *f, uint64_t now_ns);

/* What was seen of a direction, in order; now_ns: when, CLOCK_MONOTONIC. */
void flow_request_bytes(struct flow *f, struct span bytes, uint64_t now_ns);
void flow_request_lost(struct flow *f, uint64_t n, uint64_t now_ns);
void flow_request_end(struct flow *f); /* no more of them come */
void flow_answer_bytes(struct flow *f, struct span bytes, uint64_t now_ns);
void flow_answer_lost(struct flow *f, uint64_t n, uint64_t now_ns);
void flow_answer_end(struct flow *f, uint64_t now_ns);
/* The answers cannot be seen at all. */
void flow_without_answers(struct flow *f);

bool flow_over(const struct flow *f); /* nothing more comes of it, whatever is seen */

#endif

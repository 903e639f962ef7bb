/*
 * The replayer: mirrored requests on their way to the shadow, and its answers on their way to a
 * row.
 *
 * Theory of operation
 *
 *   request --> queued --> sent by one of the threads --> waits for the primary's answer --> row
 *   answer  --------------------------------------------------^
 *
 * A request is sent at once, while the primary still answers. It is never sent twice. All of it is
 * bounded: what comes to a full queue is dropped and counted; the primary's answer is waited for so
 * long and no longer. An answer may come before its request, and is then kept for a moment.
 *
 * The threads wait for the shadow; nobody waits for them.
 */
#ifndef PROXY_REPLAYER_H
#define PROXY_REPLAYER_H

#include "proxy/config_shadow.h"
#include "proxy/mirror.h"
#include "proxy/shadow_metrics.h"

struct replayer;

/* Who watches the shadow is told of each request that was sent to it, by any thread; but not of one
 * that met the end of a kept connection, nor of those during which this process itself stood still:
 * both say nothing of the shadow. */
struct shadow_told {
	enum shadow_result result;
	uint32_t shadow_ms, primary_ms; /* UINT32_MAX: not known */
	uint64_t sent_ms;               /* CLOCK_MONOTONIC */
};

struct replayer_options {
	struct config *config;   /* with a shadow; a reference of its own is taken */
	struct metrics *metrics; /* the replayer takes shards 0 to `connections` */
	void (*told)(void *owner, const struct shadow_told *t);
	void *owner;
};

int replayer_open(const struct replayer_options *o, struct replayer **out) MUST_USE; /* -errno */
/* Ends what is open: what is being sent has until the deadline (CLOCK_MONOTONIC). Afterwards
 * nothing more is taken. NULL is fine, as below. */
void replayer_drain(struct replayer *r, uint64_t deadline_ms);
void replayer_free(struct replayer *r);

/* One thread brings what was mirrored, and says what time it is now and then. */
void replayer_request(struct replayer *r, const struct mirror_request *q);
void replayer_answer(struct replayer *r, const struct mirror_answer *a);
void replayer_tick(struct replayer *r, uint64_t now_ms);
bool replayer_idle(struct replayer *r); /* nothing waits, nothing is worked on */

/* Any thread. Paused: nothing is sent, what waits to be sent is not either. */
void replayer_pause(struct replayer *r, bool paused);
/* For what is sent from now on. What is refused of it is the caller's to know. */
void replayer_use(struct replayer *r, struct config *config);

struct replayer_counts {
	unsigned queued, sent, waiting;
	uint64_t bytes;
	bool paused;
};
void replayer_counts(struct replayer *r, struct replayer_counts *out);

#endif

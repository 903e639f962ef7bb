/*
 * The keeper: what the guardian's judgement leads to. A thread looks at the shadow now and then,
 * stops the mirroring and kills it when a limit is breached, notices when it has ended by itself,
 * and starts it again, later each time.
 *
 *            start                       breach, killed: counted
 *   down  ----------> unknown, healthy ---------------------------> down, or out
 *     ^                      |
 *     +----------------------+  ended by itself: counted apart
 *
 * A kill counts when the shadow was there before and is gone after it. Nothing is killed that
 * breaches no limit.
 */
#ifndef PROXY_KEEPER_H
#define PROXY_KEEPER_H

#include "proxy/guardian.h"
#include "proxy/replayer.h"

struct keeper;

struct keeper_options {
	const struct config_guardian *config; /* lives as long as the keeper */
	struct metrics_shard *shard;          /* the keeper's thread is its writer */
	void (*pause)(void *owner, bool paused);
	void *owner;
};

/* Starts the shadow where that is the keeper's. -errno. */
int keeper_open(const struct keeper_options *o, struct keeper **out) MUST_USE;
/* A shadow that it has started ends with it. NULL is fine. */
void keeper_close(struct keeper *k);

/* Any thread. */
void keeper_tell(struct keeper *k, const struct shadow_told *t);
/* What was out begins anew, as after a start. */
void keeper_begin_anew(struct keeper *k);

struct keeper_view {
	enum guardian_state state;
	struct guardian_finding finding; /* of the latest look */
	int pid;                         /* 0: none of its own */
	bool memory_known;
	uint64_t memory_bytes;
	char said[128]; /* why it is as it is */
};
void keeper_view(struct keeper *k, struct keeper_view *out);

#endif

/*
 * A recorded body through one policy, as serving would have done it: what each rule did to it, what
 * left, and how much was held on the way.
 */
#ifndef PROXY_REPLAY_H
#define PROXY_REPLAY_H

#include "lib/sha256.h"
#include "proxy/gate.h"

enum effect { EFFECT_NOTHING, EFFECT_FLAGGED, EFFECT_REDACTED, EFFECT_CUT, EFFECT_COUNT };

extern const char *const effect_names[EFFECT_COUNT];

struct replay {
	struct ruleset *set;
	struct gate_scratch scratch;
	/* Of the last body: */
	enum effect *effects;  /* of each rule */
	const char *reason;    /* what ended it, or "" */
	bool fault;            /* it was ended by no rule */
	char left[SHA256_HEX]; /* hash of the bytes that left */
	/* Of all bodies: bytes that were received and had not left, after each frame; of a body
	 * without frames after each 64 bytes. */
	uint32_t *held;
	size_t n_held, cap_held;
};

/* -errno, after a line on standard error. To be given back in both cases. */
int replay_open(struct replay *r, const char *policy) MUST_USE;
void replay_fini(struct replay *r);

struct pieces;
/* The pieces are the body's, decoded; they say where its frames end. -ENOMEM, -EIO. */
int replay_run(struct replay *r, struct span body, enum framing framing, enum dialect dialect,
	       const struct pieces *pieces) MUST_USE;

void replay_sort_held(struct replay *r);
/* Of the sorted ones, of which there are some. */
uint32_t replay_held(const struct replay *r, double share);

#endif

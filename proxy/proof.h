/*
 * Proof of the gate's promise on one recorded body: however it is cut into parts, the same bytes
 * leave, the same cards are found, and nothing leaves of a secret that a rule was to stop.
 * Where rules redact, what must leave is foretold apart from the gate; see proof_redact.h.
 *
 * The oracle is the whole body, judged by a gate that only observes, and decoded once more apart
 * from it: that says which raw bytes are secrets' bodies. A run feeds the body in parts to a gate
 * that enforces; each increment that comes out is compared with the whole body's bytes and with the
 * oracle.
 */
#ifndef PROXY_PROOF_H
#define PROXY_PROOF_H

#include "proxy/gate.h"

struct proof_options {
	struct ruleset *ruleset;
	struct gate_scratch *scratch;
	const char *wire; /* see recording_wire() */
	size_t splits;    /* positions to cut at, at most; evenly chosen when the body has more */
};

struct proof_result {
	uint64_t body_bytes;
	uint64_t splits;        /* positions it was cut at; byte by byte comes on top */
	uint64_t increments;    /* emitted and checked, all runs */
	uint64_t leaked_bytes;  /* of secrets' bodies, in the worst run */
	uint64_t disagreements; /* runs that released or found something else than the whole */
	uint64_t held_text_max; /* text bytes held at once, at most */
	size_t cards;           /* of the whole body */
	size_t secrets;         /* cards whose rule does more than flag */
	uint64_t redactions;    /* masks that left, of the whole body */
	bool clean;             /* nothing was cut or redacted: the delays below count */
	uint64_t delayed_bytes; /* raw bytes that left later than their frame was complete */
	uint32_t *delays; /* of each frame: bytes that arrived between its end and its release */
	size_t n_delays;
	const char *reason; /* why the whole was ended, or "" */
};

/* -ENOMEM. The result's delays are the caller's: proof_fini(). */
int proof_run(const struct proof_options *o, struct span body, struct proof_result *out) MUST_USE;
void proof_fini(struct proof_result *r);

#endif

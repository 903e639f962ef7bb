/*
 * What must leave of a body under a policy that redacts, put together apart from any gate: the
 * judge's edits of the whole body, applied to it. And what must not come back: secrets that can
 * still be read in what leaves.
 */
#ifndef PROXY_PROOF_REDACT_H
#define PROXY_PROOF_REDACT_H

#include "proxy/gate.h"

struct redacted {
	struct span bytes; /* of the whole body; the body itself when nothing is edited */
	struct buf made;
	struct edit *v;  /* in order and apart */
	size_t *offsets; /* where each edit stands in the bytes */
	size_t n, masks;
	struct ruleset *set;
};

/* gate: the options of the gate whose work is to be foretold. False: no memory. */
bool redacted_make(struct redacted *r, const struct gate_options *gate,
		   struct gate_scratch *scratch, struct span body) MUST_USE;
void redacted_fini(struct redacted *r);

/* How many of the bytes have left when the body's first `raw` have. */
size_t redacted_at(const struct redacted *r, uint64_t raw);

/* Bytes of [from, to) that no edit takes out. Line ends of a framed wire are never taken out. */
uint64_t redacted_misses(const struct redacted *r, struct span body, bool framed, uint64_t from,
			 uint64_t to);

struct secret { /* one that was found in the body */
	uint16_t rule;
	struct buf text;
};

/* Bytes of these secrets that the same rules still find in what left. -ENOMEM. */
int redacted_returns(const struct gate_options *gate, struct gate_scratch *scratch,
		     struct span left, const struct secret *secrets, size_t n,
		     uint64_t *out) MUST_USE;

#endif

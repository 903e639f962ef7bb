/*
 * The judge's edits, applied to bytes that leave the gate.
 */
#ifndef PROXY_GATE_EDIT_H
#define PROXY_GATE_EDIT_H

#include "proxy/gate.h"

struct gate_edits {       /* zero-initialised: nothing was edited yet */
	struct buf bytes; /* what leaves of an edited stretch */
	bool envelope;    /* an id, or the like, was edited */
};

/* out is the raw bytes from offset `from` on, old and fresh in one row. Where the judge decided on
 * redactions in them, they are put together anew in e->bytes, which *out then points to. False: no
 * memory, and nothing may leave. */
bool gate_edit(struct gate_edits *e, struct judge *judge, uint64_t from, struct gate_out *out,
	       struct gate_record *record) MUST_USE;

#endif

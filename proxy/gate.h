/*
 * The gate: the only place where a body's bytes become releasable. It owns the window (bytes
 * received and not yet released), drives the wire's decoder and the judge, and keeps released <=
 * judged <= received.
 *
 * Theory of operation
 *
 *        released          judged            received
 *   ---------|----------------|-----------------|      absolute raw offsets, none ever goes back
 *            |<---------- window -------------->|
 *
 * Bytes are released in whole frames, since a client acts on nothing less and an ending must never
 * stand inside a half-written event. A frame longer than the route's frame_bytes is released as it
 * is judged; a cut inside it can only abort. In the common case nothing is held, and the caller
 * sends straight from the buffer it received into.
 *
 * A redaction changes what leaves, never the offsets: released counts the bytes as they were
 * received. An edited stretch is put together in memory of the gate's own (gate_edit.c).
 *
 * A budget that breaks ends the stream like a rule does: what was judged before the breaking byte
 * leaves, in whole frames. The judge sees nothing from that byte on.
 *
 * No I/O and no clock: the exchange moves the bytes and calls gate_expire() or gate_stop() when its
 * timer says so.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"
#include "policy/budget.h"
#include "policy/judge.h"

#define GATE_FRAME_BYTES (16 << 10) /* what a route has that says nothing else */
#define GATE_DOCUMENT_BYTES (256 << 10)

enum cut_form { CUT_GRACEFUL, CUT_ERROR, CUT_ABORT, CUT_FORM_COUNT };

extern const char *const cut_form_names[CUT_FORM_COUNT];

/* Who reads along what was decoded, before it is judged. */
struct gate_tap {
	void (*pieces)(void *owner, const struct wire *wire, const struct piece *v, size_t n);
	void *owner;
};

struct gate_options {
	struct ruleset *ruleset; /* borrowed; the gate takes its own reference */
	enum framing framing;
	enum dialect dialect;
	bool skip_reasoning;
	bool fail_open; /* `on_error: open`: an error passes the rest of the stream unscanned */
	bool observe;   /* cards only: nothing is held or cut, whatever the policy's mode */
	uint32_t frame_bytes;    /* events, lines and elements up to this size are released whole */
	uint32_t document_bytes; /* the same for one JSON document */
	enum cut_form cut;
	const struct budget_limits *limits; /* NULL: none, and nothing is estimated, without */
	const struct budget_price *price;   /* a price; both are copied */
	struct gate_tap tap;                /* pieces NULL: nobody */
	bool barred;                        /* nothing leaves before gate_admit() */
};

/* One thread's working memory for gates. */
struct gate_scratch {
	struct judge_scratch *judge;
	struct pieces pieces;
};

int gate_scratch_init(struct gate_scratch *s, const struct ruleset *set) MUST_USE;
void gate_scratch_fini(struct gate_scratch *s);

enum gate_state {
	GATE_OPEN,
	GATE_CUT,   /* a rule, or a failure that closes: see gate_reason() */
	GATE_PASSED /* failed open: everything passes, counted as unscanned */
};

struct gate_record { /* the coverage record of an exchange; bytes of the decoded body */
	uint64_t received, judged, released, unscanned;
	uint64_t held_max; /* most raw bytes received and not released after any call */
	uint64_t frames;
	uint64_t redactions, redacted; /* masks that left, and received bytes that did not */
};

struct gate;

struct gate *gate_new(const struct gate_options *options); /* NULL: out of memory */
void gate_free(struct gate *g);                            /* NULL is fine */
size_t gate_memory(const struct gate *g);

/* What may leave now: first `old` (from the window, or edited), then `fresh` (a prefix of the bytes
 * just fed).
 * Both are valid until the next call on this gate; the bytes count as released when the call
 * returns. */
struct gate_out {
	struct span old, fresh;
};

enum gate_state gate_feed(struct gate *g, struct gate_scratch *s, const char *p, size_t n,
			  struct gate_out *out);
enum gate_state gate_finish(struct gate *g, struct gate_scratch *s, struct gate_out *out);
/* a hold is too old */
enum gate_state gate_expire(struct gate *g, struct gate_scratch *s, struct gate_out *out);

/* A budget is used up that is not counted in bytes: nothing more leaves. Under a policy that only
 * monitors it is noted. */
enum gate_state gate_stop(struct gate *g, enum budget_limit limit);
/* What a barred gate waited for: what was judged may leave, or nothing will. reason: static, or
 * lives as long as the gate. */
enum gate_state gate_admit(struct gate *g, struct gate_out *out);
enum gate_state gate_refuse(struct gate *g, const char *reason);
bool gate_barred(const struct gate *g);
/* The budget that broke, which has cut the stream unless the policy only monitors. */
enum budget_limit gate_broken(const struct gate *g);
const struct budget *gate_budget(const struct gate *g); /* NULL: nothing is estimated */
/* budget_allow() and budget_guess_input(); without an estimate nothing is done */
void gate_allow(struct gate *g, enum budget_limit limit, uint64_t nano);
void gate_guess_input(struct gate *g, uint64_t tokens);

/* judged text is being held (not merely an incomplete frame) */
bool gate_holding(const struct gate *g);
/* the released bytes end at a frame's end (or nothing left yet) */
bool gate_at_boundary(const struct gate *g);
const struct gate_record *gate_record(const struct gate *g);
/* GATE_CUT and GATE_PASSED: rule id, or the failure's name */
const char *gate_reason(const struct gate *g);
const struct verdict *gate_verdict(const struct gate *g);
struct judge *gate_judge(struct gate *g);
struct wire *gate_wire(struct gate *g);

/* After GATE_CUT: appends the bytes that end the body in the wire's own form. -ENOTSUP: it can only
 * be aborted. */
int gate_end(struct gate *g, struct span exchange_id, struct buf *out) MUST_USE;

#endif

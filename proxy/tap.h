/*
 * The tap: the proxy's end of the mirror. It copies the requests of the sample on their way to the
 * builder, and what was released of the answers, into rings that the replayer reads.
 *
 * Theory of operation
 *
 *   link thread: connects to the replayer's socket, again and again --> a session: a ring per
 * worker worker:      tap_choose() --> tap_sent() --> tap_bytes()... --> tap_request_done()
 *                                                 tap_answer()... --> tap_finish()
 *
 * A worker never waits: what a full ring does not take is dropped and counted, and without a
 * session nothing is copied. A request is begun when all of it fits that is known by then, so that
 * an overload costs whole requests. The bytes are those that were queued for the builder, once,
 * whichever address took them in the end.
 *
 * Of a quorum's requests that fan out only the client's own is mirrored: the others are the same.
 */
#ifndef PROXY_TAP_H
#define PROXY_TAP_H

#include <stdbool.h>

#include "lib/http1.h"
#include "lib/metrics.h"
#include "proxy/mirror.h"

struct config_mirror;
struct exchange;
struct worker;
struct tap;
struct tap_copy;    /* of one exchange */
struct tap_session; /* one connection to a replayer */

/* What a worker keeps of answers, until their ends, for all its copies. */
#define TAP_HELD_MOST ((size_t)64 << 20)

enum tap_result { /* of a request that the sample takes: exactly one */
		  TAP_CAPTURED,
		  TAP_INCOMPLETE, /* it lost a byte */
		  TAP_TRUNCATED,  /* its client left before all of it was there */
		  TAP_UNSENT,     /* no builder got it */
		  TAP_LIMITED,    /* over the rate */
		  TAP_ABSENT,     /* no replayer, or one that has paused */
		  TAP_RESULT_COUNT
};

extern const char *const tap_result_names[TAP_RESULT_COUNT];

/* Starts the thread; it connects when it can. -errno. */
int tap_open(const struct config_mirror *config, unsigned workers, struct metrics_shard *metrics,
	     struct tap **out) MUST_USE;
void tap_close(struct tap *t);                   /* no worker runs any more; NULL is fine */
void tap_status(struct tap *t, struct buf *out); /* appends a JSON object */

/* A connection's slot of the eBPF tap; one that is zero has none. */
struct tap_seat {
	struct tap_session *session;
	uint32_t slot;
};

/* Before a connection without TLS connects, and when it has gone. */
void tap_seat_take(struct worker *w, struct tap_seat *seat, int socket);
void tap_seat_leave(struct worker *w, struct tap_seat *seat);

/* --- for exchanges; of one without a copy all but tap_choose() do nothing --- */

/* The route is known, and so is whether it is of the sample. False: no memory. */
bool tap_choose(struct exchange *x, const struct http1_head *head);
/* Its head and what was gathered are queued for a builder (perhaps another one after an address
 * that took nothing). */
void tap_sent(struct exchange *x);
void tap_bytes(struct exchange *x, const void *p, size_t n); /* queued after that */
void tap_request_done(struct exchange *x);
void tap_answer(struct exchange *x, struct span released);
void tap_backend_leaves(struct exchange *x); /* x gives its backend back, or closes it */
void tap_finish(struct exchange *x);
void tap_copy_free(struct exchange *x); /* of one without a copy, too */
/* What the sample looked at, and whether it took it. An empty span: nothing. */
struct span tap_key(const struct tap_copy *c, bool *in);

/* --- for the files of the tap only --- */

struct shm_ring;
struct tap_slots;

/* The session that workers use, with a reference, or NULL. */
struct tap_session *tap_session_take(struct tap *t);
struct tap_session *tap_session_for_new(struct worker *w); /* borrowed */
struct tap_session *tap_session_ref(struct tap_session *s);
struct tap_slots *tap_session_slots(struct tap_session *s);      /* NULL: no eBPF tap */
void tap_session_drop(struct tap_session *s);                    /* NULL is fine */
bool tap_session_is(struct tap *t, const struct tap_session *s); /* still the one to use */
bool tap_session_over(const struct tap_session *s);              /* the replayer has gone */
bool tap_session_paused(const struct tap_session *s);
uint64_t tap_session_number(const struct tap_session *s);
size_t tap_session_answer_most(const struct tap_session *s);
struct shm_ring *tap_session_ring(struct tap_session *s, unsigned worker);
/* How many requests in that ring have not ended yet; the worker counts. */
uint32_t *tap_session_owed(struct tap_session *s, unsigned worker);
/* One more request in this second, if the rate allows it; 0: no cap. */
bool tap_admits(struct tap *t, uint32_t rate, uint64_t now_ms);

#endif

/* What is known of one exchange's copy; for the files of the tap only. */
#ifndef PROXY_TAP_COPY_H
#define PROXY_TAP_COPY_H

#include "proxy/mirror_record.h"
#include "proxy/sample.h"
#include "proxy/tap.h"

struct shm_ring;

enum copy_state {
	COPY_CHOSEN,   /* nothing of it is in the ring */
	COPY_BEGUN,    /* the ring has its first part; where it is marked the kernel copies */
	COPY_UNMARKED, /* it was marked on a connection that took nothing */
	COPY_LOSING,   /* bytes are missing: the rest is counted only */
	COPY_ENDED
};

struct tap_copy {
	enum copy_state state;
	bool in;         /* the sample takes it */
	bool owes;       /* its begin is in the ring, its end not yet; there is room for it */
	bool end_owed;   /* the end of one whose begin is not in the ring found no room */
	bool all_queued; /* the request's last byte is */
	bool too_large;
	enum tap_result result;
	uint64_t session; /* number of */
	uint64_t mark;    /* not 0: the eBPF program copies it */
	uint64_t from;    /* where in its connection's stream it begins, where it is marked */
	uint64_t body;    /* bytes of the body that are known to come */
	uint64_t offset;  /* bytes so far, captured or not */
	uint64_t lost;
	uint64_t sent_us, first_us; /* CLOCK_MONOTONIC */
	struct buf answer;
	size_t held; /* of its memory, as the worker has counted it */
	uint8_t key_n, spec_n;
	char key[SAMPLE_KEY_BYTES], spec[SAMPLE_KEY_BYTES];
};

/* tap.c */
struct shm_ring *tap_ring(struct exchange *x); /* NULL: the replayer that x began with has gone */
bool tap_put(struct exchange *x, struct shm_ring *ring, uint32_t flags, struct span bytes);
void tap_put_end(struct exchange *x, struct shm_ring *ring, uint32_t more);
void tap_count(struct exchange *x, struct shm_ring *ring, enum mirror_counter counter, uint64_t n);
void tap_settle(struct exchange *x, struct shm_ring *ring);

/* tap_mark.c: a copy that the eBPF program makes. */
/* True: what was queued is marked on the backend's connection. */
bool tap_mark(struct exchange *x, struct shm_ring *ring, size_t queued);
void tap_mark_again(struct exchange *x, struct shm_ring *ring, size_t queued);
void tap_mark_more(struct exchange *x, size_t n);
/* Says its end once the kernel has seen all of it. */
void tap_mark_settle(struct exchange *x);

#endif

/*
 * The ring: one io_uring per thread, and the operations on it. liburing's one door.
 *
 * Theory of operation
 *
 *   owner { struct op recv; struct op send; ... }
 *      | ring_recv(ring, &owner->recv, ...)     arming: op.pending goes up, nothing is called back
 *      v
 *   ring_wait(), then ring_dispatch(): copy a batch of completions out, then for each:
 *      op.pending goes down (unless more will follow), then op.done(op, result, flags)
 *
 * - An op is embedded in the object that owns it. The owner may be freed only when every op of it
 * has pending == 0; pending falls at dispatch, so a later completion of the same batch never meets
 * freed memory.
 * - Buffers live until the completion, cancelled or not.
 * - Received bytes arrive in buffers that the ring provides. A buffer belongs to the receiver from
 * its completion until ring_buffer_return(). RING_HEADROOM bytes before and RING_TAILROOM bytes
 * after it may be written, so that a framing can be put around the bytes in place.
 */
#ifndef LIB_RING_H
#define LIB_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base.h"

#define RING_HEADROOM 16
#define RING_TAILROOM 8

struct ring;

struct op {
	/* result: what the system call would have returned, or -errno. Runs from ring_dispatch()
	 * only. */
	void (*done)(struct op *op, int result, unsigned flags);
	unsigned pending; /* armed and not yet dispatched for the last time */
};

/* Flags of a completion. */
enum ring_flag {
	RING_MORE = 1,  /* a multishot operation goes on */
	RING_BUFFER = 2 /* ring_flags_buffer() names the buffer that holds the bytes */
};

static inline unsigned ring_flags_buffer(unsigned flags)
{
	return flags >> 16;
}

/* Two stocks of receive buffers: many small ones for events, of which each read touches a few cache
 * lines, and a few large ones for bulk, few enough to stay in the cache while they go round. */
enum ring_stock { RING_SMALL, RING_LARGE, RING_STOCKS };

struct ring_options {
	unsigned entries;              /* submission queue; completions get four times as many */
	unsigned buffers[RING_STOCKS]; /* how many; powers of two, at most 4096 */
	unsigned buffer_bytes[RING_STOCKS]; /* usable size of each */
	unsigned files;                     /* size of the ring's descriptor table; 0: none */
};

/* -ENOSYS, -EPERM: refused by kernel or sandbox; ring_refusal() has the sentence for people.
 * -EINVAL: too old. */
int ring_open(const struct ring_options *options, struct ring **out) MUST_USE;
/* NULL is fine; every op must be idle or its owner never touched again */
void ring_close(struct ring *r);
const char *ring_refusal(int error);

/* Submits what was armed and waits for completions or until deadline_ns (CLOCK_MONOTONIC; 0: no
 * wait). 0 or -errno. */
int ring_wait(struct ring *r, uint64_t deadline_ns) MUST_USE;

/* Dispatches one batch of what has completed. Returns how many. */
unsigned ring_dispatch(struct ring *r);

/* A descriptor as operations name it. Attached ones stand in the ring's own table, which saves the
 * kernel a look-up for every operation; when the table is full a plain one does the same work. */
struct ring_file {
	int fd;
	int slot; /* -1: not in the table */
};

struct ring_file ring_attach(struct ring *r, int fd);
/* every op on it is idle; the descriptor stays open */
void ring_detach(struct ring *r, struct ring_file file);

void ring_accept(struct ring *r, struct op *op, int fd); /* multishot; result: a descriptor */
/* Multishot, into buffers of that stock. 0: the peer closed; -ENOBUFS: arm again. */
void ring_recv(struct ring *r, struct op *op, struct ring_file file, enum ring_stock stock);
/* may send less */
void ring_send(struct ring *r, struct op *op, struct ring_file file, const void *p, size_t n);
/* the same, gathered */
void ring_sendv(struct ring *r, struct op *op, struct ring_file file, struct msghdr *msg);
void ring_connect(struct ring *r, struct op *op, struct ring_file file, const struct sockaddr *addr,
		  socklen_t len);
void ring_read(struct ring *r, struct op *op, int fd, void *p, size_t n);
/* its last completion still comes; nothing when it is idle */
void ring_cancel(struct ring *r, struct op *op);

char *ring_buffer(struct ring *r, unsigned buffer);
size_t ring_buffer_bytes(const struct ring *r, unsigned buffer);
void ring_buffer_return(struct ring *r, unsigned buffer);

/* True while more than half of that buffer's stock is free: then it may be kept for a while. */
bool ring_buffer_spare(const struct ring *r, unsigned buffer);

#endif

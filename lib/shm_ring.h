/*
 * A ring of records in shared memory, from one process to another: one producer, one consumer.
 *
 * Theory of operation
 *
 *   tail (consumer)          head (producer)
 *     |----- records ----------|                 both only grow; the place is the offset modulo
 * size
 *
 * The consumer makes the ring and passes its descriptor on. Its size is sealed, so that neither
 * side can take memory away from under the other. A record goes in whole or not at all; nobody
 * waits. Each side keeps its own cursor in memory of its own and believes nothing that the other
 * writes: a cursor or a length that cannot be ends the ring (-EPROTO), and what is read was copied
 * first.
 */
#ifndef LIB_SHM_RING_H
#define LIB_SHM_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define SHM_RING_LEAST (64u << 10)
#define SHM_RING_MOST (1u << 30)
#define SHM_RING_COUNTERS 16
#define SHM_RING_OVERHEAD 16 /* bytes that a record takes beside its own, at most */

struct shm_ring;

/* bytes: a power of two between the limits. *fd: for the producer; the caller closes it. -errno. */
int shm_ring_create(size_t bytes, struct shm_ring **out, int *fd) MUST_USE;
/* The producer's side of it; fd stays the caller's. -EINVAL: not such a ring, or not sealed. */
int shm_ring_join(int fd, struct shm_ring **out) MUST_USE;
void shm_ring_free(struct shm_ring *r); /* one side; NULL is fine */

/* --- the producer --- */

/* The parts as one record. False: there is no room for it (or the ring has ended). */
bool shm_ring_put(struct shm_ring *r, const struct span *parts, size_t n);
size_t shm_ring_room(struct shm_ring *r);          /* the largest record that fits now */
size_t shm_ring_largest(const struct shm_ring *r); /* that ever fits */
/* Numbers that the consumer sees whatever the ring holds; only the producer adds to them. */
void shm_ring_count(struct shm_ring *r, unsigned counter, uint64_t n);

/* --- the consumer --- */

/* The next record replaces what is in out. 1: there was one; 0: none is there; -EPROTO: the
 * producer broke it; -ENOMEM. */
int shm_ring_take(struct shm_ring *r, struct buf *out) MUST_USE;
uint64_t shm_ring_counter(const struct shm_ring *r, unsigned counter);

bool shm_ring_broken(const struct shm_ring *r); /* by the other side */

#endif

/*
 * The slots of the eBPF tap, as the proxy writes them: which connection has which, and what range
 * of its stream is marked. Each worker has slots of its own, so nobody waits. bpf/tap.h says the
 * rest.
 *
 * When the replayer has let go of a proxy it may give the same slots to the next one, before the
 * workers of the first have noticed. So a slot is touched only while its generation is of this
 * session: what is another's reads as nothing, and is left alone.
 */
#ifndef PROXY_TAP_SLOTS_H
#define PROXY_TAP_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

struct tap_slots;

struct tap_slots_place { /* what the replayer gave */
	uint64_t peer;   /* a number that tells its proxies apart */
	uint32_t first, n;
};

/* Maps its slots of the array; both descriptors become its own, also on failure. NULL: they cannot
 * be used. */
struct tap_slots *tap_slots_open(int array, int storage, unsigned workers,
				 const struct tap_slots_place *place);
void tap_slots_close(struct tap_slots *t); /* NULL is fine */

/* A slot for a connection that has not begun to connect. False: none is free, or refused. */
bool tap_slots_give(struct tap_slots *t, unsigned worker, int socket, uint32_t *slot);
void tap_slots_take_back(struct tap_slots *t, unsigned worker, uint32_t slot);

uint64_t tap_slots_next_mark(struct tap_slots *t, unsigned worker);
/* The range that is marked in the slot was sent as a whole, or there is none. */
bool tap_slots_clear(const struct tap_slots *t, uint32_t slot);
void tap_slots_mark(struct tap_slots *t, uint32_t slot, uint64_t mark, uint64_t from, uint64_t to,
		    uint64_t known);
void tap_slots_grow(struct tap_slots *t, uint32_t slot, uint64_t to);
void tap_slots_end(struct tap_slots *t, uint32_t slot); /* nothing more of it is copied */
void tap_slots_read(const struct tap_slots *t, uint32_t slot, uint64_t *captured, uint64_t *lost);

#endif

/*
 * What the eBPF program and user space share.
 *
 * Theory of operation
 *
 *   proxy     gives a connection to a builder a slot before it connects, and marks the range of a
 *             sampled request in it: `to` last. It grows `to` while more of the request is queued.
 *   program   sees each packet on its way out, turns its sequence number into a position in the
 *             stream, leaves out what it has seen before, copies what is in the range into the
 * ring, and counts `captured` and `lost`. It never changes what happens to the packet. replayer
 * reads the ring, as it looks at its other rings: nobody wakes it.
 *
 * Positions count the bytes of the stream from its first one.
 *
 * Up to TAP_PROXIES proxies are there at a time. Each has slots of its own; generations and marks
 * have its number. A program that is attached twice on a packet's way sees nothing new the second
 * time.
 */
#ifndef BPF_TAP_H
#define BPF_TAP_H

#include "bpf/sizes.h"

#define TAP_PROXIES 16 /* at a time, each with slots of its own */
#define TAP_SLOTS_EACH 16384
#define TAP_SLOTS (TAP_PROXIES * TAP_SLOTS_EACH)

struct tap_slot {            /* an element of an array of which the proxy maps its part */
	TAP_WORD generation; /* of its owner: a connection that is gone still sends its rest */
	TAP_WORD from, to;   /* the range; empty: nothing is copied */
	TAP_WORD mark;       /* the request's number, not 0 */
	TAP_WORD known;      /* bytes of the request that are known to come */
	TAP_WORD captured;   /* these two are the program's */
	TAP_WORD lost;
	TAP_WORD unused;
};

struct tap_conn { /* kept with the socket; the proxy sets the first two */
	TAP_WORD generation;
	TAP_HALF slot;
	TAP_HALF seen;  /* its SYN was */
	TAP_HALF first; /* the sequence number of position 0 */
	TAP_HALF unused;
	TAP_WORD next;    /* the first position that was not seen yet */
	TAP_WORD refused; /* the mark of a request that the ring did not take */
};

struct tap_record { /* then its bytes */
	TAP_WORD mark;
	TAP_WORD offset; /* in the request */
	TAP_WORD length;
};

#endif

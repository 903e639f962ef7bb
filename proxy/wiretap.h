/*
 * The mirror without a proxy: connections between others, told apart, put in order and read, from
 * copies of their packets. No I/O; the time is the packets'.
 *
 *   packet --> its connection: requests, answers (lib/tcp_stream.h) --> flow (proxy/flow.h) -->
 * sink
 *
 * A connection is followed from its SYN to its end, or until it is idle too long. One whose SYN was
 * not seen is only counted: nobody knows where a request begins in it.
 */
#ifndef PROXY_WIRETAP_H
#define PROXY_WIRETAP_H

#include "proxy/flow.h"

#define WIRETAP_CONNECTIONS \
	8192 /* that are known at once: then the one that is idle longest goes */
#define WIRETAP_IDLE_MS 600000
#define WIRETAP_HOLE_MS 5000 /* bytes are waited for that long; TCP has sent them again by then */

struct wiretap_key { /* compared byte by byte */
	uint8_t peer[16], local[16];
	uint16_t peer_port;
};

#define WIRETAP_FIN 1 /* as in TCP's header */
#define WIRETAP_SYN 2
#define WIRETAP_RST 4
#define WIRETAP_ACK 16

struct wiretap_packet { /* a part of one, or one of SYN, FIN and RST, which has no bytes */
	struct wiretap_key key;
	bool answers; /* it goes to the peer */
	uint8_t flags;
	uint32_t sequence, acknowledged;
	uint64_t time_ns;
	struct span bytes;
};

struct wiretap_counts {
	struct flow_counts flows;
	uint64_t seen;             /* connections whose SYN was */
	uint64_t unseen;           /* those that are older, or whose SYN was lost */
	uint64_t open;             /* followed now */
	uint64_t pushed;           /* out, for others, while they were open */
	uint64_t missing_bytes[2]; /* that never came, of requests and of answers */
};

struct wiretap;

/* random: seed for ids, not both 0. realtime_us: what CLOCK_REALTIME is ahead of the packets'
 * clock. most: bytes kept of all connections. config's reference is taken. NULL: no memory. */
struct wiretap *wiretap_new(struct config *config, const struct mirror_sink *sink,
			    const uint64_t random[2], int64_t realtime_us, size_t most);
void wiretap_free(struct wiretap *w); /* says what is open to the sink; NULL is fine */

void wiretap_take(struct wiretap *w, const struct wiretap_packet *p);
void wiretap_tick(struct wiretap *w, uint64_t now_ns); /* a few times a second */

void wiretap_use(struct wiretap *w, struct config *config); /* from the next request on */
void wiretap_pause(struct wiretap *w, bool paused);
struct wiretap_counts wiretap_counts(const struct wiretap *w);
size_t wiretap_memory(const struct wiretap *w); /* bytes kept, of `most` */

#endif

/*
 * One direction of a TCP connection, put together again from copies of its packets, which come
 * late, twice, overlapping or never. No I/O, no clock.
 *
 * Theory of operation
 *
 *   sequence number --> position --> the next one? ---> bytes(): in order, once
 *                                    a later one? ----> kept, until what precedes it is there
 *   the other side has acknowledged what never came,
 *   nothing more comes, or there is no room to wait --> lost(): where, and how much
 *
 * Positions count the stream's bytes from its first one in 64 bits, so sequence numbers may wrap.
 * Where copies overlap, the one that came first counts. Each position is handed out once, as a byte
 * or as lost, in order; what comes after that is dropped.
 */
#ifndef LIB_TCP_STREAM_H
#define LIB_TCP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/room.h"

#define TCP_STREAM_SEGMENTS 4096 /* that wait, at most */

/* Called by the functions below, which the callbacks must not call for the same stream. */
struct tcp_stream_sink {
	void (*bytes)(void *owner, struct span bytes); /* the next ones; valid until it returns */
	void (*lost)(void *owner, uint64_t position, uint64_t n); /* the next n never come */
	void (*end)(void *owner); /* the stream ended here; the last call */
};

struct tcp_segment;

struct tcp_stream { /* its owner reads `next` */
	const struct tcp_stream_sink *sink;
	void *owner;
	struct room *room;                     /* for what waits, shared with others */
	uint32_t first;                        /* the sequence number of position 0 */
	uint64_t next;                         /* all before it was handed out */
	uint64_t end;                          /* UINT64_MAX: not known */
	struct tcp_segment *earliest, *latest; /* that wait */
	unsigned n;
	bool ended;
};

/* first: the number behind the SYN's. */
void tcp_stream_init(struct tcp_stream *s, uint32_t first, const struct tcp_stream_sink *sink,
		     void *owner, struct room *room);
void tcp_stream_fini(struct tcp_stream *s); /* says nothing; zeroed is fine */

void tcp_stream_take(struct tcp_stream *s, uint32_t sequence, struct span bytes);
/* A FIN was seen: the stream's last byte is the one before that number. */
void tcp_stream_finish(struct tcp_stream *s, uint32_t sequence);
/* The other side has everything before that number: what we still miss of it never comes. */
void tcp_stream_acknowledged(struct tcp_stream *s, uint32_t sequence);
/* What is missing before the first bytes that wait never comes. */
void tcp_stream_give_up(struct tcp_stream *s);
/* Nothing more comes: hands out what waits, without a call of end() unless the end was reached. */
void tcp_stream_flush(struct tcp_stream *s);

/* Whether bytes wait for others. */
static inline bool tcp_stream_waits(const struct tcp_stream *s)
{
	return s->earliest != NULL;
}

#endif

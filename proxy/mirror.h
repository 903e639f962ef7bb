/*
 * The mirror: copies of sampled requests, and of what their builders answered, on their way from
 * the proxy to the replayer (`redcard shadow run`). This is the replayer's end; the proxy's is
 * tap.h.
 *
 * Theory of operation
 *
 *   proxy, a worker --> shared memory ring --> mirror_poll() --> sink->request, answer, lost
 *   proxy, egress ----> eBPF program, ring --^   (the bytes only, where that tap runs)
 *
 * The replayer listens on a Unix socket. A proxy that connects is given one ring per worker, which
 * it writes without waiting: what does not fit is dropped and counted there. The proxy is a peer:
 * what it wrote is checked, and a ring that makes no sense ends that connection.
 *
 * Of every request: sampled = captured + lost, in bytes. One that lost a byte is incomplete: it is
 * counted and never handed out.
 */
#ifndef PROXY_MIRROR_H
#define PROXY_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/wire.h"

#define MIRROR_ID 27 /* an exchange's id and its NUL */

struct config;
struct mirror;

struct mirror_request {
	char id[MIRROR_ID];
	struct span route; /* its name */
	struct span spec;  /* x-redcard-spec; empty: none */
	struct span bytes; /* head and body exactly as they were sent to the builder */
	uint64_t time_us;  /* CLOCK_REALTIME, when it was sent */
};

/* Comes when the exchange has ended, usually after its request. */
struct mirror_answer {
	char id[MIRROR_ID];
	unsigned status; /* 0: the builder never answered */
	enum framing framing;
	enum dialect dialect;
	struct span body; /* as it was released to the client, decoded; empty when too_large */
	bool whole;       /* the builder said all, and all of it was released */
	bool cut;         /* by a rule, a budget, a quorum or a failure that closes */
	bool too_large;   /* longer than shadow.answer_most, than the ring, or than could be kept */
	uint64_t first_us, total_us; /* from the sending of the request; first_us 0: no byte left */
};

struct mirror_loss {
	char id[MIRROR_ID];
	uint64_t bytes; /* how many are missing; 0: its client left before all of it was there */
};

/* What is said is valid until the callback returns. */
struct mirror_sink {
	void (*request)(void *owner, const struct mirror_request *request);
	void (*answer)(void *owner, const struct mirror_answer *answer);
	/* It may also find no room: the counts are what is exact. */
	void (*lost)(void *owner, const struct mirror_loss *loss);
	void *owner;
};

/* Since mirror_open(), over all proxies that came and went. */
struct mirror_counts {
	uint64_t sampled, captured, lost; /* bytes */
	uint64_t requests;                /* sampled: those that ended are one of these two, */
	uint64_t complete, incomplete;
	uint64_t truncated; /* or their clients left before all of them was there */
	uint64_t answers, answers_lost;
	uint64_t proxies; /* connected now */
	uint64_t refused; /* connections ended for what they wrote */
};

enum mirror_tap { MIRROR_TAP_NONE, MIRROR_TAP_USER, MIRROR_TAP_EBPF, MIRROR_TAP_COUNT };

extern const char *const mirror_tap_names[MIRROR_TAP_COUNT];

/* Listens on shadow.socket, loads the eBPF program where that may be, and gives up the rights it
 * took: of the calling thread and those that it starts, so call it before there are others. config
 * has a mirror and must outlive it. -errno, and one line in *errors. */
int mirror_open(const struct config *config, const struct mirror_sink *sink, struct mirror **out,
		struct buf *errors) MUST_USE;
void mirror_close(struct mirror *m); /* NULL is fine */

/* Takes what is there and calls the sink; waits at most wait_ms for a first thing. Its rings are
 * looked at every millisecond, since a wake-up for each request would cost the proxy more than the
 * copy. How many things it has handed out, or -errno. */
int mirror_poll(struct mirror *m, unsigned wait_ms) MUST_USE;

struct mirror_counts mirror_counts(const struct mirror *m);

/* Which tap feeds it (NONE: no proxy is there; EBPF: all that are there have it), and why that one,
 * for people, until the next call. */
enum mirror_tap mirror_tap(struct mirror *m, const char **why);

/* No request is sampled any more, while its proxies stay connected: what the guardian does. */
void mirror_pause(struct mirror *m, bool paused);

#endif

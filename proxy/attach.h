/*
 * The source of `redcard shadow run --attach`: packets of a service that no proxy stands in front
 * of, from the kernel (proxy/attach_bpf.h) to the mirror's sink (proxy/wiretap.h).
 */
#ifndef PROXY_ATTACH_H
#define PROXY_ATTACH_H

#include "bpf/attach.h"
#include "proxy/wiretap.h"

struct attach;

struct attach_to {
	const char *cgroup; /* a folder, or one below the root of the cgroups; NULL: nothing */
	const char *port;
};

/* Loads, attaches, and gives up the rights that this took: of the calling thread and those that it
 * starts, so call it before there are others. config is complete but for the mirror's socket.
 * -errno, and one line in *errors. */
int attach_open(struct config *config, const struct attach_to *to, const struct mirror_sink *sink,
		struct attach **out, struct buf *errors) MUST_USE;
void attach_close(struct attach *a); /* NULL is fine */

/* As mirror_poll(). How many records of packets it has read, or -errno. */
int attach_poll(struct attach *a, unsigned wait_ms) MUST_USE;
void attach_use(struct attach *a, struct config *config);
void attach_pause(struct attach *a, bool paused);

struct attach_view {
	struct wiretap_counts counts;
	struct attach_counts ring[ATTACH_DIRECTION_COUNT];
};
void attach_view(const struct attach *a, struct attach_view *out);
void attach_put(struct buf *out, const struct attach_view *v); /* appends a JSON object */
/* What is watched, and what of it is not followed, for people; until the next call. */
const char *attach_why(struct attach *a);

#endif

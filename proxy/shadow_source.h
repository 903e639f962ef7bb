/*
 * Where the replayer's requests come from: the mirror; a service that no proxy stands in front of
 * (attach.h); or a file of recorded ones, one JSON object a line:
 *
 *   {"id": ID, "route": NAME, "spec": SPEC, "request": TEXT}       head and body as they were sent
 *   {"id": ID, "answer": {"status": 200, "framing": "sse", "dialect": "chat", "body": TEXT,
 *    "whole": true, "cut": false, "too_large": false, "first_us": 1, "total_us": 2}}
 *   {"id": ID, "lost": BYTES}
 *
 * One line may have a request and its answer. A file that grows (a pipe) is read as it does.
 */
#ifndef PROXY_SHADOW_SOURCE_H
#define PROXY_SHADOW_SOURCE_H

#include "proxy/attach.h"

struct shadow_source;

struct shadow_from {             /* nothing is set: the mirror */
	const char *path;        /* a file; "-": standard input */
	struct attach_to attach; /* both are set, or none is */
};

/* -errno, and a line in *errors. */
int shadow_source_open(struct config *config, const struct shadow_from *from,
		       const struct mirror_sink *sink, struct shadow_source **out,
		       struct buf *errors) MUST_USE;
void shadow_source_close(struct shadow_source *s); /* NULL is fine */
/* Waits at most so long. How many things it has read, or -errno. */
int shadow_source_poll(struct shadow_source *s, unsigned wait_ms) MUST_USE;
bool shadow_source_over(const struct shadow_source *s); /* a file that has ended */
/* Those of the same thread. */
struct mirror_counts shadow_source_counts(const struct shadow_source *s);
/* False: it is not attached to a service. */
bool shadow_source_attached(const struct shadow_source *s, struct attach_view *out);
const char *shadow_source_tap(const struct shadow_source *s, const char **why);
void shadow_source_pause(struct shadow_source *s, bool paused);
/* The configuration was read again. */
void shadow_source_use(struct shadow_source *s, struct config *config);

#endif

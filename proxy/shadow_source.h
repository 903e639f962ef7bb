/*
 * Where the replayer's requests come from: the mirror, or a file of recorded ones, one JSON object
 * a line:
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

#include "proxy/mirror.h"

struct shadow_source;

/* path NULL: the mirror; "-": standard input. -errno, and a line in *errors. */
int shadow_source_open(const struct config *config, const char *path,
		       const struct mirror_sink *sink, struct shadow_source **out,
		       struct buf *errors) MUST_USE;
void shadow_source_close(struct shadow_source *s); /* NULL is fine */
/* Waits at most so long. 1: the file has ended; 0; -errno. */
int shadow_source_poll(struct shadow_source *s, unsigned wait_ms) MUST_USE;
/* Those of the same thread. */
struct mirror_counts shadow_source_counts(const struct shadow_source *s);
const char *shadow_source_tap(const struct shadow_source *s, const char **why);
void shadow_source_pause(struct shadow_source *s, bool paused);

#endif

/*
 * A builder that a drill plays: it listens where the proxy's route looks for one, and streams what
 * the script says to the request that carries the drill's id as x-redcard-spec. Everything else is
 * a 404. A thread of its own.
 */
#ifndef PROXY_DRILL_BUILDER_H
#define PROXY_DRILL_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define DRILL_PIECES 4

struct drill_script {
	const char *id;
	const char *revision;             /* what the answer says that it has changed */
	const char *pieces[DRILL_PIECES]; /* one event each; NULL ends them */
	size_t violates; /* the piece whose end breaks a rule; DRILL_PIECES: none does */
};

struct drill_played {
	unsigned asked;       /* requests with the id */
	uint64_t violated_us; /* CLOCK_REALTIME, before that piece was written; 0: it was not */
};

struct drill_builder;

/* On failure -errno and one sentence in *why. */
int drill_builder_open(const char *address, struct drill_builder **out, struct buf *why) MUST_USE;
void drill_builder_close(struct drill_builder *b); /* NULL is fine */

/* Copied, but what it points at is borrowed until drill_builder_ends() returns. */
void drill_builder_plays(struct drill_builder *b, const struct drill_script *script);
struct drill_played drill_builder_ends(struct drill_builder *b);

#endif

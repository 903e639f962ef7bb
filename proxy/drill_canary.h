/*
 * The canary of a drill: a commit on the target's branch that adds one file of the drill's own. The
 * drill reads the remote back itself, so that a rollback is not taken on anybody's word.
 */
#ifndef PROXY_DRILL_CANARY_H
#define PROXY_DRILL_CANARY_H

#include <stdbool.h>

#include "lib/buf.h"

#define CANARY_SHA 65 /* bytes of a commit's name, with its NUL */

struct canary_place; /* a remote branch, and a local copy in a temporary folder */

/* All of these: false, and one sentence in *why. Each blocks for at most as long as timeout_ms. */
bool canary_open(const char *remote, const char *branch, uint32_t timeout_ms,
		 struct canary_place **out, struct buf *why) MUST_USE;
void canary_close(struct canary_place *p); /* NULL is fine */

/* anchor: what the branch was; bad: what it is now. */
bool canary_push(struct canary_place *p, const char *id, char anchor[CANARY_SHA],
		 char bad[CANARY_SHA], struct buf *why) MUST_USE;

enum canary_state {
	CANARY_STANDS,   /* the file is there as it was committed */
	CANARY_RESTORED, /* it is not, the commit is still in the history, and where nobody else
			    has pushed the whole tree is the anchor's */
	CANARY_WRONG,    /* neither: *why says what is there */
	CANARY_UNKNOWN   /* it could not be read: *why says it */
};

enum canary_state canary_look(struct canary_place *p, const char *id, const char *anchor,
			      const char *bad, struct buf *why) MUST_USE;

/* Takes the file away, where it still is. */
bool canary_tidy(struct canary_place *p, const char *id, struct buf *why) MUST_USE;

#endif

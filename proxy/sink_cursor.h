/*
 * How far a sink has come: one line in a file beside the ledger, LEDGER.sink-NAME. It is replaced
 * whole, after what it speaks of was delivered; so a crash makes a row be delivered twice, and
 * never be left out.
 */
#ifndef PROXY_SINK_CURSOR_H
#define PROXY_SINK_CURSOR_H

#include "lib/buf.h"
#include "lib/sha256.h"
#include "proxy/ledger_store.h"

struct sink_cursor {
	char *path;
	uint64_t sequence;     /* the last row that the sink needs no more; 0: none */
	char hash[SHA256_HEX]; /* of that row: another ledger has another */
};

/* A sink that is new begins at the end of the ledger, and that is kept at once. -errno, and a
 * sentence in *why. */
int sink_cursor_open(struct sink_cursor *c, const char *ledger, const char *name,
		     struct ledger_store *s, struct buf *why) MUST_USE;
int sink_cursor_keep(const struct sink_cursor *c) MUST_USE;
void sink_cursor_fini(struct sink_cursor *c);

#endif

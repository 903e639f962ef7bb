/* What PatchCtl reads of a request's body, and writes of what it keeps. */
#ifndef PROXY_PATCHCTL_BODY_H
#define PROXY_PATCHCTL_BODY_H

#include "lib/buf.h"
#include "proxy/patchctl_store.h"

/* Fills in what the body says: target, bad or revision, and so on. NULL, or what is wrong, in one
 * sentence. */
const char *patchctl_read_anchor(struct span body, const struct config_patchctl *c,
				 struct anchor *out);
/* now_ms: for the deadline, CLOCK_REALTIME. */
const char *patchctl_read_rollback(struct span body, const struct config_patchctl *c,
				   uint64_t now_ms, struct rollback *out);

/* {"reason"}: of an abort. */
const char *patchctl_read_reason(struct span body, char reason[ROLLBACK_TEXT]);

/* {verdict, ...}, but for the change, which the path names. */
const char *patchctl_read_statement(struct span body, const struct config_patchctl *c,
				    struct statement *out);

void patchctl_put_anchor(struct buf *out, const struct anchor *a);
void patchctl_put_rollback(struct buf *out, const struct rollback *r);

void patchctl_put_statement(struct buf *out, const struct statement *st);

/* An Idempotency-Key: 1 to ROLLBACK_KEY_MOST bytes of plain text. */
bool patchctl_is_key(struct span key);

#endif

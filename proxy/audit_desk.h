/*
 * The desk: audits that wait for a person. Workers put them there and look whether they were
 * answered; the admin listener, which is in the first worker, lists and answers them. One lock,
 * held for copies only.
 */
#ifndef PROXY_AUDIT_DESK_H
#define PROXY_AUDIT_DESK_H

#include "proxy/audit_form.h"

enum {
	AUDIT_DESK_MAX = 256,        /* audits, */
	AUDIT_DESK_BYTES = 64 << 20, /* and bytes of their questions */
	AUDIT_ID_BYTES = 26,
};

struct audit_desk;

struct audit_desk *audit_desk_new(void);    /* NULL: no memory */
void audit_desk_free(struct audit_desk *d); /* NULL is fine */

/* Times are CLOCK_MONOTONIC. id: AUDIT_ID_BYTES and a NUL. question: its JSON, copied. -ENOSPC: the
 * desk is full; -ENOMEM. */
int audit_desk_put(struct audit_desk *d, const char *id, const char *auditor,
		   const struct audit_question *q, struct span question, uint64_t now_ms,
		   uint64_t until_ms) MUST_USE;
/* Whether it was answered. */
bool audit_desk_look(struct audit_desk *d, const char *id, struct audit_said *said);
void audit_desk_take(struct audit_desk *d, const char *id); /* off the desk */

/* For the admin listener: what can still be answered, as JSON. */
void audit_desk_list(struct audit_desk *d, uint64_t now_ms, struct buf *out);
bool audit_desk_show(struct audit_desk *d, struct span id, uint64_t now_ms, struct buf *out);
/* False: there is none of that id, it was answered, or its time is over. */
bool audit_desk_answer(struct audit_desk *d, struct span id, uint64_t now_ms,
		       const struct audit_said *said);

#endif

/*
 * What PatchCtl keeps: anchors, rollbacks with their phases, and the nonces of signed requests. One
 * SQLite database in its folder, which one process may have at a time.
 *
 *	accepted --> acting --> acted --> verified
 *	     \          \          \----> failed
 *	      \----------\-----------\--> expired
 *	       \----------\-------------> aborted	by a person, before the driver had an effect
 *
 * A change of phase is on disk before the next thing is done, so that after a crash every rollback
 * goes on where it was. Any thread may call; each call is one transaction. Errors are those of
 * lib/sqlite.h.
 */
#ifndef PROXY_PATCHCTL_STORE_H
#define PROXY_PATCHCTL_STORE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "proxy/config_patchctl.h"
#include "proxy/driver.h"

#define ROLLBACK_ID 27 /* bytes of an id, with its NUL */
#define ROLLBACK_TEXT 201
#define ROLLBACK_SAYS 4096
#define ROLLBACK_KEY_MOST 128

enum rollback_phase {
	ROLLBACK_ACCEPTED,
	ROLLBACK_ACTING,
	ROLLBACK_ACTED,
	ROLLBACK_VERIFIED,
	ROLLBACK_FAILED,
	ROLLBACK_EXPIRED,
	ROLLBACK_ABORTED,
	ROLLBACK_PHASES
};

extern const char *const rollback_phase_names[ROLLBACK_PHASES];
bool rollback_ended(enum rollback_phase phase);
bool rollback_may_become(enum rollback_phase from, enum rollback_phase to);

struct rollback {
	char id[ROLLBACK_ID];
	char target[PATCHCTL_NAME];
	char by[PATCHCTL_NAME]; /* the token's name */
	char bad[DRIVER_REVISION];
	char anchor[DRIVER_REVISION];   /* "": chosen when it begins to act */
	char revision[DRIVER_REVISION]; /* that act has made; "": none, yet */
	char reason[ROLLBACK_TEXT];
	char says[ROLLBACK_SAYS]; /* the driver's, of its last call */
	enum rollback_phase phase;
	uint64_t deadline_ms;                                /* these are of CLOCK_REALTIME */
	uint64_t accepted_ms, acting_ms, acted_ms, ended_ms; /* 0: not yet */
	uint64_t tries;
};

struct anchor {
	char target[PATCHCTL_NAME];
	char revision[DRIVER_REVISION];
	char by[PATCHCTL_NAME];
	char note[ROLLBACK_TEXT];
	uint64_t time_ms;
};

struct patchctl_store;

/* On failure -errno and one sentence in *why. */
int patchctl_store_open(const char *folder, struct patchctl_store **out, struct buf *why) MUST_USE;
void patchctl_store_close(struct patchctl_store *s); /* NULL is fine */

/* *known: it was there, and *a is what was registered then. */
int patchctl_store_register(struct patchctl_store *s, struct anchor *a, bool *known) MUST_USE;

/* Newest first. target p NULL: any. A callback that returns false ends it. */
int patchctl_store_anchors(struct patchctl_store *s, struct span target, uint64_t limit,
			   bool (*each)(const struct anchor *a, void *owner), void *owner) MUST_USE;

enum acceptance {
	ACCEPTED,
	ACCEPT_KNOWN,     /* of that key, or of that target and bad revision; *r is it */
	ACCEPT_KEY_TAKEN, /* by a rollback of something else */
	ACCEPT_NO_ANCHOR, /* of that target */
	ACCEPT_COOLDOWN,
	ACCEPT_QUOTA
};

/* r: id, target, by, bad, anchor, reason, deadline and time of acceptance. */
int patchctl_store_accept(struct patchctl_store *s, const struct config_patchctl *limits,
			  struct span key, struct rollback *r, enum acceptance *out) MUST_USE;

/* Writes what has changed of a rollback that was in that phase. */
int patchctl_store_move(struct patchctl_store *s, const struct rollback *r,
			enum rollback_phase from) MUST_USE;

enum abortion { ABORTED, ABORT_KNOWN, /* it was before */ ABORT_LATE, ABORT_UNKNOWN };

/* Ends a rollback that has not acted. The caller knows that its driver has had no effect. *r is
 * what it is now, but for ABORT_UNKNOWN. */
int patchctl_store_abort(struct patchctl_store *s, struct span id, const char *says,
			 uint64_t now_ms, struct rollback *r, enum abortion *out) MUST_USE;

int patchctl_store_find(struct patchctl_store *s, struct span id,
			struct rollback *out) MUST_USE; /* 1, 0, -errno */

/* open: those that are not at their end, oldest first; else all, newest first. */
int patchctl_store_rollbacks(struct patchctl_store *s, bool open, uint64_t limit,
			     bool (*each)(const struct rollback *r, void *owner),
			     void *owner) MUST_USE;

/* -EEXIST: it is known. Those that are too old to matter are forgotten. */
int patchctl_store_nonce(struct patchctl_store *s, struct span name, struct span nonce,
			 uint64_t now_ms) MUST_USE;

/* What a quorum, or a person, has said of a change. The worst that was ever said stays. */
enum statement_verdict { STATEMENT_PASS, STATEMENT_AUDIT, STATEMENT_FAIL, STATEMENT_VERDICTS };

extern const char *const statement_verdict_names[STATEMENT_VERDICTS];

#define STATEMENTS_MAX 100 /* of one change, but for those that make it worse */

struct statement {
	char change[DRIVER_REVISION];
	enum statement_verdict verdict;
	char target[PATCHCTL_NAME]; /* "": not said, like the rest of them */
	char revision[DRIVER_REVISION];
	int64_t votes, needed; /* -1: not said */
	int64_t diff_e6;       /* millionths of a percent; -1: not said */
	char reason[ROLLBACK_TEXT];
	char by[PATCHCTL_NAME];
	uint64_t time_ms;
};

/* *known: it was said before, and *st is what was written down then. -E2BIG: too much was said of
 * this change. */
int patchctl_store_say(struct patchctl_store *s, struct statement *st, bool *known) MUST_USE;

/* All of one change, the oldest first; *worst is set when there is one. 1, 0: none, -errno. */
int patchctl_store_said(struct patchctl_store *s, struct span change, enum statement_verdict *worst,
			bool (*each)(const struct statement *st, void *owner),
			void *owner) MUST_USE;

/* Takes away rollbacks that had ended, and changes of which the last was said, before that time;
 * some at a time. How many rows went, or -errno. What is open stays, and so do anchors. */
int patchctl_store_forget(struct patchctl_store *s, uint64_t before_ms) MUST_USE;

int patchctl_store_probe(struct patchctl_store *s) MUST_USE; /* writes: 0, or why it cannot */

#endif

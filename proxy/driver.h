/*
 * Drivers: each can restore an anchor of one sort of target. It plans (a dry run that says exactly
 * what it would do), acts, and verifies: reads the restored state back from where it counts and
 * compares it with the anchor. Only a verified restore is a success.
 *
 * Every call blocks, may be repeated, and goes on from what an earlier one of the same job has
 * done: a job that was interrupted between act and verify is simply run again.
 */
#ifndef PROXY_DRIVER_H
#define PROXY_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/buf.h"

enum driver_outcome {
	DRIVER_DONE,
	DRIVER_AGAIN, /* it may work later: a network, a lock, a race that was lost */
	DRIVER_FAILED /* it will not */
};

extern const char *const driver_outcome_names[];

struct driver_git {               /* a branch of a repository */
	const char *remote;       /* URL or path, as git takes it */
	const char *branch;       /* without refs/heads/ */
	const char *name, *email; /* of the committer */
};

struct driver_target {
	const char *name; /* letters, digits, dots and dashes: it names files */
	const struct driver *driver;
	struct driver_git git;
};

enum { DRIVER_REVISION = 128 }; /* bytes of a revision, with its NUL */

struct driver_job {
	const char *id; /* of the rollback: 26 letters and digits */
	const struct driver_target *target;
	const char *anchor;       /* what is restored; for git a commit */
	const char *bad;          /* what is taken back; for git a commit after it */
	const char *reason;       /* one line, for the history */
	const char *folder;       /* the driver's own, for what it keeps between calls */
	uint64_t deadline_ms;     /* CLOCK_MONOTONIC */
	const _Atomic bool *stop; /* may be NULL */
};

/* says: lines for people, appended; never credentials. revision: what act made. */
struct driver {
	const char *name;
	/* Whether a text names one revision, always the same one, and in one way only. */
	bool (*is_revision)(const char *text);
	/* Before any other call of a process: clears what a killed one left behind. */
	void (*recover)(const struct driver_target *target, const char *folder);
	/* DONE: the anchor can be what stood before the bad revision; FAILED: it cannot. */
	enum driver_outcome (*precedes)(const struct driver_job *job, struct buf *says);
	enum driver_outcome (*plan)(const struct driver_job *job, struct buf *says);
	enum driver_outcome (*act)(const struct driver_job *job, char revision[DRIVER_REVISION],
				   struct buf *says);
	enum driver_outcome (*verify)(const struct driver_job *job, const char *revision,
				      struct buf *says);
};

extern const struct driver driver_git;

const struct driver *driver_find(const char *name); /* NULL: there is none */

#endif

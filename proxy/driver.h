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
#include "proxy/auth.h"

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

/* Programs with their arguments, each ended by NULL. */
struct driver_command {
	const char *const *plan, *const *act, *const *verify;
	const char *const *precedes; /* NULL: any anchor does */
};

struct driver_webhook {
	const char *url;
	const char *ca;         /* a file of authorities; NULL: the system's */
	struct auth_token sign; /* what its requests are signed with */
};

struct driver_cluster {                            /* of kubernetes */
	const char *what;                          /* KIND/NAME of a workload; for helm a release */
	const char *space, *context, *credentials; /* NULL: the tool's own */
};

struct driver_target {
	const char *name; /* letters, digits, dots and dashes: it names files */
	const struct driver *driver;
	struct driver_git git; /* what its driver needs of these */
	struct driver_command command;
	struct driver_webhook webhook;
	struct driver_cluster cluster;
};

enum { DRIVER_REVISION = 128 }; /* bytes of a revision, with its NUL */

/* What cannot be undone, and an abort: the one that comes first has it. */
enum driver_gate { DRIVER_MAY_BEGIN, DRIVER_HAS_BEGUN, DRIVER_MAY_NOT };

struct driver_job {
	const char *id; /* of the rollback: 26 letters and digits */
	const struct driver_target *target;
	const char *anchor;       /* what is restored; for git a commit */
	const char *bad;          /* what is taken back; for git a commit after it */
	const char *reason;       /* one line, for the history */
	const char *folder;       /* the driver's own, for what it keeps between calls */
	uint64_t deadline_ms;     /* CLOCK_MONOTONIC */
	const _Atomic bool *stop; /* may be NULL */
	_Atomic int *gate;        /* an enum driver_gate; may be NULL */
};

/* says: lines for people, appended; never credentials. revision: what act made; "": nothing,
 * it was restored. */
struct driver {
	const char *name;
	/* Whether a text names one revision, always the same one, and in one way only. */
	bool (*is_revision)(const char *text);
	/* Before any other call of a process: clears what a killed one left behind. Or NULL. */
	void (*recover)(const struct driver_target *target, const char *folder);
	/* FAILED: no anchor helps, the bad revision cannot be taken back. It may be anybody's
	 * invention, and there are many anchors. Or NULL. */
	enum driver_outcome (*knows)(const struct driver_job *job, struct buf *says);
	/* DONE: the anchor can be what stood before the bad revision; FAILED: it cannot. */
	enum driver_outcome (*precedes)(const struct driver_job *job, struct buf *says);
	enum driver_outcome (*plan)(const struct driver_job *job, struct buf *says);
	enum driver_outcome (*act)(const struct driver_job *job, char revision[DRIVER_REVISION],
				   struct buf *says);
	enum driver_outcome (*verify)(const struct driver_job *job, const char *revision,
				      struct buf *says);
};

/* What many a system calls a revision: letters, digits and . _ - : / @ + in one word. */
bool driver_is_word(const char *text);

extern const struct driver driver_command, driver_git, driver_helm, driver_kubernetes,
	driver_webhook;

/* Asked by act before the first thing that cannot be undone. False: it was aborted; act returns
 * AGAIN. */
bool driver_passes(const struct driver_job *job, struct buf *says);

const struct driver *driver_find(const char *name); /* NULL: there is none */

#endif

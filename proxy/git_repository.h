/*
 * The git driver's local copy of a remote, and git itself, which works in it without a work tree.
 */
#ifndef PROXY_GIT_REPOSITORY_H
#define PROXY_GIT_REPOSITORY_H

#include "lib/process.h"
#include "proxy/driver.h"

#define GIT_TIP "refs/redcard/tip" /* the branch, as it was fetched last */
#define GIT_SHA 65                 /* bytes of a name of a commit, with its NUL */

struct repository {
	const struct driver_job *job;
	struct buf *says;
	char folder[512];
	char index[600]; /* "GIT_INDEX_FILE=..." */
	char dir[600];   /* "GIT_DIR=..." */
	struct process_result last;
};

void repository_open(struct repository *r, const struct driver_job *job, struct buf *says);
void repository_close(struct repository *r);
enum driver_outcome repository_fetch(struct repository *r);

/* True: git ended with 0, and all that it said is in r->last. */
bool repository_run(struct repository *r, struct span in, const char *const *args);
#define GIT(r, ...) \
	repository_run(r, (struct span){ 0 }, (const char *const[]){ __VA_ARGS__, NULL })

bool repository_sha(struct repository *r, char sha[GIT_SHA]); /* that git has just printed */
bool repository_commit(struct repository *r, const char *name, char sha[GIT_SHA]);
bool repository_is_ancestor(struct repository *r, const char *a, const char *b);

void repository_say(struct repository *r, const char *text, const char *what); /* what: or NULL */
/* False: git was ended before it could, which is then said. After what may be no answer of git's. */
bool repository_answered(struct repository *r);
void repository_say_error(struct repository *r, const char *doing);
/* After a failure: FAILED when git said no, AGAIN when it had no time. */
enum driver_outcome repository_give_up(const struct repository *r);

#endif

/*
 * The git driver: takes one commit back on a branch of a remote repository, by a new commit on top
 * of it.
 *
 * The new commit's tree is the branch's tree in which every path that the bad commit touched is as
 * the anchor has it. It is put together in an index of its own, without a work tree, and only where
 * that is what reverting means: where no later commit has changed one of those paths. So there is
 * nothing to merge, and the result can be read back and compared path by path.
 *
 * A push that loses a race is made anew on what is there then. The commit says in its message
 * which rollback it belongs to, so that a job that was interrupted finds what it has done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"
#include "proxy/driver.h"
#include "proxy/git_folder.h"
#include "proxy/git_paths.h"
#include "proxy/git_repository.h"

enum { PUSHES_MAX = 50 };

#define TRAILER "Redcard-Rollback: "

/* What there is to do. */
struct work {
	char tip[GIT_SHA], bad[GIT_SHA], anchor[GIT_SHA], parent[GIT_SHA];
	char done[GIT_SHA];       /* the commit that has done it already; "": none */
	struct git_paths touched; /* by the bad commit: as they are in it, */
	struct git_paths goal;    /* and as the anchor has them, where that differs from the tip */
};

enum { SHOWN = 300 };

/* A name on one line: whoever commits chooses it, and must not write lines of ours. */
static const char *shown(const char *name, char room[SHOWN])
{
	snprintf(room, SHOWN, "%s", name);
	for (char *p = room; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return room;
}

/* --- what there is to do --- */

static bool read_diff(struct repository *r, const char *from, const char *to, struct git_paths *out)
{
	return GIT(r, "diff-tree", "-r", "-z", "--no-renames", "--no-commit-id", from, to) &&
	       git_paths_read(out, (struct span){ r->last.out.p, r->last.out.n });
}

static bool find_done(struct repository *r, struct work *w)
{
	char grep[80], range[2 * GIT_SHA + 4];
	snprintf(grep, sizeof(grep), "--grep=^" TRAILER "%s$", r->job->id);
	snprintf(range, sizeof(range), "%s..%s", w->bad, w->tip);
	if (!GIT(r, "log", "--format=%H", "-n1", grep, range))
		return false;
	if (!repository_sha(r, w->done))
		w->done[0] = '\0';
	return true;
}

static bool bad_is_right(struct repository *r, struct work *w)
{
	const struct driver_git *g = &r->job->target->git;
	char parent[GIT_SHA + 4];
	if (!repository_commit(r, GIT_TIP, w->tip) || !repository_commit(r, r->job->bad, w->bad) ||
	    !repository_is_ancestor(r, w->bad, w->tip)) {
		if (repository_answered(r))
			buf_printf(r->says,
				   "%.128s is no commit of the branch %s; name one that is\n",
				   r->job->bad, g->branch);
		return false;
	}
	snprintf(parent, sizeof(parent), "%s^1", w->bad);
	if (!repository_commit(r, parent, w->parent)) {
		if (repository_answered(r))
			repository_say(r, "the first commit of a repository cannot be taken back: ",
				       w->bad);
		return false;
	}
	return true;
}

static bool names_are_right(struct repository *r, struct work *w)
{
	if (!bad_is_right(r, w))
		return false;
	if (!repository_commit(r, r->job->anchor, w->anchor) ||
	    !repository_is_ancestor(r, w->anchor, w->bad) || strcmp(w->anchor, w->bad) == 0) {
		if (repository_answered(r))
			buf_printf(
				r->says,
				"the anchor %.128s is no commit before %.12s; name one that is\n",
				r->job->anchor, w->bad);
		return false;
	}
	return true;
}

/* Names the paths that later commits have changed. */
static bool touched_later(struct repository *r, const struct work *w, const struct git_paths *since,
			  const struct git_paths *to_anchor)
{
	bool any = false;
	for (size_t i = 0; i < w->touched.n; i++) {
		const struct git_path *now = git_paths_find(since, w->touched.v[i].name);
		if (!now || git_path_same(now, git_paths_find(to_anchor, w->touched.v[i].name)))
			continue;
		char range[2 * GIT_SHA + 4];
		snprintf(range, sizeof(range), "%s..%s", w->bad, w->tip);
		char by[GIT_SHA] = "a later commit", name[SHOWN];
		if (GIT(r, "log", "--format=%H", "-n1", range, "--", now->name))
			(void)repository_sha(r, by);
		buf_printf(r->says, "%s was changed later by %.12s; restore it by hand\n",
			   shown(now->name, name), by);
		any = true;
	}
	return any;
}

/* The touched paths as the anchor has them, but for those that are so already. */
static bool find_goal(struct work *w, const struct git_paths *since,
		      const struct git_paths *to_anchor)
{
	for (size_t i = 0; i < w->touched.n; i++) {
		const char *name = w->touched.v[i].name;
		const struct git_path *anchor = git_paths_find(to_anchor, name);
		const struct git_path *now = git_paths_find(since, name);
		if (!anchor || (now && git_path_same(now, anchor)))
			continue;
		if (!git_paths_add(&w->goal, anchor))
			return false;
	}
	return true;
}

static enum driver_outcome look(struct repository *r, struct work *w)
{
	struct git_paths since = { 0 }, to_anchor = { 0 };
	enum driver_outcome outcome = DRIVER_FAILED;
	if (!names_are_right(r, w) || !find_done(r, w))
		return r->last.end == PROCESS_EXITED ? DRIVER_FAILED : DRIVER_AGAIN;
	if (!read_diff(r, w->parent, w->bad, &w->touched) ||
	    !read_diff(r, w->bad, w->tip, &since) || !read_diff(r, w->bad, w->anchor, &to_anchor))
		repository_say_error(r, "the commits cannot be compared");
	else if (w->done[0] ||
		 (!touched_later(r, w, &since, &to_anchor) && find_goal(w, &since, &to_anchor)))
		outcome = DRIVER_DONE;
	git_paths_fini(&since);
	git_paths_fini(&to_anchor);
	return outcome;
}

static void work_fini(struct work *w)
{
	git_paths_fini(&w->touched);
	git_paths_fini(&w->goal);
	*w = (struct work){ 0 };
}

/* --- plan --- */

static enum driver_outcome plan(const struct driver_job *job, struct buf *says)
{
	struct repository r;
	struct work w = { 0 };
	char name[SHOWN];
	repository_open(&r, job, says);
	enum driver_outcome outcome = repository_fetch(&r);
	if (outcome == DRIVER_DONE)
		outcome = look(&r, &w);
	if (outcome == DRIVER_DONE && w.done[0])
		buf_printf(says, "nothing: %.12s has done it\n", w.done);
	else if (outcome == DRIVER_DONE && w.goal.n == 0)
		buf_printf(says, "nothing: %s at %.12s is as the anchor %.12s has it\n",
			   job->target->git.branch, w.tip, w.anchor);
	else if (outcome == DRIVER_DONE)
		buf_printf(says, "push a commit to %s, on %.12s, that takes %.12s back:\n",
			   job->target->git.branch, w.tip, w.bad);
	for (size_t i = 0; i < w.goal.n; i++)
		buf_printf(says, "  %s %s\n", git_path_gone(&w.goal.v[i]) ? "remove " : "restore",
			   shown(w.goal.v[i].name, name));
	work_fini(&w);
	repository_close(&r);
	return outcome;
}

/* --- act --- */

static bool build_commit(struct repository *r, const struct work *w, char commit[GIT_SHA])
{
	struct buf entries = { 0 }, message = { 0 };
	char tree[GIT_SHA];
	git_paths_index(&w->goal, &entries);
	buf_printf(
		&message,
		"Take back %.12s: %.200s\n\nEvery path that it touched is as in %.12s again.\n\n" TRAILER
		"%s\n",
		w->bad, r->job->reason, w->anchor, r->job->id);
	bool ok =
		!entries.failed && !message.failed && GIT(r, "read-tree", w->tip) &&
		repository_run(
			r, (struct span){ entries.p, entries.n },
			(const char *const[]){ "update-index", "-z", "--index-info", NULL }) &&
		GIT(r, "write-tree") && repository_sha(r, tree) &&
		repository_run(r, (struct span){ message.p, message.n },
			       (const char *const[]){ "commit-tree", tree, "-p", w->tip, NULL }) &&
		repository_sha(r, commit);
	if (!ok)
		repository_say_error(r, "the commit cannot be made");
	buf_fini(&entries);
	buf_fini(&message);
	return ok;
}

enum push { PUSHED, PUSH_RACE, PUSH_REFUSED, PUSH_BROKEN };

static enum push push(struct repository *r, const char *commit)
{
	char refs[300 + GIT_SHA];
	const struct driver_git *g = &r->job->target->git;
	snprintf(refs, sizeof(refs), "%s:refs/heads/%s", commit, g->branch);
	if (GIT(r, "push", "--quiet", "--porcelain", "--no-verify", "--end-of-options", g->remote,
		refs))
		return PUSHED;
	buf_add(&r->last.out, "", 1);
	const char *out = r->last.out.p ? r->last.out.p : "";
	if (strstr(out, "[remote rejected]")) {
		/* A lock on the reference is a race as well. */
		const char *why = strstr(out, "[remote rejected]");
		if (strstr(why, "cannot lock ref") || strstr(why, "failed to update ref"))
			return PUSH_RACE;
		buf_printf(r->says, "the remote refuses the push: %.*s\n",
			   (int)min_size(strcspn(why, "\n"), 300), why);
		return PUSH_REFUSED;
	}
	if (strstr(out, "[rejected]"))
		return PUSH_RACE;
	repository_say_error(r, "the push failed");
	return PUSH_BROKEN;
}

static void pause_a_little(const struct driver_job *job, unsigned tries)
{
	/* Not in step with others that lost the same race. */
	uint64_t ms = 10 + (span_hash(span_of(job->id), tries) % (20u << (tries < 5 ? tries : 5)));
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
				    .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

/* True: *outcome is the end; false: the race was lost, once more. */
static bool try_once(struct repository *r, char revision[DRIVER_REVISION],
		     enum driver_outcome *outcome)
{
	struct work w = { 0 };
	char commit[GIT_SHA];
	bool end = true;
	*outcome = repository_fetch(r);
	if (*outcome == DRIVER_DONE)
		*outcome = look(r, &w);
	if (*outcome != DRIVER_DONE) {
		work_fini(&w);
		return true;
	}
	if (w.done[0] || w.goal.n == 0) { /* "": somebody else has restored it */
		snprintf(revision, DRIVER_REVISION, "%s", w.done);
	} else if (!build_commit(r, &w, commit)) {
		*outcome = repository_give_up(r);
	} else if (!driver_passes(r->job, r->says)) {
		*outcome = DRIVER_AGAIN;
	} else {
		enum push pushed = push(r, commit);
		end = pushed != PUSH_RACE;
		*outcome = pushed == PUSHED         ? DRIVER_DONE
			   : pushed == PUSH_REFUSED ? DRIVER_FAILED
						    : DRIVER_AGAIN;
		snprintf(revision, DRIVER_REVISION, "%s", commit);
	}
	work_fini(&w);
	return end;
}

static enum driver_outcome act(const struct driver_job *job, char revision[DRIVER_REVISION],
			       struct buf *says)
{
	struct repository r;
	enum driver_outcome outcome = DRIVER_AGAIN;
	revision[0] = '\0';
	repository_open(&r, job, says);
	for (unsigned tries = 0; tries < PUSHES_MAX && clock_ms() < job->deadline_ms &&
				 !(job->stop && atomic_load(job->stop));
	     tries++) {
		if (try_once(&r, revision, &outcome))
			break;
		pause_a_little(job, tries);
	}
	if (outcome != DRIVER_DONE)
		revision[0] = '\0';
	repository_close(&r);
	return outcome;
}

/* --- verify --- */

static bool differs_from_anchor(struct repository *r, const struct work *w)
{
	struct git_paths diff = { 0 };
	char name[SHOWN];
	bool differs = !read_diff(r, w->anchor, w->tip, &diff);
	for (size_t i = 0; i < w->touched.n && !differs; i++)
		if (git_paths_find(&diff, w->touched.v[i].name)) {
			repository_say(r, "on the remote this path is not as the anchor has it: ",
				       shown(w->touched.v[i].name, name));
			differs = true;
		}
	git_paths_fini(&diff);
	return differs;
}

static bool changed_more(struct repository *r, const struct work *w, const char *revision)
{
	struct git_paths diff = { 0 };
	char before[GIT_SHA + 4], name[SHOWN];
	snprintf(before, sizeof(before), "%s^1", revision);
	bool more = !read_diff(r, before, revision, &diff);
	for (size_t i = 0; i < diff.n && !more; i++)
		if (!git_paths_find(&w->touched, diff.v[i].name)) {
			repository_say(r, "the restoring commit also changed: ",
				       shown(diff.v[i].name, name));
			more = true;
		}
	git_paths_fini(&diff);
	return more;
}

static enum driver_outcome verify(const struct driver_job *job, const char *revision,
				  struct buf *says)
{
	struct repository r;
	struct work w = { 0 };
	char made[GIT_SHA];
	repository_open(&r, job, says);
	enum driver_outcome outcome = repository_fetch(&r);
	if (outcome == DRIVER_DONE && !names_are_right(&r, &w))
		outcome = DRIVER_FAILED;
	if (outcome == DRIVER_DONE && revision[0] &&
	    (!repository_commit(&r, revision, made) || !repository_is_ancestor(&r, made, w.tip))) {
		if (repository_answered(&r))
			repository_say(&r,
				       "the remote's branch does not have the restoring commit: ",
				       revision);
		outcome = DRIVER_FAILED;
	}
	if (outcome == DRIVER_DONE &&
	    (!read_diff(&r, w.parent, w.bad, &w.touched) || differs_from_anchor(&r, &w) ||
	     (revision[0] && changed_more(&r, &w, made))))
		outcome = DRIVER_FAILED;
	if (outcome == DRIVER_DONE)
		buf_printf(says, "verified: %zu paths of %s at %.12s are as in %.12s\n",
			   w.touched.n, job->target->git.branch, w.tip, w.anchor);
	if (outcome == DRIVER_FAILED)
		outcome = repository_give_up(&r);
	work_fini(&w);
	repository_close(&r);
	return outcome;
}

/* --- about names --- */

static enum driver_outcome ask_names(const struct driver_job *job, struct buf *says,
				     bool (*right)(struct repository *r, struct work *w))
{
	struct repository r;
	struct work w = { 0 };
	repository_open(&r, job, says);
	enum driver_outcome outcome = repository_fetch(&r);
	if (outcome == DRIVER_DONE && !right(&r, &w))
		outcome = repository_give_up(&r);
	repository_close(&r);
	return outcome;
}

static enum driver_outcome knows(const struct driver_job *job, struct buf *says)
{
	return ask_names(job, says, bad_is_right);
}

static enum driver_outcome precedes(const struct driver_job *job, struct buf *says)
{
	return ask_names(job, says, names_are_right);
}

static void recover(const struct driver_target *target, const char *folder)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.git", folder, target->name);
	git_folder_clear(path);
}

const struct driver driver_git = { .name = "git",
				   .is_revision = git_is_revision,
				   .recover = recover,
				   .knows = knows,
				   .precedes = precedes,
				   .plan = plan,
				   .act = act,
				   .verify = verify };

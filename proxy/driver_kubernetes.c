/*
 * The kubernetes driver: restores a revision of a Deployment, StatefulSet or DaemonSet.
 *
 * Revisions are numbers of the rollout history. It restores only where the bad revision is the
 * current one: an older revision over a newer one that somebody has made since would take that
 * back too. What is compared are pod templates, since a restored revision has a new number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/driver_tool.h"
#include "proxy/kube_history.h"

enum { LOOKS_MAX = 50, LOOK_MS = 200, SAYS_MAX = 1500 };

#define REQUEST_TIMEOUT "--request-timeout=20s"

/* Errors of kubectl that do not go away by waiting. */
static const char *const for_good[] = { "(NotFound)",
					"(Forbidden)",
					"(Unauthorized)",
					"(Invalid)",
					"(BadRequest)",
					"(MethodNotAllowed)",
					"unknown flag",
					"unknown command",
					"does not exist",
					"cannot rollback a paused",
					"unable to find specified revision",
					"invalid configuration",
					"Error in configuration",
					NULL };

struct work {
	struct tool t;
	struct kube_history k;
	const struct kube_revision *anchor, *bad;
	bool done; /* the workload is as the anchor has it */
};

static void open_work(struct work *w, const struct driver_job *job, struct buf *says)
{
	*w = (struct work){
		.t = { .job = job, .says = says, .program = "kubectl", .context = "--context" }
	};
}

static void close_work(struct work *w)
{
	tool_fini(&w->t);
	kube_fini(&w->k);
}

static bool is_deployment(const struct work *w)
{
	return strncmp(w->t.job->target->cluster.what, "deployment/", 11) == 0;
}

static enum driver_outcome strange(struct work *w, int error)
{
	buf_printf(w->t.says, "kubectl's answer cannot be read: %s\n", strerror(-error));
	return error == -ENOMEM ? DRIVER_AGAIN : DRIVER_FAILED;
}

/* --- what there is --- */

static enum driver_outcome read_all(struct work *w)
{
	char selector[2048];
	const char *what = w->t.job->target->cluster.what;
	const char *kind = is_deployment(w) ? "replicasets" : "controllerrevisions";
	kube_fini(&w->k);
	w->anchor = w->bad = NULL;
	w->done = false;
	if (!TOOL(&w->t, REQUEST_TIMEOUT, "get", what, "--output=json"))
		return tool_give_up(&w->t, "the workload cannot be read", for_good);
	int error = kube_read(&w->k, tool_said(&w->t));
	if (error)
		return strange(w, error);
	bool narrow = kube_selector(&w->k, selector, sizeof(selector));
	if (!(narrow ? TOOL(&w->t, REQUEST_TIMEOUT, "get", kind, "--output=json", "--selector",
			    selector)
		     : TOOL(&w->t, REQUEST_TIMEOUT, "get", kind, "--output=json")))
		return tool_give_up(&w->t, "its history cannot be read", for_good);
	error = kube_read_list(&w->k, tool_said(&w->t));
	if (error)
		return strange(w, error);
	if (!is_deployment(w))
		snprintf(w->k.seen, sizeof(w->k.seen), "%s/%s.revisions", w->t.job->folder,
			 w->t.job->target->name);
	kube_remember(&w->k);
	w->anchor = kube_find(&w->k, w->t.job->anchor);
	w->bad = kube_find(&w->k, w->t.job->bad);
	if (w->anchor)
		return DRIVER_DONE;
	buf_printf(w->t.says, "revision %s is not in the history of %s any more\n",
		   w->t.job->anchor, what);
	return DRIVER_FAILED;
}

static uint64_t current_number(const struct work *w)
{
	uint64_t n = 0;
	for (size_t i = 0; i < w->k.n; i++)
		if (w->k.v[i].number > n && kube_same(w->k.v[i].template, w->k.template))
			n = w->k.v[i].number;
	return n;
}

/* Whether the anchor may be restored now, or is. */
static enum driver_outcome look(struct work *w)
{
	enum driver_outcome outcome = read_all(w);
	const char *what = w->t.job->target->cluster.what;
	if (outcome != DRIVER_DONE)
		return outcome;
	if (!kube_observed(&w->k)) {
		buf_printf(w->t.says, "the controller has not seen the last change of %s yet\n",
			   what);
		return DRIVER_AGAIN;
	}
	w->done = kube_same(w->anchor->template, w->k.template);
	if (w->done && w->bad && kube_same(w->anchor->template, w->bad->template)) {
		buf_printf(w->t.says, "the anchor %s and the bad revision %s have one template\n",
			   w->t.job->anchor, w->t.job->bad);
		return DRIVER_FAILED;
	}
	if (w->done || (w->bad && kube_same(w->bad->template, w->k.template)))
		return DRIVER_DONE;
	buf_printf(
		w->t.says,
		"the current revision of %s is %llu and not the bad one, %s: somebody has changed "
		"it since; look, and restore it by hand\n",
		what, (unsigned long long)current_number(w), w->t.job->bad);
	return DRIVER_FAILED;
}

/* --- steps --- */

static enum driver_outcome precedes(const struct driver_job *job, struct buf *says)
{
	struct work w;
	open_work(&w, job, says);
	enum driver_outcome outcome = read_all(&w);
	if (outcome == DRIVER_DONE &&
	    (strtoull(job->anchor, NULL, 10) >= strtoull(job->bad, NULL, 10) ||
	     (w.bad && kube_same(w.anchor->template, w.bad->template)))) {
		buf_printf(says, "revision %s is not what stood before %s\n", job->anchor,
			   job->bad);
		outcome = DRIVER_FAILED;
	}
	close_work(&w);
	return outcome;
}

static bool undo(struct work *w, bool only_try)
{
	char to[40];
	snprintf(to, sizeof(to), "--to-revision=%llu", (unsigned long long)w->anchor->number);
	return TOOL(&w->t, REQUEST_TIMEOUT, "rollout", "undo", w->t.job->target->cluster.what, to,
		    only_try ? "--dry-run=server" : "--dry-run=none");
}

/* The template that would be restored, in kubectl's words. */
static void show_revision(struct work *w)
{
	char revision[40];
	snprintf(revision, sizeof(revision), "--revision=%llu",
		 (unsigned long long)w->anchor->number);
	if (!TOOL(&w->t, REQUEST_TIMEOUT, "rollout", "history", w->t.job->target->cluster.what,
		  revision))
		return;
	struct span said = tool_said(&w->t);
	buf_add(w->t.says, said.p, min_size(said.n, SAYS_MAX));
}

static enum driver_outcome plan(const struct driver_job *job, struct buf *says)
{
	struct work w;
	open_work(&w, job, says);
	enum driver_outcome outcome = look(&w);
	if (outcome == DRIVER_DONE && w.done) {
		buf_printf(says, "nothing: %s is as its revision %s has it\n",
			   job->target->cluster.what, job->anchor);
	} else if (outcome == DRIVER_DONE) {
		buf_printf(says, "kubectl rollout undo %s --to-revision=%llu, which is %.*s:\n",
			   job->target->cluster.what, (unsigned long long)w.anchor->number,
			   (int)w.anchor->name.n, w.anchor->name.p);
		if (undo(&w, true))
			show_revision(&w);
		else
			outcome = tool_give_up(&w.t, "the cluster would not do it", for_good);
	}
	close_work(&w);
	return outcome;
}

static enum driver_outcome act(const struct driver_job *job, char revision[DRIVER_REVISION],
			       struct buf *says)
{
	struct work w;
	bool undone = false;
	enum driver_outcome outcome;
	revision[0] = '\0';
	open_work(&w, job, says);
	for (unsigned looks = 0; looks < LOOKS_MAX; looks++) {
		buf_clear(says);
		outcome = look(&w);
		if (outcome == DRIVER_DONE && w.done)
			break;
		if (outcome == DRIVER_DONE && !undone && !driver_passes(job, says)) {
			outcome = DRIVER_AGAIN;
			break;
		}
		if (outcome == DRIVER_DONE && !undone && !undo(&w, false)) {
			outcome = tool_give_up(&w.t, "it cannot be undone", for_good);
			break;
		}
		undone = undone || outcome == DRIVER_DONE;
		if (outcome == DRIVER_DONE)
			outcome = DRIVER_AGAIN;
		/* The controller takes its time. */
		if (outcome == DRIVER_FAILED || !undone || !tool_waits(&w.t, LOOK_MS))
			break;
	}
	if (outcome == DRIVER_DONE)
		snprintf(revision, DRIVER_REVISION, "%llu", (unsigned long long)w.anchor->number);
	close_work(&w);
	return outcome;
}

static enum driver_outcome verify(const struct driver_job *job, const char *revision,
				  struct buf *says)
{
	struct work w;
	open_work(&w, job, says);
	enum driver_outcome outcome = look(&w);
	if (outcome == DRIVER_DONE && !w.done) {
		buf_printf(says, "%s has the template of the bad revision again\n",
			   job->target->cluster.what);
		outcome = DRIVER_FAILED;
	} else if (outcome == DRIVER_DONE && !kube_rolled_out(&w.k, says)) {
		outcome = DRIVER_AGAIN;
	} else if (outcome == DRIVER_DONE) {
		buf_printf(says, "verified: %s at revision %s has the template of %s, rolled out\n",
			   job->target->cluster.what, revision, job->anchor);
	}
	close_work(&w);
	return outcome;
}

const struct driver driver_kubernetes = { .name = "kubernetes",
					  .is_revision = tool_is_number,
					  .precedes = precedes,
					  .plan = plan,
					  .act = act,
					  .verify = verify };

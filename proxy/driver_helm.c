/*
 * The helm driver: restores a revision of a release. A rollback of helm is a new revision with the
 * manifest of an old one; so manifests are compared. As with kubernetes it restores only where the
 * bad revision is the current one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "proxy/driver_tool.h"

#define LEAST_WAIT_MS 2000

/* Errors of helm that do not go away by waiting. */
static const char *const for_good[] = { "not found",       "has no ",         "unknown flag",
					"unknown command", "is forbidden",    "Unauthorized",
					"does not exist",  "no revision for", NULL };

struct work {
	struct tool t;
	struct json *status;
	uint64_t current;
	struct span state; /* of the current revision: deployed, failed, pending-... */
	bool done;         /* it has the anchor's manifest and is deployed */
};

static void open_work(struct work *w, const struct driver_job *job, struct buf *says)
{
	*w = (struct work){
		.t = { .job = job, .says = says, .program = "helm", .context = "--kube-context" }
	};
}

static void close_work(struct work *w)
{
	tool_fini(&w->t);
	json_free(w->status);
	w->status = NULL;
}

static const char *release(const struct work *w)
{
	return w->t.job->target->cluster.what;
}

static enum driver_outcome strange(struct work *w)
{
	buf_printf(w->t.says, "helm's answer cannot be read\n");
	return DRIVER_FAILED;
}

/* --- what there is --- */

static bool in_history(const struct json_value *all, const char *revision)
{
	for (size_t i = 0; i < json_count(all); i++)
		if (json_number(json_get(json_at(all, i), "revision")) == strtod(revision, NULL))
			return true;
	return false;
}

static enum driver_outcome find_anchor(struct work *w)
{
	struct json *all = NULL;
	enum driver_outcome outcome = DRIVER_DONE;
	if (!TOOL(&w->t, "history", release(w), "--max=256", "--output=json"))
		return tool_give_up(&w->t, "the history cannot be read", for_good);
	if (json_parse(tool_said(&w->t), &all) != 0 || json_type(json_root(all)) != JSON_IS_LIST) {
		outcome = strange(w);
	} else if (!in_history(json_root(all), w->t.job->anchor)) {
		buf_printf(w->t.says, "revision %s is not in the history of %s any more\n",
			   w->t.job->anchor, release(w));
		outcome = DRIVER_FAILED;
	}
	json_free(all);
	return outcome;
}

static enum driver_outcome read_status(struct work *w)
{
	json_free(w->status);
	w->status = NULL;
	if (!TOOL(&w->t, "status", release(w), "--output=json"))
		return tool_give_up(&w->t, "the release cannot be read", for_good);
	if (json_parse(tool_said(&w->t), &w->status) != 0)
		return strange(w);
	const struct json_value *root = json_root(w->status);
	double version = json_number(json_get(root, "version"));
	w->state = json_string(json_get(json_get(root, "info"), "status"));
	if (!(version >= 1 && version < 1e10) || !w->state.n)
		return strange(w);
	w->current = (uint64_t)version;
	return DRIVER_DONE;
}

static enum driver_outcome read_manifest(struct work *w, const char *revision, struct buf *out)
{
	if (!TOOL(&w->t, "get", "manifest", release(w), "--revision", revision))
		return tool_give_up(&w->t, "a manifest cannot be read", for_good);
	struct span said = tool_said(&w->t);
	buf_add(out, said.p, said.n);
	return out->failed ? DRIVER_AGAIN : DRIVER_DONE;
}

static enum driver_outcome same_manifest(struct work *w, const char *other, bool *same)
{
	struct buf one = { 0 }, two = { 0 };
	enum driver_outcome outcome = read_manifest(w, w->t.job->anchor, &one);
	if (outcome == DRIVER_DONE)
		outcome = read_manifest(w, other, &two);
	*same = outcome == DRIVER_DONE && one.n == two.n &&
		(one.n == 0 || memcmp(one.p, two.p, one.n) == 0);
	buf_fini(&one);
	buf_fini(&two);
	return outcome;
}

/* Whether the anchor may be restored now, or is. */
static enum driver_outcome look(struct work *w)
{
	char current[24];
	bool same = false;
	enum driver_outcome outcome = find_anchor(w);
	if (outcome == DRIVER_DONE)
		outcome = read_status(w);
	if (outcome != DRIVER_DONE)
		return outcome;
	snprintf(current, sizeof(current), "%llu", (unsigned long long)w->current);
	outcome = same_manifest(w, current, &same);
	if (outcome != DRIVER_DONE)
		return outcome;
	bool bad = strcmp(current, w->t.job->bad) == 0;
	w->done = same && span_eq(w->state, SPAN("deployed"));
	if (bad && same) {
		buf_printf(w->t.says, "the anchor %s and the bad revision %s have one manifest\n",
			   w->t.job->anchor, w->t.job->bad);
		return DRIVER_FAILED;
	}
	if (bad || same) /* same, but not deployed: an earlier try was interrupted */
		return DRIVER_DONE;
	buf_printf(
		w->t.says,
		"the current revision of %s is %s and not the bad one, %s: somebody has changed it "
		"since; look, and restore it by hand\n",
		release(w), current, w->t.job->bad);
	return DRIVER_FAILED;
}

/* --- steps --- */

static enum driver_outcome precedes(const struct driver_job *job, struct buf *says)
{
	struct work w;
	bool same = false;
	open_work(&w, job, says);
	enum driver_outcome outcome = find_anchor(&w);
	if (outcome == DRIVER_DONE &&
	    strtoull(job->anchor, NULL, 10) < strtoull(job->bad, NULL, 10))
		outcome = same_manifest(&w, job->bad, &same);
	else if (outcome == DRIVER_DONE)
		outcome = DRIVER_FAILED;
	if (outcome == DRIVER_DONE && same)
		outcome = DRIVER_FAILED;
	close_work(&w);
	return outcome;
}

static enum driver_outcome plan(const struct driver_job *job, struct buf *says)
{
	struct work w;
	open_work(&w, job, says);
	enum driver_outcome outcome = look(&w);
	if (outcome == DRIVER_DONE && w.done) {
		buf_printf(says, "nothing: %s has the manifest of its revision %s\n", release(&w),
			   job->anchor);
	} else if (outcome == DRIVER_DONE) {
		buf_printf(says, "helm rollback %s %s, over its revision %llu\n", release(&w),
			   job->anchor, (unsigned long long)w.current);
		if (!TOOL(&w.t, "rollback", release(&w), job->anchor, "--dry-run"))
			outcome = tool_give_up(&w.t, "helm would not do it", for_good);
	}
	close_work(&w);
	return outcome;
}

/* Waits until what it restored is ready, but not past the deadline: helm that is killed leaves the
 * release pending. */
static enum driver_outcome roll_back(struct work *w)
{
	char timeout[40];
	uint64_t now = clock_ms(), until = w->t.job->deadline_ms;
	if (now + 2 * LEAST_WAIT_MS > until) {
		buf_add_text(w->t.says, "there is too little time left\n");
		return DRIVER_AGAIN;
	}
	snprintf(timeout, sizeof(timeout), "--timeout=%llums",
		 (unsigned long long)(until - now - LEAST_WAIT_MS));
	if (!driver_passes(w->t.job, w->t.says))
		return DRIVER_AGAIN;
	if (!TOOL(&w->t, "rollback", release(w), w->t.job->anchor, "--wait", timeout))
		return tool_give_up(&w->t, "it cannot be rolled back", for_good);
	return DRIVER_DONE;
}

static enum driver_outcome act(const struct driver_job *job, char revision[DRIVER_REVISION],
			       struct buf *says)
{
	struct work w;
	revision[0] = '\0';
	open_work(&w, job, says);
	enum driver_outcome outcome = look(&w);
	if (outcome == DRIVER_DONE && !w.done) {
		outcome = roll_back(&w);
		if (outcome == DRIVER_DONE)
			outcome = read_status(&w);
	}
	if (outcome == DRIVER_DONE)
		snprintf(revision, DRIVER_REVISION, "%llu", (unsigned long long)w.current);
	close_work(&w);
	return outcome;
}

static enum driver_outcome verify(const struct driver_job *job, const char *revision,
				  struct buf *says)
{
	struct work w;
	open_work(&w, job, says);
	enum driver_outcome outcome = look(&w);
	if (outcome == DRIVER_DONE && w.done)
		buf_printf(says,
			   "verified: %s at revision %s is deployed with the manifest of %s\n",
			   release(&w), revision, job->anchor);
	else if (outcome == DRIVER_DONE && w.state.n > 8 && memcmp(w.state.p, "pending-", 8) == 0)
		outcome = DRIVER_AGAIN;
	else if (outcome == DRIVER_DONE) {
		buf_printf(says, "%s is not as its revision %s: revision %llu is %.*s\n",
			   release(&w), job->anchor, (unsigned long long)w.current, (int)w.state.n,
			   w.state.p);
		outcome = DRIVER_FAILED;
	}
	close_work(&w);
	return outcome;
}

const struct driver driver_helm = { .name = "helm",
				    .is_revision = tool_is_number,
				    .precedes = precedes,
				    .plan = plan,
				    .act = act,
				    .verify = verify };

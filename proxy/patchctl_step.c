/* What a job does at a time: one call of its driver, and what follows from it. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/patchctl_job.h"
#include "proxy/patchctl_metrics.h"

enum {
	ANCHORS_MAX = 50,     /* tried, the newest first */
	PAUSE_MS = 200,       /* the first pause is about that, */
	PAUSE_MOST_MS = 5000, /* and none is longer */
	CALL_LEAST_MS = 10000
};

/* --- time --- */

/* Grows by half each time's double, and is not in step with others. */
uint64_t job_pause_ms(unsigned fails)
{
	uint32_t dice = 0;
	uint64_t most = min_u64((uint64_t)PAUSE_MS << (fails < 10 ? fails : 10), PAUSE_MOST_MS);
	ssize_t got = getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	return most / 2 + (got == sizeof(dice) ? dice % (most / 2 + 1) : 0);
}

/* A remote that swallows everything must not have all of the time: each call may use up half of
 * what is left. */
static uint64_t call_deadline(const struct job *j)
{
	uint64_t now = clock_ms();
	uint64_t left = j->deadline_ms > now ? j->deadline_ms - now : 0;
	return min_u64(j->deadline_ms, now + max_u64(left / 2, CALL_LEAST_MS));
}

/* --- calls of a driver --- */

static struct driver_job call_of(const struct crew *c, struct job *j)
{
	return (struct driver_job){ .id = j->r.id,
				    .target = j->target,
				    .anchor = j->r.anchor,
				    .bad = j->r.bad,
				    .reason = j->r.reason,
				    .folder = c->folder,
				    .deadline_ms = call_deadline(j),
				    .stop = &c->stop,
				    .gate = &j->gate };
}

struct anchors {
	char v[ANCHORS_MAX][DRIVER_REVISION];
	size_t n;
	const char *bad;
};

static bool gather(const struct anchor *a, void *owner)
{
	struct anchors *all = owner;
	if (strcmp(a->revision, all->bad) != 0)
		memcpy(all->v[all->n++], a->revision, DRIVER_REVISION);
	return all->n < ANCHORS_MAX;
}

/* The newest anchor that can be what stood before. */
static enum driver_outcome choose(struct crew *c, struct job *j, struct buf *says)
{
	struct anchors all = { .bad = j->r.bad };
	if (j->r.anchor[0])
		return DRIVER_DONE;
	if (patchctl_store_anchors(c->store, span_of(j->r.target), UINT32_MAX, gather, &all) != 0)
		return DRIVER_AGAIN;
	const struct driver_job about = call_of(c, j);
	enum driver_outcome known =
		j->target->driver->knows ? j->target->driver->knows(&about, says) : DRIVER_DONE;
	if (known != DRIVER_DONE)
		return known;
	for (size_t i = 0; i < all.n; i++) {
		buf_clear(says);
		memcpy(j->r.anchor, all.v[i], DRIVER_REVISION);
		const struct driver_job call = call_of(c, j);
		enum driver_outcome outcome = j->target->driver->precedes(&call, says);
		if (outcome == DRIVER_DONE)
			return outcome;
		j->r.anchor[0] = '\0';
		if (outcome == DRIVER_AGAIN)
			return outcome;
	}
	buf_add_text(says, "no anchor of this target stands before the bad revision; register one, "
			   "or name it\n");
	return DRIVER_FAILED;
}

void job_plan(struct crew *c, struct job *j)
{
	struct buf says = { .max = ROLLBACK_SAYS };
	struct crew_plan result = { .outcome = choose(c, j, &says), .anchor = j->r.anchor };
	if (result.outcome == DRIVER_DONE) {
		const struct driver_job call = call_of(c, j);
		result.outcome = j->target->driver->plan(&call, &says);
	}
	result.says = (struct span){ says.p, says.n };
	j->planned(&result, j->owner);
	buf_fini(&says);
}

/* --- one step of a rollback --- */

static void keep_says(struct rollback *r, const struct buf *says)
{
	size_t n = min_size(says->n, sizeof(r->says) - 1);
	memcpy(r->says, says->n ? says->p : "", n);
	r->says[n] = '\0';
}

/* The next phase is written down before anything else is done. Where it cannot be, the step is
 * made again: a driver's call may be. */
static bool move(struct hand *h, struct job *j, enum rollback_phase to)
{
	struct rollback next = j->r;
	next.phase = to;
	if (to == ROLLBACK_ACTING)
		next.acting_ms = clock_real_ms();
	if (to == ROLLBACK_ACTED)
		next.acted_ms = clock_real_ms();
	if (rollback_ended(to))
		next.ended_ms = clock_real_ms();
	int error = patchctl_store_move(h->c->store, &next, j->r.phase);
	/* Nobody else moves it but an abort, which is its end and is counted there. */
	if (error == -ENOENT && patchctl_store_find(h->c->store, span_of(j->id), &next) == 1 &&
	    next.phase == ROLLBACK_ABORTED) {
		j->r = next;
		return true;
	}
	if (error) {
		metric_add(h->metrics, PATCHCTL_UNWRITTEN, 0, 1);
		log_message(LOG_ERROR, "rollback_unwritten",
			    "%s: the phase %s cannot be written: %s; it is tried again", j->r.id,
			    rollback_phase_names[to], strerror(-error));
		return false;
	}
	bool moved = to != j->r.phase;
	j->r = next;
	if (moved) {
		patchctl_count(h->metrics, &j->r);
		patchctl_log(&j->r);
	}
	return true;
}

static enum driver_outcome call(struct crew *c, struct job *j, struct buf *says)
{
	const struct driver *d = j->target->driver;
	if (j->r.phase == ROLLBACK_ACCEPTED)
		return choose(c, j, says);
	const struct driver_job what = call_of(c, j);
	if (j->r.phase == ROLLBACK_ACTING)
		return d->act(&what, j->r.revision, says);
	return d->verify(&what, j->r.revision, says);
}

bool job_step(struct hand *h, struct job *j)
{
	struct crew *c = h->c;
	struct buf says = { .max = ROLLBACK_SAYS };
	if (clock_ms() >= j->deadline_ms)
		return move(h, j, ROLLBACK_EXPIRED);
	if (!j->target)
		return false; /* it is not configured any more */
	j->r.tries++;
	enum driver_outcome outcome = call(c, j, &says);
	keep_says(&j->r, &says);
	buf_fini(&says);
	if (atomic_load(&c->stop) && outcome != DRIVER_DONE)
		return false; /* who knows why */
	switch (outcome) {
	case DRIVER_DONE: return move(h, j, (enum rollback_phase)(j->r.phase + 1));
	case DRIVER_FAILED: return move(h, j, ROLLBACK_FAILED);
	case DRIVER_AGAIN: break;
	}
	metric_add(h->metrics, PATCHCTL_AGAIN, 0, 1);
	log_message(LOG_WARNING, "rollback_again", "%s: %s: try %llu: %.300s", j->r.id,
		    rollback_phase_names[j->r.phase], (unsigned long long)j->r.tries, j->r.says);
	bool written = move(h, j, j->r.phase);
	(void)written; /* what it said can be lost */
	return false;
}

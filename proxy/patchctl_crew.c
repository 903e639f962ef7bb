#include "proxy/patchctl_crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/log.h"
#include "lib/process.h"
#include "proxy/patchctl_metrics.h"

enum {
	PLANS_MAX = 16,
	ANCHORS_MAX = 50,     /* tried, the newest first */
	PAUSE_MS = 200,       /* the first pause is about that, */
	PAUSE_MOST_MS = 5000, /* and none is longer */
	CALL_LEAST_MS = 10000
};

struct job {
	struct job *next;
	struct rollback r;
	const struct driver_target *target;
	uint64_t due_ms, deadline_ms; /* CLOCK_MONOTONIC, like everything here */
	unsigned fails;               /* in a row */
	bool running;
	void (*planned)(const struct crew_plan *plan, void *owner); /* NULL: a rollback */
	void *owner;
};

struct hand {
	struct crew *c;
	struct metrics_shard *metrics;
	pthread_t thread;
};

struct crew {
	const struct config_patchctl *config;
	struct patchctl_store *store;
	char *folder;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct job *jobs; /* in order of their arrival */
	size_t n_plans, n_rollbacks;
	struct hand *hands;
	size_t n_hands;
	struct metrics_shard *metrics; /* under the mutex */
	_Atomic bool stop;
};

/* --- time --- */

static uint64_t real_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Grows by half each time's double, and is not in step with others. */
static uint64_t pause_ms(unsigned fails)
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
	uint64_t now = process_now_ms();
	uint64_t left = j->deadline_ms > now ? j->deadline_ms - now : 0;
	return min_u64(j->deadline_ms, now + max_u64(left / 2, CALL_LEAST_MS));
}

/* --- calls of a driver --- */

static struct driver_job call_of(const struct crew *c, const struct job *j)
{
	return (struct driver_job){ .id = j->r.id,
				    .target = j->target,
				    .anchor = j->r.anchor,
				    .bad = j->r.bad,
				    .reason = j->r.reason,
				    .folder = c->folder,
				    .deadline_ms = call_deadline(j),
				    .stop = &c->stop };
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

static void plan(struct crew *c, struct job *j)
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
		next.acting_ms = real_ms();
	if (to == ROLLBACK_ACTED)
		next.acted_ms = real_ms();
	if (rollback_ended(to))
		next.ended_ms = real_ms();
	int error = patchctl_store_move(h->c->store, &next, j->r.phase);
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

/* False: once more, after a pause. */
static bool step(struct hand *h, struct job *j)
{
	struct crew *c = h->c;
	struct buf says = { .max = ROLLBACK_SAYS };
	if (process_now_ms() >= j->deadline_ms)
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

/* --- the threads; under the mutex --- */

static bool target_is_busy(const struct crew *c, const struct driver_target *target)
{
	for (const struct job *j = c->jobs; j; j = j->next)
		if (j->running && j->target == target)
			return true;
	return false;
}

/* What can be done now, or NULL and when to look again. */
static struct job *pick(const struct crew *c, uint64_t now, uint64_t *look_ms)
{
	*look_ms = now + 60000;
	for (struct job *j = c->jobs; j; j = j->next) {
		uint64_t at = j->due_ms;
		if (j->running)
			continue;
		if (target_is_busy(c, j->target) && (j->planned || now < j->deadline_ms))
			at = j->planned ? UINT64_MAX : j->deadline_ms;
		if (now >= at)
			return j;
		*look_ms = min_u64(*look_ms, at);
	}
	return NULL;
}

static void drop(struct crew *c, struct job *j)
{
	struct job **at = &c->jobs;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	*(j->planned ? &c->n_plans : &c->n_rollbacks) -= 1;
	metric_set(c->metrics, PATCHCTL_OPEN, 0, (double)c->n_rollbacks);
	free(j);
}

static void put(struct crew *c, struct job *j)
{
	struct job **at = &c->jobs;
	while (*at)
		at = &(*at)->next;
	*at = j;
	*(j->planned ? &c->n_plans : &c->n_rollbacks) += 1;
	metric_set(c->metrics, PATCHCTL_OPEN, 0, (double)c->n_rollbacks);
	pthread_cond_broadcast(&c->changed);
}

static void work(struct hand *h, struct job *j)
{
	struct crew *c = h->c;
	bool went = true;
	j->running = true;
	pthread_mutex_unlock(&c->mutex);
	if (j->planned)
		plan(c, j);
	else
		went = step(h, j);
	pthread_mutex_lock(&c->mutex);
	j->running = false;
	if (j->planned || rollback_ended(j->r.phase)) {
		drop(c, j);
	} else {
		j->fails = went ? 0 : j->fails + 1;
		uint64_t now = process_now_ms();
		j->due_ms = went ? now : now + pause_ms(j->fails);
		if (now < j->deadline_ms)
			j->due_ms = min_u64(j->due_ms, j->deadline_ms);
	}
	pthread_cond_broadcast(&c->changed);
}

static void *run(void *hand)
{
	struct hand *h = hand;
	struct crew *c = h->c;
	pthread_mutex_lock(&c->mutex);
	while (!atomic_load(&c->stop)) {
		uint64_t look_ms;
		struct job *j = pick(c, process_now_ms(), &look_ms);
		if (j) {
			work(h, j);
			continue;
		}
		const struct timespec until = { .tv_sec = (time_t)(look_ms / 1000),
						.tv_nsec = (long)(look_ms % 1000) * 1000000 };
		pthread_cond_timedwait(&c->changed, &c->mutex, &until);
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

/* --- what comes in --- */

static void aim(const struct crew *c, struct job *j)
{
	uint64_t now = process_now_ms(), real = real_ms();
	j->target = config_target(c->config, span_of(j->r.target));
	j->due_ms = now;
	j->deadline_ms = now + (j->r.deadline_ms > real ? j->r.deadline_ms - real + 1 : 0);
}

int crew_accept(struct crew *c, struct span key, struct rollback *r, enum acceptance *out)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	int error = patchctl_store_accept(c->store, c->config, key, r, out);
	if (error || *out != ACCEPTED) {
		free(j);
		return error;
	}
	j->r = *r;
	aim(c, j);
	patchctl_log(r);
	pthread_mutex_lock(&c->mutex);
	metric_add(c->metrics, PATCHCTL_ATTEMPTED, 0, 1);
	put(c, j);
	pthread_mutex_unlock(&c->mutex);
	return 0;
}

int crew_plan(struct crew *c, const struct rollback *r,
	      void (*done)(const struct crew_plan *plan, void *owner), void *owner)
{
	struct job *j = calloc(1, sizeof(*j));
	int error = j ? 0 : -ENOMEM;
	if (error)
		return error;
	j->r = *r;
	j->planned = done;
	j->owner = owner;
	aim(c, j);
	pthread_mutex_lock(&c->mutex);
	if (c->n_plans >= PLANS_MAX)
		error = -EAGAIN;
	else
		put(c, j);
	pthread_mutex_unlock(&c->mutex);
	if (error)
		free(j);
	return error;
}

/* --- life --- */

static bool resume(const struct rollback *r, void *owner)
{
	struct crew *c = owner;
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		return false;
	j->r = *r;
	aim(c, j);
	if (!j->target)
		log_message(LOG_ERROR, "rollback_lost", "%s: there is no target %s any more", r->id,
			    r->target);
	put(c, j);
	return true;
}

static int prepare(struct crew *c)
{
	struct buf path = { 0 };
	pthread_condattr_t attributes;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	buf_printf(&path, "%s/work", c->config->state_dir);
	buf_add(&path, "", 1);
	if (path.failed)
		return -ENOMEM;
	c->folder = path.p;
	if (mkdir(c->folder, 0700) != 0 && errno != EEXIST)
		return -errno;
	for (size_t i = 0; i < c->config->n_targets; i++)
		c->config->targets[i].driver->recover(&c->config->targets[i], c->folder);
	return patchctl_store_rollbacks(c->store, true, UINT32_MAX, resume, c);
}

int crew_open(const struct config_patchctl *config, struct patchctl_store *store,
	      struct metrics *metrics, struct crew **out, struct buf *why)
{
	struct crew *c = calloc(1, sizeof(*c));
	int error = -ENOMEM;
	if (!c)
		goto fail;
	c->config = config;
	c->store = store;
	c->metrics = metrics_shard(metrics, config->at_once);
	c->hands = calloc(config->at_once, sizeof(*c->hands));
	error = prepare(c);
	if (!error && !c->hands)
		error = -ENOMEM;
	for (; !error && c->n_hands < config->at_once; c->n_hands += !error) {
		struct hand *h = &c->hands[c->n_hands];
		h->c = c;
		h->metrics = metrics_shard(metrics, c->n_hands);
		error = -pthread_create(&h->thread, NULL, run, h);
	}
	if (!error) {
		*out = c;
		return 0;
	}
fail:
	buf_printf(why, "the work on rollbacks cannot begin: %s", strerror(-error));
	crew_close(c);
	return error;
}

void crew_close(struct crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->mutex);
	atomic_store(&c->stop, true);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	for (size_t i = 0; i < c->n_hands; i++)
		pthread_join(c->hands[i].thread, NULL);
	for (struct job *j = c->jobs, *next; j; j = next) {
		next = j->next;
		free(j);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c->hands);
	free(c->folder);
	free(c);
}

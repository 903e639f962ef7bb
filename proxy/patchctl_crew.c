#include "proxy/patchctl_crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/patchctl_job.h"
#include "proxy/patchctl_metrics.h"

#define PLANS_MAX 16

/* --- the threads; under the mutex --- */

static bool target_is_busy(const struct crew *c, const struct driver_target *target)
{
	for (const struct job *j = c->jobs; j; j = j->next)
		if (j->running && j->target && target && strcmp(j->target->name, target->name) == 0)
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

static void free_job(struct job *j)
{
	config_unref(j->config);
	free(j);
}

static void drop(struct crew *c, struct job *j)
{
	struct job **at = &c->jobs;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	*(j->planned ? &c->n_plans : &c->n_rollbacks) -= 1;
	metric_set(c->metrics, PATCHCTL_OPEN, 0, (double)c->n_rollbacks);
	free_job(j);
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
		job_plan(c, j);
	else
		went = job_step(h, j);
	pthread_mutex_lock(&c->mutex);
	j->running = false;
	if (j->planned || rollback_ended(j->r.phase)) {
		drop(c, j);
	} else {
		j->fails = went ? 0 : j->fails + 1;
		uint64_t now = clock_ms();
		j->due_ms = went ? now : now + job_pause_ms(j->fails);
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
		struct job *j = pick(c, clock_ms(), &look_ms);
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

static void aim(struct job *j, struct config *config)
{
	config_ref(config);
	config_unref(j->config);
	j->config = config;
	j->target = config_target(config->patchctl, span_of(j->r.target));
}

static struct job *job_of(const struct rollback *r, struct config *config)
{
	struct job *j = calloc(1, sizeof(*j));
	uint64_t now = clock_ms(), real = clock_real_ms();
	if (!j)
		return NULL;
	j->r = *r;
	memcpy(j->id, r->id, sizeof(j->id));
	j->due_ms = now;
	j->deadline_ms = now + (r->deadline_ms > real ? r->deadline_ms - real + 1 : 0);
	/* What an earlier process has begun may have had an effect. */
	atomic_init(&j->gate, r->phase == ROLLBACK_ACCEPTED ? DRIVER_MAY_BEGIN : DRIVER_HAS_BEGUN);
	aim(j, config);
	return j;
}

int crew_accept(struct crew *c, struct config *config, struct span key, struct rollback *r,
		enum acceptance *out)
{
	struct job *j = job_of(r, config);
	if (!j)
		return -ENOMEM;
	int error = patchctl_store_accept(c->store, config->patchctl, key, r, out);
	if (error || *out != ACCEPTED) {
		free_job(j);
		return error;
	}
	patchctl_log(r);
	pthread_mutex_lock(&c->mutex);
	metric_add(c->metrics, PATCHCTL_ATTEMPTED, 0, 1);
	put(c, j);
	pthread_mutex_unlock(&c->mutex);
	return 0;
}

int crew_plan(struct crew *c, struct config *config, const struct rollback *r,
	      void (*done)(const struct crew_plan *plan, void *owner), void *owner)
{
	struct job *j = job_of(r, config);
	int error = j ? 0 : -ENOMEM;
	if (error)
		return error;
	j->planned = done;
	j->owner = owner;
	pthread_mutex_lock(&c->mutex);
	if (c->n_plans >= PLANS_MAX)
		error = -EAGAIN;
	else
		put(c, j);
	pthread_mutex_unlock(&c->mutex);
	if (error)
		free_job(j);
	return error;
}

/* --- what is taken back, or looked for anew --- */

static struct job *find(const struct crew *c, struct span id)
{
	struct job *j = c->jobs;
	while (j && (j->planned || !span_eq(span_of(j->id), id)))
		j = j->next;
	return j;
}

/* Whether the driver has not begun with what cannot be undone, and will not. */
static bool shut(struct crew *c, struct span id)
{
	int was = DRIVER_MAY_BEGIN;
	pthread_mutex_lock(&c->mutex);
	struct job *j = find(c, id);
	bool late = j && !atomic_compare_exchange_strong(&j->gate, &was, DRIVER_MAY_NOT);
	pthread_mutex_unlock(&c->mutex);
	return !late;
}

/* What a thread works on is dropped by it, once it sees that it is at its end. */
static void settle(struct crew *c, struct span id, const struct rollback *aborted)
{
	pthread_mutex_lock(&c->mutex);
	struct job *j = find(c, id);
	if (j && !aborted)
		atomic_store(&j->gate, DRIVER_MAY_BEGIN);
	else if (j && !j->running)
		drop(c, j);
	if (aborted)
		patchctl_count(c->metrics, aborted);
	pthread_mutex_unlock(&c->mutex);
}

int crew_abort(struct crew *c, struct span id, const char *by, const char *reason,
	       struct rollback *r, enum abortion *out)
{
	char says[PATCHCTL_NAME + ROLLBACK_TEXT + 32];
	if (!shut(c, id)) {
		int found = patchctl_store_find(c->store, id, r);
		*out = found != 1                     ? ABORT_UNKNOWN
		       : r->phase == ROLLBACK_ABORTED ? ABORT_KNOWN
						      : ABORT_LATE;
		return found < 0 ? found : 0;
	}
	snprintf(says, sizeof(says), "aborted by %s: %s\n", by, reason);
	int error = patchctl_store_abort(c->store, id, says, clock_real_ms(), r, out);
	bool aborted = !error && *out == ABORTED;
	settle(c, id, aborted ? r : NULL);
	if (aborted)
		patchctl_log(r);
	return error;
}

void crew_renew(struct crew *c, struct config *config)
{
	pthread_mutex_lock(&c->mutex);
	for (struct job *j = c->jobs; j; j = j->next)
		if (!j->running && !j->target)
			aim(j, config);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

/* --- life --- */

struct resumption {
	struct crew *c;
	struct config *config;
};

static bool resume(const struct rollback *r, void *owner)
{
	const struct resumption *all = owner;
	struct job *j = job_of(r, all->config);
	if (!j)
		return false;
	if (!j->target)
		log_message(LOG_ERROR, "rollback_lost", "%s: there is no target %s any more", r->id,
			    r->target);
	put(all->c, j);
	return true;
}

static int prepare(struct crew *c, struct config *whole)
{
	const struct config_patchctl *config = whole->patchctl;
	struct resumption all = { c, whole };
	struct buf path = { 0 };
	pthread_condattr_t attributes;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	buf_printf(&path, "%s/work", config->state_dir);
	buf_add(&path, "", 1);
	if (path.failed)
		return -ENOMEM;
	c->folder = path.p;
	if (mkdir(c->folder, 0700) != 0 && errno != EEXIST)
		return -errno;
	for (size_t i = 0; i < config->n_targets; i++)
		if (config->targets[i].driver->recover)
			config->targets[i].driver->recover(&config->targets[i], c->folder);
	return patchctl_store_rollbacks(c->store, true, UINT32_MAX, resume, &all);
}

int crew_open(struct config *config, struct patchctl_store *store, struct metrics *metrics,
	      struct crew **out, struct buf *why)
{
	struct crew *c = calloc(1, sizeof(*c));
	uint32_t at_once = config->patchctl->at_once;
	int error = -ENOMEM;
	if (!c)
		goto fail;
	c->store = store;
	c->metrics = metrics_shard(metrics, at_once);
	c->hands = calloc(at_once, sizeof(*c->hands));
	error = prepare(c, config);
	if (!error && !c->hands)
		error = -ENOMEM;
	for (; !error && c->n_hands < at_once; c->n_hands += !error) {
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
		free_job(j);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c->hands);
	free(c->folder);
	free(c);
}

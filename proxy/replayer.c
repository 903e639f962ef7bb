#include "proxy/replayer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "proxy/gate.h"
#include "proxy/replayer_core.h"

/* --- jobs --- */

static void job_free(struct job *j)
{
	buf_fini(&j->bytes);
	buf_fini(&j->primary_body);
	buf_fini(&j->reply.body);
	free(j->target);
	free(j);
}

/* Of the list of all; not freed. */
static void take_out(struct replayer *r, struct job *j)
{
	struct job **at = &r->first, *before = NULL;
	while (*at != j) {
		before = *at;
		at = &(*at)->next;
	}
	*at = j->next;
	if (r->last == j)
		r->last = before;
	r->n--;
	r->bytes -= j->counted;
	if (r->n == 0)
		pthread_cond_broadcast(&r->changed);
}

static struct job *find(const struct replayer *r, const char *id)
{
	struct job *j = r->first;
	while (j && strcmp(j->id, id) != 0)
		j = j->next;
	return j;
}

static struct job *add(struct replayer *r, const char *id, enum job_state state)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	memcpy(j->id, id, sizeof(j->id));
	j->state = state;
	if (r->last)
		r->last->next = j;
	else
		r->first = j;
	r->last = j;
	r->n++;
	return j;
}

static void count_bytes(struct replayer *r, struct job *j, uint64_t n)
{
	j->counted += n;
	r->bytes += n;
}

static void drop(struct replayer *r, struct job *j, enum shadow_result result)
{
	take_out(r, j);
	if (j->state != JOB_EARLY)
		metric_add(r->shard, SHADOW_REQUESTS, result, 1);
	job_free(j);
}

/* --- what was mirrored --- */

static bool copy_text(char *to, size_t size, struct span text)
{
	size_t n = min_size(text.n, size - 1);
	memcpy(to, text.n ? text.p : "", n);
	to[n] = '\0';
	return n == text.n;
}

static bool has_room(const struct replayer *r, uint64_t bytes)
{
	const struct config_shadow *s = r->config->shadow;
	return r->n < s->queue_requests && r->bytes + bytes <= s->queue_bytes;
}

/* Answers that wait for a request, which may have had its end already, give way to `wanted`. */
static bool make_room(struct replayer *r, const struct job *wanted, uint64_t bytes)
{
	for (struct job *j = r->first, *next; j && !has_room(r, bytes); j = next) {
		next = j->next;
		if (j->state == JOB_EARLY && j != wanted)
			drop(r, j, SHADOW_DROPPED);
	}
	return has_room(r, bytes);
}

static bool fill(struct replayer *r, struct job *j, const struct mirror_request *q)
{
	buf_add(&j->bytes, q->bytes.p, q->bytes.n);
	j->asked = q->bytes.n;
	count_bytes(r, j, j->asked);
	(void)copy_text(j->route, sizeof(j->route), q->route);
	(void)copy_text(j->spec, sizeof(j->spec), q->spec);
	j->state = JOB_QUEUED;
	return !j->bytes.failed;
}

void replayer_request(struct replayer *r, const struct mirror_request *q)
{
	enum shadow_result refused = SHADOW_RESULT_COUNT;
	pthread_mutex_lock(&r->lock);
	struct job *j = find(r, q->id);
	if (r->paused || r->ends)
		refused = SHADOW_STOPPED;
	else if ((j && j->state != JOB_EARLY) || !make_room(r, j, q->bytes.n))
		refused = SHADOW_DROPPED;
	else if (!j && !(j = add(r, q->id, JOB_EARLY)))
		refused = SHADOW_DROPPED;
	else if (!fill(r, j, q))
		drop(r, j, SHADOW_DROPPED);
	else
		pthread_cond_broadcast(&r->changed);
	if (refused != SHADOW_RESULT_COUNT)
		metric_add(r->shard, SHADOW_REQUESTS, refused, 1);
	pthread_mutex_unlock(&r->lock);
}

static void keep_answer(struct replayer *r, struct job *j, const struct mirror_answer *a)
{
	j->primary = *a;
	j->has_primary = true;
	if (r->bytes + a->body.n > r->config->shadow->queue_bytes)
		j->primary.too_large = true;
	if (!j->primary.too_large)
		buf_add(&j->primary_body, a->body.p, a->body.n);
	j->primary.too_large |= j->primary_body.failed;
	count_bytes(r, j, j->primary_body.n);
	j->primary.body = (struct span){ j->primary_body.p, j->primary_body.n };
	if (j->state == JOB_WAITING) {
		j->state = JOB_READY;
		pthread_cond_broadcast(&r->changed);
	}
}

void replayer_answer(struct replayer *r, const struct mirror_answer *a)
{
	pthread_mutex_lock(&r->lock);
	struct job *j = find(r, a->id);
	if (!j && !r->paused && !r->ends && has_room(r, a->body.n)) {
		j = add(r, a->id, JOB_EARLY);
		if (j)
			j->until_ms = clock_ms() + EARLY_MS;
	}
	if (j && !j->has_primary && j->state != JOB_JUDGING)
		keep_answer(r, j, a);
	pthread_mutex_unlock(&r->lock);
}

/* Whoever stops or starves this process makes the shadow look slow, or gone. */
bool replayer_was_awake(const struct replayer *r, uint64_t since_ms)
{
	uint64_t ticked_ms = atomic_load(&r->ticked_ms);
	return clock_ms() <= ticked_ms + ASLEEP_MS && since_ms >= atomic_load(&r->woke_ms);
}

void replayer_tick(struct replayer *r, uint64_t now_ms)
{
	bool ready = false;
	if (now_ms > atomic_load(&r->ticked_ms) + ASLEEP_MS)
		atomic_store(&r->woke_ms, now_ms);
	atomic_store(&r->ticked_ms, now_ms);
	pthread_mutex_lock(&r->lock);
	for (struct job *j = r->first, *next; j; j = next) {
		next = j->next;
		if (!j->until_ms || now_ms < j->until_ms)
			continue;
		if (j->state == JOB_EARLY) {
			drop(r, j, SHADOW_DROPPED);
		} else if (j->state == JOB_WAITING) {
			j->state = JOB_READY;
			ready = true;
		}
	}
	if (ready)
		pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

bool replayer_idle(struct replayer *r)
{
	bool idle = true;
	pthread_mutex_lock(&r->lock);
	for (const struct job *j = r->first; j; j = j->next)
		idle = idle && j->state == JOB_EARLY;
	pthread_mutex_unlock(&r->lock);
	return idle;
}

/* --- the threads --- */

static struct job *next_job(const struct replayer *r)
{
	struct job *queued = NULL;
	for (struct job *j = r->first; j; j = j->next) {
		if (j->state == JOB_READY)
			return j;
		if (j->state == JOB_QUEUED && !queued)
			queued = j;
	}
	return queued;
}

/* Under the lock. True: its end has come, and it is the caller's. */
static bool after_reply(struct replayer *r, struct job *j)
{
	r->bytes -= j->asked; /* the request is gone */
	j->counted -= j->asked;
	count_bytes(r, j, j->reply.body.n);
	if (j->has_primary || j->concluded || r->ends)
		return true;
	j->state = JOB_WAITING;
	j->until_ms = clock_ms() + r->config->shadow->primary_ms;
	return false;
}

static void work(struct replayer_thread *t, struct job *j)
{
	struct replayer *r = t->r;
	bool sends = j->state == JOB_QUEUED;
	j->state = sends ? JOB_SENDING : JOB_JUDGING;
	struct config *config = config_ref(r->config);
	pthread_mutex_unlock(&r->lock);
	if (sends)
		replayer_send(t, config, j);
	pthread_mutex_lock(&r->lock);
	bool ends = !sends || after_reply(r, j);
	if (ends)
		j->state = JOB_JUDGING;
	pthread_mutex_unlock(&r->lock);
	if (ends)
		replayer_conclude(t, config, j);
	config_unref(config);
	pthread_mutex_lock(&r->lock);
	if (ends) {
		take_out(r, j);
		job_free(j);
	}
}

static void *run(void *owner)
{
	struct replayer_thread *t = owner;
	struct replayer *r = t->r;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct job *j = next_job(r);
		if (j)
			work(t, j);
		else if (r->ends)
			break;
		else
			pthread_cond_wait(&r->changed, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- life --- */

static int start(struct replayer *r, const struct replayer_options *o)
{
	uint32_t n = o->config->shadow->connections;
	r->threads = calloc(n, sizeof(*r->threads));
	if (!r->threads)
		return -ENOMEM;
	for (; r->n_threads < n; r->n_threads++) {
		struct replayer_thread *t = &r->threads[r->n_threads];
		*t = (struct replayer_thread){ .r = r,
					       .shard = metrics_shard(o->metrics, r->n_threads) };
		t->fetcher = fetcher_new();
		int error =
			t->fetcher ? gate_scratch_init(&t->scratch, r->config->ruleset) : -ENOMEM;
		if (!error)
			error = -pthread_create(&t->thread, NULL, run, t);
		if (error) {
			fetcher_free(t->fetcher);
			gate_scratch_fini(&t->scratch);
			return error;
		}
	}
	return 0;
}

int replayer_open(const struct replayer_options *o, struct replayer **out)
{
	struct replayer *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	pthread_condattr_t clock;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &clock);
	pthread_condattr_destroy(&clock);
	r->options = *o;
	r->config = config_ref(o->config);
	atomic_init(&r->ticked_ms, clock_ms());
	r->shard = metrics_shard(o->metrics, o->config->shadow->connections);
	int error = start(r, o);
	if (error) {
		replayer_free(r);
		return error;
	}
	*out = r;
	return 0;
}

/* Nobody else brings anything now. */
static void stop_queued(struct replayer *r)
{
	for (struct job *j = r->first, *next; j; j = next) {
		next = j->next;
		if (j->state == JOB_QUEUED || j->state == JOB_EARLY)
			drop(r, j, SHADOW_STOPPED);
		else if (j->state == JOB_WAITING)
			j->state = JOB_READY;
	}
}

static void await_threads(struct replayer *r, uint64_t deadline_ms)
{
	const struct timespec until = { .tv_sec = (time_t)(deadline_ms / 1000),
					.tv_nsec = (long)(deadline_ms % 1000) * 1000000 };
	while (r->n > 0 && clock_ms() < deadline_ms)
		(void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

void replayer_drain(struct replayer *r, uint64_t deadline_ms)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ends = true;
	stop_queued(r);
	pthread_cond_broadcast(&r->changed);
	await_threads(r, deadline_ms);
	atomic_store(&r->stop, true);
	pthread_mutex_unlock(&r->lock);
	for (uint32_t i = 0; i < r->n_threads; i++) {
		pthread_join(r->threads[i].thread, NULL);
		fetcher_free(r->threads[i].fetcher);
		gate_scratch_fini(&r->threads[i].scratch);
	}
	r->n_threads = 0;
	CHECK(!r->first);
}

void replayer_free(struct replayer *r)
{
	if (!r)
		return;
	replayer_drain(r, 0);
	free(r->threads);
	config_unref(r->config);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void replayer_pause(struct replayer *r, bool paused)
{
	pthread_mutex_lock(&r->lock);
	r->paused = paused;
	for (struct job *j = r->first, *next; paused && j; j = next) {
		next = j->next;
		if (j->state == JOB_QUEUED)
			drop(r, j, SHADOW_STOPPED);
	}
	pthread_mutex_unlock(&r->lock);
}

void replayer_use(struct replayer *r, struct config *config)
{
	pthread_mutex_lock(&r->lock);
	struct config *old = r->config;
	r->config = config_ref(config);
	pthread_mutex_unlock(&r->lock);
	config_unref(old);
}

void replayer_counts(struct replayer *r, struct replayer_counts *out)
{
	*out = (struct replayer_counts){ 0 };
	pthread_mutex_lock(&r->lock);
	for (const struct job *j = r->first; j; j = j->next) {
		out->queued += j->state == JOB_QUEUED;
		out->sent += j->state == JOB_SENDING || j->state == JOB_JUDGING;
		out->waiting += j->state == JOB_WAITING || j->state == JOB_READY;
	}
	out->bytes = r->bytes;
	out->paused = r->paused;
	pthread_mutex_unlock(&r->lock);
}

#include "proxy/sinks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "proxy/config_ledger.h"
#include "proxy/sink.h"

struct set {
	struct config *config;
	struct sink *v;
	size_t n;
};

struct sinks {
	char *ledger;
	struct sink_clock clock; /* its lock is that of `now` as well */
	struct set now, next;
};

static const char *const result_names[SINK_RESULT_COUNT] = {
	[SINK_DELIVERED] = "delivered",
	[SINK_REFUSALS] = "refused",
	[SINK_RETRIED] = "retried",
	[SINK_SKIPPED] = "skipped",
};

static struct sinks *new_sinks(const char *ledger)
{
	struct sinks *all = calloc(1, sizeof(*all));
	pthread_condattr_t attr;
	if (!all || !(all->ledger = strdup(ledger))) {
		free(all);
		return NULL;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all->clock.news, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&all->clock.lock, NULL);
	return all;
}

static void on_written(void *sinks)
{
	struct sink_clock *c = &((struct sinks *)sinks)->clock;
	pthread_mutex_lock(&c->lock);
	c->written++;
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
}

/* --- a set --- */

static struct sink *find(const struct set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].config->name, name) == 0)
			return &set->v[i];
	return NULL;
}

static void fini(struct set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		ledger_store_close(set->v[i].store);
		fetcher_free(set->v[i].fetcher);
		sink_cursor_fini(&set->v[i].cursor);
		buf_fini(&set->v[i].texts);
	}
	free(set->v);
	config_unref(set->config);
	*set = (struct set){ 0 };
}

static int open_sink(const struct sinks *all, struct sink *s, const struct config_sink *config,
		     struct buf *why)
{
	s->config = config;
	s->fetcher = fetcher_new();
	if (!s->fetcher) {
		buf_add_text(why, "out of memory");
		return -ENOMEM;
	}
	int error = ledger_store_open(all->ledger, false, &s->store, why);
	if (error || find(&all->now, config->name))
		return error; /* the one that runs hands its cursor over when it has ended */
	error = sink_cursor_open(&s->cursor, all->ledger, config->name, s->store, why);
	s->kept = s->cursor.sequence;
	atomic_store(&s->at, s->cursor.sequence);
	return error;
}

int sinks_prepare(struct sinks *all, struct config *config, struct buf *errors)
{
	struct buf why = { 0 };
	int error = 0;
	if (!all && config->n_sinks)
		log_message(LOG_WARNING, "reload",
			    "sinks need a ledger, which begins with a restart only");
	if (!all)
		return 0;
	CHECK(!all->next.config);
	all->next = (struct set){ .config = config_ref(config),
				  .v = calloc(config->n_sinks + 1, sizeof(struct sink)) };
	if (!all->next.v)
		error = -ENOMEM;
	for (size_t i = 0; i < config->n_sinks && !error; i++) {
		struct sink *s = &all->next.v[all->next.n++];
		s->clock = &all->clock;
		error = open_sink(all, s, &config->sinks[i], &why);
		if (error)
			buf_printf(errors, "%s:%u: sink %s: %.*s\n", config->path,
				   config->sinks[i].line, config->sinks[i].name, (int)why.n,
				   why.p ? why.p : "");
	}
	buf_fini(&why);
	if (error)
		fini(&all->next);
	return error;
}

int sinks_open(struct ledger *l, struct config *config, struct sinks **out, struct buf *errors)
{
	struct sinks *all = *out = new_sinks(config->ledger->options.path);
	if (!all)
		return -ENOMEM;
	ledger_tell(l, on_written, all);
	return sinks_prepare(all, config, errors);
}

static void stop(struct sinks *all)
{
	pthread_mutex_lock(&all->clock.lock);
	for (size_t i = 0; i < all->now.n; i++)
		atomic_store(&all->now.v[i].stop, true);
	pthread_cond_broadcast(&all->clock.news);
	pthread_mutex_unlock(&all->clock.lock);
	for (size_t i = 0; i < all->now.n; i++)
		if (all->now.v[i].started)
			pthread_join(all->now.v[i].thread, NULL);
}

static void start(struct sinks *all)
{
	for (size_t i = 0; i < all->now.n; i++) {
		struct sink *s = &all->now.v[i];
		pthread_mutex_lock(&all->clock.lock);
		all->clock.running++;
		pthread_mutex_unlock(&all->clock.lock);
		int error = -pthread_create(&s->thread, NULL, sink_main, s);
		s->started = !error;
		if (!error)
			continue;
		log_message(LOG_ERROR, "sink", "sink %s cannot run: %s; reload or restart",
			    s->config->name, strerror(-error));
		atomic_store(&s->state, SINK_DOWN);
		pthread_mutex_lock(&all->clock.lock);
		all->clock.running--;
		pthread_mutex_unlock(&all->clock.lock);
	}
}

/* What is known of a sink is known of the one that takes its place. */
static void inherit(struct sink *s, struct sink *old)
{
	s->cursor = old->cursor;
	old->cursor.path = NULL;
	s->kept = old->kept;
	s->failing_ms = old->failing_ms;
	atomic_store(&s->at, s->cursor.sequence);
	atomic_store(&s->state, atomic_load(&old->state));
	for (size_t i = 0; i < SINK_RESULT_COUNT; i++) {
		atomic_store(&s->counts[i], atomic_load(&old->counts[i]));
		s->measured[i] = old->measured[i];
	}
}

static void count(struct sink *s, struct metrics_shard *m)
{
	for (size_t i = 0; i < SINK_RESULT_COUNT; i++) {
		uint64_t n = atomic_load(&s->counts[i]);
		if (n > s->measured[i])
			metric_add(m, METRIC_SINK_DELIVERIES + i, metric_sink(s->config->name),
				   n - s->measured[i]);
		s->measured[i] = n;
	}
}

void sinks_adopt(struct sinks *all, struct metrics_shard *m)
{
	if (!all)
		return;
	CHECK(all->next.config);
	stop(all);
	pthread_mutex_lock(&all->clock.lock);
	for (size_t i = 0; i < all->now.n; i++) {
		struct sink *old = &all->now.v[i], *s = find(&all->next, old->config->name);
		count(old, m);
		if (s)
			inherit(s, old);
	}
	struct set old = all->now;
	all->now = all->next;
	all->next = (struct set){ 0 };
	pthread_mutex_unlock(&all->clock.lock);
	fini(&old);
	start(all);
}

void sinks_free(struct sinks *all, uint32_t drain_ms)
{
	struct timespec until;
	int error = 0;
	if (!all)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += drain_ms / 1000;
	pthread_mutex_lock(&all->clock.lock);
	all->clock.draining = true;
	pthread_cond_broadcast(&all->clock.news);
	while (!error && all->clock.running)
		error = pthread_cond_timedwait(&all->clock.news, &all->clock.lock, &until);
	pthread_mutex_unlock(&all->clock.lock);
	stop(all);
	fini(&all->now);
	fini(&all->next);
	pthread_cond_destroy(&all->clock.news);
	pthread_mutex_destroy(&all->clock.lock);
	free(all->ledger);
	free(all);
}

/* --- for those who look --- */

static uint64_t lag(struct sink *s, uint64_t last)
{
	uint64_t at = atomic_load(&s->at);
	return last > at ? last - at : 0;
}

void sinks_measure(struct sinks *all, struct metrics_shard *m, uint64_t last)
{
	if (!all)
		return;
	for (size_t i = 0; i < METRIC_SINKS_MAX; i++) { /* of those that are no more, too */
		metric_set(m, METRIC_SINK_LAG, i, NAN);
		metric_set(m, METRIC_SINK_UP, i, NAN);
	}
	pthread_mutex_lock(&all->clock.lock);
	for (size_t i = 0; i < all->now.n; i++) {
		struct sink *s = &all->now.v[i];
		size_t label = metric_sink(s->config->name);
		int state = atomic_load(&s->state);
		count(s, m);
		if (last)
			metric_set(m, METRIC_SINK_LAG, label, (double)lag(s, last));
		if (state != SINK_UNKNOWN)
			metric_set(m, METRIC_SINK_UP, label, state == SINK_UP);
	}
	pthread_mutex_unlock(&all->clock.lock);
}

void sinks_add_json(struct sinks *all, struct buf *out, uint64_t last)
{
	buf_add_char(out, '[');
	pthread_mutex_lock(&all->clock.lock);
	for (size_t i = 0; i < all->now.n; i++) {
		struct sink *s = &all->now.v[i];
		buf_printf(out, "%s{\"sink\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\"", i ? "," : "",
			   s->config->name, sink_kind_names[s->config->kind],
			   sink_state_names[atomic_load(&s->state)]);
		for (size_t k = 0; k < SINK_RESULT_COUNT; k++)
			buf_printf(out, ",\"%s\":%llu", result_names[k],
				   (unsigned long long)atomic_load(&s->counts[k]));
		if (last)
			buf_printf(out, ",\"lag_rows\":%llu}", (unsigned long long)lag(s, last));
		else
			buf_add_text(out, ",\"lag_rows\":null}");
	}
	pthread_mutex_unlock(&all->clock.lock);
	buf_add_char(out, ']');
}

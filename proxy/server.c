#include "proxy/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ring.h"
#include "proxy/audit_desk.h"
#include "proxy/change_state.h"
#include "proxy/config_ledger.h"
#include "proxy/metric_table.h"
#include "proxy/nonces.h"
#include "proxy/outbox.h"
#include "proxy/sinks.h"
#include "proxy/tap.h"

#define SINKS_DRAIN_MS 3000

struct runtime *server_runtime(struct server *s)
{
	pthread_mutex_lock(&s->mutex);
	struct runtime *rt = runtime_ref(s->current);
	pthread_mutex_unlock(&s->mutex);
	return rt;
}

void server_wake(struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_wake(&s->workers[i]);
}

int server_start(struct server *s, const char *verb)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int error = 0;
	while (!error && s->threads < s->n_workers) {
		struct worker *w = &s->workers[s->threads];
		error = -pthread_create(&w->thread, NULL, worker_main, w);
		s->threads += !error;
	}
	while (atomic_load(&s->running) < s->threads)
		nanosleep(&pause, NULL);
	if (!error)
		error = atomic_load(&s->start_error);
	if (error) {
		fprintf(stderr, "redcard %s: a worker cannot start: %s\n", verb,
			ring_refusal(error));
		server_stop(s);
	}
	return error;
}

void server_stop(struct server *s)
{
	atomic_store(&s->draining, true);
	for (unsigned i = 0; i < s->threads; i++)
		worker_wake(&s->workers[i]);
	for (unsigned i = 0; i < s->threads; i++)
		pthread_join(s->workers[i].thread, NULL);
	s->threads = 0;
}

struct metrics_shard *server_metrics(struct server *s)
{
	return metrics_shard(s->metrics, s->n_workers); /* the workers have those before it */
}

static uint32_t least_resolve_ms(const struct config *c)
{
	uint32_t least = 30000;
	for (size_t i = 0; i < c->n_upstreams; i++)
		if (c->upstreams[i].resolve_ms && c->upstreams[i].resolve_ms < least)
			least = c->upstreams[i].resolve_ms;
	return least;
}

static int open_spending(struct server *s)
{
	const char *folder = s->first->config->state_dir;
	struct buf why = { 0 };
	int error = folder ? spending_open(folder, &s->spending, &why) : 0;
	s->said = why.n > 0;
	fprintf(stderr, "%.*s", (int)why.n, why.p ? why.p : "");
	buf_fini(&why);
	return error ? error : runtime_spend(s->first, s->spending);
}

static int open_ledger(struct server *s)
{
	const struct config *c = s->first->config;
	struct buf why = { 0 };
	if (!c->ledger)
		return 0;
	int error = ledger_open(&c->ledger->options, &s->ledger, &why);
	if (!error)
		error = ledger_store_open(c->ledger->options.path, false, &s->ledger_reader, &why);
	if (error)
		fprintf(stderr, "%s:%u: %.*s\n", c->path, c->ledger->line, (int)why.n,
			why.p ? why.p : "");
	s->said = error != 0;
	buf_fini(&why);
	if (!error)
		ledger_use(s->ledger);
	return error;
}

int server_open_outbox(struct server *s)
{
	struct config *c = s->first->config;
	struct buf why = { 0 };
	if (!c->rollback)
		return 0;
	const struct outbox_options options = {
		.ledger = s->ledger,
		.ledger_path = c->ledger->options.path,
		.config = c,
		.metrics = metrics_shard(s->metrics, s->n_workers + 1),
	};
	int error = outbox_start(&options, &s->outbox, &why);
	if (error)
		fprintf(stderr, "%s:%u: %.*s\n", c->path, c->rollback->line, (int)why.n,
			why.p ? why.p : "");
	buf_fini(&why);
	return error;
}

static int open_sinks(struct server *s)
{
	struct buf errors = { 0 };
	int error = s->ledger ? sinks_open(s->ledger, s->first->config, &s->sinks, &errors) : 0;
	fprintf(stderr, "%.*s", (int)errors.n, errors.p ? errors.p : "");
	s->said = errors.n > 0;
	buf_fini(&errors);
	return error;
}

int server_init(struct server *s, struct config *config)
{
	*s = (struct server){ .n_workers = config->workers, .started = (uint64_t)time(NULL) };
	pthread_mutex_init(&s->mutex, NULL);
	int error = resolver_new(least_resolve_ms(config), NULL, &s->resolver);
	if (error) {
		config_unref(config);
		return error;
	}
	error = runtime_new(s->resolver, config, &s->first);
	if (error)
		return error;
	error = open_spending(s);
	if (!error)
		error = open_ledger(s);
	if (!error)
		error = open_sinks(s);
	if (error)
		return error;
	s->current = runtime_ref(s->first);
	s->desk = audit_desk_new();
	s->metrics = metrics_new(metric_table, METRIC_COUNT, s->n_workers + 3);
	s->workers = calloc(s->n_workers, sizeof(*s->workers));
	s->ballots = ballots_new();
	return s->metrics && s->workers && s->desk && s->ballots ? 0 : -ENOMEM;
}

int server_open_tap(struct server *s)
{
	const struct config_mirror *m = s->first->config->mirror;
	int error =
		m ? tap_open(m, s->n_workers, metrics_shard(s->metrics, s->n_workers + 2), &s->tap)
		  : 0;
	if (error)
		fprintf(stderr, "redcard: the mirror cannot start: %s\n", strerror(-error));
	return error;
}

/* The ledger goes first, after those that ask it: its writer wakes workers, whose threads have
 * ended by then. */
void server_fini(struct server *s)
{
	outbox_stop(s->outbox);
	ledger_use(NULL);
	ledger_close(s->ledger);
	outbox_free(s->outbox);
	ledger_store_close(s->ledger_reader);
	change_states_free(s->states);
	nonces_close(s->nonces);
	sinks_free(s->sinks, SINKS_DRAIN_MS);
	for (unsigned i = 0; s->workers && i < s->n_workers; i++)
		worker_fini(&s->workers[i]);
	free(s->workers);
	tap_close(s->tap);
	ballots_free(s->ballots);
	runtime_unref(s->current);
	runtime_unref(s->first);
	spending_close(s->spending);
	audit_desk_free(s->desk);
	metrics_free(s->metrics);
	resolver_free(s->resolver);
	pthread_mutex_destroy(&s->mutex);
}

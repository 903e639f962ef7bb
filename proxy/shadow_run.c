/* `redcard shadow run`: a server of one worker for its pages, the replayer's threads, the
 * guardian's, and this one, which takes what was mirrored. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/cli.h"
#include "proxy/config_ledger.h"
#include "proxy/metric_table.h"
#include "proxy/server.h"
#include "proxy/shadow.h"
#include "proxy/shadow_options.h"
#include "proxy/verbs.h"
#include "proxy/version.h"

#define VERB "shadow run"
#define POLL_MS 100

struct service {
	struct server server; /* of the pages */
	struct worker worker;
	struct shadow shadow;
	const struct shadow_from *from;
	struct shadow_source *source;
	bool paused;
};

static struct config *load(const char *path, const struct shadow_from *from)
{
	struct buf errors = { 0 };
	struct config *config = NULL;
	if (shadow_load(path, from, &config, &errors) == 0 &&
	    (!config->shadow || !config->shadow->to.url)) {
		buf_printf(&errors,
			   "%s:%u: there is no shadow to send to; add `shadow: {to: {url: "
			   "http://HOST:PORT}}`\n",
			   path, config->shadow ? config->shadow->line : 1);
		config_unref(config);
		config = NULL;
	}
	fprintf(stderr, "%.*s", (int)errors.n, errors.p ? errors.p : "");
	buf_fini(&errors);
	return config;
}

/* --- start --- */

static int make_server(struct service *s)
{
	struct server *server = &s->server;
	struct config *pages = NULL;
	struct buf errors = { 0 };
	int error = config_load_shadow_pages(s->shadow.config->path, &pages, &errors);
	buf_fini(&errors); /* what it could say was said before */
	if (error)
		return error;
	error = resolver_new(30000, NULL, &server->resolver);
	if (error)
		config_unref(pages);
	else
		error = runtime_new(server->resolver, pages, &server->first);
	if (error)
		return error;
	server->current = runtime_ref(server->first);
	server->metrics = metrics_new(metric_table, METRIC_COUNT, 2);
	server->workers = &s->worker;
	server->started = (uint64_t)time(NULL);
	server->shadow = &s->shadow;
	return server->metrics ? 0 : -ENOMEM;
}

static void pause_soon(void *owner, bool paused)
{
	struct shadow *s = owner;
	replayer_pause(s->replayer, paused);
	atomic_store(&s->wants_pause, paused);
}

static void tell(void *owner, const struct shadow_told *t)
{
	struct shadow *s = owner;
	if (s->keeper)
		keeper_tell(s->keeper, t);
}

static void on_request(void *owner, const struct mirror_request *q)
{
	replayer_request(((struct shadow *)owner)->replayer, q);
}

static void on_answer(void *owner, const struct mirror_answer *a)
{
	replayer_answer(((struct shadow *)owner)->replayer, a);
}

static void on_lost(void *owner, const struct mirror_loss *loss)
{
	(void)owner; /* the counts say it exactly */
	(void)loss;
}

static int open_ledger(struct shadow *s, struct buf *why)
{
	if (!s->config->ledger)
		return 0;
	int error = ledger_open(&s->config->ledger->options, &s->ledger, why);
	if (!error)
		ledger_use(s->ledger);
	return error;
}

/* What waits for the guardian's word begins paused, so that nothing goes to what is not there. */
static int open_replayer(struct shadow *s)
{
	const struct replayer_options o = {
		.config = s->config, .metrics = s->metrics, .told = tell, .owner = s
	};
	int error = replayer_open(&o, &s->replayer);
	if (!error && s->config->shadow->guardian)
		replayer_pause(s->replayer, true);
	return error;
}

static int open_keeper(struct shadow *s, size_t shard)
{
	const struct keeper_options o = { .config = s->config->shadow->guardian,
					  .shard = metrics_shard(s->metrics, shard),
					  .pause = pause_soon,
					  .owner = s };
	return o.config ? keeper_open(&o, &s->keeper) : 0;
}

/* Before there is a second thread: it takes the rights that a tap needs, and gives them up. */
static int open_source(struct service *s, struct buf *why)
{
	const struct mirror_sink sink = { on_request, on_answer, on_lost, &s->shadow };
	return shadow_source_open(s->shadow.config, s->from, &sink, &s->source, why);
}

static int open_all(struct service *s, struct buf *why)
{
	struct shadow *w = &s->shadow;
	size_t shards = w->config->shadow->connections;
	w->metrics = metrics_new(shadow_metrics, SHADOW_METRICS, shards + 4);
	if (!w->metrics)
		return -ENOMEM;
	w->source_shard = metrics_shard(w->metrics, shards + 1);
	w->page_shard = metrics_shard(w->metrics, shards + 2);
	w->tap = "none";
	snprintf(w->tap_why, sizeof(w->tap_why), "it has not begun");
	int error = worker_init(&s->worker, &s->server, 0);
	if (!error)
		error = worker_listen(&s->worker, false, why);
	if (!error)
		error = open_ledger(w, why);
	if (!error)
		error = open_replayer(w);
	return error ? error : open_keeper(w, shards + 3);
}

static int start(struct service *s)
{
	struct buf why = { 0 };
	int error = open_source(s, &why);
	if (!error)
		error = log_open(NULL, (enum log_level)s->shadow.config->log_level);
	if (!error)
		error = make_server(s);
	if (!error)
		error = open_all(s, &why);
	while (why.n && why.p[why.n - 1] == '\n')
		why.n--;
	if (error)
		fprintf(stderr, "redcard " VERB ": cannot start: %.*s\n",
			(int)(why.n ? why.n : strlen(strerror(-error))),
			why.n ? why.p : strerror(-error));
	buf_fini(&why);
	return error ? error : server_start(&s->server, VERB);
}

/* --- work --- */

static const char *fixed_mirror_key(const struct config_mirror *x, const struct config_mirror *y)
{
	if (!config_same_text(x->socket, y->socket))
		return "socket";
	if (x->tap != y->tap)
		return "tap";
	if (x->ring_bytes != y->ring_bytes)
		return "ring";
	if (x->answer_most != y->answer_most)
		return "answer_most";
	return config_same_text(x->cgroup, y->cgroup) ? NULL : "cgroup";
}

/* What cannot change while it runs. NULL: nothing of it has changed. */
static const char *fixed_key(const struct config *a, const struct config *b)
{
	const struct config_shadow *x = a->shadow, *y = b->shadow;
	if (strcmp(x->listen.address, y->listen.address) != 0)
		return "listen";
	if (x->connections != y->connections)
		return "connections";
	if (!config_same_guardian(x->guardian, y->guardian))
		return "guardian";
	return fixed_mirror_key(a->mirror, b->mirror);
}

static void reload(struct service *service)
{
	struct shadow *s = &service->shadow;
	struct buf errors = { 0 };
	struct config *config = NULL;
	int error = shadow_load(s->config->path, service->from, &config, &errors);
	const char *fixed = error || !config->shadow || !config->shadow->to.url
				    ? NULL
				    : fixed_key(s->config, config);
	while (errors.n && errors.p[errors.n - 1] == '\n')
		errors.n--;
	if (error) {
		log_message(LOG_ERROR, "reload_refused", "%.*s", (int)errors.n,
			    errors.p ? errors.p : "");
	} else if (!config->shadow || !config->shadow->to.url) {
		log_message(LOG_ERROR, "reload_refused", "there is no shadow in it any more");
	} else if (fixed) {
		log_message(LOG_ERROR, "reload_refused",
			    "shadow: %s has changed, which a running replayer keeps; start it anew",
			    fixed);
	} else {
		replayer_use(s->replayer, config);
		shadow_source_use(service->source, config);
		log_message(LOG_INFO, "reloaded", "%s", s->config->path);
		if (s->keeper)
			keeper_begin_anew(s->keeper);
	}
	config_unref(config);
	buf_fini(&errors);
}

/* What a source that is attached to a service counts besides. */
static void count_attached(struct service *s)
{
	struct shadow *w = &s->shadow;
	struct attach_view now;
	if (!shadow_source_attached(s->source, &now))
		return;
	shadow_count_attached(w->source_shard, w->attached ? &w->view : NULL, &now);
	pthread_mutex_lock(&w->lock);
	w->attached = true;
	w->view = now;
	pthread_mutex_unlock(&w->lock);
}

static void count_source(struct service *s)
{
	struct shadow *w = &s->shadow;
	const char *why, *tap = shadow_source_tap(s->source, &why);
	struct mirror_counts now = shadow_source_counts(s->source);
	metric_add(w->source_shard, SHADOW_LOST_BYTES, 0, now.lost - w->counts.lost);
	metric_add(w->source_shard, SHADOW_REQUESTS, SHADOW_INCOMPLETE,
		   now.incomplete - w->counts.incomplete);
	count_attached(s);
	pthread_mutex_lock(&w->lock);
	w->counts = now;
	w->tap = tap;
	snprintf(w->tap_why, sizeof(w->tap_why), "%s", why);
	pthread_mutex_unlock(&w->lock);
	bool paused = atomic_load(&w->wants_pause);
	if (paused != s->paused)
		shadow_source_pause(s->source, paused);
	s->paused = paused;
}

/* Until a signal says so, or the recorded requests are through. */
static int work(struct service *s, const sigset_t *signals)
{
	const struct timespec none = { 0 };
	for (;;) {
		int error = shadow_source_poll(s->source, POLL_MS);
		bool over = shadow_source_over(s->source);
		int got = sigtimedwait(signals, NULL, &none);
		replayer_tick(s->shadow.replayer, clock_ms());
		count_source(s);
		if (error < 0)
			log_message(LOG_ERROR, "mirror", "%s", strerror(-error));
		if (error < 0)
			return EXIT_TOOL;
		if (got == SIGHUP)
			reload(s);
		if (got == SIGTERM || got == SIGINT || (over && replayer_idle(s->shadow.replayer)))
			return EXIT_CLEAN;
	}
}

/* --- end --- */

/* What was sent may come to its end first; then whoever shows or stops the replayer goes, then the
 * replayer itself. */
static void stop(struct service *s)
{
	struct server *server = &s->server;
	struct shadow *w = &s->shadow;
	shadow_source_close(s->source);
	replayer_drain(w->replayer, clock_ms() + w->config->shadow->drain_ms);
	server_stop(server);
	keeper_close(w->keeper);
	replayer_free(w->replayer);
	ledger_use(NULL);
	ledger_close(w->ledger);
	worker_fini(&s->worker);
	runtime_unref(server->current);
	runtime_unref(server->first);
	metrics_free(server->metrics);
	metrics_free(w->metrics);
	resolver_free(server->resolver);
	pthread_mutex_destroy(&server->mutex);
	pthread_mutex_destroy(&w->lock);
}

static int serve(struct config *config, const struct shadow_from *from, const sigset_t *signals)
{
	struct service s = { .server.mutex = PTHREAD_MUTEX_INITIALIZER,
			     .server.n_workers = 1,
			     .shadow.lock = PTHREAD_MUTEX_INITIALIZER,
			     .shadow.config = config,
			     .from = from };
	int status = EXIT_TOOL;
	if (start(&s) == 0) {
		log_message(LOG_INFO, "listening", "%s (shadow)", config->shadow->listen.address);
		log_message(LOG_INFO, "started", "redcard %s, to %s", redcard_version,
			    config->shadow->to.url);
		status = work(&s, signals);
		log_message(LOG_INFO, "drain", "what was sent has %u ms", config->shadow->drain_ms);
	}
	stop(&s);
	return status;
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
}

int shadow_run_main(int argc, char **argv)
{
	const char *path = "redcard.yaml";
	struct shadow_from from = { 0 };
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration, that of the proxy (redcard.yaml)" },
		{ .name = "replay",
		  .value = "FILE|-",
		  .text = &from.path,
		  .help = "recorded requests instead of the mirror's, to their end" },
		SHADOW_ATTACH_OPTION(from),
		SHADOW_PORT_OPTION(from),
	};
	struct cli cli = {
		.verb = VERB,
		.summary =
			"Sends mirrored requests to the shadow, judges and compares what it answers, and guards\n"
			"it; until TERM or INT. HUP reads the configuration again.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard shadow run -c /etc/redcard/redcard.yaml\n"
			    "  redcard shadow run -c redcard.yaml --replay recorded.jsonl\n"
			    "  sudo redcard shadow run -c redcard.yaml --attach "
			    "system.slice/builder.service --port 9000\n",
	};
	int status;
	sigset_t signals;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!shadow_from_sound(VERB, &from))
		return EXIT_TOOL;
	block_signals(&signals);
	struct config *config = load(path, &from);
	if (!config)
		return EXIT_TOOL;
	status = serve(config, &from, &signals);
	log_close();
	config_unref(config);
	return status;
}

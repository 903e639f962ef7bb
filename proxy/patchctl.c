/* `redcard patchctl`: a server of one worker without listeners for clients, and the crew. */
#include "proxy/patchctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/cli.h"
#include "proxy/config_keys.h"
#include "proxy/metric_table.h"
#include "proxy/patchctl_metrics.h"
#include "proxy/server.h"
#include "proxy/verbs.h"
#include "proxy/version.h"

#define VERB "patchctl"
#define FORGET_S 3600 /* how often old rows are looked for */

struct service {
	struct server server;
	struct worker worker;
	struct patchctl patchctl;
};

static struct config *load(const char *path)
{
	struct buf errors = { 0 };
	struct config *config = NULL;
	if (config_load_patchctl(path, &config, &errors) != 0)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p ? errors.p : "");
	buf_fini(&errors);
	return config;
}

/* --- start --- */

/* Takes over the reference to config. */
static int make_server(struct service *s, struct config *config)
{
	struct server *server = &s->server;
	struct patchctl *p = &s->patchctl;
	p->config = config->patchctl;
	int error = resolver_new(30000, NULL, &server->resolver);
	if (error)
		config_unref(config);
	else
		error = runtime_new(server->resolver, config, &server->first);
	if (error)
		return error;
	server->current = runtime_ref(server->first);
	server->metrics = metrics_new(metric_table, METRIC_COUNT, 2);
	server->workers = &s->worker;
	server->started = (uint64_t)time(NULL);
	server->patchctl = p;
	p->metrics = metrics_new(patchctl_metrics, PATCHCTL_METRICS, p->config->at_once + 2);
	if (!server->metrics || !p->metrics)
		return -ENOMEM;
	p->shard = metrics_shard(p->metrics, p->config->at_once + 1);
	return 0;
}

/* The port is taken before anything is worked on. why: what is to be said behind the file's name.
 */
static int open_all(struct service *s, struct buf *why)
{
	struct patchctl *p = &s->patchctl;
	int error = worker_init(&s->worker, &s->server, 0);
	if (!error)
		error = worker_listen(&s->worker, false, why);
	if (error)
		return error;
	buf_add_text(why, "1: ");
	error = patchctl_store_open(p->config->state_dir, &p->store, why);
	if (!error)
		error = crew_open(s->server.first->config, p->store, p->metrics, &p->crew, why);
	buf_add_char(why, '\n');
	return error;
}

static int start(struct service *s, struct config *config)
{
	struct buf why = { 0 };
	int error = make_server(s, config);
	if (!error) {
		error = open_all(s, &why);
		if (error && why.n)
			fprintf(stderr, "%s:%.*s", s->server.first->config->path, (int)why.n,
				why.p);
	}
	if (error && !why.n)
		fprintf(stderr, "redcard " VERB ": cannot start: %s\n", strerror(-error));
	buf_fini(&why);
	return error ? error : server_start(&s->server, VERB);
}

/* --- end --- */

/* The worker's thread goes first, which asks the crew; the crew's threads wake the worker. */
static void stop(struct service *s)
{
	struct server *server = &s->server;
	server_stop(server);
	crew_close(s->patchctl.crew);
	patchctl_store_close(s->patchctl.store);
	worker_fini(&s->worker);
	runtime_unref(server->current);
	runtime_unref(server->first);
	metrics_free(server->metrics);
	metrics_free(s->patchctl.metrics);
	resolver_free(server->resolver);
	pthread_mutex_destroy(&server->mutex);
}

/* --- while it runs --- */

static void log_errors(struct buf *errors)
{
	char *rest = NULL;
	buf_add(errors, "", 1);
	for (char *line = errors->failed ? NULL : strtok_r(errors->p, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		log_message(LOG_ERROR, "reload_refused", "%s", line);
	log_message(LOG_ERROR, "reload_refused", "the last good configuration stays in force");
}

static void warn_of_the_rest(const struct config *old, const struct config *next)
{
	if (!config_same_text(old->admin.address, next->admin.address) ||
	    !config_same_text(old->admin.tls_cert, next->admin.tls_cert) ||
	    !config_same_text(old->admin.tls_key, next->admin.tls_key) ||
	    !config_same_text(old->patchctl->state_dir, next->patchctl->state_dir) ||
	    old->patchctl->at_once != next->patchctl->at_once)
		log_message(LOG_WARNING, "reload",
			    "listen, tls, state_dir and limits.at_once change with a restart only; "
			    "the old ones stay");
}

/* What runs keeps the configuration that it began with. */
static void reload(struct service *s)
{
	struct server *server = &s->server;
	struct buf errors = { 0 };
	struct config *config = NULL;
	struct runtime *next = NULL;
	int error = config_load_patchctl(server->first->config->path, &config, &errors);
	if (!error)
		error = runtime_new(server->resolver, config, &next);
	if (error) {
		log_errors(&errors);
	} else {
		warn_of_the_rest(server->first->config, config);
		pthread_mutex_lock(&server->mutex);
		struct runtime *old = server->current;
		server->current = runtime_ref(next);
		pthread_mutex_unlock(&server->mutex);
		runtime_unref(old);
		worker_wake(&s->worker);
		crew_renew(s->patchctl.crew, config);
		log_message(LOG_INFO, "reloaded", "%zu targets, %zu tokens",
			    config->patchctl->n_targets, config->patchctl->n_tokens);
		runtime_unref(next);
	}
	buf_fini(&errors);
}

/* Whether there may be more to take away. */
static bool forget(struct service *s)
{
	uint64_t now_ms = clock_real_ms();
	struct runtime *rt = server_runtime(&s->server);
	uint64_t keep_ms = (uint64_t)rt->config->patchctl->keep_days * 24 * 3600 * 1000;
	runtime_unref(rt);
	if (now_ms < keep_ms)
		return false;
	int n = patchctl_store_forget(s->patchctl.store, now_ms - keep_ms);
	if (n > 0)
		log_message(LOG_INFO, "forgotten", "%d old rows of the state", n);
	if (n < 0)
		log_message(LOG_ERROR, "patchctl_state", "old rows cannot be taken away: %s",
			    strerror(-n));
	return n > 0;
}

static void await_end(struct service *s, const sigset_t *signals)
{
	for (;;) {
		const struct timespec pause = { .tv_sec = forget(s) ? 1 : FORGET_S };
		int got = sigtimedwait(signals, NULL, &pause);
		if (got == SIGHUP)
			reload(s);
		if (got != SIGTERM && got != SIGINT)
			continue;
		log_message(LOG_INFO, "drain", "signal %d: what is open goes on at the next start",
			    got);
		return;
	}
}

static int serve(struct config *config, const sigset_t *signals)
{
	struct service s = { .server.mutex = PTHREAD_MUTEX_INITIALIZER, .server.n_workers = 1 };
	bool started = start(&s, config) == 0;
	if (started) {
		log_message(LOG_INFO, "listening", "%s (PatchCtl)", config->admin.address);
		log_message(LOG_INFO, "started", "redcard %s, %zu targets", redcard_version,
			    s.patchctl.config->n_targets);
		await_end(&s, signals);
	}
	stop(&s);
	return started ? EXIT_CLEAN : EXIT_TOOL;
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

int patchctl_main(int argc, char **argv)
{
	const char *path = "patchctl.yaml";
	bool check = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration (patchctl.yaml)" },
		{ .name = "check", .flag = &check, .help = "read the configuration, and end" },
	};
	struct cli cli = {
		.verb = VERB,
		.summary =
			"Serves rollbacks: keeps anchors, restores them through drivers, and verifies what it\n"
			"restored; until TERM or INT. What is open then goes on at the next start. HUP reloads.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard patchctl -c /etc/redcard/patchctl.yaml\n"
			    "  redcard patchctl -c patchctl.yaml --check\n",
	};
	int status;
	sigset_t signals;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	block_signals(&signals);
	struct config *config = load(path);
	if (!config)
		return EXIT_TOOL;
	if (check) {
		config_unref(config);
		return EXIT_CLEAN;
	}
	if (log_open(NULL, LOG_INFO) != 0) {
		config_unref(config);
		return EXIT_TOOL;
	}
	status = serve(config, &signals);
	log_close();
	return status;
}

/* `redcard patchctl`: a server of one worker without listeners for clients, and the crew. */
#include "proxy/patchctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lib/ring.h"
#include "proxy/cli.h"
#include "proxy/metric_table.h"
#include "proxy/patchctl_metrics.h"
#include "proxy/server.h"
#include "proxy/verbs.h"
#include "proxy/version.h"

#define VERB "patchctl"

struct service {
	struct server server;
	struct worker worker;
	struct patchctl patchctl;
	bool runs;
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

static int run_worker(struct service *s)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int error = -pthread_create(&s->worker.thread, NULL, worker_main, &s->worker);
	if (error)
		return error;
	while (atomic_load(&s->server.running) == 0)
		nanosleep(&pause, NULL);
	s->runs = true;
	error = atomic_load(&s->server.start_error);
	if (error)
		fprintf(stderr, "redcard " VERB ": io_uring cannot be used: %s\n",
			ring_refusal(error));
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
	return error ? error : run_worker(s);
}

/* --- end --- */

/* The worker's thread goes first, which asks the crew; the crew's threads wake the worker. */
static void stop(struct service *s)
{
	struct server *server = &s->server;
	atomic_store(&server->draining, true);
	if (s->runs) {
		worker_wake(&s->worker);
		pthread_join(s->worker.thread, NULL);
	}
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

static int serve(struct config *config, const sigset_t *signals)
{
	struct service s = { .server.mutex = PTHREAD_MUTEX_INITIALIZER, .server.n_workers = 1 };
	int got = 0;
	bool started = start(&s, config) == 0;
	if (started) {
		log_message(LOG_INFO, "listening", "%s (PatchCtl)", config->admin.address);
		log_message(LOG_INFO, "started", "redcard %s, %zu targets", redcard_version,
			    s.patchctl.config->n_targets);
		while (got != SIGTERM && got != SIGINT)
			if (sigwait(signals, &got) != 0)
				break;
		log_message(LOG_INFO, "drain", "signal %d: what is open goes on at the next start",
			    got);
	}
	stop(&s);
	return started ? EXIT_CLEAN : EXIT_TOOL;
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGHUP, SIG_IGN); /* nothing is reloaded */
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
			"restored; until TERM or INT. What is open then goes on at the next start.",
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

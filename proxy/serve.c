/* `redcard serve`: starts the workers, waits for signals, reloads, drains. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/ring.h"
#include "proxy/audit_desk.h"
#include "proxy/change_state.h"
#include "proxy/cli.h"
#include "proxy/config_ledger.h"
#include "proxy/config_mirror.h"
#include "proxy/metric_table.h"
#include "proxy/outbox.h"
#include "proxy/server.h"
#include "proxy/sinks.h"
#include "proxy/verbs.h"
#include "proxy/version.h"

#define RESOLVE_WAIT_MS 3000

/* --- start --- */

/* A ring on this thread, before anything else is opened: a kernel that refuses says so while
 * nothing runs yet. */
static int check_ring(void)
{
	const struct ring_options options = { .entries = 8,
					      .buffers = { 2, 2 },
					      .buffer_bytes = { 64, 64 } };
	struct ring *ring;
	int error = ring_open(&options, &ring);
	if (error) {
		fprintf(stderr, "redcard: io_uring cannot be used: %s\n", ring_refusal(error));
		return error;
	}
	ring_close(ring);
	return 0;
}

static void raise_descriptor_limit(const struct config *c)
{
	struct rlimit limit;
	uint64_t wanted = 2 * (uint64_t)c->limits.connections * c->workers +
			  64; /* a client and its builder each */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		fprintf(stderr,
			"%s: warning: %llu descriptors are allowed, limits.connections may ask for %llu; "
			"raise `ulimit -n` or lower limits.connections\n",
			c->path, (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

/* Names get a moment to resolve, so that the first request finds an address; one that cannot is
 * said, not fatal. */
static void await_names(const struct runtime *rt)
{
	for (size_t i = 0; i < rt->config->n_upstreams; i++) {
		for (size_t k = 0; k < rt->upstreams[i].n; k++) {
			const struct upstream_address *a = &rt->upstreams[i].addresses[k];
			const char *error = "no answer yet";
			if (resolver_wait(a->name, RESOLVE_WAIT_MS) == 0 &&
			    resolver_status(a->name, &error) == RESOLVER_GOOD)
				continue;
			log_message(LOG_WARNING, "resolve",
				    "builder %s: %s: %s; it is asked again and again",
				    rt->config->upstreams[i].name, a->config->host, error);
		}
	}
}

static int open_workers(struct server *s)
{
	struct buf errors = { 0 };
	int error = 0;
	for (unsigned i = 0; i < s->n_workers && !error; i++) {
		error = worker_init(&s->workers[i], s, i);
		if (!error)
			error = worker_listen(&s->workers[i], true, &errors);
	}
	if (error && errors.n)
		fprintf(stderr, "%s:%.*s", s->first->config->path, (int)errors.n, errors.p);
	else if (error)
		fprintf(stderr, "redcard: cannot start: %s\n", strerror(-error));
	buf_fini(&errors);
	return error;
}

/* --- signals --- */

static void log_lines(enum log_level level, const char *event, struct buf *lines)
{
	char *rest = NULL;
	buf_add(lines, "", 1);
	for (char *line = strtok_r(lines->p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_message(level, event, "%s", line);
}

/* What of the policy is not as its files say, as `validate` prints it. */
static void log_notes(const struct ruleset *set)
{
	struct span notes = ruleset_notes(set);
	struct buf lines = { 0 };
	buf_add(&lines, notes.p, notes.n);
	if (notes.n && !lines.failed)
		log_lines(LOG_WARNING, "policy", &lines);
	buf_fini(&lines);
}

static bool same_listeners(const struct config *a, const struct config *b)
{
	bool same = a->n_listeners == b->n_listeners && a->workers == b->workers &&
		    a->admin.addr_len == b->admin.addr_len &&
		    memcmp(&a->admin.addr, &b->admin.addr, sizeof(a->admin.addr)) == 0;
	for (size_t i = 0; same && i < a->n_listeners; i++)
		same = memcmp(&a->listeners[i].addr, &b->listeners[i].addr,
			      sizeof(a->listeners[i].addr)) == 0;
	return same;
}

/* What is spent stays where it is kept for the server's life. */
static bool same_state(const struct server *s, const struct config *config, struct buf *errors)
{
	const char *old = s->first->config->state_dir, *now = config->state_dir;
	if (old && now && strcmp(old, now) == 0)
		return true;
	for (size_t i = 0; i < config->n_upstreams && !old; i++) {
		if (!config->upstreams[i].daily_nano)
			continue;
		buf_printf(errors,
			   "%s:%u: the daily cost of `%s` needs a `state_dir`, which begins with a "
			   "restart only; restart redcard\n",
			   config->path, config->upstreams[i].line, config->upstreams[i].name);
		return false;
	}
	if (old || now)
		log_message(LOG_WARNING, "reload",
			    "state_dir changes with a restart only; the old one stays");
	return true;
}

static bool same_ledger(const struct config_ledger *a, const struct config_ledger *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a->options.path, b->options.path) == 0 &&
	       strcmp(a->options.key, b->options.key) == 0 &&
	       strcmp(a->options.checkpoints, b->options.checkpoints) == 0 &&
	       a->options.checkpoint_rows == b->options.checkpoint_rows &&
	       a->options.checkpoint_ms == b->options.checkpoint_ms;
}

/* One that ends does so with a reload: then nothing is mirrored. */
static bool same_socket(const struct config_mirror *a, const struct config_mirror *b)
{
	return !b || (a && strcmp(a->socket, b->socket) == 0);
}

static int load_next(struct server *s, struct runtime **out, struct buf *errors)
{
	const struct config *old = s->first->config;
	struct config *config = NULL;
	int error = config_load(old->path, &config, errors);
	if (error)
		return error;
	if (!same_listeners(old, config))
		log_message(LOG_WARNING, "reload",
			    "listeners and workers change with a restart only; the old ones stay");
	if (!same_ledger(old->ledger, config->ledger))
		log_message(LOG_WARNING, "reload",
			    "the ledger changes with a restart only; the old one stays");
	if (!same_socket(old->mirror, config->mirror))
		log_message(LOG_WARNING, "reload",
			    "`shadow` begins, and its socket changes, with a restart only");
	if (!s->outbox != !config->rollback)
		log_message(LOG_WARNING, "reload",
			    "`rollback` begins and ends with a restart only; the old one stays");
	if (!same_state(s, config, errors)) {
		config_unref(config);
		return -EINVAL;
	}
	error = runtime_new(s->resolver, config, out);
	if (error)
		return error;
	error = runtime_spend(*out, s->spending);
	if (!error)
		error = sinks_prepare(s->sinks, config, errors);
	if (error)
		runtime_unref(*out);
	return error;
}

static void reload(struct server *s)
{
	struct buf errors = { 0 };
	struct runtime *next = NULL;
	int error = load_next(s, &next, &errors);
	if (!error)
		await_names(next);
	if (error) {
		atomic_fetch_add(&s->reloads_refused, 1);
		metric_add(server_metrics(s), METRIC_RELOADS, RELOAD_REFUSED, 1);
		log_lines(LOG_ERROR, "reload_refused", &errors);
		log_message(LOG_ERROR, "reload_refused",
			    "the last good configuration stays in force");
	} else {
		pthread_mutex_lock(&s->mutex);
		struct runtime *old = s->current;
		s->current = next;
		pthread_mutex_unlock(&s->mutex);
		if (s->outbox && next->config->rollback)
			outbox_configure(s->outbox, next->config);
		runtime_unref(old);
		server_wake(s);
		sinks_adopt(s->sinks, server_metrics(s));
		atomic_fetch_add(&s->reloads, 1);
		metric_add(server_metrics(s), METRIC_RELOADS, RELOAD_OK, 1);
		log_message(LOG_INFO, "reload", "in force: %zu rules, hash %s",
			    ruleset_count(next->config->ruleset),
			    ruleset_hash(next->config->ruleset));
		log_notes(next->config->ruleset);
	}
	if (log_reopen() != 0)
		log_message(LOG_ERROR, "log",
			    "the log file cannot be opened again; the old one goes on");
	buf_fini(&errors);
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
}

static void serve(struct server *s, const sigset_t *signals)
{
	int got;
	do {
		got = 0;
		if (sigwait(signals, &got) == 0 && got == SIGHUP)
			reload(s);
	} while (got != SIGTERM && got != SIGINT);
	log_message(LOG_INFO, "drain", "signal %d: no new connections; running exchanges may end",
		    got);
	server_stop(s);
	log_message(LOG_INFO, "stopped", "all workers have ended");
}

static void announce(const struct server *s)
{
	const struct config *c = s->first->config;
	for (size_t i = 0; i < c->n_listeners; i++)
		log_message(LOG_INFO, "listening", "%s%s", c->listeners[i].address,
			    c->listeners[i].tls ? " (TLS)" : "");
	if (c->admin.addr_len)
		log_message(LOG_INFO, "listening", "%s (admin)", c->admin.address);
	log_message(LOG_INFO, "started", "redcard %s, %u workers, %zu rules, policy hash %s",
		    redcard_version, s->n_workers, ruleset_count(c->ruleset),
		    ruleset_hash(c->ruleset));
	log_notes(c->ruleset);
}

static struct config *load(const char *path)
{
	struct buf errors = { 0 };
	struct config *config = NULL;
	if (config_load(path, &config, &errors) != 0)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
	buf_fini(&errors);
	return config;
}

/* Takes over the reference to config. On failure the reason is printed; server_fini() is owed in
 * any case. */
static int start(struct server *s, struct config *config)
{
	int error = server_init(s, config);
	if (error) {
		if (!s->said)
			fprintf(stderr, "redcard: cannot start: %s\n", strerror(-error));
		return error;
	}
	error = open_workers(s);
	if (error)
		return error;
	config = s->first->config;
	error = log_open(config->log_file, (enum log_level)config->log_level);
	if (error) {
		fprintf(stderr, "%s: cannot open the log file %s: %s; make its folder writable\n",
			config->path, config->log_file, strerror(-error));
		return error;
	}
	await_names(s->first);
	error = server_open_outbox(s);
	if (!error)
		error = server_open_tap(s);
	if (!error)
		error = server_start(s, "serve");
	if (!error)
		sinks_adopt(s->sinks, server_metrics(s));
	return error;
}

int serve_main(int argc, char **argv)
{
	const char *path = "redcard.yaml";
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration (redcard.yaml)" },
	};
	struct cli cli = {
		.verb = "serve",
		.summary = "Serves as the configuration says, until TERM or INT; HUP reloads.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard serve -c /etc/redcard/redcard.yaml\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	sigset_t signals;
	block_signals(&signals); /* one that comes while we start waits until there is somebody to
				    take it */
	struct config *config = load(path);
	if (!config)
		return EXIT_TOOL;
	if (check_ring() != 0) {
		config_unref(config);
		return EXIT_TOOL;
	}
	struct server server;
	status = EXIT_TOOL;
	raise_descriptor_limit(config);
	if (start(&server, config) == 0) {
		announce(&server);
		serve(&server, &signals);
		status = EXIT_CLEAN;
	}
	server_fini(&server);
	log_close();
	return status;
}

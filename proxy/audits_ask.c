/* `redcard audits ask`: tries an auditor out with two files. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/ring.h"
#include "policy/compare.h"
#include "proxy/audit_desk.h"
#include "proxy/auditor.h"
#include "proxy/audits.h"
#include "proxy/cli.h"
#include "proxy/metric_table.h"
#include "proxy/plain.h"
#include "proxy/server.h"
#include "proxy/verbs.h"

#define VERB "audits ask"
#define RESOLVE_WAIT_MS 3000
#define FILE_BYTES (4u << 20)

/* A server of one worker that has no listeners for clients. */
struct trial {
	struct server server;
	struct worker worker;
	const struct config_auditor *auditor;
	struct buf files[2];
	struct comparison c;
	struct audit_said said;
	uint64_t took_ms;
	bool done;
};

static bool load(struct trial *t, const char *path, const char *name)
{
	struct buf errors = { 0 };
	struct config *config = NULL;
	if (config_load(path, &config, &errors) != 0)
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
	buf_fini(&errors);
	if (!config)
		return false;
	t->auditor = config_auditor_named(config, name);
	if (!t->auditor) {
		fprintf(stderr, "%s:1: there is no auditor `%s`; add it under `auditors`\n", path,
			name);
		config_unref(config);
		return false;
	}
	int error = resolver_new(30000, NULL, &t->server.resolver);
	if (error)
		config_unref(config);
	else
		error = runtime_new(t->server.resolver, config, &t->server.first);
	if (error)
		fprintf(stderr, "redcard " VERB ": cannot start: %s\n", strerror(-error));
	return error == 0;
}

static bool start(struct trial *t)
{
	struct server *s = &t->server;
	struct buf errors = { 0 };
	bool human = t->auditor->kind == AUDITOR_HUMAN;
	s->current = runtime_ref(s->first);
	s->desk = audit_desk_new();
	s->metrics = metrics_new(metric_table, METRIC_COUNT, 2);
	s->started = (uint64_t)time(NULL);
	int error = s->desk && s->metrics ? 0 : -ENOMEM;
	/* The first worker has the admin listener, where a person answers, and the health checks,
	 * which are of no use here. */
	if (!error)
		error = worker_init(&t->worker, s, human ? 0 : 1);
	if (!error)
		error = worker_listen(&t->worker, false, &errors);
	if (errors.n)
		fprintf(stderr, "%s:%.*s", s->first->config->path, (int)errors.n, errors.p);
	else if (error)
		fprintf(stderr, "redcard " VERB ": cannot start: %s\n", strerror(-error));
	buf_fini(&errors);
	return error == 0;
}

/* Names get a moment to resolve; one that does not is said, and shows in the answer. */
static void await_names(const struct trial *t)
{
	const struct upstream *u = &t->server.first->upstreams[t->auditor->upstream];
	for (size_t i = 0; t->auditor->kind != AUDITOR_HUMAN && i < u->n; i++)
		if (resolver_wait(u->addresses[i].name, RESOLVE_WAIT_MS) != 0)
			fprintf(stderr, "redcard " VERB ": %s is not resolved yet\n",
				u->addresses[i].config->host);
}

static void on_done(struct audit *audit, void *owner)
{
	struct trial *t = owner;
	t->said = *audit_said(audit);
	t->took_ms = audit_took_ms(audit);
	t->done = true;
}

static void ask(struct trial *t, const struct audit_question *q)
{
	int error = worker_begin(&t->worker);
	struct audit *audit =
		error ? NULL : audit_ask(&t->worker, t->server.first, t->auditor, q, on_done, t);
	while (audit && !t->done)
		worker_turn(&t->worker);
	if (error)
		fprintf(stderr, "redcard " VERB ": io_uring cannot be used: %s\n",
			ring_refusal(error));
	else if (!audit)
		fputs("redcard " VERB ": out of memory\n", stderr);
	worker_end(&t->worker);
}

static void compare_files(struct trial *t, const struct syntax_language *language,
			  uint32_t threshold)
{
	struct span texts[COMPARE_SIDES] = { 0 };
	for (int i = 0; i < 2; i++)
		texts[i] = (struct span){ t->files[i].p ? t->files[i].p : "", t->files[i].n };
	t->c.reason = COMPARE_UNKNOWN_LANGUAGE;
	if (language)
		compare(&t->c, language, texts, threshold, true);
}

static void ask_about(struct trial *t, char *const *paths, uint32_t threshold)
{
	struct span a = { t->files[0].p ? t->files[0].p : "", t->files[0].n };
	struct span b = { t->files[1].p ? t->files[1].p : "", t->files[1].n };
	const struct syntax_language *language = syntax_of_file(span_of(paths[0]));
	char id[AUDIT_ID_BYTES + 1];
	double low = NAN, high = NAN;
	if (!language)
		language = syntax_of_file(span_of(paths[1]));
	compare_files(t, language, threshold);
	if (t->c.scored)
		score_bounds(&t->c.score, &low, &high);
	worker_new_id(&t->worker, id);
	const struct audit_file file = { .path = span_of(paths[0]),
					 .language = span_of(language ? language->name : NULL),
					 .a = a,
					 .b = b };
	const struct audit_question q = {
		.exchange = span_of(id),
		.builder_a = SPAN("a"),
		.builder_b = SPAN("b"),
		.diff_percent = low,
		.threshold = threshold / (double)SCORE_UNITS,
		.reason = span_of(compare_reason_names[t->c.reason]),
		.files = &file,
		.n_files = 1,
	};
	await_names(t);
	ask(t, &q);
}

static int report(const struct trial *t, bool json)
{
	struct buf out = { 0 };
	enum audit_answer answer = t->said.answer;
	if (!t->done)
		return EXIT_TOOL;
	if (json) {
		buf_printf(&out, "{\"auditor\":\"%s\",\"answer\":\"%s\",\"reason\":\"",
			   t->auditor->name, audit_answer_names[answer]);
		buf_add_json(&out, span_of(t->said.reason));
		buf_printf(&out, "\",\"ms\":%llu}\n", (unsigned long long)t->took_ms);
	} else {
		buf_printf(&out, "%s", audit_answer_names[answer]);
		buf_add_text(&out, t->said.reason[0] ? ": " : "");
		plain_add(&out, span_of(t->said.reason));
		buf_printf(&out, " (after %llu ms)\n", (unsigned long long)t->took_ms);
	}
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	return answer == AUDIT_YES ? EXIT_CLEAN : answer == AUDIT_NO ? EXIT_FINDING : EXIT_TOOL;
}

static bool read_files(struct trial *t, char *const *paths)
{
	for (int i = 0; i < 2; i++) {
		int error = file_read(paths[i], FILE_BYTES, &t->files[i]);
		if (!error)
			continue;
		fprintf(stderr, "redcard " VERB ": %s: %s; name a file that can be read\n",
			paths[i], strerror(-error));
		return false;
	}
	return true;
}

static void trial_fini(struct trial *t)
{
	struct server *s = &t->server;
	worker_fini(&t->worker);
	comparison_fini(&t->c);
	for (int i = 0; i < 2; i++)
		buf_fini(&t->files[i]);
	runtime_unref(s->current);
	runtime_unref(s->first);
	audit_desk_free(s->desk);
	metrics_free(s->metrics);
	resolver_free(s->resolver);
}

static int run(char *const *paths, const char *config, const char *auditor, const char *threshold,
	       bool json)
{
	struct trial t = { .server.mutex = PTHREAD_MUTEX_INITIALIZER, .server.n_workers = 1 };
	uint32_t limit = 0;
	int status = EXIT_TOOL;
	if (!score_threshold(threshold, &limit)) {
		fprintf(stderr,
			"redcard " VERB ": threshold %s is no percentage; write one such as 3.00\n",
			threshold);
		return EXIT_TOOL;
	}
	if (log_open(NULL, LOG_WARNING) == 0 && read_files(&t, paths) &&
	    load(&t, config, auditor) && start(&t)) {
		ask_about(&t, paths, limit);
		status = report(&t, json);
	}
	trial_fini(&t);
	log_close();
	return status;
}

int audits_ask_main(int argc, char **argv)
{
	const char *config = "redcard.yaml", *auditor = NULL, *threshold = "3.00";
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &config,
		  .help = "the configuration (redcard.yaml)" },
		{ .name = "auditor",
		  .value = "NAME",
		  .text = &auditor,
		  .help = "which of its auditors" },
		{ .name = "threshold",
		  .letter = 't',
		  .value = "PERCENT",
		  .text = &threshold,
		  .help = "what the question says of it (3.00)" },
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = VERB,
		.summary =
			"Asks an auditor of a configuration about two files, and prints its answer; 0 yes, 1 no,\n"
			"2 anything else. A person is asked at the admin listener, which this verb opens itself.",
		.operands = "A B",
		.operands_min = 2,
		.operands_max = 2,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard audits ask -c redcard.yaml --auditor judge a.py b.py\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!auditor) {
		fputs("redcard " VERB ": which auditor? write --auditor NAME\n", stderr);
		return EXIT_TOOL;
	}
	return run(cli.v, config, auditor, threshold, json);
}

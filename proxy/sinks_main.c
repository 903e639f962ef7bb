/* `redcard sinks`: tries a sink of a configuration out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/fetch.h"
#include "proxy/cli.h"
#include "proxy/plain.h"
#include "proxy/sink.h"
#include "proxy/sink_message.h"
#include "proxy/verbs.h"

static const struct config_sink *find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_sinks; i++)
		if (strcmp(c->sinks[i].name, name) == 0)
			return &c->sinks[i];
	fprintf(stderr, "redcard sinks: %s has no sink %s; it has:", c->path, name);
	for (size_t i = 0; i < c->n_sinks; i++)
		fprintf(stderr, "%s %s", i ? "," : "", c->sinks[i].name);
	fprintf(stderr, "%s\n", c->n_sinks ? "" : " none");
	return NULL;
}

static void say(const struct config_sink *s, bool json, bool taken, const char *why,
		const struct buf *excerpt)
{
	struct buf out = { 0 };
	struct span text = { excerpt->p, excerpt->n };
	if (json) {
		buf_printf(&out, "{\"sink\":\"%s\",\"kind\":\"%s\",\"taken\":%s,\"said\":\"",
			   s->name, sink_kind_names[s->kind], taken ? "true" : "false");
		buf_add_json(&out, span_of(why));
		buf_add_text(&out, "\",\"answer\":\"");
		buf_add_json(&out, text);
		buf_add_text(&out, "\"}\n");
	} else {
		buf_printf(&out, "%s (%s): %s: %s\n", s->name, sink_kind_names[s->kind],
			   taken ? "taken" : "not taken", why);
		plain_add_lines(&out, text, "  ");
	}
	fwrite(out.p ? out.p : "", 1, out.n, stdout);
	buf_fini(&out);
}

static int send_test(const struct config_sink *s, bool json)
{
	struct sink_messages m = { 0 };
	struct buf excerpt = { 0 };
	struct fetcher *f = fetcher_new();
	char id[LEDGER_ID_LENGTH + 1], why[FETCH_WHY] = "";
	uint64_t now_s = (uint64_t)time(NULL);
	uint32_t wait_s;
	enum sink_answer answer = SINK_FAILED;
	int error = f ? ledger_next_id(NULL, now_s * 1000, id) : -ENOMEM;
	if (!error)
		error = sink_messages_test(&m, s, id, now_s);
	if (error)
		fprintf(stderr, "redcard sinks: %s\n", strerror(-error));
	else
		answer = sink_send(f, s, &m.v[0], NULL, &wait_s, &excerpt, why);
	if (!error)
		say(s, json, answer == SINK_TAKEN, why, &excerpt);
	sink_messages_fini(&m);
	buf_fini(&excerpt);
	fetcher_free(f);
	return error ? EXIT_TOOL : answer == SINK_TAKEN ? EXIT_CLEAN : EXIT_FINDING;
}

static int run(const char *path, const char *name, bool json)
{
	struct buf errors = { 0 };
	struct config *c = NULL;
	int status = EXIT_TOOL;
	if (config_load_sinks(path, &c, &errors) != 0) {
		fwrite(errors.p ? errors.p : "", 1, errors.n, stderr);
	} else {
		const struct config_sink *s = find(c, name);
		if (s)
			status = send_test(s, json);
	}
	config_unref(c);
	buf_fini(&errors);
	return status;
}

int sinks_main(int argc, char **argv)
{
	const char *path = "redcard.yaml";
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration (redcard.yaml)" },
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "sinks",
		.summary =
			"Sends one test message to a sink and says what came back. A github is only asked\n"
			"about its repository, so that nothing is left there.",
		.operands = "test NAME",
		.operands_max = 2,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard sinks test alerts\n"
			    "  redcard sinks test -c /etc/redcard/redcard.yaml --json alerts\n",
	};
	int status;
	signal(SIGPIPE, SIG_IGN); /* a receiver that hangs up is an answer */
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (cli.n == 2 && strcmp(cli.v[0], "test") == 0)
		return run(path, cli.v[1], json);
	fprintf(stderr,
		"redcard sinks: write test and the name of one sink; see redcard sinks --help\n");
	return EXIT_TOOL;
}

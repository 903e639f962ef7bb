/* `redcard ledger init` and `add`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "proxy/ledger_files.h"
#include "proxy/ledger_verbs.h"
#include "proxy/verbs.h"

static int say(const char *verb, struct buf *why)
{
	fprintf(stderr, "redcard %s: %.*s\n", verb, (int)why->n, why->p ? why->p : "");
	buf_fini(why);
	return EXIT_TOOL;
}

static const char *refusal(int error)
{
	switch (-error) {
	case EINVAL: return "the body is no JSON object with distinct keys; correct it";
	case EFBIG: return "the body is larger than 64 KiB; write less";
	case EEXIST: return "the key of --once belongs to another row; use another key";
	default: return ledger_error(error);
	}
}

int ledger_write_row(const struct ledger_place *p, const char *verb, const struct ledger_row *row,
		     bool json)
{
	struct ledger *l;
	struct ledger_added added;
	struct buf why = { 0 };
	const char *wrong = ledger_row_wrong(row->kind, row->subject, row->key);
	if (wrong) {
		fprintf(stderr, "redcard %s: %s\n", verb, wrong);
		return EXIT_TOOL;
	}
	int error = ledger_open(&p->options, &l, &why);
	if (error)
		return say(verb, &why);
	error = ledger_add_wait(l, row, &added);
	if (error)
		fprintf(stderr, "redcard %s: nothing was written: %s\n", verb, refusal(error));
	else if (json)
		printf("{\"id\":\"%s\",\"repeated\":%s,\"sequence\":%llu}\n", added.id,
		       added.repeated ? "true" : "false", (unsigned long long)added.sequence);
	else
		puts(added.id);
	(void)fflush(stdout); /* main() looks at its errors */
	ledger_close(l);
	return error ? EXIT_TOOL : EXIT_CLEAN;
}

/* --- init --- */

static int init(const struct ledger_place *p, const char *verb)
{
	struct signature_key *key;
	struct ledger *l;
	struct buf why = { 0 };
	if (ledger_key_open(p->options.key, true, &key, &why) != 0)
		return say(verb, &why);
	int error = ledger_open(&p->options, &l, &why);
	if (!error) {
		printf("ledger       %s\nkey          %s (%s)\npublic key   %s.pub\ncheckpoints  %s\n",
		       p->options.path, p->options.key, signature_key_id(key), p->options.key,
		       p->options.checkpoints);
		ledger_close(l);
	}
	signature_free(key);
	return error ? say(verb, &why) : EXIT_CLEAN;
}

int ledger_init_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		LEDGER_OUTSIDE_OPTION(place),
		LEDGER_KEY_OPTION(place),
	};
	struct cli cli = {
		.verb = "ledger init",
		.summary = "Makes what is missing of a ledger: its database, its key, its file of "
			   "checkpoints.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger init -c /etc/redcard/redcard.yaml\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = ledger_place_find(&place, cli.verb) ? init(&place, cli.verb) : EXIT_TOOL;
	ledger_place_fini(&place);
	return status;
}

/* --- add --- */

struct add {
	const char *kind, *subject, *once;
	bool json;
};

static int add(const struct ledger_place *p, const struct cli *cli, const struct add *a)
{
	struct buf body = { 0 };
	int error = 0;
	if (strcmp(cli->v[0], "-") == 0)
		error = file_drain(STDIN_FILENO, 4 * LEDGER_BODY_MAX, &body);
	else
		buf_add_text(&body, cli->v[0]);
	if (error || body.failed) {
		fprintf(stderr, "redcard %s: standard input: %s\n", cli->verb, strerror(-error));
		buf_fini(&body);
		return EXIT_TOOL;
	}
	const struct ledger_row row = { .kind = span_of(a->kind),
					.subject = span_of(a->subject),
					.key = a->once ? span_of(a->once) : (struct span){ 0 },
					.body = { body.p, body.n } };
	int status = ledger_write_row(p, cli->verb, &row, a->json);
	buf_fini(&body);
	return status;
}

int ledger_add_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	struct add a = { 0 };
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		LEDGER_OUTSIDE_OPTION(place),
		LEDGER_KEY_OPTION(place),
		{ .name = "kind",
		  .letter = 'k',
		  .value = "KIND",
		  .text = &a.kind,
		  .help = "what sort of row it is, such as note" },
		{ .name = "subject",
		  .letter = 's',
		  .value = "TEXT",
		  .text = &a.subject,
		  .help = "what it is about, such as an id" },
		{ .name = "once",
		  .value = "KEY",
		  .text = &a.once,
		  .help = "a retry with the same KEY gives the same row" },
		{ .name = "json", .flag = &a.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "ledger add",
		.summary = "Adds a row to the ledger, and prints its id once it is on disk.",
		.operands = "JSON|-",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger add -k note -s wave-3 '{\"text\": \"held back\"}'\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!a.kind || !a.subject) {
		fprintf(stderr,
			"redcard %s: a row needs --kind and --subject; see redcard %s --help\n",
			cli.verb, cli.verb);
		return EXIT_TOOL;
	}
	status = ledger_place_find(&place, cli.verb) ? add(&place, &cli, &a) : EXIT_TOOL;
	ledger_place_fini(&place);
	return status;
}

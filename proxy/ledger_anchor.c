/* `redcard ledger anchor`: names a state that can be gone back to, or says what a name stands for.
 */
#include <stdio.h>

#include "proxy/ledger_verbs.h"
#include "proxy/verbs.h"

#define KIND "anchor"

struct anchor {
	const char *target, *revision, *note;
	bool json;
};

static int record(const struct ledger_place *p, const struct cli *cli, const struct anchor *a)
{
	struct buf body = { 0 };
	buf_add_text(&body, "{\"name\":\"");
	buf_add_json(&body, span_of(cli->v[0]));
	buf_add_text(&body, "\",\"revision\":\"");
	buf_add_json(&body, span_of(a->revision));
	buf_add_text(&body, "\",\"target\":\"");
	buf_add_json(&body, span_of(a->target));
	if (a->note) {
		buf_add_text(&body, "\",\"note\":\"");
		buf_add_json(&body, span_of(a->note));
	}
	buf_add_text(&body, "\"}");
	const struct ledger_row row = { .kind = SPAN_INIT(KIND),
					.subject = span_of(cli->v[0]),
					.body = { body.p, body.n } };
	int status = body.failed ? EXIT_TOOL : ledger_write_row(p, cli->verb, &row, a->json);
	buf_fini(&body);
	return status;
}

/* The newest row of the name counts. */
static int look_up(const struct ledger_place *p, const struct cli *cli, bool json)
{
	const struct ledger_filter filter = { .kind = SPAN_INIT(KIND),
					      .subject = span_of(cli->v[0]),
					      .limit = 1,
					      .newest_first = true };
	struct ledger_row row;
	struct buf out = { 0 };
	struct ledger_store *s = ledger_place_read(p, cli->verb);
	if (!s)
		return EXIT_TOOL;
	int found = ledger_store_select(s, &filter);
	found = found ? found : ledger_store_next(s, &row);
	if (found == 1 && json)
		ledger_row_add_json(&out, &row);
	else if (found == 1)
		buf_add(&out, row.body.p, row.body.n);
	if (found == 1)
		printf("%.*s\n", (int)out.n, out.p ? out.p : "");
	else
		fprintf(stderr, "redcard %s: %s%s\n", cli->verb,
			found ? "the ledger cannot be read: "
			      : "there is no anchor of that name; "
				"record one with --target and "
				"--revision",
			found ? ledger_error(found) : "");
	buf_fini(&out);
	ledger_store_close(s);
	return found == 1 ? EXIT_CLEAN : found ? EXIT_TOOL : EXIT_FINDING;
}

int ledger_anchor_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	struct anchor a = { 0 };
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		LEDGER_OUTSIDE_OPTION(place),
		LEDGER_KEY_OPTION(place),
		{ .name = "target",
		  .letter = 't',
		  .value = "TEXT",
		  .text = &a.target,
		  .help = "what can be taken back, such as a repository" },
		{ .name = "revision",
		  .letter = 'r',
		  .value = "TEXT",
		  .text = &a.revision,
		  .help = "the version of it to go back to" },
		{ .name = "note", .value = "TEXT", .text = &a.note, .help = "for the record" },
		{ .name = "json", .flag = &a.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "ledger anchor",
		.summary =
			"Names a rollback anchor: a row that says which revision of a target the "
			"name stands for.\nWithout --target and --revision it shows what the name "
			"stands for.",
		.operands = "NAME",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger anchor qa-revert --target web --revision 4f2a9c1\n"
			    "  redcard ledger anchor qa-revert\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!a.target != !a.revision || (a.note && !a.target)) {
		fprintf(stderr, "redcard %s: --target and --revision go together; give both\n",
			cli.verb);
		return EXIT_TOOL;
	}
	if (!ledger_place_find(&place, cli.verb))
		status = EXIT_TOOL;
	else
		status = a.target ? record(&place, &cli, &a) : look_up(&place, &cli, a.json);
	ledger_place_fini(&place);
	return status;
}

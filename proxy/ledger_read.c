/* `redcard ledger list`, `show` and `export`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/ledger_verbs.h"
#include "proxy/plain.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

#define LIST_ROWS 50
#define LIST_ROWS_MAX 10000
#define PAGE_ROWS 512 /* read at once, so that a long export does not hold the database */

struct selection {
	const char *kind, *subject, *since, *after, *limit;
	bool json;
};

static bool number(const char *verb, const char *option, const char *text, uint64_t max,
		   uint64_t *out)
{
	if (!text || (units_count(span_of(text), out) == 0 && *out <= max))
		return true;
	fprintf(stderr, "redcard %s: %s %s cannot be; write a number up to %llu\n", verb, option,
		text, (unsigned long long)max);
	return false;
}

static bool read_filter(const char *verb, const struct selection *s, struct ledger_filter *f)
{
	if (s->kind)
		f->kind = span_of(s->kind);
	if (s->subject)
		f->subject = span_of(s->subject);
	f->newest_first = !s->after;
	f->limit = LIST_ROWS;
	return number(verb, "--after", s->after, INT64_MAX, &f->after) &&
	       number(verb, "--limit", s->limit, LIST_ROWS_MAX, &f->limit) &&
	       (!s->since || ledger_since(verb, s->since, &f->since_ms));
}

static int unreadable(const char *verb, int error)
{
	fprintf(stderr, "redcard %s: the ledger cannot be read: %s\n", verb, ledger_error(error));
	return EXIT_TOOL;
}

static void flush(struct buf *out)
{
	fwrite(out->p ? out->p : "", 1, out->n, stdout);
	buf_clear(out);
}

/* --- list --- */

static int list(struct ledger_store *s, const char *verb, const struct ledger_filter *f, bool json)
{
	struct ledger_row row;
	struct buf out = { 0 };
	uint64_t n = 0;
	int found = ledger_store_select(s, f);
	if (!found && json)
		buf_add_text(&out, "{\"rows\":[");
	while (found >= 0 && (found = ledger_store_next(s, &row)) == 1) {
		if (json && n)
			buf_add_text(&out, ",\n");
		if (json)
			ledger_row_add_json(&out, &row);
		else
			ledger_row_add_line(&out, &row);
		n++;
		flush(&out);
	}
	if (found == 0 && json)
		buf_add_text(&out, "]}\n");
	else if (found == 0 && n == 0)
		buf_add_text(&out, "no such row\n");
	flush(&out);
	if (!json && n == f->limit)
		fprintf(stderr,
			"redcard %s: %llu rows are shown, there may be more; see --limit and --after\n",
			verb, (unsigned long long)n);
	buf_fini(&out);
	return found < 0 ? unreadable(verb, found) : EXIT_CLEAN;
}

int ledger_list_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	struct selection chosen = { 0 };
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		{ .name = "kind",
		  .letter = 'k',
		  .value = "KIND",
		  .text = &chosen.kind,
		  .help = "only rows of that kind" },
		{ .name = "subject",
		  .letter = 's',
		  .value = "TEXT",
		  .text = &chosen.subject,
		  .help = "only rows about that" },
		{ .name = "since",
		  .value = "TIME",
		  .text = &chosen.since,
		  .help = "only newer ones: a date, or how long ago, such as 24h" },
		{ .name = "after",
		  .value = "SEQUENCE",
		  .text = &chosen.after,
		  .help = "from behind that row on, oldest first" },
		{ .name = "limit",
		  .letter = 'n',
		  .value = "N",
		  .text = &chosen.limit,
		  .help = "how many rows (50, at most 10000)" },
		{ .name = "json", .flag = &chosen.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "ledger list",
		.summary = "Lists rows of the ledger, the newest first.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger list --kind card --since 24h\n"
			    "  redcard ledger list --after 1000 --limit 100 --json\n",
	};
	struct ledger_filter filter = { 0 };
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = EXIT_TOOL;
	if (read_filter(cli.verb, &chosen, &filter) && ledger_place_find(&place, cli.verb)) {
		struct ledger_store *s = ledger_place_read(&place, cli.verb);
		if (s)
			status = list(s, cli.verb, &filter, chosen.json);
		ledger_store_close(s);
	}
	ledger_place_fini(&place);
	return status;
}

/* --- show --- */

static void print_row(const struct ledger_row *row, struct buf *out)
{
	const struct {
		const char *name;
		struct span text;
	} rows[] = {
		{ "id", row->id },   { "kind", row->kind },         { "subject", row->subject },
		{ "key", row->key }, { "previous", row->previous }, { "hash", row->hash },
	};
	buf_printf(out, "%-9s %llu\n%-9s ", "sequence", (unsigned long long)row->sequence, "time");
	ledger_add_time(out, row->time_ms);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!rows[i].text.p)
			continue;
		buf_printf(out, "%-9s ", rows[i].name);
		plain_add(out, rows[i].text);
		buf_add_char(out, '\n');
	}
	buf_printf(out, "%-9s ", "body");
	plain_add(out, row->body);
	buf_add_char(out, '\n');
}

static int find(struct ledger_store *s, const char *name, struct ledger_row *row)
{
	struct ledger_filter one = { .limit = 1 };
	uint64_t sequence;
	if (strlen(name) == LEDGER_ID_LENGTH || units_count(span_of(name), &sequence) != 0)
		return ledger_store_find(s, span_of(name), row);
	if (sequence == 0 || sequence > INT64_MAX)
		return 0;
	one.after = sequence - 1;
	int found = ledger_store_select(s, &one);
	found = found ? found : ledger_store_next(s, row);
	return found == 1 ? row->sequence == sequence : found;
}

static int show(struct ledger_store *s, const struct cli *cli, bool json)
{
	struct ledger_row row;
	struct buf out = { 0 };
	int found = find(s, cli->v[0], &row);
	if (found < 0)
		return unreadable(cli->verb, found);
	if (!found) {
		fprintf(stderr, "redcard %s: there is no row %s; see redcard ledger list\n",
			cli->verb, cli->v[0]);
		return EXIT_FINDING;
	}
	if (json) {
		ledger_row_add_json(&out, &row);
		buf_add_char(&out, '\n');
	} else {
		print_row(&row, &out);
	}
	flush(&out);
	buf_fini(&out);
	return EXIT_CLEAN;
}

int ledger_show_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	bool json = false;
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "ledger show",
		.summary = "Shows one row of the ledger with its body.",
		.operands = "ID|SEQUENCE",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger show 01KB2Q8Y0V6ZJ4T3N5M7P9R1SX\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct ledger_store *s =
		ledger_place_find(&place, cli.verb) ? ledger_place_read(&place, cli.verb) : NULL;
	status = s ? show(s, &cli, json) : EXIT_TOOL;
	ledger_store_close(s);
	ledger_place_fini(&place);
	return status;
}

/* --- export --- */

struct export
{
	struct ledger_store *store;
	struct ledger_checkpoints checkpoints;
	size_t at;
	uint64_t rows;
	struct buf out;
};

static void put_checkpoints(struct export *e, uint64_t up_to)
{
	for (; e->at < e->checkpoints.n && e->checkpoints.v[e->at].sequence <= up_to; e->at++) {
		ledger_checkpoint_add_json(&e->out, &e->checkpoints.v[e->at]);
		buf_add_char(&e->out, '\n');
	}
}

/* The rows behind *after, a page of them; *after becomes the last one. 0: there were none. */
static int put_page(struct export *e, uint64_t *after)
{
	const struct ledger_filter page = { .after = *after, .limit = PAGE_ROWS };
	struct ledger_row row;
	int found = ledger_store_select(e->store, &page), n = 0;
	while (found >= 0 && (found = ledger_store_next(e->store, &row)) == 1) {
		ledger_row_add_json(&e->out, &row);
		buf_add_char(&e->out, '\n');
		put_checkpoints(e, row.sequence);
		flush(&e->out);
		*after = row.sequence;
		ledger_progress(++e->rows, false);
		n++;
	}
	ledger_store_end(e->store);
	return found < 0 ? found : n;
}

static int export_all(struct ledger_store *s, const char *verb, uint64_t after)
{
	struct export e = { .store = s };
	int more = ledger_store_checkpoints(s, after, &e.checkpoints);
	more = more ? more : 1;
	while (more > 0 && !ferror(stdout))
		more = put_page(&e, &after);
	ledger_progress(e.rows, true);
	bool failed = e.out.failed;
	ledger_checkpoints_fini(&e.checkpoints);
	buf_fini(&e.out);
	return more < 0 || failed ? unreadable(verb, more < 0 ? more : -ENOMEM) : EXIT_CLEAN;
}

int ledger_export_main(int argc, char **argv)
{
	struct ledger_place place = { 0 };
	const char *after = NULL;
	bool json = false;
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(place),
		{ .name = "after",
		  .value = "SEQUENCE",
		  .text = &after,
		  .help = "from behind that row on" },
		{ .name = "json", .flag = &json, .help = "as always: one JSON object a line" },
	};
	struct cli cli = {
		.verb = "ledger export",
		.summary = "Prints rows and checkpoints as JSON lines, which redcard ledger verify "
			   "--export checks.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger export -c redcard.yaml >ledger.jsonl\n",
	};
	uint64_t from = 0;
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if (!number(cli.verb, "--after", after, INT64_MAX, &from))
		return EXIT_TOOL;
	struct ledger_store *s =
		ledger_place_find(&place, cli.verb) ? ledger_place_read(&place, cli.verb) : NULL;
	status = s ? export_all(s, cli.verb, from) : EXIT_TOOL;
	ledger_store_close(s);
	ledger_place_fini(&place);
	return status;
}

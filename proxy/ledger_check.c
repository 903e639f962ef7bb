/* `redcard ledger verify`: of a database, or of what was exported of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "proxy/ledger_verbs.h"
#include "proxy/ledger_verify.h"
#include "proxy/verbs.h"

#define PAGE_ROWS 512
#define EXPORT_MAX_BYTES ((size_t)1 << 31)

struct verify {
	const char *verb, *export, *public;
	struct ledger_place place;
	struct ledger_keys keys;
	struct ledger_check check;
	bool json;
};

/* --- a database --- */

static int check_rows(struct ledger_check *c, struct ledger_store *s)
{
	struct ledger_filter page = { .limit = PAGE_ROWS };
	struct ledger_row row;
	for (;;) {
		uint64_t before = c->rows;
		int found = ledger_store_select(s, &page);
		while (found >= 0 && (found = ledger_store_next(s, &row)) == 1) {
			int error = ledger_check_row(c, &row);
			if (error)
				return error;
			page.after = row.sequence;
			ledger_progress(c->rows, false);
		}
		ledger_store_end(s);
		if (found < 0 || c->rows == before)
			return found;
	}
}

static int take_outside(struct verify *v, struct ledger_checkpoints *outside)
{
	size_t bad_line;
	const char *path = v->place.options.checkpoints;
	int error = ledger_checkpoint_file(path, outside, &bad_line);
	if (error == -ENOENT) {
		ledger_check_found(&v->check, 0, "the file of checkpoints outside, %.120s, is gone",
				   path);
		return 0;
	}
	if (error) {
		fprintf(stderr, "redcard %s: %s: %s\n", v->verb, path, strerror(-error));
		return error;
	}
	if (bad_line)
		ledger_check_found(&v->check, 0, "line %zu of the checkpoints outside is none",
				   bad_line);
	return 0;
}

static int merge(struct ledger_checkpoints *to, const struct ledger_checkpoints *from)
{
	int error = 0;
	for (size_t i = 0; i < from->n && !error; i++)
		error = ledger_checkpoints_add(to, &from->v[i]);
	return error;
}

/* What may grow meanwhile is read in the order against that in which it is written: the rows last.
 */
static int check_database(struct verify *v, struct ledger_store *s)
{
	struct ledger_checkpoints inside = { 0 }, outside = { 0 };
	int error = ledger_store_checkpoints(s, 0, &inside);
	if (!error)
		error = take_outside(v, &outside);
	if (!error)
		error = merge(&v->check.checkpoints, &inside);
	if (!error)
		error = merge(&v->check.checkpoints, &outside);
	if (!error) {
		ledger_check_begin(&v->check);
		error = check_rows(&v->check, s);
	}
	if (!error) {
		ledger_check_end(&v->check);
		ledger_check_outside(&v->check, &inside, &outside);
	}
	ledger_checkpoints_fini(&inside);
	ledger_checkpoints_fini(&outside);
	return error;
}

/* --- what was exported --- */

struct lines {
	struct verify *v;
	struct buf body;
	uint64_t number;
	bool rows; /* the second time through: checkpoints were taken the first time */
};

static int take_line(struct lines *l, const struct json_value *root)
{
	struct ledger_check *c = &l->v->check;
	struct ledger_checkpoint p;
	struct ledger_row row;
	bool sealed = json_get(root, "signature") != NULL;
	if (sealed && l->rows)
		return 0;
	if (sealed && ledger_checkpoint_read(root, &p))
		return ledger_checkpoints_add(&c->checkpoints, &p);
	if (!l->rows && !sealed)
		return 0;
	const char *wrong = sealed ? "is no checkpoint" : ledger_row_read(root, &l->body, &row);
	if (wrong) {
		ledger_check_found(c, 0, "line %llu %s", (unsigned long long)l->number, wrong);
		return 0;
	}
	ledger_progress(c->rows, false);
	return ledger_check_row(c, &row);
}

static int each_line(struct lines *l, struct span text)
{
	int error = 0;
	for (l->number = 1; text.n && !error; l->number++) {
		struct json *doc;
		const char *end = memchr(text.p, '\n', text.n);
		struct span line = { text.p, end ? (size_t)(end - text.p) : text.n };
		size_t used = line.n + (end != NULL);
		text = (struct span){ text.p + used, text.n - used };
		error = json_parse(line, &doc);
		if (error == 0) {
			error = take_line(l, json_root(doc));
			json_free(doc);
		} else if (error == -EINVAL) {
			error = 0;
			if (l->rows)
				ledger_check_found(&l->v->check, 0, "line %llu is no JSON",
						   (unsigned long long)l->number);
		}
	}
	return error;
}

static int check_text(struct verify *v, struct span text)
{
	struct lines l = { .v = v };
	struct ledger_checkpoints outside = { 0 };
	int error = each_line(&l, text);
	if (!error && v->place.checkpoints) {
		v->place.options.checkpoints = v->place.checkpoints;
		error = take_outside(v, &outside);
		if (!error)
			error = merge(&v->check.checkpoints, &outside);
	}
	ledger_checkpoints_fini(&outside);
	v->check.from_anywhere = true;
	if (!error) {
		ledger_check_begin(&v->check);
		l.rows = true;
		error = each_line(&l, text);
	}
	if (!error)
		ledger_check_end(&v->check);
	buf_fini(&l.body);
	return error;
}

static int check_export(struct verify *v)
{
	struct buf text = { 0 };
	int error = strcmp(v->export, "-") == 0 ? file_drain(STDIN_FILENO, EXPORT_MAX_BYTES, &text)
						: file_read(v->export, EXPORT_MAX_BYTES, &text);
	if (error)
		fprintf(stderr, "redcard %s: %s: %s\n", v->verb, v->export, strerror(-error));
	else if ((error = check_text(v, (struct span){ text.p, text.n })) != 0)
		fprintf(stderr, "redcard %s: %s\n", v->verb, strerror(-error));
	buf_fini(&text);
	return error;
}

/* --- what was found --- */

/* What could not be seen, which is no finding. NULL: nothing. */
static const char *unseen(const struct ledger_check *c)
{
	if (!c->rows)
		return "there are no rows: nothing was checked";
	return c->checkpoints.n ? NULL : "no checkpoint yet: a cut-off tail could not be seen";
}

static void print_json(const struct ledger_check *c)
{
	struct buf out = { 0 };
	buf_printf(
		&out,
		"{\"good\":%s,\"rows\":%llu,\"first\":%llu,\"last\":%llu,\"checkpoints\":%zu,"
		"\"sealed\":%llu,\"first_bad\":%llu,\"warnings\":%d,\"findings\":%zu,\"shown\":[",
		c->n_findings ? "false" : "true", (unsigned long long)c->rows,
		(unsigned long long)c->first, (unsigned long long)c->last, c->checkpoints.n,
		(unsigned long long)c->sealed, (unsigned long long)c->first_bad, unseen(c) != NULL,
		c->n_findings);
	for (size_t i = 0; i < min_size(c->n_findings, LEDGER_FINDINGS_SHOWN); i++) {
		buf_printf(&out, "%s{\"sequence\":%llu,\"what\":\"", i ? "," : "",
			   (unsigned long long)c->findings[i].sequence);
		buf_add_json(&out, span_of(c->findings[i].what));
		buf_add_text(&out, "\"}");
	}
	buf_add_text(&out, "]}\n");
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static void print_text(const struct ledger_check *c)
{
	for (size_t i = 0; i < min_size(c->n_findings, LEDGER_FINDINGS_SHOWN); i++) {
		const struct ledger_finding *f = &c->findings[i];
		if (f->sequence)
			printf("row %llu: %s\n", (unsigned long long)f->sequence, f->what);
		else
			printf("%s\n", f->what);
	}
	if (c->n_findings > LEDGER_FINDINGS_SHOWN)
		printf("and %zu more findings\n", c->n_findings - LEDGER_FINDINGS_SHOWN);
	if (c->first_bad)
		printf("the first bad row is %llu\n", (unsigned long long)c->first_bad);
	if (unseen(c))
		printf("warning: %s\n", unseen(c));
	printf("%s: %llu %s", c->n_findings ? "NOT GOOD" : "good", (unsigned long long)c->rows,
	       c->rows == 1 ? "row" : "rows");
	if (c->first > 1)
		printf(", from row %llu on", (unsigned long long)c->first);
	uint64_t after = c->last - min_u64(c->sealed, c->last);
	printf("; %zu good checkpoint%s, %llu row%s after the last of them\n", c->checkpoints.n,
	       c->checkpoints.n == 1 ? "" : "s", (unsigned long long)after, after == 1 ? "" : "s");
}

/* Findings come in the order of the sequence; what is about no row is first. */
static int by_place(const void *a, const void *b)
{
	const struct ledger_finding *x = a, *y = b;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static int report(struct verify *v)
{
	struct ledger_check *c = &v->check;
	ledger_progress(c->rows, true);
	qsort(c->findings, min_size(c->n_findings, LEDGER_FINDINGS_SHOWN), sizeof(c->findings[0]),
	      by_place);
	if (v->json)
		print_json(c);
	else
		print_text(c);
	return c->n_findings ? EXIT_FINDING : EXIT_CLEAN;
}

static bool read_keys(struct verify *v)
{
	struct buf name = { 0 }, why = { 0 };
	buf_printf(&name, "%s.pub", v->place.options.key ? v->place.options.key : "");
	bool good = !name.failed &&
		    ledger_keys_read(v->public ? v->public : name.p, &v->keys, &why) == 0;
	if (!good)
		fprintf(stderr, "redcard %s: the public key: %.*s; name it with --public\n",
			v->verb, (int)why.n, why.p ? why.p : "");
	v->check.keys = &v->keys;
	buf_fini(&name);
	buf_fini(&why);
	return good;
}

static int verify(struct verify *v)
{
	bool alone = v->export && v->public; /* nothing else is needed */
	if ((!alone && !ledger_place_find(&v->place, v->verb)) || !read_keys(v))
		return EXIT_TOOL;
	if (v->export)
		return check_export(v) ? EXIT_TOOL : report(v);
	struct ledger_store *s = ledger_place_read(&v->place, v->verb);
	if (!s)
		return EXIT_TOOL;
	int error = check_database(v, s);
	if (error)
		fprintf(stderr, "redcard %s: the ledger cannot be read to its end: %s\n", v->verb,
			ledger_error(error));
	ledger_store_close(s);
	return error ? EXIT_TOOL : report(v);
}

int ledger_verify_main(int argc, char **argv)
{
	struct verify v = { .verb = "ledger verify" };
	const struct cli_option options[] = {
		LEDGER_PLACE_OPTIONS(v.place),
		LEDGER_OUTSIDE_OPTION(v.place),
		{ .name = "public",
		  .value = "FILE",
		  .text = &v.public,
		  .help = "the public keys to trust (KEY.pub)" },
		{ .name = "export",
		  .value = "FILE",
		  .text = &v.export,
		  .help = "check what redcard ledger export wrote; - is standard input" },
		{ .name = "json", .flag = &v.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = v.verb,
		.summary =
			"Checks that no row of the ledger was changed, taken out, moved or cut off, "
			"and says where.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard ledger verify -c redcard.yaml --public safe/ledger.pub\n"
			    "  redcard ledger verify --export ledger.jsonl --public ledger.pub\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	status = verify(&v);
	ledger_check_fini(&v.check);
	ledger_keys_fini(&v.keys);
	ledger_place_fini(&v.place);
	return status;
}

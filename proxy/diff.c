/* `redcard diff`: how far two renders of one program are from each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/file.h"
#include "proxy/cli.h"
#include "proxy/diff.h"
#include "proxy/diff_sharp.h"
#include "proxy/diff_view.h"
#include "proxy/printable.h"
#include "proxy/report.h"
#include "proxy/verbs.h"

static int read_one(const char *path, struct buf *out)
{
	/* One byte more than is parsed, so that what is too large is found to be. */
	size_t most = (size_t)syntax_default_limits.bytes + 1;
	return strcmp(path, "-") == 0 ? file_drain(STDIN_FILENO, most, out)
				      : file_read(path, most, out);
}

static bool read_files(struct diff *d)
{
	for (int i = 0; i < COMPARE_SIDES; i++) {
		if (!d->paths[i])
			continue;
		int error = read_one(d->paths[i], &d->files[i]);
		if (error && error != -EFBIG) {
			fprintf(stderr, "redcard diff: %s: %s; name a file that can be read\n",
				d->paths[i], strerror(-error));
			return false;
		}
		d->texts[i] = (struct span){ d->files[i].p ? d->files[i].p : "", d->files[i].n };
		if (error)
			d->texts[i].n = (size_t)syntax_default_limits.bytes + 1;
	}
	return true;
}

/* A file whose name says a language that is none of ours: in another one its text means something
 * else, if anything. R's x <- 1 is Python's x < -1. */
static bool is_foreign(const char *path)
{
	static const char *const extensions[] = { "rb",   "php", "cs",    "cpp",   "cc", "cxx",
						  "hpp",  "kt",  "swift", "scala", "pl", "lua",
						  "r",    "jl",  "ex",    "hs",    "ml", "sql",
						  "html", "css", "ps1" };
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < ARRAY_LEN(extensions); i++)
		if (strcasecmp(dot + 1, extensions[i]) == 0)
			return true;
	return false;
}

/* False: c.reason says why there is none. */
static bool find_language(struct diff *d)
{
	const struct syntax_language *found[2];
	for (int i = 0; i < 2; i++) {
		found[i] = syntax_of_file(span_of(d->paths[i]));
		if (!found[i] && d->texts[i].n <= syntax_default_limits.bytes)
			found[i] = compare_language(d->texts[i]);
	}
	d->language = found[0] ? found[0] : found[1];
	d->c.reason = COMPARE_UNKNOWN_LANGUAGE;
	if (is_foreign(d->paths[0]) && is_foreign(d->paths[1]))
		d->language = NULL;
	if (!d->language)
		return false;
	bool named = syntax_of_file(span_of(d->paths[0])) && syntax_of_file(span_of(d->paths[1]));
	d->c.reason = COMPARE_LANGUAGES_DIFFER;
	if (is_foreign(d->paths[0]) != is_foreign(d->paths[1]))
		return false;
	return !named || found[0] == found[1];
}

static void print_place(const struct diff *d, FILE *to)
{
	const struct comparison *c = &d->c;
	uint32_t line = 1, wrong = c->trees[c->at].wrong;
	struct buf path = { 0 };
	printable_add(&path, span_of(d->paths[c->at]), 256);
	for (uint32_t i = 0; i < wrong; i++)
		line += d->texts[c->at].p[i] == '\n';
	if (c->reason == COMPARE_SYNTAX_ERROR)
		fprintf(to, "%.*s:%u: no %s from here; give a file that parses\n", (int)path.n,
			path.p, line, d->language->name);
	else if (c->reason > COMPARE_BOTH_EMPTY && c->reason < COMPARE_UNKNOWN_LANGUAGE)
		fprintf(to, "%.*s: %s\n", (int)path.n, path.p, compare_reason_names[c->reason]);
	else if (c->reason == COMPARE_EMPTY)
		fprintf(to, "%.*s: there is no code in it\n", (int)path.n, path.p);
	buf_fini(&path);
}

static void print_text(const struct diff *d, const struct diff_view *how)
{
	const struct comparison *c = &d->c;
	const struct score *s = &c->score;
	enum score_verdict verdict = compare_verdict(c->reason);
	printf("%s%s: %s%s", diff_view_verdict(how, verdict), score_verdict_names[verdict],
	       compare_reason_names[c->reason], diff_view_plain(how));
	if (!c->scored) {
		putchar('\n');
		print_place(d, stdout);
		return;
	}
	uint32_t low = score_hundredths(s->ab.low, s->ac.high, s->bc.high);
	uint32_t high = score_hundredths(s->ab.high, s->ac.low, s->bc.low);
	printf(", %u.%02u", low / 100, low % 100);
	if (low != high)
		printf(" to %u.%02u", high / 100, high % 100);
	printf(" %% (threshold " SCORE_THRESHOLD " %%)\nted %u", d->threshold / (double)SCORE_UNITS,
	       s->ab.low);
	if (s->ab.low != s->ab.high)
		printf(" to %u", s->ab.high);
	printf(", %u and %u nodes of %s", c->trees[0].n, c->trees[1].n, d->language->name);
	if (c->has_base)
		printf(", %s%u and %s%u from a base of %u",
		       s->ac.low < s->ac.high ? "at least " : "", s->ac.low,
		       s->bc.low < s->bc.high ? "at least " : "", s->bc.low, c->trees[2].n);
	putchar('\n');
	if (d->paths[COMPARE_BASE] && !c->has_base)
		puts("the base has no code: both are compared as new files");
}

/* "ted": n or null, "ted_bounds": [low, high], "diff_percent": x */
static void add_score(const struct diff *d, struct buf *out)
{
	const struct comparison *c = &d->c;
	double low, high;
	if (!c->scored) {
		buf_add_text(out, "\"ted\":null,\"ted_bounds\":null,\"diff_percent\":null");
		return;
	}
	score_bounds(&c->score, &low, &high);
	if (c->score.ab.low == c->score.ab.high)
		buf_printf(out, "\"ted\":%u", c->score.ab.low);
	else
		buf_add_text(out, "\"ted\":null");
	buf_printf(out, ",\"ted_bounds\":[%u,%u],\"diff_percent\":%.17g", c->score.ab.low,
		   c->score.ab.high, low);
	if (low < high) {
		buf_add_text(out, ",\"diff_percent_bounds\":");
		score_add_bounds(&c->score, out);
	}
}

static void add_json(const struct diff *d, struct buf *out)
{
	static const char *const names[] = { "a", "b", "base" };
	const struct comparison *c = &d->c;
	buf_add_char(out, '{');
	for (int i = 0; i < COMPARE_SIDES; i++)
		if (d->paths[i]) {
			report_member(out, names[i], d->paths[i]);
			buf_add_char(out, ',');
		}
	report_member(out, "language", d->language ? d->language->name : "");
	buf_add_char(out, ',');
	report_member(out, "verdict", score_verdict_names[compare_verdict(c->reason)]);
	buf_add_char(out, ',');
	report_member(out, "reason", compare_reason_names[c->reason]);
	buf_printf(out, ",\"threshold\":" SCORE_THRESHOLD ",", d->threshold / (double)SCORE_UNITS);
	add_score(d, out);
	buf_printf(out, ",\"sizes\":{\"a\":%u,\"b\":%u,\"base\":%u}", c->trees[0].n, c->trees[1].n,
		   c->trees[2].n);
	if (c->scored && d->paths[COMPARE_BASE])
		buf_printf(out, ",\"ted_to_base\":{\"a\":[%u,%u],\"b\":[%u,%u]}", c->score.ac.low,
			   c->score.ac.high, c->score.bc.low, c->score.bc.high);
	buf_add_char(out, ',');
	diff_changes_json(d, out);
	buf_add_char(out, ',');
	diff_sharp_json(d, out);
	buf_add_text(out, "}\n");
}

static void add_trees(const struct diff *d, struct buf *out)
{
	static const char *const names[] = { "{\"a\":", ",\"b\":", ",\"base\":" };
	const struct comparison *c = &d->c;
	for (int i = 0; i < COMPARE_SIDES; i++) {
		if (i == COMPARE_BASE && !d->paths[i])
			continue;
		buf_add_text(out, names[i]);
		if (c->trees[i].n)
			tree_dump(&c->trees[i], c->labels, out);
		else
			buf_add_text(out, "null");
	}
	buf_add_char(out, ',');
	add_score(d, out);
	buf_add_text(out, "}\n");
}

struct diff_options {
	const char *language, *base, *threshold, *meta, *metrics, *view, *colour;
	bool json, trees;
	struct diff_view how;
};

/* False: out of memory. */
static bool print_page(const struct diff *d, const struct diff_view *how)
{
	struct buf changes = { 0 };
	print_text(d, how);
	diff_sharp_text(d, how->side ? how->width : 0, &changes);
	if (!changes.failed && changes.n)
		fwrite(changes.p, 1, changes.n, stdout);
	bool ok = !changes.failed;
	buf_clear(&changes);
	ok = ok && (!how->side || diff_view_print(how, d, stdout));
	if (how->side)
		diff_changes_note(d, &changes);
	else
		diff_changes_text(d, &changes);
	if (!changes.failed && changes.n)
		fwrite(changes.p, 1, changes.n, stdout);
	ok = ok && !changes.failed;
	buf_fini(&changes);
	return ok;
}

static int print(const struct diff *d, const struct diff_options *o)
{
	bool json = o->json, trees = o->trees;
	struct buf out = { 0 };
	if (json)
		add_json(d, &out);
	if (trees)
		add_trees(d, &out);
	bool whole = !out.failed;
	if (!json && !trees)
		whole = print_page(d, &o->how);
	else if (whole)
		fwrite(out.p, 1, out.n, stdout);
	if (!whole)
		fputs("redcard diff: out of memory for the report; use --view text\n", stderr);
	if (whole && trees && !d->c.scored)
		print_place(d, stderr);
	buf_fini(&out);
	if (!whole)
		return EXIT_TOOL;
	return compare_verdict(d->c.reason) == SCORE_PASS ? EXIT_CLEAN : EXIT_FINDING;
}

static int run(struct diff *d, const struct diff_options *o)
{
	const char *language = o->language, *threshold = o->threshold;
	if (!score_threshold(threshold, &d->threshold)) {
		fprintf(stderr,
			"redcard diff: threshold %s is no percentage; write one such as 3.00\n",
			threshold);
		return EXIT_TOOL;
	}
	if (language && !(d->language = syntax_find(span_of(language)))) {
		fprintf(stderr, "redcard diff: language %s is not known; write one of:", language);
		for (size_t i = 0; i < syntax_count(); i++)
			fprintf(stderr, "%s %s", i ? "," : "", syntax_language(i)->name);
		fputc('\n', stderr);
		return EXIT_TOOL;
	}
	if (!read_files(d))
		return EXIT_TOOL;
	if (language || find_language(d))
		compare(&d->c, d->language, d->texts, d->threshold, true);
	compare_sharp(&d->c, d->language, d->texts);
	if (!diff_write(d, o->meta, o->metrics))
		return EXIT_TOOL;
	if (!o->trees)
		diff_changes_find(d);
	return print(d, o);
}

static bool reads_twice(const struct diff *d)
{
	unsigned n = 0;
	for (int i = 0; i < COMPARE_SIDES; i++)
		n += d->paths[i] && strcmp(d->paths[i], "-") == 0;
	return n > 1;
}

int diff_main(int argc, char **argv)
{
	struct diff_options o = { .threshold = "3.00" };
	const struct cli_option options[] = {
		{ .name = "threshold",
		  .letter = 't',
		  .value = "PERCENT",
		  .text = &o.threshold,
		  .help = "the most that is no reason for an audit (3.00)" },
		{ .name = "base",
		  .letter = 'b',
		  .value = "FILE",
		  .text = &o.base,
		  .help = "what both of them changed" },
		{ .name = "language",
		  .letter = 'l',
		  .value = "NAME",
		  .text = &o.language,
		  .help = "instead of what the names or the texts say" },
		{ .name = "view",
		  .value = "VIEW",
		  .text = &o.view,
		  .help = "side (side by side; on a terminal) or text (a line for each change)" },
		{ .name = "color",
		  .value = "WHEN",
		  .text = &o.colour,
		  .help = "auto (on a terminal without NO_COLOR), always or never" },
		{ .name = "json", .flag = &o.json, .help = "print JSON" },
		{ .name = "meta",
		  .value = "FILE",
		  .text = &o.meta,
		  .help = "put the section qa_300_dual_render into a meta.yaml" },
		{ .name = "metrics",
		  .value = "FILE",
		  .text = &o.metrics,
		  .help = "write metrics for Prometheus' textfile collector" },
		{ .name = "dump-trees",
		  .flag = &o.trees,
		  .help = "print both normalised trees and their distance as JSON" },
	};
	struct cli cli = {
		.verb = "diff",
		.summary =
			"Compares two renders of one program by the distance of their syntax trees. A pair passes\n"
			"at or under the threshold, unless a difference is sharp: not known to be harmless.",
		.operands = "A B",
		.operands_min = 2,
		.operands_max = 2,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard diff a.py b.py\n"
			    "  redcard diff --base old.go --threshold 2.5 a.go b.go\n"
			    "  redcard diff --language rust --json a.txt b.txt\n"
			    "  redcard diff --meta meta.yaml --metrics diff.prom a.py b.py\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct diff d = { .paths = { cli.v[0], cli.v[1], o.base } };
	if (reads_twice(&d)) {
		fputs("redcard diff: standard input (-) can be read once; name a file for the other\n",
		      stderr);
		return EXIT_TOOL;
	}
	if (!diff_view_init(&o.how, o.view, o.colour))
		return EXIT_TOOL;
	if (o.view && (o.json || o.trees)) {
		fputs("redcard diff: --view is for people; leave it out, or --json and --dump-trees\n",
		      stderr);
		return EXIT_TOOL;
	}
	if (o.json && o.trees) {
		fputs("redcard diff: --json and --dump-trees are two documents; leave one out\n",
		      stderr);
		return EXIT_TOOL;
	}
	status = run(&d, &o);
	for (int i = 0; i < COMPARE_SIDES; i++)
		buf_fini(&d.files[i]);
	diff_changes_fini(&d);
	comparison_fini(&d.c);
	return status;
}

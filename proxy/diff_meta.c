/*
 * The two files that `redcard diff` can leave for other programs: its section of a meta.yaml, and
 * metrics for a textfile collector. A number that there is not is null in the first and absent from
 * the second.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/file.h"
#include "lib/sha256.h"
#include "lib/yaml_section.h"
#include "proxy/diff.h"

#define SECTION "qa_300_dual_render"
enum { META_MAX = 4 << 20 };

static const char *const sides[] = { "a", "b", "base" };

/* --- the section --- */

/* A quoted text: JSON's form, and YAML's escapes for what JSON lets stand and YAML does not. */
static void add_quoted(struct buf *out, const char *text)
{
	struct buf json = { 0 };
	buf_add_json(&json, span_of(text));
	buf_add_char(out, '"');
	for (size_t i = 0; i < json.n; i++) {
		const unsigned char *p = (const unsigned char *)json.p + i;
		size_t left = json.n - i;
		uint32_t wide = left > 2 ? p[0] << 16 | p[1] << 8 | p[2] : 0;
		if (left > 1 && p[0] == 0xc2 && p[1] < 0xa0) {
			buf_printf(out, "\\x%02X", p[1]);
			i++;
		} else if (wide == 0xefbbbf || wide == 0xefbfbe || wide == 0xefbfbf ||
			   wide == 0xe280a8 || wide == 0xe280a9) {
			buf_printf(out, "\\u%04X",
				   (p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u));
			i += 2;
		} else {
			buf_add_char(out, (char)p[0]);
		}
	}
	buf_add_char(out, '"');
	out->failed = out->failed || json.failed;
	buf_fini(&json);
}

static void add_score(struct buf *out, const struct diff *d)
{
	const struct comparison *c = &d->c;
	double low = 0, high = 0;
	if (c->scored)
		score_bounds(&c->score, &low, &high);
	if (c->scored && low == high)
		buf_printf(out, "  similarity: %.17g\n  diff_percent: %.17g\n", 1 - low / 100, low);
	else
		buf_add_text(out, "  similarity: null\n  diff_percent: null\n");
	if (c->scored && low != high) {
		buf_add_text(out, "  diff_percent_bounds: ");
		score_add_bounds(&c->score, out);
		buf_add_char(out, '\n');
	}
}

static void add_files(struct buf *out, const struct diff *d)
{
	char sum[SHA256_HEX];
	buf_add_text(out, "  files:\n");
	for (int i = 0; i < COMPARE_SIDES; i++) {
		buf_printf(out, "    %s: ", sides[i]);
		if (d->paths[i])
			add_quoted(out, d->paths[i]);
		else
			buf_add_text(out, "null");
		buf_add_char(out, '\n');
	}
	buf_add_text(out, "  sha256:\n");
	for (int i = 0; i < COMPARE_SIDES; i++) {
		bool whole = d->paths[i] && d->texts[i].n <= (size_t)syntax_default_limits.bytes;
		if (whole && sha256_of(d->texts[i], sum) == 0)
			buf_printf(out, "    %s: \"%s\"\n", sides[i], sum);
		else
			buf_printf(out, "    %s: null\n", sides[i]);
	}
	buf_add_text(out, "  sizes:\n");
	for (int i = 0; i < COMPARE_SIDES; i++)
		if (d->c.trees[i].n)
			buf_printf(out, "    %s: %u\n", sides[i], d->c.trees[i].n);
		else
			buf_printf(out, "    %s: null\n", sides[i]);
}

static void add_section(struct buf *out, const struct diff *d, time_t now)
{
	static const char *const routes[] = { "release", "audit", "refuse" };
	const struct comparison *c = &d->c;
	enum score_verdict verdict = compare_verdict(c->reason);
	char text[32];
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_add_text(out, SECTION ":\n");
	add_score(out, d);
	buf_printf(out,
		   "  verdict: %s\n  reason: %s\n  route_to: %s\n  threshold: " SCORE_THRESHOLD
		   "\n",
		   score_verdict_names[verdict], compare_reason_names[c->reason], routes[verdict],
		   d->threshold / (double)SCORE_UNITS);
	buf_printf(out, "  language: %s\n", d->language ? d->language->name : "null");
	add_files(out, d);
	if (c->scored && c->score.ab.low == c->score.ab.high)
		buf_printf(out, "  ted: %u\n", c->score.ab.low);
	else
		buf_add_text(out, "  ted: null\n");
	if (c->scored)
		buf_printf(out, "  ted_bounds: [%u, %u]\n", c->score.ab.low, c->score.ab.high);
	if (c->sharp_known)
		buf_printf(out, "  sharp_edits: %u\n", c->sharp.n);
	else
		buf_add_text(out, "  sharp_edits: null\n");
	buf_printf(out, "  time: \"%s\"\n  rollback_anchor: null\n", text);
}

static int merged(const char *path, struct span section, struct buf *out)
{
	struct buf old = { 0 }, errors = { 0 };
	int error = file_read(path, META_MAX, &old);
	error = error == -ENOENT ? 0 : error;
	if (error)
		fprintf(stderr, "redcard diff: %s: %s; name a meta.yaml, or a new file\n", path,
			strerror(-error));
	else if ((error = yaml_section_put(path, (struct span){ old.p ? old.p : "", old.n },
					   SECTION, section, out, &errors)) != 0)
		fprintf(stderr, "redcard diff: %.*s", (int)errors.n, errors.p);
	buf_fini(&old);
	buf_fini(&errors);
	return error;
}

/* --- metrics --- */

static void add_label(struct buf *out, const char *text)
{
	struct buf json = { 0 };
	buf_add_json(&json, span_of(text)); /* so that it is UTF-8; control characters \u0001 */
	for (size_t i = 0; i < json.n; i++) {
		bool escape = json.p[i] == '\\';
		char next = escape && i + 1 < json.n ? json.p[i + 1] : 0;
		if (escape && !strchr("\\\"n", next)) {
			buf_add_text(out, "\\\\");
		} else if (escape) {
			buf_add_char(out, '\\');
			buf_add_char(out, json.p[++i]);
		} else {
			buf_add_char(out, json.p[i]);
		}
	}
	out->failed = out->failed || json.failed;
	buf_fini(&json);
}

static void add_head(struct buf *out, const char *name, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* label: a second one, such as ,side="a" */
static void add_sample(struct buf *out, const struct diff *d, const char *name, const char *label,
		       double value)
{
	buf_printf(out, "%s{builder_pair=\"", name);
	add_label(out, d->paths[COMPARE_A]);
	buf_add_char(out, ',');
	add_label(out, d->paths[COMPARE_B]);
	buf_printf(out, "\"%s} %.17g\n", label, value);
}

static void add_one(struct buf *out, const struct diff *d, const char *name, const char *help,
		    double value)
{
	add_head(out, name, help);
	add_sample(out, d, name, "", value);
}

static void add_numbers(struct buf *out, const struct diff *d)
{
	static const char bounds[] = "redcard_diff_bounds_percent";
	const struct score *s = &d->c.score;
	double low, high;
	score_bounds(s, &low, &high);
	if (low == high) {
		add_one(out, d, "quorum_ast_diff_percent",
			"How far the last renders of two builders were from each other.", low);
	} else {
		add_head(out, bounds, "Where the difference lies when it is not known exactly.");
		add_sample(out, d, bounds, ",bound=\"low\"", low);
		add_sample(out, d, bounds, ",bound=\"high\"", high);
	}
	if (s->ab.low == s->ab.high)
		add_one(out, d, "redcard_diff_ted_nodes",
			"Nodes to insert, delete or relabel to make one tree of the other.",
			s->ab.low);
}

static void add_sizes(struct buf *out, const struct diff *d)
{
	static const char name[] = "redcard_diff_size_nodes";
	char label[32];
	bool head = false;
	for (int i = 0; i < COMPARE_SIDES; i++) {
		if (!d->c.trees[i].n)
			continue;
		if (!head)
			add_head(out, name, "Nodes of each normalised tree.");
		head = true;
		snprintf(label, sizeof(label), ",side=\"%s\"", sides[i]);
		add_sample(out, d, name, label, d->c.trees[i].n);
	}
}

static void add_metrics(struct buf *out, const struct diff *d, time_t now)
{
	static const char verdict[] = "redcard_diff_verdict", reason[] = "redcard_diff_reason_info";
	enum score_verdict is = compare_verdict(d->c.reason);
	char label[64];
	if (d->c.scored)
		add_numbers(out, d);
	add_head(out, verdict, "The verdict: 1 for the one that it is, 0 for the others.");
	for (int i = 0; i < SCORE_VERDICT_COUNT; i++) {
		snprintf(label, sizeof(label), ",verdict=\"%s\"", score_verdict_names[i]);
		add_sample(out, d, verdict, label, i == (int)is);
	}
	add_head(out, reason, "Always 1; the label says why the verdict is what it is.");
	snprintf(label, sizeof(label), ",reason=\"%s\"", compare_reason_names[d->c.reason]);
	add_sample(out, d, reason, label, 1);
	add_one(out, d, "redcard_diff_threshold_percent",
		"The most that is no reason for an audit.", d->threshold / (double)SCORE_UNITS);
	add_sizes(out, d);
	if (d->c.sharp_known)
		add_one(out, d, "redcard_diff_sharp_edits",
			"Sharp edits between the two; 1000 may be more.", d->c.sharp.n);
	add_one(out, d, "redcard_diff_timestamp_seconds",
		"When they were compared, in seconds since 1970-01-01 UTC.", (double)now);
}

/* --- both --- */

static bool same_file(const char *x, const char *y)
{
	struct stat a, b;
	if (strcmp(x, y) == 0)
		return true;
	return stat(x, &a) == 0 && stat(y, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A file that is compared is not written over, nor is one of the two by the other. */
static bool free_to_write(const struct diff *d, const char *path, const char *other)
{
	for (int i = 0; i < COMPARE_SIDES; i++)
		if (d->paths[i] && same_file(path, d->paths[i]))
			other = path;
	struct stat st;
	bool odd = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	if (strcmp(path, "-") != 0 && !odd && !(other && same_file(path, other)))
		return true;
	fprintf(stderr, "redcard diff: %s cannot be written to; name a file of its own\n", path);
	return false;
}

static int stage(const char *path, const struct buf *text, struct file_stage *out)
{
	int error =
		text->failed ? -ENOMEM : file_stage(path, (struct span){ text->p, text->n }, out);
	if (error)
		fprintf(stderr, "redcard diff: %s: %s; name a file that can be written\n", path,
			strerror(-error));
	return error;
}

static int commit(struct file_stage *s, const char *path)
{
	int error = s->beside ? file_commit(s) : 0;
	if (error)
		fprintf(stderr, "redcard diff: %s: %s; name a file that can be written\n", path,
			strerror(-error));
	return error;
}

bool diff_write(const struct diff *d, const char *meta, const char *metrics)
{
	struct buf section = { 0 }, text = { 0 }, numbers = { 0 };
	struct file_stage one = { 0 }, two = { 0 };
	time_t now = time(NULL);
	if ((meta && !free_to_write(d, meta, metrics)) ||
	    (metrics && !free_to_write(d, metrics, NULL)))
		return false;
	int error = 0;
	if (meta) {
		add_section(&section, d, now);
		error = section.failed ? -ENOMEM
				       : merged(meta, (struct span){ section.p, section.n }, &text);
		if (section.failed)
			fputs("redcard diff: out of memory for --meta; leave it out\n", stderr);
	}
	if (!error && meta)
		error = stage(meta, &text, &one);
	if (!error && metrics) {
		add_metrics(&numbers, d, now);
		error = stage(metrics, &numbers, &two);
	}
	if (!error)
		error = commit(&one, meta);
	if (!error)
		error = commit(&two, metrics);
	file_discard(&one);
	file_discard(&two);
	buf_fini(&section);
	buf_fini(&text);
	buf_fini(&numbers);
	return error == 0;
}

#include "proxy/drill_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/plain.h"

static void print(struct buf *out)
{
	if (out->n)
		fwrite(out->p, 1, out->n, stdout);
	fflush(stdout);
	buf_fini(out);
}

/* --- one drill --- */

static void put_time(struct buf *out, const struct drill_run *run, uint64_t at_us)
{
	buf_printf(out, "%9.3f s  ", ((double)at_us - (double)run->began_us) / 1e6);
}

static void put_mark(struct buf *out, const struct drill_run *run, enum drill_mark m)
{
	if (!run->at_us[m]) {
		buf_printf(out, "        - s  %s: no sign of it\n", drill_mark_names[m]);
		return;
	}
	put_time(out, run, run->at_us[m]);
	buf_add_text(out, drill_mark_names[m]);
	switch (m) {
	case DRILL_CARD:
		buf_add_text(out, ": ");
		plain_add(out, span_of(run->rule));
		break;
	case DRILL_ACCEPTED:
		buf_add_text(out, " by PatchCtl: rollback ");
		plain_add(out, span_of(run->rollback));
		break;
	case DRILL_VERIFIED: buf_add_text(out, " by PatchCtl"); break;
	case DRILL_RESTORED:
		buf_printf(out, ": the remote was read, and is as %.12s was", run->anchor);
		break;
	case DRILL_VIOLATED:
	case DRILL_ASKED:
	case DRILL_MARKS: break;
	}
	buf_add_char(out, '\n');
}

static bool has_phases(const struct drill_run *run)
{
	for (size_t i = 0; i < DRILL_PHASES; i++)
		if (!isnan(run->phases[i]))
			return true;
	return false;
}

static void put_phase(struct buf *out, const char *before, const char *name, double ms)
{
	buf_printf(out, "%s%s ", before, name);
	if (isnan(ms))
		buf_add_char(out, '-');
	else
		buf_printf(out, "%.1f", ms);
}

void drill_print_run(const struct drill_run *run, const struct config_drill *config)
{
	struct buf out = { 0 };
	buf_printf(&out, "%s  drill %s\n", run->kind->name, run->id);
	if (run->bad[0])
		buf_printf(&out, "            canary %.12s on %s, after %.12s\n", run->bad,
			   config->branch, run->anchor);
	if (run->exchange[0])
		buf_printf(&out, "            exchange %s\n", run->exchange);
	for (size_t i = 0; i < DRILL_MARKS && run->began_us && run->kind->bad; i++)
		put_mark(&out, run, (enum drill_mark)i);
	if (has_phases(run)) {
		buf_add_text(&out, "            ");
		for (size_t i = 0; i < DRILL_PHASES; i++)
			put_phase(&out, i ? ", " : "", drill_phase_names[i], run->phases[i]);
		buf_add_text(&out, " ms\n");
	}
	if (run->why.n) {
		buf_add_text(&out, "            ");
		plain_add(&out, (struct span){ run->why.p, run->why.n });
		buf_add_char(&out, '\n');
	}
	buf_printf(&out, "            %s\n",
		   run->passed      ? "passed"
		   : run->could_not ? "could not be drilled"
				    : "FAILED");
	print(&out);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":\"", key);
	buf_add_json(out, span_of(text));
	buf_add_char(out, '"');
}

void drill_print_json(struct buf *out, const struct drill_run *run)
{
	buf_printf(out, "{\"drill\":\"%s\",\"type\":\"%s\",\"result\":\"%s\"", run->id,
		   run->kind->name,
		   run->passed      ? "passed"
		   : run->could_not ? "could_not"
				    : "failed");
	put_text(out, "exchange", run->exchange);
	put_text(out, "anchor", run->anchor);
	put_text(out, "canary", run->bad);
	put_text(out, "rule", run->rule);
	put_text(out, "rollback", run->rollback);
	buf_add_text(out, ",\"why\":\"");
	buf_add_json(out, (struct span){ run->why.p, run->why.n });
	buf_printf(out, "\",\"began_us\":%llu,\"at_ms\":{", (unsigned long long)run->began_us);
	for (size_t i = 0; i < DRILL_MARKS; i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "", drill_mark_names[i]);
		if (run->at_us[i])
			buf_printf(out, "%.3f",
				   ((double)run->at_us[i] - (double)run->began_us) / 1e3);
		else
			buf_add_text(out, "null");
	}
	buf_add_text(out, "},\"phases_ms\":{");
	for (size_t i = 0; i < DRILL_PHASES; i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "", drill_phase_names[i]);
		if (isnan(run->phases[i]))
			buf_add_text(out, "null");
		else
			buf_printf(out, "%.3f", run->phases[i]);
	}
	buf_add_text(out, "}}");
}

/* --- many --- */

static const char *time_name(size_t i)
{
	return i < DRILL_MARKS ? drill_mark_names[i] : drill_phase_names[i - DRILL_MARKS];
}

static bool grow(struct drill_times *t)
{
	size_t cap = t->cap ? 2 * t->cap : 64;
	for (size_t i = 0; i < ARRAY_LEN(t->v); i++) {
		double *more = realloc(t->v[i], cap * sizeof(*more));
		if (!more)
			return false;
		t->v[i] = more;
	}
	t->cap = cap;
	return true;
}

void drill_times_add(struct drill_times *t, const struct drill_run *run)
{
	if (!run->passed || !run->kind->bad || (t->n == t->cap && !grow(t)))
		return;
	for (size_t i = 0; i < DRILL_MARKS; i++)
		t->v[i][t->n] = ((double)run->at_us[i] - (double)run->at_us[DRILL_VIOLATED]) / 1e3;
	for (size_t i = 0; i < DRILL_PHASES; i++)
		t->v[DRILL_MARKS + i][t->n] = run->phases[i];
	t->n++;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return isnan(x) ? !isnan(y) : isnan(y) ? -1 : (x > y) - (x < y);
}

/* The nearest rank: the least value that so many percent do not exceed. Of those that were told. */
static double quantile(const double *sorted, size_t n, double percent)
{
	while (n && isnan(sorted[n - 1]))
		n--;
	size_t rank = (size_t)ceil(percent / 100 * (double)n);
	return n ? sorted[rank ? rank - 1 : 0] : NAN;
}

static void sort(struct drill_times *t)
{
	for (size_t i = 0; i < ARRAY_LEN(t->v) && t->n; i++)
		qsort(t->v[i], t->n, sizeof(double), by_size);
}

void drill_times_print(struct drill_times *t)
{
	struct buf out = { 0 };
	if (t->n < 2)
		return;
	sort(t);
	buf_printf(&out, "\n%zu passed, ms             p50        p99        max\n", t->n);
	for (size_t i = 0; i < ARRAY_LEN(t->v); i++) {
		if (i == DRILL_VIOLATED)
			buf_add_text(&out, "since the violating byte\n");
		else if (i == DRILL_MARKS)
			buf_add_text(&out, "phases, as the ledger has them\n");
		if (i == DRILL_VIOLATED)
			continue;
		buf_printf(&out, "  %-14s %10.1f %10.1f %10.1f\n", time_name(i),
			   quantile(t->v[i], t->n, 50), quantile(t->v[i], t->n, 99),
			   quantile(t->v[i], t->n, 100));
	}
	print(&out);
}

static void put_number(struct buf *out, const char *key, double v)
{
	buf_printf(out, "\"%s\":", key);
	if (isnan(v))
		buf_add_text(out, "null");
	else
		buf_printf(out, "%.3f", v);
}

void drill_times_json(struct drill_times *t, struct buf *out)
{
	sort(t);
	buf_printf(out, "{\"passed\":%zu", t->n);
	for (size_t i = 0; i < ARRAY_LEN(t->v); i++) {
		buf_printf(out, ",\"%s\":{", time_name(i));
		put_number(out, "p50", quantile(t->v[i], t->n, 50));
		buf_add_char(out, ',');
		put_number(out, "p99", quantile(t->v[i], t->n, 99));
		buf_add_char(out, ',');
		put_number(out, "max", quantile(t->v[i], t->n, 100));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

void drill_times_fini(struct drill_times *t)
{
	for (size_t i = 0; i < ARRAY_LEN(t->v); i++)
		free(t->v[i]);
	*t = (struct drill_times){ 0 };
}

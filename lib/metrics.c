#include "lib/metrics.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

/*
 * Each series has its own cells in each shard: a counter one (the count), a gauge two (the bits of
 * a double, and whether there is data), a histogram one for each bucket, +Inf included, and one for
 * the sum.
 */
struct metrics_shard {
	const struct metrics *owner;
	_Atomic uint64_t *cells;
};

struct metrics {
	struct metric_desc *table;
	size_t *first; /* of each metric: its first cell */
	size_t n, cells;
	struct metrics_shard *shards;
	size_t n_shards;
};

static size_t series_of(const struct metric_desc *d)
{
	return d->label ? d->n_values : 1;
}

static size_t cells_of(const struct metric_desc *d)
{
	switch (d->kind) {
	case METRIC_COUNTER: return 1;
	case METRIC_GAUGE: return 2;
	case METRIC_HISTOGRAM: break;
	}
	return d->n_bounds + 2;
}

static uint64_t load(const struct metrics_shard *s, size_t cell)
{
	return atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
}

static void store(struct metrics_shard *s, size_t cell, uint64_t v)
{
	atomic_store_explicit(&s->cells[cell], v, memory_order_relaxed);
}

static double from_bits(uint64_t bits)
{
	double v;
	memcpy(&v, &bits, sizeof(v));
	return v;
}

static uint64_t to_bits(double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static int make_shards(struct metrics *m, size_t shards)
{
	size_t bytes = (m->cells * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	m->shards = calloc(shards, sizeof(*m->shards));
	if (!m->shards)
		return -1;
	m->n_shards = shards;
	for (size_t i = 0; i < shards; i++) {
		m->shards[i].owner = m;
		m->shards[i].cells = aligned_alloc(CACHE_LINE, bytes ? bytes : CACHE_LINE);
		if (!m->shards[i].cells)
			return -1;
		for (size_t k = 0; k < m->cells; k++)
			atomic_init(&m->shards[i].cells[k], 0);
	}
	return 0;
}

struct metrics *metrics_new(const struct metric_desc *table, size_t n, size_t shards)
{
	struct metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->table = calloc(n ? n : 1, sizeof(*m->table));
	m->first = calloc(n ? n : 1, sizeof(*m->first));
	if (!m->table || !m->first)
		goto fail;
	m->n = n;
	for (size_t i = 0; i < n; i++) {
		m->table[i] = table[i];
		m->first[i] = m->cells;
		m->cells += series_of(&table[i]) * cells_of(&table[i]);
	}
	if (make_shards(m, shards) != 0)
		goto fail;
	return m;
fail:
	metrics_free(m);
	return NULL;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_shards; i++)
		free(m->shards[i].cells);
	free(m->shards);
	free(m->table);
	free(m->first);
	free(m);
}

struct metrics_shard *metrics_shard(struct metrics *m, size_t index)
{
	CHECK(index < m->n_shards);
	return &m->shards[index];
}

static size_t cell_of(const struct metrics *m, size_t metric, size_t value_index,
		      enum metric_kind kind)
{
	CHECK(metric < m->n && m->table[metric].kind == kind);
	CHECK(value_index < series_of(&m->table[metric]));
	return m->first[metric] + value_index * cells_of(&m->table[metric]);
}

void metric_add(struct metrics_shard *s, size_t metric, size_t value_index, uint64_t n)
{
	size_t cell = cell_of(s->owner, metric, value_index, METRIC_COUNTER);
	store(s, cell, load(s, cell) + n);
}

void metric_set(struct metrics_shard *s, size_t metric, size_t value_index, double v)
{
	size_t cell = cell_of(s->owner, metric, value_index, METRIC_GAUGE);
	store(s, cell, to_bits(v));
	/* Released after the value: who sees that there is data also sees the data. */
	atomic_store_explicit(&s->cells[cell + 1], !isnan(v), memory_order_release);
}

void metric_observe(struct metrics_shard *s, size_t metric, size_t value_index, double v)
{
	size_t cell = cell_of(s->owner, metric, value_index, METRIC_HISTOGRAM);
	const struct metric_desc *d = &s->owner->table[metric];
	size_t bucket = 0;
	while (bucket < d->n_bounds && !(v <= d->bounds[bucket]))
		bucket++;
	size_t sum = cell + d->n_bounds + 1;
	store(s, cell + bucket, load(s, cell + bucket) + 1);
	store(s, sum, to_bits(from_bits(load(s, sum)) + v));
}

/* The shards of one counter or gauge, added up (or the least of them); NaN when none has data. */
static double total(const struct metrics *m, const struct metric_desc *d, size_t cell)
{
	double sum = 0;
	bool data = d->zero_is_data;
	bool first = true;
	for (size_t i = 0; i < m->n_shards; i++) {
		const struct metrics_shard *s = &m->shards[i];
		if (d->kind == METRIC_COUNTER) {
			sum += (double)load(s, cell);
			data = data || sum > 0;
			continue;
		}
		bool set = atomic_load_explicit(&s->cells[cell + 1], memory_order_acquire);
		double v = from_bits(load(s, cell));
		if (!set || isnan(v))
			continue;
		sum = !d->least ? sum + v : first || v < sum ? v : sum;
		data = true;
		first = false;
	}
	return data ? sum : NAN;
}

double metrics_total(const struct metrics *m, size_t metric, size_t value_index)
{
	CHECK(metric < m->n);
	const struct metric_desc *d = &m->table[metric];
	return total(m, d, cell_of(m, metric, value_index, d->kind));
}

static void add_escaped(struct buf *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_add_text(out, "\\n");
		else {
			if (*text == '\\' || (quotes && *text == '"'))
				buf_add_char(out, '\\');
			buf_add_char(out, *text);
		}
	}
}

/* The shortest decimal form that reads back as the same number. */
static void add_number(struct buf *out, double v)
{
	char text[40];
	if (isnan(v) || isinf(v)) {
		buf_add_text(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (fabs(v) < 9007199254740992.0 && v == floor(v)) {
		buf_printf(out, "%.0f", v);
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_add_text(out, text);
}

/* name{label="value",also="value",le="bound"}, with whichever of them is there. */
static void add_series(struct buf *out, const struct metric_desc *d, const char *suffix,
		       const char *value, const double *le)
{
	buf_printf(out, "%s%s", d->name, suffix);
	if (!value && !le) {
		buf_add_char(out, ' ');
		return;
	}
	buf_add_char(out, '{');
	if (value) {
		buf_printf(out, "%s=\"", d->label);
		add_escaped(out, value, true);
		buf_add_char(out, '"');
	}
	if (value && d->also)
		buf_printf(out, ",%s=\"%s\"", d->also, d->also_value);
	if (le) {
		buf_add_text(out, value ? ",le=\"" : "le=\"");
		add_number(out, *le);
		buf_add_char(out, '"');
	}
	buf_add_text(out, "} ");
}

static void add_head(struct buf *out, const struct metric_desc *d)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };
	buf_printf(out, "# HELP %s ", d->name);
	add_escaped(out, d->help, false);
	buf_printf(out, "\n# TYPE %s %s\n", d->name, kinds[d->kind]);
}

/* Each bucket is read once and the count is what they add up to, so that one scrape never
 * contradicts itself. */
static void add_histogram(const struct metrics *m, const struct metric_desc *d, size_t cell,
			  const char *value, struct buf *out)
{
	double sum = 0;
	uint64_t count = 0;
	for (size_t b = 0; b <= d->n_bounds; b++) {
		double le = b < d->n_bounds ? d->bounds[b] : HUGE_VAL;
		for (size_t i = 0; i < m->n_shards; i++)
			count += load(&m->shards[i], cell + b);
		add_series(out, d, "_bucket", value, &le);
		buf_printf(out, "%llu\n", (unsigned long long)count);
	}
	for (size_t i = 0; i < m->n_shards; i++)
		sum += from_bits(load(&m->shards[i], cell + d->n_bounds + 1));
	add_series(out, d, "_sum", value, NULL);
	add_number(out, sum);
	buf_add_char(out, '\n');
	add_series(out, d, "_count", value, NULL);
	buf_printf(out, "%llu\n", (unsigned long long)count);
}

static bool has_data(const struct metrics *m, const struct metric_desc *d, size_t cell)
{
	if (d->kind != METRIC_HISTOGRAM)
		return !isnan(total(m, d, cell));
	bool data = d->zero_is_data;
	for (size_t i = 0; i < m->n_shards; i++)
		for (size_t b = 0; b <= d->n_bounds; b++)
			data = data || load(&m->shards[i], cell + b) > 0;
	return data;
}

/* Returns whether the name's head has been written. */
static bool render_metric(const struct metrics *m, size_t metric, bool head, struct buf *out)
{
	const struct metric_desc *d = &m->table[metric];
	for (size_t v = 0; v < series_of(d); v++) {
		size_t cell = m->first[metric] + v * cells_of(d);
		const char *value =
			d->label ? __atomic_load_n(&d->values[v], __ATOMIC_ACQUIRE) : NULL;
		if ((d->label && !value) || !has_data(m, d, cell))
			continue;
		if (!head)
			add_head(out, d);
		head = true;
		if (d->kind == METRIC_HISTOGRAM) {
			add_histogram(m, d, cell, value, out);
			continue;
		}
		add_series(out, d, "", value, NULL);
		add_number(out, total(m, d, cell));
		buf_add_char(out, '\n');
	}
	return head;
}

void metrics_render(const struct metrics *m, struct buf *out)
{
	bool head = false;
	for (size_t i = 0; i < m->n; i++) {
		if (i == 0 || strcmp(m->table[i].name, m->table[i - 1].name) != 0)
			head = false;
		head = render_metric(m, i, head, out);
	}
}

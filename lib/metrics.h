/*
 * Counters, gauges and histograms in Prometheus' text form. Each thread owns a shard and is its
 * only writer (relaxed atomics); a scrape adds the shards up. Which metrics exist is one table that
 * the caller passes, so that code, docs and tests share it. A metric that never had data is absent
 * from the scrape unless its row says that zero means something.
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_desc {
	const char *name;
	const char *help;
	enum metric_kind kind;
	const char *label; /* one label's name, or NULL */
	const char *const
		*values; /* its values (bounded), or NULL; an entry may be NULL and be stored,
			  * atomically, later: until then its series is not shown */
	size_t n_values;
	const char *also, *also_value; /* a second label that has one value in this row; then the
					  next rows may have the same name and another value */
	const double *bounds;          /* histograms: upper bounds, ascending, without +Inf */
	size_t n_bounds;
	bool zero_is_data; /* shown from the start (counters of things that do run) */
	bool least;        /* gauges: the scrape shows the least of the shards, not their sum */
};

struct metrics;       /* the table and its shards */
struct metrics_shard; /* one thread's numbers */

/* The table is copied, what it points at is borrowed. Rows of one name stand together. NULL: no
 * memory. */
struct metrics *metrics_new(const struct metric_desc *table, size_t n, size_t shards);
void metrics_free(struct metrics *m);
struct metrics_shard *metrics_shard(struct metrics *m, size_t index);

void metric_add(struct metrics_shard *s, size_t metric, size_t value_index, uint64_t n);
void metric_set(struct metrics_shard *s, size_t metric, size_t value_index,
		double v); /* gauges; NaN: no data any more */
void metric_observe(struct metrics_shard *s, size_t metric, size_t value_index, double v);

double metrics_total(const struct metrics *m, size_t metric,
		     size_t value_index); /* counters and gauges; NaN: no data */
void metrics_render(const struct metrics *m,
		    struct buf *out); /* text format 0.0.4, HELP and TYPE once per name */

#endif

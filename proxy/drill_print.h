/* What `redcard drill` prints. */
#ifndef PROXY_DRILL_PRINT_H
#define PROXY_DRILL_PRINT_H

#include "proxy/drill.h"

void drill_print_run(const struct drill_run *run, const struct config_drill *config);
void drill_print_json(struct buf *out, const struct drill_run *run);

/* Times of many drills; one that has not passed is not among them. */
struct drill_times {
	double *v[DRILL_MARKS + DRILL_PHASES]; /* ms: marks since the violating byte, phases */
	size_t n, cap;
};

void drill_times_add(struct drill_times *t, const struct drill_run *run);
void drill_times_print(struct drill_times *t); /* p50, p99 and max of each; sorts */
void drill_times_json(struct drill_times *t, struct buf *out);
void drill_times_fini(struct drill_times *t);

#endif

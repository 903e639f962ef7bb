/* A baseline: the fingerprints in the JSON report of an earlier scan, which are old news. */
#ifndef PROXY_BASELINE_H
#define PROXY_BASELINE_H

#include <stdbool.h>

#include "lib/base.h"

struct baseline;

/* -errno, after a line on standard error: no such file, or no report of `redcard scan --json`. */
int baseline_load(const char *path, struct baseline **out) MUST_USE;
void baseline_free(struct baseline *b); /* NULL is fine */
bool baseline_has(const struct baseline *b, struct span fingerprint);

#endif

/*
 * Durations and sizes as people write them: "30s", "250ms", "16KiB". A unit is always written, so
 * that nobody has to guess it; there are no fractions and no signs.
 */
#ifndef PROXY_UNITS_H
#define PROXY_UNITS_H

#include <stdint.h>

#include "lib/base.h"

/* ms, s, m, h, d. -EINVAL: not a number with one of these units; -ERANGE: more than 32 bits of
 * milliseconds (49 days). */
int units_duration(struct span text, uint32_t *ms) MUST_USE;

/* B, KiB, MiB, GiB. Errors as above, for 64 bits. */
int units_size(struct span text, uint64_t *bytes) MUST_USE;

/* A plain decimal number, for counts. */
int units_count(struct span text, uint64_t *n) MUST_USE;

/* A decimal number with at most `digits` decimals, times ten to the power of digits: "0.5" with 3
 * is 500. */
int units_decimal(struct span text, unsigned digits, uint64_t *n) MUST_USE;

/* The largest unit that says it without a fraction: "30s", "1536KiB". */
void units_print_duration(uint64_t ms, char text[32]);
void units_print_size(uint64_t bytes, char text[32]);

#endif

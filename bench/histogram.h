/*
 * A histogram of times in nanoseconds with steps of 1.6 %: values below 64 have a bucket each, and
 * above each power of two has 64.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 40)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t n;
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	unsigned shift = ns < 64 ? 0 : 57u - (unsigned)__builtin_clzll(ns);
	size_t at = (size_t)shift * 64 + (size_t)(ns >> shift);
	h->count[at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1]++;
	h->n++;
}

/* The time, in microseconds, that this share of all values does not exceed. */
static inline double histogram_us(const struct histogram *h, double share)
{
	uint64_t rank = (uint64_t)((double)h->n * share), seen = 0;
	for (size_t at = 0; at < HISTOGRAM_BUCKETS; at++) {
		seen += h->count[at];
		if (seen <= rank)
			continue;
		size_t shift = at < 128 ? 0 : at / 64 - 1;
		return (double)((at - shift * 64) << shift) / 1e3;
	}
	return 0;
}

#endif

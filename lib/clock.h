/* The two clocks. `clock_` counts from the machine's start, never jumps, and is for deadlines and
 * spans; `clock_real_` is the time of day since 1970 in UTC, and is for what is written down. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_us(void)
{
	return clock_ns() / 1000;
}

static inline uint64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

static inline uint64_t clock_real_us(void)
{
	return clock_read_ns(CLOCK_REALTIME) / 1000;
}

static inline uint64_t clock_real_ms(void)
{
	return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

#endif

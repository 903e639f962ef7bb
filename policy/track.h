/*
 * A track: a stretch of one channel's text, with the raw offset of every byte of it. Offsets are
 * absolute in the channel's text (`at`) and in the raw body (`raw`).
 *
 * The owner of the struct owns the bytes. Zero-initialised is an empty track at offset 0.
 */
#ifndef POLICY_TRACK_H
#define POLICY_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct track_run {
	uint64_t raw;  /* of its first byte */
	uint32_t at;   /* of its first byte, from the track's base */
	uint32_t atom; /* 0: raw and text go in step; else this one escape's raw bytes, plus 1 */
};

struct track {
	char *text;
	struct track_run *runs;
	uint64_t base; /* absolute offset of text[0] */
	uint32_t n, cap;
	uint32_t n_runs, cap_runs;
};

void track_fini(struct track *t);
void track_clear(struct track *t, uint64_t base); /* keeps the memory */
bool track_add(struct track *t, const char *text, uint32_t n, uint64_t raw,
	       uint32_t raw_len); /* false: no memory */
bool track_assign(struct track *t, const struct track *from,
		  uint64_t at); /* the part of `from` that begins at `at` */
size_t track_memory(const struct track *t);

static inline uint64_t track_end(const struct track *t)
{
	return t->base + t->n;
}

uint64_t track_raw(const struct track *t,
		   uint64_t at); /* of the byte at `at`, which is clamped to the track */
uint64_t track_raw_end(const struct track *t, uint64_t at); /* after that byte */
uint64_t track_until(const struct track *t,
		     uint64_t raw); /* the text whose raw bytes end at or before raw ends here */

#endif

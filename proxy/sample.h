/*
 * The sample: which requests are mirrored. It depends on the request alone, so that a retry, and
 * the requests to both builders of one spec, fall on the same side; anyone can recompute it:
 *
 *   key   the trace id of `traceparent` (32 hex digits in lower case, not all zero), else the value
 *         of `x-redcard-spec`, else the exchange's id
 *   hash  FNV-1a of 64 bits over the key, then the finalizer of MurmurHash3:
 *         h ^= h >> 33; h *= 0xff51afd7ed558ccd; h ^= h >> 33; h *= 0xc4ceb9fe1a85ec53; h ^= h >>
 * 33 in    hash mod 1,000,000 < percent * 10,000
 */
#ifndef PROXY_SAMPLE_H
#define PROXY_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/http1.h"

#define SAMPLE_KEY_BYTES 128

uint64_t sample_hash(struct span key);
bool sample_takes(struct span key, uint32_t ppm);

/* Inside head, or `id`. */
struct span sample_key(const struct http1_head *head, struct span id);

#endif

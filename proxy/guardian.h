/*
 * The guardian's judgement of a shadow: what was seen of it within a window of time, against its
 * limits. No I/O and no clock: whoever owns it says what happened, and when.
 *
 * What is above a limit is a breach, what is at it is not. A limit of which too little is known
 * says nothing: the state is then *unknown*, which is neither healthy nor a breach. Healthy is what
 * keeps every limit that it has, by data.
 */
#ifndef PROXY_GUARDIAN_H
#define PROXY_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proxy/config_shadow.h"

enum guardian_state {
	GUARDIAN_UNKNOWN,  /* too little data */
	GUARDIAN_HEALTHY,  /* every limit is kept */
	GUARDIAN_BREACHED, /* a limit is not, and it is not gone yet */
	GUARDIAN_DOWN,     /* it was killed, or has ended, and will be started again */
	GUARDIAN_OUT,      /* the same, and it will not */
	GUARDIAN_STATE_COUNT
};

extern const char *const guardian_state_names[GUARDIAN_STATE_COUNT];

#define GUARDIAN_SAMPLES 4096 /* kept at most; older ones are forgotten first */

struct guardian_sample {
	uint64_t at_ms;
	uint32_t shadow_ms, primary_ms; /* UINT32_MAX: not known */
	bool error;
};

struct guardian {
	const struct config_guardian *limits;
	struct guardian_sample samples[GUARDIAN_SAMPLES]; /* a ring */
	uint32_t first, n;
	uint64_t deaths[GUARDIAN_RESTARTS + 1]; /* times of the latest; a ring */
	uint32_t n_deaths;
	uint64_t memory_bytes;
	bool memory_known;
};

enum guardian_limit {
	LIMIT_NONE,
	LIMIT_ERRORS,
	LIMIT_P95,
	LIMIT_P95_RATIO,
	LIMIT_MEMORY,
	LIMIT_RESTARTS,
	GUARDIAN_LIMIT_COUNT
};

extern const char *const guardian_limit_names[GUARDIAN_LIMIT_COUNT];

struct guardian_finding {
	enum guardian_state state; /* unknown, healthy or breached */
	enum guardian_limit limit; /* breached: the first one */
	double value, allowed;     /* percent, ms, a ratio, bytes, a count */
	uint32_t samples;          /* in the window */
};

void guardian_init(struct guardian *g, const struct config_guardian *limits);
void guardian_add(struct guardian *g, const struct guardian_sample *s);
void guardian_died(struct guardian *g, uint64_t at_ms); /* by itself */
void guardian_memory(struct guardian *g, bool known, uint64_t bytes);
/* A new process: what was seen of the old one says nothing. Deaths stay. */
void guardian_forget(struct guardian *g);
/* Somebody wants another try: deaths do not count any more either. */
void guardian_begin_anew(struct guardian *g);
struct guardian_finding guardian_judge(struct guardian *g, uint64_t now_ms);

#endif

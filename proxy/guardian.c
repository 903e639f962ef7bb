#include "proxy/guardian.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const guardian_state_names[] = { "unknown", "healthy", "breached", "down", "out" };
static_assert(ARRAY_LEN(guardian_state_names) == GUARDIAN_STATE_COUNT, "one name for each");

const char *const guardian_limit_names[] = {
	"", "errors", "p95", "p95_ratio", "memory", "restarts"
};
static_assert(ARRAY_LEN(guardian_limit_names) == GUARDIAN_LIMIT_COUNT, "one name for each");

void guardian_init(struct guardian *g, const struct config_guardian *limits)
{
	*g = (struct guardian){ .limits = limits };
}

void guardian_add(struct guardian *g, const struct guardian_sample *s)
{
	if (g->n == GUARDIAN_SAMPLES) {
		g->first = (g->first + 1) % GUARDIAN_SAMPLES;
		g->n--;
	}
	g->samples[(g->first + g->n++) % GUARDIAN_SAMPLES] = *s;
}

void guardian_died(struct guardian *g, uint64_t at_ms)
{
	g->deaths[g->n_deaths++ % ARRAY_LEN(g->deaths)] = at_ms;
}

void guardian_memory(struct guardian *g, bool known, uint64_t bytes)
{
	g->memory_known = known;
	g->memory_bytes = bytes;
}

void guardian_forget(struct guardian *g)
{
	g->first = g->n = 0;
	g->memory_known = false;
}

void guardian_begin_anew(struct guardian *g)
{
	guardian_forget(g);
	g->n_deaths = 0;
}

/* --- what is in the window --- */

static const struct guardian_sample *sample(const struct guardian *g, uint32_t i)
{
	return &g->samples[(g->first + i) % GUARDIAN_SAMPLES];
}

static bool is_old(const struct guardian *g, uint64_t at_ms, uint64_t now_ms)
{
	return now_ms > at_ms && now_ms - at_ms > g->limits->window_ms;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* The least value that 95 of 100 do not pass. Sorts. */
static uint32_t p95(uint32_t *v, uint32_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[(n * 95 + 99) / 100 - 1];
}

/* Of either side; `both`: only of pairs. */
static uint32_t times(const struct guardian *g, bool primary, bool both,
		      uint32_t out[GUARDIAN_SAMPLES])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct guardian_sample *s = sample(g, i);
		uint32_t mine = primary ? s->primary_ms : s->shadow_ms;
		uint32_t other = primary ? s->shadow_ms : s->primary_ms;
		if (mine != UINT32_MAX && (!both || other != UINT32_MAX))
			out[n++] = mine;
	}
	return n;
}

/* --- one limit each: 1 it is breached, 0 it is kept, -1 nobody knows --- */

static int errors(struct guardian *g, struct guardian_finding *f)
{
	uint64_t bad = 0;
	if (g->n < g->limits->samples)
		return -1;
	for (uint32_t i = 0; i < g->n; i++)
		bad += sample(g, i)->error;
	f->value = 100.0 * (double)bad / g->n;
	f->allowed = g->limits->error_hundredths / 100.0;
	return bad * 10000 > (uint64_t)g->limits->error_hundredths * g->n;
}

static int slow(struct guardian *g, struct guardian_finding *f)
{
	uint32_t v[GUARDIAN_SAMPLES], n = times(g, false, false, v);
	if (n < g->limits->samples)
		return -1;
	uint32_t got = p95(v, n);
	f->value = got;
	f->allowed = g->limits->p95_ms;
	return got > g->limits->p95_ms;
}

static int slower(struct guardian *g, struct guardian_finding *f)
{
	uint32_t v[GUARDIAN_SAMPLES], n = times(g, false, true, v);
	if (n < g->limits->samples)
		return -1;
	uint64_t shadow = p95(v, n);
	n = times(g, true, true, v);
	uint64_t primary = max_u64(p95(v, n), 1);
	f->value = (double)shadow / (double)primary;
	f->allowed = g->limits->p95_ratio_hundredths / 100.0;
	return shadow * 100 > primary * g->limits->p95_ratio_hundredths;
}

static int memory(struct guardian *g, struct guardian_finding *f)
{
	if (!g->memory_known)
		return -1;
	f->value = (double)g->memory_bytes;
	f->allowed = (double)g->limits->memory_bytes;
	return g->memory_bytes > g->limits->memory_bytes;
}

static int restarts(struct guardian *g, uint64_t now_ms, struct guardian_finding *f)
{
	uint32_t n = 0, kept = (uint32_t)min_size(g->n_deaths, ARRAY_LEN(g->deaths));
	for (uint32_t i = 0; i < kept; i++)
		n += !is_old(g, g->deaths[i], now_ms);
	f->value = n;
	f->allowed = g->limits->restarts;
	return n > g->limits->restarts;
}

/* --- all of them --- */

static int judge_one(struct guardian *g, enum guardian_limit limit, uint64_t now_ms,
		     struct guardian_finding *f)
{
	switch (limit) {
	case LIMIT_ERRORS: return errors(g, f);
	case LIMIT_P95: return slow(g, f);
	case LIMIT_P95_RATIO: return slower(g, f);
	case LIMIT_MEMORY: return memory(g, f);
	case LIMIT_RESTARTS: return restarts(g, now_ms, f);
	case LIMIT_NONE:
	case GUARDIAN_LIMIT_COUNT: break;
	}
	CHECK(!"a limit");
	return -1;
}

static bool has(const struct config_guardian *c, enum guardian_limit limit)
{
	switch (limit) {
	case LIMIT_ERRORS: return c->error_hundredths != GUARDIAN_NONE;
	case LIMIT_P95: return c->p95_ms != GUARDIAN_NONE;
	case LIMIT_P95_RATIO: return c->p95_ratio_hundredths != GUARDIAN_NONE;
	case LIMIT_MEMORY: return c->memory_bytes > 0;
	case LIMIT_RESTARTS: return c->restarts != GUARDIAN_NONE;
	case LIMIT_NONE:
	case GUARDIAN_LIMIT_COUNT: break;
	}
	return false;
}

struct guardian_finding guardian_judge(struct guardian *g, uint64_t now_ms)
{
	while (g->n > 0 && is_old(g, sample(g, 0)->at_ms, now_ms)) {
		g->first = (g->first + 1) % GUARDIAN_SAMPLES;
		g->n--;
	}
	bool known = g->n >= g->limits->samples; /* without a limit it is what was seen at all */
	for (enum guardian_limit i = LIMIT_NONE + 1; i < GUARDIAN_LIMIT_COUNT; i++) {
		struct guardian_finding f = { .state = GUARDIAN_BREACHED,
					      .limit = i,
					      .samples = g->n };
		if (!has(g->limits, i))
			continue;
		int found = judge_one(g, i, now_ms, &f);
		if (found > 0)
			return f;
		known = known && found == 0;
	}
	return (struct guardian_finding){ .state = known ? GUARDIAN_HEALTHY : GUARDIAN_UNKNOWN,
					  .samples = g->n };
}

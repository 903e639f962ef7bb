#include "policy/score.h"

#include <assert.h>

const char *const score_verdict_names[] = { "pass", "audit", "fail" };
static_assert(ARRAY_LEN(score_verdict_names) == SCORE_VERDICT_COUNT, "a name for each verdict");

bool score_threshold(const char *text, uint32_t *units)
{
	uint64_t value = 0;
	int digits = 0, decimals = -1;
	for (const char *p = text; *p; p++) {
		if (*p == '.' && decimals < 0 && digits) {
			decimals = 0;
			continue;
		}
		if (*p < '0' || *p > '9' || ++digits > 9 || (decimals >= 0 && ++decimals > 6))
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (!digits || decimals == 0)
		return false;
	for (int i = decimals < 0 ? 0 : decimals; i < 6; i++)
		value *= 10;
	if (value > 100ULL * SCORE_UNITS)
		return false;
	*units = (uint32_t)value;
	return true;
}

/* 100 * 2 * ab / (ac + bc + ab) > units. No overflow: 200e6 * 2^33 is below 2^61. */
static bool above(uint64_t ab, uint64_t rest, uint32_t units)
{
	return 200ULL * SCORE_UNITS * ab > units * (rest + ab);
}

int score_above(const struct score *s, uint32_t units)
{
	bool low = above(s->ab.low, (uint64_t)s->ac.high + s->bc.high, units);
	bool high = above(s->ab.high, (uint64_t)s->ac.low + s->bc.low, units);
	return low == high ? low : -1;
}

uint32_t score_limit(const struct score *s, uint32_t units)
{
	uint64_t rest = (uint64_t)s->ac.low + s->bc.low;
	uint64_t most = units * rest / (200ULL * SCORE_UNITS - units);
	return most < UINT32_MAX - 2 ? (uint32_t)most : UINT32_MAX - 2;
}

double score_percent(uint32_t ab, uint32_t ac, uint32_t bc)
{
	double sum = (double)ab + ac + bc;
	return sum > 0 ? 200.0 * ab / sum : 0;
}

void score_bounds(const struct score *s, double *low, double *high)
{
	*low = score_percent(s->ab.low, s->ac.high, s->bc.high);
	*high = score_percent(s->ab.high, s->ac.low, s->bc.low);
	*high = *high > 100 ? 100 : *high;
}

void score_add_bounds(const struct score *s, struct buf *out)
{
	double low, high;
	score_bounds(s, &low, &high);
	buf_printf(out, "[%.17g,%.17g]", low, high);
}

uint32_t score_hundredths(uint32_t ab, uint32_t ac, uint32_t bc)
{
	uint64_t sum = (uint64_t)ab + ac + bc;
	uint64_t score = sum ? (20000ULL * ab + sum - 1) / sum : 0;
	return score < 10000 ? (uint32_t)score : 10000;
}

#include "proxy/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Smallest first. */
static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 3600 * 1000 },
	{ "d", 24 * 3600 * 1000 },
};
static const struct unit sizes[] = {
	{ "B", 1 },
	{ "KiB", 1 << 10 },
	{ "MiB", 1 << 20 },
	{ "GiB", 1 << 30 },
};

/* Digits at the start of *text, which is advanced past them. */
static int take_number(struct span *text, uint64_t *n)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text->p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	if (i == 0)
		return -EINVAL;
	*text = (struct span){ text->p + i, text->n - i };
	*n = v;
	return 0;
}

static int parse(struct span text, const struct unit *units, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	int r = take_number(&text, &v);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!span_eq(text, span_of(units[i].name)))
			continue;
		if (v > max / units[i].factor)
			return -ERANGE;
		*out = v * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int units_duration(struct span text, uint32_t *ms)
{
	uint64_t v = 0;
	int r = parse(text, durations, ARRAY_LEN(durations), UINT32_MAX, &v);
	if (r == 0)
		*ms = (uint32_t)v;
	return r;
}

int units_size(struct span text, uint64_t *bytes)
{
	return parse(text, sizes, ARRAY_LEN(sizes), UINT64_MAX, bytes);
}

int units_count(struct span text, uint64_t *n)
{
	uint64_t v = 0;
	int r = take_number(&text, &v);
	if (r < 0)
		return r;
	if (text.n > 0)
		return -EINVAL;
	*n = v;
	return 0;
}

int units_decimal(struct span text, unsigned digits, uint64_t *n)
{
	uint64_t v = 0;
	int r = take_number(&text, &v);
	if (r < 0)
		return r;
	bool point = text.n > 0 && text.p[0] == '.';
	size_t decimals = point ? text.n - 1 : 0;
	if ((text.n > 0 && !point) || decimals > digits || (point && decimals == 0))
		return -EINVAL;
	for (size_t i = 1; i <= digits; i++) {
		char c = i <= decimals ? text.p[i] : '0';
		if (c < '0' || c > '9')
			return -EINVAL;
		if (v > (UINT64_MAX - 9) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(c - '0');
	}
	*n = v;
	return 0;
}

static void print(uint64_t v, const struct unit *units, size_t n, const struct unit *zero,
		  char text[32])
{
	const struct unit *best = v == 0 ? zero : &units[0];
	for (size_t i = 1; i < n && v != 0; i++)
		if (v % units[i].factor == 0)
			best = &units[i];
	snprintf(text, 32, "%llu%s", (unsigned long long)(v / best->factor), best->name);
}

void units_print_duration(uint64_t ms, char text[32])
{
	print(ms, durations, ARRAY_LEN(durations), &durations[1], text);
}

void units_print_size(uint64_t bytes, char text[32])
{
	print(bytes, sizes, ARRAY_LEN(sizes), &sizes[0], text);
}

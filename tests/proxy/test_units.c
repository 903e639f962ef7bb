#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/units.h"

struct row {
	const char *text;
	int error;
	uint64_t value;
};

static const struct row durations[] = {
	{ "0s", 0, 0 },
	{ "250ms", 0, 250 },
	{ "30s", 0, 30000 },
	{ "2m", 0, 120000 },
	{ "1h", 0, 3600000 },
	{ "49d", 0, 4233600000 },
	{ "4294967295ms", 0, UINT32_MAX },
	{ "4294967296ms", -ERANGE, 0 },
	{ "50d", -ERANGE, 0 },
	{ "99999999999999999999999s", -ERANGE, 0 },
	{ "30", -EINVAL, 0 },
	{ "s", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
	{ "-1s", -EINVAL, 0 },
	{ "+1s", -EINVAL, 0 },
	{ "1.5s", -EINVAL, 0 },
	{ "1 s", -EINVAL, 0 },
	{ " 1s", -EINVAL, 0 },
	{ "1s ", -EINVAL, 0 },
	{ "1S", -EINVAL, 0 },
	{ "1sec", -EINVAL, 0 },
	{ "0x1s", -EINVAL, 0 },
	{ "1KiB", -EINVAL, 0 },
};

static const struct row sizes[] = {
	{ "0B", 0, 0 },
	{ "1B", 0, 1 },
	{ "16KiB", 0, 16384 },
	{ "64MiB", 0, 67108864 },
	{ "1GiB", 0, 1073741824 },
	{ "17179869183GiB", 0, 17179869183ULL << 30 },
	{ "17179869184GiB", -ERANGE, 0 },
	{ "18446744073709551615B", 0, UINT64_MAX },
	{ "18446744073709551616B", -ERANGE, 0 },
	{ "16", -EINVAL, 0 },
	{ "16KB", -EINVAL, 0 },
	{ "16kib", -EINVAL, 0 },
	{ "16K", -EINVAL, 0 },
	{ "1.5MiB", -EINVAL, 0 },
	{ "16s", -EINVAL, 0 },
};

static const struct row counts[] = {
	{ "0", 0, 0 },
	{ "007", 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "1x", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
};

/* The text is given without its NUL, in memory of its exact size. */
static void check(const struct row *row, int (*parse)(struct span, uint64_t *))
{
	size_t n = strlen(row->text);
	char *text = malloc(n ? n : 1);
	cr_assert_not_null(text);
	memcpy(text, row->text, n);
	uint64_t v = 42;
	int e = parse((struct span){ text, n }, &v);
	cr_assert_eq(e, row->error, "\"%s\" gives %d", row->text, e);
	cr_assert_eq(v, e ? 42 : row->value, "\"%s\" is %llu", row->text, (unsigned long long)v);
	free(text);
}

static int duration(struct span text, uint64_t *out)
{
	uint32_t ms = (uint32_t)*out;
	int e = units_duration(text, &ms);
	*out = ms;
	return e;
}

Test(units, durations)
{
	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		check(&durations[i], duration);
}

Test(units, sizes)
{
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		check(&sizes[i], units_size);
}

Test(units, counts)
{
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		check(&counts[i], units_count);
}

/* What is printed reads back as the same number, in the largest unit without a fraction. */
Test(units, printing_reads_back)
{
	char text[32];
	static const uint64_t values[] = { 0,       1,        999,        1000, 1500, 60000,  90000,
					   3600000, 86400000, UINT32_MAX, 1024, 1536, 1 << 20 };
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		uint32_t ms = 42;
		uint64_t bytes = 42;
		units_print_duration(values[i], text);
		cr_assert_eq(units_duration(span_of(text), &ms), 0, "%s", text);
		cr_assert_eq(ms, values[i]);
		units_print_size(values[i], text);
		cr_assert_eq(units_size(span_of(text), &bytes), 0, "%s", text);
		cr_assert_eq(bytes, values[i]);
	}
	units_print_duration(90000, text);
	cr_assert_str_eq(text, "90s");
	units_print_duration(0, text);
	cr_assert_str_eq(text, "0s");
	units_print_size(1536, text);
	cr_assert_str_eq(text, "1536B");
	units_print_size(64 << 20, text);
	cr_assert_str_eq(text, "64MiB");
}

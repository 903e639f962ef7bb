/* lib/decimal.c: what a number is, and which of two is greater. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/decimal.h"

static struct decimal of(const char *text)
{
	struct decimal d;
	cr_assert(decimal_parse(span_of(text), &d), "%s", text);
	return d;
}

Test(decimal, only_numbers_of_json_are_read)
{
	static const char *const good[] = {
		"0",   "-0",     "1",    "10.50",  "0.01",
		"1e5", "1E-999", "1e+0", "-1.5e3", "0e99999999999999999999"
	};
	static const char *const bad[] = { "",    "-",   "+1",  "01",  "-01",  "1.",   ".5",
					   "1e",  "1e+", "1 ",  " 1",  "1.e2", "0x1",  "NaN",
					   "inf", "1,5", "1_0", "--1", "1e5e", "1.2.3" };
	struct decimal d;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		cr_assert(decimal_parse(span_of(good[i]), &d), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_not(decimal_parse(span_of(bad[i]), &d), "%s", bad[i]);
}

Test(decimal, order_is_that_of_the_numbers)
{
	/* Ascending; those of one row are equal. */
	static const char *const rows[][4] = {
		{ "-1e99999999999999999999" },
		{ "-1e400", "-10e399" },
		{ "-20", "-2e1", "-20.000" },
		{ "-0.5", "-5e-1" },
		{ "-1e-400" },
		{ "0", "-0", "0.000", "0e77" },
		{ "1e-99999999999999999999" },
		{ "0.00999999999999999999" },
		{ "0.01", "1e-2", "0.0100", "10e-3" },
		{ "0.010000000000000000001" },
		{ "0.1" },
		{ "1", "1.0", "10e-1", "0.1e1" },
		{ "9.99" },
		{ "94.99999999999999" },
		{ "95", "95.0", "9.5e1", "0.095E3" },
		{ "95.00000000000001" },
		{ "100", "1e2" },
		{ "123456789012345678901234567890" },
		{ "123456789012345678901234567891" },
		{ "1e400" },
		{ "1e99999999999999999999" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			for (size_t a = 0; a < 4 && rows[i][a]; a++)
				for (size_t b = 0; b < 4 && rows[k][b]; b++) {
					struct decimal x = of(rows[i][a]), y = of(rows[k][b]);
					int wanted = (i > k) - (i < k),
					    got = decimal_compare(&x, &y);
					cr_assert_eq((got > 0) - (got < 0), wanted, "%s and %s",
						     rows[i][a], rows[k][b]);
				}
}

Test(decimal, doubles_in_full_are_ordered_as_doubles)
{
	srand(1);
	for (int i = 0; i < 100000; i++) {
		double a = ldexp(rand() - RAND_MAX / 2, rand() % 80 - 60);
		double b = i % 3 ? ldexp(rand() - RAND_MAX / 2, rand() % 80 - 60)
				 : nextafter(a, i % 2 ? 1e9 : -1e9);
		char x[64], y[64];
		snprintf(x, sizeof(x), "%.17g", a);
		snprintf(y, sizeof(y), "%.17e", b);
		struct decimal p = of(x), q = of(y);
		int got = decimal_compare(&p, &q);
		cr_assert_eq((got > 0) - (got < 0), (a > b) - (a < b), "%s and %s", x, y);
	}
}

Test(decimal, what_a_double_cannot_hold_is_huge)
{
	struct decimal d = of("1.7976931348623157e308");
	cr_assert_not(decimal_is_huge(&d));
	d = of("-1.7976931348623157e308");
	cr_assert_not(decimal_is_huge(&d));
	d = of("1.7976931348623159e308");
	cr_assert(decimal_is_huge(&d));
	d = of("-1e309");
	cr_assert(decimal_is_huge(&d));
	d = of("1e-400");
	cr_assert_not(decimal_is_huge(&d));
}

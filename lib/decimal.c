#include "lib/decimal.h"

#include <string.h>

#define EXPONENT_MOST INT64_C(1000000000000000) /* beyond that one is as good as another */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits_from(struct span text, size_t at)
{
	size_t n = 0;
	while (at + n < text.n && is_digit(text.p[at + n]))
		n++;
	return n;
}

/* The `e` and what follows; nothing at all is 0. */
static bool parse_exponent(struct span text, int64_t *out)
{
	size_t at = 1;
	int64_t n = 0;
	*out = 0;
	if (text.n == 0)
		return true;
	if ((text.p[0] | 0x20) != 'e')
		return false;
	bool minus = text.n > 1 && text.p[1] == '-';
	if (text.n > 1 && (minus || text.p[1] == '+'))
		at++;
	if (at == text.n || at + digits_from(text, at) != text.n)
		return false;
	for (; at < text.n; at++)
		n = n < EXPONENT_MOST ? n * 10 + (text.p[at] - '0') : EXPONENT_MOST;
	*out = minus ? -n : n;
	return true;
}

/* Cuts zeros off both ends of the digits, and moves the exponent by those before the point. */
static void settle(struct span mantissa, int64_t whole, struct decimal *d)
{
	size_t zeros = 0, at = 0, end = mantissa.n;
	for (; at < end && (mantissa.p[at] == '0' || mantissa.p[at] == '.'); at++)
		zeros += mantissa.p[at] == '0';
	while (end > at && (mantissa.p[end - 1] == '0' || mantissa.p[end - 1] == '.'))
		end--;
	d->digits = (struct span){ mantissa.p + at, end - at };
	d->exponent = end > at ? d->exponent + whole - (int64_t)zeros : 0;
	d->negative = d->negative && end > at;
}

bool decimal_parse(struct span text, struct decimal *out)
{
	struct decimal d = { .negative = text.n && text.p[0] == '-' };
	size_t from = d.negative, whole = digits_from(text, from), at = from + whole;
	if (whole == 0 || (whole > 1 && text.p[from] == '0'))
		return false;
	if (at < text.n && text.p[at] == '.') {
		size_t part = digits_from(text, at + 1);
		if (part == 0)
			return false;
		at += 1 + part;
	}
	if (!parse_exponent((struct span){ text.p + at, text.n - at }, &d.exponent))
		return false;
	settle((struct span){ text.p + from, at - from }, (int64_t)whole, &d);
	*out = d;
	return true;
}

/* The digits behind a common point; the shorter one goes on with zeros. */
static int compare_digits(struct span a, struct span b)
{
	size_t i = 0, k = 0;
	while (i < a.n && k < b.n) {
		if (a.p[i] == '.')
			i++;
		else if (b.p[k] == '.')
			k++;
		else if (a.p[i] != b.p[k])
			return a.p[i] < b.p[k] ? -1 : 1;
		else
			i++, k++;
	}
	return (i < a.n) - (k < b.n); /* neither ends in a zero or a point */
}

static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
	if (!a->digits.n || !b->digits.n)
		return (a->digits.n > 0) - (b->digits.n > 0);
	if (a->exponent != b->exponent)
		return a->exponent < b->exponent ? -1 : 1;
	return compare_digits(a->digits, b->digits);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

bool decimal_is_huge(const struct decimal *d)
{
	struct decimal most;
	bool good = decimal_parse(SPAN("1.7976931348623158e308"), &most);
	CHECK(good);
	return compare_sizes(d, &most) >= 0;
}

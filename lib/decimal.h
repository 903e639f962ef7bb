/*
 * Decimal numbers as they are written, compared exactly: no double stands between the text and the
 * answer, so that the neighbours of a limit are on their own sides of it.
 */
#ifndef LIB_DECIMAL_H
#define LIB_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

struct decimal { /* 0.DIGITS times ten to the exponent */
	struct span
		digits; /* first to last that is not 0; a point may stand among them; n 0: zero */
	int64_t exponent;
	bool negative;
};

/* As JSON writes numbers (RFC 8259): no sign before it but -, no leading zeros, a digit on both
 * sides of a point. Keeps a reference to the text. False: it is not one. */
bool decimal_parse(struct span text, struct decimal *out) MUST_USE;

/* Less than, equal to or greater than 0, as a is to b. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

/* Whether it is beyond the doubles, which is how others read it: as infinite. */
bool decimal_is_huge(const struct decimal *d);

#endif

/*
 * Inside re2.c: escapes and bracket classes.
 */
#ifndef POLICY_RE2_CLASS_H
#define POLICY_RE2_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "policy/pattern_set.h"

struct re2_reader {
	const char *s;
	size_t at;
	const char *why; /* NULL: all is well */
};

/* The character of an escape; at is on what follows the backslash, and moves behind it. -1 after
 * setting why. */
int32_t re2_escape(struct re2_reader *r);
/* \d \w \s \pX and their complements, likewise; false: it is none of them. */
bool re2_escape_class(struct re2_reader *r, struct pattern_set *set);
/* A bracket class, written out; at is on the bracket. */
void re2_class(struct re2_reader *r, struct buf *out);
void re2_add_set(struct buf *out, const struct pattern_set *set, bool negated);
void re2_add_literal(struct buf *out, int32_t character); /* as UTF-8 */

#endif

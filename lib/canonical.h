/*
 * Canonical JSON (RFC 8785, JCS): one text for one value, so that it can be hashed and compared.
 * Keys are sorted by their UTF-16 units, numbers are IEEE doubles as ECMAScript prints them.
 */
#ifndef LIB_CANONICAL_H
#define LIB_CANONICAL_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/json.h"

#define CANONICAL_DEPTH 64
#define CANONICAL_NUMBER_BYTES 48

/* Appends the value. -EINVAL: a key stands twice in one map; -E2BIG: nested deeper than
 * CANONICAL_DEPTH; -ENOMEM. What json_parse() lets through has neither invalid UTF-8 nor lone
 * surrogates nor numbers beyond a double. On failure *out may hold a part. */
int canonical_add(struct buf *out, const struct json_value *v) MUST_USE;

/* Parses and appends; -EINVAL also for what is no JSON. */
int canonical_text(struct span json, struct buf *out) MUST_USE;

/* A finite number as ECMAScript prints it (ECMA-262, 6.1.6.1.20). */
void canonical_number(double value, char out[CANONICAL_NUMBER_BYTES]);

#endif

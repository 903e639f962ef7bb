/*
 * A JSON document in memory, read only: yyjson's one door. For documents that are whole and small,
 * such as what the admin listener answers; streams are decoded by the wires.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

enum json_type {
	JSON_IS_NULL,
	JSON_IS_BOOL,
	JSON_IS_NUMBER,
	JSON_IS_TEXT,
	JSON_IS_LIST,
	JSON_IS_MAP
};

struct json;       /* owns the document */
struct json_value; /* a place in it; lives as long as the document */

/* -EINVAL: not JSON (strict, no trailing bytes); -ENOMEM. The text is copied. */
int json_parse(struct span text, struct json **out) MUST_USE;
/* The same for numbers that must be judged as written: each keeps its text, and NaN and infinity
 * are taken, in any spelling that somebody writes ("NaN", "-Infinity", "inf"). */
int json_parse_exact(struct span text, struct json **out) MUST_USE;
void json_free(struct json *j); /* NULL is fine */

const struct json_value *json_root(const struct json *j);
enum json_type json_type(const struct json_value *v);
bool json_bool(const struct json_value *v);     /* false unless it is true */
double json_number(const struct json_value *v); /* 0 unless it is a number with its value */
struct span json_number_text(
	const struct json_value *v);                 /* after json_parse_exact(); p NULL: none */
struct span json_string(const struct json_value *v); /* empty unless it is a text */

/* Children of lists and maps, in order; any other value has none. */
size_t json_count(const struct json_value *v);
const struct json_value *json_at(const struct json_value *v, size_t index); /* NULL past the end */
/* All of them at once, which is quicker than one by one: json_count() places each; keys may be
 * NULL, and of a list they are left alone. */
void json_children(const struct json_value *v, struct span *keys, const struct json_value **values);
struct span json_key_at(const struct json_value *map, size_t index);
const struct json_value *json_get(const struct json_value *map,
				  const char *key); /* NULL: absent, or not a map */

#endif

#include "lib/canonical.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

/* The digits of a positive number and the power of ten of the point behind the first. */
struct decimal {
	char digits[20];
	int n, exponent;
};

static bool reads_back(const struct decimal *d, double value)
{
	char text[48];
	snprintf(text, sizeof(text), "%c.%se%d", d->digits[0], d->digits + 1, d->exponent);
	return strtod(text, NULL) == value;
}

static void round_to(double value, int digits, struct decimal *out)
{
	char text[48];
	snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	const char *e = strchr(text, 'e');
	out->n = 0;
	for (const char *at = text; at < e; at++)
		if (*at != '.')
			out->digits[out->n++] = *at;
	out->digits[out->n] = '\0';
	out->exponent = (int)strtol(e + 1, NULL, 10);
}

/* The next larger number of as many digits. Never of nines alone: what is just above those is
 * shorter and was tried before. */
static void add_one(struct decimal *d)
{
	int at = d->n - 1;
	while (at > 0 && d->digits[at] == '9')
		d->digits[at--] = '0';
	if (d->digits[at] != '9')
		d->digits[at]++;
}

/* The shortest digits that read back as the value; of those the nearest. Below a power of two the
 * doubles stand twice as close as above it, so there the nearest text may be another number's while
 * the next one is ours. */
static void shortest(double value, struct decimal *out)
{
	int power;
	bool lopsided = frexp(value, &power) == 0.5;
	for (int digits = 1;; digits++) {
		round_to(value, digits, out);
		if (digits == 17 || reads_back(out, value))
			break;
		if (!lopsided)
			continue;
		add_one(out);
		if (reads_back(out, value))
			break;
	}
	while (out->n > 1 && out->digits[out->n - 1] == '0')
		out->digits[--out->n] = '\0';
}

void canonical_number(double value, char out[CANONICAL_NUMBER_BYTES])
{
	struct decimal d;
	const size_t room = CANONICAL_NUMBER_BYTES;
	const char *sign = value < 0 ? "-" : "";
	CHECK(isfinite(value));
	value = fabs(value);
	if (value < 9007199254740992.0 && value == floor(value)) {
		snprintf(out, room, "%s%.0f", sign, value); /* 0 has no sign */
		return;
	}
	shortest(value, &d);
	int point = d.exponent + 1; /* digits before it */
	if (point > 21 || point < -5)
		snprintf(out, room, "%s%c%s%se%+d", sign, d.digits[0], d.n > 1 ? "." : "",
			 d.digits + 1, d.exponent);
	else if (point <= 0)
		snprintf(out, room, "%s0.%.*s%s", sign, -point, "00000", d.digits);
	else if (d.n <= point)
		snprintf(out, room, "%s%s%.*s", sign, d.digits, point - d.n,
			 "00000000000000000000");
	else
		snprintf(out, room, "%s%.*s.%s", sign, point, d.digits, d.digits + point);
}

/* --- texts --- */

static void add_string(struct buf *out, struct span s)
{
	static const char hex[] = "0123456789abcdef", named[] = "btn\0fr"; /* from U+0008 on */
	size_t plain = 0;
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, s.p + plain, i - plain);
		plain = i + 1;
		buf_add_char(out, '\\');
		if (c >= 0x20) {
			buf_add_char(out, (char)c);
		} else if (c >= 8 && c <= 13 && named[c - 8]) {
			buf_add_char(out, named[c - 8]);
		} else {
			buf_add_text(out, "u00");
			buf_add_char(out, hex[c >> 4]);
			buf_add_char(out, hex[c & 15]);
		}
	}
	buf_add(out, s.p + plain, s.n - plain);
	buf_add_char(out, '"');
}

/* --- maps --- */

struct member {
	struct span key;
	const struct json_value *value;
};

/* By UTF-16 units. In UTF-8 the order is that of code points, which is the same but for those
 * beyond U+FFFF: their surrogates stand below U+E000. */
static int compare(const void *a, const void *b)
{
	const struct span x = ((const struct member *)a)->key, y = ((const struct member *)b)->key;
	size_t n = min_size(x.n, y.n), i = 0;
	while (i < n && x.p[i] == y.p[i])
		i++;
	if (i == n)
		return x.n < y.n ? -1 : x.n > y.n;
	unsigned char p = (unsigned char)x.p[i], q = (unsigned char)y.p[i];
	bool far_p = p >= 0xf0, far_q = q >= 0xf0;
	if (far_p != far_q && p >= 0xee && q >= 0xee)
		return far_p ? -1 : 1;
	return p < q ? -1 : 1;
}

static int add_value(struct buf *out, const struct json_value *v, unsigned depth);

static int add_members(struct buf *out, const struct member *v, size_t n, unsigned depth)
{
	int error = 0;
	buf_add_char(out, '{');
	for (size_t i = 0; i < n && !error; i++) {
		if (i && span_eq(v[i - 1].key, v[i].key))
			return -EINVAL;
		if (i)
			buf_add_char(out, ',');
		add_string(out, v[i].key);
		buf_add_char(out, ':');
		error = add_value(out, v[i].value, depth + 1);
	}
	buf_add_char(out, '}');
	return error;
}

static int add_map(struct buf *out, const struct json_value *map, unsigned depth)
{
	size_t n = json_count(map);
	struct span *keys = calloc(n + 1, sizeof(*keys));
	const struct json_value **values = calloc(n + 1, sizeof(*values));
	struct member *members = calloc(n + 1, sizeof(*members));
	int error = keys && values && members ? 0 : -ENOMEM;
	if (!error)
		json_children(map, keys, values);
	for (size_t i = 0; i < n && !error; i++)
		members[i] = (struct member){ keys[i], values[i] };
	if (!error) {
		qsort(members, n, sizeof(*members), compare);
		error = add_members(out, members, n, depth);
	}
	free(keys);
	free(values);
	free(members);
	return error;
}

static int add_list(struct buf *out, const struct json_value *list, unsigned depth)
{
	size_t n = json_count(list);
	const struct json_value **values = calloc(n + 1, sizeof(*values));
	int error = values ? 0 : -ENOMEM;
	if (!error)
		json_children(list, NULL, values);
	buf_add_char(out, '[');
	for (size_t i = 0; i < n && !error; i++) {
		if (i)
			buf_add_char(out, ',');
		error = add_value(out, values[i], depth + 1);
	}
	buf_add_char(out, ']');
	free(values);
	return error;
}

static int add_value(struct buf *out, const struct json_value *v, unsigned depth)
{
	char number[CANONICAL_NUMBER_BYTES];
	if (depth > CANONICAL_DEPTH)
		return -E2BIG;
	switch (json_type(v)) {
	case JSON_IS_NULL: buf_add_text(out, "null"); break;
	case JSON_IS_BOOL: buf_add_text(out, json_bool(v) ? "true" : "false"); break;
	case JSON_IS_NUMBER:
		canonical_number(json_number(v), number);
		buf_add_text(out, number);
		break;
	case JSON_IS_TEXT: add_string(out, json_string(v)); break;
	case JSON_IS_LIST: return add_list(out, v, depth);
	case JSON_IS_MAP: return add_map(out, v, depth);
	}
	return out->failed ? -ENOMEM : 0;
}

int canonical_add(struct buf *out, const struct json_value *v)
{
	int error = add_value(out, v, 0);
	return error ? error : out->failed ? -ENOMEM : 0;
}

int canonical_text(struct span json, struct buf *out)
{
	struct json *doc;
	int error = json_parse(json, &doc);
	if (error)
		return error;
	error = canonical_add(out, json_root(doc));
	json_free(doc);
	return error;
}

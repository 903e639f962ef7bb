#include "lib/json_text.h"

#include <string.h>

enum state {
	AT_VALUE,       /* a value must follow */
	AT_FIRST_VALUE, /* a value or ] */
	AT_FIRST_KEY,   /* a key or } */
	AT_KEY,         /* a key must follow */
	AT_COLON,
	AT_COMMA, /* a comma or the container's end */
	IN_STRING,
	IN_KEY,
	IN_NUMBER,
	IN_LITERAL,
	AT_END
};

enum number_step {
	NUM_MINUS,
	NUM_ZERO,
	NUM_INT,
	NUM_DOT,
	NUM_FRACTION,
	NUM_E,
	NUM_SIGN,
	NUM_EXPONENT
};

static const char *const literals[] = { "true", "false", "null" };

#define NEXT ((enum json_token)(-1)) /* nothing to report: go on */

void json_text_init(struct json_text *t, const struct json_place *root)
{
	t->place = root;
	t->keys = t->numbers = false;
	t->done = false;
	t->depth = 0;
	t->state = AT_VALUE;
}

bool json_text_in_string(const struct json_text *t)
{
	return t->state == IN_STRING || t->state == IN_KEY;
}

static bool level_is_array(const struct json_text *t, unsigned depth)
{
	return t->arrays[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1;
}

uint16_t json_text_position(const struct json_text *t)
{
	if (t->depth < 2 || t->depth > JSON_LEVELS || !level_is_array(t, t->depth - 1u))
		return 0;
	return t->index[t->depth - 2];
}

/* The place of the container at the current depth. */
static const struct json_place *container(const struct json_text *t)
{
	return t->depth && t->depth <= JSON_LEVELS ? t->at[t->depth - 1] : NULL;
}

static void value_done(struct json_text *t)
{
	t->state = t->depth ? AT_COMMA : AT_END;
	t->done = t->depth == 0;
}

/* The place of an array's next element. */
static void enter_element(struct json_text *t)
{
	const struct json_place *c = container(t);
	t->place = c && c->kids_n && !c->kids[0].key ? c->kids : NULL;
}

/* Finds the place of a complete key; false when it stands twice. */
static bool enter_member(struct json_text *t, const char *key, size_t n)
{
	const struct json_place *c = container(t);

	t->place = NULL;
	if (!c)
		return true;
	for (unsigned i = 0; i < c->kids_n; i++) {
		const struct json_place *kid = &c->kids[i];
		if (kid->key_len != n || !n || kid->key[0] != key[0] ||
		    memcmp(kid->key, key, n) != 0)
			continue;
		uint16_t bit = (uint16_t)(1u << i);
		if (t->seen[t->depth - 1] & bit)
			return false;
		t->seen[t->depth - 1] |= bit;
		t->place = kid;
		return true;
	}
	return true;
}

static enum json_token open_container(struct json_text *t, bool array, size_t *pos)
{
	const struct json_place *place = t->place;
	unsigned d = t->depth;

	if (d == JSON_DEPTH_MAX)
		return JSON_TOO_DEEP;
	t->from = (*pos)++;
	t->depth++;
	if (array)
		t->arrays[d >> 6] |= 1ull << (d & 63);
	else
		t->arrays[d >> 6] &= ~(1ull << (d & 63));
	if (d < JSON_LEVELS) {
		t->at[d] = place;
		t->index[d] = 0;
		t->seen[d] = 0;
	}
	t->state = array ? AT_FIRST_VALUE : AT_FIRST_KEY;
	if (array)
		enter_element(t);
	if (!place)
		return NEXT;
	t->place = place; /* AT_FIRST_VALUE computes it again */
	return JSON_OPEN;
}

static enum json_token close_container(struct json_text *t, bool array, size_t *pos)
{
	if (level_is_array(t, t->depth) != array)
		return JSON_BAD;
	t->from = (*pos)++;
	t->place = container(t);
	t->depth--;
	value_done(t);
	return t->place || t->keys ? JSON_CLOSE : NEXT;
}

static enum json_token begin_value(struct json_text *t, char c, size_t *pos)
{
	if (t->state == AT_FIRST_VALUE)
		enter_element(t);
	switch (c) {
	case '"':
		++*pos;
		t->state = IN_STRING;
		return JSON_STRING;
	case '{':
	case '[': return open_container(t, c == '[', pos);
	case 't':
	case 'f':
	case 'n':
		t->state = IN_LITERAL;
		t->step = 0;
		t->lit_len = c == 't' ? 0 : c == 'f' ? 1 : 2;
		return NEXT;
	}
	if (c != '-' && (c < '0' || c > '9'))
		return JSON_BAD;
	t->from = (*pos)++;
	t->state = IN_NUMBER;
	t->whole = c != '-';
	t->number = c == '-' ? 0 : (uint64_t)(c - '0');
	t->step = c == '-' ? NUM_MINUS : c == '0' ? NUM_ZERO : NUM_INT;
	return NEXT;
}

/* The next state of a number for a character, or -1 when the character does not belong to it. */
static int number_step(struct json_text *t, char c)
{
	bool digit = c >= '0' && c <= '9';

	switch ((enum number_step)t->step) {
	case NUM_MINUS: return c == '0' ? NUM_ZERO : digit ? NUM_INT : -1;
	case NUM_INT:
		if (digit) {
			t->number = t->number > UINT64_MAX / 10 - 1
					    ? UINT64_MAX / 10
					    : t->number * 10 + (uint64_t)(c - '0');
			return NUM_INT;
		}
		return c == '.' ? NUM_DOT : (c | 0x20) == 'e' ? NUM_E : -1;
	case NUM_ZERO: return c == '.' ? NUM_DOT : (c | 0x20) == 'e' ? NUM_E : -1;
	case NUM_DOT: return digit ? NUM_FRACTION : -1;
	case NUM_FRACTION: return digit ? NUM_FRACTION : (c | 0x20) == 'e' ? NUM_E : -1;
	case NUM_E: return digit ? NUM_EXPONENT : c == '+' || c == '-' ? NUM_SIGN : -1;
	case NUM_SIGN:
	case NUM_EXPONENT: return digit ? NUM_EXPONENT : -1;
	}
	return -1;
}

static bool number_complete(const struct json_text *t)
{
	return t->step == NUM_ZERO || t->step == NUM_INT || t->step == NUM_FRACTION ||
	       t->step == NUM_EXPONENT;
}

static enum json_token in_number(struct json_text *t, const char *p, size_t n, size_t *pos)
{
	while (*pos < n) {
		int step = number_step(t, p[*pos]);
		if (step < 0) {
			if (!number_complete(t))
				return JSON_BAD;
			value_done(t);
			return t->place || t->numbers ? JSON_NUMBER : NEXT;
		}
		if (step >= NUM_DOT)
			t->whole = false;
		t->step = (uint8_t)step;
		++*pos;
	}
	t->done = t->depth == 0 && number_complete(t); /* a lone number ends with its buffer */
	return JSON_MORE;
}

static enum json_token in_literal(struct json_text *t, const char *p, size_t n, size_t *pos)
{
	const char *word = literals[t->lit_len];

	if (t->step == 0 && n - *pos >= 5) { /* the usual case, at once */
		size_t len = t->lit_len == 1 ? 5 : 4;
		if (memcmp(p + *pos, word, len) == 0) {
			*pos += len;
			t->step = (uint8_t)len;
		}
	}
	for (; *pos < n && word[t->step]; ++*pos, t->step++) {
		if (p[*pos] != word[t->step])
			return JSON_BAD;
	}
	if (word[t->step])
		return JSON_MORE;
	enum json_token token = t->lit_len == 0   ? JSON_TRUE
				: t->lit_len == 1 ? JSON_FALSE
						  : JSON_NULL;
	value_done(t);
	return t->place ? token : NEXT;
}

static inline enum json_token in_string(struct json_text *t, const char *p, size_t n, size_t *pos)
{
	size_t run = json_plain(p + *pos, n - *pos);

	t->from = *pos;
	if (run) {
		*pos += run;
		return JSON_RUN;
	}
	if (*pos == n)
		return JSON_MORE;
	if (p[*pos] == '"') {
		++*pos;
		value_done(t);
		return JSON_STRING_END;
	}
	if (p[*pos] != '\\')
		return JSON_BAD;
	int len = json_unescape(p + *pos, n - *pos, t->lit, &t->lit_len);
	if (len <= 0)
		return len ? JSON_BAD : JSON_MORE;
	*pos += (size_t)len;
	return JSON_ESCAPE;
}

/* Appends to the key that is being collected; one that is too long for any place stays too long. */
static void collect(struct json_text *t, const char *p, size_t n)
{
	if (t->key_len > JSON_KEY_MAX || n > (size_t)(JSON_KEY_MAX - t->key_len)) {
		t->key_len = JSON_KEY_MAX + 1;
		return;
	}
	memcpy(t->key + t->key_len, p, n);
	t->key_len = (uint8_t)(t->key_len + n);
}

static enum json_token in_key(struct json_text *t, const char *p, size_t n, size_t *pos)
{
	size_t run = json_plain(p + *pos, n - *pos);
	size_t at = *pos + run;

	if (at < n && p[at] == '"') {
		const char *key = p + *pos;
		if (t->key_len) {
			collect(t, key, run);
			key = t->key;
			run = t->key_len;
		}
		*pos = at;
		if (!enter_member(t, key, run))
			return JSON_BAD;
		++*pos;
		t->state = AT_COLON;
		if (*pos < n && p[*pos] == ':') {
			++*pos;
			t->state = AT_VALUE;
		}
		return NEXT;
	}
	collect(t, p + *pos, run);
	*pos = t->from = at;
	if (at == n)
		return JSON_MORE;
	if (p[at] != '\\')
		return JSON_BAD;
	int len = json_unescape(p + at, n - at, t->lit, &t->lit_len);
	if (len <= 0)
		return len ? JSON_BAD : JSON_MORE;
	collect(t, t->lit, t->lit_len);
	*pos = at + (size_t)len;
	return t->keys ? JSON_ESCAPE : NEXT;
}

/* A character between tokens. */
static enum json_token structure(struct json_text *t, char c, size_t *pos)
{
	switch ((enum state)t->state) {
	case AT_FIRST_VALUE:
		if (c == ']')
			return close_container(t, true, pos);
		return begin_value(t, c, pos);
	case AT_VALUE: return begin_value(t, c, pos);
	case AT_FIRST_KEY:
		if (c == '}')
			return close_container(t, false, pos);
		/* fall through */
	case AT_KEY:
		if (c != '"')
			return JSON_BAD;
		++*pos;
		t->state = IN_KEY;
		t->key_len = 0;
		return NEXT;
	case AT_COLON:
		if (c != ':')
			return JSON_BAD;
		++*pos;
		t->state = AT_VALUE;
		return NEXT;
	case AT_COMMA:
		if (c == '}' || c == ']')
			return close_container(t, c == ']', pos);
		if (c != ',')
			return JSON_BAD;
		++*pos;
		if (!level_is_array(t, t->depth)) {
			t->state = AT_KEY;
			return NEXT;
		}
		if (t->depth <= JSON_LEVELS)
			t->index[t->depth - 1]++;
		enter_element(t);
		t->state = AT_VALUE;
		return NEXT;
	case IN_STRING:
	case IN_KEY:
	case IN_NUMBER:
	case IN_LITERAL:
	case AT_END: break;
	}
	return JSON_BAD;
}

enum json_token json_text_next(struct json_text *t, const char *p, size_t n, size_t *pos)
{
	enum json_token token = NEXT;

	while (token == NEXT) {
		if (t->state == IN_STRING)
			return in_string(t, p, n, pos);
		if (t->state == IN_KEY) {
			token = in_key(t, p, n, pos);
			continue;
		}
		if (t->state == IN_NUMBER) {
			token = in_number(t, p, n, pos);
			continue;
		}
		if (t->state == IN_LITERAL) {
			token = in_literal(t, p, n, pos);
			continue;
		}
		while (*pos < n && (unsigned char)p[*pos] <= ' ' &&
		       (p[*pos] == ' ' || p[*pos] == '\n' || p[*pos] == '\r' || p[*pos] == '\t'))
			++*pos;
		if (*pos == n)
			return t->state == AT_END ? JSON_END : JSON_MORE;
		token = structure(t, p[*pos], pos);
	}
	return token;
}

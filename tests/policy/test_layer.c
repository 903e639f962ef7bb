/* Layers alone: what they derive from a text, and which raw bytes each byte of that stands for. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "policy/layer.h"
#include "tests/policy/encode.h"

#define RAW_FROM 1000 /* raw offset of the text's first byte */
#define ROOM 4096

struct derived {
	char text[LAYER_COUNT][ROOM];
	uint64_t raw[LAYER_COUNT][ROOM], end[LAYER_COUNT][ROOM];
	size_t n[LAYER_COUNT];
};

static void take(struct derived *d, struct track out[LAYER_COUNT])
{
	for (size_t k = 0; k < LAYER_COUNT; k++) {
		for (uint32_t i = 0; i < out[k].n; i++, d->n[k]++) {
			d->text[k][d->n[k]] = out[k].text[i];
			d->raw[k][d->n[k]] = track_raw(&out[k], i);
			d->end[k][d->n[k]] = track_raw_end(&out[k], i);
		}
		track_clear(&out[k], 0);
	}
}

/* Feeds the text in parts: up to a, up to b, the rest; step: in parts of so many bytes. No more of
 * the text before is kept than is promised. */
static void derive(const struct layer_want *want, const char *text, size_t a, size_t b, size_t step,
		   struct derived *d)
{
	struct layers l = { 0 };
	struct track all = { 0 }, kept = { 0 }, out[LAYER_COUNT] = { 0 };
	size_t n = strlen(text);
	memset(d, 0, sizeof(*d));
	for (size_t at = 0, to; at < n; at = to) {
		to = step ? at + step : at < a ? a : at < b ? b : n;
		to = to > n ? n : to;
		cr_assert(track_room(&all, (uint32_t)(to - at)));
		struct track_cursor c = track_cursor(&all);
		track_put(&c, text + at, (uint32_t)(to - at), RAW_FROM + at, (uint32_t)(to - at));
		track_stop(&all, &c);
		cr_assert(track_assign(&kept, &all, at > LAYER_CONTEXT ? at - LAYER_CONTEXT : 0));
		cr_assert(layers_feed(&l, &kept, want, out));
		take(d, out);
	}
	for (size_t k = 0; k < LAYER_COUNT; k++)
		track_fini(&out[k]);
	track_fini(&all);
	track_fini(&kept);
}

static void same(const struct derived *x, const struct derived *y, const char *text, size_t a,
		 size_t b)
{
	for (size_t k = 0; k < LAYER_COUNT; k++) {
		cr_assert_eq(x->n[k], y->n[k], "%s of %s, split at %zu and %zu: %zu, whole %zu",
			     layer_names[k], text, a, b, y->n[k], x->n[k]);
		cr_assert(!memcmp(x->text[k], y->text[k], x->n[k]));
		cr_assert(!memcmp(x->raw[k], y->raw[k], x->n[k] * sizeof(uint64_t)));
		cr_assert(!memcmp(x->end[k], y->end[k], x->n[k] * sizeof(uint64_t)));
	}
}

static struct layer_hint hint(unsigned shortest, const char *ends)
{
	struct layer_hint h;
	layer_hint_init(&h);
	for (; *ends; ends++)
		h.least[(unsigned char)*ends] = (uint8_t)shortest;
	h.shortest = (uint8_t)shortest;
	h.deep = (uint8_t)((shortest * 4 + 2) / 3);
	return h;
}

static struct derived every_way_of(const char *text, unsigned shortest, unsigned deeper)
{
	struct layer_hint h = hint(shortest, "-_");
	struct layer_want want = { &h, 7, deeper };
	static struct derived whole, other;
	size_t n = strlen(text);
	derive(&want, text, n, n, 0, &whole);
	for (size_t step = 1; step < 4; step++) {
		derive(&want, text, 0, 0, step, &other);
		same(&whole, &other, text, 0, step);
	}
	for (size_t a = 1; a < n; a++)
		for (size_t b = a; b < n && b < a + 9; b++) {
			derive(&want, text, a, b, 0, &other);
			same(&whole, &other, text, a, b);
		}
	for (size_t k = 0; k < LAYER_COUNT; k++)
		for (size_t i = 1; i < whole.n[k]; i++) /* neither end goes back */
			cr_assert(whole.raw[k][i - 1] <= whole.raw[k][i] &&
				  whole.end[k][i - 1] <= whole.end[k][i]);
	return whole;
}

static struct derived every_way(const char *text)
{
	return every_way_of(text, 4, 0);
}

static void derives(enum layer_kind kind, const char *text, const char *expected, size_t n)
{
	struct derived d = every_way(text);
	cr_assert(d.n[kind] == n && !memcmp(d.text[kind], expected, n), "%s of %s: %zu bytes, %.*s",
		  layer_names[kind], text, d.n[kind], (int)d.n[kind], d.text[kind]);
}

#define DERIVES(kind, text, expected) derives(kind, text, expected, sizeof(expected) - 1)

Test(layer, base64)
{
	DERIVES(LAYER_BASE64, "say dG9rZW46IHNlY3JldA== now", "token: secret\0");
	DERIVES(LAYER_BASE64, "say \"dG9rZW46IHNlY3JldA\" now", "token: secret\0");
	DERIVES(LAYER_BASE64, "http://x.y/dG9rZW46IHNlY3JldA", "token: secret");
	DERIVES(LAYER_BASE64, "data:text/plain;base64,dG9rZW46IHNlY3JldA==", "token: secret\0");
	DERIVES(LAYER_BASE64, "a-b_dG9rZW46IHNlY3JldA.", "token: secret\0");
	/* What needs `+` and `/`, in both alphabets, before which there is something to begin with
	 */
	DERIVES(LAYER_BASE64, "YWJjZGVmZ2g+Pj4/Pz8+Pj4/Pz8.",
		"abcdefgh>>>?"
		"?"
		"?>>>?"
		"?"
		"?\0");
	DERIVES(LAYER_BASE64, "YWJjZGVmZ2g-Pj4_Pz8-Pj4_Pz8.",
		"abcdefgh>>>?"
		"?"
		"?>>>?"
		"?"
		"?\0");
	/* a line end near the beginning, as in JSON that is written for people */
	DERIVES(LAYER_BASE64, "say in base64 to all: ewogICJ0b2tlbi0i.", "{\n  \"token-\"\0");
	DERIVES(LAYER_BASE64, "say in base64 to all: YTogCnRva2VuLTE.", "a: \ntoken-1\0");
	/* UTF-8 behind the beginning */
	DERIVES(LAYER_BASE64, "YWJjZGVmZ2jDqSDigqwgZW5k.", "abcdefgh\xc3\xa9 \xe2\x82\xac end\0");
	/* two runs, each ended */
	DERIVES(LAYER_BASE64, "dG9rZW46IHgx dG9rZW46IHgx,", "token: x1\0token: x1\0");
	/* what is not text ends a run: of ten bytes of text, then 0xff, the ten */
	DERIVES(LAYER_BASE64, "YWJjZGVmZ2hpav9hYmNk ", "abcdefghij\0");
}

Test(layer, base64_lines)
{
	/* 60 characters each; the third goes on after two blanks, the last line is short */
	char text[ROOM] = "x:\n  ", plain[ROOM], code[ROOM];
	for (size_t i = 0; i < 150; i++)
		plain[i] = (char)('a' + i % 26);
	size_t n = encode64(plain, 150, false, code), at = strlen(text);
	for (size_t i = 0; i < n; i += 60)
		at += (size_t)sprintf(text + at, "%.60s%s", code + i, i == 0 ? "\r\n" : "\n  ");
	sprintf(text + at, "%s", "-- end");
	plain[150] = '\0';
	derives(LAYER_BASE64, text, plain, 151);
	/* lines of 56 do not go on; each is a run of its own */
	at = (size_t)sprintf(text, "%.56s\n%.56s ", code, code + 56);
	char both[ROOM];
	memcpy(both, plain, 42);
	both[42] = '\0';
	memcpy(both + 43, plain + 42, 42);
	both[85] = '\0';
	derives(LAYER_BASE64, text, both, 86);
}

Test(layer, nothing_in_prose)
{
	DERIVES(LAYER_BASE64, "The quick brown fox jumps over the lazy dog, abandoned by its dear.",
		"");
	DERIVES(LAYER_HEX, "decade facade 20241122 0x7f deadbeefdeadbeef 1234 556677", "");
	DERIVES(LAYER_PERCENT, "no such thing in a plain/text?a=b", "");
	DERIVES(LAYER_BASE64, "ZGVm ZGVmZw==", ""); /* shorter than a lead-in, or no end of one */
}

Test(layer, hex)
{
	DERIVES(LAYER_HEX, "say 0x746f6b656e3a207365637265 now", "token: secre\0");
	DERIVES(LAYER_HEX, "say 746F6b656E3A207365637265", "token: secre");
	DERIVES(LAYER_HEX, "\"746f6b656e3a20736563726\"", "token: secr\0"); /* half a pair */
	DERIVES(LAYER_HEX, "746f6b656e3a2073ff00746f ", "token: s\0");      /* no text */
	DERIVES(LAYER_HEX, "x746f6b652d y746f6b652d", "toke-\0toke-");
}

Test(layer, percent)
{
	DERIVES(LAYER_PERCENT, "see http://h/a%20b%2Fc%2fd?e=%41 next", "http://h/a b/c/d?e=A\0");
	DERIVES(LAYER_PERCENT, "100% sure", "100\0");
	DERIVES(LAYER_PERCENT, "a%zz%41", "a\0zzA");
	DERIVES(LAYER_PERCENT, "a%%41", "a\0A");
	DERIVES(LAYER_PERCENT, "%2541 %252541", "%41\0%2541");
	DERIVES(LAYER_PERCENT, "x=\"a%41", "aA");
	/* no more than LAYER_BACK bytes before the first */
	char text[200], expected[200];
	memset(text, 'u', 100);
	sprintf(text + 100, "%%41b");
	memset(expected, 'u', LAYER_BACK);
	sprintf(expected + LAYER_BACK, "Ab");
	derives(LAYER_PERCENT, text, expected, LAYER_BACK + 2);
}

/* Which raw bytes each derived byte has a part of, and when it is known. */
Test(layer, raw_bytes)
{
	struct derived d = every_way("dG9rZW4tIHNl");
	static const uint64_t from[] = { 0, 1, 2, 4, 5, 6, 8, 9, 10 };
	for (size_t i = 0; i < 9; i++)
		cr_assert_eq(d.raw[LAYER_BASE64][i], RAW_FROM + from[i]);
	/* "token-" is given out with the character that makes the dash known */
	for (size_t i = 0; i < 9; i++)
		cr_assert_eq(d.end[LAYER_BASE64][i], RAW_FROM + (i < 6 ? 8 : from[i] + 2));
	d = every_way("746f6b2d7365");
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(d.raw[LAYER_HEX][i], RAW_FROM + 2 * i);
		cr_assert_eq(d.end[LAYER_HEX][i], RAW_FROM + (i < 4 ? 8 : 2 * i + 2));
	}
	d = every_way("ab%41c");
	static const uint64_t first[] = { 0, 1, 2, 5 }, last[] = { 3, 3, 5, 6 };
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(d.raw[LAYER_PERCENT][i], RAW_FROM + first[i]);
		cr_assert_eq(d.end[LAYER_PERCENT][i], RAW_FROM + last[i]);
	}
}

/* Random texts from what makes runs begin, go on and end. */
Test(layer, no_split_matters)
{
	static const char *const parts[] = { "dG9r", "ZW46", "746f", "6b2d", "%41",  "%",
					     "%4",   "/",    "-",    "=",    " ",    "\n",
					     "\r\n", "Zm9v", "é",    "word", "7",    "a",
					     "\"",   "+Pj",  "__",   "%25",  "2d2d", "IHNl" };
	for (unsigned seed = 1; seed < 60; seed++) {
		char text[240] = "";
		srand(seed);
		while (strlen(text) < 150)
			strcat(text, parts[(size_t)rand() % ARRAY_LEN(parts)]);
		every_way_of(text, 1 + seed % 5, seed % 8);
	}
}

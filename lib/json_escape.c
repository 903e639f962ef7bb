#include "lib/json_escape.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char json_simple[256] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
				['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };

int json_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint8_t json_utf8(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* The four digits after \u: the unit, -1 when malformed, -2 when n bytes do not decide it. */
static int32_t read_unit(const char *p, size_t n)
{
	int32_t unit = 0;

	for (size_t i = 0; i < 4; i++) {
		if (i == n)
			return -2;
		int digit = json_hex(p[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* A high surrogate was read; p is what follows it. */
static int pair(int32_t high, const char *p, size_t n, char lit[4], uint8_t *lit_len)
{
	int32_t low = -1;

	if (n == 0 || (p[0] == '\\' && n == 1))
		return 0;
	if (p[0] == '\\' && p[1] == 'u')
		low = read_unit(p + 2, n - 2);
	if (low == -2)
		return 0;
	if (low < 0xdc00 || low > 0xdfff) {
		*lit_len = json_utf8(0xfffd, lit);
		return 6;
	}
	*lit_len = json_utf8(
		0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00), lit);
	return 12;
}

int json_unescape(const char *p, size_t n, char lit[4], uint8_t *lit_len)
{
	if (n < 2)
		return 0;
	if (p[1] != 'u') {
		lit[0] = json_simple[(unsigned char)p[1]];
		*lit_len = 1;
		return lit[0] ? 2 : -1;
	}
	int32_t unit = read_unit(p + 2, n - 2);
	if (unit < 0)
		return unit == -2 ? 0 : -1;
	if (unit >= 0xd800 && unit <= 0xdbff)
		return pair(unit, p + 6, n - 6, lit, lit_len);
	*lit_len = json_utf8(unit >= 0xdc00 && unit <= 0xdfff ? 0xfffd : (uint32_t)unit, lit);
	return 6;
}

#ifdef __SSE2__
static inline uint32_t stops16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
				    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

	stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
	return (uint32_t)_mm_movemask_epi8(stop);
}

uint32_t json_stops(const char *p)
{
	return stops16(p) | stops16(p + 16) << 16;
}
#else
uint32_t json_stops(const char *p)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < 32; i++)
		mask |= (uint32_t)(p[i] == '"' || p[i] == '\\' || (unsigned char)p[i] < 0x20) << i;
	return mask;
}
#endif

size_t json_plain(const char *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		uint32_t mask = stops16(p + i);
		if (mask)
			return i + (size_t)__builtin_ctz(mask);
	}
#endif
	while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20)
		i++;
	return i;
}

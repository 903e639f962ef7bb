/*
 * Encoders for tests of what is decoded. The caller's room is large enough.
 */
#ifndef TESTS_POLICY_ENCODE_H
#define TESTS_POLICY_ENCODE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline size_t encode64(const char *p, size_t n, bool url, char *out)
{
	static const char order[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = 0;
	for (size_t bit = 0; bit < 8 * n; bit += 6) {
		unsigned high = (unsigned char)p[bit / 8], low = 0;
		if (bit / 8 + 1 < n)
			low = (unsigned char)p[bit / 8 + 1];
		unsigned v = ((high << 8 | low) >> (10 - bit % 8)) & 63;
		out[len++] = v < 62 ? order[v] : (url ? "-_" : "+/")[v - 62];
	}
	while (!url && len % 4)
		out[len++] = '=';
	out[len] = '\0';
	return len;
}

static inline size_t encode16(const char *p, size_t n, bool upper, char *out)
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, upper ? "%02X" : "%02x", (unsigned char)p[i]);
	return 2 * n;
}

/* Every `every`-th byte. */
static inline size_t encode_percent(const char *p, size_t n, size_t every, char *out)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(out + len, i % every == 0 ? "%%%02X" : "%c",
				       (unsigned char)p[i]);
	out[len] = '\0';
	return len;
}

#endif

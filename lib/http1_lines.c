#include "lib/http1_lines.h"

#include <string.h>

static enum http1_lines next(enum http1_lines state, char c)
{
	switch (state) {
	case LINES_TEXT:
	case LINES_START:
		if (c == '\n')
			return LINES_BROKEN;
		if (c != '\r')
			return LINES_TEXT;
		return state == LINES_START ? LINES_START_CR : LINES_CR;
	case LINES_CR: return c == '\n' ? LINES_START : LINES_BROKEN;
	case LINES_START_CR: return c == '\n' ? LINES_ENDED : LINES_BROKEN;
	case LINES_ENDED:
	case LINES_BROKEN: break;
	}
	return LINES_BROKEN;
}

/* The place of the next CR or LF, or n. */
static size_t line_end(const char *p, size_t n)
{
	const char *cr = memchr(p, '\r', n);
	size_t here = cr ? (size_t)(cr - p) : n;
	const char *lf = memchr(p, '\n', here);
	return lf ? (size_t)(lf - p) : here;
}

size_t http1_lines_follow(enum http1_lines *state, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (*state == LINES_TEXT)
			i += line_end(p + i, n - i);
		if (i == n)
			break;
		*state = next(*state, p[i]);
		if (*state == LINES_ENDED)
			return i + 1;
		if (*state == LINES_BROKEN)
			return i;
	}
	return n;
}

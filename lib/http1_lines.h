/*
 * A second opinion on where a head ends: every line ends in CR LF, no CR or LF stands elsewhere,
 * and the first empty line is the end. llhttp must come to the same place, or the head is refused.
 * Part of http1.c.
 */
#ifndef LIB_HTTP1_LINES_H
#define LIB_HTTP1_LINES_H

#include <stddef.h>

enum http1_lines { LINES_TEXT, LINES_CR, LINES_START, LINES_START_CR, LINES_ENDED, LINES_BROKEN };

/* Follows n bytes; *state begins as LINES_TEXT. Returns how many of them are sound: up to the
 * end of the head (LINES_ENDED), up to the byte that must not be there (LINES_BROKEN), or all. */
size_t http1_lines_follow(enum http1_lines *state, const char *p, size_t n);

#endif

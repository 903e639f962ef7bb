/*
 * What llhttp does not tell about a start line: it skips any number of spaces around the target,
 * where others see an empty target or a part of it, and takes RTSP/1.0 for a version. So the bytes
 * between the pieces that it does report are counted, and the last of them compared. Part of
 * http1.c. Zero-initialised is the beginning of a message.
 */
#ifndef LIB_HTTP1_START_H
#define LIB_HTTP1_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http1_start {
	const char *fed; /* the current call's first byte */
	uint32_t fed_at; /* its place in the head */
	uint32_t n;      /* bytes of the start line up to the end of what was reported */
	uint32_t gaps;   /* ... of which were not reported */
	bool wrong_name; /* the version does not follow "HTTP/" */
	char before[6];  /* the bytes before the current call's */
};

void http1_start_begin(struct http1_start *s, const char *p); /* a call that feeds the bytes at p */
void http1_start_end(struct http1_start *s, size_t n);        /* ... used n, and the head goes on */

void http1_start_piece(struct http1_start *s, const char *p, size_t n);
void http1_start_version(struct http1_start *s, const char *p, size_t n, bool request);

/* The version is complete: is the line written as the grammar says? */
bool http1_start_sound(const struct http1_start *s, bool request);

#endif

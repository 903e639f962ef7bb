/*
 * The text of one head, or of its trailers: names and values end to end in one buffer, and spans
 * into it. Part of http1.c. Zero-initialised is valid and holds no memory.
 */
#ifndef LIB_HTTP1_STORE_H
#define LIB_HTTP1_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/http1.h"

struct http1_store {
	char *text;
	struct http1_header *v;
	uint32_t n, cap;      /* bytes */
	uint32_t count, room; /* headers */
	uint32_t mark;        /* where the piece that is being read starts */
};

void http1_store_fini(struct http1_store *s);
size_t http1_store_memory(const struct http1_store *s);

/* Appends n bytes; the caller limits their sum. 0 or -ENOMEM. Moves the text: spans other than
 * those in v die. */
int http1_store_add(struct http1_store *s, const char *p, size_t n) MUST_USE;

/* Adds a header whose name is what was appended since the mark, with an empty value for now. 0
 * or -ENOMEM. */
int http1_store_name(struct http1_store *s) MUST_USE;

struct span http1_store_piece(const struct http1_store *s); /* what was appended since the mark */
void http1_store_mark(struct http1_store *s);               /* the next piece starts here */

#endif

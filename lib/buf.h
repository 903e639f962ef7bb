/*
 * A growable byte buffer with a latched failure: after an allocation failed or the limit was
 * passed, every further append is ignored and `failed` stays set, so that a builder of text checks
 * once, at the end.
 *
 * The owner of the struct owns the bytes. Zero-initialised is a valid empty buffer without a limit.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max; /* bytes; 0 is no limit */
	bool failed;
	bool full; /* it is the limit that made it fail */
};

void buf_fini(struct buf *b);  /* frees the bytes; the struct is empty and usable again */
void buf_clear(struct buf *b); /* keeps the memory, forgets the bytes and the failure */
/* room for n bytes at the end, or NULL; does not change b->n */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
/* base 10 or 16, without the cost of a format */
void buf_add_number(struct buf *b, uint64_t n, unsigned base);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Ends the text with a NUL and gives its bytes away, for free(); the struct is empty again. NULL:
 * it had failed. */
char *buf_take_text(struct buf *b) MUST_USE;
void buf_drop_front(struct buf *b, size_t n); /* forgets the first n bytes, moves the rest down */

/* Appends text as the inside of a JSON string (no quotes): escapes what RFC 8259 demands; bytes
 * that are not valid UTF-8 become U+FFFD, so the result is always valid JSON. */
void buf_add_json(struct buf *b, struct span text);

#endif

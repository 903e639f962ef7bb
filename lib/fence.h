/*
 * Which text of a prose channel is code: follows the fences of CommonMark (``` and ~~~) as text
 * arrives.
 *
 * Theory of operation
 *
 *   Look:\n```python\nprint(1)\n```\nDone
 *   |prose|   fence   |  code  |fence|prose      a fence's own line is prose; its first word is the
 * language
 *
 * A line is looked at character by character, never held back: while a line inside code could still
 * be the closing fence, its characters count as code, and only the text after its line end is prose
 * again. So the answer for a byte depends on the bytes before it alone, and never on how they were
 * split into calls.
 */
#ifndef LIB_FENCE_H
#define LIB_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define FENCE_LANGUAGE_MAX 15 /* a longer word is no language we know: it is kept as "" */

struct fence {
	uint16_t open;  /* length of the fence we are inside of; 0: prose */
	uint16_t run;   /* fence characters at the start of this line */
	uint8_t mark;   /* '`' or '~' of the open fence or, in prose, of the run */
	uint8_t indent; /* spaces before the run; 4: too many, no fence */
	uint8_t where;  /* private: part of the line */
	uint8_t language_n;
	char language[FENCE_LANGUAGE_MAX + 1]; /* lower case, NUL-terminated; of the open fence */
};

void fence_init(struct fence *f);

/* Takes a prefix of the n bytes at p that is all code or all prose; *code says which. Returns its
 * length, at least 1 when n > 0. While *code, f->language names the language. */
size_t fence_feed(struct fence *f, const char *p, size_t n, bool *code);

/* The line so far would close the fence if it ended here, as it does at the end of a text. */
bool fence_may_close(const struct fence *f);

static inline bool fence_in_code(const struct fence *f)
{
	return f->open != 0;
}

#endif

/*
 * Text of files, for a terminal: nothing in it can send a command to it, hide or turn other text
 * round. What would is shown as what it is: ^[, \x9b, <U+202E>.
 */
#ifndef PROXY_PRINTABLE_H
#define PROXY_PRINTABLE_H

#include <stdbool.h>

#include "lib/buf.h"

enum { PRINTABLE_TAB = 4 };

/* What is printed for a character, with those that combine with it. */
struct glyph {
	size_t bytes;   /* of the text */
	unsigned width; /* columns; a tab's are up to the next stop */
	bool plain;     /* printed as it is */
	char shown[16]; /* unless plain; without its NUL as long as it is wide */
};

/* Width by wcwidth(3) in UTF-8, whatever the environment says. text is not empty. */
void printable_glyph(struct span text, unsigned column, struct glyph *out);

/* Appends at most `columns` columns of it in one line: white space runs are one blank each, what is
 * longer ends in "...". */
void printable_add(struct buf *out, struct span text, unsigned columns);

#endif

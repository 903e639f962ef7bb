/* The lines of a text, and the lines and columns of its bytes. */
#ifndef PROXY_LINE_INDEX_H
#define PROXY_LINE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

/* Borrows the text. A text has at least one line; behind a last newline is none. */
struct line_index {
	struct span text;
	uint32_t *start; /* of each line; start[n] is the text's end */
	uint32_t n;
};

bool line_index_init(struct line_index *l, struct span text) MUST_USE; /* false: no memory */
void line_index_fini(struct line_index *l);

struct span line_index_text(const struct line_index *l,
			    uint32_t line);                          /* without its LF or CR LF */
uint32_t line_index_find(const struct line_index *l, uint32_t byte); /* lines count from 0 */
/* Both count from 1; the column counts code points. */
void line_index_place(const struct line_index *l, uint32_t byte, uint32_t *line, uint32_t *column);

#endif

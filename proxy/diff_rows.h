/*
 * Two files beside each other: which lines share a row, and which bytes are marked as changed.
 *
 * Where there is a mapping of their trees, lines share a row by the nodes on them that are
 * partners, so that as many as possible stand beside each other, and what is marked is the text of
 * changed nodes. Lines between those share a row if they are the same, else as they come. Without a
 * mapping that is all, and whole lines are marked.
 */
#ifndef PROXY_DIFF_ROWS_H
#define PROXY_DIFF_ROWS_H

#include "proxy/diff.h"

enum diff_mark { DIFF_SAME, DIFF_GONE, DIFF_RELABELLED }; /* gone: from here to the other side */

struct diff_row {
	int32_t line[2]; /* of A and B; -1: none */
	bool changed;    /* something on it is marked */
	bool equal;      /* the same text on both sides */
};

struct diff_rows {
	struct diff_row *v;
	uint32_t n;
	uint8_t *marks[2]; /* an enum diff_mark for each byte */
};

bool diff_rows_init(struct diff_rows *r, const struct diff *d) MUST_USE; /* false: no memory */
void diff_rows_fini(struct diff_rows *r);

#endif

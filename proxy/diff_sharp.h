/* What `redcard diff` says of sharp edits. */
#ifndef PROXY_DIFF_SHARP_H
#define PROXY_DIFF_SHARP_H

#include "proxy/diff.h"

/* A line each for the first of them: sharp: callee len -> eval at a.py:3:5, b.py:3:5. A line has at
 * most so many columns; 0: as many as it needs. */
void diff_sharp_text(const struct diff *d, unsigned columns, struct buf *out);

/* "sharp_edits": [...], or null when they are not known. */
void diff_sharp_json(const struct diff *d, struct buf *out);

#endif

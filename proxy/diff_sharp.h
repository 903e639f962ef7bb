/* What `redcard diff` says of sharp edits. */
#ifndef PROXY_DIFF_SHARP_H
#define PROXY_DIFF_SHARP_H

#include "policy/sharp.h"

/* A line each: sharp: callee len -> eval at a.py:3:5, b.py:3:5 */
void diff_sharp_text(const struct sharp_edits *e, const char *const paths[2],
		     const struct span texts[2]);

/* ,"sharp_edits":[...] or null, when it is not known; with `more`, "sharp_edits_more":true. */
void diff_sharp_json(const struct sharp_edits *e, bool known, const struct span texts[2],
		     struct buf *out);

#endif

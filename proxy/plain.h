/* Text of others for a terminal, whole: see printable.h for what is shown instead of what could
 * mislead. */
#ifndef PROXY_PLAIN_H
#define PROXY_PLAIN_H

#include "lib/buf.h"

void plain_add(struct buf *out, struct span text); /* in one line */
/* The same line by line, each after the prefix. */
void plain_add_lines(struct buf *out, struct span text, const char *prefix);

#endif

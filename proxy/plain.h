/*
 * Text of others for a terminal. Control characters could move the cursor, and marks that are not
 * seen could show code in another order than it has: both are written as escapes. Bytes that are no
 * UTF-8 become escapes too.
 */
#ifndef PROXY_PLAIN_H
#define PROXY_PLAIN_H

#include "lib/base.h"
#include "lib/buf.h"

void plain_add(struct buf *out, struct span text); /* tabs stay */
/* The same line by line, each after the prefix. */
void plain_add_lines(struct buf *out, struct span text, const char *prefix);

#endif

/* Paths of requests, as a builder may read them (RFC 3986, sections 5.2.4 and 6.2.2). */
#ifndef PROXY_PATH_H
#define PROXY_PATH_H

#include <stdbool.h>

#include "lib/buf.h"

bool path_is_plain(struct span path); /* resolving would change nothing */

/* Appends the path with its escapes decoded once, runs of slashes as one, backslashes as slashes,
 * and dot segments removed. It begins with a slash. */
void path_resolve(struct span path, struct buf *out);

#endif

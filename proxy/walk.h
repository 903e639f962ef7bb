/* Walks what a command line names: files, folders with everything below, standard input. */
#ifndef PROXY_WALK_H
#define PROXY_WALK_H

#include <stdbool.h>

#include "lib/base.h"

/* Calls visit() for path itself when it is no folder (or does not exist: the visitor says so), and
 * otherwise for each regular file below it, in the order of their names. Links below a folder are
 * not followed and `.git` is left out; met: it was found in a folder, not named. Returns 0, or
 * -errno when a folder could not be read, after a line on standard error; the rest is visited. */
int walk(const char *path, void (*visit)(void *context, const char *path, bool met),
	 void *context) MUST_USE;

#endif

/* What `git diff-tree -r -z` says: paths, and what stands there on the right side. */
#ifndef PROXY_GIT_PATHS_H
#define PROXY_GIT_PATHS_H

#include <stdbool.h>

#include "lib/buf.h"

struct git_path {
	char *name;
	char mode[7]; /* "000000": nothing is there */
	char sha[65];
};

struct git_paths { /* sorted by name */
	struct git_path *v;
	size_t n, cap;
};

void git_paths_fini(struct git_paths *p);
bool git_paths_read(struct git_paths *p, struct span text) MUST_USE; /* false: unknown form, or no
									memory */
bool git_paths_add(struct git_paths *p,
		   const struct git_path *one) MUST_USE; /* behind all others */
const struct git_path *git_paths_find(const struct git_paths *p, const char *name);
bool git_path_same(const struct git_path *a, const struct git_path *b); /* b may be NULL: no */
bool git_path_gone(const struct git_path *p);

/* As input of `git update-index -z --index-info`: what goes first, so that a file may take the
 * place of a folder. */
void git_paths_index(const struct git_paths *p, struct buf *out);

#endif

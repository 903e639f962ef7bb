/*
 * TOML documents as the trees that lib/yaml.h describes: toml++'s one door. Tables are maps, arrays
 * are lists, and everything else is a scalar with its text; lines are kept.
 */
#ifndef LIB_TOML_H
#define LIB_TOML_H

#include "lib/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

struct toml_tree; /* owns the tree */

/* -EINVAL: not TOML; -ENOMEM; or what opening the file said. Appends one line `file:line: what;
 * remedy` to *errors for -EINVAL, and leaves *out untouched. At most 4 MiB. */
int toml_load(const char *path, struct toml_tree **out, struct buf *errors);
void toml_free(struct toml_tree *t); /* NULL is fine */
const struct yaml_node *toml_root(const struct toml_tree *t);

#ifdef __cplusplus
}
#endif

#endif

/*
 * TOML 1.0 documents as the trees that lib/yaml.h describes: tables are maps, arrays are lists, and
 * everything else is a scalar with its text (numbers, dates and the like as they are written). Lines
 * are kept. What is not TOML is refused with its line.
 */
#ifndef LIB_TOML_H
#define LIB_TOML_H

#include "lib/yaml.h"

struct toml; /* owns the tree */

/* -EINVAL (not TOML), -ENOMEM, or why the file cannot be read: appends one line `file:line: what;
 * remedy` to *errors, and leaves *out untouched. At most 4 MiB. */
int toml_load(const char *path, struct toml **out, struct buf *errors) MUST_USE;
/* The same from memory; name stands for the file in messages. */
int toml_parse(const char *name, struct span text, struct toml **out, struct buf *errors) MUST_USE;
void toml_free(struct toml *t); /* NULL is fine */
const struct yaml_node *toml_root(const struct toml *t);

#endif

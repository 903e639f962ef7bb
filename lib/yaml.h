/*
 * YAML documents as trees that know their lines: libyaml's one door. Files are small (at most 4
 * MiB) and read at start-up or reload. Anchors, aliases, tags and several documents in one file are
 * refused: configuration stays plain.
 */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	const char *key;  /* in a map: this entry's key, else NULL */
	const char *text; /* scalars: NUL-terminated; "" for a null */
	size_t len;
	bool quoted;             /* scalars: '...', "...", | or > */
	unsigned line;           /* from 1; for a map entry the key's line */
	struct yaml_node *first; /* lists and maps: children in order */
	struct yaml_node *next;
};

struct yaml; /* owns the tree */

enum {
	YAML_INTERPOLATE = 1
}; /* ${NAME} and ${NAME:-default} in scalars come from the environment; unset is an error */

/* On failure returns -errno (-EINVAL for content), appends one line `file:line: what; remedy` to
 * *errors, and leaves *out untouched. Duplicate keys are refused. */
int yaml_load(const char *path, unsigned flags, struct yaml **out, struct buf *errors) MUST_USE;
int yaml_parse(const char *name, struct span text, unsigned flags, struct yaml **out,
	       struct buf *errors) MUST_USE;
/* NULL is fine. libyaml exports a yaml_free of its own, so ours has another name for the linker. */
void yaml_free(struct yaml *y) __asm__("redcard_yaml_free");

const char *yaml_name(const struct yaml *y);
const struct yaml_node *yaml_root(const struct yaml *y);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL: absent */

#endif

/*
 * One section of a YAML file that others write as well: a top-level key with all that belongs to
 * it.
 */
#ifndef LIB_YAML_SECTION_H
#define LIB_YAML_SECTION_H

#include "lib/buf.h"

/* Appends `old` with `section` in the place of the one under that key, or behind all others; every
 * byte that is not of this section stays. The comments and blank lines behind a section are no part
 * of it. section is "key: ...", whole lines. An old text without a key is fine; one that is no
 * mapping of plain lines is -EINVAL with one line `name:line: what; remedy` in *errors. The result
 * is read again, and given only if all other sections say what they said. */
int yaml_section_put(const char *name, struct span old, const char *key, struct span section,
		     struct buf *out, struct buf *errors) MUST_USE;

#endif

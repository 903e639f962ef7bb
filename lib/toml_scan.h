/*
 * Inside the reader of TOML: characters, blanks, strings and names. A failure latches: the first
 * one's reason stays.
 */
#ifndef LIB_TOML_SCAN_H
#define LIB_TOML_SCAN_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"

#define TOML_NO_MEMORY "out of memory; give the process more"

struct toml_scan {
	const char *p, *end;
	unsigned line;   /* from 1 */
	struct buf text; /* of the string or name that was read last */
	const char *why; /* NULL while all is well; static: what is wrong; remedy */
};

bool toml_fail(struct toml_scan *p, const char *why); /* false */

char toml_peek(const struct toml_scan *p); /* NUL at the end */
bool toml_take(struct toml_scan *p, char c);
bool toml_starts(const struct toml_scan *p, const char *with);
bool toml_is_bare(char c); /* may stand in a name without quotes */

void toml_skip_space(struct toml_scan *p);
void toml_skip_blank(struct toml_scan *p); /* also comments and line ends */
bool toml_end_line(struct toml_scan *p);   /* nothing but a comment follows on the line */

/* At a quote: "...", '...', or over several lines with three quotes each. */
bool toml_string(struct toml_scan *p);
bool toml_name(struct toml_scan *p); /* one part of a dotted name */

#endif

/*
 * Regular expressions that can say "not yet": PCRE2's one door. Bytes, not characters; ASCII case;
 * a dot does not match a line feed; `$` is the very end of the text.
 *
 * A partial answer means that matching needed a byte after the end of the text. An answer that is
 * not partial was found without it, so no later byte can change it. An empty rest is always partial
 * (nothing was looked at yet).
 */
#ifndef POLICY_REGEX_H
#define POLICY_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct regex;         /* compiled, immutable, shared by threads */
struct regex_scratch; /* one thread's working memory */

enum {
	REGEX_AT_START = 1, /* must begin where the search begins */
	REGEX_AT_END = 2,   /* must end at the text's end */
	REGEX_WHOLE = 4     /* is never asked with REGEX_MORE, and may skip where nothing begins */
};
enum {
	REGEX_MORE = 1,
	REGEX_INSIDE = 2
}; /* more text may follow; the text's first byte is not the channel's */

enum regex_result { REGEX_NO, REGEX_YES, REGEX_PARTIAL, REGEX_FAILED };

#define REGEX_LOOK_BACK 64 /* the most bytes before its start that an expression may look at */

/* -EINVAL: appends what is wrong (no line end) to *why. */
int regex_new(const char *pattern, unsigned flags, struct regex **out, struct buf *why) MUST_USE;
void regex_free(struct regex *re); /* NULL is fine */
unsigned regex_groups(const struct regex *re);

struct regex_scratch *regex_scratch_new(void);    /* NULL: out of memory */
void regex_scratch_free(struct regex_scratch *s); /* NULL is fine */

/* Searches text from `from` on. On REGEX_YES *start and *end are those of `group`; when that group
 * took no part in the match, those of the whole match. REGEX_FAILED: a match limit, or memory. */
enum regex_result regex_find(const struct regex *re, struct regex_scratch *s, struct span text,
			     size_t from, unsigned flags, unsigned group, size_t *start,
			     size_t *end);
/* The whole of what the last search that said REGEX_YES has found. */
void regex_last(const struct regex_scratch *s, size_t *start, size_t *end);

#endif

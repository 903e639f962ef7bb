/*
 * Patterns: a regular expression as a tree, read just deep enough to know lengths, literals and
 * where it may be split. What is not understood (backreferences, conditions, verbs) is marked
 * opaque instead of being guessed at.
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

enum pattern_kind {
	PATTERN_BYTES,  /* one byte out of a set */
	PATTERN_ASSERT, /* \b \B ^ $ \A \z \Z */
	PATTERN_FLAGS,  /* (?i): what follows in this group */
	PATTERN_GROUP,  /* alternatives */
	PATTERN_OPAQUE  /* anything else */
};

enum { PATTERN_I = 1, PATTERN_M = 2, PATTERN_S = 4 }; /* inline flags */

#define PATTERN_MANY UINT32_MAX /* no upper bound */

struct pattern_branch {
	struct pattern_node *first;
	struct pattern_branch *next;
	size_t end; /* source offset after its last item */
};

struct pattern_node {
	enum pattern_kind kind;
	size_t from, to;  /* source, with the quantifier */
	size_t atom;      /* where the quantifier begins */
	size_t header;    /* groups: length of "(", "(?:", "(?i:" ... */
	unsigned capture; /* groups: number, or 0 */
	unsigned flags;   /* in force where it begins */
	uint32_t in[8];   /* the bytes, or some too many where that is rough */
	bool rough;       /* its bytes are not known one by one */
	bool exact;       /* `in` is neither too large nor too small, but for a dot's line feed */
	unsigned size; /* bytes in the set; with PATTERN_I a letter and its other case count once */
	char byte;     /* of a set of one: lower case under PATTERN_I */
	bool token;    /* a set of letters and digits, all ten digits among them */
	uint32_t min, max; /* repeats */
	struct pattern_branch *branches;
	struct pattern_node *next;
};

struct pattern;

/* -EINVAL: *why is a static text. */
int pattern_parse(const char *source, struct pattern **out, const char **why) MUST_USE;
void pattern_free(struct pattern *p); /* NULL is fine */
const struct pattern_branch *pattern_root(const struct pattern *p);
unsigned pattern_groups(const struct pattern *p);

uint32_t pattern_min(const struct pattern_node *n); /* bytes, saturating */
uint32_t pattern_max(const struct pattern_node *n);
/* Adds to the set (bits) the bytes that a match of one of the branches may end in; bytes too many,
 * where it is not known. */
void pattern_branches_ends(const struct pattern_branch *b, uint32_t set[8]);
uint32_t pattern_branches_min(const struct pattern_branch *b);
uint32_t pattern_branches_max(const struct pattern_branch *b);

#endif

/*
 * Heads: which bytes a match of an expression may have in its first places. Most of what begins
 * like a secret is none within a few bytes, and that is seen here without the engine.
 *
 * The sets are never too small, and a match has all of the places. So a text that has a byte in
 * one of them that is not in its set is no match, whatever follows: every way of matching stops at
 * that byte or before, none has looked at the end of the text, and PCRE2 says the same.
 */
#ifndef POLICY_HEAD_H
#define POLICY_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

#define HEAD_PLACES 32 /* at most */

struct head {
	uint32_t n;        /* places that every match has */
	uint32_t may[256]; /* by byte: a bit for each place where it may stand */
};

/* -EINVAL where the expression is not understood, and then *out has no places. */
int head_read(const char *expression, struct head *out) MUST_USE;

/* Whether no match begins at p, of which n bytes are there. */
static inline bool head_rules_out(const struct head *h, const char *p, size_t n)
{
	const unsigned char *b = (const unsigned char *)p;
	const size_t most = n < h->n ? n : h->n;
	size_t i = 0;
	for (; i + 4 <= most; i += 4)
		if (!(h->may[b[i]] & h->may[b[i + 1]] >> 1 & h->may[b[i + 2]] >> 2 &
		      h->may[b[i + 3]] >> 3 & 1u << i))
			return true;
	for (; i < most; i++)
		if (!(h->may[b[i]] >> i & 1))
			return true;
	return false;
}

#endif

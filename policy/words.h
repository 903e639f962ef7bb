/*
 * Words: whether one of many stands in a text, ASCII letters in either case. They share their
 * beginnings in a tree, so that a text costs about the same whatever their number.
 */
#ifndef POLICY_WORDS_H
#define POLICY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct words_node {
	uint32_t child, sibling; /* 0: none */
	unsigned char byte;      /* in lower case */
	bool ends;               /* a word ends with it */
};

struct words {
	uint32_t n;
	uint32_t first[256]; /* by a word's first byte; 0: none */
	bool empty;          /* one has no bytes, and stands everywhere */
	struct words_node v[];
};

size_t words_size(const char *const *list, size_t n); /* bytes that these take at most */
void words_fill(struct words *w, const char *const *list, size_t n); /* w is zeroed */
bool words_within(const struct words *w, struct span text);

#endif

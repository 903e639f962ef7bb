/*
 * Sets of bytes as an expression writes them: one escape, one bracket class. Never too small: what
 * is not known byte by byte is marked rough and holds all.
 */
#ifndef POLICY_PATTERN_SET_H
#define POLICY_PATTERN_SET_H

#include <stdbool.h>
#include <stddef.h>

struct pattern_set {
	unsigned char in[256];
	bool rough;
};

void pattern_set_range(struct pattern_set *set, unsigned from, unsigned to);

/* \d \w \s and the like, by their letter; false: not a class. */
bool pattern_set_class(struct pattern_set *set, char letter);

/* The byte that an escape stands for; *at is on the character after the backslash and moves behind
 * the escape. -1: not a single byte. */
int pattern_set_escape(const char *s, size_t *at);

void pattern_set_skip_property(const char *s, size_t *at); /* what follows \p */

/* A bracket class; *at is on the bracket and moves behind it. False: it is not closed. */
bool pattern_set_read(const char *s, size_t *at, struct pattern_set *set);

#endif

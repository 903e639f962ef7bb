/*
 * Inside trigger.c: how an expression is parted into a head that the matcher looks for, and a tail.
 */
#ifndef POLICY_TRIGGER_SPLIT_H
#define POLICY_TRIGGER_SPLIT_H

#include <stdint.h>

#include "lib/base.h"

#define TRIGGER_LITERALS 3   /* at least so many bytes of a head are literal */
#define TRIGGER_HEAD_MOST 48 /* bytes of a head whose beginning is looked at here */

struct trigger_split { /* the texts are the heap's */
	char *head;    /* NULL: it is not parted */
	char *tail;    /* NULL: likewise */
	uint32_t edge; /* a word must begin so many bytes before the head's end; 0: it need not */
};

/* Parts an expression where its first variable bytes begin. -ENOMEM. */
int trigger_split(const char *expression, struct trigger_split *out) MUST_USE;
/* Writes a head of fixed length in one way, whatever it was written like, and takes the edge of a
 * word before it away. -ENOMEM. */
int trigger_plain(struct trigger_split *s) MUST_USE;

#endif

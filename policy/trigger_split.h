/*
 * Inside trigger.c: how an expression is parted into what the matcher looks for, a row of bytes of
 * a fixed length, and a tail behind it.
 *
 *   (?i)\b(?:api|auth)_?key[ \w]{0,20}=     row \bapikey and three more, tail [ \w]{0,20}=
 */
#ifndef POLICY_TRIGGER_SPLIT_H
#define POLICY_TRIGGER_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define TRIGGER_LITERALS 3 /* at least so many bytes of a row are literal */
#define TRIGGER_ROW_MOST 48
#define TRIGGER_CHOICES_MOST 40

enum trigger_front { FRONT_ANY, FRONT_EDGE, FRONT_BEGIN }; /* of a word; of the text */

struct trigger_row {
	uint32_t in[TRIGGER_ROW_MOST][8];
	uint32_t n;
	uint32_t before; /* so many of them stand before those that the matcher looks for */
	enum trigger_front front;
};

struct trigger_split { /* the texts are the heap's */
	char *head;    /* NULL: it is not parted */
	char *tail;    /* NULL: likewise, or there is nothing behind it */
};

/* Parts an expression where its first variable bytes begin. -ENOMEM. */
int trigger_split(const char *expression, struct trigger_split *out) MUST_USE;
/* Whether the head is such a row; false as well where memory lacks. */
bool trigger_row_read(const char *head, struct trigger_row *out);
/* A text without case as a row; false: it is too long, or empty. */
bool trigger_row_spell(const char *text, struct trigger_row *out);
/* How the matcher is told to look for it, whatever it was written like; the heap's, or NULL. */
char *trigger_row_text(const struct trigger_row *r);

/* Expressions that together find what the expression finds, one for each way in which its first
 * variable part goes. n: 0 where it has none that is worth it. -ENOMEM. */
struct trigger_choices {
	char *v[TRIGGER_CHOICES_MOST]; /* the heap's */
	uint32_t n;
};
int trigger_choose(const char *expression, struct trigger_choices *out) MUST_USE;

#endif

/*
 * Inside lead_in.c: a place where an expression is split, and the two halves as texts.
 */
#ifndef POLICY_LEAD_IN_SPLIT_H
#define POLICY_LEAD_IN_SPLIT_H

#include "lib/buf.h"
#include "policy/pattern.h"

#define LEVELS_MAX 16

/* A split point: at each level of nesting, the first item of the concatenation and the item before
 * which it is split; at every level but the last that item is the group which was entered. at NULL:
 * after the last item. */
struct level {
	const struct pattern_branch *list;
	const struct pattern_node *at;
	bool secret; /* this concatenation lies inside the secret's group */
};

struct split {
	struct level level[LEVELS_MAX];
	size_t n;
	uint32_t head;  /* so many repeats of the last level's item stand before the split */
	unsigned words; /* a word of a fixed length leads in, worth one literal */
};

static inline const struct pattern_node *split_after(const struct pattern_node *n)
{
	return n ? n->next : NULL;
}

bool split_opaque(const struct pattern_node *n);
bool split_item_asserts(const struct pattern_node *n); /* whether it may end in an assertion */
/* The same of the items before `end`, when what may be empty is empty. */
bool split_list_asserts(const struct pattern_branch *b, const struct pattern_node *end);

unsigned split_literals(const struct pattern_node *n); /* bytes that every match has, of few */

void split_add_bare(struct buf *out, const char *text); /* without its parentheses */
void split_add_lead_in(struct buf *out, const char *source, const struct split *s, bool strip);
void split_add_body(struct buf *out, const char *source, const struct split *s);

#endif

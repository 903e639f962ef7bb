/*
 * Between the files that write a normalised tree: tree.c the nodes, tree_text.c what leaves say.
 */
#ifndef POLICY_TREE_WRITER_H
#define POLICY_TREE_WRITER_H

#include "policy/syntax_tree.h"
#include "policy/tree.h"
#include "policy/tree_names.h"
#include "policy/tree_types.h"

struct writer {
	const struct syntax_language *language;
	const struct tree_language *l;
	const struct syntax_node *v;
	struct span text;
	const uint32_t *names;
	const struct tree_types *types;
	uint32_t *known; /* 1 + label of a type alone; 0: not yet asked for */
	struct labels *labels;
	struct buf word;
	struct buf seen; /* what a NAME_EYE sees */
	struct tree *out;
	uint32_t cap;
	uint32_t comments; /* written so far */
	bool failed;
};

static inline const char *writer_type(const struct writer *w, uint32_t i)
{
	return w->types->v[w->v[i].type].source.p;
}

static inline uint32_t writer_flags(const struct writer *w, uint32_t i)
{
	return w->types->v[w->v[i].type].flags;
}

/* Writes a node over all that was written since `first`; its label is in w->word. */
void writer_put(struct writer *w, uint32_t first, uint32_t from, uint32_t to);
void writer_put_type(struct writer *w, uint32_t i, uint32_t first); /* its type is its label */
void writer_begin(struct writer *w, uint32_t i);                    /* its type begins its label */
/* Returns how many trees were written. exact: the parent wants every token. */
uint32_t writer_node(struct writer *w, uint32_t i, bool exact);

/* The normalised tree of what the parser made of a text, right or wrong. TREE_OK, _EMPTY or
 * _TOO_LARGE; *out is a tree after TREE_OK alone. */
enum tree_result tree_write(const struct syntax_language *language, struct span text,
			    const struct syntax_nodes *nodes, struct labels *labels,
			    struct tree *out) MUST_USE;

uint32_t writer_leaf(struct writer *w, uint32_t i); /* as writer_node */
void writer_add_name(struct writer *w, uint32_t i); /* to the label */
/* Whether a node of TYPE_REWRITTEN was written as another; *roots is how many trees that made. */
bool writer_rewritten(struct writer *w, uint32_t i, uint32_t *roots);

bool writer_markup(struct writer *w, struct span s); /* false: nothing remains */
void writer_number(struct writer *w, struct span s);
uint32_t writer_string(struct writer *w, uint32_t i);
bool writer_joined(struct writer *w, uint32_t i); /* false: its strings are of several kinds */

#endif

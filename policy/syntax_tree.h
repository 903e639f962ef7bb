/*
 * A syntax tree as a flat array, for those who read all of it.
 */
#ifndef POLICY_SYNTAX_TREE_H
#define POLICY_SYNTAX_TREE_H

#include <stdbool.h>

#include "policy/syntax.h"

struct syntax_node {
	uint32_t from, to; /* bytes of the text */
	uint32_t parent;   /* index; of the root, 0 */
	uint32_t end;      /* index behind the last descendant */
	uint16_t type;     /* below syntax_type_count() */
	uint16_t field;    /* in its parent; 0: none */
	bool named;
};

struct syntax_nodes {
	struct syntax_node *v; /* in preorder */
	uint32_t n;
	uint32_t wrong; /* how many have no place in the grammar, or were made up */
	uint32_t first_wrong;
	uint64_t steps; /* of the parser; see syntax_tree_steps() */
};

/* A text that was parsed, with the memory that its tree stands in. The text is borrowed. */
struct syntax_text;

enum syntax_result syntax_text_new(const struct syntax_language *language, struct span text,
				   const struct syntax_limits *limits,
				   struct syntax_text **out) MUST_USE;
void syntax_text_free(struct syntax_text *t); /* NULL is fine */
size_t syntax_text_memory(const struct syntax_text *t);

/* SYNTAX_TOO_LARGE also: more nodes than `most`. *out is set on SYNTAX_OK alone, and then its array
 * is the caller's to free; its steps are always set. kept: NULL, or where the parsed text is left
 * for the caller on SYNTAX_OK. */
enum syntax_result syntax_read_keeping(const struct syntax_language *language, struct span text,
				       const struct syntax_limits *limits, uint32_t most,
				       struct syntax_nodes *out,
				       struct syntax_text **kept) MUST_USE;
enum syntax_result syntax_read(const struct syntax_language *language, struct span text,
			       const struct syntax_limits *limits, uint32_t most,
			       struct syntax_nodes *out) MUST_USE;

uint32_t syntax_type_count(const struct syntax_language *language);
const char *syntax_type_name(const struct syntax_language *language, uint16_t type);
uint16_t syntax_field(const struct syntax_language *language, const char *name); /* 0: none */
const char *syntax_field_name(const struct syntax_language *language, uint16_t field);

#endif

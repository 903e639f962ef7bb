/*
 * Between the two files of the door to tree-sitter, whose types stand in no header: syntax.c has
 * the grammars and the trees, syntax_query.c the queries.
 */
#ifndef POLICY_SYNTAX_CORE_H
#define POLICY_SYNTAX_CORE_H

#include <stdbool.h>

#include "policy/syntax.h"

const void *syntax_core_tree(const struct syntax_tree *t);                /* a TSTree; NULL: none */
const void *syntax_core_language(const struct syntax_language *language); /* a TSLanguage */

/* A text's TSTree; this thread is then in its pool, and must leave it. */
struct syntax_text;
const void *syntax_core_enter(const struct syntax_text *t);

void syntax_core_forget(struct syntax_tree *t); /* its TSTree is gone without it */

#endif

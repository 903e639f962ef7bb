/*
 * Sharp edits: what makes a small difference of two programs no harmless one.
 *
 * A difference is harmless only where policy/sharp/LANGUAGE.scm says so, with a capture such as
 * @harmless. Two texts have no sharp edit exactly when their normalised trees, with all that is
 * harmless taken off, are equal, and when the comments that tools obey (@directive) are. So nothing
 * passes because nobody thought of it, and the answer depends neither on a mapping between the
 * trees nor on their order. A list of sharp facts alone would not do: `if admin: a(); b()` and
 * `if admin: a()` with b() behind it have the same callees, conditions and literals.
 *
 * The other captures name what has changed. The lists of children of two nodes are compared by what
 * the subtrees are, as sequences (Myers, "An O(ND) difference algorithm", 1986); those that differ
 * and stand at the same place are compared in turn. An edit is the smallest captured node around a
 * difference. Which edits are told apart is a matter of presentation; whether there are any is not.
 */
#ifndef POLICY_SHARP_H
#define POLICY_SHARP_H

#include "policy/syntax_tree.h"
#include "policy/tree.h"

enum sharp_kind {              /* one node may be several: the first counts */
		  SHARP_GUARD, /* a condition whose code leaves: return, raise, exit */
		  SHARP_EXIT,  /* return, raise, throw, break, continue */
		  SHARP_IMPORT,
		  SHARP_URL, /* a literal with a URL, a host or an address in it */
		  SHARP_CALLEE,
		  SHARP_DECORATOR,
		  SHARP_EXCEPTION, /* what is caught */
		  SHARP_REDIRECT,
		  SHARP_PIPELINE,
		  SHARP_MODIFIER, /* async, await, unsafe, static, visibility */
		  SHARP_COMPARISON,
		  SHARP_OPERATOR,
		  SHARP_CONDITION,
		  SHARP_ARGUMENT,
		  SHARP_PARAMETER,
		  SHARP_ASSIGNMENT,
		  SHARP_LITERAL,
		  SHARP_TYPE,
		  SHARP_DEFINITION, /* of a function or a class: its name, or all of it */
		  SHARP_NAME,       /* one that other files may use, and is no node's difference */
		  SHARP_DIRECTIVE,  /* a comment that a tool obeys, such as #! */
		  SHARP_STRUCTURE,  /* anything else */
		  SHARP_KIND_COUNT
};

extern const char *const sharp_kind_names[SHARP_KIND_COUNT];

struct sharp_place {
	struct syntax_range source;
	uint32_t line, column; /* from 1; of characters */
};

struct sharp_edit {
	enum sharp_kind kind;
	bool in[2]; /* in one text alone: it was added, or taken away */
	struct sharp_place at[2];
};

enum { SHARP_LISTED_MAX = 1000 };

struct sharp_edits {
	struct sharp_edit *v; /* as they stand in the texts; comments first */
	uint32_t n;           /* 0: none */
	bool more;            /* than are listed */
};

enum sharp_result { SHARP_KNOWN, SHARP_EXHAUSTED, SHARP_NO_MEMORY }; /* exhausted: a limit */

/* trees: of the texts, with labels of one table, which may grow. parsed: the texts as the trees
 * were made of them; NULL: it is parsed again. *out is empty unless it is known. */
enum sharp_result sharp_find(const struct syntax_language *language,
			     const struct tree *const trees[2], struct syntax_text *const parsed[2],
			     struct labels *labels, const struct span texts[2],
			     struct sharp_edits *out) MUST_USE;
void sharp_edits_fini(struct sharp_edits *e);

#endif

/*
 * What the normalisation of trees knows of each language: lists of node types, between spaces.
 */
#ifndef POLICY_TREE_LANGUAGE_H
#define POLICY_TREE_LANGUAGE_H

#include <stdbool.h>

#include "policy/syntax.h"

enum tree_where {
	BIND_END,
	BIND_PARAMETER,     /* in the scope that the parent is, or stands in; numbered first */
	BIND_HERE,          /* in the scope that the parent is, or stands in */
	BIND_LATER,         /* the same, and seen only behind the parent */
	BIND_NEXT,          /* the same, and seen only behind the name */
	BIND_OUTSIDE,       /* in the scope around the parent */
	BIND_FUNCTION,      /* in the function around it */
	BIND_SPELLED,       /* BIND_HERE, and the name keeps its spelling */
	BIND_IMPORT,        /* BIND_HERE, known by what is imported */
	BIND_PASS,          /* the name is that of the file, or of a function further out */
	READ_OUTSIDE,       /* binds nothing: read in the scope around the parent */
	READ_OUTSIDE_FIRST, /* the same, if the parent is the first of its kind */
	READ_SPELLED        /* binds nothing, means no variable */
};

/* A child of a parent of this type, in this field; "" is any child. `when`: only if the parent has
 * a child of one of these types, or its own parent, or that one's, is one. */
struct tree_binding {
	enum tree_where where;
	const char *parents, *field, *when;
};

struct tree_language {
	const char *name;
	const char *languages; /* the grammars it is about; NULL: that of its name */
	/* What is left out or looked through */
	const char *dropped;    /* comments and punctuation */
	const char *comments;   /* of these, what tree_comment.c looks at */
	const char *separators; /* dropped only behind an element: alone they mean an empty place */
	const char *exact;      /* types in which every token stays */
	const char *atoms;      /* types that are a leaf, with all of their text */
	const char *transparent; /* types whose one child stands for them */
	const char *opened;      /* parent>type: its children stand for it */
	const char *kept;        /* parent>type: not transparent after all */
	const char *empty;       /* parent>type: left out when it has no children */
	const char *dissolved;   /* parent>type: the child stands for its parent, if it is alone */
	const char *rewritten;   /* types that tree_rewrite.c writes as if they were another */
	const char *joined;      /* types that are their strings, one behind the other */
	const char *lone;        /* types in which the only comma means something */
	const char *fielded;     /* types in which a child's role cannot be told from its order */
	const char *alias;       /* type=type: the second stands for the first */
	/* Literals */
	const char *strings;   /* quoted texts; quotes inside need no backslash afterwards */
	const char *insets;    /* what in a string is code */
	const char *numbers;   /* in lower case */
	const char *keys;      /* parents>field where a quoted name is a name */
	const char *markup;    /* text in which runs of white space are one blank, or none */
	const char *shorthand; /* {a} for {a: a}: type=pair,key */
	/* Names */
	const char *names;     /* types that are names of variables */
	const char *scopes;    /* types that are a scope */
	const char *functions; /* of these, the functions */
	const char *classes;   /* of these, those whose names are attributes */
	bool classes_seen;     /* and are seen from the functions inside */
	bool spelled_file;     /* names of the file keep their spelling: other files see them */
	bool capitals_match;   /* in a pattern such a name is a constant */
	bool dunders;          /* __x__ keeps its spelling */
	const char *watched;   /* types that tree_observed.c looks at */
	const char *exports;   /* types whose names other files see */
	const char *patterns;  /* types through which a binding reaches its names */
	const char *skipped;   /* parent>field that a binding does not enter */
	const struct tree_binding *bindings;
};

/* Whether word stands in a list; whether left>right does; right of left=right, empty: none. */
bool tree_listed(const char *list, const char *word);
bool tree_paired(const char *list, const char *left, const char *right);
struct span tree_right_of(const char *list, const char *left);

const struct tree_language *tree_language_of(const struct syntax_language *language);

#endif

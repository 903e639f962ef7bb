/*
 * Between the files that find sharp edits: sharp_query.c has the queries, sharp_reduce.c takes off
 * what is harmless, sharp_align.c compares sequences, sharp_name.c says what the edits are.
 */
#ifndef POLICY_SHARP_PARTS_H
#define POLICY_SHARP_PARTS_H

#include "policy/number_pairs.h"
#include "policy/sharp.h"
#include "policy/syntax_captures.h"

enum {
	SHARP_HARMLESS = 1 << 0,  /* @harmless: left out */
	SHARP_KEPT = 1 << 1,      /* @kept: not harmless after all, nor unordered */
	SHARP_HOLLOW = 1 << 2,    /* @hollow: left out when nothing is left in it */
	SHARP_THIN = 1 << 3,      /* @thin: when one child is left, that stands for it */
	SHARP_UNORDERED = 1 << 4, /* @unordered: the order among neighbours means nothing */
	SHARP_UNREAD = 1 << 5,    /* @unread: left out when no name in it is read elsewhere */
	SHARP_WRAPPER = 1 << 6, /* @wrapper: a node around another, which may be there without it */
	SHARP_DOUBT = 1 << 7,   /* @doubt: where it is read in one text, nothing is harmless */
	SHARP_LIVE = 1 << 8,    /* @live: runs, so what holds it is not harmless */
};

/* What a capture's name says. */
struct sharp_meaning {
	uint16_t marks;
	uint8_t kind;     /* SHARP_KIND_COUNT: none */
	struct span type; /* @as.TYPE: the node counts as one of this type */
};

/* Compiled once, kept for ever. NULL: no memory. */
const struct syntax_query *sharp_query(const struct syntax_language *language);
struct sharp_meaning sharp_meaning(const struct syntax_query *q, uint32_t capture);

/* Nodes by what they cover: the last of each range, which is the outermost. */
struct sharp_places {
	uint32_t *slots; /* 1 + node; 0: free; NULL: not yet made */
	uint32_t mask;
};

/* One text. The arrays are of nodes. */
struct sharp_side {
	const struct tree *tree;
	struct span text;
	struct syntax_text *parsed, *own; /* own: parsed here */
	struct syntax_range part;         /* of the text, that is looked at */
	struct syntax_captures captures;  /* after marking: the directives */
	uint16_t *marks;
	uint8_t *kinds;
	bool doubt;
	uint32_t *relabel; /* 1 + label; 0: its own */
	uint32_t *ids;     /* the number of what is left of the subtree; 0: nothing */
	struct sharp_places places;
	uint32_t *stands; /* the node that stands for it */
};

struct sharp {
	const struct syntax_language *language;
	struct labels *labels;
	struct labels *forms;        /* of what else is compared, the same for both sides */
	struct number_pairs numbers; /* of subtrees, here too */
	const struct syntax_query *query;
	struct sharp_side sides[2];
	bool failed;
	bool limited; /* a limit, not memory, is what failed */
};

/* Marks the nodes of the part of a text, after forgetting older marks. */
bool sharp_mark(struct sharp *s, struct sharp_side *side);
void sharp_clear(struct sharp_side *side); /* nothing is harmless */
bool sharp_reduce(struct sharp *s, struct sharp_side *side);
struct span sharp_type(const struct sharp *s, const struct sharp_side *side, uint32_t node);

/* What is left below a node, in order: id << 32 | node. Returns how many; out may be NULL. */
uint32_t sharp_children(const struct sharp_side *side, uint32_t node, uint64_t *out);

/* to[i] is 1 + the place in b that a[i] is matched with, or 0. False: no memory. Sequences that are
 * further from each other than a limit are left unmatched. */
bool sharp_align(const uint32_t *a, uint32_t n, const uint32_t *b, uint32_t m, uint32_t *to);

/* Adds the edits between what is left of two trees; x is the side whose edits come first. The kind
 * of those that have none is SHARP_STRUCTURE. */
void sharp_name(struct sharp *s, int x, struct sharp_edits *out);
bool sharp_echo(const struct sharp *s, const struct sharp_edit *e); /* both read the same */
void sharp_add(struct sharp *s, struct sharp_edits *out, const struct sharp_edit *one);

#endif

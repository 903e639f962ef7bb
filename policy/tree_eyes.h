/* Between tree_names.c and tree_eyes.c: what is known of a text's names. */
#ifndef POLICY_TREE_EYES_H
#define POLICY_TREE_EYES_H

#include "lib/buf.h"
#include "policy/tree_names.h"

struct scope {
	uint32_t parent;
	uint32_t names; /* numbered so far */
	uint32_t flags; /* of its node's type */
};

struct entry {
	uint32_t scope, from, length;
	uint32_t number, seen; /* seen: from this node on */
	uint32_t import;       /* the node that tells what was imported; 0: none */
	uint8_t flags;
};

struct names {
	const struct tree_types *types;
	const struct tree_language *l;
	const struct syntax_node *v;
	uint32_t n;
	struct span text;
	uint32_t *at;    /* of a node: the scope it is read in */
	uint8_t *binds;  /* of a node: how it binds names, an enum tree_where */
	uint32_t *bound; /* of a node: its entry, for names bound outside of where they stand */
	bool all_spelled;
	uint32_t keywords; /* how many arguments have one */
	struct scope *scopes;
	uint32_t n_scopes;
	struct entry *entries;
	uint32_t n_entries, room;
	uint32_t *slots; /* entries; 0: free */
	uint32_t mask;
};

/* eyes: a uint32_t for each call that sees how names are spelled, its node; see tree_names(). */
void tree_eyes_open(const struct names *s, const struct buf *eyes, uint32_t *out, struct buf *seen);

#endif

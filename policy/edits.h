/*
 * What redaction takes out of the raw body: ranges of bytes, each with the mask that stands for it,
 * or without when it goes on what an earlier range began. The judge makes them, the gate applies
 * them to what leaves.
 *
 * Ranges that overlap are one, with the mask of the one that begins first: the result does not
 * depend on the order in which they came. Ranges that only touch stay two.
 */
#ifndef POLICY_EDITS_H
#define POLICY_EDITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edit {
	uint64_t from, to; /* absolute raw offsets */
	uint16_t rule;
	bool masked;   /* the rule's mask stands at `from` */
	bool envelope; /* in a string that is no text, such as an id that an ending would repeat */
};

/* In order and apart. Zero-initialised is empty; the owner of the struct owns the array. */
struct edits {
	struct edit *v;
	size_t n, cap;
};

void edits_fini(struct edits *e);
bool edits_add(struct edits *e, struct edit one); /* an empty one is none; false: no memory */
void edits_drop(struct edits *e, uint64_t raw);   /* those that end at or before raw */

#endif

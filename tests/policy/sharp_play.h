/* Sharp edits of two texts, found in both orders. */
#ifndef TESTS_POLICY_SHARP_PLAY_H
#define TESTS_POLICY_SHARP_PLAY_H

#include <criterion/criterion.h>
#include <string.h>

#include "policy/sharp.h"

static inline void play_find(const char *language, const struct span texts[2],
			     struct sharp_edits *out, bool *equal)
{
	const struct syntax_language *l = syntax_find(span_of(language));
	struct labels *labels = labels_new();
	struct tree trees[2];
	for (int i = 0; i < 2; i++) {
		enum tree_result r = tree_build(l, texts[i], labels, &trees[i]);
		cr_assert_eq(r, TREE_OK, "%s: %.200s: %s", language, texts[i].p,
			     tree_result_names[r]);
	}
	const struct tree *both[2] = { &trees[0], &trees[1] };
	*equal = tree_equal(&trees[0], &trees[1]);
	struct syntax_text *const none[2] = { NULL, NULL };
	cr_assert_eq(sharp_find(l, both, none, labels, texts, out), SHARP_KNOWN);
	for (int i = 0; i < 2; i++)
		tree_fini(&trees[i]);
	labels_free(labels);
}

/* Both orders say the same. Returns whether the trees are equal. */
static inline bool play_both(const char *language, struct span a, struct span b,
			     struct sharp_edits *out)
{
	struct sharp_edits other;
	bool equal;
	play_find(language, (const struct span[]){ b, a }, &other, &equal);
	play_find(language, (const struct span[]){ a, b }, out, &equal);
	cr_assert_eq(out->n, other.n, "%s: %.200s and\n%.200s", language, a.p, b.p);
	cr_expect_eq(out->more, other.more);
	for (uint32_t i = 0; i < out->n; i++) {
		cr_expect_eq(out->v[i].kind, other.v[i].kind);
		for (int k = 0; k < 2; k++) {
			cr_expect_eq(out->v[i].in[k], other.v[i].in[1 - k]);
			cr_expect_eq(memcmp(&out->v[i].at[k], &other.v[i].at[1 - k],
					    sizeof(out->v[i].at[k])),
				     0);
		}
	}
	sharp_edits_fini(&other);
	return equal;
}

#endif

/* Two texts from outside in one language: trees are sound, and their distance is the same from both
 * sides and within its bounds. The first byte is the language, a NUL parts the texts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/distance.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_tree(const struct tree *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		CHECK(t->left[i] <= i);
		for (uint32_t c = i; c > t->left[i]; c = t->left[c - 1])
			CHECK(t->left[c - 1] >= t->left[i]);
		CHECK(t->source[i].from <= t->source[i].to);
	}
	CHECK(t->n == 0 || t->left[t->n - 1] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *text = (const char *)p;
	const char *half = n > 1 ? memchr(text + 1, '\0', n - 1) : NULL;
	struct labels *labels = half ? labels_new() : NULL;
	if (!labels)
		return 0;
	const struct syntax_language *l = syntax_language(p[0] % syntax_count());
	struct tree a, b;
	struct span texts[2] = { { text + 1, (size_t)(half - text) - 1 },
				 { half + 1, n - (size_t)(half - text) - 1 } };
	enum tree_result ra = tree_build(l, texts[0], labels, &a);
	enum tree_result rb = tree_build(l, texts[1], labels, &b);
	check_tree(&a);
	check_tree(&b);
	struct distance_limits limits = { .cells = 200000,
					  .bytes = 1 << 20,
					  .diagonal_steps = 10000 };
	struct distance ab, ba;
	if (ra == TREE_OK && rb == TREE_OK &&
	    distance_find(&a, &b, 40, true, &limits, &ab) != DISTANCE_NO_MEMORY &&
	    distance_find(&b, &a, 40, true, &limits, &ba) != DISTANCE_NO_MEMORY) {
		CHECK(ab.low <= ab.high && ba.low <= ba.high);
		CHECK(ab.low <= ba.high && ba.low <= ab.high);
		CHECK((ab.high == 0) == tree_equal(&a, &b));
	}
	tree_fini(&a);
	tree_fini(&b);
	labels_free(labels);
	return 0;
}

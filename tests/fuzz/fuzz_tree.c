/* Two texts from outside in one language: trees are sound, and their distance and sharp edits are
 * the same from both sides, the distance within its bounds. The first byte is the language, a NUL
 * parts the texts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/distance.h"
#include "policy/sharp.h"

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

/* What is equal differs in comments alone; an edit lies in its text. */
static void check_sharp(const struct syntax_language *l, const struct tree *a, const struct tree *b,
			struct labels *labels, const struct span texts[2])
{
	struct sharp_edits x, y;
	bool equal = tree_equal(a, b);
	struct syntax_text *const none[2] = { NULL, NULL };
	bool known = sharp_find(l, (const struct tree *const[]){ a, b }, none, labels, texts, &x) ==
		     SHARP_KNOWN;
	const struct span other[2] = { texts[1], texts[0] };
	bool again = sharp_find(l, (const struct tree *const[]){ b, a }, none, labels, other, &y) ==
		     SHARP_KNOWN;
	CHECK(known == again);
	CHECK(!known || (x.n == y.n && x.more == y.more));
	for (uint32_t i = 0; known && i < x.n; i++) {
		CHECK(!equal || x.v[i].kind == SHARP_DIRECTIVE);
		CHECK(x.v[i].kind == y.v[i].kind && (x.v[i].in[0] || x.v[i].in[1]));
		for (int k = 0; k < 2; k++) {
			struct syntax_range r = x.v[i].at[k].source, s = y.v[i].at[1 - k].source;
			CHECK(x.v[i].in[k] == y.v[i].in[1 - k]);
			CHECK(r.from == s.from && r.to == s.to);
			CHECK(r.from <= r.to && r.to <= texts[k].n);
		}
	}
	sharp_edits_fini(&x);
	sharp_edits_fini(&y);
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
	if (ra == TREE_OK && rb == TREE_OK)
		check_sharp(l, &a, &b, labels, texts);
	tree_fini(&a);
	tree_fini(&b);
	labels_free(labels);
	return 0;
}

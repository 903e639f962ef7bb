#include "policy/compare_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/syntax_tree.h"

enum { KEPT_MOST = 32 << 20 }; /* bytes of a tree of the parser: of some 30,000 lines */

const char *const compare_reason_names[] = {
	"equal",
	"within_threshold",
	"sharp_edits",
	"above_threshold",
	"nothing_changed",
	"empty",
	"both_empty",
	"syntax_error",
	"too_large",
	"too_costly",
	"too_deep",
	"memory_bound",
	"unsupported",
	"unknown_language",
	"languages_differ",
	"exhausted",
	"no_memory",
	"actions_differ",
	"contradiction",
	"truncated",
	"stalled",
	"late",
	"absent",
	"cut",
};
static_assert(ARRAY_LEN(compare_reason_names) == COMPARE_REASON_COUNT, "a name for each reason");

enum score_verdict compare_verdict(enum compare_reason reason)
{
	if (reason < COMPARE_SHARP_EDITS)
		return SCORE_PASS;
	return reason < COMPARE_NOTHING_CHANGED ? SCORE_AUDIT : SCORE_FAIL;
}

static const enum compare_reason reasons[] = {
	[TREE_OK] = COMPARE_EQUAL,
	[TREE_EMPTY] = COMPARE_EMPTY,
	[TREE_SYNTAX] = COMPARE_SYNTAX_ERROR,
	[TREE_TOO_LARGE] = COMPARE_TOO_LARGE,
	[TREE_TOO_COSTLY] = COMPARE_TOO_COSTLY,
	[TREE_TOO_DEEP] = COMPARE_TOO_DEEP,
	[TREE_MEMORY_BOUND] = COMPARE_MEMORY_BOUND,
	[TREE_NO_MEMORY] = COMPARE_NO_MEMORY,
	[TREE_UNSUPPORTED] = COMPARE_UNSUPPORTED,
};
static_assert(ARRAY_LEN(reasons) == TREE_RESULT_COUNT, "a reason for each result");

enum compare_reason compare_tree(enum tree_result result)
{
	return reasons[result];
}

static enum tree_result build(struct comparison *c, const struct syntax_language *language,
			      const struct span texts[COMPARE_SIDES], enum compare_side i,
			      bool alone)
{
	bool keeps = alone && i != COMPARE_BASE;
	return tree_build_keeping(language, texts[i], c->labels, &c->trees[i], KEPT_MOST,
				  keeps ? &c->parsed[i] : NULL);
}

bool comparison_build(struct comparison *c, const struct syntax_language *language,
		      const struct span texts[COMPARE_SIDES], bool alone)
{
	c->labels = labels_new();
	if (!c->labels) {
		c->reason = COMPARE_NO_MEMORY;
		return false;
	}
	for (enum compare_side i = COMPARE_A; i < COMPARE_SIDES; i++)
		if (i != COMPARE_BASE || c->has_base)
			c->results[i] = build(c, language, texts, i, alone);
	if (c->results[COMPARE_BASE] == TREE_EMPTY) { /* a new file */
		c->results[COMPARE_BASE] = TREE_OK;
		c->has_base = false;
	}
	for (enum compare_side i = COMPARE_A; i < COMPARE_SIDES; i++)
		if (c->results[i] != TREE_OK && !(!alone && c->results[i] == TREE_EMPTY)) {
			c->at = i;
			c->reason = reasons[c->results[i]];
			if (c->results[COMPARE_A] == TREE_EMPTY &&
			    c->results[COMPARE_B] == TREE_EMPTY)
				c->reason = COMPARE_BOTH_EMPTY;
			return false;
		}
	return true;
}

static bool measure(struct comparison *c, enum compare_side x, enum compare_side y, uint32_t k,
		    bool exact, struct distance *out)
{
	const struct tree *a = c->trees[x].n ? &c->trees[x] : NULL;
	const struct tree *b = c->trees[y].n ? &c->trees[y] : NULL;
	enum distance_result r = distance_find(a, b, k, exact, &distance_default_limits, out);
	if (r == DISTANCE_DECIDED)
		return true;
	c->reason = r == DISTANCE_EXHAUSTED ? COMPARE_EXHAUSTED : COMPARE_NO_MEMORY;
	return false;
}

bool comparison_to_base(struct comparison *c)
{
	uint32_t a = c->trees[COMPARE_A].n, b = c->trees[COMPARE_B].n;
	c->score.ac = (struct distance){ a, a };
	c->score.bc = (struct distance){ b, b };
	if (!c->has_base)
		return true;
	/* As exact as is affordable: where it is not, the score is an interval. */
	return measure(c, COMPARE_A, COMPARE_BASE, UINT32_MAX - 2, true, &c->score.ac) &&
	       measure(c, COMPARE_B, COMPARE_BASE, UINT32_MAX - 2, true, &c->score.bc);
}

bool comparison_measure(struct comparison *c, uint32_t k, bool exact)
{
	if (!measure(c, COMPARE_A, COMPARE_B, k, exact, &c->score.ab))
		return false;
	/* The way over the base is a way. */
	uint64_t over = (uint64_t)c->score.ac.high + c->score.bc.high;
	c->score.ab.high = (uint32_t)min_u64(c->score.ab.high, over);
	return true;
}

enum compare_reason compare_score(const struct score *s, uint32_t threshold)
{
	int above = score_above(s, threshold);
	if (s->ab.high == 0 && s->ac.high == 0 && s->bc.high == 0)
		return COMPARE_NOTHING_CHANGED;
	if (s->ab.high == 0)
		return COMPARE_EQUAL;
	if (above < 0)
		return COMPARE_EXHAUSTED;
	return above ? COMPARE_ABOVE_THRESHOLD : COMPARE_WITHIN;
}

void compare_sharp(struct comparison *c, const struct syntax_language *language,
		   const struct span texts[COMPARE_SIDES])
{
	const struct tree *trees[2] = { &c->trees[COMPARE_A], &c->trees[COMPARE_B] };
	if (c->sharp_known || !trees[0]->n || !trees[1]->n)
		return;
	c->sharp_result = sharp_find(language, trees, c->parsed, c->labels, texts, &c->sharp);
	c->sharp_known = c->sharp_result == SHARP_KNOWN;
}

enum compare_reason comparison_sharp(struct comparison *c, const struct syntax_language *language,
				     const struct span texts[COMPARE_SIDES],
				     enum compare_reason why)
{
	uint32_t a = c->trees[COMPARE_A].n, b = c->trees[COMPARE_B].n;
	if (compare_verdict(why) != SCORE_PASS || (a == 0 && b == 0))
		return why;
	if (a == 0 || b == 0)
		return COMPARE_SHARP_EDITS; /* a whole file */
	compare_sharp(c, language, texts);
	if (!c->sharp_known)
		return c->sharp_result == SHARP_NO_MEMORY ? COMPARE_NO_MEMORY : COMPARE_EXHAUSTED;
	return c->sharp.n ? COMPARE_SHARP_EDITS : why;
}

void compare(struct comparison *c, const struct syntax_language *language,
	     const struct span texts[COMPARE_SIDES], uint32_t threshold, bool exact)
{
	*c = (struct comparison){ .has_base = texts[COMPARE_BASE].p != NULL };
	if (!comparison_build(c, language, texts, true))
		return;
	bool known = comparison_to_base(c);
	uint32_t k = known ? score_limit(&c->score, threshold) : 0;
	if (known && comparison_measure(c, k, exact)) {
		c->scored = true;
		c->reason =
			comparison_sharp(c, language, texts, compare_score(&c->score, threshold));
	}
}

void comparison_fini(struct comparison *c)
{
	for (int i = 0; i < COMPARE_SIDES; i++)
		tree_fini(&c->trees[i]);
	for (int i = 0; i < 2; i++)
		syntax_text_free(c->parsed[i]);
	labels_free(c->labels);
	sharp_edits_fini(&c->sharp);
	*c = (struct comparison){ 0 };
}

/* A program that defines, imports or calls something. YAML, settings and plain text may have no
 * error in a language, and mean something else. */
static bool is_program(const struct syntax_language *l, struct span text)
{
	static const char *const signs[] = { "function", "method",  "class",
					     "import",   "package", "call",
					     "include",  "struct",  "macro_invocation" };
	struct syntax_nodes nodes = { 0 };
	bool found = false;
	if (syntax_read(l, text, &syntax_default_limits, TREE_NODES_MAX, &nodes) != SYNTAX_OK)
		return false;
	for (uint32_t i = 0; i < nodes.n && !nodes.wrong && !found; i++)
		for (size_t k = 0; k < ARRAY_LEN(signs) && nodes.v[i].named && !found; k++)
			found = strstr(syntax_type_name(l, nodes.v[i].type), signs[k]);
	free(nodes.v);
	return found;
}

const struct syntax_language *compare_language(struct span text)
{
	static const char *const shebangs[][2] = { { "python", "python" },
						   { "node", "javascript" },
						   { "deno", "typescript" },
						   { "bash", "bash" },
						   { "sh", "bash" } };
	static const char *const order[] = { "go",     "java",       "rust",       "c",
					     "python", "javascript", "typescript", "tsx" };
	size_t line = 0;
	while (line < text.n && text.p[line] != '\n')
		line++;
	for (size_t i = 0; text.n > 2 && memcmp(text.p, "#!", 2) == 0 && i < ARRAY_LEN(shebangs);
	     i++)
		if (memmem(text.p, line, shebangs[i][0], strlen(shebangs[i][0])))
			return syntax_find(span_of(shebangs[i][1]));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		const struct syntax_language *l = syntax_find(span_of(order[i]));
		CHECK(l);
		if (is_program(l, text))
			return l;
	}
	return NULL;
}

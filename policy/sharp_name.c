/* What the edits between two reduced trees are. The recursion is as deep as the trees. */
#include <stdlib.h>
#include <string.h>

#include "policy/sharp_parts.h"

#define NO_KIND SHARP_KIND_COUNT
enum { EDITS_MAX = 1 << 16 };

struct naming {
	struct sharp *s;
	struct sharp_edits *out;
	int at[2]; /* which side is the first, and the second */
};

/* What is left below a node of one side. */
struct row {
	uint64_t *v;
	uint32_t *keys; /* that are compared */
	uint32_t n;
};

static void compare_nodes(struct naming *w, const uint32_t node[2]);

static struct sharp_side *side_of(const struct naming *w, int i)
{
	return &w->s->sides[w->at[i]];
}

void sharp_add(struct sharp *s, struct sharp_edits *out, const struct sharp_edit *one)
{
	if (out->n == EDITS_MAX) {
		out->more = true;
		return;
	}
	if ((out->n & (out->n - 1)) == 0) { /* a power of two, or the first */
		uint32_t cap = out->n ? out->n * 2 : 1;
		void *grown = realloc(out->v, cap * sizeof(*out->v));
		if (!grown) {
			s->failed = true;
			return;
		}
		out->v = grown;
	}
	out->v[out->n++] = *one;
}

static void add(struct naming *w, const uint32_t *const node[2], uint8_t kind)
{
	struct sharp_edit one = { .kind = kind };
	for (int i = 0; i < 2; i++)
		if (node[i]) {
			one.in[w->at[i]] = true;
			one.at[w->at[i]].source = side_of(w, i)->tree->source[*node[i]];
		}
	sharp_add(w->s, w->out, &one);
}

/* In one text alone: of the kind that it is, or else the first of those in it. */
static void add_alone(struct naming *w, int i, uint32_t node)
{
	const struct sharp_side *side = side_of(w, i);
	uint8_t kind = side->kinds[node];
	if (kind == NO_KIND)
		for (uint32_t k = side->tree->left[node]; k < node; k++)
			if (side->kinds[k] < kind && !(side->marks[k] & SHARP_HARMLESS))
				kind = side->kinds[k];
	const uint32_t *const both[2] = { i == 0 ? &node : NULL, i == 1 ? &node : NULL };
	add(w, both, kind);
}

static bool row_new(struct naming *w, int i, uint32_t node, bool alone, struct row *out)
{
	out->n = alone ? 1 : sharp_children(side_of(w, i), node, NULL);
	out->v = malloc((out->n + 1) * sizeof(*out->v));
	out->keys = malloc((out->n + 1) * sizeof(*out->keys));
	if (!out->v || !out->keys) {
		w->s->failed = true;
		return false;
	}
	out->v[0] = (uint64_t)side_of(w, i)->ids[node] << 32 | node;
	if (!alone)
		sharp_children(side_of(w, i), node, out->v);
	for (uint32_t k = 0; k < out->n; k++)
		out->keys[k] = (uint32_t)(out->v[k] >> 32);
	return true;
}

/* Two runs of which nothing is alike: one to one where they are as long, else each alone. */
static void compare_apart(struct naming *w, const struct row rows[2], const uint32_t from[2],
			  const uint32_t to[2])
{
	bool paired = to[0] - from[0] == to[1] - from[1];
	for (uint32_t k = from[0]; paired && k < to[0]; k++)
		compare_nodes(w, (const uint32_t[]){ (uint32_t)rows[0].v[k],
						     (uint32_t)rows[1].v[k - from[0] + from[1]] });
	for (int i = 0; i < 2 && !paired; i++)
		for (uint32_t k = from[i]; k < to[i]; k++)
			add_alone(w, i, (uint32_t)rows[i].v[k]);
}

static void compare_runs(struct naming *w, const struct row rows[2], const uint32_t from[2],
			 const uint32_t to[2], bool types);

/* What is wrapped: the last that is left. */
static uint32_t inner(const struct sharp_side *side, uint32_t node)
{
	while (side->marks[node] & SHARP_WRAPPER && side->tree->left[node] < node &&
	       side->ids[node - 1])
		node = side->stands[node - 1];
	return node;
}

/* Goes over what two rows have in common, and compares what stands between. */
static void compare_rows(struct naming *w, const struct row rows[2], const uint32_t from[2],
			 const uint32_t to[2], bool types)
{
	uint32_t n = to[0] - from[0], at[2] = { from[0], from[1] };
	uint32_t *match = malloc((n + 1) * sizeof(*match));
	if (!match || !sharp_align(rows[0].keys + from[0], n, rows[1].keys + from[1],
				   to[1] - from[1], match)) {
		w->s->failed = true;
		free(match);
		return;
	}
	for (uint32_t k = 0; k < n && !w->s->failed; k++) {
		if (!match[k])
			continue;
		uint32_t here[2] = { from[0] + k, from[1] + match[k] - 1 };
		compare_runs(w, rows, at, here, types);
		if (types)
			compare_nodes(w, (const uint32_t[]){ (uint32_t)rows[0].v[here[0]],
							     (uint32_t)rows[1].v[here[1]] });
		at[0] = here[0] + 1;
		at[1] = here[1] + 1;
	}
	compare_runs(w, rows, at, to, types);
	free(match);
}

/* Of what is not the same, those of one type stand for each other. */
static void compare_runs(struct naming *w, const struct row rows[2], const uint32_t from[2],
			 const uint32_t to[2], bool types)
{
	if (from[0] == to[0] || from[1] == to[1] || types) {
		compare_apart(w, rows, from, to);
		return;
	}
	for (int i = 0; i < 2; i++)
		for (uint32_t k = from[i]; k < to[i]; k++) {
			uint32_t node = inner(side_of(w, i), (uint32_t)rows[i].v[k]);
			struct span type = sharp_type(w->s, side_of(w, i), node);
			rows[i].keys[k] = labels_intern(w->s->forms, type);
			w->s->failed = w->s->failed || rows[i].keys[k] == UINT32_MAX;
		}
	compare_rows(w, rows, from, to, true);
}

static uint32_t label_of(const struct sharp_side *side, uint32_t node)
{
	return side->relabel[node] ? side->relabel[node] - 1 : side->tree->label[node];
}

/* alone: a row of the node itself, when the other node is a wrapper. */
static void compare_below(struct naming *w, const uint32_t node[2], const bool alone[2])
{
	struct row rows[2] = { { 0 } };
	if (row_new(w, 0, node[0], alone[0], &rows[0]) &&
	    row_new(w, 1, node[1], alone[1], &rows[1])) {
		const uint32_t from[2] = { 0, 0 }, to[2] = { rows[0].n, rows[1].n };
		compare_rows(w, rows, from, to, false);
	}
	for (int i = 0; i < 2; i++) {
		free(rows[i].v);
		free(rows[i].keys);
	}
}

bool sharp_echo(const struct sharp *s, const struct sharp_edit *e)
{
	struct syntax_range a = e->at[0].source, b = e->at[1].source;
	const struct span x = { s->sides[0].text.p + a.from, a.to - a.from };
	const struct span y = { s->sides[1].text.p + b.from, b.to - b.from };
	return e->in[0] && e->in[1] && span_eq(x, y);
}

/* Whether the edits from `first` on say less than the node around them: one of them has no kind,
 * and is more than a name that means another thing. */
static bool say_little(const struct naming *w, uint32_t first)
{
	bool named = false, unnamed = false;
	for (uint32_t i = first; i < w->out->n; i++) {
		const struct sharp_edit *e = &w->out->v[i];
		named = named || e->kind != NO_KIND;
		unnamed = unnamed || (e->kind == NO_KIND && !sharp_echo(w->s, e));
	}
	return unnamed || !named;
}

static void compare_nodes(struct naming *w, const uint32_t node[2])
{
	const struct sharp_side *a = side_of(w, 0), *b = side_of(w, 1);
	uint32_t first = w->out->n;
	uint8_t kind =
		a->kinds[node[0]] < b->kinds[node[1]] ? a->kinds[node[0]] : b->kinds[node[1]];
	const uint32_t *const both[2] = { &node[0], &node[1] };
	if (w->s->failed || w->out->more || a->ids[node[0]] == b->ids[node[1]])
		return;
	bool alike = label_of(a, node[0]) == label_of(b, node[1]);
	bool wrapper[2] = { a->marks[node[0]] & SHARP_WRAPPER, b->marks[node[1]] & SHARP_WRAPPER };
	if (alike || wrapper[0] != wrapper[1])
		compare_below(w, node,
			      (const bool[]){ !alike && wrapper[1], !alike && wrapper[0] });
	bool whole = w->out->n == first || kind == SHARP_IMPORT || kind == SHARP_DECORATOR;
	whole = whole || (kind < SHARP_DEFINITION && say_little(w, first));
	if (whole && !w->out->more) {
		w->out->n = first;
		add(w, both, kind);
	}
}

void sharp_name(struct sharp *s, int x, struct sharp_edits *out)
{
	struct naming w = { s, out, { x, 1 - x } };
	uint32_t first = out->n;
	uint32_t roots[2];
	for (int i = 0; i < 2; i++)
		roots[i] = side_of(&w, i)->stands[side_of(&w, i)->tree->n - 1];
	compare_nodes(&w, roots);
	for (uint32_t i = first; i < out->n; i++)
		if (out->v[i].kind == NO_KIND)
			out->v[i].kind = SHARP_STRUCTURE;
}

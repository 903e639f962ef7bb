#include "policy/sharp.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sharp_parts.h"

static bool side_new(struct sharp_side *side, const struct tree *tree, struct syntax_text *parsed,
		     struct span text)
{
	*side = (struct sharp_side){ .tree = tree, .text = text, .parsed = parsed };
	side->marks = calloc(tree->n, sizeof(*side->marks));
	side->kinds = calloc(tree->n, 1);
	side->relabel = calloc(tree->n, sizeof(*side->relabel));
	side->ids = calloc(tree->n, sizeof(*side->ids));
	side->stands = calloc(tree->n, sizeof(*side->stands));
	return side->marks && side->kinds && side->relabel && side->ids && side->stands;
}

static void side_fini(struct sharp_side *side)
{
	syntax_text_free(side->own);
	free(side->captures.v);
	free(side->places.slots);
	free(side->marks);
	free(side->kinds);
	free(side->relabel);
	free(side->ids);
	free(side->stands);
}

enum { NAMES_MAX = 64 }; /* that are looked for elsewhere; more count as unused */

/* Comments that a tool obeys, and names that other files may use. */
struct directives {
	struct syntax_range *v;
	uint32_t *keys;
	uint8_t *kinds;
	uint32_t n;
};

/* Whether the text itself uses the name that it defines here: then it may be its own affair. */
static bool is_used(const struct sharp_side *side, const struct syntax_capture *c)
{
	const struct tree *t = side->tree;
	size_t n = c->to - c->from;
	for (uint32_t i = 0; i < t->n; i++) {
		struct syntax_range at = t->source[i];
		if (t->left[i] == i && at.to - at.from == n && at.from != c->from &&
		    memcmp(side->text.p + at.from, side->text.p + c->from, n) == 0)
			return true;
	}
	return false;
}

/* Whether a captured name is the text's own affair. n: so many were looked at before. */
static bool is_own(const struct sharp *s, const struct sharp_side *side,
		   const struct syntax_capture *c, unsigned n)
{
	bool given = span_eq(syntax_query_capture(s->query, c->capture), SPAN("given"));
	return !given && n < NAMES_MAX && is_used(side, c);
}

/* placed: nothing else differs. Then the same comment in another place is another one: its place is
 * the number of nodes that are left in front of it, or of all nodes when nothing was taken off; and
 * names count, which are numbers in the trees. */
static bool find_directives(struct sharp *s, const struct sharp_side *side, bool placed,
			    struct directives *out)
{
	bool all = !side->ids[side->tree->n - 1];
	uint32_t node = 0, place = 0;
	out->v = malloc((side->captures.n + 1) * sizeof(*out->v));
	out->keys = malloc((side->captures.n + 1) * sizeof(*out->keys));
	out->kinds = malloc(side->captures.n + 1);
	bool room = out->v && out->keys && out->kinds;
	unsigned names = 0;
	struct buf key = { 0 };
	for (uint32_t i = 0; room && i < side->captures.n; i++) {
		const struct syntax_capture *c = &side->captures.v[i];
		uint8_t kind = sharp_meaning(s->query, c->capture).kind;
		if (kind == SHARP_NAME && (!placed || is_own(s, side, c, names++)))
			continue;
		for (; node < side->tree->n && side->tree->source[node].from < c->from; node++)
			place += all || (side->ids[node] && side->stands[node] == node);
		buf_clear(&key);
		buf_printf(&key, "%u:", placed ? place : 0);
		buf_add(&key, side->text.p + c->from, c->to - c->from);
		out->v[out->n] = (struct syntax_range){ c->from, c->to };
		out->kinds[out->n] = kind;
		out->keys[out->n] =
			key.failed ? UINT32_MAX
				   : labels_intern(s->forms, (struct span){ key.p, key.n });
		s->failed = s->failed || out->keys[out->n] == UINT32_MAX;
		out->n++;
	}
	buf_fini(&key);
	return room;
}

static void add_directives(struct sharp *s, const struct directives d[2], const uint32_t from[2],
			   const uint32_t to[2], int x, struct sharp_edits *out)
{
	bool paired = to[0] - from[0] == to[1] - from[1];
	for (int i = 0; i < (paired ? 1 : 2); i++)
		for (uint32_t k = from[i]; k < to[i]; k++) {
			struct sharp_edit one = { .kind = d[i].kinds[k] };
			int at = i ? 1 - x : x;
			one.in[at] = true;
			one.at[at].source = d[i].v[k];
			one.in[1 - at] = paired;
			if (paired)
				one.at[1 - at].source = d[1].v[k - from[0] + from[1]];
			sharp_add(s, out, &one);
		}
}

static void compare_directives(struct sharp *s, bool placed, int x, struct sharp_edits *out)
{
	struct directives d[2] = { { 0 } };
	uint32_t *match = NULL;
	bool fine = find_directives(s, &s->sides[x], placed, &d[0]) &&
		    find_directives(s, &s->sides[1 - x], placed, &d[1]);
	match = fine ? malloc((d[0].n + 1) * sizeof(*match)) : NULL;
	fine = match && sharp_align(d[0].keys, d[0].n, d[1].keys, d[1].n, match);
	uint32_t at[2] = { 0, 0 };
	for (uint32_t k = 0; fine && k < d[0].n; k++) {
		if (!match[k])
			continue;
		add_directives(s, d, at, (const uint32_t[]){ k, match[k] - 1 }, x, out);
		at[0] = k + 1;
		at[1] = match[k];
	}
	if (fine)
		add_directives(s, d, at, (const uint32_t[]){ d[0].n, d[1].n }, x, out);
	s->failed = s->failed || !fine;
	free(match);
	for (int i = 0; i < 2; i++) {
		free(d[i].v);
		free(d[i].keys);
		free(d[i].kinds);
	}
}

static int by_source(const void *a, const void *b)
{
	const struct sharp_place *const *x = a, *const *y = b;
	return (*x)->source.from < (*y)->source.from ? -1 : (*x)->source.from > (*y)->source.from;
}

static bool count_lines(struct span text, int side, struct sharp_edits *e)
{
	struct sharp_place **places = malloc((e->n + 1) * sizeof(*places));
	uint32_t n = 0, at = 0, line = 1, column = 1;
	for (uint32_t i = 0; places && i < e->n; i++)
		if (e->v[i].in[side])
			places[n++] = &e->v[i].at[side];
	if (n)
		qsort(places, n, sizeof(*places), by_source);
	for (uint32_t i = 0; i < n; i++) {
		for (; at < places[i]->source.from; at++) {
			line += text.p[at] == '\n';
			column = text.p[at] == '\n'
					 ? 1
					 : column + (((unsigned char)text.p[at] & 0xc0) != 0x80);
		}
		places[i]->line = line;
		places[i]->column = column;
	}
	free(places);
	return places != NULL;
}

/* Which text comes first where it matters, so that both orders give the same edits. */
static int first_of(const struct span texts[2])
{
	if (texts[0].n != texts[1].n)
		return texts[0].n > texts[1].n;
	return texts[0].n && memcmp(texts[0].p, texts[1].p, texts[0].n) > 0;
}

/* A name that is written the same may mean another thing for what was changed elsewhere: said once,
 * there. */
static void drop_echoes(const struct sharp *s, struct sharp_edits *out)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < out->n; i++)
		if (!sharp_echo(s, &out->v[i]))
			out->v[n++] = out->v[i];
	out->n = n ? n : out->n;
}

/* The lines in which two texts differ: what is the same in front of them and behind is left out. */
static void find_parts(struct sharp_side sides[2])
{
	struct span a = sides[0].text, b = sides[1].text;
	size_t from = 0, tail = 0, most = min_size(a.n, b.n);
	while (from < most && a.p[from] == b.p[from])
		from++;
	while (tail < most - from && a.p[a.n - 1 - tail] == b.p[b.n - 1 - tail])
		tail++;
	while (from > 0 && a.p[from - 1] != '\n')
		from--;
	while (tail > 0 && a.p[a.n - tail] != '\n')
		tail--;
	for (int i = 0; i < 2; i++)
		sides[i].part =
			(struct syntax_range){ (uint32_t)from, (uint32_t)(sides[i].text.n - tail) };
}

/* Only where something can be taken off does it matter what stands elsewhere; then it does in
 * both. */
static bool mark(struct sharp *s, bool whole)
{
	struct sharp_side *sides = s->sides;
	find_parts(sides);
	for (int i = 0; i < 2 && whole; i++)
		sides[i].part = (struct syntax_range){ 0, (uint32_t)sides[i].text.n };
	if (!sharp_mark(s, &sides[0]) || !sharp_mark(s, &sides[1]))
		return false;
	for (int i = 0; i < 2; i++)
		if (!sides[i].captures.whole && sides[1 - i].captures.whole) {
			sides[i].part = (struct syntax_range){ 0, (uint32_t)sides[i].text.n };
			if (!sharp_mark(s, &sides[i]))
				return false;
		}
	if (sides[0].doubt || sides[1].doubt) {
		sharp_clear(&sides[0]);
		sharp_clear(&sides[1]);
	}
	return true;
}

/* What is left of both trees, and the comments; *differ: of the trees. x: the side that is first.
 */
static bool look(struct sharp *s, int x, bool whole, bool *differ, struct sharp_edits *out)
{
	uint32_t ids[2] = { 0, 0 };
	bool equal = tree_equal(s->sides[0].tree, s->sides[1].tree);
	number_pairs_fini(&s->numbers);
	if (!mark(s, whole) ||
	    (!equal &&
	     !number_pairs_init(&s->numbers, (size_t)s->sides[0].tree->n + s->sides[1].tree->n)))
		return false;
	for (int k = 0; k < 2 && !equal; k++) {
		int i = k ? 1 - x : x;
		if (!sharp_reduce(s, &s->sides[i]))
			return false;
		ids[i] = s->sides[i].ids[s->sides[i].tree->n - 1];
	}
	*differ = ids[0] != ids[1];
	compare_directives(s, !*differ, x, out);
	return !s->failed;
}

static bool judge(struct sharp *s, struct sharp_edits *out)
{
	const struct span texts[2] = { s->sides[0].text, s->sides[1].text };
	int x = first_of(texts);
	bool differ;
	if (!look(s, x, false, &differ, out))
		return false;
	/* What touches the part in one text need not in the other, when the part is white space. */
	if (!differ && out->n) {
		out->n = 0;
		if (!look(s, x, true, &differ, out))
			return false;
	}
	if (differ)
		sharp_name(s, x, out);
	if (s->failed)
		return false;
	CHECK(!differ || out->n);
	drop_echoes(s, out);
	out->more = out->more || out->n > SHARP_LISTED_MAX;
	out->n = out->n < SHARP_LISTED_MAX ? out->n : SHARP_LISTED_MAX;
	return count_lines(texts[0], 0, out) && count_lines(texts[1], 1, out);
}

enum sharp_result sharp_find(const struct syntax_language *language,
			     const struct tree *const trees[2], struct syntax_text *const parsed[2],
			     struct labels *labels, const struct span texts[2],
			     struct sharp_edits *out)
{
	struct sharp s = { .language = language, .labels = labels };
	*out = (struct sharp_edits){ 0 };
	if (span_eq(texts[0], texts[1]))
		return SHARP_KNOWN;
	s.query = sharp_query(language);
	s.forms = labels_new();
	bool fine = s.query && s.forms;
	for (int i = 0; i < 2; i++)
		fine = fine && side_new(&s.sides[i], trees[i], parsed[i], texts[i]);
	fine = fine && judge(&s, out);
	for (int i = 0; i < 2; i++)
		side_fini(&s.sides[i]);
	bool limited = s.limited || labels_full(labels) || (s.forms && labels_full(s.forms));
	labels_free(s.forms);
	number_pairs_fini(&s.numbers);
	if (fine)
		return SHARP_KNOWN;
	sharp_edits_fini(out);
	return limited ? SHARP_EXHAUSTED : SHARP_NO_MEMORY;
}

void sharp_edits_fini(struct sharp_edits *e)
{
	free(e->v);
	*e = (struct sharp_edits){ 0 };
}

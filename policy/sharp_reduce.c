/* Marks of nodes, and what is left of a tree when what is harmless is taken off. */
#include <stdlib.h>
#include <string.h>

#include "policy/sharp_parts.h"
#include "policy/syntax_tree.h"
#include "policy/tree_language.h"

enum {
	CAPTURES_MAX = 4 << 20,
	TAKES_OFF = SHARP_HARMLESS | SHARP_HOLLOW | SHARP_THIN | SHARP_UNORDERED | SHARP_UNREAD,
};

/* The type of a node, as its label tells it: "field=type text". */
struct span sharp_type(const struct sharp *s, const struct sharp_side *side, uint32_t node)
{
	uint32_t label = side->relabel[node] ? side->relabel[node] - 1 : side->tree->label[node];
	struct span all = labels_text(s->labels, label);
	const char *space = memchr(all.p, ' ', all.n);
	size_t n = space ? (size_t)(space - all.p) : all.n;
	const char *field = n > 1 ? memchr(all.p, '=', n - 1) : NULL;
	size_t skip = field && field > all.p ? (size_t)(field - all.p) + 1 : 0;
	return (struct span){ all.p + skip, n - skip };
}

static uint32_t *find(const struct sharp_places *p, const struct tree *t, struct syntax_range r)
{
	uint32_t hash = r.from * 0x9e3779b1U ^ r.to * 0x85ebca77U;
	uint32_t i = (hash ^ hash >> 15) & p->mask;
	for (; p->slots[i]; i = (i + 1) & p->mask) {
		const struct syntax_range *seen = &t->source[p->slots[i] - 1];
		if (seen->from == r.from && seen->to == r.to)
			break;
	}
	return &p->slots[i];
}

static bool index_places(struct sharp_places *p, const struct tree *t)
{
	uint32_t cap = 16;
	if (p->slots)
		return true;
	while (cap / 2 < t->n)
		cap *= 2;
	p->mask = cap - 1;
	p->slots = calloc(cap, sizeof(*p->slots));
	for (uint32_t i = 0; p->slots && i < t->n; i++)
		*find(p, t, t->source[i]) = i + 1;
	return p->slots != NULL;
}

/* The node that a capture is: 1 + its index, or 0. One that is looked through is what stands there
 * alone in its place. */
static uint32_t captured(const struct sharp *s, const struct sharp_side *side,
			 const struct syntax_capture *c)
{
	const struct sharp_places *p = &side->places;
	const struct tree *t = side->tree;
	struct span type = span_of(syntax_type_name(s->language, c->type));
	struct syntax_range r = { c->from, c->to };
	uint32_t last = *find(p, t, r), i = last;
	for (; i && t->source[i - 1].from == r.from && t->source[i - 1].to == r.to; i--)
		if (span_eq(sharp_type(s, side, i - 1), type))
			return i;
	bool alone = last && last - i == 1;
	bool through = tree_listed(tree_language_of(s->language)->transparent, type.p);
	return alone && through ? last : 0;
}

static void mark(struct sharp *s, struct sharp_side *side, uint32_t node,
		 const struct sharp_meaning *m)
{
	side->marks[node] |= m->marks;
	side->doubt = side->doubt || m->marks & SHARP_DOUBT;
	if (m->kind < side->kinds[node])
		side->kinds[node] = m->kind;
	if (m->type.n) {
		uint32_t label = labels_intern(s->labels, m->type);
		s->failed = s->failed || label == UINT32_MAX;
		side->relabel[node] = label + 1;
	}
}

/* Of the captures, what is no part of the tree, or is one by its number alone, and counts all the
 * same. */
static void keep_directives(const struct sharp *s, struct sharp_side *side,
			    const struct sharp_meaning *meanings)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < side->captures.n; i++) {
		struct syntax_capture *c = &side->captures.v[i];
		uint8_t kind = meanings[c->capture].kind;
		if (kind == SHARP_NAME || (kind == SHARP_DIRECTIVE && !captured(s, side, c)))
			side->captures.v[n++] = *c;
	}
	side->captures.n = n;
}

static void forget(struct sharp_side *side)
{
	uint32_t n = side->tree->n;
	memset(side->marks, 0, n * sizeof(*side->marks));
	memset(side->kinds, SHARP_KIND_COUNT, n);
	memset(side->relabel, 0, n * sizeof(*side->relabel));
	side->doubt = false;
	free(side->captures.v);
	side->captures = (struct syntax_captures){ 0 };
}

static bool done(struct sharp *s, enum syntax_result result)
{
	s->limited = s->limited || (result != SYNTAX_OK && result != SYNTAX_NO_MEMORY);
	return result == SYNTAX_OK;
}

static bool read(struct sharp *s, struct sharp_side *side)
{
	if (side->parsed)
		return true;
	bool fine = done(
		s, syntax_text_new(s->language, side->text, &syntax_default_limits, &side->own));
	side->parsed = side->own;
	return fine;
}

bool sharp_mark(struct sharp *s, struct sharp_side *side)
{
	uint32_t n = syntax_query_captures(s->query);
	struct sharp_meaning *meanings = calloc(n, sizeof(*meanings));
	bool *harmless = calloc(n, sizeof(*harmless));
	for (uint32_t i = 0; meanings && harmless && i < n; i++) {
		meanings[i] = sharp_meaning(s->query, i);
		harmless[i] = meanings[i].marks & TAKES_OFF || meanings[i].type.n;
	}
	forget(side);
	bool fine = meanings && harmless && index_places(&side->places, side->tree) &&
		    read(s, side) &&
		    done(s, syntax_capture_all(side->parsed, s->query, side->text, side->part,
					       harmless, CAPTURES_MAX, &side->captures));
	/* Twice: an @as changes the type by which others are found. */
	for (uint32_t i = 0; fine && i < 2 * side->captures.n; i++) {
		const struct syntax_capture *c = &side->captures.v[i % side->captures.n];
		const struct sharp_meaning *m = &meanings[c->capture];
		bool renames = m->type.n > 0;
		uint32_t node = renames == (i >= side->captures.n) ? captured(s, side, c) : 0;
		if (node)
			mark(s, side, node - 1, m);
	}
	if (fine)
		keep_directives(s, side, meanings);
	free(meanings);
	free(harmless);
	return fine && !s->failed;
}

void sharp_clear(struct sharp_side *side)
{
	for (uint32_t i = 0; i < side->tree->n; i++)
		side->marks[i] &= SHARP_WRAPPER;
	memset(side->relabel, 0, side->tree->n * sizeof(*side->relabel));
}

/* Whether something that is harmless holds what runs. */
static bool lives(const struct sharp_side *side, uint32_t node)
{
	bool live = false;
	if (side->marks[node] & SHARP_HARMLESS)
		for (uint32_t k = side->tree->left[node]; k <= node; k++)
			live = live || side->marks[k] & SHARP_LIVE;
	return live;
}

/* From the root down: what stands in something harmless is harmless. */
static void spread(struct sharp_side *side)
{
	for (uint32_t i = side->tree->n; i > 0; i--) {
		if (side->marks[i - 1] & SHARP_KEPT || lives(side, i - 1))
			side->marks[i - 1] &= (uint16_t)~SHARP_HARMLESS;
		if (!(side->marks[i - 1] & SHARP_HARMLESS))
			continue;
		uint32_t left = side->tree->left[i - 1];
		for (uint32_t k = left; k < i; k++)
			side->marks[k] |= SHARP_HARMLESS;
		i = left + 1;
	}
}

static bool is_name(const struct sharp *s, const struct sharp_side *side, uint32_t i)
{
	return side->tree->left[i] == i && span_eq(sharp_type(s, side, i), SPAN("identifier"));
}

/* What is imported and read nowhere is harmless. */
static bool drop_unread(struct sharp *s, struct sharp_side *side)
{
	const struct tree *t = side->tree;
	uint8_t *read = calloc(labels_count(s->labels) + 1, 1);
	for (uint32_t i = t->n; read && i > 0; i--)
		if (side->marks[i - 1] & SHARP_UNREAD)
			i = t->left[i - 1] + 1;
		else if (!(side->marks[i - 1] & SHARP_HARMLESS) && is_name(s, side, i - 1))
			read[t->label[i - 1]] = 1;
	for (uint32_t i = 0; read && i < t->n; i++) {
		if (!(side->marks[i] & SHARP_UNREAD))
			continue;
		bool unread = true;
		for (uint32_t k = t->left[i]; k < i; k++)
			unread = unread && !(is_name(s, side, k) && read[t->label[k]]);
		for (uint32_t k = t->left[i]; unread && k <= i; k++)
			side->marks[k] |= SHARP_HARMLESS;
	}
	free(read);
	return read != NULL;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

uint32_t sharp_children(const struct sharp_side *side, uint32_t node, uint64_t *out)
{
	const struct tree *t = side->tree;
	uint32_t n = 0;
	for (uint32_t c = node; c > t->left[node]; c = t->left[c - 1])
		if (side->ids[c - 1]) {
			if (out)
				out[n] = c - 1;
			n++;
		}
	for (uint32_t i = 0; out && i < n / 2; i++) {
		uint64_t other = out[i];
		out[i] = out[n - 1 - i];
		out[n - 1 - i] = other;
	}
	for (uint32_t i = 0, run = 0; out && i <= n; i++) {
		const uint16_t both = SHARP_UNORDERED | SHARP_KEPT;
		bool ends = i == n || (side->marks[out[i]] & both) != SHARP_UNORDERED;
		if (i < n)
			out[i] = (uint64_t)side->ids[out[i]] << 32 | side->stands[out[i]];
		if (ends && i - run > 1)
			qsort(out + run, i - run, sizeof(*out), by_id);
		run = ends ? i + 1 : run;
	}
	return n;
}

bool sharp_reduce(struct sharp *s, struct sharp_side *side)
{
	uint32_t n = side->tree->n;
	uint64_t *below = malloc(n * sizeof(*below));
	spread(side);
	bool fine = below && drop_unread(s, side);
	for (uint32_t i = 0; fine && i < n; i++) {
		side->stands[i] = i;
		side->ids[i] = 0;
		if (side->marks[i] & SHARP_HARMLESS)
			continue;
		uint32_t count = sharp_children(side, i, below);
		if (side->marks[i] & SHARP_HOLLOW && count == 0)
			continue;
		if (side->marks[i] & SHARP_THIN && count == 1) {
			side->ids[i] = (uint32_t)(below[0] >> 32);
			side->stands[i] = (uint32_t)below[0];
			continue;
		}
		uint32_t label = side->relabel[i] ? side->relabel[i] - 1 : side->tree->label[i];
		uint32_t id = number_of_pair(&s->numbers, 0, label);
		for (uint32_t k = 0; k < count; k++)
			id = number_of_pair(&s->numbers, id, (uint32_t)(below[k] >> 32));
		side->ids[i] = id;
	}
	free(below);
	return fine;
}

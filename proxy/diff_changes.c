/* The changed nodes, with their places in the files: as text and as JSON. */
#include <string.h>

#include "proxy/diff.h"
#include "proxy/printable.h"

enum { EXCERPT_COLUMNS = 48 };

void diff_changes_find(struct diff *d)
{
	struct comparison *c = &d->c;
	d->has_lines = line_index_init(&d->lines[0], d->texts[0]) &&
		       line_index_init(&d->lines[1], d->texts[1]);
	d->has_changes = c->scored && d->has_lines &&
			 changes_find(&c->trees[0], &c->trees[1], c->labels, &c->score.ab,
				      &distance_default_limits, &d->changes);
}

void diff_changes_fini(struct diff *d)
{
	changes_fini(&d->changes);
	line_index_fini(&d->lines[0]);
	line_index_fini(&d->lines[1]);
}

static struct syntax_range range(const struct diff *d, enum compare_side side,
				 const struct change *one)
{
	const struct syntax_range *source = d->c.trees[side].source;
	uint32_t last = (uint32_t)(side == COMPARE_A ? one->a : one->b);
	uint32_t first = one->kind == CHANGE_RELABELLED ? last : one->first;
	return (struct syntax_range){ source[first].from, source[last].to };
}

static struct span label(const struct diff *d, enum compare_side side, const struct change *one)
{
	uint32_t node = (uint32_t)(side == COMPARE_A ? one->a : one->b);
	return labels_text(d->c.labels, d->c.trees[side].label[node]);
}

static bool leaf(const struct diff *d, enum compare_side side, const struct change *one)
{
	uint32_t node = (uint32_t)(side == COMPARE_A ? one->a : one->b);
	return d->c.trees[side].left[node] == node;
}

/* --- text --- */

/* The first word of a label is its type. */
static struct span type_of(struct span s)
{
	const char *blank = memchr(s.p, ' ', s.n);
	return (struct span){ s.p, blank && blank > s.p ? (size_t)(blank - s.p) : s.n };
}

static void add_place(const struct diff *d, enum compare_side side, const struct change *one,
		      struct buf *out)
{
	uint32_t line, column;
	line_index_place(&d->lines[side], range(d, side, one).from, &line, &column);
	printable_add(out, span_of(d->paths[side]), 256);
	buf_printf(out, ":%u:%u", line, column);
}

static void add_excerpt(const struct diff *d, enum compare_side side, const struct change *one,
			struct buf *out)
{
	struct syntax_range r = range(d, side, one);
	printable_add(out, (struct span){ d->texts[side].p + r.from, r.to - r.from },
		      EXCERPT_COLUMNS);
}

/* A node: its type, and what it says if it is a leaf, with the label where that does not tell:
 * another binding of one name. A token's type is what it says. */
static void add_node(const struct diff *d, enum compare_side side, const struct change *one,
		     bool type, bool whole_label, struct buf *out)
{
	struct span text = label(d, side, one), first = type_of(text);
	bool token = first.n == text.n;
	if (type || token || !leaf(d, side, one))
		printable_add(out, type ? first : text, EXCERPT_COLUMNS);
	if (token || !leaf(d, side, one))
		return;
	if (type)
		buf_add_char(out, ' ');
	add_excerpt(d, side, one, out);
	if (!whole_label)
		return;
	buf_add_text(out, " (");
	printable_add(out, text, EXCERPT_COLUMNS);
	buf_add_char(out, ')');
}

static void add_relabelled(const struct diff *d, const struct change *one, struct buf *out)
{
	struct syntax_range r = range(d, COMPARE_A, one), s = range(d, COMPARE_B, one);
	struct span old = { d->texts[0].p + r.from, r.to - r.from };
	struct span new = { d->texts[1].p + s.from, s.to - s.from };
	bool types = !span_eq(type_of(label(d, COMPARE_A, one)), type_of(label(d, COMPARE_B, one)));
	bool alike = span_eq(old, new) && !types;
	add_node(d, COMPARE_A, one, true, alike, out);
	buf_add_text(out, " -> ");
	add_node(d, COMPARE_B, one, types, alike, out);
	buf_add_text(out, " (");
	add_place(d, COMPARE_B, one, out);
	buf_add_text(out, ")\n");
}

static void add_entry(const struct diff *d, const struct change *one, struct buf *out)
{
	static const char *const words[] = { "changed: ", "deleted: ", "inserted: " };
	enum compare_side side = one->kind == CHANGE_INSERTED ? COMPARE_B : COMPARE_A;
	buf_add_text(out, words[one->kind]);
	add_place(d, side, one, out);
	buf_add_char(out, ' ');
	if (one->kind == CHANGE_RELABELLED) {
		add_relabelled(d, one, out);
		return;
	}
	uint32_t last = (uint32_t)(side == COMPARE_A ? one->a : one->b);
	struct span type = labels_text(d->c.labels, d->c.trees[side].label[one->first]);
	printable_add(out, type_of(type), EXCERPT_COLUMNS);
	if (one->first != last)
		buf_add_text(out, " and what follows");
	if (!one->whole)
		buf_add_text(out, " around what stays");
	if (one->nodes > 1)
		buf_printf(out, ", %u nodes", one->nodes);
	buf_add_text(out, ": ");
	add_excerpt(d, side, one, out);
	buf_add_char(out, '\n');
}

void diff_changes_note(const struct diff *d, struct buf *out)
{
	if (d->has_changes && !d->changes.exact)
		buf_printf(out,
			   "these are %u changed nodes, not the fewest: those could not be "
			   "afforded\n",
			   d->changes.cost);
}

void diff_changes_text(const struct diff *d, struct buf *out)
{
	const struct changes *c = &d->changes;
	if (!d->has_changes)
		return;
	for (uint32_t i = 0; i < c->n && i < DIFF_CHANGES_SHOWN; i++)
		add_entry(d, &c->v[i], out);
	if (c->n > DIFF_CHANGES_SHOWN)
		buf_printf(out, "and %u more\n", c->n - DIFF_CHANGES_SHOWN);
	diff_changes_note(d, out);
}

/* --- JSON --- */

static void add_side(const struct diff *d, enum compare_side side, const struct change *one,
		     struct buf *out)
{
	struct syntax_range r = range(d, side, one);
	uint32_t line, column;
	line_index_place(&d->lines[side], r.from, &line, &column);
	buf_printf(out, ",\"%s\":{\"from\":%u,\"to\":%u,\"line\":%u,\"column\":%u,\"label\":\"",
		   side == COMPARE_A ? "a" : "b", r.from, r.to, line, column);
	buf_add_json(out, label(d, side, one));
	buf_add_text(out, "\"}");
}

void diff_changes_json(const struct diff *d, struct buf *out)
{
	const struct changes *c = &d->changes;
	uint32_t listed = c->n < DIFF_CHANGES_LISTED ? c->n : DIFF_CHANGES_LISTED;
	if (!d->has_changes) {
		buf_add_text(out, "\"changes\":null");
		return;
	}
	buf_printf(out,
		   "\"changes\":{\"exact\":%s,\"nodes\":%u,\"count\":%u,\"more\":%u,\"list\":[",
		   c->exact ? "true" : "false", c->cost, c->n, c->n - listed);
	for (uint32_t i = 0; i < listed; i++) {
		const struct change *one = &c->v[i];
		buf_printf(out, "%s{\"kind\":\"%s\",\"nodes\":%u,\"whole\":%s", i ? "," : "",
			   change_kind_names[one->kind], one->nodes, one->whole ? "true" : "false");
		if (one->a != CHANGES_NONE)
			add_side(d, COMPARE_A, one, out);
		if (one->b != CHANGES_NONE)
			add_side(d, COMPARE_B, one, out);
		buf_add_char(out, '}');
	}
	buf_add_text(out, "]}");
}

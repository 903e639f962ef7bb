#include "proxy/diff_rows.h"

#include <stdlib.h>
#include <string.h>

/* Of lines between two anchors: more are not looked through for equal ones. */
enum { TABLE_MAX = 1 << 20 };

/* --- marks --- */

static void mark(struct diff_rows *r, int side, uint32_t from, uint32_t to, enum diff_mark how)
{
	for (uint32_t i = from; i < to; i++)
		if (r->marks[side][i] < how)
			r->marks[side][i] = (uint8_t)how;
}

/* A comment is no part of a tree. */
static bool comment(struct span s)
{
	return s.n && ((s.p[0] == '#' && !(s.n > 1 && memchr("[!", s.p[1], 2))) ||
		       (s.n > 1 && s.p[0] == '/' && memchr("/*", s.p[1], 2)));
}

/* What stands between a node's children is its own, but for white space at the ends of lines and
 * comments that fill what is left of one. */
static void mark_gap(struct diff_rows *r, const struct diff *d, int side, uint32_t from,
		     uint32_t to, enum diff_mark how)
{
	const char *p = d->texts[side].p;
	for (uint32_t end; from < to; from = end) {
		while (from < to && memchr(" \t\r\n", p[from], 4))
			from++;
		const char *stop = memchr(p + from, '\n', to - from);
		end = stop ? (uint32_t)(stop - p) : to;
		uint32_t last = end;
		while (last > from && memchr(" \t\r", p[last - 1], 3))
			last--;
		if (!comment((struct span){ p + from, last - from }))
			mark(r, side, from, last, how);
	}
}

static bool has_mark(const struct diff_rows *r, int side, uint32_t from, uint32_t to)
{
	const uint8_t *at = r->marks[side] + from;
	return from < to &&
	       (memchr(at, DIFF_GONE, to - from) || memchr(at, DIFF_RELABELLED, to - from));
}

/* Each change shows: where a node has no text of its own, its first character does. */
static void mark_node(struct diff_rows *r, const struct diff *d, int side, uint32_t i,
		      enum diff_mark how)
{
	const struct tree *t = &d->c.trees[side];
	uint32_t end = t->source[i].to;
	for (uint32_t c = i; c > t->left[i]; c = t->left[c - 1]) {
		if (t->source[c - 1].to < end)
			mark_gap(r, d, side, t->source[c - 1].to, end, how);
		end = t->source[c - 1].from < end ? t->source[c - 1].from : end;
	}
	if (t->source[i].from < end)
		mark_gap(r, d, side, t->source[i].from, end, how);
	if (!has_mark(r, side, t->source[i].from, t->source[i].to))
		mark(r, side, t->source[i].from, t->source[i].from + 1, how);
}

static void mark_nodes(struct diff_rows *r, const struct diff *d, int side)
{
	const struct tree *t = &d->c.trees[side], *other = &d->c.trees[1 - side];
	const int32_t *partner = side == COMPARE_A ? d->changes.a : d->changes.b;
	for (uint32_t i = 0; i < t->n; i++) {
		if (partner[i] == CHANGES_NONE)
			mark_node(r, d, side, i, DIFF_GONE);
		else if (t->label[i] != other->label[partner[i]])
			mark_node(r, d, side, i, DIFF_RELABELLED);
	}
	/* Blanks between words that are gone. */
	uint8_t *marks = r->marks[side];
	for (uint32_t at = 0, from; at < d->texts[side].n; at++) {
		for (from = at; at < d->texts[side].n && memchr(" \t", d->texts[side].p[at], 2);
		     at++)
			;
		if (from && marks[from - 1] == DIFF_GONE && marks[at] == DIFF_GONE)
			memset(marks + from, DIFF_GONE, at - from);
	}
}

/* --- lines --- */

static bool equal(const struct diff *d, uint32_t a, uint32_t b)
{
	return span_eq(line_index_text(&d->lines[0], a), line_index_text(&d->lines[1], b));
}

static void add_row(struct diff_rows *r, const struct diff *d, int64_t a, int64_t b)
{
	struct diff_row *row = &r->v[r->n++];
	*row = (struct diff_row){ .line = { (int32_t)a, (int32_t)b } };
	row->equal = a >= 0 && b >= 0 && equal(d, (uint32_t)a, (uint32_t)b);
}

/* Lines that have nobody: beside each other as they come. */
static void add_rest(struct diff_rows *r, const struct diff *d, uint32_t a, uint32_t a_end,
		     uint32_t b, uint32_t b_end)
{
	while (a < a_end || b < b_end) {
		int64_t x = a < a_end ? (int64_t)a++ : -1, y = b < b_end ? (int64_t)b++ : -1;
		add_row(r, d, x, y);
	}
}

/* The longest common lines share a row. False: no memory. */
static bool add_common(struct diff_rows *r, const struct diff *d, uint32_t a, uint32_t a_end,
		       uint32_t b, uint32_t b_end)
{
	size_t p = a_end - a, q = b_end - b, w = q + 1;
	uint32_t *t = calloc((p + 1) * w, sizeof(*t));
	if (!t)
		return false;
	for (size_t i = p; i-- > 0;)
		for (size_t j = q; j-- > 0;) {
			uint32_t down = t[(i + 1) * w + j], right = t[i * w + j + 1];
			t[i * w + j] = down > right ? down : right;
			if (equal(d, a + (uint32_t)i, b + (uint32_t)j))
				t[i * w + j] = t[(i + 1) * w + j + 1] + 1;
		}
	uint32_t x = a, y = b;
	for (size_t i = 0, j = 0; i < p && j < q;) {
		if (equal(d, a + (uint32_t)i, b + (uint32_t)j)) {
			add_rest(r, d, x, a + (uint32_t)i, y, b + (uint32_t)j);
			add_row(r, d, a + i, b + j);
			x = a + (uint32_t)++i;
			y = b + (uint32_t)++j;
		} else if (t[(i + 1) * w + j] >= t[i * w + j + 1]) {
			i++;
		} else {
			j++;
		}
	}
	free(t);
	add_rest(r, d, x, a_end, y, b_end);
	return true;
}

/* Lines between two anchors. */
static bool add_between(struct diff_rows *r, const struct diff *d, uint32_t a, uint32_t a_end,
			uint32_t b, uint32_t b_end)
{
	uint32_t ends = 0;
	bool ok = true;
	for (; a < a_end && b < b_end && equal(d, a, b); a++, b++)
		add_row(r, d, a, b);
	for (; a < a_end && b < b_end && equal(d, a_end - 1, b_end - 1); a_end--, b_end--)
		ends++;
	if (a < a_end && b < b_end &&
	    ((uint64_t)a_end - a + 1) * ((uint64_t)b_end - b + 1) <= TABLE_MAX)
		ok = add_common(r, d, a, a_end, b, b_end);
	else
		add_rest(r, d, a, a_end, b, b_end);
	for (; ends; ends--, a_end++, b_end++)
		add_row(r, d, a_end, b_end);
	return ok;
}

/* Two lines with nodes that are partners. */
struct anchor {
	uint32_t a, b;
	uint32_t weight;       /* by those nodes */
	uint32_t best, behind; /* the weight of the best row of anchors up to here, and with what
				  before it: 1 + index */
	uint32_t most;         /* the index of the best of all up to here */
};

/* By the leaves of A, whose partners stand in the same order. */
static uint32_t find_anchors(const struct diff *d, struct anchor *v)
{
	const struct tree *a = &d->c.trees[0], *b = &d->c.trees[1];
	uint32_t n = 0, last_a = 0, last_b = 0;
	for (uint32_t i = 0; i < a->n; i++) {
		int32_t j = d->changes.a[i];
		if (a->left[i] != i || j == CHANGES_NONE)
			continue;
		uint32_t x = line_index_find(&d->lines[0], a->source[i].from);
		uint32_t y = line_index_find(&d->lines[1], b->source[j].from);
		if (x < last_a || y < last_b)
			continue; /* some node is not where its neighbours are */
		if (!n || x != last_a || y != last_b)
			v[n++] = (struct anchor){ .a = x, .b = y };
		v[n - 1].weight += a->label[i] == b->label[j] ? 2 : 1;
		last_a = x;
		last_b = y;
	}
	return n;
}

/* The heaviest row of anchors that are all on lines of their own. Those that can stand before an
 * anchor are the first ones, up to some place, since neither line goes back. */
static uint32_t choose_anchors(struct anchor *v, uint32_t n)
{
	uint32_t before = 0, kept = 0;
	for (uint32_t i = 0; i < n; i++) {
		while (v[before].a < v[i].a && v[before].b < v[i].b)
			before++;
		v[i].behind = before ? v[before - 1].most + 1 : 0;
		v[i].best = v[i].weight + (before ? v[v[i].behind - 1].best : 0);
		v[i].most = i && v[v[i - 1].most].best >= v[i].best ? v[i - 1].most : i;
	}
	for (uint32_t at = n ? v[n - 1].most + 1 : 0; at; at = v[at - 1].behind)
		v[at - 1].weight = 0; /* it is taken */
	for (uint32_t i = 0; i < n; i++)
		if (v[i].weight == 0)
			v[kept++] = v[i];
	return kept;
}

static bool make_rows(struct diff_rows *r, const struct diff *d)
{
	uint32_t a = 0, b = 0, n = 0;
	struct anchor *v = malloc((d->c.trees[0].n + 1) * sizeof(*v));
	bool ok = v != NULL;
	if (ok && d->has_changes)
		n = choose_anchors(v, find_anchors(d, v));
	for (uint32_t i = 0; ok && i < n; i++) {
		ok = add_between(r, d, a, v[i].a, b, v[i].b);
		add_row(r, d, v[i].a, v[i].b);
		a = v[i].a + 1;
		b = v[i].b + 1;
	}
	ok = ok && add_between(r, d, a, d->lines[0].n, b, d->lines[1].n);
	free(v);
	return ok;
}

/* Sharp edits that are no nodes: comments that tools obey. */
static void mark_sharp(struct diff_rows *r, const struct diff *d)
{
	for (uint32_t i = 0; i < d->c.sharp.n; i++)
		for (int side = 0; side < 2; side++) {
			const struct sharp_edit *one = &d->c.sharp.v[i];
			struct syntax_range at = one->at[side].source;
			if (one->in[side] && !has_mark(r, side, at.from, at.to))
				mark(r, side, at.from, at.to, DIFF_RELABELLED);
		}
}

bool diff_rows_init(struct diff_rows *r, const struct diff *d)
{
	*r = (struct diff_rows){ 0 };
	r->v = malloc(((size_t)d->lines[0].n + d->lines[1].n) * sizeof(*r->v));
	for (int side = 0; side < 2; side++)
		r->marks[side] = calloc(d->texts[side].n + 1, 1);
	if (!r->v || !r->marks[0] || !r->marks[1] || !make_rows(r, d))
		return false;
	for (int side = 0; side < 2 && d->has_changes; side++)
		mark_nodes(r, d, side);
	if (d->has_changes)
		mark_sharp(r, d);
	for (uint32_t i = 0; i < r->n; i++) {
		struct diff_row *row = &r->v[i];
		for (int side = 0; side < 2; side++) {
			int32_t line = row->line[side];
			if (!d->has_changes && !row->equal && line >= 0)
				mark(r, side, d->lines[side].start[line],
				     d->lines[side].start[line + 1], DIFF_GONE);
			const uint32_t *start = d->lines[side].start;
			row->changed = row->changed || (line >= 0 && has_mark(r, side, start[line],
									      start[line + 1]));
		}
	}
	return true;
}

void diff_rows_fini(struct diff_rows *r)
{
	free(r->v);
	free(r->marks[0]);
	free(r->marks[1]);
	*r = (struct diff_rows){ 0 };
}

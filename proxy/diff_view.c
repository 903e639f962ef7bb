#include "proxy/diff_view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proxy/diff_rows.h"
#include "proxy/printable.h"

enum {
	WIDTH_LEAST = 40,
	WIDTH_MOST = 1000,
	CONTEXT = 3,   /* rows around a change, */
	FOLD_LEAST = 3 /* and fewer than these are not folded away */
};

/* --- what is asked for --- */

static unsigned terminal_width(void)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	long width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
	if (!width)
		width = columns ? strtol(columns, NULL, 10) : 0;
	width = width <= 0 ? 80 : width;
	return (unsigned)(width < WIDTH_LEAST  ? WIDTH_LEAST
			  : width > WIDTH_MOST ? WIDTH_MOST
					       : width);
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

static bool utf8(void)
{
	const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (is_set(names[i]))
			return strcasestr(getenv(names[i]), "utf-8") != NULL ||
			       strcasestr(getenv(names[i]), "utf8") != NULL;
	return false;
}

/* The index of a word; -1: it is none, which is said. */
static int word_of(const char *option, const char *value, const char *const words[], int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	fprintf(stderr, "redcard diff: --%s %s is not known; write one of:", option, value);
	for (int i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", words[i]);
	fputc('\n', stderr);
	return -1;
}

bool diff_view_init(struct diff_view *v, const char *view, const char *colour)
{
	static const char *const views[] = { "side", "text" };
	static const char *const colours[] = { "auto", "always", "never" };
	bool terminal = isatty(STDOUT_FILENO) == 1;
	const char *term = getenv("TERM");
	int which = view ? word_of("view", view, views, 2) : !terminal;
	int when = which < 0 ? -1 : word_of("color", colour ? colour : "auto", colours, 3);
	*v = (struct diff_view){ .side = which == 0, .width = terminal_width(), .lines = utf8() };
	v->colour = when == 1 || (when == 0 && terminal && !is_set("NO_COLOR") && term &&
				  strcmp(term, "dumb") != 0);
	return which >= 0 && when >= 0;
}

const char *diff_view_verdict(const struct diff_view *v, enum score_verdict verdict)
{
	static const char *const colours[] = { "\033[1;32m", "\033[1;33m", "\033[1;31m" };
	return v->colour ? colours[verdict] : "";
}

const char *diff_view_plain(const struct diff_view *v)
{
	return v->colour ? "\033[0m" : "";
}

/* --- lines in columns --- */

/* A part of a line that fits in a column; `left_out`: stands for that many columns. */
struct part {
	uint32_t from, to; /* bytes of the text */
	unsigned column;   /* of the line, where it begins */
	bool marked;
	unsigned left_out;
};

struct parts {
	struct part *v;
	size_t n, room;
};

struct page {
	const struct diff_view *view;
	const struct diff *d;
	const struct diff_rows *rows;
	unsigned digits, column; /* of line numbers; columns for each side's text */
	struct parts parts[2];   /* of the row at hand */
	struct buf out, under;
	FILE *to;
};

static bool add_part(struct parts *p, struct part one)
{
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		struct part *v = realloc(p->v, room * sizeof(*v));
		if (!v)
			return false;
		p->v = v;
		p->room = room;
	}
	p->v[p->n++] = one;
	return true;
}

static struct glyph glyph_at(const struct page *p, int side, uint32_t at, uint32_t end,
			     unsigned column)
{
	struct glyph g;
	printable_glyph((struct span){ p->d->texts[side].p + at, end - at }, column, &g);
	return g;
}

/* Of a long line: the first part, those with a change and their neighbours. */
static void leave_out(struct parts *p, unsigned columns)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n;) {
		size_t end = i;
		while (end && end < p->n && !p->v[end].marked && !p->v[end - 1].marked &&
		       !(end + 1 < p->n && p->v[end + 1].marked))
			end++;
		if (end - i > 2) {
			unsigned last =
				end < p->n ? p->v[end].column : p->v[p->n - 1].column + columns;
			p->v[n++] = (struct part){ .left_out = last - p->v[i].column };
			i = end;
		} else {
			p->v[n++] = p->v[i++];
		}
	}
	p->n = n;
}

static bool split(struct page *p, int side, int32_t line)
{
	struct parts *parts = &p->parts[side];
	parts->n = 0;
	if (line < 0)
		return true;
	struct span text = line_index_text(&p->d->lines[side], (uint32_t)line);
	uint32_t at = p->d->lines[side].start[line], end = at + (uint32_t)text.n;
	struct part now = { .from = at };
	unsigned column = 0;
	while (at < end) {
		struct glyph g = glyph_at(p, side, at, end, column);
		if (column + g.width > now.column + p->column) {
			now.to = at;
			if (!add_part(parts, now))
				return false;
			now = (struct part){ .from = at, .column = column };
		}
		now.marked = now.marked || p->rows->marks[side][at] != DIFF_SAME;
		column += g.width;
		at += (uint32_t)g.bytes;
	}
	now.to = end;
	bool ok = add_part(parts, now);
	leave_out(parts, p->column);
	return ok;
}

static void blanks(struct buf *out, unsigned n)
{
	while (n--)
		buf_add_char(out, ' ');
}

static void colour(struct page *p, const char *code)
{
	if (p->view->colour)
		buf_printf(&p->out, "\033[%sm", code);
}

static const char *mark_colour(int side, uint8_t mark)
{
	static const char *const codes[2][3] = { { "0", "1;31", "1;4;31" },
						 { "0", "1;32", "1;4;32" } };
	return codes[side][mark];
}

/* Returns the columns it took; those of what is marked are ^ in `under`. */
static unsigned add_text(struct page *p, int side, const struct part *part)
{
	uint8_t now = DIFF_SAME;
	unsigned column = part->column;
	for (uint32_t at = part->from; at < part->to;) {
		struct glyph g = glyph_at(p, side, at, part->to, column);
		uint8_t how = p->rows->marks[side][at];
		if (how != now)
			colour(p, mark_colour(side, how));
		now = how;
		if (g.plain)
			buf_add(&p->out, p->d->texts[side].p + at, g.bytes);
		else
			buf_add_text(&p->out, g.shown);
		for (unsigned i = 0; i < g.width; i++)
			buf_add_char(&p->under, how != DIFF_SAME ? '^' : ' ');
		column += g.width;
		at += (uint32_t)g.bytes;
	}
	if (now != DIFF_SAME)
		colour(p, "0");
	return column - part->column;
}

static void add_number(struct page *p, int32_t line, bool first)
{
	colour(p, "2");
	if (line >= 0 && first)
		buf_printf(&p->out, "%*d ", (int)p->digits, line + 1);
	else
		blanks(&p->out, p->digits + 1);
	colour(p, "0");
	blanks(&p->under, p->digits + 1);
}

/* One side of one printed row. */
static void add_cell(struct page *p, int side, int32_t line, size_t i)
{
	static const char sign[] = "-+";
	const struct parts *parts = &p->parts[side];
	const struct part *part = i < parts->n ? &parts->v[i] : NULL;
	unsigned used = 0;
	char text[48];
	add_number(p, line, i == 0);
	if (part && part->marked)
		colour(p, mark_colour(side, DIFF_GONE));
	buf_add_char(&p->out, part && part->marked ? sign[side] : ' ');
	if (part && part->marked)
		colour(p, "0");
	buf_add_char(&p->under, ' ');
	if (part && part->left_out) {
		used = (unsigned)snprintf(text, sizeof(text), "... %u columns", part->left_out);
		used = used > p->column ? p->column : used;
		colour(p, "36");
		buf_add(&p->out, text, used);
		colour(p, "0");
		blanks(&p->under, used);
	} else if (part) {
		used = add_text(p, side, part);
	}
	if (side == 0) {
		blanks(&p->out, p->column - used);
		blanks(&p->under, p->column - used);
	}
}

static const char *bar(const struct page *p)
{
	return p->view->lines ? " \xe2\x94\x82 " : " | ";
}

static void trim(struct buf *b)
{
	while (b->n && b->p[b->n - 1] == ' ')
		b->n--;
}

static void flush(struct page *p)
{
	fwrite(p->out.p, 1, p->out.n, p->to);
	p->out.n = 0;
}

static bool print_row(struct page *p, const struct diff_row *row)
{
	if (!split(p, 0, row->line[0]) || !split(p, 1, row->line[1]))
		return false;
	size_t n = p->parts[0].n > p->parts[1].n ? p->parts[0].n : p->parts[1].n;
	for (size_t i = 0; i < n; i++) {
		p->under.n = 0;
		add_cell(p, 0, row->line[0], i);
		buf_add_text(&p->out, bar(p));
		buf_add_text(&p->under, "   ");
		add_cell(p, 1, row->line[1], i);
		trim(&p->out);
		trim(&p->under);
		buf_add_char(&p->out, '\n');
		if (p->under.n && !p->view->colour) {
			buf_add(&p->out, p->under.p, p->under.n);
			buf_add_char(&p->out, '\n');
		}
		flush(p);
	}
	return !p->out.failed && !p->under.failed;
}

/* --- the page --- */

static void print_fold(struct page *p, uint32_t from, uint32_t to)
{
	uint32_t differ = 0, n = to - from;
	for (uint32_t i = from; i < to; i++)
		differ += !p->rows->v[i].equal;
	colour(p, "36");
	if (differ < n)
		buf_printf(&p->out, "... %u equal line%s", n - differ, n - differ == 1 ? "" : "s");
	if (differ)
		buf_printf(&p->out, "%s%u alike", differ < n ? ", " : "... ", differ);
	colour(p, "0");
	buf_add_char(&p->out, '\n');
	flush(p);
}

static void print_head(struct page *p)
{
	unsigned side = p->digits + 2 + p->column;
	colour(p, "1");
	for (int i = 0; i < 2; i++) {
		size_t before = p->out.n;
		printable_add(&p->out, span_of(p->d->paths[i]), side);
		unsigned used = 0;
		struct glyph g;
		for (size_t at = before; at < p->out.n; at += g.bytes, used += g.width)
			printable_glyph((struct span){ p->out.p + at, p->out.n - at }, 0, &g);
		if (i == 0) {
			blanks(&p->out, side - used);
			buf_add_text(&p->out, bar(p));
		}
	}
	colour(p, "0");
	buf_add_char(&p->out, '\n');
	for (unsigned i = 0; i < 2 * side + 3; i++) {
		bool cross = i == side + 1;
		buf_add_text(&p->out, !p->view->lines ? (cross ? "+" : "-")
				      : cross         ? "\xe2\x94\xbc"
						      : "\xe2\x94\x80");
	}
	buf_add_char(&p->out, '\n');
	flush(p);
}

static uint32_t next_change(const struct diff_rows *r, uint32_t from)
{
	while (from < r->n && !r->v[from].changed)
		from++;
	return from;
}

/* The row behind the changes that stand together from here, and their context. */
static uint32_t last_of(const struct diff_rows *r, uint32_t change)
{
	uint32_t end = change, next = change;
	while (next < r->n && next - end < 2 * CONTEXT + FOLD_LEAST) {
		for (end = next; end < r->n && r->v[end].changed;)
			end++;
		next = next_change(r, end);
	}
	return end + CONTEXT < r->n ? end + CONTEXT : r->n;
}

static bool print_rows(struct page *p)
{
	const struct diff_rows *r = p->rows;
	uint32_t at = 0, change = next_change(r, 0);
	while (at < r->n) {
		uint32_t begin = change == r->n ? r->n : change > CONTEXT ? change - CONTEXT : 0;
		if (begin > at && begin - at >= FOLD_LEAST) {
			print_fold(p, at, begin);
			at = begin;
		}
		uint32_t end = last_of(r, change);
		for (; at < end; at++)
			if (!print_row(p, &r->v[at]))
				return false;
		change = next_change(r, at);
	}
	return true;
}

bool diff_view_print(const struct diff_view *v, const struct diff *d, FILE *to)
{
	struct diff_rows rows;
	struct page p = { .view = v, .d = d, .rows = &rows, .to = to };
	uint32_t most = d->lines[0].n > d->lines[1].n ? d->lines[0].n : d->lines[1].n;
	for (uint32_t n = most; n; n /= 10)
		p.digits++;
	p.column = (v->width - 3) / 2 - p.digits - 2;
	bool ok = d->has_lines && diff_rows_init(&rows, d);
	if (ok) {
		print_head(&p);
		ok = print_rows(&p);
	}
	if (d->has_lines)
		diff_rows_fini(&rows);
	free(p.parts[0].v);
	free(p.parts[1].v);
	buf_fini(&p.out);
	buf_fini(&p.under);
	return ok;
}

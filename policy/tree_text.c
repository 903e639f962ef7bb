/* What leaves say: numbers, markup, and literals whatever their quotes. */
#include <string.h>

#include "policy/tree_writer.h"

/* As JSX reads it: lines are trimmed, what remains is joined by blanks. False: nothing remains. */
bool writer_markup(struct writer *w, struct span s)
{
	size_t before = w->word.n;
	for (size_t i = 0, end; i < s.n; i = end + 1) {
		const char *line = memchr(s.p + i, '\n', s.n - i);
		end = line ? (size_t)(line - s.p) : s.n;
		size_t from = i, to = end;
		while (i && from < to && strchr(" \t\r", s.p[from]))
			from++;
		while (end < s.n && to > from && strchr(" \t\r", s.p[to - 1]))
			to--;
		if (to > from && w->word.n > before)
			buf_add_char(&w->word, ' ');
		buf_add(&w->word, s.p + from, to - from);
	}
	return w->word.n > before;
}

/* A decimal number without what a formatter adds or takes. */
void writer_number(struct writer *w, struct span s)
{
	bool hex = s.n > 1 && s.p[0] == '0' && strchr("xX", s.p[1]);
	bool python = strcmp(w->l->name, "python") == 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 'e';
		bool last = next < '0' || next > '9';
		if (c == '.' && !hex && i == 0)
			buf_add_char(&w->word, '0');
		if (c == '.' && !hex && last && !python)
			continue;
		if (c == '+' && !hex)
			continue;
		buf_add_char(&w->word, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
		if (c == '.' && last && python)
			buf_add_char(&w->word, '0');
	}
}

/* Python: digits of \x, \u and \U in lower case, names of \N in upper case. Returns where the
 * escape ends whose letter is at i. */
static size_t add_escape(struct writer *w, size_t i, size_t to, bool bytes)
{
	char kind = w->text.p[i];
	size_t n = kind == 'x' ? 2 : bytes ? 0 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
	for (; n && i + 1 < to; n--) {
		char c = w->text.p[++i];
		buf_add_char(&w->word, c >= 'A' && c <= 'F' ? (char)(c + 32) : c);
	}
	bool name = kind == 'N' && !bytes;
	while (name && i + 1 < to) {
		char c = w->text.p[++i];
		buf_add_char(&w->word, c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
		name = c != '}';
	}
	return i;
}

/* What stands between a string's insets: no quote has a backslash; in Python, where a quote can be
 * tripled and a string raw, line ends are escaped and backslashes are as if it were not raw. */
static void add_quoted(struct writer *w, size_t from, size_t to, bool raw, bool python, bool bytes)
{
	for (size_t i = from; i < to; i++) {
		char c = w->text.p[i];
		if (python && c == '\n') {
			buf_add_text(&w->word, "\\n");
		} else if (raw && python && c == '\\') {
			buf_add_text(&w->word, "\\\\");
		} else if (!raw && c == '\\' && i + 1 < to) {
			char next = w->text.p[++i];
			if (python && next == '\n')
				continue;
			if (!strchr("'\"", next))
				buf_add_char(&w->word, c);
			buf_add_char(&w->word, next);
			if (python)
				i = add_escape(w, i, to, bytes);
		} else {
			buf_add_char(&w->word, c);
		}
	}
}

/* The prefix of a literal (Python's r, b, f) and where its inside begins and ends. */
static void inside(const struct writer *w, uint32_t i, size_t *from, size_t *to,
		   struct span *prefix)
{
	const struct syntax_node *v = &w->v[i];
	const char *p = w->text.p;
	*from = v->from;
	*to = v->to;
	while (*from < *to && !strchr("'\"`", p[*from]))
		++*from;
	*prefix = (struct span){ p + v->from, *from - v->from };
	size_t quotes = *to - *from >= 6 && memcmp(p + *from, p + *from + 1, 2) == 0 &&
					p[*from] != '`' && strcmp(w->l->name, "python") == 0
				? 3
				: 1;
	if (*to - *from >= 2 * quotes) {
		*from += quotes;
		*to -= quotes;
	}
}

static bool key_name(const struct writer *w, uint32_t i, size_t from, size_t to)
{
	const struct syntax_node *v = &w->v[i];
	if (!v->field || from == to || !(writer_flags(w, v->parent) & TYPE_KEYED) ||
	    !tree_paired(w->l->keys, writer_type(w, v->parent),
			 syntax_field_name(w->language, v->field)))
		return false;
	for (size_t k = from; k < to; k++) {
		char c = w->text.p[k];
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
		if (!letter && !(k > from && c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

/* Python: {x = } shows what stands before the equals sign, each blank of it. */
static void put_shown(struct writer *w, uint32_t inset)
{
	const struct syntax_node *v = &w->v[inset];
	for (uint32_t k = inset + 1; k < v->end; k = w->v[k].end) {
		if (strcmp(writer_type(w, k), "=") != 0)
			continue;
		uint32_t from = v->from, to = w->v[k].to;
		while (to < v->to && w->text.p[to] == ' ')
			to++;
		buf_clear(&w->word);
		buf_add_text(&w->word, "text ");
		buf_add(&w->word, w->text.p + from, to - from);
		writer_put(w, w->out->n, from, to);
		return;
	}
}

uint32_t writer_string(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t first = w->out->n;
	size_t from, to;
	struct span prefix;
	inside(w, i, &from, &to, &prefix);
	bool raw = prefix.n && (memchr(prefix.p, 'r', prefix.n) || memchr(prefix.p, 'R', prefix.n));
	bool bytes =
		prefix.n && (memchr(prefix.p, 'b', prefix.n) || memchr(prefix.p, 'B', prefix.n));
	bool python = strcmp(w->l->name, "python") == 0;
	bool template = strcmp(writer_type(w, i), "template_string") == 0;
	if (key_name(w, i, from, to)) {
		buf_clear(&w->word);
		buf_add_text(&w->word, "property_identifier ");
		buf_add(&w->word, w->text.p + from, to - from);
		writer_put(w, first, v->from, v->to);
		return 1;
	}
	size_t at = from;
	for (uint32_t k = i + 1; k <= v->end; k = k < v->end ? w->v[k].end : k + 1) {
		bool inset = k < v->end && writer_flags(w, k) & TYPE_INSET;
		if (k < v->end && !inset)
			continue;
		size_t until = inset ? w->v[k].from : to;
		/* Bash's grammar counts blanks before an expansion to it. */
		while (inset && until < w->v[k].to && strchr(" \t\n", w->text.p[until]))
			until++;
		if (until > at || (k == v->end && w->out->n == first)) {
			buf_clear(&w->word);
			buf_add_text(&w->word, "text ");
			add_quoted(w, at, until > at ? until : at, raw || template, python, bytes);
			writer_put(w, w->out->n, (uint32_t)at, (uint32_t)(until > at ? until : at));
		}
		if (inset) {
			put_shown(w, k);
			writer_node(w, k, false);
			at = w->v[k].to;
		}
	}
	writer_begin(w, i);
	bool first_letter = true;
	for (size_t k = 0; k < prefix.n; k++) {
		char c = (char)(prefix.p[k] | 32);
		if (c == 'u' || c == 'r')
			continue;
		if (first_letter)
			buf_add_char(&w->word, ' ');
		first_letter = false;
		buf_add_char(&w->word, c);
	}
	writer_put(w, first, v->from, v->to);
	return 1;
}

/* Python: 'a' 'b' is 'ab'. What has an inset or a prefix other than r stays as it is. */
bool writer_joined(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	struct span prefix;
	size_t from, to;
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end) {
		if (writer_flags(w, k) & TYPE_DROPPED)
			continue;
		if (!(writer_flags(w, k) & TYPE_STRING))
			return false;
		inside(w, k, &from, &to, &prefix);
		if (prefix.n > 1 || (prefix.n == 1 && !strchr("rRuU", prefix.p[0])))
			return false;
	}
	uint32_t first = w->out->n;
	buf_clear(&w->word);
	buf_add_text(&w->word, "text ");
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end) {
		if (writer_flags(w, k) & TYPE_DROPPED)
			continue;
		inside(w, k, &from, &to, &prefix);
		add_quoted(w, from, to, prefix.n && strchr("rR", prefix.p[0]), true, false);
	}
	writer_put(w, first, v->from, v->to);
	buf_clear(&w->word);
	buf_add_text(&w->word, "string");
	writer_put(w, first, v->from, v->to);
	return true;
}

/*
 * The parser's nodes, once through: each is left out, looked through, or written behind its
 * children. The recursion is as deep as the tree, which is limited.
 */
#include "policy/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/syntax_tree.h"
#include "policy/tree_language.h"
#include "policy/tree_names.h"

const char *const tree_result_names[] = { "ok",         "empty",    "syntax",     "too_large",
					  "too_costly", "too_deep", "unsupported" };
static_assert(ARRAY_LEN(tree_result_names) == TREE_RESULT_COUNT, "a name for each result");

enum {
	DROPPED = 1 << 0,
	SEPARATOR = 1 << 1,
	EXACT = 1 << 2,
	ATOM = 1 << 3,
	TRANSPARENT = 1 << 4,
	LONE = 1 << 5,
	FIELDED = 1 << 6,
	STRING = 1 << 7,
	INSET = 1 << 8,
	NUMBER = 1 << 9,
	MARKUP = 1 << 10,
	PAIRED = 1 << 11, /* stands right of a > in some list */
};

struct writer {
	const struct syntax_language *language;
	const struct tree_language *l;
	const struct syntax_node *v;
	struct span text;
	const uint32_t *names;
	uint16_t *flags; /* of a type */
	struct labels *labels;
	struct buf word;
	struct tree *out;
	uint32_t cap;
	bool failed;
};

static const char *type_name(const struct writer *w, uint32_t i)
{
	return syntax_type_name(w->language, w->v[i].type);
}

/* The right side of "left=right" in a list, up to a blank; empty: the list has none for it. */
static struct span right_of(const char *list, const char *left)
{
	size_t n = strlen(left);
	for (const char *at = list; (at = strstr(at, left)) != NULL; at++)
		if (at > list && at[-1] == ' ' && at[n] == '=')
			return (struct span){ at + n + 1, strcspn(at + n + 1, " ") };
	return (struct span){ NULL, 0 };
}

/* Writes a node over all that was written since `first`; its label is in w->word. */
static void put(struct writer *w, uint32_t first, uint32_t from, uint32_t to)
{
	struct tree *t = w->out;
	uint32_t label = w->word.failed
				 ? UINT32_MAX
				 : labels_intern(w->labels, (struct span){ w->word.p, w->word.n });
	if (label == UINT32_MAX || t->n == w->cap) {
		w->failed = true;
		return;
	}
	t->label[t->n] = label;
	t->left[t->n] = first;
	t->source[t->n] = (struct syntax_range){ from, to };
	t->n++;
}

static void begin_label(struct writer *w, uint32_t i, const char *type)
{
	buf_clear(&w->word);
	if (i && w->v[i].field && w->flags[w->v[w->v[i].parent].type] & FIELDED)
		buf_printf(&w->word, "%s=", syntax_field_name(w->language, w->v[i].field));
	struct span alias = right_of(w->l->alias, type);
	if (alias.n)
		buf_add(&w->word, alias.p, alias.n);
	else
		buf_add_text(&w->word, type);
}

/* As JSX reads it: lines are trimmed, what remains is joined by blanks. False: nothing remains. */
static bool add_markup(struct writer *w, struct span s)
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
static void add_number(struct writer *w, struct span s)
{
	bool hex = s.n > 1 && s.p[0] == '0' && strchr("xX", s.p[1]);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		buf_add_char(&w->word, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
		if (c == '.' && i == 0 && !hex) {
			w->word.n--;
			buf_add_text(&w->word, "0.");
		}
	}
}

static uint32_t put_leaf(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	struct span text = { w->text.p + v->from, v->to - v->from };
	uint16_t flags = w->flags[v->type];
	const char *type = type_name(w, i);
	if (!(v->flags & SYNTAX_NAMED)) {
		begin_label(w, i, type);
		put(w, w->out->n, v->from, v->to);
		return 1;
	}
	begin_label(w, i, w->names[i] ? "identifier" : type);
	buf_add_char(&w->word, ' ');
	if (w->names[i]) {
		uint32_t name = w->names[i] - 1;
		buf_printf(&w->word, "%%%u.%u", name / NAME_INDEX_MAX, name % NAME_INDEX_MAX);
	} else if (flags & NUMBER) {
		add_number(w, text);
	} else if (flags & MARKUP) {
		if (!add_markup(w, text))
			return 0;
	} else {
		buf_add(&w->word, text.p, text.n);
	}
	put(w, w->out->n, v->from, v->to);
	return 1;
}

static uint32_t put_node(struct writer *w, uint32_t i, bool brief);

/* {a} is written as {a: a}. */
static bool put_shorthand(struct writer *w, uint32_t i, uint32_t *roots)
{
	const struct syntax_node *v = &w->v[i];
	struct span pair = right_of(w->l->shorthand, type_name(w, i));
	const char *comma = pair.n ? memchr(pair.p, ',', pair.n) : NULL;
	if (!comma)
		return false;
	uint32_t first = w->out->n;
	size_t n = (size_t)(comma - pair.p);
	buf_clear(&w->word);
	buf_add(&w->word, comma + 1, pair.n - n - 1);
	buf_add_char(&w->word, ' ');
	buf_add(&w->word, w->text.p + v->from, v->to - v->from);
	put(w, first, v->from, v->to);
	*roots = 2;
	if (v->end > i + 1) {
		put_node(w, i + 1, false);
	} else {
		buf_clear(&w->word);
		buf_add_text(&w->word, "identifier ");
		if (w->names[i])
			buf_printf(&w->word, "%%%u.%u", (w->names[i] - 1) / NAME_INDEX_MAX,
				   (w->names[i] - 1) % NAME_INDEX_MAX);
		else
			buf_add(&w->word, w->text.p + v->from, v->to - v->from);
		put(w, w->out->n, v->from, v->to);
	}
	if (n) {
		buf_clear(&w->word);
		buf_add(&w->word, pair.p, n);
		put(w, first, v->from, v->to);
		*roots = 1;
	}
	return true;
}

/* What stands between a string's insets, with quotes that no longer need a backslash. */
static void add_quoted(struct writer *w, size_t from, size_t to, bool raw)
{
	for (size_t i = from; i < to; i++) {
		char c = w->text.p[i];
		if (!raw && c == '\\' && i + 1 < to) {
			char next = w->text.p[++i];
			if (!strchr("'\"", next))
				buf_add_char(&w->word, c);
			buf_add_char(&w->word, next);
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
	if (!v->field || from == to ||
	    !tree_paired(w->l->keys, type_name(w, v->parent),
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

static uint32_t put_string(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t first = w->out->n;
	size_t from, to;
	struct span prefix;
	inside(w, i, &from, &to, &prefix);
	bool raw = prefix.n && (memchr(prefix.p, 'r', prefix.n) || memchr(prefix.p, 'R', prefix.n));
	bool template = strcmp(type_name(w, i), "template_string") == 0;
	if (key_name(w, i, from, to)) {
		begin_label(w, i, "property_identifier");
		buf_add_char(&w->word, ' ');
		buf_add(&w->word, w->text.p + from, to - from);
		put(w, first, v->from, v->to);
		return 1;
	}
	size_t at = from;
	for (uint32_t k = i + 1; k <= v->end; k = k < v->end ? w->v[k].end : k + 1) {
		bool inset = k < v->end && w->flags[w->v[k].type] & INSET;
		if (k < v->end && !inset)
			continue;
		size_t until = inset ? w->v[k].from : to;
		/* Bash's grammar counts blanks before an expansion to it. */
		while (inset && until < w->v[k].to && strchr(" \t\n", w->text.p[until]))
			until++;
		if (until > at || (k == v->end && w->out->n == first)) {
			buf_clear(&w->word);
			buf_add_text(&w->word, "text ");
			add_quoted(w, at, until > at ? until : at, raw || template);
			put(w, w->out->n, (uint32_t)at, (uint32_t)(until > at ? until : at));
		}
		if (inset) {
			put_node(w, k, false);
			at = w->v[k].to;
		}
	}
	begin_label(w, i, type_name(w, i));
	for (size_t k = 0; k < prefix.n; k++) {
		char c = (char)(prefix.p[k] | 32);
		if (c != 'u' || prefix.n > 1)
			buf_add_char(&w->word, k ? c : ' '),
				k ? (void)0 : buf_add_char(&w->word, c);
	}
	put(w, first, v->from, v->to);
	return 1;
}

/* What no child covers: some grammars hide tokens that mean something. */
static uint32_t put_gap(struct writer *w, uint32_t from, uint32_t to)
{
	while (from < to && strchr(" \t\r\n\f\\;,", w->text.p[from]))
		from++;
	while (to > from && strchr(" \t\r\n\f\\;,", w->text.p[to - 1]))
		to--;
	if (from >= to)
		return 0;
	buf_clear(&w->word);
	buf_add_text(&w->word, "gap ");
	buf_add(&w->word, w->text.p + from, to - from);
	put(w, w->out->n, from, to);
	return 1;
}

static bool lone_comma(const struct writer *w, uint32_t parent, uint32_t i)
{
	uint32_t commas = 0, last = 0;
	if (!(w->flags[w->v[parent].type] & LONE))
		return false;
	for (uint32_t k = parent + 1; k < w->v[parent].end; k = w->v[k].end) {
		bool comma = strcmp(type_name(w, k), ",") == 0;
		commas += comma;
		if (comma || w->v[k].flags & SYNTAX_NAMED)
			last = k;
	}
	return commas == 1 && last == i;
}

static uint32_t put_children(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t roots = 0, at = v->from;
	bool element = false;
	for (uint32_t k = i + 1; k < v->end && !w->failed; k = w->v[k].end) {
		roots += put_gap(w, at, w->v[k].from);
		at = w->v[k].to > at ? w->v[k].to : at;
		bool separator = w->flags[w->v[k].type] & SEPARATOR &&
				 !(w->v[k].flags & SYNTAX_NAMED) && !(w->flags[v->type] & EXACT);
		if (separator && element && !lone_comma(w, i, k)) {
			element = false;
			continue;
		}
		uint32_t put = put_node(w, k, (w->flags[v->type] & EXACT) != 0);
		roots += put;
		element = separator ? false : element || put > 0;
	}
	return roots + put_gap(w, at, v->to);
}

static bool has_type(const struct writer *w, uint32_t i, const char *type)
{
	for (uint32_t k = i; k < w->v[i].end; k++)
		if (strcmp(type_name(w, k), type) == 0)
			return true;
	return false;
}

/* Parentheses that look redundant and are not: what is called, or where ?. ends. */
static bool keeps_parentheses(const struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	if (!i || !tree_paired(w->l->kept, type_name(w, v->parent), type_name(w, i)))
		return false;
	bool script = strstr(w->l->names, "shorthand_property") != NULL;
	return script ? has_type(w, i, "optional_chain") : v->parent + 1 == i;
}

/* Returns how many trees were written. exact: the parent wants every token. */
static uint32_t put_node(struct writer *w, uint32_t i, bool exact)
{
	const struct syntax_node *v = &w->v[i];
	uint16_t flags = w->flags[v->type];
	uint32_t first = w->out->n, roots;
	if (w->failed || (flags & DROPPED && !(exact && !(v->flags & SYNTAX_NAMED))))
		return 0;
	if (flags & STRING && v->flags & SYNTAX_NAMED)
		return put_string(w, i);
	if (put_shorthand(w, i, &roots))
		return roots;
	bool empty = flags & PAIRED && i &&
		     tree_paired(w->l->empty, type_name(w, v->parent), type_name(w, i));
	if (flags & ATOM || v->end == i + 1)
		return empty ? 0 : put_leaf(w, i);
	roots = put_children(w, i);
	if (empty && roots == 0)
		return 0;
	if (flags & PAIRED && i &&
	    tree_paired(w->l->opened, type_name(w, v->parent), type_name(w, i)))
		return roots;
	if (flags & TRANSPARENT && roots == 1 && !keeps_parentheses(w, i))
		return 1;
	begin_label(w, i, type_name(w, i));
	put(w, first, v->from, v->to);
	return 1;
}

static bool prepare(struct writer *w)
{
	const struct tree_language *l = w->l;
	const struct {
		uint16_t flag;
		const char *list;
	} lists[] = {
		{ DROPPED, l->dropped }, { SEPARATOR, l->separators },    { EXACT, l->exact },
		{ ATOM, l->atoms },      { TRANSPARENT, l->transparent }, { LONE, l->lone },
		{ FIELDED, l->fielded }, { STRING, l->strings },          { INSET, l->insets },
		{ NUMBER, l->numbers },  { MARKUP, l->markup },
	};
	uint32_t types = syntax_type_count(w->language);
	w->flags = calloc(types, sizeof(*w->flags));
	for (uint32_t i = 0; w->flags && i < types; i++) {
		const char *name = syntax_type_name(w->language, (uint16_t)i);
		for (size_t k = 0; name && k < ARRAY_LEN(lists); k++)
			w->flags[i] |= tree_listed(lists[k].list, name) ? lists[k].flag : 0;
		if (name && (strstr(l->empty, name) || strstr(l->opened, name)))
			w->flags[i] |= PAIRED;
	}
	return w->flags != NULL;
}

static enum tree_result write_tree(struct writer *w, const struct syntax_nodes *nodes)
{
	uint32_t *names = malloc(nodes->n * sizeof(*names));
	enum tree_result result = TREE_TOO_LARGE;
	/* A string or a shorthand writes more nodes than it has, never twice as many. */
	w->cap = nodes->n * 2 + 2;
	if (names && tree_init(w->out, w->cap) && prepare(w) &&
	    tree_names(w->language, w->l, nodes, w->text, names)) {
		w->names = names;
		w->out->n = 0;
		put_node(w, 0, false);
		bool bare = w->out->n == 1;
		result = w->failed ? TREE_TOO_LARGE : w->out->n == 0 || bare ? TREE_EMPTY : TREE_OK;
	}
	buf_fini(&w->word);
	free(names);
	free(w->flags);
	return result;
}

enum tree_result tree_build(const struct syntax_language *language, struct span text,
			    struct labels *labels, struct tree *out)
{
	static const enum tree_result results[] = {
		[SYNTAX_OK] = TREE_OK,
		[SYNTAX_TOO_LARGE] = TREE_TOO_LARGE,
		[SYNTAX_TOO_COSTLY] = TREE_TOO_COSTLY,
		[SYNTAX_TOO_DEEP] = TREE_TOO_DEEP,
		[SYNTAX_UNSUPPORTED] = TREE_UNSUPPORTED,
	};
	struct syntax_limits limits = syntax_default_limits;
	struct syntax_nodes nodes;
	limits.depth = TREE_DEPTH_MAX;
	*out = (struct tree){ 0 };
	enum syntax_result read = syntax_read(language, text, &limits, TREE_NODES_MAX, &nodes);
	if (read != SYNTAX_OK)
		return results[read];
	struct writer w = { .language = language,
			    .l = tree_language_of(language),
			    .v = nodes.v,
			    .text = text,
			    .labels = labels,
			    .out = out };
	enum tree_result result = TREE_SYNTAX;
	uint32_t wrong = nodes.wrong ? nodes.v[nodes.first_wrong].from : 0;
	if (!nodes.wrong)
		result = write_tree(&w, &nodes);
	free(nodes.v);
	if (result != TREE_OK)
		tree_fini(out);
	out->wrong = wrong;
	return result;
}

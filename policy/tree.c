/*
 * The parser's nodes, once through: each is left out, looked through, or written behind its
 * children. The recursion is as deep as the tree, which is limited.
 */
#include "policy/tree.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/syntax_tree.h"
#include "policy/tree_comment.h"
#include "policy/tree_writer.h"

const char *const tree_result_names[] = { "ok",           "empty",      "syntax",
					  "too_large",    "too_costly", "too_deep",
					  "memory_bound", "no_memory",  "unsupported" };
static_assert(ARRAY_LEN(tree_result_names) == TREE_RESULT_COUNT, "a name for each result");

static void put(struct writer *w, uint32_t label, uint32_t first, uint32_t from, uint32_t to)
{
	struct tree *t = w->out;
	if (label == UINT32_MAX || t->n == w->cap) {
		w->failed = true;
		return;
	}
	t->label[t->n] = label;
	t->left[t->n] = first;
	t->source[t->n] = (struct syntax_range){ from, to };
	t->n++;
}

static uint32_t intern(struct writer *w)
{
	return w->word.failed ? UINT32_MAX
			      : labels_intern(w->labels, (struct span){ w->word.p, w->word.n });
}

void writer_put(struct writer *w, uint32_t first, uint32_t from, uint32_t to)
{
	put(w, intern(w), first, from, to);
}

/* The field that a label names; what stands for its parent has its parent's. 0: none. */
static uint16_t field_of(const struct writer *w, uint32_t i)
{
	while (i && !w->v[i].field && writer_flags(w, w->v[i].parent) & TYPE_TRANSPARENT)
		i = w->v[i].parent;
	return i && writer_flags(w, w->v[i].parent) & TYPE_FIELDED ? w->v[i].field : 0;
}

/* Begins the label of a node. */
static void begin(struct writer *w, uint32_t i, struct span type)
{
	buf_clear(&w->word);
	uint16_t field = field_of(w, i);
	if (field) {
		buf_add_text(&w->word, syntax_field_name(w->language, field));
		buf_add_char(&w->word, '=');
	}
	buf_add(&w->word, type.p, type.n);
}

void writer_put_type(struct writer *w, uint32_t i, uint32_t first)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t *known = &w->known[v->type];
	bool fielded = field_of(w, i) != 0;
	if (fielded || !*known)
		writer_begin(w, i);
	if (fielded) {
		writer_put(w, first, v->from, v->to);
		return;
	}
	if (!*known)
		*known = intern(w) + 1;
	put(w, *known - 1, first, v->from, v->to);
}

void writer_begin(struct writer *w, uint32_t i)
{
	begin(w, i, w->types->v[w->v[i].type].name);
}

void writer_add_name(struct writer *w, uint32_t i)
{
	uint32_t name = w->names[i] - 1;
	if ((w->names[i] & NAME_EYE) == NAME_EYE) {
		buf_add(&w->word, w->text.p + w->v[i].from, w->v[i].to - w->v[i].from);
		buf_add_text(&w->word, w->seen.p + (w->names[i] & ~NAME_EYE));
		return;
	}
	if (!(w->names[i] & NAME_IMPORT)) {
		buf_add_char(&w->word, '%');
		buf_add_number(&w->word, name / NAME_INDEX_MAX, 10);
		buf_add_char(&w->word, '.');
		buf_add_number(&w->word, name % NAME_INDEX_MAX, 10);
		return;
	}
	const struct syntax_node *v = &w->v[w->names[i] & ~NAME_IMPORT];
	bool quoted = w->types->v[v->type].flags & TYPE_STRING;
	buf_add_text(&w->word, quoted ? "% " : "%");
	buf_add(&w->word, w->text.p + v->from + quoted, v->to - v->from - 2 * quoted);
}

uint32_t writer_leaf(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t from = v->from, flags = writer_flags(w, i);
	if (!v->named) {
		writer_put_type(w, i, w->out->n);
		return 1;
	}
	/* Bash's grammar leaves the blanks out that begin a here-document. */
	while (flags & TYPE_HEREDOC && from && strchr(" \t", w->text.p[from - 1]))
		from--;
	struct span text = { w->text.p + from, v->to - from };
	begin(w, i, w->names[i] ? SPAN("identifier") : w->types->v[v->type].name);
	buf_add_char(&w->word, ' ');
	if (w->names[i]) {
		writer_add_name(w, i);
	} else if (flags & TYPE_NUMBER) {
		writer_number(w, text);
	} else if (flags & TYPE_MARKUP) {
		if (!writer_markup(w, text))
			return 0;
	} else {
		buf_add(&w->word, text.p, text.n);
	}
	writer_put(w, w->out->n, v->from, v->to);
	return 1;
}

static bool between(char c)
{
	return c == ' ' || c == '\n' || (c && strchr("\t\r\f\\;,", c));
}

/* What no child covers: some grammars hide tokens that mean something. */
static uint32_t put_gap(struct writer *w, uint32_t from, uint32_t to)
{
	while (from < to && between(w->text.p[from]))
		from++;
	while (to > from && between(w->text.p[to - 1]))
		to--;
	if (from >= to)
		return 0;
	buf_clear(&w->word);
	buf_add_text(&w->word, "gap ");
	buf_add(&w->word, w->text.p + from, to - from);
	writer_put(w, w->out->n, from, to);
	return 1;
}

static bool lone_comma(const struct writer *w, uint32_t parent, uint32_t i)
{
	if (!(writer_flags(w, parent) & TYPE_LONE) || !(writer_flags(w, i) & TYPE_COMMA))
		return false;
	for (uint32_t k = w->v[i].end; k < w->v[parent].end; k = w->v[k].end)
		if (w->v[k].named && !(writer_flags(w, k) & TYPE_DROPPED))
			return false;
	for (uint32_t k = parent + 1; k < i; k = w->v[k].end)
		if (writer_flags(w, k) & TYPE_COMMA)
			return false;
	return true;
}

static uint32_t put_children(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t roots = 0, at = v->from;
	bool element = false, exact = writer_flags(w, i) & TYPE_EXACT;
	for (uint32_t k = i + 1; k < v->end && !w->failed; k = w->v[k].end) {
		roots += put_gap(w, at, w->v[k].from);
		at = w->v[k].to > at ? w->v[k].to : at;
		bool separator = writer_flags(w, k) & TYPE_SEPARATOR && !w->v[k].named && !exact;
		if (separator && element && !lone_comma(w, i, k)) {
			element = false;
			continue;
		}
		uint32_t written = writer_node(w, k, exact);
		roots += written;
		element = separator ? false : element || written > 0;
	}
	return roots + put_gap(w, at, v->to);
}

/* Whether its parent and it stand in a list whose right sides have this flag. */
static bool in_pair(const struct writer *w, uint32_t i, uint32_t flag, const char *list)
{
	return writer_flags(w, i) & flag && i &&
	       tree_paired(list, writer_type(w, w->v[i].parent), writer_type(w, i));
}

static bool optional(const struct writer *w, uint32_t i)
{
	for (uint32_t k = i + 1; k < w->v[i].end; k = w->v[k].end)
		if (tree_listed(" optional_chain ?. ", writer_type(w, k)))
			return true;
	return false;
}

/* Whether what is in parentheses is a chain with a ?. in it: member of call of member... */
static bool chained(const struct writer *w, uint32_t i)
{
	bool inside = false;
	for (uint32_t k = i + 1; k < w->v[i].end; k++) {
		if (!w->v[k].named || (!inside && w->v[k].type == w->v[i].type))
			continue; /* a parenthesis */
		inside = true;
		if (optional(w, k))
			return true;
		if (!strstr(" member_expression subscript_expression call_expression "
			    "non_null_expression ",
			    writer_type(w, k)))
			return false;
	}
	return false;
}

/* ("use strict"); is no directive. */
static bool is_no_directive(const struct writer *w, uint32_t i)
{
	uint32_t k = i + 1;
	while (k < w->v[i].end && (!w->v[k].named || w->v[k].type == w->v[i].type))
		k++;
	return k < w->v[i].end &&
	       strcmp(writer_type(w, w->v[i].parent), "expression_statement") == 0 &&
	       strcmp(writer_type(w, k), "string") == 0;
}

/* Parentheses that look redundant and are not: what is called, or where ?. ends for good. Of
 * several pairs around the same, the outermost. */
static bool keeps_parentheses(const struct writer *w, uint32_t i)
{
	if (strstr(w->l->names, "shorthand_property") && is_no_directive(w, i))
		return true;
	if (!in_pair(w, i, TYPE_KEPT, w->l->kept) || w->v[i].parent + 1 != i)
		return false;
	bool script = strstr(w->l->names, "shorthand_property") != NULL;
	return !script || (chained(w, i) && !optional(w, w->v[i].parent));
}

/* A single child that stands for this node. */
static bool dissolves(const struct writer *w, uint32_t i)
{
	if (!(writer_flags(w, i) & TYPE_DISSOLVED))
		return false;
	char last[64];
	struct span label = labels_text(w->labels, w->out->label[w->out->n - 1]);
	snprintf(last, sizeof(last), "%.*s", (int)label.n, label.p);
	return tree_paired(w->l->dissolved, writer_type(w, i), last);
}

static uint32_t put_inner(struct writer *w, uint32_t i, bool empty)
{
	uint32_t first = w->out->n, roots = put_children(w, i);
	if ((empty && roots == 0) || in_pair(w, i, TYPE_OPENED, w->l->opened))
		return roots;
	bool looked_through = writer_flags(w, i) & TYPE_TRANSPARENT && !keeps_parentheses(w, i);
	if (roots != 1 || !(looked_through || dissolves(w, i)))
		writer_put_type(w, i, first);
	return 1;
}

/* Only one that is code to somebody. */
static uint32_t put_comment(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t to = v->to;
	if (!tree_comment_kept(w->types, v - i, w->text, i))
		return 0;
	while (to > v->from && strchr(" \t\r", w->text.p[to - 1]))
		to--;
	buf_clear(&w->word);
	buf_add_text(&w->word, "comment ");
	buf_add(&w->word, w->text.p + v->from, to - v->from);
	writer_put(w, w->out->n, v->from, to);
	w->comments++;
	return 1;
}

uint32_t writer_node(struct writer *w, uint32_t i, bool exact)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t flags = writer_flags(w, i), roots;
	if (flags & TYPE_COMMENT)
		return put_comment(w, i);
	if (w->failed || (flags & TYPE_DROPPED && !(exact && !v->named)))
		return 0;
	if (flags & TYPE_STRING && v->named)
		return writer_string(w, i);
	if (flags & TYPE_REWRITTEN && writer_rewritten(w, i, &roots))
		return roots;
	if (flags & TYPE_JOINED && writer_joined(w, i))
		return 1;
	bool empty = in_pair(w, i, TYPE_EMPTY, w->l->empty);
	if (flags & TYPE_ATOM || v->end == i + 1)
		return empty ? 0 : writer_leaf(w, i);
	return put_inner(w, i, empty);
}

static enum tree_result write_tree(struct writer *w, const struct syntax_nodes *nodes)
{
	const struct tree_types *types = tree_types_of(w->language);
	uint32_t *names = malloc(nodes->n * sizeof(*names));
	enum tree_result result = TREE_NO_MEMORY;
	/* A string or a shorthand writes more nodes than it has, never twice as many. */
	w->cap = nodes->n * 2 + 2;
	w->known = types ? calloc(types->n, sizeof(*w->known)) : NULL;
	if (names && w->known && tree_init(w->out, w->cap))
		result = tree_names(types, nodes, w->text, names, &w->seen);
	if (result == TREE_OK) {
		w->types = types;
		w->l = types->l;
		w->names = names;
		w->out->n = 0;
		writer_node(w, 0, false);
		bool bare = w->out->n <= w->comments + 1;
		result = !w->failed               ? (bare ? TREE_EMPTY : TREE_OK)
			 : labels_full(w->labels) ? TREE_MEMORY_BOUND
			 : w->out->n == w->cap    ? TREE_TOO_LARGE
						  : TREE_NO_MEMORY;
	}
	buf_fini(&w->word);
	buf_fini(&w->seen);
	free(names);
	free(w->known);
	return result;
}

enum tree_result tree_write(const struct syntax_language *language, struct span text,
			    const struct syntax_nodes *nodes, struct labels *labels,
			    struct tree *out)
{
	struct writer w = {
		.language = language, .v = nodes->v, .text = text, .labels = labels, .out = out
	};
	*out = (struct tree){ 0 };
	enum tree_result result = write_tree(&w, nodes);
	if (result != TREE_OK)
		tree_fini(out);
	return result;
}

enum tree_result tree_build_keeping(const struct syntax_language *language, struct span text,
				    struct labels *labels, struct tree *out, size_t most,
				    struct syntax_text **kept)
{
	static const enum tree_result results[] = {
		[SYNTAX_OK] = TREE_OK,
		[SYNTAX_TOO_LARGE] = TREE_TOO_LARGE,
		[SYNTAX_TOO_COSTLY] = TREE_TOO_COSTLY,
		[SYNTAX_TOO_DEEP] = TREE_TOO_DEEP,
		[SYNTAX_MEMORY_BOUND] = TREE_MEMORY_BOUND,
		[SYNTAX_NO_MEMORY] = TREE_NO_MEMORY,
		[SYNTAX_UNSUPPORTED] = TREE_UNSUPPORTED,
	};
	static_assert(ARRAY_LEN(results) == SYNTAX_RESULT_COUNT, "a result for each");
	struct syntax_limits limits = syntax_default_limits;
	struct syntax_nodes nodes;
	struct syntax_text *parsed = NULL;
	limits.depth = TREE_DEPTH_MAX;
	*out = (struct tree){ 0 };
	enum syntax_result read =
		syntax_read_keeping(language, text, &limits, TREE_NODES_MAX, &nodes, &parsed);
	if (read != SYNTAX_OK)
		return results[read];
	bool keeps = kept && !nodes.wrong && syntax_text_memory(parsed) <= most;
	if (!keeps) { /* before the tree is built, so that both are never there at once */
		syntax_text_free(parsed);
		parsed = NULL;
	}
	enum tree_result result = TREE_SYNTAX;
	uint32_t wrong = nodes.wrong ? nodes.v[nodes.first_wrong].from : 0;
	if (!nodes.wrong)
		result = tree_write(language, text, &nodes, labels, out);
	free(nodes.v);
	out->wrong = wrong;
	if (result == TREE_OK && parsed)
		*kept = parsed;
	else
		syntax_text_free(parsed);
	return result;
}

enum tree_result tree_build(const struct syntax_language *language, struct span text,
			    struct labels *labels, struct tree *out)
{
	return tree_build_keeping(language, text, labels, out, 0, NULL);
}

/*
 * The parser's nodes, once through: each is left out, looked through, or written behind its
 * children. The recursion is as deep as the tree, which is limited.
 */
#include "policy/tree.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tree_writer.h"

const char *const tree_result_names[] = { "ok",         "empty",    "syntax",     "too_large",
					  "too_costly", "too_deep", "unsupported" };
static_assert(ARRAY_LEN(tree_result_names) == TREE_RESULT_COUNT, "a name for each result");

/* The right side of "left=right" in a list, up to a blank; empty: the list has none for it. */
static struct span right_of(const char *list, const char *left)
{
	size_t n = strlen(left);
	for (const char *at = list; n && (at = strstr(at, left)) != NULL; at++)
		if (at > list && at[-1] == ' ' && at[n] == '=')
			return (struct span){ at + n + 1, strcspn(at + n + 1, " ") };
	return (struct span){ NULL, 0 };
}

/* Writes a node over all that was written since `first`; its label is in w->word. */
void writer_put(struct writer *w, uint32_t first, uint32_t from, uint32_t to)
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

void writer_begin(struct writer *w, uint32_t i, const char *type)
{
	buf_clear(&w->word);
	if (i && w->v[i].field && w->flags[w->v[w->v[i].parent].type] & WRITE_FIELDED)
		buf_printf(&w->word, "%s=", syntax_field_name(w->language, w->v[i].field));
	struct span alias = right_of(w->l->alias, type);
	if (alias.n)
		buf_add(&w->word, alias.p, alias.n);
	else
		buf_add_text(&w->word, type);
}

static void add_name(struct writer *w, uint32_t i)
{
	uint32_t name = w->names[i] - 1;
	if (!(w->names[i] & NAME_IMPORT)) {
		buf_printf(&w->word, "%%%u.%u", name / NAME_INDEX_MAX, name % NAME_INDEX_MAX);
		return;
	}
	const struct syntax_node *v = &w->v[w->names[i] & ~NAME_IMPORT];
	bool quoted = w->flags[v->type] & WRITE_STRING;
	buf_add_text(&w->word, quoted ? "% " : "%");
	buf_add(&w->word, w->text.p + v->from + quoted, v->to - v->from - 2 * quoted);
}

static uint32_t put_leaf(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t from = v->from;
	/* Bash's grammar leaves the blanks out that begin a here-document. */
	while (strcmp(writer_type(w, i), "heredoc_body") == 0 && from &&
	       strchr(" \t", w->text.p[from - 1]))
		from--;
	struct span text = { w->text.p + from, v->to - from };
	uint16_t flags = w->flags[v->type];
	const char *type = writer_type(w, i);
	if (!(v->flags & SYNTAX_NAMED)) {
		writer_begin(w, i, type);
		writer_put(w, w->out->n, v->from, v->to);
		return 1;
	}
	writer_begin(w, i, w->names[i] ? "identifier" : type);
	buf_add_char(&w->word, ' ');
	if (w->names[i]) {
		add_name(w, i);
	} else if (flags & WRITE_NUMBER) {
		writer_number(w, text);
	} else if (flags & WRITE_MARKUP) {
		if (!writer_markup(w, text))
			return 0;
	} else {
		buf_add(&w->word, text.p, text.n);
	}
	writer_put(w, w->out->n, v->from, v->to);
	return 1;
}

/* {a as b}: what is imported or exported keeps its spelling, and the name here is a name; {a} is
 * the same with both. An import that is known by what is imported says it once. */
static void put_clause(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t first = w->out->n, outer = i + 1, inner = i + 1;
	for (uint32_t k = i + 1; k < v->end; k = w->v[k].end)
		if (w->v[k].flags & SYNTAX_NAMED && !(w->flags[w->v[k].type] & WRITE_DROPPED))
			*(strcmp(writer_type(w, i), "export_specifier") == 0 ? &outer : &inner) = k;
	buf_clear(&w->word);
	buf_add_text(&w->word, "name ");
	buf_add(&w->word, w->text.p + w->v[outer].from, w->v[outer].to - w->v[outer].from);
	writer_put(w, first, w->v[outer].from, w->v[outer].to);
	bool import = strcmp(writer_type(w, i), "import_specifier") == 0;
	if (!import || !(w->names[inner] & NAME_IMPORT))
		put_leaf(w, inner);
	writer_begin(w, i, writer_type(w, i));
	writer_put(w, first, v->from, v->to);
}

/* {a} is written as {a: a}. */
static bool put_shorthand(struct writer *w, uint32_t i, uint32_t *roots)
{
	const struct syntax_node *v = &w->v[i];
	struct span pair = right_of(w->l->shorthand, writer_type(w, i));
	const char *comma = pair.n ? memchr(pair.p, ',', pair.n) : NULL;
	if (!comma)
		return false;
	uint32_t first = w->out->n;
	size_t n = (size_t)(comma - pair.p);
	buf_clear(&w->word);
	buf_add(&w->word, comma + 1, pair.n - n - 1);
	buf_add_char(&w->word, ' ');
	buf_add(&w->word, w->text.p + v->from, v->to - v->from);
	writer_put(w, first, v->from, v->to);
	*roots = 2;
	if (v->end > i + 1) {
		writer_node(w, i + 1, false);
	} else {
		buf_clear(&w->word);
		buf_add_text(&w->word, "identifier ");
		if (w->names[i])
			add_name(w, i);
		else
			buf_add(&w->word, w->text.p + v->from, v->to - v->from);
		writer_put(w, w->out->n, v->from, v->to);
	}
	if (n) {
		buf_clear(&w->word);
		buf_add(&w->word, pair.p, n);
		writer_put(w, first, v->from, v->to);
		*roots = 1;
	}
	return true;
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
	writer_put(w, w->out->n, from, to);
	return 1;
}

static bool lone_comma(const struct writer *w, uint32_t parent, uint32_t i)
{
	if (!(w->flags[w->v[parent].type] & WRITE_LONE) || strcmp(writer_type(w, i), ",") != 0)
		return false;
	for (uint32_t k = w->v[i].end; k < w->v[parent].end; k = w->v[k].end)
		if (w->v[k].flags & SYNTAX_NAMED && !(w->flags[w->v[k].type] & WRITE_DROPPED))
			return false;
	for (uint32_t k = parent + 1; k < i; k = w->v[k].end)
		if (strcmp(writer_type(w, k), ",") == 0)
			return false;
	return true;
}

static uint32_t put_children(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t roots = 0, at = v->from;
	bool element = false;
	for (uint32_t k = i + 1; k < v->end && !w->failed; k = w->v[k].end) {
		roots += put_gap(w, at, w->v[k].from);
		at = w->v[k].to > at ? w->v[k].to : at;
		bool separator = w->flags[w->v[k].type] & WRITE_SEPARATOR &&
				 !(w->v[k].flags & SYNTAX_NAMED) &&
				 !(w->flags[v->type] & WRITE_EXACT);
		if (separator && element && !lone_comma(w, i, k)) {
			element = false;
			continue;
		}
		uint32_t put = writer_node(w, k, (w->flags[v->type] & WRITE_EXACT) != 0);
		roots += put;
		element = separator ? false : element || put > 0;
	}
	return roots + put_gap(w, at, v->to);
}

/* Whether what is in parentheses is a chain with a ?. in it: member of call of member... */
static bool chained(const struct writer *w, uint32_t i)
{
	for (uint32_t k = i + 1; k < w->v[i].end; k++) {
		if (!(w->v[k].flags & SYNTAX_NAMED))
			continue; /* a parenthesis */
		for (uint32_t c = k + 1; c < w->v[k].end; c = w->v[c].end)
			if (strcmp(writer_type(w, c), "optional_chain") == 0)
				return true;
		if (!strstr(" member_expression subscript_expression call_expression "
			    "non_null_expression ",
			    writer_type(w, k)))
			return false;
	}
	return false;
}

/* Parentheses that look redundant and are not: what is called, or where ?. ends. */
static bool keeps_parentheses(const struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	if (!i || !tree_paired(w->l->kept, writer_type(w, v->parent), writer_type(w, i)))
		return false;
	bool script = strstr(w->l->names, "shorthand_property") != NULL;
	bool first = v->parent + 1 == i || w->v[v->parent].type == v->type;
	return first && (!script || chained(w, i));
}

/* Python: an else that holds nothing but an if is an elif, and what follows that if follows it. */
static uint32_t put_elif(struct writer *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	uint32_t inner = 0, first = w->out->n, roots = 0;
	for (uint32_t k = i + 1, block = 0; k < v->end; k = block ? k + 1 : w->v[k].end) {
		if (!(w->v[k].flags & SYNTAX_NAMED) || w->flags[w->v[k].type] & WRITE_DROPPED)
			continue;
		if (block && (inner || w->v[k].type != w->v[v->parent].type))
			return 0;
		if (block) {
			inner = k;
			k = w->v[k].end - 1;
		}
		block = 1;
	}
	if (!inner)
		return 0;
	buf_clear(&w->word);
	buf_add_text(&w->word, "elif");
	writer_put(w, first, w->v[inner].from, w->v[inner].from + 2);
	for (uint32_t k = inner + 2; k < w->v[inner].end; k = w->v[k].end) {
		if (w->v[k].flags & SYNTAX_NAMED)
			roots += writer_node(w, k, false);
		if (w->v[k].type == w->v[w->v[inner].parent].type) { /* its block */
			buf_clear(&w->word);
			buf_add_text(&w->word, "elif_clause");
			writer_put(w, first, w->v[inner].from, w->v[k].to);
			roots = 1;
		}
	}
	return roots;
}

/* Returns how many trees were written. exact: the parent wants every token. */
uint32_t writer_node(struct writer *w, uint32_t i, bool exact)
{
	const struct syntax_node *v = &w->v[i];
	uint16_t flags = w->flags[v->type];
	uint32_t first = w->out->n, roots;
	if (w->failed || (flags & WRITE_DROPPED && !(exact && !(v->flags & SYNTAX_NAMED))))
		return 0;
	if (flags & WRITE_STRING && v->flags & SYNTAX_NAMED)
		return writer_string(w, i);
	if (put_shorthand(w, i, &roots))
		return roots;
	if (w->l->joined && tree_listed(w->l->joined, writer_type(w, i)) && writer_joined(w, i))
		return 1;
	if (i && w->l->elif &&
	    tree_paired(w->l->elif, writer_type(w, v->parent), writer_type(w, i)) &&
	    (roots = put_elif(w, i)) > 0)
		return roots;
	if (w->l->clauses && v->end > i + 1 && tree_listed(w->l->clauses, writer_type(w, i))) {
		put_clause(w, i);
		return 1;
	}
	bool empty = flags & WRITE_PAIRED && i &&
		     tree_paired(w->l->empty, writer_type(w, v->parent), writer_type(w, i));
	if (flags & WRITE_ATOM || v->end == i + 1)
		return empty ? 0 : put_leaf(w, i);
	roots = put_children(w, i);
	if (empty && roots == 0)
		return 0;
	if (flags & WRITE_PAIRED && i &&
	    tree_paired(w->l->opened, writer_type(w, v->parent), writer_type(w, i)))
		return roots;
	if (roots == 1 && w->l->dissolved && w->out->n) {
		char last[64];
		struct span label = labels_text(w->labels, w->out->label[w->out->n - 1]);
		snprintf(last, sizeof(last), "%.*s", (int)label.n, label.p);
		if (tree_paired(w->l->dissolved, writer_type(w, i), last))
			return 1;
	}
	if (flags & WRITE_TRANSPARENT && roots == 1 && !keeps_parentheses(w, i))
		return 1;
	writer_begin(w, i, writer_type(w, i));
	writer_put(w, first, v->from, v->to);
	return 1;
}

static bool prepare(struct writer *w)
{
	const struct tree_language *l = w->l;
	const struct {
		uint16_t flag;
		const char *list;
	} lists[] = {
		{ WRITE_DROPPED, l->dropped },
		{ WRITE_SEPARATOR, l->separators },
		{ WRITE_EXACT, l->exact },
		{ WRITE_ATOM, l->atoms },
		{ WRITE_TRANSPARENT, l->transparent },
		{ WRITE_LONE, l->lone },
		{ WRITE_FIELDED, l->fielded },
		{ WRITE_STRING, l->strings },
		{ WRITE_INSET, l->insets },
		{ WRITE_NUMBER, l->numbers },
		{ WRITE_MARKUP, l->markup },
	};
	uint32_t types = syntax_type_count(w->language);
	w->flags = calloc(types, sizeof(*w->flags));
	for (uint32_t i = 0; w->flags && i < types; i++) {
		const char *name = syntax_type_name(w->language, (uint16_t)i);
		for (size_t k = 0; name && k < ARRAY_LEN(lists); k++)
			w->flags[i] |= tree_listed(lists[k].list, name) ? lists[k].flag : 0;
		if (name && (strstr(l->empty, name) || strstr(l->opened, name)))
			w->flags[i] |= WRITE_PAIRED;
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
		writer_node(w, 0, false);
		bool bare = w->out->n == 1;
		result = w->failed ? TREE_TOO_LARGE : w->out->n == 0 || bare ? TREE_EMPTY : TREE_OK;
	}
	buf_fini(&w->word);
	free(names);
	free(w->flags);
	return result;
}

enum tree_result tree_write(const struct syntax_language *language, struct span text,
			    const struct syntax_nodes *nodes, struct labels *labels,
			    struct tree *out)
{
	struct writer w = { .language = language,
			    .l = tree_language_of(language),
			    .v = nodes->v,
			    .text = text,
			    .labels = labels,
			    .out = out };
	*out = (struct tree){ 0 };
	enum tree_result result = write_tree(&w, nodes);
	if (result != TREE_OK)
		tree_fini(out);
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
	enum tree_result result = TREE_SYNTAX;
	uint32_t wrong = nodes.wrong ? nodes.v[nodes.first_wrong].from : 0;
	if (!nodes.wrong)
		result = tree_write(language, text, &nodes, labels, out);
	free(nodes.v);
	out->wrong = wrong;
	return result;
}

#include "policy/online_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/tree_language.h"
#include "policy/tree_writer.h"

enum { OPEN_MAX = 200 }; /* brackets */

/* Types whose children are statements, or members that stand one behind the other. */
static const char blocks[] =
	" program module source_file translation_unit block statement_block statement_list "
	"class_body enum_body interface_body constructor_body compound_statement declaration_list "
	"field_declaration_list switch_body switch_block switch_block_statement_group "
	"match_block enum_body_declarations ";

static bool parse(const struct syntax_language *language, struct span text, uint64_t *steps,
		  struct syntax_nodes *out)
{
	struct syntax_limits limits = syntax_default_limits;
	if (!*steps)
		return false;
	limits.steps = (uint32_t)min_u64(limits.steps, *steps);
	limits.depth = TREE_DEPTH_MAX;
	bool fine = syntax_read(language, text, &limits, TREE_NODES_MAX, out) == SYNTAX_OK;
	*steps -= min_u64(*steps, out->steps);
	return fine;
}

/* --- what is open at the end --- */

static const char *closer_of(const char *type)
{
	static const char *const pairs[][2] = {
		{ "(", ")" }, { "[", "]" }, { "{", "}" }, { "${", "}" }
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (strcmp(type, pairs[i][0]) == 0)
			return pairs[i][1];
	return NULL;
}

/* Appends what closes the brackets that are open, the innermost first. False: too many. */
static bool add_closers(const struct syntax_language *language, const struct syntax_nodes *nodes,
			struct buf *text)
{
	const char *open[OPEN_MAX];
	size_t n = 0;
	for (uint32_t i = 1; i < nodes->n; i++) {
		const struct syntax_node *v = &nodes->v[i];
		if (v->end != i + 1 || v->named || v->from == v->to)
			continue;
		const char *type = syntax_type_name(language, v->type);
		const char *closer = closer_of(type);
		if (closer && n == OPEN_MAX)
			return false;
		if (closer)
			open[n++] = closer;
		else if (n && strcmp(type, open[n - 1]) == 0)
			n--;
	}
	buf_add_char(text, '\n');
	while (n)
		buf_add_text(text, open[--n]);
	return !text->failed;
}

/* --- up to where it is known --- */

/* A node that is open is written as it will be only if it does not look at what follows. */
static bool looks_ahead(const struct tree_types *types, const struct syntax_node *v)
{
	return types->v[v->type].flags &
	       (TYPE_STRING | TYPE_ATOM | TYPE_LONE | TYPE_JOINED | TYPE_REWRITTEN);
}

/* Not inside of such a node. */
static uint32_t before_open(const struct tree_types *types, const struct syntax_nodes *nodes,
			    uint32_t cut)
{
	for (uint32_t i = 1; i < nodes->n && nodes->v[i].from < cut; i++)
		if (nodes->v[i].to > cut && looks_ahead(types, &nodes->v[i]))
			return nodes->v[i].from;
	return cut;
}

/* The byte where the last statement begins that an error does not stand before. */
static uint32_t cut_of(const struct tree_types *types, const struct syntax_nodes *nodes,
		       uint32_t end)
{
	uint32_t cut = 0;
	for (uint32_t i = 1; i < nodes->n && nodes->v[i].from < end; i++) {
		const struct syntax_node *v = &nodes->v[i];
		if (v->named && !(types->v[v->type].flags & TYPE_DROPPED) && v->from < v->to &&
		    tree_listed(blocks, types->v[nodes->v[v->parent].type].source.p))
			cut = v->from;
	}
	return before_open(types, nodes, cut);
}

/* Leaves the nodes before the cut, and one in place of what begins there. */
static bool keep_before(struct syntax_nodes *nodes, uint32_t cut)
{
	uint32_t *index = malloc((nodes->n + 1) * sizeof(*index)), n = 0, open = 0;
	if (!index)
		return false;
	for (uint32_t i = 0; i < nodes->n; i++) {
		index[i] = n;
		n += i == 0 || nodes->v[i].from < cut;
	}
	index[nodes->n] = n;
	for (uint32_t i = 0; i < nodes->n; i++) {
		struct syntax_node v = nodes->v[i];
		if (i && v.from >= cut)
			continue;
		bool is_open = v.to > cut;
		v.parent = index[v.parent];
		v.end = index[v.end] + is_open;
		v.to = is_open ? cut + 1 : v.to;
		open = is_open ? index[i] : open;
		nodes->v[index[i]] = v;
	}
	free(index);
	nodes->v[n] = (struct syntax_node){
		.from = cut, .to = cut + 1, .parent = open, .end = n + 1, .named = true
	};
	nodes->n = n + 1;
	nodes->wrong = 0;
	return true;
}

static bool write(const struct syntax_language *language, struct span text,
		  struct syntax_nodes *nodes, struct labels *labels, uint32_t end, struct tree *out,
		  uint32_t *known)
{
	const struct tree_types *types = tree_types_of(language);
	if (nodes->wrong && nodes->v[nodes->first_wrong].from < end)
		end = nodes->v[nodes->first_wrong].from;
	uint32_t cut = types ? cut_of(types, nodes, end) : 0;
	if (!cut || !keep_before(nodes, cut))
		return false;
	if (tree_write(language, text, nodes, labels, out) != TREE_OK)
		return false;
	for (*known = 0; *known < out->n && out->source[*known].to <= cut;)
		++*known;
	return true;
}

/* With what is open closed, where that is what is wrong before the end. */
static bool read_closed(const struct syntax_language *language, struct buf *text, uint32_t end,
			uint64_t *steps, struct labels *labels, struct tree *out, uint32_t *known)
{
	struct syntax_nodes nodes = { 0 };
	bool fine = parse(language, (struct span){ text->p, text->n }, steps, &nodes);
	if (fine && nodes.wrong && nodes.v[nodes.first_wrong].from < end) {
		fine = add_closers(language, &nodes, text);
		free(nodes.v);
		nodes.v = NULL;
		fine = fine && parse(language, (struct span){ text->p, text->n }, steps, &nodes);
	}
	fine = fine &&
	       write(language, (struct span){ text->p, text->n }, &nodes, labels, end, out, known);
	free(nodes.v);
	return fine;
}

static uint32_t common(const struct tree *a, const struct tree *b, uint32_t n)
{
	uint32_t i = 0;
	while (i < n && a->label[i] == b->label[i] && a->left[i] == b->left[i])
		i++;
	return i;
}

static bool has(struct span text, struct span word)
{
	struct span opener = span_eq(word, SPAN("*/")) ? SPAN("/*") : word;
	if (word.n > 1 && word.p[0] == '"' && word.p[1] == '#') /* r#" and r##" */
		opener = (struct span){ word.p + 1, word.n - 1 };
	return memmem(text.p, text.n, opener.p, opener.n) != NULL;
}

/* What is also known if a comment or string were open that this ends. */
static void confirm(const struct syntax_language *language, struct span text, struct span closer,
		    uint64_t *steps, struct labels *labels, const struct tree *out, uint32_t *known)
{
	struct buf closed = { 0 };
	struct tree other = { 0 };
	uint32_t n = 0;
	buf_add(&closed, text.p, text.n);
	buf_add(&closed, closer.p, closer.n);
	buf_add_char(&closed, '\n');
	if (!closed.failed &&
	    read_closed(language, &closed, (uint32_t)text.n, steps, labels, &other, &n))
		n = common(out, &other, n < *known ? n : *known);
	else
		n = 0;
	*known = n;
	buf_fini(&closed);
	tree_fini(&other);
}

bool online_read(const struct syntax_language *language, struct span text, uint64_t *steps,
		 struct labels *labels, struct tree *out, uint32_t *known)
{
	struct buf closed = { 0 };
	const char *p = language->closers + 1;
	*out = (struct tree){ 0 };
	/* Bash's grammar reads a line in several ways, between which lines further down decide. */
	if (strcmp(language->name, "bash") == 0)
		return false;
	buf_add(&closed, text.p, text.n);
	bool fine = !closed.failed &&
		    read_closed(language, &closed, (uint32_t)text.n, steps, labels, out, known);
	for (const char *end; fine && *known && (end = strchr(p, ' ')) != NULL; p = end + 1) {
		struct span closer = { p, (size_t)(end - p) };
		if (has(text, closer))
			confirm(language, text, closer, steps, labels, out, known);
	}
	buf_fini(&closed);
	return fine && *known;
}

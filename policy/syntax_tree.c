#include "policy/syntax_tree.h"

#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

#include "lib/memory.h"
#include "policy/syntax_core.h"
#include "policy/syntax_pool.h"

struct reading {
	TSTreeCursor cursor;
	struct syntax_nodes out;
	uint32_t cap;
	bool sound; /* no node of the tree is wrong */
};

/* Takes the node at which the cursor stands. Its `end` is, until all below is read, how many of its
 * children are still to come. */
static bool take(struct reading *r, uint32_t parent)
{
	if (r->out.n == r->cap)
		return false;
	TSNode node = ts_tree_cursor_current_node(&r->cursor);
	bool wrong = !r->sound && (ts_node_is_error(node) || ts_node_is_missing(node));
	if (wrong && r->out.wrong++ == 0)
		r->out.first_wrong = r->out.n;
	r->out.v[r->out.n++] = (struct syntax_node){
		.from = ts_node_start_byte(node),
		.to = ts_node_end_byte(node),
		.parent = parent,
		.end = ts_node_child_count(node),
		.type = wrong ? 0 : ts_node_symbol(node),
		.field = ts_tree_cursor_current_field_id(&r->cursor),
		.named = ts_node_is_named(node),
	};
	return true;
}

/* Stands the cursor on the next node and tells its parent; false: all are read. It is never asked
 * for a child or a sibling that is not there: it would look for long. */
static bool advance(struct reading *r, uint32_t *parent, uint32_t *depth)
{
	struct syntax_node *v = r->out.v;
	uint32_t at = r->out.n - 1;
	*parent = at;
	if (v[at].end > 0 && ts_tree_cursor_goto_first_child(&r->cursor)) {
		++*depth;
		return true;
	}
	for (; at > 0; at = *parent, --*depth) {
		*parent = v[at].parent;
		v[at].end = r->out.n;
		if (v[*parent].end > 0 && ts_tree_cursor_goto_next_sibling(&r->cursor))
			return true;
		ts_tree_cursor_goto_parent(&r->cursor);
	}
	v[0].end = r->out.n;
	return false;
}

static enum syntax_result flatten(struct reading *r, uint32_t depth_limit)
{
	uint32_t depth = 1, parent;
	if (!take(r, 0))
		return SYNTAX_TOO_LARGE;
	while (advance(r, &parent, &depth)) {
		if (depth > depth_limit)
			return SYNTAX_TOO_DEEP;
		r->out.v[parent].end--;
		if (!take(r, parent))
			return SYNTAX_TOO_LARGE;
	}
	return SYNTAX_OK;
}

static enum syntax_result read_all(TSNode root, const struct syntax_limits *limits, uint32_t most,
				   struct syntax_nodes *out)
{
	uint32_t n = ts_node_descendant_count(root);
	struct reading r = { .cap = n < most ? n : most, .sound = !ts_node_has_error(root) };
	r.out.v = memory_take(((size_t)r.cap + 1) * sizeof(*r.out.v));
	if (!r.out.v)
		return SYNTAX_TOO_LARGE;
	r.cursor = ts_tree_cursor_new(root);
	enum syntax_result result = flatten(&r, limits->depth);
	ts_tree_cursor_delete(&r.cursor);
	if (result == SYNTAX_OK)
		*out = r.out;
	else
		free(r.out.v);
	return result;
}

enum syntax_result syntax_read(const struct syntax_language *language, struct span text,
			       const struct syntax_limits *limits, uint32_t most,
			       struct syntax_nodes *out)
{
	struct syntax_tree *tree = syntax_tree_new(language);
	out->steps = 0;
	if (!tree)
		return SYNTAX_TOO_LARGE;
	bool pooled = syntax_pool_begin();
	enum syntax_result result = syntax_tree_grow(tree, text, limits);
	if (result == SYNTAX_OK)
		result = read_all(ts_tree_root_node(syntax_core_tree(tree)), limits, most, out);
	out->steps = syntax_tree_steps(tree);
	if (pooled)
		syntax_core_forget(tree);
	else
		syntax_tree_free(tree);
	syntax_pool_end();
	return result;
}

uint32_t syntax_type_count(const struct syntax_language *language)
{
	return ts_language_symbol_count(syntax_core_language(language));
}

const char *syntax_type_name(const struct syntax_language *language, uint16_t type)
{
	return ts_language_symbol_name(syntax_core_language(language), type);
}

uint16_t syntax_field(const struct syntax_language *language, const char *name)
{
	return ts_language_field_id_for_name(syntax_core_language(language), name,
					     (uint32_t)strlen(name));
}

const char *syntax_field_name(const struct syntax_language *language, uint16_t field)
{
	return ts_language_field_name_for_id(syntax_core_language(language), field);
}

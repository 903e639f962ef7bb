#include "policy/syntax_tree.h"

#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

#include "policy/syntax_core.h"

struct reading {
	struct syntax_nodes out;
	uint32_t most, cap;
};

static bool add(struct reading *r, TSTreeCursor *cursor, uint32_t parent)
{
	if (r->out.n == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : 1024;
		cap = cap > r->most ? r->most : cap;
		void *grown = cap > r->cap ? realloc(r->out.v, cap * sizeof(*r->out.v)) : NULL;
		if (!grown)
			return false;
		r->out.v = grown;
		r->cap = cap;
	}
	TSNode node = ts_tree_cursor_current_node(cursor);
	bool wrong = ts_node_is_error(node) || ts_node_is_missing(node);
	if (wrong && r->out.wrong++ == 0)
		r->out.first_wrong = r->out.n;
	r->out.v[r->out.n++] = (struct syntax_node){
		.from = ts_node_start_byte(node),
		.to = ts_node_end_byte(node),
		.parent = parent,
		.type = wrong ? 0 : ts_node_symbol(node),
		.field = ts_tree_cursor_current_field_id(cursor),
		.flags = (uint8_t)((ts_node_is_named(node) ? SYNTAX_NAMED : 0) |
				   (ts_node_is_extra(node) ? SYNTAX_EXTRA : 0) |
				   (wrong ? SYNTAX_WRONG : 0)),
	};
	return true;
}

static enum syntax_result flatten(struct reading *r, TSNode root, uint32_t depth_limit)
{
	TSTreeCursor cursor = ts_tree_cursor_new(root);
	enum syntax_result result = SYNTAX_OK;
	uint32_t depth = 1, at = 0;
	bool room = add(r, &cursor, 0);
	while (room && depth > 0 && depth <= depth_limit) {
		if (ts_tree_cursor_goto_first_child(&cursor)) {
			depth++;
			room = add(r, &cursor, at);
			at = r->out.n - 1;
			continue;
		}
		for (; room && depth > 0; depth--) {
			r->out.v[at].end = r->out.n;
			uint32_t parent = r->out.v[at].parent;
			if (ts_tree_cursor_goto_next_sibling(&cursor)) {
				room = add(r, &cursor, parent);
				at = r->out.n - 1;
				break;
			}
			ts_tree_cursor_goto_parent(&cursor);
			at = parent;
		}
	}
	if (!room)
		result = SYNTAX_TOO_LARGE;
	else if (depth > 0)
		result = SYNTAX_TOO_DEEP;
	ts_tree_cursor_delete(&cursor);
	return result;
}

enum syntax_result syntax_nodes_of(const struct syntax_tree *t, uint32_t depth, uint32_t most,
				   struct syntax_nodes *out)
{
	struct reading r = { .most = most };
	enum syntax_result result = flatten(&r, ts_tree_root_node(syntax_core_tree(t)), depth);
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
	if (!tree)
		return SYNTAX_TOO_LARGE;
	enum syntax_result result = syntax_tree_grow(tree, text, limits);
	if (result == SYNTAX_OK)
		result = syntax_nodes_of(tree, limits->depth, most, out);
	syntax_tree_free(tree);
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

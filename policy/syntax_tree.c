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
		return SYNTAX_NO_MEMORY;
	uint64_t lacked = syntax_pool_lacked();
	r.cursor = ts_tree_cursor_new(root);
	enum syntax_result result = flatten(&r, limits->depth);
	ts_tree_cursor_delete(&r.cursor);
	result = syntax_pool_lacked() == lacked ? result : SYNTAX_NO_MEMORY;
	if (result == SYNTAX_OK)
		*out = r.out;
	else
		free(r.out.v);
	return result;
}

/* --- texts --- */

struct syntax_text {
	struct syntax_pool *pool;
	struct syntax_tree *tree;
};

static enum syntax_result parse_text(struct syntax_text *t, const struct syntax_language *language,
				     struct span text, const struct syntax_limits *limits)
{
	t->pool = syntax_pool_new();
	t->tree = syntax_tree_new(language);
	if (!t->pool || !t->tree)
		return SYNTAX_NO_MEMORY;
	syntax_pool_enter(t->pool);
	enum syntax_result result = syntax_tree_grow(t->tree, text, limits);
	syntax_pool_leave();
	return result;
}

/* *out is there whatever comes of it, unless there is no memory at all. */
static enum syntax_result text_new(const struct syntax_language *language, struct span text,
				   const struct syntax_limits *limits, struct syntax_text **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? parse_text(*out, language, text, limits) : SYNTAX_NO_MEMORY;
}

enum syntax_result syntax_text_new(const struct syntax_language *language, struct span text,
				   const struct syntax_limits *limits, struct syntax_text **out)
{
	enum syntax_result result = text_new(language, text, limits, out);
	if (result == SYNTAX_OK)
		return result;
	syntax_text_free(*out);
	*out = NULL;
	return result;
}

void syntax_text_free(struct syntax_text *t)
{
	if (!t)
		return;
	if (t->tree && syntax_pool_drops())
		syntax_core_forget(t->tree);
	else
		syntax_tree_free(t->tree);
	syntax_pool_free(t->pool);
	free(t);
}

size_t syntax_text_memory(const struct syntax_text *t)
{
	return syntax_pool_bytes(t->pool);
}

const void *syntax_core_enter(const struct syntax_text *t)
{
	syntax_pool_enter(t->pool);
	return syntax_core_tree(t->tree);
}

enum syntax_result syntax_read_keeping(const struct syntax_language *language, struct span text,
				       const struct syntax_limits *limits, uint32_t most,
				       struct syntax_nodes *out, struct syntax_text **kept)
{
	struct syntax_text *t;
	enum syntax_result result = text_new(language, text, limits, &t);
	out->steps = t && t->tree ? syntax_tree_steps(t->tree) : 0;
	if (result == SYNTAX_OK) {
		const TSTree *tree = syntax_core_enter(t);
		result = read_all(ts_tree_root_node(tree), limits, most, out);
		syntax_pool_leave();
	}
	if (kept && result == SYNTAX_OK)
		*kept = t;
	else
		syntax_text_free(t);
	return result;
}

enum syntax_result syntax_read(const struct syntax_language *language, struct span text,
			       const struct syntax_limits *limits, uint32_t most,
			       struct syntax_nodes *out)
{
	return syntax_read_keeping(language, text, limits, most, out, NULL);
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

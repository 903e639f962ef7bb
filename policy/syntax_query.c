/*
 * Queries over syntax trees: compiling them, and what they say about a byte.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

#include "lib/buf.h"
#include "policy/syntax_captures.h"
#include "policy/syntax_core.h"
#include "policy/syntax_pool.h"
#include "policy/syntax_predicate.h"

#define PREDICATES_MAX 64
#define CAPTURES_OPEN_MAX 4096 /* matches that are not complete yet */

struct bound { /* a predicate and the pattern it stands in */
	struct predicate *predicate;
	uint32_t pattern;
};

struct syntax_query {
	TSQuery *query;
	struct buf roots; /* the types that patterns begin with: " call assignment " */
	struct bound predicates[PREDICATES_MAX];
	size_t n;
};

static size_t skip_string(struct span q, size_t i)
{
	for (i++; i < q.n && q.p[i] != '"'; i++)
		i += q.p[i] == '\\';
	return i;
}

static size_t name_length(struct span q, size_t i)
{
	size_t n = 0;
	while (i + n < q.n && (q.p[i + n] == '_' || (q.p[i + n] >= 'a' && q.p[i + n] <= 'z') ||
			       (q.p[i + n] >= '0' && q.p[i + n] <= '9')))
		n++;
	return n;
}

static size_t skip_space(struct span q, size_t i)
{
	while (i < q.n && strchr(" \t\r\n", q.p[i]))
		i++;
	return i;
}

/* The names that stand first in the outermost nodes; groups and alternatives are looked through.
 * The query has compiled, so its brackets fit. */
static void find_roots(struct span q, struct buf *out)
{
	char nest[64] = { 0 }; /* 'n' for a node, 'g' for what groups */
	size_t depth = 0, nodes = 0;
	for (size_t i = 0; i < q.n; i++) {
		char c = q.p[i];
		if (c == '"') {
			i = skip_string(q, i);
		} else if (c == ';') {
			while (i + 1 < q.n && q.p[i + 1] != '\n')
				i++;
		} else if (c == '(' || c == '[') {
			size_t at = skip_space(q, i + 1);
			bool group = c == '[' || (at < q.n && (q.p[at] == '(' || q.p[at] == '['));
			size_t n = group ? 0 : name_length(q, at);
			if (n && !nodes)
				buf_printf(out, "%s%.*s ", out->n ? "" : " ", (int)n, q.p + at);
			if (depth < ARRAY_LEN(nest))
				nest[depth] = group ? 'g' : 'n';
			nodes += !group;
			depth++;
		} else if ((c == ')' || c == ']') && depth) {
			depth--;
			nodes -= depth < ARRAY_LEN(nest) ? nest[depth] == 'n' : nodes > 0;
		}
	}
}

static bool concrete(const TSLanguage *language, struct span name)
{
	TSSymbol symbol = ts_language_symbol_for_name(language, name.p, (uint32_t)name.n, true);
	return symbol && ts_language_symbol_type(language, symbol) == TSSymbolTypeRegular;
}

static int check_roots(const struct syntax_query *q, const TSLanguage *language, struct buf *why)
{
	for (uint32_t i = 0; i < ts_query_pattern_count(q->query); i++)
		if (!ts_query_is_pattern_rooted(q->query, i)) {
			buf_printf(why, "pattern %u is not one node", i + 1);
			return -EINVAL;
		}
	struct span words = { q->roots.p, q->roots.n };
	for (size_t i = 1, n; i < words.n; i += n + 1) {
		n = name_length(words, i);
		if (n && concrete(language, (struct span){ words.p + i, n }))
			continue;
		buf_printf(why, "a pattern begins with %.*s, which is no type of node", (int)n,
			   words.p + i);
		return -EINVAL;
	}
	if (words.n)
		return 0;
	buf_printf(why, "no pattern begins with a named node");
	return -EINVAL;
}

static struct span query_text(const TSQuery *query, uint32_t id)
{
	uint32_t n = 0;
	const char *p = ts_query_string_value_for_id(query, id, &n);
	return (struct span){ p, n };
}

static int take_predicates(struct syntax_query *q, uint32_t pattern, struct buf *why)
{
	uint32_t n = 0;
	const TSQueryPredicateStep *step = ts_query_predicates_for_pattern(q->query, pattern, &n);
	struct predicate_argument v[PREDICATE_ARGUMENTS] = { 0 };
	for (uint32_t i = 0, k; i < n; i += k + 1) {
		struct span name = query_text(q->query, step[i].value_id);
		for (k = 1; i + k < n && step[i + k].type != TSQueryPredicateStepTypeDone; k++) {
			if (k > PREDICATE_ARGUMENTS || q->n == PREDICATES_MAX) {
				buf_printf(why, "more than %d predicates, or texts of one",
					   PREDICATES_MAX);
				return -EINVAL;
			}
			bool capture = step[i + k].type == TSQueryPredicateStepTypeCapture;
			v[k - 1] = (struct predicate_argument){
				.capture = capture,
				.number = step[i + k].value_id,
				.text = capture ? SPAN("")
						: query_text(q->query, step[i + k].value_id),
			};
		}
		struct bound *b = &q->predicates[q->n];
		b->pattern = pattern;
		int rc = predicate_new(name, v, k - 1, &b->predicate, why);
		if (rc)
			return rc;
		q->n++;
	}
	return 0;
}

static int complain_query(struct span text, uint32_t at, TSQueryError error, unsigned *line,
			  struct buf *why)
{
	static const char *const what[] = { "",
					    "the query's form is broken",
					    "no type of node is called so",
					    "no field is called so",
					    "no capture is called so",
					    "no tree can look like that",
					    "the grammar does not fit" };
	struct span rest = { text.p + at, name_length(text, at) };
	for (size_t i = 0; i < at && i < text.n; i++)
		*line += text.p[i] == '\n';
	buf_printf(why, "%s%s%.*s%s", what[error], rest.n ? ": \"" : "", (int)rest.n, rest.p,
		   rest.n ? "\"" : "");
	return -EINVAL;
}

int syntax_query_new(const struct syntax_language *language, struct span text,
		     struct syntax_query **out, unsigned *line, struct buf *why)
{
	const TSLanguage *l = syntax_core_language(language);
	struct syntax_query *q = calloc(1, sizeof(*q));
	uint32_t at = 0;
	TSQueryError error = TSQueryErrorNone;
	*line = 0;
	if (!q)
		return -ENOMEM;
	uint64_t lacked = syntax_pool_lacked();
	q->query = ts_query_new(l, text.p, (uint32_t)text.n, &at, &error);
	int rc = q->query ? 0 : complain_query(text, at, error, line, why);
	rc = syntax_pool_lacked() == lacked ? rc : -ENOMEM;
	if (!rc) {
		find_roots(text, &q->roots);
		buf_add(&q->roots, "", 1);
		rc = q->roots.failed ? -ENOMEM : 0;
		q->roots.n -= !rc;
	}
	if (!rc)
		rc = check_roots(q, l, why);
	for (uint32_t i = 0; !rc && i < ts_query_pattern_count(q->query); i++)
		rc = take_predicates(q, i, why);
	if (rc) {
		syntax_query_free(q);
		return rc;
	}
	*out = q;
	return 0;
}

void syntax_query_free(struct syntax_query *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n; i++)
		predicate_free(q->predicates[i].predicate);
	if (q->query)
		ts_query_delete(q->query);
	buf_fini(&q->roots);
	free(q);
}

/* Answers */

struct place { /* of a byte in a tree */
	TSNode statement, inner, judged;
	bool has_statement, has_inner, has_judged;
	bool in_error; /* the statement stands right in what has no place in the grammar */
};

/* What holds statements; what has no place in the grammar may hold them, too. */
static bool holds_statements(TSNode node)
{
	static const char words[] = " compound_statement declaration_list field_declaration_list "
				    "do_group subshell ";
	const char *type = ts_node_type(node);
	return ts_node_is_error(node) || strstr(type, "block") || strstr(type, "body") ||
	       syntax_listed(words, span_of(type));
}

/* Goes down to the byte; false: deeper than the limit. */
static bool find_place(TSNode root, const struct syntax_query *q, uint32_t at, struct place *out)
{
	TSTreeCursor cursor = ts_tree_cursor_new(root);
	bool holder = true, error = ts_node_is_error(root);
	uint32_t depth = 0;
	*out = (struct place){ 0 };
	while (depth < syntax_default_limits.depth &&
	       ts_tree_cursor_goto_first_child_for_byte(&cursor, at) >= 0) {
		TSNode node = ts_tree_cursor_current_node(&cursor);
		if (ts_node_start_byte(node) > at)
			break;
		depth++;
		if (holder) {
			*out = (struct place){ .statement = node, .has_statement = true };
			out->in_error = error;
		} else if (!out->has_inner) {
			out->inner = node;
			out->has_inner = true;
		}
		if (ts_node_is_named(node) &&
		    syntax_listed(q->roots.p, span_of(ts_node_type(node)))) {
			out->judged = node;
			out->has_judged = true;
		}
		holder = holds_statements(node);
		error = ts_node_is_error(node);
	}
	ts_tree_cursor_delete(&cursor);
	return depth < syntax_default_limits.depth;
}

/* Whether a token, other than a comment, begins behind the node. */
static bool followed(TSNode root, TSNode node, struct span text)
{
	size_t at = ts_node_end_byte(node);
	for (;;) {
		at = skip_space(text, at);
		if (at >= text.n)
			return false;
		TSNode leaf =
			ts_node_descendant_for_byte_range(root, (uint32_t)at, (uint32_t)at + 1);
		if (!ts_node_is_extra(leaf) || ts_node_is_error(leaf))
			return true;
		at = ts_node_end_byte(leaf) > at ? ts_node_end_byte(leaf) : at + 1;
	}
}

struct match {
	struct predicate_match seen; /* first: a pointer to it leads back */
	const TSQueryMatch *match;
	struct span text;
};

static bool captured(const struct predicate_match *seen, uint32_t capture, struct span *out)
{
	const struct match *m = (const struct match *)(const void *)seen;
	for (uint16_t i = 0; i < m->match->capture_count; i++) {
		const TSQueryCapture *c = &m->match->captures[i];
		if (c->index != capture)
			continue;
		uint32_t from = ts_node_start_byte(c->node), to = ts_node_end_byte(c->node);
		*out = (struct span){ m->text.p + from, to - from };
		return true;
	}
	return false;
}

static bool fulfilled(const struct syntax_query *q, struct regex_scratch *s, struct match *m,
		      bool *failed)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->predicates[i].pattern == m->match->pattern_index &&
		    !predicate_holds(q->predicates[i].predicate, s, &m->seen, failed))
			return false;
	return true;
}

static enum syntax_answer matches(const struct syntax_query *q, struct regex_scratch *s,
				  TSNode node, struct span text)
{
	TSQueryCursor *cursor = ts_query_cursor_new();
	TSQueryMatch match;
	struct match m = { { captured }, &match, text };
	bool found = false, failed = false;
	ts_query_cursor_set_max_start_depth(cursor, 0);
	ts_query_cursor_exec(cursor, q->query, node);
	while (!found && !failed && ts_query_cursor_next_match(cursor, &match))
		found = fulfilled(q, s, &m, &failed);
	failed = failed || ts_query_cursor_did_exceed_match_limit(cursor);
	ts_query_cursor_delete(cursor);
	return found ? SYNTAX_YES : failed ? SYNTAX_EXHAUSTED : SYNTAX_NO;
}

static bool is_statement(TSNode node)
{
	const char *type = ts_node_type(node);
	return strstr(type, "statement") || strstr(type, "declaration") ||
	       strstr(type, "definition") || strstr(type, "_item");
}

static enum syntax_answer ask(const struct syntax_tree *t, const struct syntax_query *q,
			      struct regex_scratch *s, struct span text, uint32_t at, bool whole,
			      struct syntax_range *out)
{
	struct place p;
	const TSTree *tree = syntax_core_tree(t);
	if (!tree)
		return SYNTAX_EXHAUSTED;
	TSNode root = ts_tree_root_node(tree);
	if (!find_place(root, q, at, &p))
		return SYNTAX_EXHAUSTED;
	if (p.has_judged) {
		bool sound = !ts_node_has_error(p.judged);
		if (!whole && !(sound && followed(root, p.judged, text)))
			return SYNTAX_OPEN;
		enum syntax_answer answer = matches(q, s, p.judged, text);
		*out = (struct syntax_range){ ts_node_start_byte(p.judged),
					      ts_node_end_byte(p.judged) };
		return answer == SYNTAX_NO && !sound ? SYNTAX_BROKEN : answer;
	}
	if (!p.has_statement)
		return whole ? SYNTAX_NO : SYNTAX_OPEN;
	TSNode last = p.has_inner ? p.inner : p.statement;
	bool sound =
		!ts_node_has_error(last) && (!p.in_error || is_statement(p.statement) || whole);
	if (whole)
		return sound && !p.in_error ? SYNTAX_NO : SYNTAX_BROKEN;
	return sound && followed(root, last, text) ? SYNTAX_NO : SYNTAX_OPEN;
}

enum syntax_answer syntax_ask(const struct syntax_tree *t, const struct syntax_query *q,
			      struct regex_scratch *s, struct span text, uint32_t at, bool whole,
			      struct syntax_range *out)
{
	uint64_t lacked = syntax_pool_lacked();
	enum syntax_answer answer = ask(t, q, s, text, at, whole, out);
	return syntax_pool_lacked() == lacked ? answer : SYNTAX_EXHAUSTED;
}

/* Captures of a whole text */

uint32_t syntax_query_captures(const struct syntax_query *q)
{
	return ts_query_capture_count(q->query);
}

struct span syntax_query_capture(const struct syntax_query *q, uint32_t capture)
{
	uint32_t n = 0;
	const char *p = ts_query_capture_name_for_id(q->query, capture, &n);
	return (struct span){ p, n };
}

static int by_place(const void *a, const void *b)
{
	const struct syntax_capture *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to > y->to ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->capture < y->capture ? -1 : x->capture > y->capture;
}

static enum syntax_result keep(const TSQueryMatch *match, uint32_t most, uint32_t *cap,
			       struct syntax_captures *out)
{
	if (match->capture_count > most - out->n)
		return SYNTAX_TOO_LARGE;
	if (*cap - out->n < match->capture_count) {
		*cap = *cap * 2 + 256 + match->capture_count;
		void *grown = realloc(out->v, *cap * sizeof(*out->v));
		if (!grown)
			return SYNTAX_NO_MEMORY;
		out->v = grown;
	}
	for (uint16_t i = 0; i < match->capture_count; i++) {
		TSNode node = match->captures[i].node;
		out->v[out->n++] =
			(struct syntax_capture){ .from = ts_node_start_byte(node),
						 .to = ts_node_end_byte(node),
						 .type = ts_node_symbol(node),
						 .capture = (uint16_t)match->captures[i].index };
	}
	return SYNTAX_OK;
}

static bool out_of_steps(TSQueryCursorState *state)
{
	uint32_t *steps = state->payload;
	return (*steps)-- == 0;
}

static enum syntax_result collect(const struct syntax_query *q, struct regex_scratch *s,
				  TSQueryCursor *cursor, struct span text, uint32_t most,
				  struct syntax_captures *out)
{
	TSQueryMatch match;
	struct match m = { { captured }, &match, text };
	bool failed = false;
	uint32_t cap = 0;
	enum syntax_result kept = SYNTAX_OK;
	while (kept == SYNTAX_OK && !failed && ts_query_cursor_next_match(cursor, &match))
		if (fulfilled(q, s, &m, &failed))
			kept = keep(&match, most, &cap, out);
	failed = failed || ts_query_cursor_did_exceed_match_limit(cursor);
	return failed ? SYNTAX_TOO_COSTLY : kept;
}

/* out->v is the caller's in any case. */
static enum syntax_result capture_part(const struct syntax_query *q, TSNode root, struct span text,
				       struct syntax_range part, uint32_t most,
				       struct syntax_captures *out)
{
	struct regex_scratch *s = regex_scratch_new();
	if (!s)
		return SYNTAX_NO_MEMORY;
	uint64_t lacked = syntax_pool_lacked();
	uint32_t steps = syntax_default_limits.steps;
	TSQueryCursor *cursor = ts_query_cursor_new();
	TSQueryCursorOptions options = { .payload = &steps, .progress_callback = out_of_steps };
	ts_query_cursor_set_match_limit(cursor, CAPTURES_OPEN_MAX);
	ts_query_cursor_set_byte_range(cursor, part.from, part.to);
	ts_query_cursor_exec_with_options(cursor, q->query, root, &options);
	enum syntax_result result = collect(q, s, cursor, text, most, out);
	if (steps == UINT32_MAX) /* the last one was counted down */
		result = SYNTAX_TOO_COSTLY;
	ts_query_cursor_delete(cursor);
	regex_scratch_free(s);
	return syntax_pool_lacked() == lacked ? result : SYNTAX_NO_MEMORY;
}

static enum syntax_result capture_all(const struct syntax_query *q, TSNode root, struct span text,
				      struct syntax_range part, const bool *spreads, uint32_t most,
				      struct syntax_captures *out)
{
	enum syntax_result result = capture_part(q, root, text, part, most, out);
	out->whole = part.from == 0 && part.to >= text.n;
	bool spread = false;
	for (uint32_t i = 0; i < out->n; i++)
		spread = spread || (spreads[out->v[i].capture] && out->v[i].from < part.to &&
				    out->v[i].to > part.from);
	if (result != SYNTAX_OK || out->whole || !spread)
		return result;
	free(out->v);
	*out = (struct syntax_captures){ .whole = true };
	part = (struct syntax_range){ 0, (uint32_t)text.n };
	return capture_part(q, root, text, part, most, out);
}

enum syntax_result syntax_capture_all(const struct syntax_text *t, const struct syntax_query *q,
				      struct span text, struct syntax_range part,
				      const bool *spreads, uint32_t most,
				      struct syntax_captures *out)
{
	struct syntax_captures found = { 0 };
	const TSTree *tree = syntax_core_enter(t);
	enum syntax_result result =
		capture_all(q, ts_tree_root_node(tree), text, part, spreads, most, &found);
	syntax_pool_leave();
	if (result != SYNTAX_OK) {
		free(found.v);
		return result;
	}
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), by_place);
	*out = found;
	return SYNTAX_OK;
}

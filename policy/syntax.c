#include "policy/syntax.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

#include "policy/syntax_core.h"
#include "policy/syntax_pool.h"

const TSLanguage *tree_sitter_bash(void);
const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_go(void);
const TSLanguage *tree_sitter_java(void);
const TSLanguage *tree_sitter_javascript(void);
const TSLanguage *tree_sitter_python(void);
const TSLanguage *tree_sitter_rust(void);
const TSLanguage *tree_sitter_tsx(void);
const TSLanguage *tree_sitter_typescript(void);

const char *const syntax_result_names[] = { "ok",           "too_large", "too_costly", "too_deep",
					    "memory_bound", "no_memory", "unsupported" };
static_assert(ARRAY_LEN(syntax_result_names) == SYNTAX_RESULT_COUNT, "a name for each result");

const struct syntax_limits syntax_default_limits = {
	.bytes = 4U << 20, .steps = 2000000, .depth = 2000, .memory = SYNTAX_MEMORY
};

/* A pointer to the public part leads back to the grammar. */
struct grammar {
	struct syntax_language language;
	const TSLanguage *(*get)(void);
};

static_assert(offsetof(struct grammar, language) == 0, "the public part comes first");

static const struct grammar grammars[] = {
	{ { "bash", " sh shell zsh shellscript ", " sh bash zsh ", " \" ' " }, tree_sitter_bash },
	{ { "c", " h ", " c h ", " */ " }, tree_sitter_c },
	{ { "go", " golang ", " go ", " */ ` " }, tree_sitter_go },
	{ { "java", " ", " java ", " */ \"\"\" " }, tree_sitter_java },
	{ { "javascript", " js jsx node mjs cjs ", " js jsx mjs cjs ", " */ ` " },
	  tree_sitter_javascript },
	{ { "python", " py py3 python3 ", " py pyi pyw ", " \"\"\" ''' " }, tree_sitter_python },
	{ { "rust", " rs ", " rs ", " */ \" \"# \"## " }, tree_sitter_rust },
	{ { "tsx", " typescriptreact ", " tsx ", " */ ` " }, tree_sitter_tsx },
	{ { "typescript", " ts mts cts ", " ts mts cts ", " */ ` " }, tree_sitter_typescript },
};

size_t syntax_count(void)
{
	return ARRAY_LEN(grammars);
}

const struct syntax_language *syntax_language(size_t index)
{
	CHECK(index < ARRAY_LEN(grammars));
	return &grammars[index].language;
}

bool syntax_listed(const char *list, struct span word)
{
	const char *start = list + 1;
	for (const char *end; (end = strchr(start, ' ')) != NULL; start = end + 1)
		if (span_eq_nocase((struct span){ start, (size_t)(end - start) }, word))
			return true;
	return false;
}

const struct syntax_language *syntax_find(struct span name)
{
	if (name.n == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(grammars); i++) {
		const struct syntax_language *l = &grammars[i].language;
		if (span_eq_nocase(span_of(l->name), name) || syntax_listed(l->aliases, name))
			return l;
	}
	return NULL;
}

const struct syntax_language *syntax_of_file(struct span path)
{
	size_t dot = path.n;
	while (dot > 0 && path.p[dot - 1] != '.' && path.p[dot - 1] != '/')
		dot--;
	if (dot == 0 || dot == path.n || path.p[dot - 1] != '.')
		return NULL;
	struct span extension = { path.p + dot, path.n - dot };
	for (size_t i = 0; i < ARRAY_LEN(grammars); i++)
		if (syntax_listed(grammars[i].language.extensions, extension))
			return &grammars[i].language;
	return NULL;
}

int64_t syntax_held(void)
{
	return syntax_pool_held();
}

/* Before there is a thread that could parse. */
__attribute__((constructor)) static void install(void)
{
	ts_set_allocator(syntax_pool_take, syntax_pool_take_zeroed, syntax_pool_take_again,
			 syntax_pool_give);
}

/* What a parse may cost, in steps. A step is a hundred operations of the parser, which do not take
 * equally long: a lexer that looks far ahead again and again, and errors whose parts are copied for
 * each part more, cost a step for so much of the text and of the memory. */
#define LOOK_BYTES 64
#define STEP_LOOKS 128
#define STEP_MEMORY (16u << 10)

struct budget {
	struct span text;
	const struct syntax_limits *limits;
	uint64_t operations, looks, cost; /* cost: of the last step */
	uint64_t made, lacked;            /* before it began, here and below */
	int64_t size;
};

static struct budget budget_of(struct span text, const struct syntax_limits *limits)
{
	return (struct budget){ .text = text,
				.limits = limits,
				.made = syntax_pool_made(),
				.lacked = syntax_pool_lacked(),
				.size = syntax_pool_size() };
}

/* SYNTAX_OK: it may go on. */
static enum syntax_result excess(const struct budget *b)
{
	if (syntax_pool_lacked() != b->lacked)
		return SYNTAX_NO_MEMORY;
	if (syntax_pool_size() - b->size > b->limits->memory)
		return SYNTAX_MEMORY_BOUND;
	bool costly = b->cost > b->limits->steps || b->looks / STEP_LOOKS > b->limits->steps;
	return costly ? SYNTAX_TOO_COSTLY : SYNTAX_OK;
}

static bool is_over(TSParseState *state)
{
	struct budget *b = state->payload;
	b->operations++;
	b->cost = b->operations + b->looks / STEP_LOOKS +
		  (syntax_pool_made() - b->made) / STEP_MEMORY;
	return excess(b) != SYNTAX_OK;
}

/* Past a bound the text ends, so that the lexer comes back; the next step ends the parse. */
static const char *look(void *payload, uint32_t at, TSPoint position, uint32_t *length)
{
	struct budget *b = payload;
	(void)position;
	b->looks++;
	bool more = at < b->text.n && excess(b) == SYNTAX_OK;
	*length = more ? (uint32_t)min_size(b->text.n - at, LOOK_BYTES) : 0;
	return *length > 0 ? b->text.p + at : "";
}

/* The tree of the budget's text, from the old one where there is one; SYNTAX_OK: *out is set. */
static enum syntax_result parse(TSParser *parser, const TSTree *old, struct budget *b, TSTree **out)
{
	TSInput input = { .payload = b, .read = look, .encoding = TSInputEncodingUTF8 };
	TSParseOptions options = { .payload = b, .progress_callback = is_over };
	TSTree *tree = ts_parser_parse_with_options(parser, old, input, options);
	enum syntax_result result = excess(b);
	if (result != SYNTAX_OK && tree)
		ts_tree_delete(tree);
	else if (result == SYNTAX_OK && !tree)
		return SYNTAX_TOO_COSTLY;
	else
		*out = tree;
	return result;
}

/* Visits every node without recursion: how deep the text nests is the peer's choice. */
static enum syntax_result count_nodes(TSNode root, uint32_t depth_limit,
				      struct syntax_report *report)
{
	TSTreeCursor cursor = ts_tree_cursor_new(root);
	uint32_t depth = 1;
	bool deeper = true;
	while (depth > 0 && depth <= depth_limit) {
		if (deeper) {
			TSNode node = ts_tree_cursor_current_node(&cursor);
			report->nodes++;
			report->errors += ts_node_is_error(node) || ts_node_is_missing(node);
			report->depth = depth > report->depth ? depth : report->depth;
		}
		if (deeper && ts_tree_cursor_goto_first_child(&cursor)) {
			depth++;
		} else if (ts_tree_cursor_goto_next_sibling(&cursor)) {
			deeper = true;
		} else {
			ts_tree_cursor_goto_parent(&cursor);
			depth--;
			deeper = false;
		}
	}
	ts_tree_cursor_delete(&cursor);
	return depth == 0 ? SYNTAX_OK : SYNTAX_TOO_DEEP;
}

enum syntax_result syntax_parse(const struct syntax_language *language, struct span text,
				const struct syntax_limits *limits, struct syntax_report *report)
{
	const struct grammar *grammar = (const struct grammar *)(const void *)language;
	struct budget budget = budget_of(text, limits);
	enum syntax_result result = SYNTAX_UNSUPPORTED;
	TSTree *tree;

	*report = (struct syntax_report){ 0 };
	if (text.n > limits->bytes)
		return SYNTAX_TOO_LARGE;
	TSParser *parser = ts_parser_new();
	if (ts_parser_set_language(parser, grammar->get())) {
		result = parse(parser, NULL, &budget, &tree);
		if (result == SYNTAX_OK) {
			result = count_nodes(ts_tree_root_node(tree), limits->depth, report);
			ts_tree_delete(tree);
		}
		report->steps = (uint32_t)budget.cost;
	}
	ts_parser_delete(parser);
	return result;
}

/* Trees that grow */

struct syntax_tree {
	const struct grammar *grammar;
	TSTree *tree;
	uint32_t parsed;
	TSPoint end;    /* of what was parsed */
	uint64_t steps; /* of all parses, as charged */
	enum syntax_result result;
};

struct syntax_tree *syntax_tree_new(const struct syntax_language *language)
{
	struct syntax_tree *t = calloc(1, sizeof(*t));
	if (t)
		t->grammar = (const struct grammar *)(const void *)language;
	return t;
}

void syntax_tree_free(struct syntax_tree *t)
{
	if (!t)
		return;
	if (t->tree)
		ts_tree_delete(t->tree);
	free(t);
}

struct syntax_tree *syntax_tree_copy(const struct syntax_tree *t)
{
	struct syntax_tree *copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *t;
	uint64_t lacked = syntax_pool_lacked();
	copy->tree = t->tree ? ts_tree_copy(t->tree) : NULL;
	if (syntax_pool_lacked() == lacked)
		return copy;
	syntax_tree_free(copy);
	return NULL;
}

static TSPoint advance(TSPoint at, const char *p, size_t n)
{
	for (const char *line; (line = memchr(p, '\n', n)) != NULL; p = line + 1) {
		n -= (size_t)(line + 1 - p);
		at = (TSPoint){ .row = at.row + 1 };
	}
	at.column += (uint32_t)n;
	return at;
}

/* Recovering from errors at every other byte takes up to a hundred times as long for each step: it
 * is told by how many nodes such a text has. */
static uint64_t charge(const TSTree *tree, size_t bytes, uint64_t steps)
{
	TSNode root = ts_tree_root_node(tree);
	bool dense = ts_node_has_error(root) && ts_node_descendant_count(root) > bytes / 2;
	return dense ? 64 * steps : steps;
}

enum syntax_result syntax_tree_grow(struct syntax_tree *t, struct span text,
				    const struct syntax_limits *limits)
{
	CHECK(text.n >= t->parsed);
	if (t->result != SYNTAX_OK || (t->tree && text.n == t->parsed))
		return t->result;
	if (text.n > limits->bytes)
		return t->result = SYNTAX_TOO_LARGE;
	struct budget budget = budget_of(text, limits);
	TSPoint end = advance(t->end, text.p + t->parsed, text.n - t->parsed);
	TSInputEdit edit = { .start_byte = t->parsed,
			     .old_end_byte = t->parsed,
			     .new_end_byte = (uint32_t)text.n,
			     .start_point = t->end,
			     .old_end_point = t->end,
			     .new_end_point = end };
	TSParser *parser = ts_parser_new();
	TSTree *tree = NULL;
	t->result = SYNTAX_UNSUPPORTED;
	if (ts_parser_set_language(parser, t->grammar->get())) {
		if (t->tree)
			ts_tree_edit(t->tree, &edit);
		t->result = parse(parser, t->tree, &budget, &tree);
	}
	ts_parser_delete(parser);
	if (t->tree)
		ts_tree_delete(t->tree);
	t->tree = tree;
	t->steps += tree ? charge(tree, text.n, budget.cost) : UINT64_C(64) * budget.cost;
	t->parsed = (uint32_t)text.n;
	t->end = end;
	return t->result;
}

void syntax_core_forget(struct syntax_tree *t)
{
	free(t);
}

uint64_t syntax_tree_steps(const struct syntax_tree *t)
{
	return t->steps;
}

const void *syntax_core_tree(const struct syntax_tree *t)
{
	return t->tree;
}

const void *syntax_core_language(const struct syntax_language *language)
{
	return ((const struct grammar *)(const void *)language)->get();
}

#include "policy/tree_types.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LIST(name) offsetof(struct tree_language, name)

/* A word of a list stands between these. */
static const struct {
	uint32_t flag;
	size_t at;
	char before, behind;
} lists[] = {
	{ TYPE_DROPPED, LIST(dropped), ' ', ' ' },
	{ TYPE_SEPARATOR, LIST(separators), ' ', ' ' },
	{ TYPE_EXACT, LIST(exact), ' ', ' ' },
	{ TYPE_ATOM, LIST(atoms), ' ', ' ' },
	{ TYPE_TRANSPARENT, LIST(transparent), ' ', ' ' },
	{ TYPE_LONE, LIST(lone), ' ', ' ' },
	{ TYPE_FIELDED, LIST(fielded), ' ', ' ' },
	{ TYPE_STRING, LIST(strings), ' ', ' ' },
	{ TYPE_INSET, LIST(insets), ' ', ' ' },
	{ TYPE_NUMBER, LIST(numbers), ' ', ' ' },
	{ TYPE_MARKUP, LIST(markup), ' ', ' ' },
	{ TYPE_JOINED, LIST(joined), ' ', ' ' },
	{ TYPE_REWRITTEN, LIST(rewritten), ' ', ' ' },
	{ TYPE_NAME, LIST(names), ' ', ' ' },
	{ TYPE_SCOPE, LIST(scopes), ' ', ' ' },
	{ TYPE_FUNCTION, LIST(functions), ' ', ' ' },
	{ TYPE_CLASS, LIST(classes), ' ', ' ' },
	{ TYPE_PATTERN, LIST(patterns), ' ', ' ' },
	{ TYPE_COMMENT, LIST(comments), ' ', ' ' },
	{ TYPE_WATCHED, LIST(watched), ' ', ' ' },
	{ TYPE_OPENED, LIST(opened), '>', ' ' },
	{ TYPE_KEPT, LIST(kept), '>', ' ' },
	{ TYPE_EMPTY, LIST(empty), '>', ' ' },
	{ TYPE_DISSOLVED, LIST(dissolved), ' ', '>' },
	{ TYPE_KEYED, LIST(keys), ' ', '>' },
	{ TYPE_SKIPS, LIST(skipped), ' ', '>' },
};

static bool stands(const char *list, struct span word, char before, char behind)
{
	for (const char *at = list; at && word.n && (at = strstr(at, word.p)) != NULL; at++)
		if (at > list && at[-1] == before && at[word.n] == behind)
			return true;
	return false;
}

static void fill(struct tree_type *t, const struct tree_language *l, const char *name)
{
	*t = (struct tree_type){ .name = span_of(name), .source = SPAN("") };
	if (!name)
		return;
	t->source = t->name;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const void *list = (const char *)l + lists[i].at;
		if (stands(*(const char *const *)list, t->source, lists[i].before, lists[i].behind))
			t->flags |= lists[i].flag;
	}
	t->flags |= strcmp(name, ",") == 0 ? TYPE_COMMA : 0;
	t->flags |= strcmp(name, "heredoc_body") == 0 ? TYPE_HEREDOC : 0;
	t->flags |= tree_listed(" keyword_argument dictionary_splat ", name) ? TYPE_KEYWORD : 0;
	for (unsigned i = 0; l->bindings[i].where != BIND_END; i++)
		if (tree_listed(l->bindings[i].parents, name))
			t->bindings |= 1U << i;
	struct span alias = tree_right_of(l->alias, name);
	if (alias.n)
		t->name = alias;
}

static struct tree_types *make(const struct syntax_language *language)
{
	uint32_t n = syntax_type_count(language);
	struct tree_types *t = calloc(1, sizeof(*t) + n * sizeof(t->v[0]));
	if (!t)
		return NULL;
	t->language = language;
	t->l = tree_language_of(language);
	t->n = n;
	for (uint32_t i = 0; i < n; i++)
		fill(&t->v[i], t->l, syntax_type_name(language, (uint16_t)i));
	for (unsigned i = 0; t->l->bindings[i].where != BIND_END; i++) {
		CHECK(i < ARRAY_LEN(t->fields));
		t->reads |= t->l->bindings[i].where >= READ_OUTSIDE ? 1U << i : 0;
		t->fields[i] = syntax_field(language, t->l->bindings[i].field);
	}
	return t;
}

const struct tree_types *tree_types_of(const struct syntax_language *language)
{
	enum { LANGUAGES_MAX = 16 };
	static _Atomic(struct tree_types *) known[LANGUAGES_MAX];
	size_t index = 0;
	while (syntax_language(index) != language)
		index++;
	CHECK(index < LANGUAGES_MAX);
	_Atomic(struct tree_types *) *slot = &known[index];
	struct tree_types *t = atomic_load_explicit(slot, memory_order_acquire), *none = NULL;
	if (t)
		return t;
	t = make(language);
	if (t && !atomic_compare_exchange_strong(slot, &none, t)) {
		free(t); /* another thread was first */
		t = none;
	}
	return t;
}

/*
 * Two walks bind, one reads. A name is found by its scope and its spelling; in a scope one spelling
 * is one number, so that a text can be rebuilt from numbers but for the spellings.
 */
#include "policy/tree_names.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "policy/tree_eyes.h"
#include "policy/tree_observed.h"

enum { SPELLED = 1, TO_FILE = 2, TO_OUTER = 4, ANY_KEYWORD = 8 };
#define NONE UINT32_MAX

/* Scopes that are none: of what is called, of parameters named by a call of who knows what, of
 * variables, of names whose spelling is seen; and one for each callee. */
#define CALLED (NONE - 1)
#define ANYONE (NONE - 2)
#define ASSIGNED (NONE - 3)
#define OBSERVED (NONE - 4)
#define KEYWORDS 0x80000000U

static const char *type_name(const struct names *s, uint32_t node)
{
	return s->types->v[s->v[node].type].source.p;
}

static uint32_t flags_of(const struct names *s, uint32_t node)
{
	return s->types->v[s->v[node].type].flags;
}

static uint32_t *slot(const struct names *s, uint32_t scope, struct syntax_range at)
{
	struct span name = { s->text.p + at.from, at.to - at.from };
	uint32_t i = (uint32_t)span_hash(name, scope) & s->mask;
	for (;; i = (i + 1) & s->mask) {
		const struct entry *e = &s->entries[s->slots[i]];
		if (!s->slots[i] || (e->scope == scope && e->length == name.n &&
				     memcmp(s->text.p + e->from, name.p, name.n) == 0))
			return &s->slots[i];
	}
}

static struct syntax_range place(const struct names *s, uint32_t node)
{
	return (struct syntax_range){ s->v[node].from, s->v[node].to };
}

/* The entry of a name in a scope; 0: there is none, and entry 0 says nothing. */
static uint32_t find(const struct names *s, uint32_t scope, uint32_t node)
{
	return *slot(s, scope, place(s, node));
}

/* The same, made if there is none. */
static uint32_t enter_text(struct names *s, uint32_t scope, struct syntax_range name, uint8_t flags)
{
	uint32_t *at = slot(s, scope, name);
	if (!*at) {
		CHECK(s->n_entries < s->room);
		s->entries[s->n_entries] = (struct entry){ .scope = scope,
							   .from = name.from,
							   .length = name.to - name.from,
							   .flags = flags };
		*at = s->n_entries++;
	}
	return *at;
}

static uint32_t enter(struct names *s, uint32_t scope, uint32_t node, uint8_t flags)
{
	return enter_text(s, scope, place(s, node), flags);
}

/* It has letters that the language may read as others: escapes, or what it normalises. */
static bool is_strange(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '\\' || (unsigned char)name.p[i] >= 0x80)
			return true;
	return false;
}

/* Whether a name bound here keeps its spelling, whatever binds it. */
static bool spelled(const struct names *s, uint32_t scope, uint32_t node)
{
	struct syntax_range at = place(s, node);
	const char *p = s->text.p;
	bool dunder = s->l->dunders && at.to - at.from > 4 && memcmp(p + at.from, "__", 2) == 0 &&
		      memcmp(p + at.to - 2, "__", 2) == 0;
	if (is_strange((struct span){ p + at.from, at.to - at.from }))
		return true;
	return s->all_spelled || dunder || s->scopes[scope].flags & TYPE_CLASS ||
	       (scope == 0 && s->l->spelled_file) || find(s, OBSERVED, node);
}

/* Binds the name that stands at a node in a scope. */
static void declare(struct names *s, uint32_t scope, uint32_t node, uint32_t seen, uint8_t flags,
		    bool mark)
{
	uint32_t i;
	while ((i = find(s, scope, node)) != 0) {
		if (s->entries[i].flags & TO_FILE)
			scope = 0;
		else if (s->entries[i].flags & TO_OUTER && scope)
			scope = s->scopes[scope].parent;
		else
			break;
	}
	if (!i) {
		if (spelled(s, scope, node))
			flags |= SPELLED;
		i = enter(s, scope, node, flags);
		s->entries[i].seen = seen;
		s->entries[i].number = flags ? 0 : s->scopes[scope].names++;
	}
	struct entry *e = &s->entries[i];
	e->seen = seen < e->seen ? seen : e->seen;
	if (mark)
		s->bound[node] = i;
}

static uint32_t named_child(const struct names *s, uint32_t node)
{
	for (uint32_t i = node + 1; i < s->v[node].end; i = s->v[i].end)
		if (flags_of(s, i) & TYPE_NAME)
			return i;
	return NONE;
}

/* Python calls f(x=1): then the x of f is no name of f's own. What is called is known by its last
 * name, its keywords stand in a scope of that name. A function that is handed on, as in
 * partial(f, x=1), counts as called. What is called by the name of a variable may be any of them.
 */
static void note_call(struct names *s, uint32_t keyword, uint32_t callee, bool splat)
{
	if (!(flags_of(s, callee) & TYPE_NAME))
		return;
	uint32_t called = enter(s, CALLED, callee, 0);
	if (splat)
		s->entries[called].flags |= ANY_KEYWORD;
	else
		enter(s, KEYWORDS | called, keyword + 1, 0);
}

static void note_keyword(struct names *s, uint32_t keyword)
{
	enum { HANDED_ON = 3 };
	uint32_t arguments = s->v[keyword].parent, call = s->v[arguments].parent, n = 0;
	bool splat = strcmp(type_name(s, keyword), "dictionary_splat") == 0;
	if (strcmp(type_name(s, call), "call") != 0)
		return;
	uint32_t callee = s->v[call + 1].end - 1;
	note_call(s, keyword, callee, splat);
	for (uint32_t i = arguments + 1; i < keyword && n < HANDED_ON; i = s->v[i].end) {
		n += s->v[i].named;
		note_call(s, keyword, i, splat);
	}
	if (!splat && callee == call + 1 && find(s, ASSIGNED, callee))
		enter(s, ANYONE, keyword + 1, 0);
}

static void note_keywords(struct names *s)
{
	for (uint32_t i = 1; i < s->n; i++) {
		bool binds = s->binds[i] == BIND_HERE || s->binds[i] == BIND_PARAMETER;
		if (binds && flags_of(s, i) & TYPE_NAME)
			enter(s, ASSIGNED, i, 0);
	}
	for (uint32_t i = 1; i < s->n; i++)
		if (flags_of(s, i) & TYPE_KEYWORD)
			note_keyword(s, i);
}

/* Whether a parameter is named by a call of its function, or of the class that makes it. */
static bool called_by_name(const struct names *s, uint32_t from, uint32_t parameter)
{
	if (find(s, ANYONE, parameter))
		return true;
	for (uint32_t kind = TYPE_FUNCTION;; kind = TYPE_CLASS) {
		while (from && !(flags_of(s, from) & kind))
			from = s->v[from].parent;
		uint32_t name = from ? named_child(s, from) : NONE;
		if (name == NONE)
			return false;
		uint32_t called = find(s, CALLED, name);
		if (called && (s->entries[called].flags & ANY_KEYWORD ||
			       find(s, KEYWORDS | called, parameter)))
			return true;
		if (kind == TYPE_CLASS || strncmp(s->text.p + s->v[name].from, "__", 2) != 0)
			return false;
	}
}

/* An import is known by what is imported, unless two are the same. */
static void declare_import(struct names *s, uint32_t node)
{
	uint32_t parent = s->v[node].parent, from = parent + 1, top = parent;
	if (strcmp(type_name(s, parent), "import_specifier") != 0) {
		while (top && strcmp(type_name(s, top), "import_statement") != 0)
			top = s->v[top].parent;
		for (from = top + 1; from < s->v[top].end; from = s->v[from].end)
			if (strcmp(type_name(s, from), "string") == 0)
				break;
	}
	bool known = !s->all_spelled && from < s->n && !find(s, NONE, from) &&
		     strcmp(type_name(s, parent), "namespace_import") != 0;
	if (known)
		enter(s, NONE, from, 0);
	declare(s, s->at[node], node, 0, 0, true);
	if (known)
		s->entries[s->bound[node]].import = from;
}

static bool exported(const struct names *s, uint32_t node)
{
	for (int i = 0; s->l->exports && i < 3; i++, node = s->v[node].parent)
		if (tree_listed(s->l->exports, type_name(s, node)))
			return node + 2 >= s->n || strcmp(type_name(s, node + 1), "export") != 0 ||
			       strcmp(type_name(s, node + 2), "default") != 0;
	return false;
}

static bool named(const struct names *s, uint32_t node)
{
	const struct syntax_node *v = &s->v[node];
	char c = v->to > v->from ? s->text.p[v->from] : 0;
	return flags_of(s, node) & TYPE_NAME && c &&
	       !(s->l->capitals_match && c >= 'A' && c <= 'Z');
}

static void bind(struct names *s, uint32_t top, enum tree_where where)
{
	uint32_t parent = s->v[top].parent, scope = s->at[parent];
	bool seen_outside = where != BIND_PARAMETER && exported(s, parent);
	uint8_t flags = where == BIND_SPELLED || seen_outside ? SPELLED : 0;
	if (where == BIND_OUTSIDE && flags_of(s, parent) & TYPE_SCOPE)
		scope = s->scopes[scope].parent;
	while (where == BIND_FUNCTION && scope && !(s->scopes[scope].flags & TYPE_FUNCTION))
		scope = s->scopes[scope].parent;
	if (where == BIND_PASS)
		flags = strncmp(type_name(s, parent), "global", 6) == 0 ? TO_FILE : TO_OUTER;
	for (uint32_t i = top, next; i < s->v[top].end; i = next) {
		const struct syntax_node *v = &s->v[i];
		next = i + 1;
		uint32_t seen = where == BIND_LATER  ? s->v[parent].end
				: where == BIND_NEXT ? i + 1
						     : 0;
		bool dotted = where != BIND_SPELLED && v->end > i + 2 &&
			      strcmp(type_name(s, i), "dotted_name") == 0;
		bool skipped = i != top && v->field && flags_of(s, v->parent) & TYPE_SKIPS &&
			       tree_paired(s->l->skipped, type_name(s, v->parent),
					   syntax_field_name(s->types->language, v->field));
		if (where == BIND_PASS && scope && named(s, i))
			enter(s, scope, i, flags); /* in the file itself it says nothing */
		else if (where == BIND_IMPORT && named(s, i) && !skipped)
			declare_import(s, i);
		else if (where != BIND_PASS && named(s, i) && !skipped)
			declare(s, scope, i, seen,
				where == BIND_PARAMETER && called_by_name(s, parent, i) ? SPELLED
											: flags,
				where == BIND_OUTSIDE || seen);
		else if (!(flags_of(s, i) & TYPE_PATTERN) || skipped || dotted)
			next = v->end;
	}
}

static bool applies(const struct names *s, uint32_t node, const struct tree_binding *b,
		    uint16_t field)
{
	const struct syntax_node *v = &s->v[node];
	if (!v->named || (b->field[0] && (!field || v->field != field)))
		return false;
	if (b->where == READ_OUTSIDE_FIRST) {
		uint32_t first = s->v[v->parent].parent + 1;
		while (s->v[first].type != s->v[v->parent].type)
			first = s->v[first].end;
		return first == v->parent;
	}
	if (b->where == BIND_IMPORT && b->field[0] && v->end != s->v[v->parent].end)
		return false; /* its alias is what is bound */
	if (!b->when)
		return true;
	uint32_t up = s->v[v->parent].parent;
	if (tree_listed(b->when, type_name(s, up)) ||
	    tree_listed(b->when, type_name(s, s->v[up].parent)))
		return true;
	for (uint32_t i = v->parent + 1; i < s->v[v->parent].end; i = s->v[i].end)
		if (tree_listed(b->when, type_name(s, i)))
			return true;
	return false;
}

/* The first binding of this kind that is about a node; BIND_END: none. */
static enum tree_where binding_of(const struct names *s, uint32_t node, bool reads)
{
	uint32_t mask = node ? s->types->v[s->v[s->v[node].parent].type].bindings : 0;
	mask &= reads ? s->types->reads : ~s->types->reads;
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctz(mask);
		const struct tree_binding *b = &s->l->bindings[i];
		if (applies(s, node, b, s->types->fields[i]))
			return b->where;
	}
	return BIND_END;
}

static bool find_scopes(struct names *s)
{
	uint32_t cap = 64;
	s->scopes = malloc(cap * sizeof(*s->scopes));
	for (uint32_t i = 0; s->scopes && i < s->n; i++) {
		uint32_t scope = i ? s->at[s->v[i].parent] : 0;
		enum tree_where read = binding_of(s, i, true);
		s->binds[i] = (uint8_t)binding_of(s, i, false);
		if (read == READ_OUTSIDE || read == READ_OUTSIDE_FIRST)
			scope = s->scopes[scope].parent;
		if (i == 0 || flags_of(s, i) & TYPE_SCOPE) {
			if (s->n_scopes == cap) {
				cap *= 2;
				void *grown = realloc(s->scopes, cap * sizeof(*s->scopes));
				if (!grown)
					return false;
				s->scopes = grown;
			}
			s->scopes[s->n_scopes] =
				(struct scope){ .parent = scope, .flags = flags_of(s, i) };
			scope = s->n_scopes++;
		}
		s->at[i] = scope;
	}
	return s->scopes != NULL;
}

/* The spelled and the imported first, then parameters, then all else. */
static void bind_all(struct names *s)
{
	if (s->keywords)
		note_keywords(s);
	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 1; i < s->n; i++) {
			enum tree_where where = (enum tree_where)s->binds[i];
			if (where == BIND_END)
				continue;
			int wanted =
				where == BIND_PASS || where == BIND_SPELLED || where == BIND_IMPORT
					? 0
				: where == BIND_PARAMETER ? 1
							  : 2;
			if (wanted == pass)
				bind(s, i, where);
		}
}

/* In a macro's tokens nothing but a dot tells a method from a variable. */
static bool behind_dot(const struct names *s, uint32_t node)
{
	const struct syntax_node *v = &s->v[node];
	if (!node || !(flags_of(s, v->parent) & TYPE_EXACT) || v[-1].end != node)
		return false;
	return strcmp(type_name(s, node - 1), ".") == 0 ||
	       strcmp(type_name(s, node - 1), "::") == 0;
}

static bool resolve(const struct names *s, uint32_t node, uint32_t *out)
{
	uint32_t scope = s->at[node], up = 0;
	*out = 0;
	if (s->bound[node]) {
		const struct entry *e = &s->entries[s->bound[node]];
		*out = e->import ? NAME_IMPORT | e->import : e->flags ? 0 : 1 + e->number;
		return e->number < NAME_INDEX_MAX;
	}
	if (binding_of(s, node, true) == READ_SPELLED || behind_dot(s, node))
		return true;
	for (;; up++) {
		const struct entry *e = &s->entries[find(s, scope, node)];
		bool seen =
			e->length && e->seen <= node &&
			(!(s->scopes[scope].flags & TYPE_CLASS) || up == 0 || s->l->classes_seen);
		if (seen && !(e->flags & (TO_FILE | TO_OUTER))) {
			*out = e->import  ? NAME_IMPORT | e->import
			       : e->flags ? 0
					  : 1 + up * NAME_INDEX_MAX + e->number;
			return e->number < NAME_INDEX_MAX && up < NAME_UP_MAX;
		}
		if (scope == 0)
			return true;
		scope = seen && e->flags & TO_FILE ? 0 : s->scopes[scope].parent;
	}
}

static bool prepare(struct names *s, const struct buf *seen)
{
	uint32_t cap = 64, names = 0, n = (uint32_t)(seen->n / sizeof(struct syntax_range));
	s->at = memory_take(s->n * (sizeof(*s->at) + sizeof(*s->bound) + sizeof(*s->binds)));
	if (!s->at || seen->failed)
		return false;
	s->bound = s->at + s->n;
	memset(s->bound, 0, s->n * sizeof(*s->bound));
	s->binds = (uint8_t *)(s->bound + s->n);
	for (uint32_t i = 0; i < s->n; i++) {
		names += (flags_of(s, i) & TYPE_NAME) != 0;
		s->keywords += (flags_of(s, i) & TYPE_KEYWORD) != 0;
	}
	/* Most entries of a name: what it binds, that it is called, that it is assigned. */
	s->room = names * 3 + s->keywords * 6 + n + 1;
	while (cap < s->room + s->room / 4)
		cap *= 2;
	s->mask = cap - 1;
	s->slots = calloc(cap, sizeof(*s->slots));
	s->entries = malloc(s->room * sizeof(*s->entries));
	if (!s->slots || !s->entries)
		return false;
	s->entries[s->n_entries++] = (struct entry){ 0 };
	for (uint32_t i = 0; i < n; i++) {
		struct syntax_range word;
		memcpy(&word, seen->p + i * sizeof(word), sizeof(word));
		enter_text(s, OBSERVED, word, 0);
	}
	return true;
}

/* False: a limit. */
static bool resolve_all(const struct names *s, uint32_t *out)
{
	bool fine = true;
	for (uint32_t i = 0; fine && i < s->n; i++) {
		out[i] = 0;
		if (flags_of(s, i) & TYPE_NAME && s->v[i].to > s->v[i].from)
			fine = resolve(s, i, &out[i]);
	}
	return fine;
}

enum tree_result tree_names(const struct tree_types *types, const struct syntax_nodes *nodes,
			    struct span text, uint32_t *out, struct buf *seen_names)
{
	struct names s = {
		.types = types, .l = types->l, .v = nodes->v, .n = nodes->n, .text = text
	};
	struct buf seen = { .max = SEEN_BYTES_MAX }, eyes = { 0 };
	enum tree_result result = TREE_NO_MEMORY;
	s.all_spelled = tree_observed(types, nodes, text, &seen, &eyes) ||
			eyes.n > EYES_MAX * sizeof(uint32_t);
	if (!eyes.failed && prepare(&s, &seen) && find_scopes(&s)) {
		bind_all(&s);
		result = resolve_all(&s, out) ? TREE_OK : TREE_TOO_LARGE;
	}
	if (result == TREE_OK)
		tree_eyes_open(&s, &eyes, out, seen_names);
	if (seen_names->failed)
		result = TREE_NO_MEMORY;
	if (seen.full || seen_names->full)
		result = TREE_TOO_LARGE;
	buf_fini(&seen);
	buf_fini(&eyes);
	free(s.at);
	free(s.scopes);
	free(s.slots);
	free(s.entries);
	return result;
}

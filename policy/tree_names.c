/*
 * Two walks bind, one reads. A name is found by its scope and its spelling; in a scope one spelling
 * is one number, so that a text can be rebuilt from numbers but for the spellings.
 */
#include "policy/tree_names.h"

#include <stdlib.h>
#include <string.h>

enum { SPELLED = 1, TO_FILE = 2, TO_OUTER = 4 };
enum { IS_SCOPE = 1, IS_FUNCTION = 2, IS_CLASS = 4, IS_NAME = 8, IS_PATTERN = 16, IS_EXACT = 32 };
#define NONE UINT32_MAX

struct scope {
	uint32_t parent;
	uint32_t names; /* numbered so far */
	uint8_t flags;
};

struct entry {
	uint32_t scope, from, length; /* 0 length: free */
	uint32_t number, seen;        /* seen: from this node on */
	uint32_t import;              /* the node that tells what was imported; 0: none */
	uint8_t flags;
};

struct names {
	const struct syntax_language *language;
	const struct tree_language *l;
	const struct syntax_node *v;
	uint32_t n;
	struct span text;
	uint8_t *flags;  /* of a type */
	uint32_t *masks; /* of a type: bindings whose parent it is */
	uint16_t fields[32];
	uint32_t *at;    /* of a node: the scope it is read in */
	uint32_t *bound; /* of a node: 1 + its entry, for names bound outside of where they stand */
	struct scope *scopes;
	uint32_t n_scopes;
	struct entry *entries;
	uint32_t mask;
};

static const char *type_name(const struct names *s, uint32_t node)
{
	return syntax_type_name(s->language, s->v[node].type);
}

static uint32_t slot(const struct names *s, uint32_t scope, uint32_t node)
{
	const struct syntax_node *v = &s->v[node];
	const char *p = s->text.p + v->from;
	uint32_t length = v->to - v->from;
	uint64_t hash = 1469598103934665603U ^ scope;
	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)p[i]) * 1099511628211U;
	uint32_t i = (uint32_t)(hash ^ hash >> 32) & s->mask;
	for (;; i = (i + 1) & s->mask) {
		const struct entry *e = &s->entries[i];
		if (!e->length || (e->scope == scope && e->length == length &&
				   memcmp(s->text.p + e->from, p, length) == 0))
			return i;
	}
}

/* Binds the name that stands at a node in a scope. */
static void declare(struct names *s, uint32_t scope, uint32_t node, uint32_t seen, uint8_t flags,
		    bool mark)
{
	for (uint32_t i = slot(s, scope, node); s->entries[i].length; i = slot(s, scope, node)) {
		if (s->entries[i].flags & TO_FILE)
			scope = 0;
		else if (s->entries[i].flags & TO_OUTER && scope)
			scope = s->scopes[scope].parent;
		else
			break;
	}
	uint32_t i = slot(s, scope, node);
	struct entry *e = &s->entries[i];
	if (!e->length) {
		if (s->scopes[scope].flags & IS_CLASS || (scope == 0 && s->l->spelled_file))
			flags |= SPELLED;
		*e = (struct entry){ .scope = scope,
				     .from = s->v[node].from,
				     .length = s->v[node].to - s->v[node].from,
				     .seen = seen,
				     .flags = flags };
		if (!flags)
			e->number = s->scopes[scope].names++;
	}
	e->seen = seen < e->seen ? seen : e->seen;
	if (mark)
		s->bound[node] = 1 + i;
}

/* Python calls f(x=1): then the x of f is no name of f's own. What is called is known by its last
 * name, its keywords stand in a scope of that name. */
#define CALLED (NONE - 1)
#define KEYWORDS 0x80000000U

static void enter(struct names *s, uint32_t scope, uint32_t node, uint8_t flags)
{
	struct entry *e = &s->entries[slot(s, scope, node)];
	if (!e->length)
		*e = (struct entry){ .scope = scope,
				     .from = s->v[node].from,
				     .length = s->v[node].to - s->v[node].from,
				     .flags = flags };
}

static void note_keywords(struct names *s)
{
	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t argument = s->v[i].parent, call = s->v[s->v[argument].parent].parent;
		if (i != argument + 1 || !(s->flags[s->v[i].type] & IS_NAME) ||
		    strcmp(type_name(s, argument), "keyword_argument") != 0)
			continue;
		uint32_t callee = s->v[call + 1].end - 1;
		if (strcmp(type_name(s, call), "call") != 0 ||
		    !(s->flags[s->v[callee].type] & IS_NAME))
			continue;
		enter(s, CALLED, callee, 0);
		enter(s, KEYWORDS | slot(s, CALLED, callee), i, 0);
	}
}

static uint32_t named_child(const struct names *s, uint32_t node)
{
	for (uint32_t i = node + 1; i < s->v[node].end; i = s->v[i].end)
		if (s->flags[s->v[i].type] & IS_NAME)
			return i;
	return NONE;
}

/* Whether a parameter is named by a call of its function, or of the class that makes it. */
static bool called_by_name(const struct names *s, uint32_t from, uint32_t parameter)
{
	for (uint8_t kind = IS_FUNCTION;; kind = IS_CLASS) {
		while (from && !(s->flags[s->v[from].type] & kind))
			from = s->v[from].parent;
		uint32_t name = from ? named_child(s, from) : NONE;
		if (name == NONE)
			return false;
		uint32_t called = slot(s, CALLED, name);
		if (s->entries[called].length &&
		    s->entries[slot(s, KEYWORDS | called, parameter)].length)
			return true;
		if (kind == IS_CLASS || strncmp(s->text.p + s->v[name].from, "__", 2) != 0)
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
	struct entry *taken = from < s->n ? &s->entries[slot(s, NONE, from)] : NULL;
	bool known =
		taken && !taken->length && strcmp(type_name(s, parent), "namespace_import") != 0;
	if (known)
		*taken = (struct entry){ .scope = NONE,
					 .from = s->v[from].from,
					 .length = s->v[from].to - s->v[from].from };
	declare(s, s->at[node], node, 0, 0, true);
	if (known)
		s->entries[s->bound[node] - 1].import = from;
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
	return s->flags[v->type] & IS_NAME && c && !(s->l->capitals_match && c >= 'A' && c <= 'Z');
}

static void bind(struct names *s, uint32_t top, enum tree_where where)
{
	uint32_t parent = s->v[top].parent, scope = s->at[parent];
	bool seen_outside = where != BIND_PARAMETER && exported(s, parent);
	uint8_t flags = where == BIND_SPELLED || seen_outside ? SPELLED : 0;
	if (where == BIND_OUTSIDE && s->flags[s->v[parent].type] & IS_SCOPE)
		scope = s->scopes[scope].parent;
	while (where == BIND_FUNCTION && scope && !(s->scopes[scope].flags & IS_FUNCTION))
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
		bool skipped = i != top && v->field &&
			       tree_paired(s->l->skipped, type_name(s, v->parent),
					   syntax_field_name(s->language, v->field));
		if (where == BIND_PASS && scope && named(s, i))
			enter(s, scope, i, flags); /* in the file itself it says nothing */
		else if (where == BIND_IMPORT && named(s, i) && !skipped)
			declare_import(s, i);
		else if (where != BIND_PASS && named(s, i) && !skipped)
			declare(s, scope, i, seen,
				where == BIND_PARAMETER && called_by_name(s, parent, i) ? SPELLED
											: flags,
				where == BIND_OUTSIDE || seen);
		else if (!(s->flags[v->type] & IS_PATTERN) || skipped || dotted)
			next = v->end;
	}
}

static bool applies(const struct names *s, uint32_t node, const struct tree_binding *b,
		    uint16_t field)
{
	const struct syntax_node *v = &s->v[node];
	if (!(v->flags & SYNTAX_NAMED) || (b->field[0] && (!field || v->field != field)))
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
	if (tree_listed(b->when, type_name(s, s->v[v->parent].parent)))
		return true;
	for (uint32_t i = v->parent + 1; i < s->v[v->parent].end; i = s->v[i].end)
		if (tree_listed(b->when, type_name(s, i)))
			return true;
	return false;
}

/* The first binding of this kind that is about a node; BIND_END: none. */
static enum tree_where binding_of(const struct names *s, uint32_t node, bool reads)
{
	uint32_t mask = node ? s->masks[s->v[s->v[node].parent].type] : 0;
	for (unsigned i = 0; mask >> i; i++) {
		const struct tree_binding *b = &s->l->bindings[i];
		if (mask >> i & 1 && (b->where >= READ_OUTSIDE) == reads &&
		    applies(s, node, b, s->fields[i]))
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
		if (read == READ_OUTSIDE || read == READ_OUTSIDE_FIRST)
			scope = s->scopes[scope].parent;
		if (i == 0 || s->flags[s->v[i].type] & IS_SCOPE) {
			if (s->n_scopes == cap) {
				cap *= 2;
				void *grown = realloc(s->scopes, cap * sizeof(*s->scopes));
				if (!grown)
					return false;
				s->scopes = grown;
			}
			s->scopes[s->n_scopes] =
				(struct scope){ .parent = scope, .flags = s->flags[s->v[i].type] };
			scope = s->n_scopes++;
		}
		s->at[i] = scope;
	}
	return s->scopes != NULL;
}

static void bind_all(struct names *s)
{
	note_keywords(s);
	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 1; i < s->n; i++) {
			if (!s->masks[s->v[s->v[i].parent].type])
				continue;
			enum tree_where where = binding_of(s, i, false);
			int wanted =
				where == BIND_PASS || where == BIND_SPELLED || where == BIND_IMPORT
					? 0
				: where == BIND_PARAMETER ? 1
							  : 2;
			if (where != BIND_END && wanted == pass)
				bind(s, i, where);
		}
}

/* In a macro's tokens nothing but a dot tells a method from a variable. */
static bool behind_dot(const struct names *s, uint32_t node)
{
	const struct syntax_node *v = &s->v[node];
	if (!node || !(s->flags[s->v[v->parent].type] & IS_EXACT) || v[-1].end != node)
		return false;
	return strcmp(type_name(s, node - 1), ".") == 0 ||
	       strcmp(type_name(s, node - 1), "::") == 0;
}

static bool resolve(const struct names *s, uint32_t node, uint32_t *out)
{
	uint32_t scope = s->at[node], up = 0;
	*out = 0;
	if (s->bound[node]) {
		const struct entry *e = &s->entries[s->bound[node] - 1];
		*out = e->import ? NAME_IMPORT | e->import : e->flags ? 0 : 1 + e->number;
		return e->number < NAME_INDEX_MAX;
	}
	if (binding_of(s, node, true) == READ_SPELLED || behind_dot(s, node))
		return true;
	for (;; up++) {
		const struct entry *e = &s->entries[slot(s, scope, node)];
		bool seen = e->length && e->seen <= node &&
			    (!(s->scopes[scope].flags & IS_CLASS) || up == 0 || s->l->classes_seen);
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

static bool prepare(struct names *s)
{
	static const struct {
		uint8_t flag;
		size_t at;
	} lists[] = {
		{ IS_SCOPE, offsetof(struct tree_language, scopes) },
		{ IS_FUNCTION, offsetof(struct tree_language, functions) },
		{ IS_CLASS, offsetof(struct tree_language, classes) },
		{ IS_NAME, offsetof(struct tree_language, names) },
		{ IS_PATTERN, offsetof(struct tree_language, patterns) },
		{ IS_EXACT, offsetof(struct tree_language, exact) },
	};
	uint32_t types = syntax_type_count(s->language), cap = 64, names = 0;
	s->flags = calloc(types, 1);
	s->masks = calloc(types, sizeof(*s->masks));
	s->at = malloc(s->n * sizeof(*s->at));
	s->bound = calloc(s->n, sizeof(*s->bound));
	if (!s->flags || !s->masks || !s->at || !s->bound)
		return false;
	for (uint32_t i = 0; i < types; i++) {
		const char *name = syntax_type_name(s->language, (uint16_t)i);
		for (size_t k = 0; name && k < ARRAY_LEN(lists); k++) {
			const char *list = *(const char *const *)(const void *)((const char *)s->l +
										lists[k].at);
			s->flags[i] |= tree_listed(list, name) ? lists[k].flag : 0;
		}
		for (unsigned k = 0; name && s->l->bindings[k].where != BIND_END; k++)
			if (tree_listed(s->l->bindings[k].parents, name))
				s->masks[i] |= 1U << k;
	}
	for (unsigned k = 0; s->l->bindings[k].where != BIND_END; k++)
		s->fields[k] = syntax_field(s->language, s->l->bindings[k].field);
	for (uint32_t i = 0; i < s->n; i++)
		names += (s->flags[s->v[i].type] & IS_NAME) != 0;
	while (cap < names * 4) /* an import has two entries, a keyword three */
		cap *= 2;
	s->mask = cap - 1;
	/* Room for every name: the index of an entry is its identity. */
	s->entries = calloc(cap, sizeof(*s->entries));
	return s->entries != NULL;
}

bool tree_names(const struct syntax_language *language, const struct tree_language *l,
		const struct syntax_nodes *nodes, struct span text, uint32_t *out)
{
	struct names s = {
		.language = language, .l = l, .v = nodes->v, .n = nodes->n, .text = text
	};
	bool fine = prepare(&s) && find_scopes(&s);
	if (fine)
		bind_all(&s);
	for (uint32_t i = 0; fine && i < s.n; i++) {
		out[i] = 0;
		if (s.flags[s.v[i].type] & IS_NAME && s.v[i].to > s.v[i].from)
			fine = resolve(&s, i, &out[i]);
	}
	free(s.flags);
	free(s.masks);
	free(s.at);
	free(s.bound);
	free(s.scopes);
	free(s.entries);
	return fine;
}

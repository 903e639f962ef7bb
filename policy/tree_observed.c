#include "policy/tree_observed.h"

#include <string.h>

struct watcher {
	const struct tree_types *types;
	const struct syntax_node *v;
	struct span text;
	struct buf *out, *eyes;
	bool all;
	bool echoing; /* C: some macro of the file shows its arguments */
};

static const char *type_of(const struct watcher *w, uint32_t i)
{
	return w->types->v[w->v[i].type].source.p;
}

static bool is(const struct watcher *w, uint32_t i, const char *type)
{
	return strcmp(type_of(w, i), type) == 0;
}

static struct span text_of(const struct watcher *w, uint32_t i)
{
	return (struct span){ w->text.p + w->v[i].from, w->v[i].to - w->v[i].from };
}

static bool listed(const char *list, struct span word)
{
	char copy[64];
	if (word.n >= sizeof(copy))
		return false;
	memcpy(copy, word.p, word.n);
	copy[word.n] = '\0';
	return tree_listed(list, copy);
}

static bool starts(struct span s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* The first child of this type; 0: none. */
static uint32_t child(const struct watcher *w, uint32_t i, const char *type)
{
	for (uint32_t k = i + 1; k < w->v[i].end; k = w->v[k].end)
		if (is(w, k, type))
			return k;
	return 0;
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

static uint32_t word_end(const struct watcher *w, uint32_t from, uint32_t to)
{
	while (from < to && letter(w->text.p[from]))
		from++;
	return from;
}

/* Whatever could be a name in this part of the text. */
static void see(struct watcher *w, uint32_t from, uint32_t to)
{
	for (uint32_t at = from, end; at < to; at = end + 1) {
		end = word_end(w, at, to);
		struct syntax_range word = { at, end };
		if (end > at)
			buf_add(w->out, &word, sizeof(word));
	}
}

static void see_node(struct watcher *w, uint32_t i)
{
	see(w, w->v[i].from, w->v[i].to);
}

/* Whether this call's function, a plain name, stands in a list; "f()" is f without arguments. */
static bool calls(const struct watcher *w, uint32_t call, const char *list)
{
	uint32_t callee = call + 1, arguments = w->v[callee].end;
	if (callee >= w->v[call].end || !is(w, callee, "identifier"))
		return false;
	struct span name = text_of(w, callee);
	if (listed(list, name))
		return true;
	char bare[64];
	bool none = arguments < w->v[call].end && w->v[arguments].end <= arguments + 3;
	if (!none || name.n + 3 > sizeof(bare))
		return false;
	memcpy(bare, name.p, name.n);
	memcpy(bare + name.n, "()", 3);
	return tree_listed(list, bare);
}

static void look(struct watcher *w, uint32_t call, const char *list)
{
	uint32_t callee = call + 1;
	if (child(w, call, "optional_chain") || child(w, call, "?."))
		return; /* then eval is a function like any other */
	if (calls(w, call, list))
		buf_add(w->eyes, &callee, sizeof(callee));
}

/* Decorators that do not look at what they decorate. */
static bool blind(const struct watcher *w, uint32_t decorator)
{
	uint32_t i = decorator + 2; /* behind the @ */
	if (i < w->v[decorator].end && is(w, i, "call"))
		i++;
	return listed(" lru_cache cache cached_property staticmethod classmethod property wraps "
		      "functools.lru_cache functools.cache functools.wraps abstractmethod override "
		      "functools.cached_property abc.abstractmethod overload typing.overload "
		      "contextmanager contextlib.contextmanager ",
		      text_of(w, i));
}

static void python(struct watcher *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	if (is(w, i, "call")) {
		look(w, i, " locals globals eval exec vars() dir() ");
	} else if (is(w, i, "interpolation")) {
		if (child(w, i, "="))
			see_node(w, i);
	} else if (is(w, i, "type")) {
		if (memchr(w->text.p + v->from, '"', v->to - v->from) ||
		    memchr(w->text.p + v->from, '\'', v->to - v->from))
			see_node(w, i);
	} else if (is(w, i, "function_definition")) {
		/* A runner of tests finds them by name, and what they need by their parameters'. */
		uint32_t name = child(w, i, "identifier"), parameters = child(w, i, "parameters");
		bool seen = name && starts(text_of(w, name), "test");
		bool decorated = is(w, v->parent, "decorated_definition");
		for (uint32_t k = v->parent + 1; decorated && k < i; k = w->v[k].end)
			seen |= is(w, k, "decorator") && !blind(w, k);
		if (seen && name && parameters)
			see(w, w->v[name].from, w->v[parameters].to);
	} else if (i + 1 < v->end && span_eq(text_of(w, i + 1), SPAN("__all__"))) {
		see_node(w, i); /* an assignment */
	}
}

static void script(struct watcher *w, uint32_t i)
{
	if (is(w, i, "with_statement"))
		w->all = true;
	else
		look(w, i, " eval ");
}

/* {name} in a format string */
static void see_inline(struct watcher *w, uint32_t i)
{
	const struct syntax_node *v = &w->v[i];
	for (uint32_t at = v->from, end; at < v->to; at = end + 1) {
		for (end = at; end < v->to && w->text.p[end] != '{' && w->text.p[end] != '}';)
			end++;
		if (at > v->from && w->text.p[at - 1] == '{')
			see(w, at, end);
	}
}

/* Most macros of the standard library, and those of logging, read values alone. */
static void rust(struct watcher *w, uint32_t i)
{
	if (!is(w, i, "macro_invocation")) {
		see_inline(w, i);
		return;
	}
	struct span inside = { w->text.p + w->v[i + 1].to + 1, w->v[i].to - w->v[i + 1].to - 1 };
	if (memchr(inside.p, '!', inside.n) ||
	    !listed(" print println eprint eprintln format write writeln panic vec assert_eq "
		    "assert_ne debug_assert_eq debug_assert_ne todo unimplemented unreachable "
		    "format_args info warn error debug trace ",
		    text_of(w, i + 1)))
		see(w, w->v[i + 1].to, w->v[i].to);
}

static bool capital(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'a' && name.p[i] <= 'z')
			return false;
	return name.n > 1;
}

static void c(struct watcher *w, uint32_t i)
{
	if (is(w, i, "preproc_arg")) {
		w->echoing |=
			memchr(w->text.p + w->v[i].from, '#', w->v[i].to - w->v[i].from) != NULL;
		see_node(w, i);
	} else if (is(w, i, "call_expression") && is(w, i + 1, "identifier")) {
		struct span name = text_of(w, i + 1);
		if (w->echoing || capital(name) || listed(" assert ", name))
			see(w, w->v[i + 1].to, w->v[i].to);
	}
}

/* A parameter with an annotation is often bound by its name. */
static void java(struct watcher *w, uint32_t i)
{
	uint32_t modifiers = child(w, i, "modifiers");
	struct span text = modifiers ? text_of(w, modifiers) : SPAN("");
	if (memchr(text.p, '@', text.n))
		see_node(w, i);
}

bool tree_observed(const struct tree_types *types, const struct syntax_nodes *nodes,
		   struct span text, struct buf *seen, struct buf *eyes)
{
	static const struct {
		const char *language;
		void (*watch)(struct watcher *w, uint32_t i);
	} all[] = {
		{ "python", python }, { "script", script }, { "rust", rust },
		{ "c", c },           { "java", java },
	};
	struct watcher w = {
		.types = types, .v = nodes->v, .text = text, .out = seen, .eyes = eyes
	};
	for (size_t k = 0; k < ARRAY_LEN(all); k++)
		for (uint32_t i = 0; strcmp(all[k].language, types->l->name) == 0 && i < nodes->n;
		     i++)
			if (types->v[nodes->v[i].type].flags & TYPE_WATCHED)
				all[k].watch(&w, i);
	return w.all;
}

/*
 * Theory of operation
 *
 *   [[rules]]  id = "a"   one pass over the text, into nodes in one arena
 *   |header|   |entry |
 *
 * `here` is the table that entries go into; a header moves it. A node remembers how it came to be,
 * since TOML lets a table be opened once, and nothing be added to one that was written in braces.
 */
#include "lib/toml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "lib/toml_scan.h"

#define FILE_MAX (4u << 20)
#define DEPTH_MAX 64

enum origin {
	ORIGIN_VALUE,   /* written out: complete */
	ORIGIN_IMPLIED, /* a table that a longer name goes through */
	ORIGIN_HEADER,  /* [name] */
	ORIGIN_EACH     /* [[name]]: a list of tables */
};

struct item {
	struct yaml_node node; /* the first member, so that one is the other */
	enum origin origin;
};

struct toml {
	struct arena arena;
	struct item *root;
};

struct parser {
	struct toml *t;
	struct toml_scan in;
	struct item *here;
	unsigned depth;
};

static bool fail(struct parser *p, const char *why)
{
	return toml_fail(&p->in, why);
}

static bool no_memory(struct parser *p)
{
	return fail(p, TOML_NO_MEMORY);
}

/* A copy of what was read last; NULL: no memory. */
static const char *keep_text(struct parser *p)
{
	const char *kept = arena_text(&p->t->arena, p->in.text.p, p->in.text.n);
	if (!kept)
		no_memory(p);
	return kept;
}

/* --- nodes --- */

static struct item *new_item(struct parser *p, enum yaml_kind kind, enum origin origin)
{
	struct item *one = arena_take(&p->t->arena, sizeof(*one));
	if (!one) {
		no_memory(p);
		return NULL;
	}
	one->node = (struct yaml_node){ .kind = kind, .text = "", .line = p->in.line };
	one->origin = origin;
	return one;
}

static struct item *last_of(const struct item *list)
{
	struct yaml_node *n = list->node.first;
	while (n && n->next)
		n = n->next;
	return (struct item *)n;
}

static struct item *find(const struct item *map, const char *name)
{
	struct yaml_node *n = map->node.first;
	while (n && strcmp(n->key, name) != 0)
		n = n->next;
	return (struct item *)n;
}

static void hang(struct item *parent, struct item *child, const char *name)
{
	struct item *last = last_of(parent);
	child->node.key = name;
	if (last)
		last->node.next = &child->node;
	else
		parent->node.first = &child->node;
}

/* The table that a name in the middle of a longer one goes through. */
static struct item *through(struct parser *p, struct item *map, const char *name)
{
	struct item *next = find(map, name);
	if (!next) {
		next = new_item(p, YAML_MAP, ORIGIN_IMPLIED);
		if (next)
			hang(map, next, name);
		return next;
	}
	if (next->origin == ORIGIN_EACH)
		return last_of(next);
	if (next->node.kind != YAML_MAP || next->origin == ORIGIN_VALUE) {
		fail(p, "a name goes through something that is complete; put it there");
		return NULL;
	}
	return next;
}

/* A dotted name below map: the table of its last part, whose name is *last. */
static struct item *read_path(struct parser *p, struct item *map, const char **last)
{
	toml_skip_space(&p->in);
	*last = toml_name(&p->in) ? keep_text(p) : NULL;
	toml_skip_space(&p->in);
	while (*last && toml_take(&p->in, '.')) {
		map = through(p, map, *last);
		if (!map)
			return NULL;
		toml_skip_space(&p->in);
		*last = toml_name(&p->in) ? keep_text(p) : NULL;
		toml_skip_space(&p->in);
	}
	return *last ? map : NULL;
}

/* --- values --- */

static struct item *read_value(struct parser *p);
static bool read_entry(struct parser *p, struct item *map);

static struct item *read_array(struct parser *p)
{
	struct item *list = new_item(p, YAML_LIST, ORIGIN_VALUE);
	struct yaml_node **tail = list ? &list->node.first : NULL;
	toml_skip_blank(&p->in);
	while (list && !toml_take(&p->in, ']')) {
		struct item *one = read_value(p);
		if (!one)
			return NULL;
		*tail = &one->node;
		tail = &one->node.next;
		toml_skip_blank(&p->in);
		if (!toml_take(&p->in, ',') && toml_peek(&p->in) != ']') {
			fail(p, "an array goes on without a comma; write one, or ]");
			return NULL;
		}
		toml_skip_blank(&p->in);
	}
	return list;
}

/* Complete as a whole, whatever its entries' names went through. */
static void seal(struct item *map)
{
	map->origin = ORIGIN_VALUE;
	for (struct yaml_node *n = map->node.first; n; n = n->next)
		if (((struct item *)n)->origin == ORIGIN_IMPLIED)
			seal((struct item *)n);
}

static struct item *read_inline(struct parser *p)
{
	struct item *map = new_item(p, YAML_MAP, ORIGIN_IMPLIED);
	toml_skip_space(&p->in);
	if (!map || toml_take(&p->in, '}'))
		return map;
	do {
		if (!read_entry(p, map))
			return NULL;
		toml_skip_space(&p->in);
	} while (toml_take(&p->in, ','));
	if (!toml_take(&p->in, '}')) {
		fail(p,
		     "a table in braces goes on without a comma; write one, or } on the same line");
		return NULL;
	}
	seal(map);
	return map;
}

static struct item *scalar(struct parser *p, const char *text, size_t n, bool quoted)
{
	struct item *one = new_item(p, YAML_SCALAR, ORIGIN_VALUE);
	if (!one)
		return NULL;
	one->node.text = arena_text(&p->t->arena, text, n);
	one->node.len = n;
	one->node.quoted = quoted;
	if (!one->node.text)
		no_memory(p);
	return one;
}

/* true, 12, -3.5e7, 1979-05-27T07:32:00Z ... by their characters; who uses one looks closer. */
static struct item *read_word(struct parser *p)
{
	const char *from = p->in.p;
	while (toml_is_bare(toml_peek(&p->in)) ||
	       (toml_peek(&p->in) && strchr("+.:", toml_peek(&p->in))))
		p->in.p++;
	if (p->in.p != from)
		return scalar(p, from, (size_t)(p->in.p - from), false);
	fail(p, "a value belongs here; write one, text in quotes");
	return NULL;
}

static struct item *read_value(struct parser *p)
{
	struct item *one = NULL;
	if (p->depth == DEPTH_MAX) {
		fail(p, "nested too deep; flatten it");
		return NULL;
	}
	p->depth++;
	if (toml_peek(&p->in) == '"' || toml_peek(&p->in) == '\'')
		one = toml_string(&p->in) ? scalar(p, p->in.text.p, p->in.text.n, true) : NULL;
	else if (toml_take(&p->in, '['))
		one = read_array(p);
	else if (toml_take(&p->in, '{'))
		one = read_inline(p);
	else
		one = read_word(p);
	p->depth--;
	return p->in.why ? NULL : one;
}

/* --- the document --- */

static bool read_entry(struct parser *p, struct item *map)
{
	const char *name;
	unsigned line = p->in.line;
	map = read_path(p, map, &name);
	if (!map)
		return false;
	if (!toml_take(&p->in, '='))
		return fail(p, "a name without a value; write = and one");
	toml_skip_space(&p->in);
	if (find(map, name))
		return fail(p, "a name stands here twice; remove one");
	struct item *value = read_value(p);
	if (!value)
		return false;
	value->node.line = line;
	hang(map, value, name);
	return true;
}

/* [[name]]: one table more in the list of that name. */
static bool open_each(struct parser *p, struct item *map, const char *name)
{
	struct item *list = find(map, name);
	if (list && list->origin != ORIGIN_EACH)
		return fail(p, "a list of tables has the name of something else; rename one");
	if (!list) {
		list = new_item(p, YAML_LIST, ORIGIN_EACH);
		if (list)
			hang(map, list, name);
	}
	p->here = list ? new_item(p, YAML_MAP, ORIGIN_HEADER) : NULL;
	if (p->here)
		hang(list, p->here, NULL);
	return p->here != NULL;
}

static bool open_table(struct parser *p, struct item *map, const char *name)
{
	p->here = find(map, name);
	if (p->here && p->here->origin != ORIGIN_IMPLIED)
		return fail(
			p,
			"a table is opened twice, or has the name of something else; rename one");
	if (!p->here) {
		p->here = new_item(p, YAML_MAP, ORIGIN_HEADER);
		if (p->here)
			hang(map, p->here, name);
	}
	if (p->here)
		p->here->origin = ORIGIN_HEADER;
	return p->here != NULL;
}

static bool read_header(struct parser *p)
{
	const char *name;
	bool each = toml_take(&p->in, '[');
	struct item *map = read_path(p, p->t->root, &name);
	if (!map)
		return false;
	if (!toml_take(&p->in, ']') || (each && !toml_take(&p->in, ']')))
		return fail(p, "a header does not end; write ] or ]]");
	return each ? open_each(p, map, name) : open_table(p, map, name);
}

static void read_document(struct parser *p)
{
	p->here = p->t->root = new_item(p, YAML_MAP, ORIGIN_HEADER);
	if (toml_starts(&p->in, "\xef\xbb\xbf"))
		p->in.p += 3;
	for (toml_skip_blank(&p->in); p->in.p < p->in.end && !p->in.why; toml_skip_blank(&p->in)) {
		bool ok = toml_take(&p->in, '[') ? read_header(p) : read_entry(p, p->here);
		if (!ok || !toml_end_line(&p->in))
			return;
	}
}

int toml_parse(const char *name, struct span text, struct toml **out, struct buf *errors)
{
	struct parser p = { .in = { .p = text.p, .end = text.p + text.n, .line = 1 } };
	p.t = calloc(1, sizeof(*p.t));
	if (!p.t)
		no_memory(&p);
	else if (text.n > FILE_MAX)
		fail(&p, "larger than 4 MiB; split it");
	else
		read_document(&p);
	buf_fini(&p.in.text);
	if (!p.in.why) {
		*out = p.t;
		return 0;
	}
	buf_printf(errors, "%s:%u: not TOML: %s\n", name, p.in.line, p.in.why);
	toml_free(p.t);
	return -EINVAL;
}

int toml_load(const char *path, struct toml **out, struct buf *errors)
{
	struct buf text = { 0 };
	int rc = file_read(path, FILE_MAX, &text);
	if (rc)
		buf_printf(errors,
			   "%s:1: cannot be read (%s); check the path and its permissions\n", path,
			   strerror(-rc));
	else
		rc = toml_parse(path, (struct span){ text.n ? text.p : "", text.n }, out, errors);
	buf_fini(&text);
	return rc;
}

void toml_free(struct toml *t)
{
	if (!t)
		return;
	arena_fini(&t->arena);
	free(t);
}

const struct yaml_node *toml_root(const struct toml *t)
{
	return &t->root->node;
}

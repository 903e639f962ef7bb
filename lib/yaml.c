/*
 * Theory of operation
 *
 *   text --libyaml--> events --> tree of nodes in one arena
 *
 * The tree is built from the event stream, not from libyaml's own documents, because only events
 * carry the line of every key, and because what plain configuration does not need (anchors,
 * aliases, tags, a second document) is visible there and can be refused with its line. Nesting is
 * bounded, so a hostile file cannot exhaust the stack.
 */
#include "lib/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/arena.h"
#include "lib/file.h"

#define FILE_MAX (4u << 20)
#define DEPTH_MAX 32

struct yaml {
	char *name;
	struct yaml_node *root;
	struct arena arena;
};

struct builder {
	struct yaml *y;
	yaml_parser_t parser;
	struct span text;
	unsigned flags;
	struct buf *errors;
	int rc;
	struct level {
		struct yaml_node *node;
		struct yaml_node **tail;
		const char *key; /* a key was read, its value comes next */
		unsigned key_line;
	} stack[DEPTH_MAX];
	size_t depth;
	bool ended;
};

static char *keep(struct builder *b, const char *p, size_t n)
{
	char *copy = arena_text(&b->y->arena, p, n);
	if (!copy)
		b->rc = -ENOMEM;
	return copy;
}

/* The first problem is the one that counts: later ones mostly follow from it. */
static void complain(struct builder *b, size_t line, const char *what)
{
	if (b->rc)
		return;
	b->rc = -EINVAL;
	buf_printf(b->errors, "%s:%zu: %s\n", b->y->name, line, what);
}

static size_t line_at(struct span text, size_t offset)
{
	size_t line = 1;
	for (size_t i = 0; i < offset && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

/* The byte that the scanner stumbled over; NUL at the end of the text. Its index counts characters,
 * so the line is walked instead. */
static char byte_of(struct span text, const yaml_parser_t *p)
{
	size_t i = 0;
	for (size_t line = 0; line < p->problem_mark.line && i < text.n; i++)
		line += text.p[i] == '\n';
	while (i < text.n && (text.p[i] == ' ' || text.p[i] == '-'))
		i++;
	return i < text.n ? text.p[i] : '\0';
}

/* What to do about the mistakes that people make. */
static const char *remedy(const char *problem, char first)
{
	if (strstr(problem, "unknown escape character"))
		return "use single quotes for a regex: they leave backslashes alone";
	if (strstr(problem, "found character that cannot start any token") && first == '\t')
		return "there is a tab; YAML is indented with spaces";
	if (strstr(problem, "unexpected end of stream"))
		return "close what was opened there: a quote or a bracket is missing";
	if (strstr(problem, "tab character"))
		return "there is a tab; YAML is indented with spaces";
	return "check the indentation and the quotes there";
}

static void complain_parser(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	if (p->error == YAML_MEMORY_ERROR) {
		b->rc = -ENOMEM;
		return;
	}
	size_t line = p->problem_mark.line + 1;
	if (p->error == YAML_READER_ERROR)
		line = line_at(b->text, p->problem_offset);
	struct buf text = { 0 };
	const char *problem = p->problem ? p->problem : "unknown problem";
	buf_printf(&text, "not valid YAML (%s", problem);
	if (p->context && p->context_mark.line + 1 < line)
		buf_printf(&text, "; %s that began on line %zu", p->context,
			   p->context_mark.line + 1);
	buf_printf(&text, "); %s", remedy(problem, byte_of(b->text, p)));
	buf_add_char(&text, '\0');
	complain(b, line, text.failed ? "not valid YAML; check this line" : text.p);
	buf_fini(&text);
}

static bool name_char(char c, bool first)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

/* One ${NAME} or ${NAME:-default} at p ("${" included). Returns the bytes it takes, 0 after a
 * complaint. */
static size_t expand_one(struct builder *b, struct span s, size_t line, struct buf *out)
{
	size_t i = 2;
	while (i < s.n && name_char(s.p[i], i == 2))
		i++;
	size_t name_end = i, end = i;
	while (end < s.n && s.p[end] != '}')
		end++;
	bool fallback = i + 1 < end && s.p[i] == ':' && s.p[i + 1] == '-';
	if (name_end == 2 || end == s.n || (i != end && !fallback)) {
		complain(
			b, line,
			"a \"${\" without a variable; write ${NAME} or ${NAME:-default}, or $${ for the "
			"characters themselves");
		return 0;
	}
	char name[128];
	if (name_end - 2 >= sizeof(name)) {
		complain(
			b, line,
			"the name of an environment variable is longer than 127 characters; use a shorter one");
		return 0;
	}
	memcpy(name, s.p + 2, name_end - 2);
	name[name_end - 2] = '\0';
	const char *value = getenv(name);
	if (value) {
		buf_add_text(out, value);
	} else if (fallback) {
		buf_add(out, s.p + i + 2, end - i - 2);
	} else {
		struct buf text = { 0 };
		buf_printf(&text,
			   "environment variable %s is not set; set it or write ${%s:-default}",
			   name, name);
		buf_add_char(&text, '\0');
		complain(b, line,
			 text.failed ? "an environment variable is not set; set it" : text.p);
		buf_fini(&text);
		return 0;
	}
	return end + 1;
}

static char *interpolate(struct builder *b, struct span s, size_t line, size_t *len)
{
	struct buf out = { .max = FILE_MAX };
	char *copy = NULL;
	for (size_t i = 0; i < s.n && !b->rc;) {
		if (s.n - i >= 3 && memcmp(s.p + i, "$${", 3) == 0) {
			buf_add_text(&out, "${");
			i += 3;
		} else if (s.n - i >= 2 && memcmp(s.p + i, "${", 2) == 0) {
			i += expand_one(b, (struct span){ s.p + i, s.n - i }, line, &out);
		} else {
			buf_add_char(&out, s.p[i++]);
		}
	}
	if (out.failed && !b->rc)
		b->rc = -ENOMEM;
	if (!b->rc) {
		copy = keep(b, out.n ? out.p : "", out.n);
		*len = out.n;
	}
	buf_fini(&out);
	return copy;
}

static bool is_null(const char *p, size_t n)
{
	return n == 0 || (n == 1 && *p == '~') || (n == 4 && memcmp(p, "null", 4) == 0);
}

/* Hangs a new node under the open list or map, or makes it the root. */
static struct yaml_node *attach(struct builder *b, enum yaml_kind kind, size_t line)
{
	struct yaml_node *node = arena_take(&b->y->arena, sizeof(*node));
	if (!node) {
		b->rc = -ENOMEM;
		return NULL;
	}
	node->kind = kind;
	node->line = (unsigned)line;
	node->text = "";
	if (!b->depth) {
		b->y->root = node;
		return node;
	}
	struct level *top = &b->stack[b->depth - 1];
	if (top->node->kind == YAML_MAP) {
		node->key = top->key;
		node->line = top->key_line;
		top->key = NULL;
	}
	*top->tail = node;
	top->tail = &node->next;
	return node;
}

static void take_key(struct builder *b, const yaml_event_t *e, size_t line)
{
	struct level *top = &b->stack[b->depth - 1];
	const char *p = (const char *)e->data.scalar.value;
	if (memchr(p, '\0', e->data.scalar.length)) {
		complain(b, line, "a key holds a NUL character; remove it");
		return;
	}
	if (yaml_get(top->node, p)) {
		struct buf text = { 0 };
		buf_printf(&text, "key \"%s\" stands here twice; remove one", p);
		buf_add_char(&text, '\0');
		complain(b, line, text.failed ? "a key stands here twice; remove one" : text.p);
		buf_fini(&text);
		return;
	}
	top->key = keep(b, p, e->data.scalar.length);
	top->key_line = (unsigned)line;
}

static void take_scalar(struct builder *b, const yaml_event_t *e, size_t line)
{
	if (e->data.scalar.anchor || (e->data.scalar.tag && !e->data.scalar.plain_implicit &&
				      !e->data.scalar.quoted_implicit)) {
		complain(b, line, "anchors and tags are not supported; write the value itself");
		return;
	}
	struct level *top = b->depth ? &b->stack[b->depth - 1] : NULL;
	if (top && top->node->kind == YAML_MAP && !top->key) {
		take_key(b, e, line);
		return;
	}
	const char *p = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	if (memchr(p, '\0', n)) {
		complain(b, line, "a value holds a NUL character; remove it");
		return;
	}
	struct yaml_node *node = attach(b, YAML_SCALAR, line);
	if (!node)
		return;
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!node->quoted && is_null(p, n))
		return;
	node->len = n;
	node->text = b->flags & YAML_INTERPOLATE
			     ? interpolate(b, (struct span){ p, n }, line, &node->len)
			     : keep(b, p, n);
}

static void open_level(struct builder *b, enum yaml_kind kind, bool decorated, size_t line)
{
	if (decorated) {
		complain(b, line, "anchors and tags are not supported; write the value itself");
		return;
	}
	if (b->depth && b->stack[b->depth - 1].node->kind == YAML_MAP &&
	    !b->stack[b->depth - 1].key) {
		complain(b, line, "a key must be plain text; write `name: value`");
		return;
	}
	if (b->depth == DEPTH_MAX) {
		complain(b, line, "nested deeper than 32 levels; flatten it");
		return;
	}
	struct yaml_node *node = attach(b, kind, line);
	if (!node)
		return;
	b->stack[b->depth++] = (struct level){ .node = node, .tail = &node->first };
}

static void take_event(struct builder *b, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1;
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->y->root)
			complain(b, line,
				 "a second document begins; put it into a file of its own");
		break;
	case YAML_ALIAS_EVENT:
		complain(
			b, line,
			"aliases (*name) are not supported; write the value itself, quoted when it begins "
			"with *");
		break;
	case YAML_SCALAR_EVENT: take_scalar(b, e, line); break;
	case YAML_SEQUENCE_START_EVENT:
		open_level(b, YAML_LIST,
			   e->data.sequence_start.anchor || e->data.sequence_start.tag, line);
		break;
	case YAML_MAPPING_START_EVENT:
		open_level(b, YAML_MAP, e->data.mapping_start.anchor || e->data.mapping_start.tag,
			   line);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: b->depth--; break;
	case YAML_STREAM_END_EVENT: b->ended = true; break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT: break;
	}
}

static void build(struct builder *b)
{
	if (!yaml_parser_initialize(&b->parser)) {
		b->rc = -ENOMEM;
		return;
	}
	yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b->parser, (const unsigned char *)b->text.p, b->text.n);
	while (!b->rc && !b->ended) {
		yaml_event_t event;
		if (!yaml_parser_parse(&b->parser, &event)) {
			complain_parser(b);
			break;
		}
		take_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&b->parser);
	if (!b->rc && !b->y->root)
		complain(b, 1, "the file is empty; write at least one key");
}

int yaml_parse(const char *name, struct span text, unsigned flags, struct yaml **out,
	       struct buf *errors)
{
	struct builder b = { .text = text, .flags = flags, .errors = errors };
	b.y = calloc(1, sizeof(*b.y));
	if (!b.y)
		return -ENOMEM;
	b.y->name = strdup(name);
	if (!b.y->name)
		b.rc = -ENOMEM;
	else if (text.n > FILE_MAX)
		complain(&b, 1, "larger than 4 MiB; split it");
	else
		build(&b);
	if (b.rc == -ENOMEM)
		buf_printf(errors, "%s:1: out of memory while reading; give the process more\n",
			   name);
	if (b.rc) {
		yaml_free(b.y);
		return b.rc;
	}
	*out = b.y;
	return 0;
}

int yaml_load(const char *path, unsigned flags, struct yaml **out, struct buf *errors)
{
	struct buf text = { 0 };
	int rc = file_read(path, FILE_MAX, &text);
	if (rc)
		buf_printf(errors,
			   "%s:1: cannot be read (%s); check the path and its permissions\n", path,
			   strerror(-rc));
	else
		rc = yaml_parse(path, (struct span){ text.n ? text.p : "", text.n }, flags, out,
				errors);
	buf_fini(&text);
	return rc;
}

void yaml_free(struct yaml *y)
{
	if (!y)
		return;
	arena_fini(&y->arena);
	free(y->name);
	free(y);
}

const char *yaml_name(const struct yaml *y)
{
	return y->name;
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
	return y->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

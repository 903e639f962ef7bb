#include "lib/yaml_section.h"

#include <errno.h>
#include <string.h>

#include "lib/yaml.h"

static size_t next_line(struct span s, size_t at)
{
	const char *end = memchr(s.p + at, '\n', s.n - at);
	return end ? (size_t)(end - s.p) + 1 : s.n;
}

static size_t line_start(struct span s, unsigned line)
{
	size_t at = 0;
	while (--line && at < s.n)
		at = next_line(s, at);
	return at;
}

/* Blank, or a comment at the line's start. */
static bool empty_line(struct span s, size_t at)
{
	if (at < s.n && s.p[at] == '#')
		return true;
	while (at < s.n && strchr(" \t\r", s.p[at]))
		at++;
	return at == s.n || s.p[at] == '\n';
}

static bool empty_text(struct span s)
{
	size_t at = 0;
	while (at < s.n && empty_line(s, at))
		at = next_line(s, at);
	return at == s.n;
}

/* YAML ends lines in other ways, too; then lines are not what they seem. */
static bool odd_lines(struct span s)
{
	static const char *const ends[] = { "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9" };
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (memmem(s.p, s.n, ends[i], strlen(ends[i])))
			return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return true;
	return false;
}

/* The lines of a section: up to the last of its own. */
static void extent(struct span s, const struct yaml_node *section, size_t *from, size_t *to)
{
	*from = line_start(s, section->line);
	size_t end = section->next ? line_start(s, section->next->line) : s.n;
	*to = next_line(s, *from);
	for (size_t at = *to; at < end; at = next_line(s, at)) {
		if (s.n - at >= 3 && memcmp(s.p + at, "...", 3) == 0)
			return;
		if (!empty_line(s, at))
			*to = next_line(s, at);
	}
}

static bool same(const struct yaml_node *x, const struct yaml_node *y)
{
	if (x->kind != y->kind || x->quoted != y->quoted || !x->key != !y->key ||
	    (x->key && strcmp(x->key, y->key) != 0) || x->len != y->len ||
	    (x->len && memcmp(x->text, y->text, x->len) != 0))
		return false;
	const struct yaml_node *a = x->first, *b = y->first;
	while (a && b && same(a, b)) {
		a = a->next;
		b = b->next;
	}
	return !a && !b;
}

/* Whether all but this key is as it was, and the key is there. */
static bool kept(const struct yaml_node *old, const struct yaml_node *new, const char *key)
{
	const struct yaml_node *a = old ? old->first : NULL, *b = new->first;
	bool there = false;
	while (a || b) {
		if (a && strcmp(a->key, key) == 0) {
			a = a->next;
		} else if (b && strcmp(b->key, key) == 0) {
			there = true;
			b = b->next;
		} else if (a && b && same(a, b)) {
			a = a->next;
			b = b->next;
		} else {
			return false;
		}
	}
	return there;
}

static int check(const char *name, const struct yaml_node *old, const char *key, struct span text,
		 struct buf *errors)
{
	struct yaml *y = NULL;
	struct buf ignored = { 0 };
	int rc = yaml_parse(name, text, 0, &y, &ignored);
	const struct yaml_node *root = rc ? NULL : yaml_root(y);
	if (rc != -ENOMEM && !(root && root->kind == YAML_MAP && kept(old, root, key))) {
		rc = -EINVAL;
		buf_printf(errors,
			   "%s:1: no section can be put into it; write its keys at the line's "
			   "start, without braces, and end it with a plain line\n",
			   name);
	}
	buf_fini(&ignored);
	yaml_free(y);
	return rc;
}

int yaml_section_put(const char *name, struct span old, const char *key, struct span section,
		     struct buf *out, struct buf *errors)
{
	struct yaml *y = NULL;
	const struct yaml_node *root = NULL, *there;
	struct buf text = { 0 };
	size_t from = old.n, to = old.n;
	int rc = empty_text(old) ? 0 : yaml_parse(name, old, 0, &y, errors);
	if (rc)
		return rc;
	if (y && !(yaml_root(y)->kind == YAML_SCALAR && yaml_root(y)->len == 0))
		root = yaml_root(y);
	if ((root && root->kind != YAML_MAP) || odd_lines(old)) {
		rc = -EINVAL;
		buf_printf(errors, "%s:1: %s; name a YAML file of keys and values, or a new one\n",
			   name,
			   odd_lines(old) ? "lines that end neither in LF nor in CR LF"
					  : "no mapping");
		goto done;
	}
	if ((there = yaml_get(root, key)) != NULL)
		extent(old, there, &from, &to);
	buf_add(&text, old.p, from);
	if (from && old.p[from - 1] != '\n')
		buf_add_char(&text, '\n');
	buf_add(&text, section.p, section.n);
	buf_add(&text, old.p + to, old.n - to);
	rc = text.failed ? -ENOMEM
			 : check(name, root, key, (struct span){ text.p, text.n }, errors);
	if (!rc)
		buf_add(out, text.p, text.n);
	if (rc == -ENOMEM)
		buf_printf(errors, "%s:1: out of memory; give the process more\n", name);
done:
	buf_fini(&text);
	yaml_free(y);
	return rc;
}

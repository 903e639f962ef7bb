#include "proxy/git_paths.h"

#include <stdlib.h>
#include <string.h>

void git_paths_fini(struct git_paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].name);
	free(p->v);
	*p = (struct git_paths){ 0 };
}

bool git_paths_add(struct git_paths *p, const struct git_path *one)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct git_path *v = realloc(p->v, cap * sizeof(*v));
		if (!v)
			return false;
		p->v = v;
		p->cap = cap;
	}
	struct git_path copy = *one;
	copy.name = strdup(one->name);
	if (!copy.name)
		return false;
	p->v[p->n++] = copy;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct git_path *)a)->name, ((const struct git_path *)b)->name);
}

/* The next of `n` words of a line of fields, which ends at a space. */
static bool take_word(const char **p, const char *end, char *out, size_t size)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));
	size_t n = space ? (size_t)(space - *p) : 0;
	if (!space || n >= size)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p = space + 1;
	return true;
}

/* ":100644 100644 SHA SHA M" NUL "path" NUL, again and again. */
static bool read_one(struct git_paths *p, const char **at, const char *end)
{
	struct git_path one = { 0 };
	char skip[66];
	const char *field = *at, *nul = memchr(field, 0, (size_t)(end - field));
	if (!nul || *field++ != ':' || !take_word(&field, nul, skip, sizeof(skip)) ||
	    !take_word(&field, nul, one.mode, sizeof(one.mode)) ||
	    !take_word(&field, nul, skip, sizeof(skip)) ||
	    !take_word(&field, nul, one.sha, sizeof(one.sha)))
		return false;
	const char *name = nul + 1,
		   *name_end = name < end ? memchr(name, 0, (size_t)(end - name)) : NULL;
	if (!name_end || name_end == name)
		return false;
	*at = name_end + 1;
	/* The text lives as long as the call; add() copies it. */
	memcpy(&one.name, &name, sizeof(one.name));
	return git_paths_add(p, &one);
}

bool git_paths_read(struct git_paths *p, struct span text)
{
	const char *at = text.p, *end = text.n ? text.p + text.n : text.p;
	while (at < end)
		if (!read_one(p, &at, end))
			return false;
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_name);
	return true;
}

const struct git_path *git_paths_find(const struct git_paths *p, const char *name)
{
	struct git_path key = { 0 };
	memcpy(&key.name, &name, sizeof(key.name));
	return p->n ? bsearch(&key, p->v, p->n, sizeof(*p->v), by_name) : NULL;
}

bool git_path_same(const struct git_path *a, const struct git_path *b)
{
	return b && strcmp(a->mode, b->mode) == 0 && strcmp(a->sha, b->sha) == 0;
}

bool git_path_gone(const struct git_path *p)
{
	return strcmp(p->mode, "000000") == 0;
}

void git_paths_index(const struct git_paths *p, struct buf *out)
{
	for (int gone = 1; gone >= 0; gone--)
		for (size_t i = 0; i < p->n; i++) {
			if (git_path_gone(&p->v[i]) != gone)
				continue;
			buf_printf(out, "%s %s\t%s", gone ? "0" : p->v[i].mode, p->v[i].sha,
				   p->v[i].name);
			buf_add_char(out, '\0');
		}
}

#include "policy/arguments.h"

#include <string.h>

static bool delimits(struct arguments *a, const struct track *t, uint64_t at)
{
	uint64_t raw = track_raw_end(t, at) - track_raw(t, at);
	if (t->runs[track_find(t, at)].raw < track_raw(t, at) &&
	    t->runs[track_find(t, at)].at == (uint32_t)at)
		return false; /* its escape began in an earlier frame */
	a->object = a->object || raw == 1;
	return raw == 1 || (!a->object && (raw == 2 || raw == 6));
}

static void keep(struct arguments *a, const char *p, size_t n)
{
	if (a->n > ARGUMENTS_WORD || n > (size_t)(ARGUMENTS_WORD - a->n)) {
		a->n = ARGUMENTS_WORD + 1;
		return;
	}
	memcpy(a->word + a->n, p, n);
	a->n = (uint16_t)(a->n + n);
}

static struct span word(const struct arguments *a)
{
	return (struct span){ a->word, a->n > ARGUMENTS_WORD ? 0 : a->n };
}

/* The file's name ends in something; not so "." and "/etc/.d/rc". */
static bool has_extension(struct span path)
{
	size_t i = path.n;
	while (i > 0 && path.p[i - 1] != '.' && path.p[i - 1] != '/' && path.p[i - 1] != '\\')
		i--;
	return i > 1 && i < path.n && path.p[i - 1] == '.' && !strchr("/\\", path.p[i - 2]);
}

/* A string ended; whether it was a key, its colon will tell. */
static void end_string(struct arguments *a)
{
	struct span path = word(a);
	a->string = false;
	a->closing = true;
	if (!a->names_file)
		return;
	a->names_file = false;
	a->language = syntax_of_file(path);
	a->stated = a->language || has_extension(path);
}

bool arguments_is_path_key(struct span key)
{
	static const char *const keys[] = {
		"path",          "file",          "filename",     "file_name",
		"file_path",     "filepath",      "target_file",  "uri",
		"relative_path", "absolute_path", "targetfile",   "notebook_path",
		"absolutepath",  "relativepath",  "notebookpath", "relative_workspace_path"
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (span_eq_nocase(span_of(keys[i]), key))
			return true;
	return false;
}

static void outside(struct arguments *a, char c)
{
	if (c == ':')
		a->names_file = arguments_is_path_key(word(a));
	else if (c == ',' || c == '{' || c == '}')
		a->names_file = false;
	if (c == ':' || c == ',')
		a->n = 0;
	if (c == '}')
		a->stated = false; /* it said so of its own object */
}

uint64_t arguments_feed(struct arguments *a, const struct track *t, uint64_t from, bool *string)
{
	const char *p = t->text + (from - t->base);
	size_t n = (size_t)(track_end(t) - from), i = 0;
	*string = a->string;
	if (!a->string) {
		if (a->closing && n) { /* the quote that ended the last string */
			a->closing = false;
			i = 1;
		}
		for (; i < n; i++) {
			if (p[i] == '"' && delimits(a, t, from + i)) {
				a->string = true;
				a->n = 0;
				return i + 1;
			}
			outside(a, p[i]);
		}
		return n;
	}
	while (i < n) {
		const char *quote = memchr(p + i, '"', n - i);
		size_t to = quote ? (size_t)(quote - p) : n;
		keep(a, p + i, to - i);
		if (quote && delimits(a, t, from + to)) {
			end_string(a);
			return to;
		}
		if (quote)
			keep(a, "\"", 1);
		i = to + (quote != NULL);
	}
	return n;
}

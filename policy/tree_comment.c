#include "policy/tree_comment.h"

#include <string.h>

/* What begins with `start` and has `part` in it, at the top of the file in so many `lines`; 0:
 * anywhere. */
static const struct {
	const char *languages, *start, *part;
	unsigned lines;
} kept[] = {
	{ " python bash ", "#!", "", 1 },
	{ " python ", "#", "coding:", 2 },
	{ " python ", "#", "coding=", 2 },
	{ " go ", "//go:", "", 0 },
	{ " go ", "// +build ", "", 0 },
	{ " go ", "//+build ", "", 0 },
	{ " go ", "//export ", "", 0 },
	{ " go ", "//line ", "", 0 },
	{ " go ", "/*line ", "", 0 },
	{ " typescript tsx ", "///", "<", 0 },
	{ " typescript tsx ", "", "@ts-", 0 }, /* without it the compiler refuses */
	{ " javascript typescript tsx ", "", "@jsx", 0 },
	{ " javascript typescript tsx ", "/*", "webpack", 0 },
	{ " javascript typescript tsx ", "/*", "@vite-ignore", 0 },
	{ " java ", "", "\\u", 0 }, /* may be a line's end, and what follows is code */
	{ " c ", "", "?\?/", 0 },   /* may be a backslash */
};

/* In the first lines, and behind nothing but comments. */
static bool in_lines(const struct tree_types *types, const struct syntax_node *v, struct span text,
		     uint32_t comment, unsigned lines)
{
	for (uint32_t i = 0; i < v[comment].from; i++)
		if (text.p[i] == '\n' && --lines == 0)
			return false;
	for (uint32_t i = 1; i < comment; i++)
		if (!(types->v[v[i].type].flags & TYPE_COMMENT))
			return false;
	return true;
}

/* Go: what stands directly above import "C" is compiled as C. */
static bool preamble(const struct tree_types *types, const struct syntax_node *v, struct span text,
		     uint32_t i)
{
	uint32_t next = v[i].end, last = v[v[i].parent].end;
	for (; next < last && types->v[v[next].type].flags & TYPE_COMMENT; next = v[next].end) {}
	if (next >= last || strcmp(types->v[v[next].type].source.p, "import_declaration") != 0)
		return false;
	size_t n = v[next].to - v[next].from;
	return memmem(text.p + v[next].from, n, "\"C\"", 3) != NULL;
}

/* Compilers may see the end of a line, or of the comment, where the grammar does not: a carriage
 * return alone; in C a backslash, perhaps with blanks behind it, before a line's end. */
static bool hides_line_end(const char *p, size_t n, bool c)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' && i + 1 < n && p[i + 1] != '\n')
			return true;
		if (!c || p[i] != '\\')
			continue;
		size_t k = i + 1;
		while (k < n && p[k] && strchr(" \t\r\v\f", p[k]))
			k++;
		if (k == n || p[k] == '\n')
			return true;
		i = k - 1;
	}
	return false;
}

bool tree_comment_kept(const struct tree_types *types, const struct syntax_node *v,
		       struct span text, uint32_t i)
{
	const char *p = text.p + v[i].from;
	size_t n = v[i].to - v[i].from;
	for (size_t k = 0; k < ARRAY_LEN(kept); k++) {
		size_t start = strlen(kept[k].start);
		if (n >= start && memcmp(p, kept[k].start, start) == 0 &&
		    memmem(p, n, kept[k].part, strlen(kept[k].part)) &&
		    tree_listed(kept[k].languages, types->language->name) &&
		    (!kept[k].lines || in_lines(types, v, text, i, kept[k].lines)))
			return true;
	}
	if (hides_line_end(p, n, strcmp(types->language->name, "c") == 0))
		return true;
	return strcmp(types->language->name, "go") == 0 && preamble(types, v, text, i);
}

#include "policy/keyword.h"

#include <string.h>

#include "lib/buf.h"
#include "policy/pattern.h"

/* Runs of single bytes that every match has, each tried against the keywords. */
static bool list_implies(const struct pattern_branch *list, const char *const *keywords, size_t n);

static bool run_has(const struct buf *run, const char *const *keywords, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (run->n && !run->failed && strcasestr(run->p, keywords[i]))
			return true;
	return false;
}

static bool branches_imply(const struct pattern_branch *b, const char *const *keywords, size_t n)
{
	for (; b; b = b->next)
		if (!list_implies(b, keywords, n))
			return false;
	return true;
}

static bool list_implies(const struct pattern_branch *list, const char *const *keywords, size_t n)
{
	struct buf run = { 0 };
	bool implied = false;
	for (const struct pattern_node *i = list->first; i && !implied; i = i->next) {
		if (i->kind == PATTERN_ASSERT || i->kind == PATTERN_FLAGS)
			continue;
		if (i->kind == PATTERN_GROUP && i->min > 0)
			implied = branches_imply(i->branches, keywords, n);
		if (i->kind == PATTERN_BYTES && i->size == 1 && i->min == 1 && i->max == 1) {
			if (run.n)
				run.n--; /* the NUL */
			buf_add_char(&run, i->byte);
			buf_add_char(&run, '\0');
			implied = run_has(&run, keywords, n);
		} else {
			buf_clear(&run);
		}
	}
	buf_fini(&run);
	return implied;
}

bool keyword_implied(const char *regex, const char *const *keywords, size_t n)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	if (pattern_parse(regex, &p, &why))
		return false;
	bool implied = branches_imply(pattern_root(p), keywords, n);
	pattern_free(p);
	return implied;
}

#include "policy/run.h"

#include <string.h>

#include "policy/pattern.h"
#include "policy/word.h"

/* An edge of a word and then one item, however deep in groups. */
static bool read_list(const char *source, const struct pattern_branch *list, bool *edge,
		      const struct pattern_node **item)
{
	if (!list || list->next)
		return false;
	for (const struct pattern_node *n = list->first; n; n = n->next) {
		bool once = n->min == 1 && n->max == 1;
		if (n->kind == PATTERN_FLAGS)
			continue;
		if (*item)
			return false;
		if (n->kind == PATTERN_ASSERT && strncmp(source + n->from, "\\b", 2) == 0)
			*edge = true;
		else if (n->kind == PATTERN_BYTES)
			*item = n;
		else if (n->kind != PATTERN_GROUP || !once ||
			 !read_list(source, n->branches, edge, item))
			return false;
	}
	return true;
}

static bool read_run(const char *expression, struct run *out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	const struct pattern_node *item = NULL;
	bool edge = false;
	if (pattern_parse(expression, &p, &why))
		return false;
	bool ok = read_list(expression, pattern_root(p), &edge, &item) && edge && item &&
		  !item->rough && item->min == item->max && item->min >= RUN_LEAST &&
		  item->min <= RUN_MOST;
	*out = (struct run){ .n = ok ? item->min : 0 };
	for (unsigned c = 0; ok && c < 256; c++) {
		out->in[c] = item->in[c / 32] >> c % 32 & 1;
		ok = !out->in[c] || is_word((unsigned char)c);
	}
	pattern_free(p);
	return ok;
}

bool runs_add(struct runs *r, const char *expression, uint32_t pattern)
{
	if (r->n == RUNS_MAX || !read_run(expression, &r->v[r->n]))
		return false;
	struct run *one = &r->v[r->n++];
	one->pattern = pattern;
	r->least = r->n == 1 || one->n < r->least ? one->n : r->least;
	r->most = one->n > r->most ? one->n : r->most;
	for (unsigned c = 0; c < 256; c++)
		r->in[c] = r->in[c] || one->in[c];
	return true;
}

/* A word begins at p[from]: which runs does it begin with, that end behind p[fresh]? */
static void try_word(const struct runs *r, const struct track *t, size_t from, size_t fresh,
		     uint64_t base, struct multimatch_hits *h)
{
	const unsigned char *p = (const unsigned char *)t->text + from;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct run *one = &r->v[i];
		uint32_t k = 0;
		if (from + one->n > t->n || from + one->n <= fresh)
			continue;
		while (k < one->n && one->in[p[k]])
			k++;
		if (k == one->n)
			multimatch_hits_add(h, t->base + from + k - base, one->pattern);
	}
}

void runs_find(const struct runs *r, const struct track *t, uint64_t base, uint64_t fresh,
	       struct multimatch_hits *h)
{
	const unsigned char *p = (const unsigned char *)t->text;
	size_t begin = base > t->base ? (size_t)(base - t->base) : 0, n = r->least;
	size_t young = (size_t)(fresh - t->base), more = r->most - n;
	size_t last = max_u64(young > more ? young - more : 0, begin + n - 1);
	while (last < t->n) { /* may n bytes of a word's beginning end with this one? */
		size_t from = last + 1;
		while (from > begin && last + 1 - from < n && r->in[p[from - 1]])
			from--;
		if (last + 1 - from < n) { /* the byte before `from` rules out n places */
			last = from + n - 1;
			continue;
		}
		if (from > begin ? !is_word(p[from - 1]) : base >= t->base)
			try_word(r, t, from, young, base, h);
		while (++last < t->n && r->in[p[last]])
			; /* the rest of the word begins no run */
		last += n;
	}
}

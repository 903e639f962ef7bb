#include "policy/run.h"

#include <ctype.h>
#include <string.h>

#include "policy/pattern.h"

static bool is_word(unsigned char c)
{
	return isalnum(c) || c == '_';
}

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

bool run_read(const char *expression, struct run *out)
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

void run_find(const struct run *r, const struct track *t, uint64_t base, uint64_t fresh,
	      struct multimatch_hits *h)
{
	const unsigned char *p = (const unsigned char *)t->text;
	size_t begin = base > t->base ? (size_t)(base - t->base) : 0, n = r->n;
	size_t last = max_u64(fresh - t->base, begin + n - 1); /* where a run's last byte may be */
	while (last < t->n) {
		size_t from = last + 1;
		while (from > begin && last + 1 - from < n && r->in[p[from - 1]])
			from--;
		if (last + 1 - from < n) { /* the byte before `from` is none, and rules out n */
			last = from + n - 1;
			continue;
		}
		bool edge = from > begin ? !is_word(p[from - 1]) : base >= t->base;
		if (edge)
			multimatch_hits_add(h, t->base + last + 1 - base, r->pattern);
		while (++last < t->n && r->in[p[last]])
			; /* the rest of the word begins no run */
		last += n;
	}
}

#include "policy/trigger_split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lead_in.h"
#include "policy/lead_in_split.h"

/* How many more bytes than the fewest some item in it takes; of a class of many bytes, two. */
static uint32_t gap(const struct pattern_node *n)
{
	uint32_t most = 0;
	if (n->kind == PATTERN_BYTES)
		most = (uint32_t)max_u64(n->max - n->min, n->size > LEAD_IN_SHAPE_MAX ? 2 : 0);
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			most = (uint32_t)max_u64(most, gap(i));
	return n->max == PATTERN_MANY ? PATTERN_MANY : most;
}

static bool varies(const struct pattern_node *n)
{
	return n->kind == PATTERN_GROUP ? n->min != n->max || gap(n) > 1
					: n->kind == PATTERN_BYTES && gap(n) > 0;
}

struct rest {              /* what there is on both sides of a split */
	unsigned literals; /* of the head */
	uint32_t gap;      /* of the tail */
};

static struct rest weigh(const struct split *s)
{
	struct rest r = { 0 };
	for (size_t i = 0; i < s->n; i++) {
		const struct level *l = &s->level[i];
		for (const struct pattern_node *n = l->list->first; n && n != l->at; n = n->next)
			r.literals += split_literals(n);
		const struct pattern_node *n = i + 1 == s->n ? l->at : split_after(l->at);
		for (; n; n = n->next)
			r.gap = gap(n) > r.gap ? gap(n) : r.gap;
	}
	return r;
}

/* An edge of a word before it goes with the tail, which can wait for the byte behind it. */
static bool take_edges(struct level *l)
{
	const struct pattern_node *at = l->at;
	for (const struct pattern_node *n = l->list->first; n != at; n = n->next)
		if (n->kind != PATTERN_ASSERT)
			l->at = n->next;
	return l->at != at;
}

/* The tail is worth a table, and the head comes rarely enough: the beginning of a word is as good
 * as one literal more. */
static bool usable(struct split *s, const struct pattern_node *n)
{
	s->level[s->n - 1].at = n;
	bool edges = take_edges(&s->level[s->n - 1]);
	struct rest r = weigh(s);
	s->head = 0;
	if (n->kind == PATTERN_BYTES && n->size <= LEAD_IN_SHAPE_MAX && n->min && !edges) {
		s->head = n->min;
		r.literals += split_literals(n);
	}
	r.literals += s->level[0].list->first->kind == PATTERN_ASSERT;
	return r.literals >= TRIGGER_LITERALS && r.gap > 1;
}

static bool walk(struct split *s, const struct pattern_branch *list)
{
	if (list->next || s->n == LEVELS_MAX)
		return false;
	struct level *l = &s->level[s->n++];
	*l = (struct level){ .list = list };
	for (const struct pattern_node *n = list->first; n && !split_opaque(n); n = n->next) {
		bool one = n->kind == PATTERN_GROUP && n->min == 1 && n->max == 1;
		l->at = n;
		if (one && !n->branches->next ? walk(s, n->branches) : varies(n) && usable(s, n))
			return true;
	}
	s->n--;
	return false;
}

int trigger_split(const char *expression, struct trigger_split *out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	struct split s = { .n = 0 };
	struct buf head = { 0 }, tail = { 0 };
	*out = (struct trigger_split){ 0 };
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (walk(&s, pattern_root(p))) {
		split_add_lead_in(&head, expression, &s, false);
		split_add_body(&tail, expression, &s);
		out->head = buf_take_text(&head);
		out->tail = buf_take_text(&tail);
		rc = out->head && out->tail ? 0 : -ENOMEM;
	}
	pattern_free(p);
	if (rc) {
		free(out->head);
		free(out->tail);
		*out = (struct trigger_split){ 0 };
	}
	return rc;
}

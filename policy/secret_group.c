#include "policy/secret_group.h"

#include "policy/lead_in.h"
#include "policy/pattern.h"

struct tally {
	uint64_t sum;
	uint64_t most; /* of one item */
	const struct pattern_node *item;
};

static bool holds_first(const struct pattern_node *n)
{
	if (n->capture == 1)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			if (holds_first(i))
				return true;
	return false;
}

/* Variable bytes of one repetition's worth. `most`: all that it can have. Otherwise what it must
 * have, and all that it can have only where digits and letters are told from words and paths: an
 * optional [\w.-]{0,20} before a secret is the rest of a name. */
static uint64_t variable(const struct pattern_node *n, bool most)
{
	uint64_t each = 0, times = most || n->token ? n->max : n->min;
	if (n->kind == PATTERN_BYTES)
		each = n->size > LEAD_IN_SHAPE_MAX;
	for (const struct pattern_branch *b = n->branches; b && n->kind == PATTERN_GROUP;
	     b = b->next) {
		uint64_t sum = 0;
		for (const struct pattern_node *i = b->first; i; i = i->next)
			sum += variable(i, most);
		each = b == n->branches || (most ? sum > each : sum < each) ? sum : each;
	}
	uint64_t all = each * times;
	return each && (all > UINT32_MAX || all / each != times) ? UINT32_MAX : all;
}

/* What precedes the group on the way down to it; returns the group. */
static const struct pattern_node *tally(const struct pattern_branch *b, struct tally *t)
{
	for (; b; b = b->next) {
		struct tally here = *t;
		for (const struct pattern_node *n = b->first; n; n = n->next) {
			if (n->capture != 1 && !holds_first(n)) {
				uint64_t v = variable(n, false);
				here.sum += v;
				here.item = v > here.most ? n : here.item;
				here.most = v > here.most ? v : here.most;
				continue;
			}
			*t = here;
			return n->capture == 1 ? n : tally(n->branches, t);
		}
	}
	return NULL;
}

bool secret_group_doubtful(const char *regex, struct span *group, struct span *before)
{
	struct pattern *p = NULL;
	struct tally t = { 0 };
	const char *why;
	if (pattern_parse(regex, &p, &why))
		return false;
	const struct pattern_node *first = tally(pattern_root(p), &t);
	bool doubtful = first && t.sum >= SECRET_GROUP_LEAST && variable(first, true) < t.sum;
	if (doubtful) {
		*group = (struct span){ regex + first->from, first->to - first->from };
		*before = (struct span){ regex + t.item->from, t.item->to - t.item->from };
	}
	pattern_free(p);
	return doubtful;
}

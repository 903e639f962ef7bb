#include <errno.h>
#include <stdlib.h>

#include "policy/lead_in_split.h"
#include "policy/multiply.h"
#include "policy/trigger_split.h"

#define REPEATS_FEW 4 /* so many numbers of repeats more than one are told one by one */

struct choice { /* of alternatives, or of a number of repeats */
	struct alternation among;
	const struct pattern_node *repeated;
	uint32_t from, to;
};

static bool repeat(struct choice *c, const struct pattern_node *n, uint32_t to)
{
	*c = (struct choice){ .repeated = n, .from = n->min, .to = to };
	return true;
}

/* Finds the first choice; true as well where there is none and nothing may be looked at behind it.
 * What stands first in a match ends where it does with the fewest repeats: `first` says that
 * nothing stands before. */
static bool look(const struct pattern_branch *list, const struct pattern_node *group, bool *first,
		 struct choice *out)
{
	if (list->next) {
		out->among = (struct alternation){ group, list };
		return true;
	}
	for (const struct pattern_node *n = list->first; n; n = n->next) {
		bool once = n->min == 1 && n->max == 1, varies = n->min != n->max;
		if (n->kind == PATTERN_FLAGS)
			continue;
		if (split_opaque(n))
			return true;
		if (*first && varies && !split_item_asserts(n))
			return repeat(out, n, n->min);
		if (varies && (n->max == PATTERN_MANY || n->max - n->min > REPEATS_FEW))
			return true;
		if (varies)
			return repeat(out, n, n->max);
		if (n->kind == PATTERN_GROUP && once && look(n->branches, n, first, out))
			return true;
		*first = false;
	}
	return false;
}

static int add(struct trigger_choices *out, char *text)
{
	if (!text)
		return -ENOMEM;
	out->v[out->n++] = text;
	return 0;
}

static void drop(struct trigger_choices *out)
{
	while (out->n)
		free(out->v[--out->n]);
}

int trigger_choose(const char *expression, struct trigger_choices *out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	struct choice c = { .repeated = NULL };
	bool first = true;
	out->n = 0;
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	look(pattern_root(p), NULL, &first, &c);
	const struct pattern_branch *b = c.among.first;
	for (; b && !rc && out->n < TRIGGER_CHOICES_MOST; b = b->next)
		rc = add(out, multiply_out(expression, &c.among, b));
	for (uint32_t i = c.from; c.repeated && i <= c.to && !rc; i++)
		rc = add(out, multiply_repeat(expression, c.repeated, i));
	if (rc || b)
		drop(out);
	pattern_free(p);
	return rc;
}

#include "policy/branches.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/multiply.h"
#include "policy/pattern.h"
#include "policy/secret_group.h"

#define DEPTH_MAX 6
#define TRIES_MAX 200

struct search {
	struct branches *out;
	bool given, yields;
	unsigned tries;
};

static bool nth_in(const struct pattern_branch *list, const struct pattern_node *group, size_t *nth,
		   struct alternation *out)
{
	if (list && list->next && (*nth)-- == 0) {
		*out = (struct alternation){ group, list };
		return true;
	}
	if (!list || list->next)
		return false;
	for (const struct pattern_node *n = list->first; n; n = n->next)
		if (n->kind == PATTERN_GROUP && n->min == 1 && n->max == 1 &&
		    nth_in(n->branches, n, nth, out))
			return true;
	return false;
}

static unsigned captures(const struct pattern_branch *b, const struct pattern_branch *stop,
			 unsigned group, bool *has)
{
	unsigned sum = 0;
	for (; b && b != stop; b = b->next)
		for (const struct pattern_node *n = b->first; n; n = n->next) {
			*has = *has || (n->capture && n->capture == group);
			sum += (n->capture && n->capture < group) +
			       captures(n->branches, NULL, group, has);
		}
	return sum;
}

/* The secret's group in one alternative alone. */
static unsigned renumber(const struct search *s, const char *regex, unsigned group,
			 const struct alternation *a, const struct pattern_branch *one)
{
	bool away = false;
	struct span unused, before;
	unsigned lost = captures(a->first, one, group, &away);
	lost += captures(one->next, NULL, group, &away);
	if (!group || !away)
		return group - lost;
	return s->given || secret_group_doubtful(regex, &unused, &before) ? 0 : 1;
}

static void drop(struct branches *b, size_t keep)
{
	while (b->n > keep)
		lead_in_fini(&b->v[--b->n]);
}

static int resolve(struct search *s, const char *regex, unsigned group, unsigned depth);

static int try_all(struct search *s, const char *regex, unsigned group, unsigned depth,
		   const struct alternation *a)
{
	int found = 1;
	for (const struct pattern_branch *b = a->first; b && found == 1; b = b->next) {
		char *text = multiply_out(regex, a, b);
		if (!text)
			return -ENOMEM;
		found = resolve(s, text, renumber(s, text, group, a, b), depth + 1);
		free(text);
	}
	return found;
}

static int resolve_alternatives(struct search *s, const char *regex, unsigned group, unsigned depth)
{
	struct pattern *p = NULL;
	struct alternation a;
	const char *why = NULL;
	size_t mark = s->out->n;
	int found = pattern_parse(regex, &p, &why);
	if (found)
		return found == -ENOMEM ? found : 0;
	for (size_t nth = 0, left; !found && depth < DEPTH_MAX; nth++) {
		left = nth;
		if (!nth_in(pattern_root(p), NULL, &left, &a))
			break;
		found = try_all(s, regex, group, depth, &a);
		if (found != 1)
			drop(s->out, mark);
	}
	pattern_free(p);
	return found;
}

/* 1: every alternative has a lead-in; 0: some has none; or -ENOMEM. */
static int resolve(struct search *s, const char *regex, unsigned group, unsigned depth)
{
	struct lead_in one;
	if (s->out->n == BRANCHES_MAX || ++s->tries > TRIES_MAX)
		return 0;
	int rc = s->yields ? lead_in_find_within(regex, group, &one)
			   : lead_in_find(regex, group, NULL, &one);
	if (!rc && one.found) {
		s->out->v[s->out->n++] = one;
		return 1;
	}
	lead_in_fini(&one);
	return rc == -ENOMEM ? rc : resolve_alternatives(s, regex, group, depth);
}

int branches_find(const char *regex, unsigned group, bool given, bool yields, struct branches *out)
{
	out->n = 0;
	for (unsigned late = 0; late <= yields && !out->n; late++) {
		struct search s = { .out = out, .given = given, .yields = late };
		int rc = resolve(&s, regex, group, 0);
		if (rc < 0)
			drop(out, 0);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void branches_fini(struct branches *b)
{
	drop(b, 0);
}

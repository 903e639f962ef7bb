#include "policy/companion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct rule *find(const struct ruleset *set, const struct rule *by, const char *id)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *r = &set->rules[i];
		if (r->own_id && strcmp(r->origin, by->origin) == 0 && strcmp(r->own_id, id) == 0)
			return r;
	}
	return NULL;
}

int companion_resolve(struct ruleset *set, struct buf *errors)
{
	int rc = 0;
	for (size_t i = 0; i < set->n; i++)
		set->rules[i].companion = RULE_NO_COMPANION;
	for (size_t i = 0; i < set->n; i++) {
		struct rule *r = &set->rules[i];
		for (size_t k = 0; k < r->n_required; k++) {
			struct requirement *q = &r->required[k];
			const struct rule *other = find(set, r, q->id);
			if (!other || other == r) {
				buf_printf(
					errors,
					"%s:%u: rule %s: it requires rule \"%.64s\", which is not "
					"there; correct or remove it\n",
					r->info.file, q->line, r->info.id, q->id);
				rc = -EINVAL;
				continue;
			}
			struct rule *one = &set->rules[other - set->rules];
			if (one->companion == RULE_NO_COMPANION)
				one->companion = set->companions++;
			q->number = one->companion;
		}
	}
	return rc;
}

static uint64_t line_of(const struct slot *slot, const struct decision *d)
{
	return slot->channel->lines + track_lines(&slot->work, d->secret.from);
}

bool companion_mark(const struct ruleset *set, const struct slot *slot, const struct decision *d)
{
	uint32_t number = set->rules[d->rule].companion;
	struct channel *c = slot->channel;
	if (number == RULE_NO_COMPANION || d->bound)
		return true;
	if (!c->companions)
		c->companions = calloc(set->companions, sizeof(*c->companions));
	if (!c->companions)
		return false;
	c->companions[number] = line_of(slot, d) + 1;
	return true;
}

bool companion_near(const struct ruleset *set, const struct slot *slot, const struct decision *d)
{
	const struct rule *r = &set->rules[d->rule];
	for (size_t i = 0; i < r->n_required; i++) {
		const struct requirement *q = &r->required[i];
		uint64_t seen =
			slot->channel->companions ? slot->channel->companions[q->number] : 0;
		uint64_t own = line_of(slot, d) + 1;
		uint64_t apart = seen > own ? seen - own : own - seen;
		if (!seen || (q->lines != REQUIRED_ANYWHERE && apart > q->lines))
			return false;
	}
	return true;
}

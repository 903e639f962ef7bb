#include "policy/lead_in.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lead_in_split.h"

struct search {
	const char *source;
	unsigned group;
	const char *wanted; /* without parentheses, or NULL */
	struct split now, best;
	bool found;
	bool yields;           /* variable bytes of the secret may stand before the split */
	uint32_t yield, least; /* how many do now; and before the best split */
	uint32_t yield_max;
};

static bool holds_group(const struct pattern_node *n, unsigned group)
{
	if (!group)
		return false;
	if (n->capture == group)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			if (holds_group(i, group))
				return true;
	return false;
}

/* Literal, or a few spellings of one shape: nothing in it is the secret's variable part. */
static bool fixed(const struct pattern_node *n)
{
	if (n->kind == PATTERN_ASSERT || n->kind == PATTERN_FLAGS)
		return true;
	if (n->kind == PATTERN_OPAQUE || n->min != n->max)
		return false;
	if (n->kind == PATTERN_BYTES)
		return n->size <= LEAD_IN_SHAPE_MAX;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			if (!fixed(i))
				return false;
	return true;
}

/* Variable bytes: the most, or the fewest that there must be. */
static uint32_t variable(const struct pattern_node *n, bool most)
{
	uint64_t each = n->kind == PATTERN_BYTES && n->size > LEAD_IN_SHAPE_MAX;
	for (const struct pattern_branch *b = n->branches; b; b = b->next) {
		uint64_t sum = 0;
		for (const struct pattern_node *i = b->first; i; i = i->next)
			sum += variable(i, most);
		each = b == n->branches || (most ? sum > each : sum < each) ? sum : each;
	}
	return (uint32_t)min_u64(each * (most ? n->max : n->min), LEAD_IN_UNBOUNDED);
}

static uint32_t secret_variable(const struct pattern_branch *b, unsigned group, bool inside)
{
	uint64_t least = 0;
	for (const struct pattern_branch *one = b; one; one = one->next) {
		uint64_t sum = 0;
		for (const struct pattern_node *n = one->first; n; n = n->next)
			sum += inside                  ? variable(n, false)
			       : n->capture == group   ? variable(n, false)
			       : holds_group(n, group) ? secret_variable(n->branches, group, false)
						       : 0;
		least = one == b || sum < least ? sum : least;
	}
	return (uint32_t)min_u64(least, LEAD_IN_UNBOUNDED);
}

static bool split_usable(const struct split *s)
{
	unsigned needed = s->head ? LEAD_IN_LITERALS : s->words;
	uint32_t body = 0;
	bool ends = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct level *l = &s->level[i];
		bool last = i + 1 == s->n, some = false;
		for (const struct pattern_node *n = l->list->first; n && n != l->at; n = n->next) {
			needed += split_literals(n);
			some = some || pattern_min(n) > 0;
		}
		ends = (ends && !some) || split_list_asserts(l->list, l->at);
		for (const struct pattern_node *n = last ? l->at : split_after(l->at); n;
		     n = n->next)
			body |= pattern_min(n);
	}
	return needed >= LEAD_IN_LITERALS && body > 0 && (!ends || s->head);
}

static bool is_wanted(struct search *s)
{
	if (!s->wanted)
		return true;
	bool same = false;
	for (int strip = 0; strip < 2 && !same; strip++) {
		struct buf text = { 0 }, bare = { 0 };
		split_add_lead_in(&text, s->source, &s->now, strip);
		buf_add_char(&text, '\0');
		if (!text.failed)
			split_add_bare(&bare, text.p);
		buf_add_char(&bare, '\0');
		same = !bare.failed && !text.failed && strcmp(bare.p, s->wanted) == 0;
		buf_fini(&text);
		buf_fini(&bare);
	}
	return same;
}

static void consider(struct search *s)
{
	if (s->found && s->yield > s->least)
		return; /* as late as it may be, but no more of the secret than must be */
	if (split_usable(&s->now) && is_wanted(s)) {
		s->best = s->now;
		s->found = true;
		s->least = s->yield;
	}
}

/* Whether the split point is where a match begins, and after an assertion. */
static bool begins_word(const struct split *s)
{
	bool edge = false, some = false;
	for (size_t i = 0; i < s->n; i++)
		for (const struct pattern_node *k = s->level[i].list->first;
		     k && k != s->level[i].at; k = k->next) {
			edge = edge || k->kind == PATTERN_ASSERT;
			some = some || (k->kind != PATTERN_ASSERT && k->kind != PATTERN_FLAGS);
		}
	return edge && !some;
}

/* The beginning of a run of digits that begins where a word does: so many of them are rare. */
static void consider_head(struct search *s, const struct pattern_node *n)
{
	bool lazy = n->to > n->atom && s->source[n->to - 1] == '?';
	bool narrow = n->kind == PATTERN_BYTES && n->size > LEAD_IN_SHAPE_MAX &&
		      n->size <= LEAD_IN_NARROW_MAX;
	if (!narrow || lazy || n->min <= LEAD_IN_HEAD || !begins_word(&s->now) ||
	    s->yield + LEAD_IN_HEAD > s->yield_max)
		return;
	s->now.head = LEAD_IN_HEAD;
	s->yield += LEAD_IN_HEAD;
	consider(s);
	s->yield -= LEAD_IN_HEAD;
	s->now.head = 0;
}

/* Gives a variable item of the secret to the lead-in; false: that would be too much. */
static bool yield(struct search *s, const struct pattern_node *n)
{
	consider_head(s, n);
	uint32_t more = variable(n, true);
	if (pattern_max(n) == PATTERN_MANY || more > s->yield_max - s->yield)
		return false;
	if (n->kind == PATTERN_BYTES && n->min == n->max && n->min >= LEAD_IN_WORD &&
	    begins_word(&s->now))
		s->now.words = 1;
	s->yield += more;
	return true;
}

static void walk(struct search *s, const struct pattern_branch *list, bool secret)
{
	uint32_t before = s->yield;
	if (list->next || s->now.n == LEVELS_MAX)
		return; /* alternatives: no one place to split */
	struct level *l = &s->now.level[s->now.n++];
	*l = (struct level){ .list = list, .secret = secret };
	for (const struct pattern_node *n = list->first; n; n = n->next) {
		l->at = n;
		consider(s);
		bool holds = holds_group(n, s->group);
		bool inside = secret || n->capture == s->group;
		if (split_opaque(n) || (holds && (n->min != 1 || n->max != 1)))
			break;
		if (holds || (secret && !fixed(n))) {
			if (n->kind == PATTERN_GROUP && n->min == 1 && n->max == 1)
				walk(s, n->branches, inside);
			if (holds || !s->yields || !yield(s, n))
				break;
		}
	}
	s->yield = before;
	s->now.n--;
}

static void measure(const struct split *s, struct lead_in *out)
{
	bool varies = false;
	for (size_t i = 0; i < s->n; i++)
		for (const struct pattern_node *n = s->level[i].list->first;
		     n && n != s->level[i].at; n = n->next) {
			if (s->level[i].secret) {
				varies = varies || pattern_min(n) != pattern_max(n);
				out->prefix += pattern_min(n);
			}
		}
	out->prefix += s->head;
	if (varies)
		out->prefix = 0;
	for (size_t i = 0; i < s->n; i++)
		for (const struct pattern_node *n = i + 1 == s->n ? s->level[i].at
								  : split_after(s->level[i].at);
		     n; n = n->next)
			out->body_max = (uint32_t)min_u64((uint64_t)out->body_max + pattern_max(n),
							  LEAD_IN_UNBOUNDED);
	if (out->body_max != LEAD_IN_UNBOUNDED)
		out->body_max -= s->head;
}

static unsigned captures_in(const struct pattern_node *n, unsigned below)
{
	unsigned sum = n->capture != 0 && n->capture < below;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			sum += captures_in(i, below);
	return sum;
}

/* Groups that lie wholly in the lead-in are missing in the body, so the secret's group has a
 * smaller number there. */
static unsigned captures_lost(const struct split *s, unsigned group)
{
	unsigned lost = 0;
	for (size_t i = 0; i < s->n; i++)
		for (const struct pattern_node *n = s->level[i].list->first;
		     n && n != s->level[i].at; n = n->next)
			lost += captures_in(n, group);
	return lost;
}

static int emit(const struct search *s, struct lead_in *out)
{
	struct buf lead = { 0 }, opening = { 0 }, body = { 0 };
	measure(&s->best, out);
	split_add_lead_in(&lead, s->source, &s->best, true);
	split_add_body(&body, s->source, &s->best);
	split_add_lead_in(&opening, s->source, &s->best, false);
	out->lead_in = buf_take_text(&lead);
	out->opening = buf_take_text(&opening);
	out->body = buf_take_text(&body);
	if (!out->lead_in || !out->opening || !out->body) {
		lead_in_fini(out);
		return -ENOMEM;
	}
	out->body_group = s->group ? s->group - captures_lost(&s->best, s->group) : 0;
	out->yield = s->least;
	out->found = true;
	return 0;
}

static void explain(const struct pattern_branch *root, struct lead_in *out)
{
	const struct pattern_node *n = root->first;
	out->remedy = "write lead_in, or hold: window N, or hold: none";
	while (n && !split_opaque(n) && (n->kind == PATTERN_ASSERT || n->kind == PATTERN_FLAGS))
		n = n->next;
	if (root->next) {
		out->why = "its alternatives stand at the top, and not every one has a lead-in";
	} else if (n && split_opaque(n)) {
		out->why = "a look-around comes before its first literal characters";
		out->remedy =
			"write those characters as lead_in: too, or leave the look-around out";
	} else {
		out->why =
			"nothing literal of at least 2 characters comes before its variable part";
	}
}

static int find(const char *regex, unsigned secret_group, const char *wanted, bool yields,
		struct lead_in *out)
{
	struct pattern *p = NULL;
	char *bare_wanted = NULL;
	*out = (struct lead_in){ 0 };
	int rc = pattern_parse(regex, &p, &out->why);
	if (rc)
		return rc;
	struct search s = { .source = regex, .group = secret_group };
	if (wanted) {
		struct buf bare = { 0 };
		split_add_bare(&bare, wanted);
		s.wanted = bare_wanted = buf_take_text(&bare);
		rc = s.wanted ? 0 : -ENOMEM;
	}
	out->groups = pattern_groups(p);
	out->min = pattern_branches_min(pattern_root(p));
	out->max = pattern_branches_max(pattern_root(p));
	for (const struct pattern_branch *b = pattern_root(p); b; b = b->next)
		out->ends_in_assertion = out->ends_in_assertion || split_list_asserts(b, NULL);
	if (!rc)
		walk(&s, pattern_root(p), secret_group == 0);
	if (!rc && yields && !s.found) {
		s.yields = true;
		s.yield_max = secret_variable(pattern_root(p), secret_group, !secret_group) / 4;
		walk(&s, pattern_root(p), secret_group == 0);
	}
	if (!rc && s.found)
		rc = emit(&s, out);
	else if (!rc)
		explain(pattern_root(p), out);
	free(bare_wanted);
	pattern_free(p);
	return rc;
}

int lead_in_find(const char *regex, unsigned secret_group, const char *wanted, struct lead_in *out)
{
	return find(regex, secret_group, wanted, false, out);
}

int lead_in_find_within(const char *regex, unsigned secret_group, struct lead_in *out)
{
	return find(regex, secret_group, NULL, true, out);
}

void lead_in_fini(struct lead_in *l)
{
	free(l->lead_in);
	free(l->opening);
	free(l->body);
	l->lead_in = l->opening = l->body = NULL;
	l->found = false;
}

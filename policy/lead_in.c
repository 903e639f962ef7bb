#include "policy/lead_in.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/pattern.h"

#define LEVELS_MAX 16

/* A split point: at each level of nesting, the first item of the concatenation and the item before
 * which it is split; at every level but the last that item is the group which was entered. at NULL:
 * after the last item. */
struct level {
	const struct pattern_branch *list;
	const struct pattern_node *at;
	bool secret; /* this concatenation lies inside the secret's group */
};

struct split {
	struct level level[LEVELS_MAX];
	size_t n;
};

struct search {
	const char *source;
	unsigned group;
	const char *wanted; /* without parentheses, or NULL */
	struct split now, best;
	bool found;
};

static bool opaque(const struct pattern_node *n)
{
	if (n->kind == PATTERN_OPAQUE)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			if (opaque(i))
				return true;
	return false;
}

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

static unsigned literals(const struct pattern_node *n)
{
	if (n->min == 0)
		return 0;
	if (n->kind == PATTERN_BYTES)
		return n->size <= 4 ? n->min : 0;
	unsigned least = n->branches ? UINT32_MAX : 0;
	for (const struct pattern_branch *b = n->branches; b; b = b->next) {
		unsigned sum = 0;
		for (const struct pattern_node *i = b->first; i; i = i->next)
			sum += literals(i);
		least = sum < least ? sum : least;
	}
	return n->kind == PATTERN_GROUP ? least : 0;
}

static bool ends_in_assertion(const struct pattern_branch *b, const struct pattern_node *end);

static bool item_ends_in_assertion(const struct pattern_node *n)
{
	if (n->kind == PATTERN_ASSERT || n->kind == PATTERN_OPAQUE)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		if (ends_in_assertion(b, NULL))
			return true;
	return false;
}

/* Whether the items before `end` may end in an assertion, when what may be empty is empty. */
static bool ends_in_assertion(const struct pattern_branch *b, const struct pattern_node *end)
{
	bool ends = false;
	for (const struct pattern_node *n = b->first; n && n != end; n = n->next) {
		if (pattern_min(n) > 0)
			ends = false;
		ends = ends || item_ends_in_assertion(n);
	}
	return ends;
}

static const struct pattern_node *after(const struct pattern_node *n)
{
	return n ? n->next : NULL;
}

static bool split_usable(const struct split *s)
{
	unsigned needed = 0;
	uint32_t body = 0;
	bool ends = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct level *l = &s->level[i];
		bool last = i + 1 == s->n, some = false;
		for (const struct pattern_node *n = l->list->first; n && n != l->at; n = n->next) {
			needed += literals(n);
			some = some || pattern_min(n) > 0;
		}
		ends = (ends && !some) || ends_in_assertion(l->list, l->at);
		for (const struct pattern_node *n = last ? l->at : after(l->at); n; n = n->next)
			body |= pattern_min(n);
	}
	return needed >= LEAD_IN_LITERALS && body > 0 && !ends;
}

/* Parentheses make no difference to what a written lead-in means to its author. */
static void add_bare(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			buf_add(out, text++, 2);
			continue;
		}
		if (*text == ')')
			continue;
		if (*text == '(') {
			if (text[1] == '?' && text[2] == ':')
				text += 2;
			continue;
		}
		buf_add_char(out, *text);
	}
}

static void add_flags(struct buf *out, unsigned flags, bool all)
{
	static const char names[] = "ims";
	if (!flags && !all)
		return;
	buf_add_text(out, "(?");
	for (size_t i = 0; i < 3; i++)
		if (flags & 1u << i)
			buf_add_char(out, names[i]);
	if (all && flags != 7) {
		buf_add_char(out, '-');
		for (size_t i = 0; i < 3; i++)
			if (!(flags & 1u << i))
				buf_add_char(out, names[i]);
	}
	buf_add_char(out, ')');
}

/* What may be missing at the very beginning tells nothing: ends are the same without it. */
static const struct pattern_node *skip_empty(const struct level *l)
{
	const struct pattern_node *n = l->list->first;
	while (n && n != l->at && pattern_min(n) == 0 && !opaque(n) &&
	       (n->kind == PATTERN_FLAGS || !item_ends_in_assertion(n)))
		n = n->next;
	return n;
}

static void add_lead_in(struct buf *out, const char *source, const struct split *s, bool strip)
{
	size_t levels = s->n;
	while (levels > 1 && s->level[levels - 1].at == s->level[levels - 1].list->first)
		levels--; /* entered, but nothing of it is taken */
	for (size_t i = 0; i < levels; i++) {
		const struct level *l = &s->level[i];
		const struct pattern_node *first = strip && i == 0 ? skip_empty(l) : l->list->first;
		size_t to = l->at ? l->at->from : l->list->end;
		if (strip && i == 0 && first)
			add_flags(out, first->flags, false);
		if (first)
			buf_add(out, source + first->from, to - first->from);
		if (i + 1 < levels && l->at->capture)
			buf_add_text(out, "(?:");
		else if (i + 1 < levels)
			buf_add(out, source + l->at->from, l->at->header);
	}
	for (size_t i = 1; i < levels; i++)
		buf_add_char(out, ')');
}

static void add_body(struct buf *out, const char *source, const struct split *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct level *l = &s->level[i];
		if (l->at && (i == 0 || l->at->flags != l->list->first->flags))
			add_flags(out, l->at->flags, i > 0);
		if (i + 1 < s->n)
			buf_add(out, source + l->at->from, l->at->header);
	}
	for (size_t i = s->n; i-- > 0;) {
		const struct level *l = &s->level[i];
		const struct pattern_node *n = i + 1 == s->n ? l->at : after(l->at);
		if (i + 1 < s->n)
			buf_add_char(out, ')');
		if (n)
			buf_add(out, source + n->from, l->list->end - n->from);
	}
}

static bool is_wanted(struct search *s)
{
	if (!s->wanted)
		return true;
	bool same = false;
	for (int strip = 0; strip < 2 && !same; strip++) {
		struct buf text = { 0 }, bare = { 0 };
		add_lead_in(&text, s->source, &s->now, strip);
		buf_add_char(&text, '\0');
		if (!text.failed)
			add_bare(&bare, text.p);
		buf_add_char(&bare, '\0');
		same = !bare.failed && !text.failed && strcmp(bare.p, s->wanted) == 0;
		buf_fini(&text);
		buf_fini(&bare);
	}
	return same;
}

static void consider(struct search *s)
{
	if (split_usable(&s->now) && is_wanted(s)) {
		s->best = s->now;
		s->found = true;
	}
}

static void walk(struct search *s, const struct pattern_branch *list, bool secret)
{
	if (list->next || s->now.n == LEVELS_MAX)
		return; /* alternatives: no one place to split */
	struct level *l = &s->now.level[s->now.n++];
	*l = (struct level){ .list = list, .secret = secret };
	for (const struct pattern_node *n = list->first; n; n = n->next) {
		l->at = n;
		consider(s);
		bool holds = holds_group(n, s->group);
		bool inside = secret || n->capture == s->group;
		if (opaque(n) || (holds && (n->min != 1 || n->max != 1)))
			break;
		if (holds || (secret && !fixed(n))) {
			if (n->kind == PATTERN_GROUP && n->min == 1 && n->max == 1)
				walk(s, n->branches, inside);
			break;
		}
	}
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
	if (varies)
		out->prefix = 0;
	for (size_t i = 0; i < s->n; i++)
		for (const struct pattern_node *n = i + 1 == s->n ? s->level[i].at
								  : after(s->level[i].at);
		     n; n = n->next)
			out->body_max = (uint32_t)min_u64((uint64_t)out->body_max + pattern_max(n),
							  LEAD_IN_UNBOUNDED);
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

static char *take_text(struct buf *b)
{
	buf_add_char(b, '\0');
	if (b->failed)
		buf_fini(b);
	return b->p;
}

static int emit(const struct search *s, struct lead_in *out)
{
	struct buf lead = { 0 }, body = { 0 };
	measure(&s->best, out);
	add_lead_in(&lead, s->source, &s->best, true);
	add_body(&body, s->source, &s->best);
	out->lead_in = take_text(&lead);
	out->body = take_text(&body);
	if (!out->lead_in || !out->body) {
		lead_in_fini(out);
		return -ENOMEM;
	}
	out->body_group = s->group ? s->group - captures_lost(&s->best, s->group) : 0;
	out->found = true;
	return 0;
}

static void explain(const struct pattern_branch *root, struct lead_in *out)
{
	const struct pattern_node *n = root->first;
	out->remedy = "write lead_in, or hold: window N, or hold: none";
	while (n && !opaque(n) && (n->kind == PATTERN_ASSERT || n->kind == PATTERN_FLAGS))
		n = n->next;
	if (root->next) {
		out->why = "its alternatives stand at the top, so nothing comes before all of them";
	} else if (n && opaque(n)) {
		out->why = "a look-around comes before its first literal characters";
		out->remedy =
			"write those characters as lead_in: too, or leave the look-around out";
	} else {
		out->why =
			"nothing literal of at least 2 characters comes before its variable part";
	}
}

int lead_in_find(const char *regex, unsigned secret_group, const char *wanted, struct lead_in *out)
{
	struct pattern *p = NULL;
	struct buf bare = { 0 };
	*out = (struct lead_in){ 0 };
	int rc = pattern_parse(regex, &p, &out->why);
	if (rc)
		return rc;
	struct search s = { .source = regex, .group = secret_group };
	if (wanted) {
		add_bare(&bare, wanted);
		s.wanted = take_text(&bare);
		rc = s.wanted ? 0 : -ENOMEM;
	}
	out->groups = pattern_groups(p);
	out->min = pattern_branches_min(pattern_root(p));
	out->max = pattern_branches_max(pattern_root(p));
	for (const struct pattern_branch *b = pattern_root(p); b; b = b->next)
		out->ends_in_assertion = out->ends_in_assertion || ends_in_assertion(b, NULL);
	if (!rc)
		walk(&s, pattern_root(p), secret_group == 0);
	if (!rc && s.found)
		rc = emit(&s, out);
	else if (!rc)
		explain(pattern_root(p), out);
	buf_fini(&bare);
	pattern_free(p);
	return rc;
}

void lead_in_fini(struct lead_in *l)
{
	free(l->lead_in);
	free(l->body);
	l->lead_in = l->body = NULL;
	l->found = false;
}

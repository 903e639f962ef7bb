#include "policy/lead_in_split.h"

bool split_opaque(const struct pattern_node *n)
{
	if (n->kind == PATTERN_OPAQUE)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		for (const struct pattern_node *i = b->first; i; i = i->next)
			if (split_opaque(i))
				return true;
	return false;
}

bool split_item_asserts(const struct pattern_node *n)
{
	if (n->kind == PATTERN_ASSERT || n->kind == PATTERN_OPAQUE)
		return true;
	for (const struct pattern_branch *b = n->branches; b; b = b->next)
		if (split_list_asserts(b, NULL))
			return true;
	return false;
}

/* Whether the items before `end` may end in an assertion, when what may be empty is empty. */
bool split_list_asserts(const struct pattern_branch *b, const struct pattern_node *end)
{
	bool ends = false;
	for (const struct pattern_node *n = b->first; n && n != end; n = n->next) {
		if (pattern_min(n) > 0)
			ends = false;
		ends = ends || split_item_asserts(n);
	}
	return ends;
}

unsigned split_literals(const struct pattern_node *n)
{
	if (n->min == 0)
		return 0;
	if (n->kind == PATTERN_BYTES)
		return n->size <= 4 ? n->min : 0;
	unsigned least = n->branches ? UINT32_MAX : 0;
	for (const struct pattern_branch *b = n->branches; b; b = b->next) {
		unsigned sum = 0;
		for (const struct pattern_node *i = b->first; i; i = i->next)
			sum += split_literals(i);
		least = sum < least ? sum : least;
	}
	return n->kind == PATTERN_GROUP ? least : 0;
}

/* Parentheses make no difference to what a written lead-in means to its author. */
void split_add_bare(struct buf *out, const char *text)
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
	while (n && n != l->at && pattern_min(n) == 0 && !split_opaque(n) &&
	       (n->kind == PATTERN_FLAGS || !split_item_asserts(n)))
		n = n->next;
	return n;
}

void split_add_lead_in(struct buf *out, const char *source, const struct split *s, bool strip)
{
	size_t levels = s->n;
	while (levels > 1 && !s->head &&
	       s->level[levels - 1].at == s->level[levels - 1].list->first)
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
	if (s->head) {
		const struct pattern_node *n = s->level[levels - 1].at;
		buf_add(out, source + n->from, n->atom - n->from);
		buf_printf(out, "{%u}", s->head);
	}
	for (size_t i = 1; i < levels; i++)
		buf_add_char(out, ')');
}

/* What the lead-in has left of an item. */
static void add_tail(struct buf *out, const char *source, const struct pattern_node *n,
		     uint32_t head)
{
	buf_add(out, source + n->from, n->atom - n->from);
	buf_printf(out, "{%u,", n->min - head);
	if (n->max != PATTERN_MANY)
		buf_printf(out, "%u", n->max - head);
	buf_add_char(out, '}');
}

void split_add_body(struct buf *out, const char *source, const struct split *s)
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
		const struct pattern_node *n =
			i + 1 == s->n && !s->head ? l->at : split_after(l->at);
		if (i + 1 < s->n)
			buf_add_char(out, ')');
		else if (s->head)
			add_tail(out, source, l->at, s->head);
		if (n)
			buf_add(out, source + n->from, l->list->end - n->from);
	}
}

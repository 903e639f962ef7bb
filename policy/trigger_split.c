#include "policy/trigger_split.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lead_in.h"
#include "policy/lead_in_split.h"

#define GAP_MOST 64 /* a longer gap is walked, even where the longer literal stands behind it */

static bool is_word(unsigned c)
{
	return isalnum((int)c) || c == '_';
}

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

struct rest {                /* what there is on both sides of a split */
	unsigned head, tail; /* literals */
	uint32_t gap;        /* of the tail */
};

static struct rest weigh(const struct split *s)
{
	struct rest r = { 0 };
	for (size_t i = 0; i < s->n; i++) {
		const struct level *l = &s->level[i];
		for (const struct pattern_node *n = l->list->first; n && n != l->at; n = n->next)
			r.head += split_literals(n);
		const struct pattern_node *n = i + 1 == s->n ? l->at : split_after(l->at);
		for (; n; n = n->next) {
			r.tail += split_literals(n);
			r.gap = gap(n) > r.gap ? gap(n) : r.gap;
		}
	}
	return r;
}

/* The tail is worth a table, and the head comes rarely enough. */
static bool usable(struct split *s, const struct pattern_node *n)
{
	struct rest r = weigh(s);
	s->head = 0;
	if (n->kind == PATTERN_BYTES && n->size <= LEAD_IN_SHAPE_MAX && n->min) {
		s->head = n->min;
		r.head += split_literals(n);
		r.tail -= split_literals(n);
	}
	return r.head >= TRIGGER_LITERALS && r.gap > 1 && (r.tail <= r.head || r.gap > GAP_MOST);
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

static char *take_text(struct buf *b)
{
	buf_add_char(b, '\0');
	if (b->failed)
		buf_fini(b);
	return b->p;
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
		out->head = take_text(&head);
		out->tail = take_text(&tail);
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

struct plain { /* a head as a row of sets */
	uint32_t in[TRIGGER_HEAD_MOST][8];
	uint32_t n;
	bool edge;
};

static bool add_bytes(struct plain *p, const struct pattern_node *n)
{
	if (!n->exact || n->min != n->max || n->size > LEAD_IN_SHAPE_MAX ||
	    n->min > TRIGGER_HEAD_MOST - p->n)
		return false;
	for (uint32_t i = 0; i < n->min; i++)
		memcpy(p->in[p->n++], n->in, sizeof(n->in));
	return true;
}

static bool add_list(struct plain *p, const char *source, const struct pattern_branch *b)
{
	bool ok = !b->next;
	for (const struct pattern_node *n = b->first; n && ok; n = n->next) {
		bool once = n->min == 1 && n->max == 1;
		bool edge = n->kind == PATTERN_ASSERT && !p->n &&
			    strncmp(source + n->from, "\\b", 2) == 0;
		p->edge = p->edge || edge;
		ok = n->kind == PATTERN_FLAGS || edge ||
		     (n->kind == PATTERN_BYTES && add_bytes(p, n)) ||
		     (n->kind == PATTERN_GROUP && once && add_list(p, source, n->branches));
	}
	return ok;
}

static bool in_set(const uint32_t in[8], unsigned c)
{
	return in[c / 32] >> c % 32 & 1;
}

/* A letter is there in both cases, or not at all. */
static bool ignores_case(const struct plain *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		for (unsigned c = 'a'; c <= 'z'; c++)
			if (in_set(p->in[i], c) != in_set(p->in[i], c - 32))
				return false;
	return true;
}

static bool begins_in_word(const struct plain *p)
{
	for (unsigned c = 0; c < 256; c++)
		if (in_set(p->in[0], c) && !is_word(c))
			return false;
	return true;
}

static void spell(struct buf *out, const uint32_t in[8], bool caseless)
{
	struct buf set = { 0 };
	unsigned n = 0;
	for (unsigned c = 0; c < 256; c++)
		if (in_set(in, c) && !(caseless && isupper((int)c))) {
			buf_printf(&set, "\\x%02x", c);
			n++;
		}
	buf_add_text(out, n > 1 ? "[" : "");
	buf_add(out, set.p, set.n);
	buf_add_text(out, n > 1 ? "]" : "");
	out->failed = out->failed || set.failed;
	buf_fini(&set);
}

int trigger_plain(struct trigger_split *s)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	struct plain plain = { .n = 0 };
	struct buf text = { 0 };
	int rc = pattern_parse(s->head, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	bool ok = add_list(&plain, s->head, pattern_root(p)) && plain.n >= TRIGGER_LITERALS &&
		  (!plain.edge || begins_in_word(&plain));
	pattern_free(p);
	if (!ok)
		return 0;
	bool caseless = ignores_case(&plain);
	buf_add_text(&text, caseless ? "(?i)" : "");
	for (uint32_t i = 0; i < plain.n; i++)
		spell(&text, plain.in[i], caseless);
	char *head = take_text(&text);
	if (!head)
		return -ENOMEM;
	free(s->head);
	s->head = head;
	s->edge = plain.edge ? plain.n : 0;
	return 0;
}

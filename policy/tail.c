#include "policy/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/word.h"

#define ITEMS_MOST 1024
#define WORDS (ITEMS_MOST / 64)

enum item_kind { ITEM_DONE, ITEM_BYTE, ITEM_FORK, ITEM_EDGE };

/* The expression as a machine of items, each of which goes on with another one; forks with two. */
struct item {
	enum item_kind kind;
	uint16_t next, other;
	uint32_t in[8];
};

struct set { /* of items: where the machine may be */
	uint64_t has[WORDS];
	bool word; /* the byte before is one of a word; false where nothing asks */
};

struct draft {
	const char *source;
	struct item items[ITEMS_MOST];
	uint32_t n_items;
	bool edges;  /* some item asks for the edge of a word */
	bool failed; /* it is no table */
	uint8_t class[256], sample[256];
	uint32_t classes;
	struct set sets[TAIL_STATES];
	uint16_t next[TAIL_STATES][256];
	uint32_t n;
};

/* The machine, from its end to its beginning. */

static uint16_t add(struct draft *d, struct item item)
{
	if (d->n_items == ITEMS_MOST) {
		d->failed = true;
		return 0;
	}
	d->items[d->n_items] = item;
	return (uint16_t)d->n_items++;
}

static uint16_t build_list(struct draft *d, const struct pattern_node *n, uint16_t next);

static uint16_t build_bytes(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	struct item item = { .kind = ITEM_BYTE, .next = next };
	d->failed = d->failed || !n->exact;
	memcpy(item.in, n->in, sizeof(item.in));
	if (d->source[n->from] == '.' && !(n->flags & PATTERN_S))
		item.in['\n' / 32] &= ~(1u << '\n' % 32);
	return add(d, item);
}

static uint16_t build_once(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	if (n->kind == PATTERN_BYTES)
		return build_bytes(d, n, next);
	uint16_t first = build_list(d, n->branches->first, next);
	for (const struct pattern_branch *b = n->branches->next; b && !d->failed; b = b->next) {
		uint16_t other = build_list(d, b->first, next);
		first = add(d, (struct item){ .kind = ITEM_FORK, .next = first, .other = other });
	}
	return first;
}

static uint16_t build_repeats(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	uint16_t at = next;
	if (n->max == PATTERN_MANY) {
		at = add(d, (struct item){ .kind = ITEM_FORK, .next = next, .other = next });
		uint16_t again = build_once(d, n, at);
		d->items[at].other = again;
	}
	for (uint32_t i = n->min; i < n->max && n->max != PATTERN_MANY && !d->failed; i++) {
		uint16_t once = build_once(d, n, at);
		at = add(d, (struct item){ .kind = ITEM_FORK, .next = once, .other = next });
	}
	for (uint32_t i = 0; i < n->min && !d->failed; i++)
		at = build_once(d, n, at);
	return at;
}

static uint16_t build_node(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	bool edge = n->kind == PATTERN_ASSERT && strncmp(d->source + n->from, "\\b", 2) == 0;
	if (n->kind == PATTERN_FLAGS)
		return next;
	if (n->kind == PATTERN_BYTES || n->kind == PATTERN_GROUP)
		return build_repeats(d, n, next);
	d->failed = d->failed || !edge || n->min != 1 || n->max != 1;
	d->edges = true;
	return add(d, (struct item){ .kind = ITEM_EDGE, .next = next });
}

static uint16_t build_list(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	if (!n || d->failed)
		return next;
	return build_node(d, n, build_list(d, n->next, next));
}

/* Bytes that no item tells apart are one class. */

static void divide(struct draft *d, const uint32_t in[8])
{
	uint16_t renamed[2][256] = { { 0 } };
	uint32_t n = 0;
	for (unsigned c = 0; c < 256; c++) {
		uint16_t *name = &renamed[in[c / 32] >> c % 32 & 1][d->class[c]];
		if (!*name) {
			d->sample[n] = (uint8_t)c;
			*name = (uint16_t)++n;
		}
		d->class[c] = (uint8_t)(*name - 1);
	}
	d->classes = n;
}

static void classify(struct draft *d)
{
	uint32_t word[8] = { 0 };
	d->classes = 1;
	for (unsigned c = 0; c < 256; c++)
		word[c / 32] |= (uint32_t)is_word(c) << c % 32;
	if (d->edges)
		divide(d, word);
	for (uint32_t i = 0; i < d->n_items; i++)
		if (d->items[i].kind == ITEM_BYTE)
			divide(d, d->items[i].in);
}

/* Sets of items become states. */

static bool has(const struct set *s, uint32_t i)
{
	return s->has[i / 64] >> i % 64 & 1;
}

/* Adds an item, or where its forks lead; `visited` keeps it from going round. */
static void enter(const struct draft *d, struct set *s, struct set *visited, uint16_t i)
{
	while (!has(visited, i)) {
		visited->has[i / 64] |= UINT64_C(1) << i % 64;
		if (d->items[i].kind != ITEM_FORK) {
			s->has[i / 64] |= UINT64_C(1) << i % 64;
			return;
		}
		enter(d, s, visited, d->items[i].other);
		i = d->items[i].next;
	}
}

static uint16_t state_of(struct draft *d, const struct set *s)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (memcmp(&d->sets[i], s, sizeof(*s)) == 0)
			return (uint16_t)i;
	if (d->n == TAIL_STATES) {
		d->failed = true;
		return TAIL_DEAD;
	}
	d->sets[d->n] = *s;
	return (uint16_t)d->n++;
}

/* Between these two bytes a word begins or ends: what waited for that goes on. */
static void pass_edges(const struct draft *d, struct set *s)
{
	struct set visited = { .word = false };
	for (bool more = true; more;) {
		struct set before = *s;
		for (uint32_t i = 0; i < d->n_items; i++)
			if (d->items[i].kind == ITEM_EDGE && has(&before, i))
				enter(d, s, &visited, d->items[i].next);
		more = memcmp(&before, s, sizeof(before)) != 0;
	}
}

static uint16_t go_on(struct draft *d, uint32_t state, unsigned byte)
{
	struct set from = d->sets[state], to, visited;
	memset(&to, 0, sizeof(to));
	memset(&visited, 0, sizeof(visited));
	if (d->edges && from.word != is_word(byte))
		pass_edges(d, &from);
	for (uint32_t w = 0; w < WORDS; w++)
		for (uint64_t left = from.has[w]; left; left &= left - 1) {
			const struct item *i = &d->items[w * 64 + (uint32_t)__builtin_ctzll(left)];
			if (i->kind == ITEM_BYTE && i->in[byte / 32] >> byte % 32 & 1)
				enter(d, &to, &visited, i->next);
		}
	bool some = false;
	for (uint32_t w = 0; w < WORDS && !some; w++)
		some = to.has[w] != 0;
	to.word = some && d->edges && is_word(byte);
	return state_of(d, &to);
}

static void determine(struct draft *d, uint16_t first, uint16_t start[2])
{
	struct set s, visited;
	memset(&s, 0, sizeof(s));
	state_of(d, &s); /* TAIL_DEAD */
	memset(&visited, 0, sizeof(visited));
	enter(d, &s, &visited, first);
	for (int word = 0; word < 2; word++) {
		s.word = word && d->edges;
		start[word] = state_of(d, &s);
	}
	for (uint32_t i = 0; i < d->n && !d->failed; i++)
		for (uint32_t k = 0; k < d->classes && !d->failed; k++)
			d->next[i][k] = go_on(d, i, d->sample[k]);
}

/* The largest relation that its own next steps bear out. Later states tend to follow earlier ones,
 * so from the last to the first few rounds are needed. */
static bool bears_out(const struct tail *t, uint32_t a, uint32_t b)
{
	if (t->accepts[a] && !t->accepts[b])
		return false;
	for (uint32_t k = 0; k < t->classes; k++)
		if (!tail_within(t, t->next[a * t->classes + k], t->next[b * t->classes + k]))
			return false;
	return true;
}

static void compare(struct tail *t)
{
	for (bool more = true; more;) {
		more = false;
		for (uint32_t i = t->n * t->n; i-- > 0;)
			if (t->within[i / 64] >> i % 64 & 1 && !bears_out(t, i / t->n, i % t->n)) {
				t->within[i / 64] &= ~(UINT64_C(1) << i % 64);
				more = true;
			}
	}
}

static struct tail *make(const struct draft *d, const uint16_t start[2], uint16_t done)
{
	size_t next = ((size_t)d->n * d->classes * sizeof(uint16_t) + 7) / 8;
	size_t within = ((size_t)d->n * d->n + 63) / 64;
	struct tail *t = calloc(1, sizeof(*t) + (next + within) * sizeof(t->tables[0]));
	if (!t)
		return NULL;
	t->n = d->n;
	t->classes = d->classes;
	t->within = t->tables;
	t->next = (uint16_t *)(void *)(t->tables + within);
	memcpy(t->start, start, sizeof(t->start));
	memcpy(t->class, d->class, sizeof(t->class));
	for (uint32_t i = 0; i < d->n; i++) {
		t->accepts[i] = has(&d->sets[i], done);
		memcpy(t->next + i * d->classes, d->next[i], d->classes * sizeof(uint16_t));
	}
	memset(t->within, 0xff, within * sizeof(t->within[0]));
	compare(t);
	return t;
}

/* It may end in an edge, which only the byte behind it decides. */
static bool ends_in_edge(const struct draft *d, uint16_t done)
{
	for (uint32_t i = 0; i < d->n_items; i++) {
		struct set s, visited;
		memset(&s, 0, sizeof(s));
		memset(&visited, 0, sizeof(visited));
		if (d->items[i].kind != ITEM_EDGE)
			continue;
		enter(d, &s, &visited, d->items[i].next);
		if (has(&s, done))
			return true;
	}
	return false;
}

static int read(struct draft *d, const struct pattern_branch *root, struct tail **out)
{
	uint16_t start[2] = { 0 };
	uint16_t done = add(d, (struct item){ .kind = ITEM_DONE });
	uint16_t first = build_list(d, root->first, done);
	if (d->failed || root->next || ends_in_edge(d, done))
		return 0;
	classify(d);
	determine(d, first, start);
	if (!d->failed)
		*out = make(d, start, done);
	return d->failed || *out ? 0 : -ENOMEM;
}

int tail_read(const char *expression, struct tail **out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	*out = NULL;
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	struct draft *d = calloc(1, sizeof(*d));
	if (d)
		d->source = expression;
	rc = d ? read(d, pattern_root(p), out) : -ENOMEM;
	free(d);
	pattern_free(p);
	return rc;
}

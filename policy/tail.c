#include "policy/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/word.h"

#define ITEMS_MOST 1024
#define WORDS (ITEMS_MOST / 64)
/* A gap whose longest is so much longer than its shortest is counted: first only where the states
 * would be many anyway, because a walk is cheaper without; and then, when they are too many. */
static const uint32_t gaps_least[] = { 40, 12 };

#define SLOTS 2048 /* a power of two, well above TAIL_STATES */

enum item_kind { ITEM_DONE, ITEM_BYTE, ITEM_FORK, ITEM_EDGE, ITEM_GAP };

/* The expression as a machine of items, each of which goes on with another one; forks with two. A
 * gap goes on with what is behind it only where it may be empty. */
struct item {
	enum item_kind kind;
	bool stops;
	uint16_t next, other;
	uint32_t in[8];
};

struct set { /* of items: where the machine may be */
	uint64_t has[WORDS];
	uint64_t word; /* 1: the byte before is one of a word; 0 where nothing asks */
};

struct gap {
	uint16_t item;        /* it begins */
	uint16_t loop, first; /* any byte that more may follow; up to its first byte */
	uint16_t start;       /* the state of its first byte */
	uint32_t least, most; /* bytes */
};

struct draft {
	const char *source;
	struct item items[ITEMS_MOST];
	uint32_t n_items;
	struct gap gaps[TAIL_GAPS];
	uint32_t n_gaps;
	uint32_t gap_least;
	uint32_t again;   /* within repeats without end: no gaps, which would begin themselves */
	struct set edges; /* the items that ask for the edge of a word */
	bool asks;        /* there are some */
	bool failed;      /* it is no table */
	uint8_t class[256], sample[256];
	uint32_t classes;
	struct set sets[TAIL_STATES];
	uint16_t slots[SLOTS]; /* states by what is in their sets, plus 1 */
	uint16_t start[2], cut[TAIL_STATES];
	uint16_t *next; /* [state * classes + class] */
	uint32_t n;
};

static bool has(const struct set *s, uint32_t i)
{
	return s->has[i / 64] >> i % 64 & 1;
}

static void put(struct set *s, uint32_t i)
{
	s->has[i / 64] |= UINT64_C(1) << i % 64;
}

static bool meet(const struct set *a, const struct set *b)
{
	uint64_t both = 0;
	for (uint32_t w = 0; w < WORDS; w++)
		both |= a->has[w] & b->has[w];
	return both;
}

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

/* The bytes that are repeated, where it is nothing else. */
static const struct pattern_node *plain_bytes(const struct pattern_node *n)
{
	const struct pattern_node *one = n->kind == PATTERN_GROUP ? n->branches->first : NULL;
	if (n->kind == PATTERN_BYTES)
		return n;
	bool only = one && !n->branches->next && !one->next && one->kind == PATTERN_BYTES;
	return only && one->min == 1 && one->max == 1 ? one : NULL;
}

/* How many there are is counted by who walks. */
static uint16_t build_gap(struct draft *d, const struct pattern_node *n,
			  const struct pattern_node *bytes, uint16_t next)
{
	if (d->n_gaps == TAIL_GAPS || n->max >= TAIL_NO_GAP) {
		d->failed = true;
		return next;
	}
	struct gap *gap = &d->gaps[d->n_gaps];
	uint16_t at = add(d, (struct item){ .kind = ITEM_FORK, .next = next });
	gap->first = gap->loop = build_bytes(d, bytes, at);
	d->items[at].other = gap->loop;
	for (uint32_t i = 0, before = at; i < n->min && !d->failed; i++, before = gap->first)
		gap->first = build_bytes(d, bytes, (uint16_t)before);
	gap->least = n->min;
	gap->most = n->max;
	gap->item = add(d, (struct item){ .kind = ITEM_GAP,
					  .stops = n->min > 0,
					  .next = next,
					  .other = (uint16_t)d->n_gaps++ });
	return gap->item;
}

static uint16_t build_repeats(struct draft *d, const struct pattern_node *n, uint16_t next)
{
	uint16_t at = next;
	const struct pattern_node *bytes = plain_bytes(n);
	if (bytes && !d->again && n->max != PATTERN_MANY && n->max - n->min >= d->gap_least)
		return build_gap(d, n, bytes, next);
	if (n->max == PATTERN_MANY) {
		at = add(d, (struct item){ .kind = ITEM_FORK, .next = next, .other = next });
		d->again++;
		uint16_t again = build_once(d, n, at);
		d->again--;
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
	uint16_t at = add(d, (struct item){ .kind = ITEM_EDGE, .next = next });
	put(&d->edges, at);
	d->asks = true;
	return at;
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
	if (d->asks)
		divide(d, word);
	for (uint32_t i = 0; i < d->n_items; i++)
		if (d->items[i].kind == ITEM_BYTE)
			divide(d, d->items[i].in);
}

/* Sets of items become states. */

/* Adds an item, and where it leads without a byte; `visited` keeps it from going round. */
static void enter(const struct draft *d, struct set *s, struct set *visited, uint16_t i)
{
	while (!has(visited, i)) {
		const struct item *one = &d->items[i];
		put(visited, i);
		if (one->kind != ITEM_FORK)
			put(s, i);
		if (one->kind == ITEM_FORK)
			enter(d, s, visited, one->other);
		else if (one->kind != ITEM_GAP || one->stops)
			return;
		i = one->next;
	}
}

static uint16_t state_of(struct draft *d, const struct set *s)
{
	uint64_t hash = s->word;
	for (uint32_t w = 0; w < WORDS; w++)
		hash = (hash ^ s->has[w]) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 32);
	uint32_t at = hash >> 32 & (SLOTS - 1);
	for (; d->slots[at]; at = (at + 1) & (SLOTS - 1))
		if (memcmp(&d->sets[d->slots[at] - 1], s, sizeof(*s)) == 0)
			return d->slots[at] - 1;
	if (d->n == TAIL_STATES || (d->n + 1) * (d->classes + 1) > TAIL_NOTE) {
		d->failed = true;
		return TAIL_DEAD;
	}
	d->sets[d->n] = *s;
	d->slots[at] = (uint16_t)++d->n;
	return (uint16_t)(d->n - 1);
}

/* Between these two bytes a word begins or ends: what waited for that goes on. */
static void pass_edges(const struct draft *d, struct set *s)
{
	struct set visited = { .word = 0 };
	for (bool more = meet(s, &d->edges); more;) {
		struct set before = *s;
		for (uint32_t i = 0; i < d->n_items; i++)
			if (d->items[i].kind == ITEM_EDGE && has(&before, i))
				enter(d, s, &visited, d->items[i].next);
		more = memcmp(&before, s, sizeof(before)) != 0;
	}
}

static uint16_t go_on(struct draft *d, uint32_t state, unsigned byte)
{
	struct set from = d->sets[state], to = { .word = 0 }, visited = { .word = 0 };
	if (from.word != is_word(byte))
		pass_edges(d, &from);
	for (uint32_t w = 0; w < WORDS; w++)
		for (uint64_t left = from.has[w]; left; left &= left - 1) {
			const struct item *i = &d->items[w * 64 + (uint32_t)__builtin_ctzll(left)];
			if (i->kind == ITEM_BYTE && i->in[byte / 32] >> byte % 32 & 1)
				enter(d, &to, &visited, i->next);
		}
	to.word = is_word(byte) && meet(&to, &d->edges);
	return state_of(d, &to);
}

/* Before the loop too the bytes are counted, so that whether it is another state tells. */
static uint16_t without_gaps(struct draft *d, uint32_t state)
{
	struct set s = d->sets[state];
	for (uint32_t i = 0; i < d->n_gaps; i++)
		for (uint32_t k = d->gaps[i].loop; k <= d->gaps[i].first; k++)
			s.has[k / 64] &= ~(UINT64_C(1) << k % 64);
	return state_of(d, &s);
}

static void determine(struct draft *d, uint16_t first)
{
	struct set s = { .word = 0 }, visited = { .word = 0 };
	state_of(d, &s); /* TAIL_DEAD */
	enter(d, &s, &visited, first);
	for (int word = 0; word < 2; word++) {
		s.word = word && meet(&s, &d->edges);
		d->start[word] = state_of(d, &s);
	}
	for (uint32_t i = 0; i < d->n_gaps; i++) {
		memset(&s, 0, sizeof(s));
		put(&s, d->gaps[i].first);
		d->gaps[i].start = state_of(d, &s);
	}
	for (uint32_t i = 0; i < d->n && !d->failed; i++) {
		d->cut[i] = without_gaps(d, i);
		for (uint32_t k = 0; k < d->classes && !d->failed; k++)
			d->next[i * d->classes + k] = go_on(d, i, d->sample[k]);
	}
}

/* States become a table. */

static uint32_t says(const struct draft *d, const struct set *s, uint16_t done)
{
	uint32_t all = has(s, done) ? TAIL_ACCEPTS : 0;
	for (uint32_t i = 0; i < d->n_gaps; i++)
		all |= (uint32_t)has(s, d->gaps[i].item) << i;
	return all;
}

static bool is_over(const struct draft *d, const struct set *s)
{
	bool some = false;
	for (uint32_t i = 0; i < d->n_items && !some; i++)
		some = has(s, i) &&
		       (d->items[i].kind == ITEM_BYTE || d->items[i].kind == ITEM_EDGE);
	return !some;
}

static uint16_t row(const struct draft *d, uint32_t state)
{
	return (uint16_t)(state * (d->classes + 1));
}

static void describe(const struct draft *d, uint16_t done, struct tail *t)
{
	for (uint32_t i = 0; i < d->n; i++) {
		struct set passed = d->sets[i];
		pass_edges(d, &passed);
		t->states[i] = (struct tail_state){ .says = says(d, &d->sets[i], done),
						    .cut = row(d, d->cut[i]),
						    .word = d->sets[i].word,
						    .over = is_over(d, &d->sets[i]) };
		for (uint32_t k = 0; k < d->n_gaps; k++)
			t->states[i].in |= (uint32_t)has(&d->sets[i], d->gaps[k].loop) << k;
		t->states[i].edge = says(d, &passed, done) & ~t->states[i].says;
		t->next[row(d, i) + d->classes] = (uint16_t)i;
	}
}

/* What it says before the next byte, which is one of a word or not. */
static uint32_t edge(const struct tail *t, uint32_t state, bool word)
{
	return t->states[state].word != word ? t->states[state].edge : 0;
}

static void note(const struct draft *d, struct tail *t)
{
	for (uint32_t i = 0; i < d->n * d->classes; i++) {
		uint32_t from = i / d->classes, class = i % d->classes;
		const struct tail_state *to = &t->states[d->next[i]];
		uint32_t all = to->says | edge(t, from, is_word(d->sample[class]));
		t->begins = t->begins || (all & ~TAIL_ACCEPTS);
		t->next[row(d, from) + class] =
			row(d, d->next[i]) | (all || to->over ? TAIL_NOTE : 0);
	}
}

static bool marked(const struct tail *t, uint32_t a, uint32_t b)
{
	uint32_t i = a * t->n + b;
	return t->within[i / 64] >> i % 64 & 1;
}

/* Whether all that is said at the next byte, and from there on, is as the relation says. */
static bool bears_out(const struct tail *t, const struct draft *d, uint32_t a, uint32_t b)
{
	for (uint32_t k = 0; k < d->classes; k++) {
		uint32_t to = d->next[a * d->classes + k], beside = d->next[b * d->classes + k];
		if (t->states[to].says & ~t->states[beside].says || !marked(t, to, beside))
			return false;
	}
	for (uint32_t k = 0; k < d->classes && t->states[a].edge; k++) {
		bool word = is_word(d->sample[k]);
		if (edge(t, a, word) & ~edge(t, b, word))
			return false;
	}
	return marked(t, d->cut[a], b) && marked(t, d->cut[a], d->cut[b]);
}

static bool thin_out(struct tail *t, const struct draft *d, uint32_t a)
{
	bool some = false;
	for (uint32_t b = 0, i = a * t->n; b < t->n; b++, i++)
		if (marked(t, a, b) && !bears_out(t, d, a, b)) {
			t->within[i / 64] &= ~(UINT64_C(1) << i % 64);
			some = true;
		}
	return some;
}

static bool leads(const struct draft *d, uint32_t from, uint32_t to)
{
	bool does = d->cut[from] == to;
	for (uint32_t k = 0; k < d->classes && !does; k++)
		does = d->next[from * d->classes + k] == to;
	return does;
}

/* The largest relation that its own next steps bear out. What is known of a state hangs on what is
 * known of those that it leads to, which tend to be later ones. */
static void compare(struct tail *t, const struct draft *d)
{
	bool stale[TAIL_STATES], more = true;
	memset(stale, true, sizeof(stale));
	while (more) {
		more = false;
		for (uint32_t a = t->n; a-- > 0;) {
			if (!stale[a])
				continue;
			stale[a] = false;
			if (!thin_out(t, d, a))
				continue;
			more = true;
			for (uint32_t i = 0; i < t->n; i++)
				stale[i] = stale[i] || leads(d, i, a);
		}
	}
}

static int make(const struct draft *d, uint16_t done, struct tail **out)
{
	size_t states = (d->n * sizeof(struct tail_state) + 7) / 8;
	size_t next = ((size_t)d->n * (d->classes + 1) * sizeof(uint16_t) + 7) / 8;
	size_t within = ((size_t)d->n * d->n + 63) / 64;
	struct tail *t = calloc(1, sizeof(*t) + (states + next + within) * sizeof(t->tables[0]));
	if (!t)
		return -ENOMEM;
	t->start[0] = row(d, d->start[0]);
	t->start[1] = row(d, d->start[1]);
	for (uint32_t i = 0; i < d->n_gaps; i++)
		t->gaps[i] =
			(struct tail_gap){ row(d, d->gaps[i].start), (uint16_t)d->gaps[i].least,
					   (uint16_t)d->gaps[i].most };
	t->n = d->n;
	t->classes = d->classes;
	t->n_gaps = d->n_gaps;
	memcpy(t->class, d->class, sizeof(t->class));
	t->within = t->tables;
	t->states = (struct tail_state *)(void *)(t->tables + within);
	t->next = (uint16_t *)(void *)(t->tables + within + states);
	describe(d, done, t);
	note(d, t);
	memset(t->within, 0xff, within * sizeof(t->within[0]));
	compare(t, d);
	*out = t;
	return 0;
}

static int read(struct draft *d, const char *source, const struct pattern_branch *root,
		struct tail **out)
{
	d->source = source;
	uint16_t done = add(d, (struct item){ .kind = ITEM_DONE });
	uint16_t first = build_list(d, root->first, done);
	if (d->failed || root->next)
		return 0;
	classify(d);
	d->next = malloc((size_t)TAIL_STATES * d->classes * sizeof(*d->next));
	if (!d->next)
		return -ENOMEM;
	determine(d, first);
	return d->failed ? 0 : make(d, done, out);
}

static int try(const char *expression, const struct pattern_branch *root, uint32_t gap_least,
	       struct tail **out)
{
	struct draft *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->gap_least = gap_least;
	int rc = read(d, expression, root, out);
	free(d->next);
	free(d);
	return rc;
}

int tail_read(const char *expression, struct tail **out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	*out = NULL;
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	for (size_t i = 0; i < ARRAY_LEN(gaps_least) && !rc && !*out; i++)
		rc = try(expression, pattern_root(p), gaps_least[i], out);
	pattern_free(p);
	return rc;
}

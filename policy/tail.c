#include "policy/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tail_draft.h"
#include "policy/word.h"

/* Gaps are counted whose longest is so much longer than their shortest: at first only long ones,
 * because a walk that counts costs more, and shorter ones where the states are too many. */
static const uint32_t gaps_least[] = { 40, 12 };

/* Bytes that no item tells apart are one class. */

static void divide(struct tail_draft *d, const uint32_t in[8])
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

static void classify(struct tail_draft *d)
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
static void enter(const struct tail_draft *d, struct set *s, struct set *visited, uint16_t i)
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

static uint16_t state_of(struct tail_draft *d, const struct set *s)
{
	uint64_t hash = s->word;
	for (uint32_t w = 0; w < WORDS; w++)
		hash = (hash ^ s->has[w]) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 32);
	uint32_t at = hash >> 32 & (SLOTS - 1);
	for (; d->slots[at]; at = (at + 1) & (SLOTS - 1))
		if (memcmp(&d->sets[d->slots[at] - 1], s, sizeof(*s)) == 0)
			return d->slots[at] - 1;
	if (d->n == TAIL_STATES || (d->n + 1) * (d->classes + 1) > TAIL_STATE) {
		d->failed = true;
		return TAIL_DEAD;
	}
	d->sets[d->n] = *s;
	d->slots[at] = (uint16_t)++d->n;
	return (uint16_t)(d->n - 1);
}

/* Between these two bytes a word begins or ends: what waited for that goes on. */
static void pass_edges(const struct tail_draft *d, struct set *s)
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

static uint16_t go_on(struct tail_draft *d, uint32_t state, unsigned byte)
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
static uint16_t without_gaps(struct tail_draft *d, uint32_t state)
{
	struct set s = d->sets[state];
	for (uint32_t i = 0; i < d->n_gaps; i++)
		for (uint32_t k = d->gaps[i].loop; k <= d->gaps[i].first; k++)
			s.has[k / 64] &= ~(UINT64_C(1) << k % 64);
	return state_of(d, &s);
}

static void determine(struct tail_draft *d, uint16_t first)
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

static uint32_t says(const struct tail_draft *d, const struct set *s, uint16_t done)
{
	uint32_t all = has(s, done) ? TAIL_ACCEPTS : 0;
	for (uint32_t i = 0; i < d->n_gaps; i++)
		all |= (uint32_t)has(s, d->gaps[i].item) << i;
	return all;
}

static bool is_over(const struct tail_draft *d, const struct set *s)
{
	bool some = false;
	for (uint32_t i = 0; i < d->n_items && !some; i++)
		some = has(s, i) &&
		       (d->items[i].kind == ITEM_BYTE || d->items[i].kind == ITEM_EDGE);
	return !some;
}

static uint16_t row(const struct tail_draft *d, uint32_t state)
{
	return (uint16_t)(state * (d->classes + 1));
}

static void describe(const struct tail_draft *d, uint16_t done, struct tail *t)
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
		t->next[row(d, i) + d->classes] = i;
	}
}

/* What it says before the next byte, which is one of a word or not. */
static uint32_t edge(const struct tail *t, uint32_t state, bool word)
{
	return t->states[state].word != word ? t->states[state].edge : 0;
}

static void note(const struct tail_draft *d, struct tail *t)
{
	for (uint32_t i = 0; i < d->n * d->classes; i++) {
		uint32_t from = i / d->classes, class = i % d->classes;
		const struct tail_state *to = &t->states[d->next[i]];
		uint32_t before = edge(t, from, is_word(d->sample[class])), *step;
		t->begins = t->begins || ((to->says | before) & ~TAIL_ACCEPTS);
		step = &t->next[row(d, from) + class];
		*step = row(d, d->next[i]);
		*step |= to->over ? TAIL_OVER : 0;
		*step |= to->says == TAIL_ACCEPTS ? TAIL_ENDS : to->says ? TAIL_GOES_ON : 0;
		*step |= before ? TAIL_AT_EDGE : 0;
	}
}

static bool marked(const struct tail *t, uint32_t a, uint32_t b)
{
	uint32_t i = a * t->n + b;
	return t->within[i / 64] >> i % 64 & 1;
}

/* Whether all that is said at the next byte, and from there on, is as the relation says. */
static bool bears_out(const struct tail *t, const struct tail_draft *d, uint32_t a, uint32_t b)
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

static bool thin_out(struct tail *t, const struct tail_draft *d, uint32_t a)
{
	bool some = false;
	for (uint32_t b = 0, i = a * t->n; b < t->n; b++, i++)
		if (marked(t, a, b) && !bears_out(t, d, a, b)) {
			t->within[i / 64] &= ~(UINT64_C(1) << i % 64);
			some = true;
		}
	return some;
}

static bool leads(const struct tail_draft *d, uint32_t from, uint32_t to)
{
	bool does = d->cut[from] == to;
	for (uint32_t k = 0; k < d->classes && !does; k++)
		does = d->next[from * d->classes + k] == to;
	return does;
}

/* The largest relation that its own next steps bear out. What is known of a state hangs on what is
 * known of those that it leads to, which tend to be later ones. */
static void compare(struct tail *t, const struct tail_draft *d)
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

static int make(const struct tail_draft *d, uint16_t done, struct tail **out)
{
	size_t states = (d->n * sizeof(struct tail_state) + 7) / 8;
	size_t next = ((size_t)d->n * (d->classes + 1) * sizeof(uint32_t) + 7) / 8;
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
	t->next = (uint32_t *)(void *)(t->tables + within + states);
	describe(d, done, t);
	note(d, t);
	memset(t->within, 0xff, within * sizeof(t->within[0]));
	compare(t, d);
	*out = t;
	return 0;
}

static int read(struct tail_draft *d, const char *source, const struct pattern_branch *root,
		struct tail **out)
{
	d->source = source;
	uint16_t done, first = tail_items(d, root, &done);
	if (d->failed)
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
	struct tail_draft *d = calloc(1, sizeof(*d));
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

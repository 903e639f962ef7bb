#include "policy/head_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATES_MOST 32768
#define STATES_EACH 16 /* for each item, on top of */
#define STATES_LEAST 1024
#define ITEMS_MOST 16384     /* places of all rows */
#define SETS_MOST (1u << 22) /* items in all states */
#define CLASSES_MOST 256
#define BLOCK 2048      /* bytes that are gone through before what ends in them is noted */
#define LANES_LEAST 512 /* bytes that are worth it */
#define START 0         /* the state in which no head has begun */
#define CLASS_WORDS (CLASSES_MOST / 64)

struct head_table {
	uint8_t class[256];
	uint32_t classes;
	uint32_t *next; /* rows of so many, and one: of `outs`; a state is the place of its row */
	uint32_t quiet; /* in states before this one no head ends */
	uint32_t *outs; /* of the others: a number of heads, and the heads */
	uint16_t *once; /* by head: its bit in `told`, plus one; 0: it counts each time */
};

/* Places of rows are items, numbered row by row. An item in a state says that the bytes of its row
 * up to and with that place were there. */
struct item {
	uint32_t row;
	uint64_t in[CLASS_WORDS]; /* classes */
};

struct draft {
	const struct head_row *rows;
	uint32_t n_rows;
	uint32_t *first; /* item of each row */
	struct item *items;
	uint32_t begin[CLASSES_MOST];    /* of `begins`: items that a class begins with, */
	uint32_t begins_n[CLASSES_MOST]; /* so many */
	uint32_t *begins;
	uint32_t n_items, classes;
	uint8_t class[256], sample[CLASSES_MOST];
	uint32_t *sets; /* of all states, one behind the other */
	uint32_t n_sets, cap_sets;
	uint32_t *set;    /* where each state's begins */
	uint32_t n, most; /* states */
	uint16_t *slots;  /* a state's number plus one, by its set */
	uint32_t n_slots; /* a power of two */
	uint16_t *next;
	bool failed; /* too much of something */
};

static bool in_row(const struct head_row *r, uint32_t place, unsigned c)
{
	return r->in[place][c / 32] >> c % 32 & 1;
}

/* Bytes that no place tells apart are one class. */
static void divide(struct draft *d, const struct head_row *r, uint32_t place)
{
	uint16_t renamed[2][CLASSES_MOST] = { { 0 } };
	uint32_t n = 0;
	for (unsigned c = 0; c < 256; c++) {
		uint16_t *name = &renamed[in_row(r, place, c)][d->class[c]];
		if (!*name) {
			d->sample[n] = (uint8_t)c;
			*name = (uint16_t)++n;
		}
		d->class[c] = (uint8_t)(*name - 1);
	}
	d->classes = n;
}

static bool allocate(struct draft *d)
{
	uint64_t items = 0;
	for (uint32_t i = 0; i < d->n_rows; i++)
		items += d->rows[i].n;
	d->failed = items > ITEMS_MOST;
	if (d->failed)
		return true;
	d->most = (uint32_t)min_u64(STATES_LEAST + items * STATES_EACH, STATES_MOST);
	for (d->n_slots = 1; d->n_slots < 2 * d->most;)
		d->n_slots *= 2;
	d->first = calloc(d->n_rows + 1, sizeof(*d->first));
	d->items = calloc(items + 1, sizeof(*d->items));
	d->set = calloc(d->most + 1, sizeof(*d->set));
	d->slots = calloc(d->n_slots, sizeof(*d->slots));
	return d->first && d->items && d->set && d->slots;
}

static void number_items(struct draft *d)
{
	for (uint32_t i = 0; i < d->n_rows; i++) {
		d->first[i] = d->n_items;
		for (uint32_t k = 0; k < d->rows[i].n; k++) {
			divide(d, &d->rows[i], k);
			d->items[d->n_items++].row = i;
		}
	}
}

static bool has(const struct draft *d, uint32_t item, uint32_t class)
{
	return d->items[item].in[class / 64] >> class % 64 & 1;
}

/* Which classes each item takes, and with which items a class begins. */
static bool know_classes(struct draft *d)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < d->n_items; i++) {
		struct item *one = &d->items[i];
		const struct head_row *r = &d->rows[one->row];
		uint32_t place = i - d->first[one->row];
		for (uint32_t k = 0; k < d->classes; k++)
			if (in_row(r, place, d->sample[k])) {
				one->in[k / 64] |= UINT64_C(1) << k % 64;
				n += place == 0;
			}
	}
	d->begins = malloc((n + 1) * sizeof(*d->begins));
	if (!d->begins)
		return false;
	n = 0;
	for (uint32_t k = 0; k < d->classes; k++) {
		d->begin[k] = n;
		for (uint32_t i = 0; i < d->n_rows; i++)
			if (has(d, d->first[i], k))
				d->begins[n++] = d->first[i];
		d->begins_n[k] = n - d->begin[k];
	}
	return true;
}

/* There is room for `n` items behind the sets of all states. */
static bool room(struct draft *d, uint32_t n)
{
	if (d->n_sets + n <= d->cap_sets)
		return true;
	uint32_t cap = 2 * d->cap_sets + n + 4096;
	uint32_t *v = realloc(d->sets, cap * sizeof(*v));
	if (!v)
		return false;
	d->sets = v;
	d->cap_sets = cap;
	return true;
}

/* The state of the `n` items that stand behind all sets. */
static uint16_t state_of(struct draft *d, uint32_t n)
{
	const uint32_t *set = d->sets + d->n_sets;
	uint64_t hash = n;
	for (uint32_t i = 0; i < n; i++)
		hash = (hash ^ set[i]) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t slot = (uint32_t)(hash >> 32) & (d->n_slots - 1);
	for (; d->slots[slot]; slot = (slot + 1) & (d->n_slots - 1)) {
		uint32_t s = d->slots[slot] - 1u;
		if (d->set[s + 1] - d->set[s] == n &&
		    memcmp(d->sets + d->set[s], set, n * sizeof(*set)) == 0)
			return (uint16_t)s;
	}
	if (d->n == d->most || d->n_sets + n > SETS_MOST) {
		d->failed = true;
		return 0;
	}
	d->slots[slot] = (uint16_t)(d->n + 1);
	d->n_sets += n;
	d->set[++d->n] = d->n_sets;
	return (uint16_t)(d->n - 1);
}

/* The state behind one of these bytes: what goes on, and what begins, in the order of items. */
static bool go_on(struct draft *d, uint32_t state, uint32_t class, uint16_t *to)
{
	uint32_t from = d->set[state], until = d->set[state + 1], n = 0, b = 0;
	const uint32_t *begins = d->begins + d->begin[class];
	if (!room(d, until - from + d->begins_n[class]))
		return false;
	uint32_t *out = d->sets + d->n_sets;
	for (uint32_t i = from; i < until; i++) {
		uint32_t item = d->sets[i] + 1;
		if (item == d->n_items || d->items[item].row != d->items[item - 1].row ||
		    !has(d, item, class))
			continue;
		while (b < d->begins_n[class] && begins[b] < item)
			out[n++] = begins[b++];
		out[n++] = item;
	}
	while (b < d->begins_n[class])
		out[n++] = begins[b++];
	*to = state_of(d, n);
	return true;
}

/* Only where something goes on is a state's row another one than that of the start. */
static bool fill_row(struct draft *d, uint32_t state)
{
	uint64_t on[CLASS_WORDS] = { 0 };
	uint16_t *row = d->next + (size_t)state * d->classes;
	if (state != START)
		memcpy(row, d->next, d->classes * sizeof(*row));
	for (uint32_t i = d->set[state]; i < d->set[state + 1]; i++) {
		uint32_t item = d->sets[i] + 1;
		bool more = item < d->n_items && d->items[item].row == d->items[item - 1].row;
		for (uint32_t w = 0; w < CLASS_WORDS && more; w++)
			on[w] |= d->items[item].in[w];
	}
	bool ok = true;
	for (uint32_t k = 0; k < d->classes && ok; k++)
		if (state == START || on[k / 64] >> k % 64 & 1)
			ok = go_on(d, state, k, &row[k]);
	return ok;
}

static bool determine(struct draft *d)
{
	size_t cap = 0;
	bool ok = room(d, 1);
	state_of(d, 0); /* START */
	for (uint32_t i = 0; i < d->n && ok && !d->failed; i++) {
		if (i == cap) {
			cap = cap ? 2 * cap : 1024;
			uint16_t *v = realloc(d->next, cap * d->classes * sizeof(*v));
			d->next = v ? v : d->next;
			ok = v;
		}
		ok = ok && fill_row(d, i);
	}
	return ok;
}

static bool ends_row(const struct draft *d, uint32_t item)
{
	return item + 1 == d->n_items || d->items[item + 1].row != d->items[item].row;
}

static bool is_quiet(const struct draft *d, uint32_t state)
{
	for (uint32_t i = d->set[state]; i < d->set[state + 1]; i++)
		if (ends_row(d, d->sets[i]))
			return false;
	return true;
}

/* New numbers for states: first those in which no head ends, so that one comparison tells. */
static uint16_t *renumber(const struct draft *d, struct head_table *t)
{
	uint16_t *number = calloc(d->n, sizeof(*number)), n = 0;
	for (unsigned loud = 0; number && loud < 2; loud++) {
		for (uint32_t s = 0; s < d->n; s++)
			if (is_quiet(d, s) != loud)
				number[s] = n++;
		t->quiet = loud ? t->quiet : n * (d->classes + 1);
	}
	return number;
}

static bool take_rows(const struct draft *d, struct head_table *t, const uint16_t *number)
{
	uint32_t n = d->classes, row = n + 1;
	t->classes = n;
	t->next = calloc((size_t)d->n * row, sizeof(*t->next));
	for (uint32_t s = 0; t->next && s < d->n; s++)
		for (uint32_t k = 0; k < n; k++)
			t->next[number[s] * row + k] = number[d->next[s * n + k]] * row;
	return t->next;
}

/* The heads that end in each state. */
static bool take_outs(const struct draft *d, struct head_table *t, const uint16_t *number)
{
	uint32_t n = 0;
	t->outs = malloc((d->n_sets + d->n + 1) * sizeof(*t->outs));
	for (uint32_t s = 0; t->outs && s < d->n; s++) {
		uint32_t state = number[s] * (d->classes + 1), at = n;
		if (state < t->quiet)
			continue;
		t->next[state + d->classes] = n++;
		t->outs[at] = 0;
		for (uint32_t i = d->set[s]; i < d->set[s + 1]; i++)
			if (ends_row(d, d->sets[i]))
				t->outs[at + ++t->outs[at]] = d->items[d->sets[i]].row;
		n += t->outs[at];
	}
	return t->outs;
}

static bool take_onces(const struct draft *d, struct head_table *t)
{
	uint16_t n = 0;
	t->once = calloc(d->n_rows, sizeof(*t->once));
	for (uint32_t i = 0; t->once && i < d->n_rows; i++)
		if (d->rows[i].once && n < HEAD_TABLE_ONCE)
			t->once[i] = ++n;
	return t->once;
}

static int make(const struct draft *d, struct head_table **out)
{
	struct head_table *t = calloc(1, sizeof(*t));
	uint16_t *number = t ? renumber(d, t) : NULL;
	bool ok = number && take_rows(d, t, number) && take_outs(d, t, number) && take_onces(d, t);
	free(number);
	if (!ok) {
		head_table_free(t);
		return -ENOMEM;
	}
	memcpy(t->class, d->class, sizeof(t->class));
	*out = t;
	return 0;
}

static int draw_up(struct draft *d, struct head_table **out)
{
	if (!allocate(d))
		return -ENOMEM;
	if (d->failed)
		return 0;
	number_items(d);
	if (!know_classes(d) || !determine(d))
		return -ENOMEM;
	return d->failed ? 0 : make(d, out);
}

int head_table_new(const struct head_row *rows, uint32_t n, struct head_table **out)
{
	struct draft *d = calloc(1, sizeof(*d));
	*out = NULL;
	if (!d)
		return -ENOMEM;
	d->rows = rows;
	d->n_rows = n;
	d->classes = 1;
	int rc = draw_up(d, out);
	free(d->first);
	free(d->items);
	free(d->begins);
	free(d->sets);
	free(d->set);
	free(d->slots);
	free(d->next);
	free(d);
	return rc;
}

void head_table_free(struct head_table *t)
{
	if (!t)
		return;
	free(t->next);
	free(t->outs);
	free(t->once);
	free(t);
}

/* Whether it counted before; then it does. */
static bool is_told(struct head_table_place *p, uint16_t once)
{
	uint32_t bit = once - 1u;
	bool told = p->told[bit / 64] >> bit % 64 & 1;
	p->told[bit / 64] |= UINT64_C(1) << bit % 64;
	return told;
}

/* Where heads end: the state there, and above it how far from `base` the byte is. */
static void note(const struct head_table *t, const uint64_t *v, size_t n, uint64_t base,
		 struct head_table_place *place, struct multimatch_hits *out)
{
	for (size_t i = 0; i < n; i++) {
		const uint32_t *outs = t->outs + t->next[(uint32_t)v[i] + t->classes];
		for (const uint32_t *head = outs + 1, *last = head + outs[0]; head < last; head++)
			if (!t->once[*head] || !is_told(place, t->once[*head]))
				multimatch_hits_add(out, base + (v[i] >> 32) + 1, *head);
	}
}

static size_t next_state(const struct head_table *t, size_t state, unsigned char byte)
{
	return t->next[state + t->class[byte]];
}

/* Where the bytes before p lead to, whatever there was before them. */
static size_t state_before(const struct head_table *t, const unsigned char *p)
{
	size_t s = START;
	for (size_t i = HEAD_TABLE_REACH; i > 0; i--)
		s = next_state(t, s, *(p - i));
	return s;
}

/* A step waits for the one before. So a long text is gone through in two lanes at once, of which
 * the second begins a little earlier. Each place is written down, and most are written over. */
static void find_twice(const struct head_table *t, const unsigned char *text, size_t lane,
		       uint64_t at, struct head_table_place *place, struct multimatch_hits *out)
{
	UNFILLED uint64_t first[BLOCK / 2 + 1], second[BLOCK / 2 + 1];
	const unsigned char *other = text + lane;
	size_t a = place->state, b = state_before(t, other), n_a = 0, n_b = 0;
	for (size_t i = 0; i < lane; i++) {
		a = next_state(t, a, text[i]);
		b = next_state(t, b, other[i]);
		first[n_a] = i << 32 | a;
		second[n_b] = i << 32 | b;
		n_a += a >= t->quiet;
		n_b += b >= t->quiet;
	}
	note(t, first, n_a, at, place, out);
	note(t, second, n_b, at + lane, place, out);
	place->state = (uint32_t)b;
}

static void find_once(const struct head_table *t, const unsigned char *text, size_t n, uint64_t at,
		      struct head_table_place *place, struct multimatch_hits *out)
{
	size_t s = place->state;
	for (size_t i = 0; i < n; i++) {
		s = next_state(t, s, text[i]);
		if (s >= t->quiet)
			note(t, &(uint64_t){ s }, 1, at + i, place, out);
	}
	place->state = (uint32_t)s;
}

void head_table_find(const struct head_table *t, struct span text, uint64_t at,
		     struct head_table_place *place, struct multimatch_hits *out)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t i = 0;
	for (size_t lane; text.n - i >= LANES_LEAST; i += 2 * lane) {
		lane = min_size(BLOCK, text.n - i) / 2;
		find_twice(t, p + i, lane, at + i, place, out);
	}
	find_once(t, p + i, text.n - i, at + i, place, out);
}

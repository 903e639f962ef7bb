#include "policy/ways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/ways_need.h"
#include "policy/word.h"

#define DEPTH_MAX 200 /* items and groups before one, repeats one by one */

struct draft {
	const char *source;
	struct ways_classes *classes;
	struct ways_item now[WAYS_ITEMS_MOST + 1]; /* the way that is being read */
	uint32_t n;
	struct ways *out;
	uint32_t n_items;
	uint32_t depth;
	bool over;
};

struct rest { /* goes on with a group that was there so many times */
	const struct pattern_node *node;
	uint32_t done;
	const struct rest *next;
};

static void read_node(struct draft *d, const struct pattern_node *n, uint32_t done,
		      const struct rest *rest);

/* Every byte of it is one of a word, or none is: between two of them there is no edge. */
static bool one_sided(const bool in[256])
{
	bool word = false, other = false;
	for (unsigned c = 0; c < 256; c++)
		*(is_word((unsigned char)c) ? &word : &other) |= in[c];
	return !word || !other;
}

static bool overlap(const bool a[256], const bool b[256])
{
	for (unsigned c = 0; c < 256; c++)
		if (a[c] && b[c])
			return true;
	return false;
}

/* What comes behind the run needs a byte first that the run has none of. */
static bool alone(const struct draft *d, uint32_t i)
{
	const struct ways_item *run = &d->now[i];
	const bool *in = d->classes->in[run->class];
	for (uint32_t k = i + 1; k < d->n; k++) {
		const struct ways_item *next = &d->now[k];
		if (next->kind == WAYS_STOP)
			return false;
		if (next->kind == WAYS_LOOK)
			continue;
		if (next->kind == WAYS_EDGE)
			return one_sided(in);
		if (next->kind == WAYS_END)
			return true;
		if (overlap(in, d->classes->in[next->class]))
			return false;
		if (next->min)
			return true;
	}
	return false;
}

static bool same(const struct ways_item *a, const struct ways_item *b)
{
	return a->kind == b->kind && a->class == b->class && a->min == b->min && a->max == b->max &&
	       a->need == b->need && a->far == b->far;
}

static bool varies(const struct ways_item *i)
{
	return i->kind == WAYS_RUN && i->min != i->max;
}

/* A lazy run comes to the same as a greedy one only where it is alone, and where all ways that go
 * on behind it need another byte: the engine tries them all before it takes one byte more. */
static uint32_t known_items(const struct draft *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (d->now[i].lazy && !(d->now[i].apart && alone(d, i)))
			return i;
	return d->n;
}

static void put(struct draft *d, struct ways_item item)
{
	d->out->items[d->n_items++] = item;
}

/* Behind a lazy run that is not alone only the engine knows. But as long as no byte comes that a
 * match needs to have there, it has consumed all of the text and asks for more. */
static struct ways_item last_item(const struct draft *d, uint32_t n)
{
	struct ways_item item = { .kind = WAYS_STOP };
	if (n < WAYS_ITEMS_MOST && d->out->n < WAYS_MOST && d->now[n].seek != WAYS_LINE) {
		item = d->now[n];
		item.kind = WAYS_SEEK;
		item.class = item.seek;
	}
	return item;
}

/* Of too many ways the last stands for all that would follow. */
static void add_way(struct draft *d)
{
	struct ways *w = d->out;
	if (d->over)
		return;
	struct way *way = &w->v[w->n++], *last = way - 1;
	uint32_t n = w->n < WAYS_MOST ? known_items(d) : 0;
	bool sure = true, vague = false;
	*way = (struct way){ .first = (uint16_t)d->n_items };
	for (uint32_t i = 0; i <= n && i < d->n; i++) {
		struct ways_item item = i < n ? d->now[i] : last_item(d, n);
		item.sure = sure;
		item.vague = vague;
		item.far = varies(&item) && alone(d, i) ? WAYS_FAR : item.far;
		sure = sure && (!varies(&item) || alone(d, i));
		vague = vague || item.kind == WAYS_LOOK;
		if (item.kind != WAYS_LOOK)
			put(d, item);
	}
	d->over = w->n == WAYS_MOST;
	way->n = (uint16_t)(d->n_items - way->first);
	while (w->n > 1 && way->shared < way->n && way->shared < last->n &&
	       same(&w->items[way->first + way->shared], &w->items[last->first + way->shared]))
		way->shared++;
}

static void stop(struct draft *d)
{
	d->now[d->n++] = (struct ways_item){ .kind = WAYS_STOP };
	add_way(d);
	d->n--;
}

static void read_rest(struct draft *d, const struct rest *rest)
{
	if (rest)
		read_node(d, rest->node, rest->done, rest->next);
	else
		add_way(d);
}

static int number_of(bool (*v)[256], uint32_t *n, const uint32_t set[8])
{
	bool in[256];
	for (unsigned c = 0; c < 256; c++)
		in[c] = set[c / 32] >> c % 32 & 1;
	for (uint32_t i = 0; i < *n; i++)
		if (memcmp(v[i], in, sizeof(in)) == 0)
			return (int)i;
	if (*n == WAYS_CLASSES)
		return -1;
	memcpy(v[*n], in, sizeof(in));
	return (int)(*n)++;
}

int ways_class_of(struct ways_classes *classes, const uint32_t set[8])
{
	return number_of(classes->in, &classes->n, set);
}

static int class_of(struct draft *d, const struct pattern_node *n)
{
	uint32_t set[8];
	memcpy(set, n->in, sizeof(set));
	if (d->source[n->from] == '.' && !(n->flags & PATTERN_S))
		set['\n' / 32] &= ~(1u << '\n' % 32);
	return ways_class_of(d->classes, set);
}

static bool lazy(const struct draft *d, const struct pattern_node *n)
{
	return n->to > n->atom + 1 && d->source[n->to - 1] == '?';
}

/* (?U) makes greedy runs lazy. */
static bool swaps_lazy(const struct draft *d, const struct pattern_node *n)
{
	return n->header && memchr(d->source + n->from, 'U', n->header);
}

/* What must come behind a run, and of a lazy one the bytes that may come before it. */
static void seek(struct draft *d, const struct pattern_node *n, const struct rest *rest,
		 struct ways_item *run)
{
	struct ways_need need = { .far = 0 };
	uint32_t set[8] = { 0 };
	int needed, skip = WAYS_LINE;
	for (n = n->next; !n && rest && rest->node->max == 1; rest = rest->next)
		n = rest->node->next;
	if (!ways_needs(d->source, n, &need))
		return;
	for (unsigned c = 0; c < 256; c++)
		set[c / 32] |= (uint32_t)d->classes->in[run->class][c] << c % 32;
	for (size_t i = 0; i < 8; i++)
		set[i] &= ~need.set[i];
	needed = number_of(d->classes->needs, &d->classes->n_needs, need.set);
	if (run->lazy)
		skip = ways_class_of(d->classes, set);
	if (skip < 0 || needed < 0)
		return;
	run->apart = (uint8_t)skip == run->class;
	run->seek = (uint8_t)skip;
	run->need = (uint8_t)needed;
	run->far = (uint8_t)(need.far < WAYS_FAR ? need.far : WAYS_FAR);
}

static void read_bytes(struct draft *d, const struct pattern_node *n, const struct rest *rest)
{
	int class = n->exact ? class_of(d, n) : -1;
	if (class < 0) {
		stop(d);
		return;
	}
	struct ways_item run = { .kind = WAYS_RUN,
				 .class = (uint8_t) class,
				 .one = n->min == 1 && n->max == 1,
				 .lazy = lazy(d, n) && n->min != n->max,
				 .min = n->min,
				 .seek = WAYS_LINE,
				 .far = WAYS_FAR,
				 .max = n->max };
	if (n->min != n->max)
		seek(d, n, rest, &run);
	d->now[d->n++] = run;
	read_node(d, n->next, 0, rest);
	d->n--;
}

static void read_assert(struct draft *d, const struct pattern_node *n, const struct rest *rest)
{
	const char *p = d->source + n->from;
	size_t len = n->to - n->from;
	bool edge = len == 2 && memcmp(p, "\\b", 2) == 0;
	bool end = (len == 2 && memcmp(p, "\\z", 2) == 0) ||
		   (len == 1 && *p == '$' && !(n->flags & PATTERN_M));
	if (!edge && !end) {
		stop(d);
		return;
	}
	d->now[d->n++] = (struct ways_item){ .kind = edge ? WAYS_EDGE : WAYS_END, .far = WAYS_FAR };
	read_node(d, n->next, 0, rest);
	d->n--;
}

static void read_opaque(struct draft *d, const struct pattern_node *n, const struct rest *rest)
{
	if (!ways_is_look(d->source, n)) {
		stop(d);
		return;
	}
	d->now[d->n++] = (struct ways_item){ .kind = WAYS_LOOK };
	read_node(d, n->next, 0, rest);
	d->n--;
}

static void read_group(struct draft *d, const struct pattern_node *n, uint32_t done,
		       const struct rest *rest)
{
	struct rest again = { n, done + 1, rest };
	bool may_end = done >= n->min, skips = may_end && lazy(d, n);
	if (skips)
		read_node(d, n->next, 0, rest);
	if (done < n->max)
		for (const struct pattern_branch *b = n->branches; b && !d->over; b = b->next)
			read_node(d, b->first, 0, &again);
	if (may_end && !skips)
		read_node(d, n->next, 0, rest);
}

static void read_node(struct draft *d, const struct pattern_node *n, uint32_t done,
		      const struct rest *rest)
{
	if (d->over)
		return;
	if (++d->depth > DEPTH_MAX || d->n == WAYS_ITEMS_MOST || (n && swaps_lazy(d, n)))
		stop(d);
	else if (!n)
		read_rest(d, rest);
	else
		switch (n->kind) {
		case PATTERN_BYTES: read_bytes(d, n, rest); break;
		case PATTERN_FLAGS: read_node(d, n->next, 0, rest); break;
		case PATTERN_ASSERT: read_assert(d, n, rest); break;
		case PATTERN_GROUP: read_group(d, n, done, rest); break;
		case PATTERN_OPAQUE: read_opaque(d, n, rest); break;
		}
	d->depth--;
}

void ways_classes_begin(struct ways_classes *c)
{
	c->n = WAYS_LINE + 1;
	c->n_needs = 0;
	for (unsigned i = 0; i < 256; i++)
		c->in[WAYS_LINE][i] = i != '\n';
}

int ways_read(const char *expression, struct ways_classes *classes, struct ways **out)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	*out = NULL;
	int rc = pattern_parse(expression, &p, &why);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	size_t most = WAYS_MOST * (WAYS_ITEMS_MOST + 1);
	struct draft d = { .source = expression, .classes = classes };
	d.out = calloc(1, sizeof(*d.out) + most * sizeof(d.out->items[0]));
	for (const struct pattern_branch *b = pattern_root(p); d.out && b && !d.over; b = b->next)
		read_node(&d, b->first, 0, NULL);
	pattern_free(p);
	if (!d.out)
		return -ENOMEM;
	if (d.out->items[0].kind == WAYS_STOP) {
		free(d.out);
		return 0;
	}
	struct ways *fit = realloc(d.out, sizeof(*fit) + d.n_items * sizeof(fit->items[0]));
	*out = fit ? fit : d.out;
	return 0;
}

uint64_t ways_run(const struct ways_classes *classes, struct ways_memo *memo,
		  const struct ways_text *t, uint8_t class, uint64_t at, uint64_t limit)
{
	const bool *in = classes->in[class];
	bool known = memo->runs[class].epoch == memo->epoch && memo->runs[class].from <= at &&
		     at <= memo->runs[class].to;
	uint64_t end = known ? max_u64(at, memo->runs[class].to) : at;
	if (end >= limit)
		return limit;
	const char *p = t->p + (end - t->base), *stop = t->p + (limit - t->base), *q = p;
	while (q < stop && in[(unsigned char)*q])
		q++;
	end += (uint64_t)(q - p);
	if (known || end > at + 8) {
		if (!known)
			memo->runs[class].from = at;
		memo->runs[class].to = end;
		memo->runs[class].epoch = memo->epoch;
	}
	return end;
}

/* Most runs end soon, and what is noted of others is not worth asking for. */
#define NEAR 8

static inline uint64_t run_end(const struct ways_classes *classes, struct ways_memo *memo,
			       const struct ways_text *t, uint8_t class, uint64_t at,
			       uint64_t limit)
{
	const bool *in = classes->in[class];
	const char *p = t->p + (at - t->base);
	const size_t n = (size_t)min_u64(limit - at, NEAR);
	for (size_t i = 0; i < n; i++)
		if (!in[(unsigned char)p[i]])
			return at + i;
	return at + n == limit ? limit : ways_run(classes, memo, t, class, at, limit);
}

static bool word_at(const struct ways_text *t, uint64_t at)
{
	return is_word((unsigned char)t->p[at - t->base]);
}

/* *at is behind what the item takes. WAYS_NONE: it fails; WAYS_ASK: it does not. */
static inline enum ways_answer step(const struct ways_item *item,
				    const struct ways_classes *classes, struct ways_memo *memo,
				    const struct ways_text *t, uint64_t *at, struct ways_wait *wait)
{
	uint64_t from = *at;
	if (item->kind == WAYS_RUN || item->kind == WAYS_SEEK) {
		uint64_t most = item->max == UINT32_MAX ? UINT64_MAX : from + item->max;
		uint64_t end =
			run_end(classes, memo, t, item->class, from, min_u64(most, t->until));
		*at = end;
		if (end == t->until && end < most) {
			*wait = (struct ways_wait){ most, item->class };
			return WAYS_MORE;
		}
		bool fails = item->kind == WAYS_RUN && end - from < item->min;
		return fails ? WAYS_NONE : WAYS_ASK;
	}
	if (from == t->until) {
		*wait = (struct ways_wait){ 0, 0 };
		return WAYS_MORE;
	}
	if (item->kind == WAYS_END)
		return WAYS_NONE;
	bool before = from > t->base && word_at(t, from - 1);
	return before == word_at(t, from) ? WAYS_NONE : WAYS_ASK;
}

/* Behind a run that began at `from`, and could end at `to` at the latest, does not come what must:
 * as far as that may be, there is none of it. */
static bool in_vain(const struct ways_item *item, const struct ways_classes *classes,
		    const struct ways_text *t, uint64_t from, uint64_t to)
{
	const bool *in = classes->needs[item->need];
	if (item->far >= WAYS_FAR || t->until - to <= item->far)
		return false;
	for (const char *p = t->p + (from - t->base); p <= t->p + (to - t->base) + item->far; p++)
		if (in[(unsigned char)*p])
			return false;
	return true;
}

enum ways_answer ways_ask(const struct ways *w, const struct ways_classes *classes,
			  struct ways_memo *memo, const struct ways_text *t, uint64_t from,
			  struct ways_wait *wait)
{
	uint64_t *at = memo->at;
	uint32_t failed = UINT32_MAX;
	at[0] = from;
	for (const struct way *way = w->v; way < w->v + w->n; way++) {
		const struct ways_item *items = w->items + way->first, *end = items + way->n;
		const struct ways_item *item = items + way->shared;
		uint32_t i = way->shared;
		if (failed < i)
			continue;
		for (uint64_t now = at[i]; item < end && item->kind != WAYS_STOP;
		     item++, at[++i] = now) {
			if (item->one && now < t->until) {
				if (!classes->in[item->class][(unsigned char)t->p[now - t->base]])
					break;
				now++;
				continue;
			}
			enum ways_answer answer = step(item, classes, memo, t, &now, wait);
			if (answer == WAYS_MORE)
				return t->more && !item->vague ? WAYS_MORE : WAYS_ASK;
			uint64_t begin = item->kind == WAYS_SEEK ? now : at[i];
			if (answer == WAYS_NONE || in_vain(item, classes, t, begin, now))
				break;
			if (item->kind == WAYS_SEEK)
				return WAYS_ASK;
		}
		if (item == end || item->kind == WAYS_STOP || !item->sure)
			return WAYS_ASK;
		failed = i;
	}
	return WAYS_NONE;
}

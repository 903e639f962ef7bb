#include "policy/online.h"

#include <stdlib.h>
#include <string.h>

#include "policy/online_text.h"
#include "policy/tree_language.h"

void online_fini(struct online *o)
{
	free(o->label);
	o->label = NULL;
	o->n = 0;
}

/* Names can get another number, or another spelling, by what comes later. */
static bool is_name(const struct tree_language *l, struct span label)
{
	char type[64];
	const char *blank = memchr(label.p, ' ', label.n);
	const char *equals = blank ? memchr(label.p, '=', (size_t)(blank - label.p)) : NULL;
	const char *from = equals ? equals + 1 : label.p;
	if (!blank || (size_t)(blank - from) >= sizeof(type))
		return false;
	memcpy(type, from, (size_t)(blank - from));
	type[blank - from] = '\0';
	return strcmp(type, "identifier") == 0 || strcmp(type, "name") == 0 ||
	       strcmp(type, "names") == 0 || tree_listed(l->names, type);
}

static bool keep(struct online *o, const struct syntax_language *language,
		 const struct labels *labels, const struct tree *t, uint32_t n, bool complete)
{
	const struct tree_language *l = tree_language_of(language);
	uint32_t *label = malloc((n + 1) * sizeof(*label));
	if (!label)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		bool open = !complete && is_name(l, labels_text(labels, t->label[i]));
		label[i] = open ? ONLINE_ANY : t->label[i];
	}
	free(o->label);
	o->label = label;
	o->n = n;
	return true;
}

static bool look(struct online *o, const struct syntax_language *language, struct span text,
		 struct labels *labels)
{
	uint64_t most = ONLINE_STEPS + text.n / ONLINE_STEP_BYTES,
		 left = most - min_u64(most, o->steps);
	uint32_t known = 0;
	struct tree t = { 0 };
	uint64_t before = left;
	bool fine = online_read(language, text, &left, labels, &t, &known);
	o->steps += before - left;
	o->looks++;
	o->given_up = left == 0;
	fine = fine && known > o->n && keep(o, language, labels, &t, known, false);
	tree_fini(&t);
	return fine;
}

static bool finish(struct online *o, const struct syntax_language *language, struct span text,
		   struct labels *labels)
{
	struct tree t = { 0 };
	o->result = tree_build(language, text, labels, &t);
	o->whole = o->result == TREE_OK ? keep(o, language, labels, &t, t.n, true)
					: o->result != TREE_NO_MEMORY; /* there may be some later */
	if (o->result != TREE_OK)
		o->n = 0;
	o->given_up = !o->whole;
	tree_fini(&t);
	return o->whole;
}

bool online_grow(struct online *o, const struct syntax_language *language, struct span text,
		 bool complete, struct labels *labels)
{
	bool news = false;
	if (o->whole || o->given_up)
		return false;
	if (complete)
		return finish(o, language, text, labels);
	o->next = o->next ? o->next : ONLINE_STEP;
	while (!o->given_up && o->next <= text.n) {
		const char *from = text.p + o->next - 1;
		const char *end = memchr(from, '\n', text.n - o->next + 1);
		if (!end) {
			o->next = text.n + 1; /* up to here there is none */
			break;
		}
		size_t n = (size_t)(end - text.p) + 1;
		o->next = n + (n / 6 > ONLINE_STEP ? n / 6 : ONLINE_STEP);
		news = look(o, language, (struct span){ text.p, n }, labels) || news;
	}
	return news;
}

/* --- the distance --- */

struct grid {
	const uint32_t *a, *b;
	int64_t n, m;
	bool a_whole, b_whole;
};

static bool matches(uint32_t x, uint32_t y)
{
	return x == y || x == ONLINE_ANY || y == ONLINE_ANY;
}

/* Whether a way may end at (x, y): at an edge behind which nothing is known. */
static bool at_edge(const struct grid *g, int64_t x, int64_t y)
{
	return (y == g->m && (!g->b_whole || x == g->n)) ||
	       (x == g->n && (!g->a_whole || y == g->m));
}

/* One more edit: the furthest x on each diagonal y - x = d. True: one is at an edge. */
static bool spread(const struct grid *g, const int64_t *before, int64_t *now, int64_t e)
{
	bool out = false;
	for (int64_t d = -e; d <= e; d++) {
		int64_t x = e ? before[d] + 1 : 0;
		if (e && before[d - 1] > x)
			x = before[d - 1];
		if (e && before[d + 1] + 1 > x)
			x = before[d + 1] + 1;
		x = x > g->n ? g->n : x;
		x = x + d > g->m ? g->m - d : x;
		while (x >= 0 && x + d >= 0 && x < g->n && x + d < g->m &&
		       matches(g->a[x], g->b[x + d]))
			x++;
		now[d] = x;
		out = out || (x >= 0 && x + d >= 0 && at_edge(g, x, x + d));
	}
	return out;
}

uint32_t online_distance(const struct online *a, const struct online *b, uint32_t most)
{
	CHECK(most <= ONLINE_EDITS);
	const struct grid g = { .a = a->label,
				.b = b->label,
				.n = a->n,
				.m = b->n,
				.a_whole = a->whole,
				.b_whole = b->whole };
	size_t room = (size_t)most * 2 + 5;
	int64_t *f = malloc(2 * room * sizeof(*f)), *v[2] = { f + most + 2, f + room + most + 2 };
	uint32_t e = 0;
	if (!f)
		return 0;
	for (size_t i = 0; i < 2 * room; i++)
		f[i] = INT64_MIN / 2;
	while (e < most && !spread(&g, v[~e & 1], v[e & 1], e))
		e++;
	free(f);
	return e;
}

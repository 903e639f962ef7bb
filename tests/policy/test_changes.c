#include "policy/changes.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/json.h"
#include "tests/policy/tree_random.h"

static struct changes found(const struct tree *a, const struct tree *b, const struct labels *l,
			    const struct distance *d, const struct distance_limits *limits)
{
	struct changes c;
	cr_assert(changes_find(a, b, l, d, limits, &c));
	return c;
}

static struct distance distance(const struct tree *a, const struct tree *b)
{
	struct distance d;
	cr_assert_eq(distance_find(a, b, UINT32_MAX - 2, true, &distance_default_limits, &d),
		     DISTANCE_DECIDED);
	return d;
}

/* Partners in postorder and in preorder (left to right, and above before below): then order and
 * ancestry are kept. */
static void check_order(const struct tree *a, const struct tree *b, const int32_t *to)
{
	int32_t last = -1;
	for (uint32_t i = 0; i < a->n; i++) {
		if (to[i] == CHANGES_NONE)
			continue;
		cr_assert_gt(to[i], last);
		last = to[i];
	}
	/* Of two nodes x < y in postorder, x is below y or stands left of it. It is enough to ask
	 * each node for the nearest mapped ones: the first below it, and the one before that. */
	for (uint32_t y = 0; y < a->n; y++) {
		if (to[y] == CHANGES_NONE)
			continue;
		uint32_t from = b->left[to[y]];
		int64_t below = a->left[y], before = (int64_t)a->left[y] - 1;
		while (to[below] == CHANGES_NONE)
			below++;
		while (before >= 0 && to[before] == CHANGES_NONE)
			before--;
		cr_assert_geq((uint32_t)to[below], from, "ancestry");
		cr_assert(before < 0 || (uint32_t)to[before] < from, "ancestry");
	}
}

static void check(const struct tree *a, const struct tree *b, const struct changes *c,
		  const struct distance *d)
{
	uint32_t cost = 0, listed = 0;
	for (uint32_t i = 0; i < a->n; i++) {
		cost += c->a[i] == CHANGES_NONE || a->label[i] != b->label[c->a[i]];
		if (c->a[i] != CHANGES_NONE)
			cr_assert_eq(c->b[c->a[i]], (int32_t)i, "one to one");
	}
	for (uint32_t j = 0; j < b->n; j++) {
		cost += c->b[j] == CHANGES_NONE;
		if (c->b[j] != CHANGES_NONE)
			cr_assert_eq(c->a[c->b[j]], (int32_t)j, "one to one");
	}
	check_order(a, b, c->a);
	check_order(b, a, c->b);
	cr_assert_eq(cost, c->cost);
	cr_assert_geq(cost, d->low);
	cr_assert_eq(c->exact, d->low == d->high && cost == d->low);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct change *one = &c->v[i];
		listed += one->nodes;
		cr_assert(one->a != CHANGES_NONE || one->b != CHANGES_NONE);
		cr_assert(i == 0 || one[-1].order <= one->order);
	}
	cr_assert_eq(listed, cost, "the list is of all changes");
}

static void check_mirrored(const struct changes *c, const struct changes *m)
{
	cr_assert_eq(c->n, m->n);
	for (uint32_t i = 0; i < c->n_a; i++)
		cr_assert_eq(c->a[i], m->b[i]);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct change *one = &c->v[i];
		uint32_t k = 0;
		while (k < m->n &&
		       (m->v[k].a != one->b || m->v[k].b != one->a || m->v[k].first == UINT32_MAX))
			k++;
		cr_assert_lt(k, m->n);
		static const enum change_kind mirrored[] = { CHANGE_RELABELLED, CHANGE_INSERTED,
							     CHANGE_DELETED };
		cr_assert_eq(m->v[k].kind, mirrored[one->kind]);
		cr_assert_eq(m->v[k].nodes, one->nodes);
		cr_assert_eq(m->v[k].whole, one->whole);
	}
}

/* Returns whether the mapping cost the distance. */
static bool check_pair(const struct tree *a, const struct tree *b, const struct labels *l,
		       const struct distance_limits *limits)
{
	struct distance d = distance(a, b), e = d;
	struct changes c = found(a, b, l, &d, limits), m = found(b, a, l, &e, limits);
	bool exact = c.exact;
	check(a, b, &c, &d);
	check(b, a, &m, &e);
	check_mirrored(&c, &m);
	changes_fini(&c);
	changes_fini(&m);
	return exact;
}

static struct labels *letters(uint32_t n)
{
	struct labels *l = labels_new();
	for (uint32_t i = 0; i < n; i++) {
		char letter = (char)('a' + i);
		cr_assert_eq(labels_intern(l, (struct span){ &letter, 1 }), i);
	}
	return l;
}

Test(changes, cost_what_the_distance_is)
{
	struct labels *l = letters(8);
	for (int round = 0; round < 8000; round++) {
		uint32_t labels = 1 + rnd(6);
		struct tree a = random_tree(1 + rnd(round % 10 ? 20 : 60), labels);
		struct tree b =
			round % 2 ? random_tree(1 + rnd(20), labels) : edited(&a, rnd(6), labels);
		cr_assert(check_pair(&a, &b, l, &distance_default_limits), "round %d", round);
		tree_fini(&a);
		tree_fini(&b);
	}
	labels_free(l);
}

Test(changes, are_a_mapping_without_means_too)
{
	struct labels *l = letters(8);
	int inexact = 0;
	for (int round = 0; round < 2000; round++) {
		struct distance_limits tight = { .cells = rnd(20000), .bytes = rnd(1 << 12) };
		struct tree a = random_tree(30, 3), b = random_tree(30, 3);
		inexact += !check_pair(&a, &b, l, &tight);
		tree_fini(&a);
		tree_fini(&b);
	}
	cr_assert_gt(inexact, 100);
	cr_assert_lt(inexact, 1900);
	labels_free(l);
}

static bool check_texts(const char *language, struct span x, struct span y, bool *exact)
{
	struct labels *l = labels_new();
	struct tree a, b;
	const struct syntax_language *of = syntax_find(span_of(language));
	bool trees = tree_build(of, x, l, &a) == TREE_OK;
	trees = tree_build(of, y, l, &b) == TREE_OK && trees;
	if (trees)
		*exact = check_pair(&a, &b, l, &distance_default_limits);
	tree_fini(&a);
	tree_fini(&b);
	labels_free(l);
	return trees;
}

Test(changes, of_programs_that_models_wrote, .timeout = 300)
{
	const char *corpora = getenv("CORPORA");
	char path[512];
	struct buf text = { 0 };
	snprintf(path, sizeof(path), "%s/code_pairs/livecodebench_o1mini_vs_o1preview.jsonl",
		 corpora ? corpora : "../shared/corpora");
	if (file_read(path, 8 << 20, &text) != 0) {
		cr_log_warn("skipped: no corpora");
		return;
	}
	int pairs = 0, exact = 0, line = 0;
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		struct json *j = NULL;
		const char *stop = memchr(text.p + at, '\n', text.n - at);
		bool is_exact = false;
		end = stop ? (size_t)(stop - text.p) : text.n;
		if (line++ % 12)
			continue;
		cr_assert_eq(json_parse((struct span){ text.p + at, end - at }, &j), 0);
		pairs += check_texts("python", json_string(json_get(json_root(j), "code_a")),
				     json_string(json_get(json_root(j), "code_b")), &is_exact);
		exact += is_exact;
		json_free(j);
	}
	cr_assert_gt(pairs, 30);
	cr_assert_eq(exact, pairs);
	buf_fini(&text);
}

static void check_list(const char *x, const char *y, const char *expected)
{
	struct labels *l = labels_new();
	struct tree a, b;
	struct buf out = { 0 };
	const struct syntax_language *python = syntax_find(SPAN("python"));
	cr_assert_eq(tree_build(python, span_of(x), l, &a), TREE_OK);
	cr_assert_eq(tree_build(python, span_of(y), l, &b), TREE_OK);
	struct distance d = distance(&a, &b);
	struct changes c = found(&a, &b, l, &d, &distance_default_limits);
	for (uint32_t i = 0; i < c.n; i++) {
		const struct change *one = &c.v[i];
		const struct tree *t = one->kind == CHANGE_INSERTED ? &b : &a;
		uint32_t last = (uint32_t)(one->kind == CHANGE_INSERTED ? one->b : one->a);
		buf_printf(&out, "%s%s %u %.*s;", one->whole ? "" : "around ",
			   change_kind_names[one->kind], one->nodes,
			   (int)(t->source[last].to - t->source[one->first].from),
			   (one->kind == CHANGE_INSERTED ? y : x) + t->source[one->first].from);
	}
	buf_add_char(&out, '\0');
	cr_assert_str_eq(out.p, expected);
	buf_fini(&out);
	changes_fini(&c);
	tree_fini(&a);
	tree_fini(&b);
	labels_free(l);
}

Test(changes, are_joined_for_people)
{
	check_list("f(1)\ng(2)\n", "f(1)\ng(3)\n", "relabelled 1 2;");
	check_list("f()\n", "f()\nprint(1)\nprint(2)\n", "inserted 10 print(1)\nprint(2);");
	check_list("f()\nx(1)\ng()\ny(1)\n", "f()\ng()\n", "deleted 5 x(1);deleted 5 y(1);");
	check_list("if ok:\n  run(1, 2, 3)\n", "run(1, 2, 3)\n",
		   "around deleted 4 if ok:\n  run(1, 2, 3);");
}

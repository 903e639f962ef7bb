/* Real pairs through the quorum, in every form and order: what redcard diff says of them. */
#include <stdio.h>

#include "lib/file.h"
#include "lib/json.h"
#include "policy/online.h"
#include "tests/policy/quorum_play.h"

TestSuite(quorum_corpora, .timeout = 1200);

struct program_pair {
	const struct syntax_language *language;
	const char *extension;
	struct span texts[COMPARE_SIDES];
};

static const char *extension_of(struct span language)
{
	static const char *const names[][2] = { { "python", "py" },
						{ "javascript", "js" },
						{ "jsx", "jsx" },
						{ "typescript", "ts" },
						{ "tsx", "tsx" } };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq(language, span_of(names[i][0])))
			return names[i][1];
	return NULL;
}

/* With no more nodes than there are: so pairs are disputed as early as they can be. */
static struct quorum_pair replay(const struct program_pair *pp, enum form form, struct order order,
				 uint32_t nodes)
{
	struct quorum_settings settings = play_settings(2, 2);
	settings.max_nodes = nodes;
	struct quorum *q = quorum_new(&settings);
	struct answer both[2];
	size_t n;
	for (int i = 0; i < 2; i++)
		both[i] = play_answer(form, pp->language->name, pp->extension, pp->texts[i].p,
				      pp->texts[i].n);
	play(q, both, 2, order, NULL, NULL);
	struct quorum_pair p = *quorum_pairs(q, &n);
	for (int i = 0; i < 2; i++)
		buf_fini(&both[i].bytes);
	quorum_free(q);
	return p;
}

/* Two bodies of white space are empty, where redcard diff misses a language. */
static enum compare_reason expected(enum compare_reason r, const struct program_pair *pp)
{
	bool blank = true;
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < pp->texts[i].n; k++)
			blank = blank && strchr(" \t\r\n", pp->texts[i].p[k]);
	return blank ? COMPARE_BOTH_EMPTY : r;
}

static void check_pair(const struct program_pair *pp, uint32_t seed, const char *id)
{
	struct comparison by_name, by_content;
	const struct syntax_language *l = compare_language(pp->texts[0]);
	l = l ? l : compare_language(pp->texts[1]);
	compare(&by_name, pp->language, pp->texts, 3 * SCORE_UNITS, true);
	by_content = (struct comparison){ .reason = COMPARE_UNKNOWN_LANGUAGE };
	if (l != pp->language && l)
		compare(&by_content, l, pp->texts, 3 * SCORE_UNITS, true);
	for (enum form form = 0; form < FORM_COUNT; form++) {
		if (form != seed % FORM_COUNT && pp->texts[0].n > 1000)
			continue; /* one is enough of a large one: there are hundreds */
		struct comparison *c =
			form != FORM_BODY || l == pp->language ? &by_name : &by_content;
		size_t step = pp->texts[0].n < 500 ? 1 : 0;
		struct order order = { .kind = (seed + form) % 4, .step = step, .seed = seed };
		uint32_t a = c->trees[0].n, b = c->trees[1].n;
		struct quorum_pair p = replay(pp, form, order, a > b ? a : b);
		bool same = p.reason == expected(c->reason, pp) &&
			    (!p.scored || memcmp(&p.score, &c->score, sizeof(p.score)) == 0);
		cr_expect(same, "%s, form %d: %s, not %s", id, form, compare_reason_names[p.reason],
			  compare_reason_names[c->reason]);
	}
	if (l != pp->language && l)
		comparison_fini(&by_content);
	comparison_fini(&by_name);
}

static unsigned each_pair(const char *name,
			  void (*check)(const struct program_pair *, uint32_t seed, const char *id))
{
	char path[512];
	struct buf all = { 0 };
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/%s", getenv("CORPORA") ? getenv("CORPORA") : "", name);
	if (file_read(path, 64 << 20, &all) != 0)
		return 0;
	for (size_t at = 0, n; at < all.n; at += n + 1) {
		struct json *j = NULL;
		const char *end = memchr(all.p + at, '\n', all.n - at);
		n = end ? (size_t)(end - all.p) - at : all.n - at;
		cr_assert_eq(json_parse((struct span){ all.p + at, n }, &j), 0);
		const struct json_value *root = json_root(j);
		struct span language = json_string(json_get(root, "language"));
		struct span id = json_string(json_get(root, "id"));
		char name_of[64];
		struct program_pair pp = {
			.extension = extension_of(language),
			.texts = { json_string(json_get(root, "code_a")),
				   json_string(json_get(root, "code_b")) },
		};
		snprintf(name_of, sizeof(name_of), "%.*s", (int)id.n, id.p);
		cr_assert(pp.extension, "%s", name_of);
		char file[16];
		snprintf(file, sizeof(file), "a.%s", pp.extension);
		pp.language = syntax_of_file(span_of(file));
		check(&pp, count++, name_of);
		json_free(j);
	}
	buf_fini(&all);
	return count;
}

Test(quorum_corpora, replayed_pairs_have_the_verdict_of_redcard_diff)
{
	unsigned n = each_pair("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl", check_pair) +
		     each_pair("code_equiv/equivalent_pairs.jsonl", check_pair);
	if (!n)
		cr_skip("no corpora");
	cr_assert_eq(n, 459 + 624);
}

/* --- the lower bound --- */

static size_t grow_to(struct online *o, const struct program_pair *pp, int side, unsigned percent,
		      struct labels *labels)
{
	size_t n = pp->texts[side].n * percent / 100;
	online_grow(o, pp->language, (struct span){ pp->texts[side].p, n }, percent == 100, labels);
	return n;
}

/* At all states of two streams, which grow together, or one behind the other, or are asked the
 * other way round: each pair in one of these orders. Never above the distance. */
static void check_bound(const struct program_pair *pp, uint32_t seed, const char *id)
{
	struct comparison c;
	unsigned order = seed % 3;
	compare(&c, pp->language, pp->texts, 3 * SCORE_UNITS, true);
	if (c.scored) {
		struct labels *labels = labels_new();
		struct online o[2] = { 0 };
		for (unsigned k = 1; k <= 20; k++) {
			unsigned to[] = { order == 1 ? (k > 10 ? 100 : 10 * k) : 5 * k,
					  order == 1 ? (k > 10 ? 10 * (k - 10) : 0) : 5 * k };
			for (int i = 0; i < 2; i++)
				grow_to(&o[i], pp, i, to[i], labels);
			uint32_t low =
				online_distance(&o[order == 2], &o[order != 2], ONLINE_EDITS);
			cr_expect(low <= c.score.ab.high, "%s: %u at %u, of %u to %u", id, low, k,
				  c.score.ab.low, c.score.ab.high);
		}
		for (int i = 0; i < 2; i++)
			online_fini(&o[i]);
		labels_free(labels);
	}
	comparison_fini(&c);
}

Test(quorum_corpora, the_lower_bound_is_one)
{
	unsigned n = each_pair("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl", check_bound) +
		     each_pair("code_equiv/equivalent_pairs.jsonl", check_bound);
	if (!n)
		cr_skip("no corpora");
	cr_assert_eq(n, 459 + 624);
}

/* --- when it is decided --- */

enum { GROUP = 20 };

/* Programs of many parts: of pairs one behind the other that parse. */
struct parts {
	struct buf texts[2];
	unsigned n, groups, early;
	double seen;
};

static struct parts parts;

static void decide(struct parts *v)
{
	struct quorum_settings settings = play_settings(2, 2);
	struct quorum *q = quorum_new(&settings);
	struct answer both[2];
	struct answering on[2];
	size_t n;
	for (int i = 0; i < 2; i++) {
		both[i] = play_answer(FORM_FENCE, "python", "py", v->texts[i].p, v->texts[i].n);
		on[i] = play_begin(&both[i]);
		buf_clear(&v->texts[i]);
	}
	while (!on[0].ended || !on[1].ended)
		for (unsigned i = 0; i < 2; i++)
			if (!on[i].ended)
				play_step(q, i, &both[i], &on[i], both[i].bytes.n / 100 + 1);
	const struct quorum_pair *p = quorum_pairs(q, &n);
	v->groups++;
	v->seen += p->seen;
	v->early += p->reason == COMPARE_ABOVE_THRESHOLD && p->seen < 0.7;
	for (int i = 0; i < 2; i++)
		buf_fini(&both[i].bytes);
	quorum_free(q);
	v->n = 0;
}

static void gather(const struct program_pair *pp, uint32_t seed, const char *id)
{
	struct comparison c;
	double low = 0, high = 0;
	(void)seed, (void)id;
	compare(&c, pp->language, pp->texts, 3 * SCORE_UNITS, true);
	if (c.scored)
		score_bounds(&c.score, &low, &high);
	comparison_fini(&c);
	if (low < 50)
		return;
	for (int i = 0; i < 2; i++) {
		buf_add(&parts.texts[i], pp->texts[i].p, pp->texts[i].n);
		buf_add_char(&parts.texts[i], '\n');
	}
	if (++parts.n == GROUP)
		decide(&parts);
}

/* Both answers stream at the same share of their bytes, so that neither ends long before the other.
 * The settings are the defaults; a program has about a quarter of their nodes. */
Test(quorum_corpora, pairs_that_differ_by_half_are_decided_early)
{
	if (!each_pair("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl", gather))
		cr_skip("no corpora");
	printf("%u programs of %d parts, %u decided before 70 %% of the bytes, on average at %.0f %%\n",
	       parts.groups, GROUP, parts.early, 100 * parts.seen / parts.groups);
	cr_assert_geq(parts.groups, 10);
	cr_assert_geq(10 * parts.early, 9 * parts.groups);
	for (int i = 0; i < 2; i++)
		buf_fini(&parts.texts[i]);
}

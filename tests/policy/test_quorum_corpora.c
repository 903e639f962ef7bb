/* Real pairs through the quorum, in every form and order: what redcard diff says of them. */
#include <stdio.h>

#include "lib/file.h"
#include "lib/json.h"
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

static struct quorum_pair replay(const struct program_pair *pp, enum form form, struct order order)
{
	const struct quorum_settings settings = play_settings(2, 2);
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
	by_content.reason = COMPARE_UNKNOWN_LANGUAGE;
	if (l != pp->language && l)
		compare(&by_content, l, pp->texts, 3 * SCORE_UNITS, true);
	for (enum form form = 0; form < FORM_COUNT; form++) {
		struct comparison *c =
			form != FORM_BODY || l == pp->language ? &by_name : &by_content;
		size_t step = pp->texts[0].n < 1500 ? 1 : 0;
		struct order order = { .kind = (seed + form) % 4, .step = step, .seed = seed };
		struct quorum_pair p = replay(pp, form, order);
		bool same = p.reason == expected(c->reason, pp) &&
			    (!p.scored || memcmp(&p.score, &c->score, sizeof(p.score)) == 0);
		cr_expect(same, "%s, form %d: %s, not %s", id, form, compare_reason_names[p.reason],
			  compare_reason_names[c->reason]);
	}
	if (l != pp->language && l)
		comparison_fini(&by_content);
	comparison_fini(&by_name);
}

static unsigned replay_file(const char *name)
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
		check_pair(&pp, count++, name_of);
		json_free(j);
	}
	buf_fini(&all);
	return count;
}

Test(quorum_corpora, replayed_pairs_have_the_verdict_of_redcard_diff)
{
	unsigned n = replay_file("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl") +
		     replay_file("code_equiv/equivalent_pairs.jsonl");
	if (!n)
		cr_skip("no corpora");
	cr_assert_eq(n, 459 + 624);
}

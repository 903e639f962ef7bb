/* Real pairs: the same from both sides, and none where only layout, comments or names differ. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/json.h"
#include "policy/compare.h"
#include "tests/policy/sharp_play.h"

TestSuite(sharp_corpora, .timeout = 600);

static bool parses(const char *language, struct span text)
{
	struct labels *labels = labels_new();
	struct tree t;
	bool ok = tree_build(syntax_find(span_of(language)), text, labels, &t) == TREE_OK;
	tree_fini(&t);
	labels_free(labels);
	return ok;
}

static void check_pair(const struct json_value *root)
{
	char language[16];
	struct span name = json_string(json_get(root, "language"));
	struct span relation = json_string(json_get(root, "relation"));
	struct span a = json_string(json_get(root, "code_a"));
	struct span b = json_string(json_get(root, "code_b"));
	struct sharp_edits e;
	snprintf(language, sizeof(language), "%.*s", (int)name.n, name.p);
	if (!parses(language, a) || !parses(language, b))
		return;
	bool equal = play_both(language, a, b, &e);
	cr_expect(e.n == 0 || !equal, "%.*s: equal, and a %s",
		  (int)json_string(json_get(root, "id")).n, json_string(json_get(root, "id")).p,
		  sharp_kind_names[e.v[0].kind]);
	bool layout = span_eq(relation, SPAN("comments_only")) ||
		      span_eq(relation, SPAN("comments_and_format_only")) ||
		      span_eq(relation, SPAN("rename_locals_only"));
	cr_expect(!layout || e.n == 0);
	sharp_edits_fini(&e);
}

static unsigned check_file(const char *name)
{
	char path[512];
	struct buf all = { 0 };
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/%s", getenv("CORPORA") ? getenv("CORPORA") : "", name);
	if (file_read(path, 64 << 20, &all) != 0)
		return 0;
	for (size_t at = 0, n; at < all.n; at += n + 1, count++) {
		struct json *j = NULL;
		const char *end = memchr(all.p + at, '\n', all.n - at);
		n = end ? (size_t)(end - all.p) - at : all.n - at;
		cr_assert_eq(json_parse((struct span){ all.p + at, n }, &j), 0);
		check_pair(json_root(j));
		json_free(j);
	}
	buf_fini(&all);
	return count;
}

Test(sharp_corpora, pairs)
{
	unsigned n = check_file("code_equiv/equivalent_pairs.jsonl") +
		     check_file("code_pairs/livecodebench_o1mini_vs_o1preview.jsonl");
	if (!n)
		cr_skip("no corpora");
	cr_assert_eq(n, 459 + 624);
}

/* policy/excuse.c: what takes a match back, alone and inside the judge at every split. */
#include "policy/excuse.h"
#include "tests/policy/judge_play.h"

#define RULE(id, action, regex, more)                                                            \
	"  - {id: " id ", title: t, severity: high, action: " action ", regex: '" regex "'" more \
	"}\n"

static const char policy[] =
	"version: 1\nrules:\n" RULE("varied", "cut", "\\bvar-([a-z0-9]{8})\\b", ", entropy: 2.5")
		RULE("known", "cut", "\\bkey-([A-Za-z0-9]{8,12})\\b",
		     ", allow: {regexes: [\"EXAMPLE$\", \"^0+$\"], stopwords: [sample]}");

Test(excuse, entropy_is_shannons)
{
	cr_assert_eq(excuse_entropy(SPAN("")), 0);
	cr_assert_eq(excuse_entropy(SPAN("aaaa")), 0);
	cr_assert_float_eq(excuse_entropy(SPAN("abab")), 1, 1e-12);
	cr_assert_float_eq(excuse_entropy(SPAN("abcdefgh")), 3, 1e-12);
	cr_assert_float_eq(excuse_entropy(SPAN("aab")), 0.918295834, 1e-9);
}

static void ends(const char *text, const char *released)
{
	struct play p = play_open(policy);
	const struct segment v[] = { { 0, text, 0 } };
	struct outcome o = play_every_way(&p, v, 1);
	cr_assert_eq(o.verdict.kind, released ? VERDICT_CUT : VERDICT_PASS, "%s", text);
	cr_assert_eq(o.n_cards, released ? 1 : 0, "%s", text);
	if (released)
		cr_assert_eq(o.let_go, 3 + strlen(released), "%s: %lu", text, o.let_go);
	play_close(&p);
}

Test(excuse, a_regular_secret_is_none)
{
	ends("a var-abcdefgh b", "a var-");
	ends("a var-aaaaaaab b", NULL);
	ends("a var-abababab b", NULL);
	ends("a var-aabbccdd b", NULL); /* 2 bits */
	ends("a var-abcdefga b", "a var-");
}

Test(excuse, the_limit_itself_excuses)
{
	/* Four letters once and two twice: 4/8 * 3 + 2/8 * 2 * 2 = 2.5 bits exactly. */
	ends("var-abcdeeff ", NULL);
}

Test(excuse, known_text_is_allowed)
{
	ends("a key-ABCDEFGH b", "a key-");
	ends("a key-ABCEXAMPLE b", NULL);
	ends("a key-EXAMPLEABC b", "a key-"); /* not at its end */
	ends("a key-00000000 b", NULL);
	ends("a key-00000001 b", "a key-");
	ends("a key-mySaMpLe1 b", NULL);
	ends("a key-ABCEXAMPLE key-ABCDEFGH b", "a key-ABCEXAMPLE key-"); /* the next one counts */
}

/* Only what must begin where the secret does may be told by its first byte. */
Test(excuse, an_anchor_holds_for_its_own_alternative)
{
	static const char anchored[] =
		"version: 1\nrules:\n" RULE("a", "cut", "\\bkey-([A-Za-z0-9]{8})\\b",
					    ", allow: {regexes: [\"^AB|YZ$\", \"^(?:C|D)E\", "
					    "\"^F?G\", \"(?i)^jk\"]}");
	static const struct {
		const char *text;
		bool excused;
	} cases[] = {
		{ "a key-AB345678 b", true },  { "a key-123456YZ b", true },
		{ "a key-1AB45678 b", false }, { "a key-DE345678 b", true },
		{ "a key-E1345678 b", false }, { "a key-G1345678 b", true },
		{ "a key-FG345678 b", true },  { "a key-JK345678 b", true },
		{ "a key-1jk45678 b", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct play p = play_open(anchored);
		const struct segment v[] = { { 0, cases[i].text, 0 } };
		struct outcome o = play_every_way(&p, v, 1);
		cr_assert_eq(o.n_cards, !cases[i].excused, "%s", cases[i].text);
		play_close(&p);
	}
}

Test(excuse, the_hash_knows_it)
{
	struct ruleset *sets[3];
	static const char *const more[] = { "", ", entropy: 3", ", allow: {stopwords: [x]}" };
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct buf yaml = { 0 }, errors = { 0 };
		buf_printf(&yaml, "version: 1\nrules:\n" RULE("a", "cut", "abc-([0-9]+)", "%s"),
			   more[i]);
		int rc = ruleset_parse("p", (struct span){ yaml.p, yaml.n }, &sets[i], &errors);
		cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
		buf_fini(&yaml);
		buf_fini(&errors);
	}
	cr_assert_str_neq(ruleset_hash(sets[0]), ruleset_hash(sets[1]));
	cr_assert_str_neq(ruleset_hash(sets[0]), ruleset_hash(sets[2]));
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		ruleset_unref(sets[i]);
}

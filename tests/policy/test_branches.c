/* policy/branches.c: alternatives with a lead-in each; and lead-ins that have a part of the secret.
 */
#include "policy/branches.h"
#include "tests/policy/judge_play.h"

#define MOST 4

static const struct {
	const char *regex;
	int group; /* the secret's; -1: nobody said, and it is the first */
	const char *lead_in[MOST], *body[MOST];
	unsigned body_group[MOST], yield;
} table[] = {
	{ "abc-[0-9]{9}", 0, { "abc-" }, { "[0-9]{9}" }, { 0 }, 0 },
	{ "ab[0-9]{9}|cd[0-9]{9}", 0, { "ab", "cd" }, { "[0-9]{9}", "[0-9]{9}" }, { 0 }, 0 },
	{ "\\b(ab_[0-9]{3}|c(?:de|fg)_[0-9]{4})x",
	  1,
	  { "\\b(?:ab_)", "\\b(?:c(?:de|fg)_)" },
	  { "([0-9]{3})x", "([0-9]{4})x" },
	  { 1, 1 },
	  0 },
	{ "(?i)ab_([0-9]{3})|cd_([0-9]{3})",
	  -1,
	  { "(?i)ab_", "(?i)cd_" },
	  { "(?i)([0-9]{3})", "(?i)([0-9]{3})" },
	  { 1, 1 },
	  0 },
	{ "(x)?ab_([0-9]{3})|cd_([0-9]{3})",
	  2,
	  { "ab_", "cd_" },
	  { "([0-9]{3})", "([0-9]{3})" },
	  { 1, 0 },
	  0 },
	{ "x((?i)ab|c[de])_([0-9]+)", 0, { "x((?i)ab|c[de])_" }, { "([0-9]+)" }, { 0 }, 0 },
	{ "[a-z]?((?i)ab|c[0-9])_([0-9]{9})x",
	  2,
	  { "((?i)ab|c[0-9])_" },
	  { "([0-9]{9})x" },
	  { 1 },
	  0 },
	{ "((?i)ab|c[d-z]{9})y", 0, { NULL }, { NULL }, { 0 }, 0 }, /* nothing comes before [d-z]
								       that is long enough */
	{ "(?:ab(?:cd[0-9]{9}|ef[0-9]{9}|[g-z]h[0-9]{9})|ij[0-9]{9})",
	  0,
	  { "(?:ab)", "(?:ij)" },
	  { "(?:(?:cd[0-9]{9}|ef[0-9]{9}|[g-z]h[0-9]{9}))", "(?:[0-9]{9})" },
	  { 0 },
	  0 },
	{ "[a-z0-9]{4}\\.xy\\.[a-z0-9]{16}",
	  0,
	  { "[a-z0-9]{4}\\.xy\\." },
	  { "[a-z0-9]{16}" },
	  { 0 },
	  4 },
	{ "[a-z0-9]{6}\\.xy\\.[a-z0-9]{16}", 0, { NULL }, { NULL }, { 0 }, 0 }, /* too much of it */
	{ "(?i)\\b([a-f0-9]{40})\\b",
	  1,
	  { "(?i)\\b(?:[a-f0-9]{8})" },
	  { "(?i)([a-f0-9]{32,32})\\b" },
	  { 1 },
	  8 },
	{ "\\b([0-9]{15,}-[0-9]{17,20})",
	  1,
	  { "\\b(?:[0-9]{8})" },
	  { "([0-9]{7,}-[0-9]{17,20})" },
	  { 1 },
	  8 },
	{ "([a-f0-9]{40})\\b", 1, { NULL }, { NULL }, { 0 }, 0 }, /* every byte of a run may begin
								     one */
	{ "\\b([a-z0-9]{6}_[a-z0-9]{29}_q)",
	  1,
	  { "\\b(?:[a-z0-9]{6}_)" },
	  { "([a-z0-9]{29}_q)" },
	  { 1 },
	  6 },
	{ "\\b([a-z0-9]{5}_[a-z0-9]{29}_q)", 1, { NULL }, { NULL }, { 0 }, 0 },
	{ "(?:https?://)?host\\.[a-z]{20}", 0, { "host\\." }, { "[a-z]{20}" }, { 0 }, 0 },
};

Test(branches, table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct branches b;
		bool given = table[i].group >= 0;
		unsigned group = given ? (unsigned)table[i].group : 1, yield = 0;
		size_t wanted = 0;
		while (wanted < MOST && table[i].lead_in[wanted])
			wanted++;
		cr_assert_eq(branches_find(table[i].regex, group, given, true, &b), 0);
		cr_assert_eq(b.n, wanted, "%s: %zu", table[i].regex, b.n);
		for (size_t k = 0; k < b.n; k++) {
			cr_expect_str_eq(b.v[k].lead_in, table[i].lead_in[k], "%s: %s",
					 table[i].regex, b.v[k].lead_in);
			cr_expect_str_eq(b.v[k].body, table[i].body[k], "%s: %s", table[i].regex,
					 b.v[k].body);
			cr_expect_eq(b.v[k].body_group, table[i].body_group[k], "%s: %u",
				     table[i].regex, b.v[k].body_group);
			yield = b.v[k].yield > yield ? b.v[k].yield : yield;
		}
		cr_expect_eq(yield, table[i].yield, "%s: %u", table[i].regex, yield);
		branches_fini(&b);
	}
}

Test(branches, too_many_or_too_deep_are_none)
{
	struct buf many = { 0 }, deep = { 0 };
	struct branches b;
	for (int i = 0; i <= BRANCHES_MAX; i++)
		buf_printf(&many, "%sab%d[0-9]{9}", i ? "|" : "", i);
	for (int i = 0; i < 8; i++)
		buf_add_text(&deep, "(?:[a-z]|[0-9])");
	buf_add_char(&many, '\0');
	buf_add_char(&deep, '\0');
	cr_assert_eq(branches_find(many.p, 0, true, true, &b), 0);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(branches_find(deep.p, 0, true, true, &b), 0);
	cr_assert_eq(b.n, 0);
	buf_fini(&many);
	buf_fini(&deep);
}

#define RULES(regex)                                                                              \
	"version: 1\nrules:\n  - {id: one, title: t, severity: high, action: cut, regex: '" regex \
	"'}\n"

static void ends(const char *rules, const char *text, const char *released)
{
	struct play p = play_open(rules);
	const struct segment v[] = { { 0, text, 0 } };
	struct outcome o = play_every_way(&p, v, 1);
	cr_assert_eq(o.verdict.kind, released ? VERDICT_CUT : VERDICT_PASS, "%s", text);
	cr_assert_eq(o.n_cards, released ? 1 : 0, "%s: %zu cards", text, o.n_cards);
	if (released)
		cr_assert_eq(o.let_go, 3 + strlen(released), "%s: %lu", text, o.let_go);
	play_close(&p);
}

Test(branches, each_holds_and_ends_the_stream)
{
	static const char rules[] = RULES("\\b(ab_[0-9]{5}|cde?-[a-z]{6}|ab_[a-z]{4})\\b");
	ends(rules, "x ab_12345 y", "x ab_");
	ends(rules, "x cde-abcdef y", "x cd");
	ends(rules, "x cd-abcdef", "x cd");
	ends(rules, "x ab_abcd.", "x ab_");
	ends(rules, "x ab_1234 ab_123456 cd-abcde y", NULL);
	ends(rules, "ab_1234 ab_abcd cd-abcdef", "ab_1234 ab_");
}

/* Two alternatives that match at one place are one card. */
Test(branches, one_card_for_all)
{
	struct play p = play_open("version: 1\nrules:\n  - {id: one, title: t, severity: low, "
				  "action: flag, regex: 'ab_[0-9]{4}|ab_[0-9a-f]{6}'}\n");
	const struct segment v[] = { { 0, "x ab_123456 y ab_777777", 0 } };
	struct outcome o = play_every_way(&p, v, 1);
	cr_assert_eq(o.n_cards, 2);
	play_close(&p);
}

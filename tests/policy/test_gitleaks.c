/* policy/gitleaks*.c: rules and allowlists of gitleaks files, judged as streams at every split. */
#include <errno.h>

#include "tests/policy/judge_play.h"

#define RULE(regex) "[[rules]]\nid = 'one'\nregex = '''" regex "'''\n"
#define ALLOW(more) "[[rules.allowlists]]\n" more
#define KEY RULE("key-([a-z0-9]{8})\\b")
#define LINE KEY ALLOW("regexTarget = 'line'\nregexes = ['noqa']\n")
#define TEN "123 56789 "
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void judge(const char *toml, const char *text, const char *released, enum verdict_kind kind)
{
	struct play p = play_open_as("test.toml", toml);
	const struct segment v[] = { { 0, text, 0 } };
	struct outcome o = play_every_way(&p, v, 1);
	cr_assert_eq(o.verdict.kind, kind, "%s: %s", toml, text);
	cr_assert_eq(o.n_cards, kind == VERDICT_CUT ? 1 : 0, "%s", text);
	if (released)
		cr_assert_eq(o.let_go, 3 + strlen(released), "%s: %lu", text, o.let_go);
	play_close(&p);
}

static void cuts(const char *toml, const char *text, const char *released)
{
	judge(toml, text, released, VERDICT_CUT);
}

static void passes(const char *toml, const char *text)
{
	judge(toml, text, NULL, VERDICT_PASS);
}

Test(gitleaks, the_line_excuses)
{
	passes(LINE, "a key-abcdefgh b # noqa\nx");
	passes(LINE, "a\nnoqa key-abcdefgh\nx");
	passes(LINE, "noqa key-abcdefgh");
	passes(LINE, "key-abcdefgh noqa");
	passes(LINE, "key-abcdefgh noqa key-12345678\n");
	cuts(LINE, "a key-abcdefgh b\nnoqa", "a key-");
	cuts(LINE, "noqa\nkey-abcdefgh\nnoqa", "noqa\nkey-");
	cuts(LINE, "noqa key-abcdefgh\n key-12345678", "noqa key-abcdefgh\n key-");
}

Test(gitleaks, a_line_counts_within_its_bounds)
{
	passes(LINE, "key-abcdefgh " HUNDRED HUNDRED "noqa\n");
	cuts(LINE, "key-abcdefgh " HUNDRED HUNDRED HUNDRED "noqa\n", "key-");
	passes(LINE, "noqa " HUNDRED HUNDRED HUNDRED HUNDRED " key-abcdefgh\n");
	cuts(LINE, "noqa " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN " key-abcdefgh\n",
	     "noqa " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN " key-");
}

/* Until the line has ended the secret is held, and no longer. */
Test(gitleaks, it_is_decided_where_the_line_ends)
{
	struct play p = play_open_as("test.toml", LINE);
	struct judge *j = judge_new(p.set, NULL);
	static const char text[] = "key-abcdefgh then\nmore";
	struct verdict v = { .kind = VERDICT_PASS };
	for (uint32_t i = 0; text[i] && v.kind != VERDICT_CUT; i++) {
		struct piece one = { .raw_off = i, .raw_len = 1, .text_len = 1, .text = text + i };
		judge_feed(j, p.scratch, &one, 1, false, &v);
		if (i >= 4 && v.kind != VERDICT_CUT)
			cr_assert(v.kind == VERDICT_HOLD && v.release_raw == 4, "%u", i);
	}
	cr_assert_eq(v.kind, VERDICT_CUT);
	cr_assert_eq(v.decided_raw, strlen("key-abcdefgh then\n"));
	judge_free(j);
	play_close(&p);
}

Test(gitleaks, the_match_excuses)
{
	static const char rule[] = RULE("(?i)[\\w.]{0,9}?key[ ]{0,3}=([a-z0-9]{8})\\b")
		ALLOW("regexTarget = 'match'\nregexes = ['(?i)public', '^a\\.key.*zz$']\n");
	passes(rule, "x public_key =abcdefgh y");
	passes(rule, "x public_key  =abcdefgh");
	passes(rule, "x a.key=abcdefzz y");
	cuts(rule, "x key=abcdefzz y", "x key=");
	cuts(rule, "public x key=abcdefgh public", "public x key=");
	cuts(rule, "x a.key=abcdefzy y", "x a.key=");
}

Test(gitleaks, a_match_without_a_lead_in)
{
	static const char rule[] =
		RULE("[a-z]{6}_mmk[0-9]") ALLOW("regexTarget = 'match'\nregexes = ['^aaa']\n")
			ALLOW("regexTarget = 'line'\nregexes = ['ok']\n");
	passes(rule, "x aaabcd_mmk1 y");
	passes(rule, "x bbbbcd_mmk1 y ok\n");
	passes(rule, "ok bbbbcd_mmk1 y\n");
	cuts(rule, "x bbbbcd_mmk1 y\nok", NULL);
}

Test(gitleaks, both_or_either)
{
	static const char both[] =
		KEY ALLOW("condition = 'AND'\nregexes = ['^a']\nstopwords = ['zz']\n");
	passes(both, "key-azz12345 ");
	cuts(both, "key-bzz12345 ", "key-");
	cuts(both, "key-azy12345 ", "key-");
	static const char either[] = KEY ALLOW("regexes = ['^a']\nstopwords = ['zz']\n");
	passes(either, "key-bzz12345 key-azy12345 ");
	cuts(either, "key-bzy12345 ", "key-");
	static const char line[] = KEY ALLOW(
		"condition = '&&'\nregexTarget = 'line'\nregexes = ['noqa']\nstopwords = ['zz']\n");
	passes(line, "key-azz12345 noqa\n");
	cuts(line, "key-azz12345\nnoqa", "key-");
	cuts(line, "key-azy12345 noqa\n", "key-");
	static const char path[] =
		KEY ALLOW("condition = 'AND'\npaths = ['x']\nregexes = ['^a']\n");
	cuts(path, "key-azz12345 ", "key-");
	static const char either_path[] = KEY ALLOW("paths = ['x']\nregexes = ['^a']\n");
	passes(either_path, "key-azz12345 ");
}

Test(gitleaks, lists_of_the_file_are_for_all_or_for_some)
{
	passes("[[allowlists]]\nregexes = ['^a']\n" KEY, "key-azz12345 ");
	passes("[[allowlists]]\ntargetRules = ['one']\nregexes = ['^a']\n" KEY, "key-azz12345 ");
	cuts("[[allowlists]]\ntargetRules = ['two']\nregexes = ['^a']\n" KEY, "key-azz12345 ",
	     "key-");
}

/* Read as RE2 reads it, whatever the split: $ is the end, and a line may begin with what comes
 * next. */
Test(gitleaks, expressions_are_re2)
{
	static const char end[] = RULE("key-(?P<it>[a-z]{4})$");
	passes(end, "key-abcd\n");
	cuts(end, "key-abcd", "key-");
	static const char lines[] = RULE("(?m)key-[0-9]{2}\\n^x[0-9]{3}");
	cuts(lines, "a key-12\nx123 ", "a key-");
	passes(lines, "a key-12\n\nx123 ");
	static const char space[] = RULE("key-\\s[0-9]{4}");
	passes(space, "key-\v1234 ");
	cuts(space, "key-\f1234 ", "key-\f");
}

#define PAIR(more)                                                                                 \
	"[[rules]]\nid = 'a'\nregex = 'key-([a-z0-9]{8})\\b'\n[[rules.required]]\nid = 'b'\n" more \
	"[[rules]]\nid = 'b'\nskipReport = true\nregex = 'user-[a-z]{4}'\n"

Test(gitleaks, a_companion_came_before)
{
	cuts(PAIR(""), "user-abcd\n\n\n\nkey-abcdefgh x", "user-abcd\n\n\n\nkey-");
	passes(PAIR(""), "key-abcdefgh x user-abcd\n");
	passes(PAIR(""), "user-abc key-abcdefgh user-abc");
	passes(PAIR(""), "user-abcd"); /* alone it is nothing */
	cuts(PAIR(""), "key-abcdefgh user-abcd " HUNDRED HUNDRED HUNDRED " key-abcdefgh x",
	     "key-abcdefgh user-abcd " HUNDRED HUNDRED HUNDRED " key-");
}

Test(gitleaks, a_companion_is_near)
{
	cuts(PAIR("withinLines = 1\n"), "user-abcd\nkey-abcdefgh x\n\n", "user-abcd\nkey-");
	cuts(PAIR("withinLines = 1\n"), "key-abcdefgh x\nuser-abcd\n", "key-");
	passes(PAIR("withinLines = 1\n"), "user-abcd\n\nkey-abcdefgh x\n\nuser-abcd");
	cuts(PAIR("withinLines = 0\n"), "x key-abcdefgh user-abcd", "x key-");
	passes(PAIR("withinLines = 0\n"), "x key-abcdefgh\nuser-abcd key-abcdef");
	cuts(PAIR("withinLines = 2\n"),
	     "a\n\n\nuser-abcd\n" TEN "\n" TEN "\n\nkey-12345678\n\nuser-abcd",
	     "a\n\n\nuser-abcd\n" TEN "\n" TEN "\n\nkey-");
}

/* It must count itself; and it stands in the same channel. */
Test(gitleaks, a_companion_is_excused_or_elsewhere)
{
	static const char excused[] = PAIR("") ALLOW("regexes = ['zz']\n");
	passes(excused, "user-zzab key-abcdefgh x");
	cuts(excused, "user-abcd key-abcdefgh x", "user-abcd key-");
	struct play p = play_open_as("test.toml", PAIR(""));
	const struct segment v[] = { { 0, "user-abcd ", 0 }, { 1, "key-abcdefgh ", 0 } };
	struct outcome o = play_every_way(&p, v, 2);
	cr_assert_eq(o.verdict.kind, VERDICT_PASS);
	play_close(&p);
}

Test(gitleaks, companions_are_checked)
{
	static const struct {
		const char *toml, *error;
	} cases[] = {
		{ RULE("abc[0-9]+") "[[rules.required]]\nid = 'no'\n",
		  "test.toml:4: rule one: it requires rule \"no\", which is not there; " },
		{ RULE("abc[0-9]+") "[[rules.required]]\nid = 'one'\n",
		  "test.toml:4: rule one: it requires rule \"one\", which is not there; " },
		{ RULE("abc[0-9]+") "[[rules.required]]\nwithinLines = 3\n",
		  "test.toml:4: required has no id" },
		{ PAIR("withinLines = 101\n"), "test.toml:6: withinLines 101 is out of range; " },
		{ PAIR("lines = 1\n"),
		  "test.toml:6: key \"lines\" is not known in a gitleaks file; " },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ruleset *set = NULL;
		struct buf errors = { 0 };
		cr_assert_eq(ruleset_parse("test.toml", span_of(cases[i].toml), &set, &errors),
			     -EINVAL, "%s", cases[i].toml);
		buf_add_char(&errors, '\0');
		cr_expect(strncmp(errors.p, cases[i].error, strlen(cases[i].error)) == 0, "%s",
			  errors.p);
		buf_fini(&errors);
	}
}

/* A builder could write the comment. */
Test(gitleaks, comments_excuse_nothing)
{
	cuts(KEY, "key-abcdefgh # gitleaks:allow\n", "key-");
	struct play p = play_open_as("test.toml", KEY);
	struct span notes = ruleset_notes(p.set);
	cr_assert(notes.n && memmem(notes.p, notes.n, "gitleaks:allow", 14));
	play_close(&p);
}

/* policy/lead_in.c: where expressions are split, and which cannot be. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/yaml.h"
#include "policy/keyword.h"
#include "policy/lead_in.h"
#include "policy/multimatch.h"
#include "policy/regex.h"
#include "policy/secret_group.h"

static const struct {
	const char *regex;
	int group; /* the secret's */
	const char *lead_in, *body;
	unsigned body_group;
	unsigned prefix;
} table[] = {
	{ "\\b((?:AKI|ASI)[A-Z2-7]{16})\\b", 1, "\\b(?:(?:AKI|ASI))", "([A-Z2-7]{16})\\b", 1, 3 },
	{ "abc-[\\w-]{20}", 0, "abc-", "[\\w-]{20}", 0, 4 },
	{ "\\bx(?:y|z)[pqr]_[a-z]{9}", 0, "\\bx(?:y|z)[pqr]_", "[a-z]{9}", 0, 4 },
	{ "(?i)\\b(cd_[a-z]{9})\\b", 1, "(?i)\\b(?:cd_)", "(?i)([a-z]{9})\\b", 1, 3 },
	{ "api_key\\s*=\\s*\"([^\"]+)\"", 1, "api_key\\s*=\\s*\"", "([^\"]+)\"", 1, 0 },
	{ "(?i)[\\w.-]{0,50}?(?:asana)[ =]{1,5}([0-9]{16})(?:;|$)", 1, "(?i)(?:asana)[ =]{1,5}",
	  "(?i)([0-9]{16})(?:;|$)", 1, 0 },
	{ "TEST-(?i)[a-h0-9]{32}-X", 0, "TEST-(?i)", "(?i)[a-h0-9]{32}-X", 0, 5 },
	{ "(one|two) is (\\d+)", 2, "(one|two) is ", "(\\d+)", 1, 0 },
	{ "(one|two) is (\\d+)", 0, "(one|two) is ", "(\\d+)", 0, 7 },
	{ "ab(c[0-9]+(d))e", 1, "ab(?:c)", "([0-9]+(d))e", 1, 1 },
	{ "pre((?i:q)[0-9]{4})", 1, "pre(?:(?i:q))", "([0-9]{4})", 1, 1 },
	{ "pre((?i)q[0-9]{4})x", 1, "pre(?:(?i)q)", "((?i-ms)[0-9]{4})x", 1, 1 },
	{ "ends\\b\\s*(x+)", 1, "ends", "\\b\\s*(x+)", 1, 0 },
	{ "rm -rf /", 0, "rm -rf ", "/", 0, 7 },
	{ "user: (a*)(b+)", 1, "user: ", "(a*)(b+)", 1, 0 },
	{ "token=(.*)", 1, "token", "=(.*)", 1, 0 },
	{ "(hf_|api_org_)([a-z]{34})", 0, "(hf_|api_org_)", "([a-z]{34})", 0, 0 },
	{ "a{3}[0-9]{9}", 0, "a{3}", "[0-9]{9}", 0, 3 },
	{ "[[:alpha:]]x{2}y[^\\]]{3}", 0, NULL, NULL, 0, 0 },
	{ "\\x41\\x42[0-9]+", 0, "\\x41\\x42", "[0-9]+", 0, 2 },
	{ "ab|cd", 0, NULL, NULL, 0, 0 },
	{ "[a-z]{8}-secret", 0, NULL, NULL, 0, 0 },
	{ "a[0-9]{9}", 0, NULL, NULL, 0, 0 },
	{ "(?:ab([0-9]+)|cd([0-9]+))", 1, NULL, NULL, 0, 0 },
	{ "(?<!x)ab[0-9]{9}", 0, NULL, NULL, 0, 0 },
	{ "ab(?=c)c[0-9]{9}", 0, "ab", "(?=c)c[0-9]{9}", 0, 2 },
	{ "(?:abc)?[0-9]{9}", 0, NULL, NULL, 0, 0 },
	{ "abc*", 0, NULL, NULL, 0, 0 },
};

Test(lead_in, table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct lead_in l;
		int rc = lead_in_find(table[i].regex, (unsigned)table[i].group, NULL, &l);
		cr_assert_eq(rc, 0, "%s: %s", table[i].regex, l.why);
		cr_assert_eq(l.found, table[i].lead_in != NULL, "%s: found %s", table[i].regex,
			     l.lead_in);
		if (l.found) {
			cr_assert_str_eq(l.lead_in, table[i].lead_in, "%s: %s", table[i].regex,
					 l.lead_in);
			cr_assert_str_eq(l.body, table[i].body, "%s: %s", table[i].regex, l.body);
			cr_assert_eq(l.body_group, table[i].body_group, "%s", table[i].regex);
			cr_assert_eq(l.prefix, table[i].prefix, "%s: %u", table[i].regex, l.prefix);
		} else {
			cr_assert_not_null(l.why);
		}
		lead_in_fini(&l);
	}
}

Test(lead_in, not_understood)
{
	static const char *const refused[] = {
		"(a)\\1b",    "ab(?(1)c)",  "a(*SKIP)b", "ab(c",   "ab)c", "ab[c",    "(?x) a b c",
		"ab\\K[0-9]", "ab\\G[0-9]", "abc++d",    "a(?R)b", "*ab",  "ab\\g{1}"
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct lead_in l;
		cr_assert_eq(lead_in_find(refused[i], 0, NULL, &l), -EINVAL, "%s", refused[i]);
		cr_assert_not_null(l.why);
	}
}

Test(lead_in, written)
{
	static const struct {
		const char *regex, *wanted;
		int group;
		const char *body; /* NULL: not one of the possible splits */
	} cases[] = {
		{ "\\b(sk-[A-Z]{3}-[a-z]{9})", "\\bsk-", 1, "([A-Z]{3}-[a-z]{9})" },
		{ "\\b(sk-ant-[a-z]{9})", "\\bsk-", 1, "(ant-[a-z]{9})" },
		{ "\\b(?:foo|bar)\\( *(x[0-9]+)", "\\b(?:foo|bar)\\(", 1, " *(x[0-9]+)" },
		{ "(?i)x*foo\\( *(x[0-9]+)", "(?i)foo\\(", 1, "(?i) *(x[0-9]+)" },
		{ "\\b(sntry(?:u_[a-z]{4}|s_[0-9]{4}))", "\\bsntry[us]_", 1, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lead_in l;
		cr_assert_eq(
			lead_in_find(cases[i].regex, (unsigned)cases[i].group, cases[i].wanted, &l),
			0);
		cr_assert_eq(l.found, cases[i].body != NULL, "%s", cases[i].regex);
		if (l.found)
			cr_assert_str_eq(l.body, cases[i].body, "%s", l.body);
		lead_in_fini(&l);
	}
}

/* The halves of every split accept together what the whole accepts: tried on texts that do and do
 * not match. */
Test(lead_in, halves_make_the_whole)
{
	static const struct {
		const char *regex, *text;
	} cases[] = {
		{ "\\b((?:AKI|ASI)[A-C]{3})\\b", "xAKIABC AKIABC, ASICCCC ASIAAA" },
		{ "(?i)\\b(cd_[a-z]{2})x", "CD_ABX cd_a CD_abY cd_zzx" },
		{ "key *= *\"?([a-z]{3}\\d*)", "key = \"abc12 key=xyz key  =ab" },
		{ "ab((?i)q[0-9]{2})x", "abQ11x abq22X abq33x" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lead_in l;
		struct buf why = { 0 };
		struct regex *whole = NULL, *lead = NULL, *body = NULL;
		struct regex_scratch *s = regex_scratch_new();
		struct span text = span_of(cases[i].text);
		cr_assert_eq(lead_in_find(cases[i].regex, 1, NULL, &l), 0);
		cr_assert(l.found);
		cr_assert_eq(regex_new(cases[i].regex, REGEX_AT_START, &whole, &why), 0);
		cr_assert_eq(regex_new(l.lead_in, REGEX_AT_START, &lead, &why), 0);
		cr_assert_eq(regex_new(l.body, REGEX_AT_START, &body, &why), 0);
		int matches = 0;
		for (size_t at = 0; at < text.n; at++) {
			size_t a, b, c, d, e, f;
			enum regex_result one = regex_find(whole, s, text, at, 0, 1, &a, &b);
			enum regex_result two = regex_find(lead, s, text, at, 0, 0, &c, &d);
			if (two == REGEX_YES)
				two = regex_find(body, s, text, d, 0, l.body_group, &e, &f);
			cr_assert_eq(one, two, "%s at %zu", cases[i].regex, at);
			if (one == REGEX_YES) {
				cr_assert_eq(b, f);
				cr_assert_eq(a, e - l.prefix);
				matches++;
			}
		}
		cr_assert_geq(matches, 1);
		regex_free(whole);
		regex_free(lead);
		regex_free(body);
		regex_scratch_free(s);
		lead_in_fini(&l);
		buf_fini(&why);
	}
}

Test(lead_in, measures)
{
	struct lead_in l;
	cr_assert_eq(lead_in_find("ab{2,5}(?:c|de)\\b", 0, NULL, &l), 0);
	cr_assert_eq(l.min, 4);
	cr_assert_eq(l.max, 8);
	cr_assert(l.ends_in_assertion);
	lead_in_fini(&l);
	cr_assert_eq(lead_in_find("abc+(x)?", 0, NULL, &l), 0);
	cr_assert_eq(l.max, LEAD_IN_UNBOUNDED);
	cr_assert_eq(l.groups, 1);
	cr_assert_not(l.ends_in_assertion);
	lead_in_fini(&l);
}

Test(lead_in, implied_keywords)
{
	static const char *const words[] = { "akia", "secret" };
	cr_assert(keyword_implied("\\b(AKIA[A-Z]{16})", words, 2));
	cr_assert(keyword_implied("(?i)x(?:my_Secret|akia)=", words, 2));
	cr_assert_not(keyword_implied("x(?:my_secret|other)=", words, 2));
	cr_assert_not(keyword_implied("AK[I]?A", words, 2));
	cr_assert_not(keyword_implied("(?:akia)?x", words, 2));
	cr_assert_not(keyword_implied("akix|akia", words, 2));
}

Test(lead_in, doubtful_groups)
{
	static const struct {
		const char *regex, *before; /* NULL: no doubt */
	} cases[] = {
		{ "badge-[0-9]{8}-(de|fr)", "[0-9]{8}" },
		{ "badge-[0-9]{5}-(de|fr)", NULL },
		{ "badge-[0-9]{6}-(de|fr)", "[0-9]{6}" },
		{ "badge-[0-9a-z]+-(de|fr)", "[0-9a-z]+" },
		{ "badge-[a-z]{1,40}-(de|fr)", NULL },
		{ "badge-[a-z]{32}(x)?", "[a-z]{32}" },
		{ "badge-(?:[0-9]{4}-){3}(de|fr)", "(?:[0-9]{4}-){3}" },
		{ "badge-(?:[0-9]{8}-(de|fr))", "[0-9]{8}" },
		{ "badge-(?:a|[0-9]{8}-(de|fr))", "[0-9]{8}" },
		{ "badge-(?:[0-9]{8}|x(de|fr))", NULL },
		{ "badge-(?P<land>de|fr)-[0-9]{8}", NULL },
		{ "badge-[0-9]{8}-([0-9]{8})", NULL },
		{ "badge-[0-9]{8}-([0-9]{7})", "[0-9]{8}" },
		{ "[\\w.-]{0,20}badge\\s{0,20}=[\"' ]{0,9}(de|fr)", NULL },
		{ "badge-.{0,80}(de|fr)", NULL },
		{ "badge-[0-9]{8}", NULL },
		{ "badge-([0-9]{8})-(de|fr)", NULL },
		{ "badge-[0-9]{8}-(de", NULL },
		{ "badge-(?:[0-9a-f]{60000}){60000}(de|fr)", "(?:[0-9a-f]{60000}){60000}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span group, before;
		bool doubtful = secret_group_doubtful(cases[i].regex, &group, &before);
		cr_assert_eq(doubtful, cases[i].before != NULL, "%s", cases[i].regex);
		if (!doubtful)
			continue;
		cr_assert_eq(group.p[0], '(');
		cr_assert(before.n == strlen(cases[i].before) &&
				  memcmp(before.p, cases[i].before, before.n) == 0,
			  "%s: %.*s", cases[i].regex, (int)before.n, before.p);
	}
}

/* Rules that others wrote: most must get a usable lead-in, and both halves must compile. */
static bool usable(const struct yaml_node *rule)
{
	const struct yaml_node *regex = yaml_get(rule, "regex_re2"),
			       *group = yaml_get(rule, "secret_group");
	struct lead_in l;
	if (!regex || !regex->len || lead_in_find(regex->text, 0, NULL, &l))
		return false;
	unsigned wanted = group && group->len ? (unsigned)atoi(group->text) : l.groups > 0;
	lead_in_fini(&l);
	cr_assert_eq(lead_in_find(regex->text, wanted, NULL, &l), 0, "%s", regex->text);
	if (l.found) {
		struct multimatch_pattern pattern = { .text = l.lead_in };
		struct multimatch *m = NULL;
		struct regex *body = NULL;
		struct buf why = { 0 };
		size_t bad;
		cr_assert_eq(multimatch_new(&pattern, 1, &m, &bad, &why), 0, "%s", l.lead_in);
		cr_assert_eq(regex_new(l.body, REGEX_AT_START, &body, &why), 0, "%s", l.body);
		cr_assert(!wanted || l.body_group > 0, "%s", regex->text);
		multimatch_free(m);
		regex_free(body);
		buf_fini(&why);
	}
	bool found = l.found;
	lead_in_fini(&l);
	return found;
}

/* Their first groups are meant: all but one, whose group is a part of a UUID in a long address. */
static bool doubtful(const struct yaml_node *rule)
{
	const struct yaml_node *regex = yaml_get(rule, "regex_re2"),
			       *group = yaml_get(rule, "secret_group");
	struct span first, before;
	if (!regex || !regex->len || (group && group->len) ||
	    !secret_group_doubtful(regex->text, &first, &before))
		return false;
	cr_log_info("doubtful: %s", regex->text);
	return true;
}

Test(lead_in, rules_that_others_wrote)
{
	const char *corpora = getenv("CORPORA");
	char command[512];
	snprintf(command, sizeof(command),
		 "gzip -dc '%s/secrets/gitleaks_rules.json.gz' 2>/dev/null",
		 corpora ? corpora : "../shared/corpora");
	FILE *pipe = popen(command, "r");
	struct buf text = { 0 }, errors = { 0 };
	struct yaml *y = NULL;
	char part[4096];
	for (size_t n; pipe && (n = fread(part, 1, sizeof(part), pipe)) > 0;)
		buf_add(&text, part, n);
	if (pipe)
		pclose(pipe);
	if (!text.n) {
		cr_log_warn("skipped: no corpora");
		return;
	}
	cr_assert_eq(yaml_parse("rules", (struct span){ text.p, text.n }, 0, &y, &errors), 0,
		     "%.*s", (int)errors.n, errors.p);
	size_t all = 0, found = 0, doubts = 0;
	for (const struct yaml_node *r = yaml_get(yaml_root(y), "rules")->first; r; r = r->next) {
		all++;
		found += usable(r);
		doubts += doubtful(r);
	}
	cr_assert_eq(all, 222);
	cr_assert_eq(doubts, 1, "%zu", doubts);
	cr_assert_geq(found, 205, "%zu of %zu", found, all);
	yaml_free(y);
	buf_fini(&text);
}

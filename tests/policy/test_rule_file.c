/* policy/rule_file.c and policy/ruleset.c: what a policy may say, and the one line for everything
 * else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/yaml.h"
#include "policy/rule.h"

#define HEAD "version: 1\nrules:\n"
#define RULE "  - id: my-rule\n    title: t\n    severity: high\n    action: cut\n"

static struct ruleset *must(const char *yaml)
{
	struct buf errors = { 0 };
	struct ruleset *set = NULL;
	int rc = ruleset_parse("p.yaml", span_of(yaml), &set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	return set;
}

static const struct {
	const char *yaml, *error; /* the beginning of the only line */
} refused[] = {
	{ "rules: []\n", "p.yaml:1: the policy has no version; write version: 1" },
	{ "version: 2\n", "p.yaml:1: version is not 1; " },
	{ "- 1\n", "p.yaml:1: a policy must be a map" },
	{ "version: 1\nruls: []\n",
	  "p.yaml:2: key \"ruls\" is not known in a policy; its keys are: version, mode, mask, hold, "
	  "decode, include, overrides, disable, rules, assertions\n" },
	{ "version: 1\nmode: off\n",
	  "p.yaml:2: mode \"off\" is not known; use one of: enforce, monitor" },
	{ "version: 1\nhold: 5\n", "p.yaml:2: hold must be a map; " },
	{ "version: 1\nhold:\n  bytes: 0\n",
	  "p.yaml:3: bytes 0 is out of range; write one from 1 to 65536" },
	{ "version: 1\nhold:\n  bytes: 4KiB\n",
	  "p.yaml:3: bytes \"4KiB\" is not a plain number; write bytes, without a unit, from 1 to" },
	{ "version: 1\nhold:\n  bytes: -1\n", "p.yaml:3: bytes -1 is out of range; " },
	{ "version: 1\nhold:\n  bytes: 18446744073709551617\n",
	  "p.yaml:3: bytes 18446744073709551617 is out of range; " },
	{ "version: 1\nhold:\n  bytes: '-'\n", "p.yaml:3: bytes must be " },
	{ "version: 1\nhold:\n  time: 5\n", "p.yaml:3: time must be a duration with a unit; " },
	{ "version: 1\nhold:\n  time: 11m\n", "p.yaml:3: time must be a duration" },
	{ "version: 1\nhold:\n  on_bound: drop\n",
	  "p.yaml:3: on_bound \"drop\" is not known; use one of: cut, release" },
	{ "version: 1\nhold:\n  byte: 1\n", "p.yaml:3: key \"byte\" is not known in hold; " },
	{ "version: 1\noverrides: [{id: nope, action: flag}]\n",
	  "p.yaml:2: overrides names id \"nope\", of which there is no rule; " },
	{ "version: 1\noverrides: [{file: g.toml, action: flag}]\n",
	  "p.yaml:2: overrides names file \"g.toml\", of which there is no rule; " },
	{ "version: 1\noverrides: [{id: nope}]\n", "p.yaml:2: overrides is not understood; " },
	{ "version: 1\noverrides: [{action: flag}]\n", "p.yaml:2: overrides is not understood; " },
	{ "version: 1\noverrides: [nope]\n", "p.yaml:2: overrides is not understood; " },
	{ "version: 1\noverrides: nope\n", "p.yaml:2: overrides must be a list; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\noverrides: [{id: my-rule, action: ban}]\n",
	  "p.yaml:8: action \"ban\" is not known; use one of: flag, redact, cut" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\noverrides: [{id: my-rule, action: cut, hold: none}]\n",
	  "p.yaml:8: key \"hold\" is not known in overrides; " },
	{ "version: 1\ndisable: [nope]\n",
	  "p.yaml:2: disable names rule \"nope\", which does not exist; " },
	{ "version: 1\ndisable: nope\n", "p.yaml:2: disable must be a list; " },
	{ "version: 1\nrules: {a: 1}\n", "p.yaml:2: rules must be a list; " },
	{ HEAD "  - text\n", "p.yaml:3: a rule must be a map" },
	{ HEAD RULE, "p.yaml:3: a rule has no regex; add one" },
	{ HEAD RULE "    regex: 'abc-[0-9]{9}'\n    colour: red\n",
	  "p.yaml:8: key \"colour\" is not known in a rule; its keys are: id, title, remedy, " },
	{ HEAD "  - {id: My_Rule, title: t, severity: low, action: cut, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: id \"My_Rule\" is not a name; " },
	{ HEAD "  - {id: a-, title: t, severity: low, action: cut, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: id \"a-\" is not a" },
	{ HEAD "  - {id: a, title: [], severity: low, action: cut, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: title must be text" },
	{ HEAD "  - {id: a, title: t, severity: bad, action: cut, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: severity \"bad\" is not known; use one of: low, medium, high, critical" },
	{ HEAD "  - {id: a, title: t, severity: low, action: redact, hold: none,\n"
	       "     regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: rule a: action redact with hold: none: what has left cannot be redacted; hold" },
	{ HEAD "  - {id: a, title: t, severity: low, action: redact, hold: window 9,\n"
	       "     regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: rule a: action redact where a match may be longer than the window; limit" },
	{ HEAD "  - {id: a, title: t, severity: low, action: redact, scope: code,\n"
	       "     regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: rule a: action redact with scope: code: closing events repeat" },
	{ "version: 1\nmask: 'a\"b'\nrules:\n" RULE "    regex: 'abc-[0-9]+'\n",
	  "p.yaml:2: mask has a character that JSON would escape; use plain ASCII" },
	{ "version: 1\nmask: \"caf\\xe9\"\nrules:\n" RULE "    regex: 'abc-[0-9]+'\n",
	  "p.yaml:2: mask has a character that JSON would escape; use plain ASCII" },
	{ HEAD "  - {id: a, title: t, severity: low, action: stop, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:3: action \"stop\" is not known; use one of: flag, redact, cut\n" },
	{ HEAD "  - {id: a, title: t, severity: low, action: cut, regex: 'abc-[0-9]+'}\n"
	       "  - {id: a, title: t, severity: low, action: cut, regex: 'abc-[0-9]+'}\n",
	  "p.yaml:4: rule a stands already in p.yaml:3; " },
	{ HEAD RULE "    regex: 'abc-[0-9'\n",
	  "p.yaml:7: rule my-rule: the regex does not compile: missing terminating ]" },
	{ HEAD RULE "    regex: '[a-z]{20}'\n",
	  "p.yaml:7: rule my-rule: no usable lead-in: nothing literal of at least" },
	{ HEAD RULE "    regex: 'ab[0-9]+|[0-9]+cd'\n",
	  "p.yaml:7: rule my-rule: no usable lead-in: its alternatives stand at the top" },
	{ HEAD RULE "    regex: 'abc([0-9]+)\\1'\n",
	  "p.yaml:7: rule my-rule: no usable lead-in: a backreference" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    secret_group: 1\n",
	  "p.yaml:7: rule my-rule: secret_group names a group" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    secret_group: x\n",
	  "p.yaml:8: secret_group must be a whole number; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    cwe: 78\n",
	  "p.yaml:8: cwe is not the name of a weakness; write one such as CWE-78" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    cwe: CWE-078\n",
	  "p.yaml:8: cwe is not the name " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    cwe: CWE-7x\n", "p.yaml:8: cwe is not the name " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    cwe: [CWE-7]\n",
	  "p.yaml:8: cwe is not the name " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    why: ''\n", "p.yaml:8: why is empty; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    samples: [abc1]\n",
	  "p.yaml:8: samples is not understood; write {positives" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    samples: {positive: [abc1]}\n",
	  "p.yaml:8: key \"positive\" is not known in a rule's samples; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    samples: {positives: abc1}\n",
	  "p.yaml:8: positives must be a list; write 1 to 64 texts in brackets" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    keywords: abc\n",
	  "p.yaml:8: keywords must be a list; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    keywords: ['']\n",
	  "p.yaml:8: an item here is empty; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    entropy: 8\n", "p.yaml:8: entropy is no number" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    entropy: 0x1\n",
	  "p.yaml:8: entropy is no number" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    entropy: nan\n",
	  "p.yaml:8: entropy is no number" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    allow: x\n",
	  "p.yaml:8: allow is not understood; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    allow: {words: [a]}\n",
	  "p.yaml:8: key \"words\" is not known in a rule's allow; its keys are: regexes, " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    allow: {regexes: ['(']}\n",
	  "p.yaml:8: rule my-rule: allow: expression 1 does not compile: " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    allow: {stopwords: []}\n",
	  "p.yaml:8: stopwords must be a list; write 1 to 4096 texts" },
	{ HEAD RULE "    regex: ''\n", "p.yaml:7: regex is empty; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: 12\n",
	  "p.yaml:8: hold is not understood; write window N, none" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: window\n",
	  "p.yaml:8: hold is not understood" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: window 0\n",
	  "p.yaml:8: hold: window 0 is out of range; write one from 1 to 4096\n" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: window 99999999\n",
	  "p.yaml:8: hold: window 99999999 is out of range; write one from 1 to 4096\n" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: window -5\n",
	  "p.yaml:8: hold: window -5 is out of range; write one from 1 to 4096\n" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    hold: {size: 5}\n",
	  "p.yaml:8: key \"size\" is not known in a rule's hold" },
	{ HEAD RULE "    regex: 'abc[0-9]{9}'\n    hold: window 10\n",
	  "p.yaml:8: rule my-rule: a match may have 12 bytes and the window holds 10; " },
	{ HEAD RULE "    regex: '(?:abc)*'\n    hold: none\n",
	  "p.yaml:7: rule my-rule: the regex matches the empty text; " },
	{ HEAD RULE "    regex: 'abc[0-9]+(?=x)'\n    hold: none\n",
	  "p.yaml:7: rule my-rule: the stream matcher refuses it: " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    lead_in: abc\n    hold: none\n",
	  "p.yaml:8: lead_in and this hold exclude" },
	{ HEAD RULE "    regex: 'ab(?:c|d)[0-9]+'\n    lead_in: '(?:ab)?'\n",
	  "p.yaml:8: rule my-rule: lead_in may be empty; " },
	{ HEAD RULE "    regex: 'ab(?:c|d)[0-9]+'\n    lead_in: 'ab[cd]\\b'\n",
	  "p.yaml:8: rule my-rule: lead_in ends in an assertion" },
	{ HEAD RULE "    regex: 'ab(?:c|d)[0-9]+'\n    lead_in: 'ab[cd]*'\n",
	  "p.yaml:8: rule my-rule: lead_in may be longer than 128 bytes" },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    on_bound: 5\n",
	  "p.yaml:8: on_bound \"5\" is not known; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    scope: prose\n",
	  "p.yaml:8: scope \"prose\" is not known; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\n    rollback: 1\n",
	  "p.yaml:8: rollback must be true or false; " },
	{ "version: 1\ninclude: [/nonexistent/x.yaml]\n",
	  "p.yaml:2: include /nonexistent/x.yaml: no such file; " },
	{ "version: 1\ninclude: [builtn]\n",
	  "p.yaml:2: include builtn: no such file; correct the name (the pack is spelt builtin)\n" },
	{ "version: 1\ninclude: [builtin/sekrets]\n",
	  "p.yaml:2: include builtin/sekrets: the pack has no such part; write one of builtin, builtin/secrets" },
	{ "version: 1\nrules: []\n", "p.yaml:1: no rule: nothing would be judged; " },
	{ "version: 1\n", "p.yaml:1: no rule: nothing would be judged; " },
	{ HEAD RULE "    regex: 'abc[0-9]+'\ndisable: [my-rule]\n", "p.yaml:1: no rule: " },
	{ HEAD RULE "    regex: 'badge-[0-9]{8}-(de|fr)'\n",
	  "p.yaml:7: rule my-rule: its first group \"(de|fr)\" is taken as the secret, and what "
	  "precedes it, such as [0-9]{8}, would leave; write secret_group: 1 to say so, " },
	{ HEAD RULE "    regex: '(?<!x)abc-[0-9]{9}'\n",
	  "p.yaml:7: rule my-rule: no usable lead-in: a look-around comes before its first literal "
	  "characters; write those characters as lead_in: too, " },
	{ "version: 1\nrules: [\n", "p.yaml:" },
	{ "listen: []\nupstreams: []\nroutes: []\n", "p.yaml:1: this is a configuration; " },
	{ "version: 1\ninclude: [p.yaml]\n", "p.yaml:2: p.yaml includes itself" },
};

Test(rule_file, every_problem_has_its_line)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct buf errors = { 0 };
		struct ruleset *set = NULL;
		int rc = ruleset_parse("p.yaml", span_of(refused[i].yaml), &set, &errors);
		cr_assert_neq(rc, 0, "%s", refused[i].yaml);
		cr_assert_null(set);
		buf_add_char(&errors, '\0');
		cr_assert(strncmp(errors.p, refused[i].error, strlen(refused[i].error)) == 0,
			  "got  %swant %s", errors.p, refused[i].error);
		const char *line_end = strchr(errors.p, '\n');
		cr_assert_not_null(line_end);
		cr_assert_eq(line_end[1], '\0', "more than one line: %s", errors.p);
		cr_assert_not_null(memchr(errors.p, ';', (size_t)(line_end - errors.p)),
				   "no remedy: %s", errors.p);
		buf_fini(&errors);
	}
}

Test(rule_file, all_problems_at_once)
{
	struct buf errors = { 0 };
	struct ruleset *set = NULL;
	cr_assert_eq(
		ruleset_parse(
			"p.yaml",
			SPAN("version: 1\nmood: x\nrules:\n"
			     "  - {id: a, title: t, severity: low, action: cut, regex: '[a-z]+'}\n"
			     "  - {id: b, title: t, severity: low, action: hit, regex: '['}\n"),
			&set, &errors),
		-EINVAL);
	size_t lines = 0;
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	cr_assert_eq(lines, 4, "%.*s", (int)errors.n, errors.p);
	buf_fini(&errors);
}

Test(rule_file, a_rule_as_written)
{
	struct ruleset *set = must(
		"version: 1\nmode: monitor\nhold: {bytes: 100, time: 250ms, on_bound: release}\nrules:\n"
		"  - id: one\n    title: One\n    remedy: Mend it.\n    severity: critical\n"
		"    action: cut\n    regex: 'one-([0-9]{4})'\n    keywords: [one]\n    rollback: true\n"
		"    scope: code\n"
		"  - {id: two, title: T, severity: low, action: flag, regex: 'tw[a-z]+', hold: window 9,\n"
		"     on_bound: cut}\n"
		"  - {id: three, title: T, severity: low, action: flag, regex: 'thr-[a-z]+', hold: {bytes: 7}}\n"
		"  - {id: four, title: T, severity: medium, action: flag, regex: '[a-z]+', hold: none}\n");
	cr_assert_eq(ruleset_count(set), 4);
	cr_assert(ruleset_monitor(set));
	cr_assert_eq(ruleset_hold_ms(set), 250);
	cr_assert_eq(ruleset_hold_ms_bound(set), BOUND_RELEASE);
	const struct rule_info *r = ruleset_rule(set, 0);
	cr_assert_str_eq(r->id, "one");
	cr_assert_str_eq(r->title, "One");
	cr_assert_str_eq(r->remedy, "Mend it.");
	cr_assert_str_eq(r->lead_in, "one-");
	cr_assert_str_eq(r->file, "p.yaml");
	cr_assert_eq(r->line, 5);
	cr_assert(r->severity == SEVERITY_CRITICAL && r->action == ACTION_CUT &&
		  r->scope == SCOPE_CODE && r->rollback);
	cr_assert(r->hold == HOLD_LEAD_IN && r->hold_bytes == 100 && r->on_bound == BOUND_RELEASE);
	r = ruleset_rule(set, 1);
	cr_assert(r->hold == HOLD_WINDOW && r->hold_bytes == 9 && r->on_bound == BOUND_CUT &&
		  !r->rollback);
	cr_assert_str_eq(r->lead_in, "");
	r = ruleset_rule(set, 2);
	cr_assert(r->hold == HOLD_LEAD_IN && r->hold_bytes == 7);
	cr_assert_eq(ruleset_rule(set, 3)->hold, HOLD_NONE);
	ruleset_unref(ruleset_ref(set));
	ruleset_unref(set);
	ruleset_unref(NULL);
}

Test(rule_file, a_group_that_is_meant)
{
	static const char *const fine[] = {
		"    regex: 'badge-[0-9]{8}-(de|fr)'\n    secret_group: 1\n",
		"    regex: 'badge-[0-9]{8}-(de|fr)'\n    secret_group: 0\n",
		"    regex: 'badge-[0-9]{8}-(?:de|fr)'\n",
		"    regex: 'badge-[\\w.-]{0,20}=(de|fr)'\n",
		"    regex: '(?<!x)abc-[0-9]{9}'\n    lead_in: abc-\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		char yaml[512];
		snprintf(yaml, sizeof(yaml), HEAD RULE "%s", fine[i]);
		ruleset_unref(must(yaml));
	}
	ruleset_unref(must(HEAD "  - {id: a, title: t, severity: low, action: flag, "
				"regex: 'badge-[0-9]{8}-(de|fr)'}\n"));
}

Test(rule_file, what_is_unbounded)
{
	static const struct {
		const char *rule;
		bool unbounded;
	} cases[] = {
		{ "    regex: 'foo.*bar'\n", true },
		{ "    regex: 'foo[a-z]{9}.+'\n", true },
		{ "    regex: 'foo(?:[a-z]{2}x){9,}'\n", true },
		{ "    regex: 'foo[a-z]{4096}'\n", false },
		{ "    regex: 'foo[a-z]{4097}'\n", true },
		{ "    regex: 'foo[a-z]{4095}\\b'\n", false },
		{ "    regex: 'foo[a-z]{4096}\\b'\n", true },
		{ "    regex: 'foo[a-z]{9}'\n    hold: {bytes: 9}\n", false },
		{ "    regex: 'foo[a-z]{9}'\n    hold: {bytes: 8}\n", true },
		{ "    regex: 'foo *=([a-z]{9})'\n", false },
		{ "    regex: 'foo *=([a-z]{9};?)'\n    hold: {bytes: 9}\n", true },
		{ "    regex: 'foo(a(b[0-9]{3})c)d'\n    hold: {bytes: 5}\n", false },
		{ "    regex: 'foo(a(b[0-9]{3})c)d'\n    hold: {bytes: 4}\n", true },
		{ "    regex: 'ab(?:c|d)[0-9]{5}'\n    lead_in: 'ab[cd]'\n    hold: {bytes: 5}\n",
		  false },
		{ "    regex: 'ab(?:c|d)[0-9]{5}'\n    lead_in: 'ab[cd]'\n    hold: {bytes: 4}\n",
		  true },
		{ "    regex: 'ab(?:c|d)[0-9]+'\n    lead_in: 'ab[cd]'\n", true },
		{ "    regex: '[a-z]{9}'\n    hold: window 9\n", false },
		{ "    regex: '[a-z]{9,}'\n    hold: window 9\n", true },
		{ "    regex: '[a-z]{9,}'\n    hold: none\n", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char yaml[512];
		snprintf(yaml, sizeof(yaml), HEAD RULE "%s", cases[i].rule);
		struct ruleset *set = must(yaml);
		cr_assert_eq(ruleset_rule(set, 0)->unbounded, cases[i].unbounded, "%s %s",
			     cases[i].rule, ruleset_rule(set, 0)->lead_in);
		ruleset_unref(set);
	}
}

Test(rule_file, the_hash_is_of_what_is_judged)
{
	struct ruleset *a = must(HEAD RULE "    regex: 'abc[0-9]+'\n"),
		       *b = must("# other text, same rules\n" HEAD RULE "    regex: 'abc[0-9]+'\n"),
		       *c = must(HEAD RULE "    regex: 'abd[0-9]+'\n");
	cr_assert_eq(strlen(ruleset_hash(a)), 64);
	cr_assert_str_eq(ruleset_hash(a), ruleset_hash(b));
	cr_assert_str_neq(ruleset_hash(a), ruleset_hash(c));
	ruleset_unref(a);
	ruleset_unref(b);
	ruleset_unref(c);
}

Test(rule_file, what_is_for_people_decides_nothing)
{
	struct ruleset *a = must(HEAD RULE "    regex: 'abc[0-9]+'\n"),
		       *b = must(HEAD RULE "    regex: 'abc[0-9]+'\n    why: it is bad\n"
					   "    cwe: CWE-78\n    samples:\n"
					   "      positives: [abc1, 'abc 2']\n"
					   "      near_misses: [abd1]\n");
	const struct rule_info *rule = ruleset_rule(b, 0);
	struct rule_detail detail = ruleset_detail(b, 0);
	cr_assert_str_eq(ruleset_rule(a, 0)->why, "");
	cr_assert_str_eq(ruleset_rule(a, 0)->cwe, "");
	cr_assert_eq(ruleset_detail(a, 0).samples.n_positives, 0);
	cr_assert_str_eq(rule->why, "it is bad");
	cr_assert_str_eq(rule->cwe, "CWE-78");
	cr_assert_eq(detail.samples.n_positives, 2);
	cr_assert_str_eq(detail.samples.positives[1], "abc 2");
	cr_assert_eq(detail.samples.n_near_misses, 1);
	cr_assert_str_eq(detail.samples.near_misses[0], "abd1");
	cr_assert_null(detail.mask);
	cr_assert_str_eq(ruleset_hash(a), ruleset_hash(b));
	ruleset_unref(a);
	ruleset_unref(b);
}

Test(rule_file, the_pack)
{
	struct buf errors = { 0 };
	struct ruleset *set = NULL;
	cr_assert_eq(ruleset_load("builtin", &set, &errors), 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_geq(ruleset_count(set), 30);
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		/* Only what a query judges may be longer than its hold. */
		cr_assert(!rule->unbounded || !rule->regex[0], "%s", rule->id);
	}
	size_t all = ruleset_count(set);
	char yaml[256];
	snprintf(yaml, sizeof(yaml), "version: 1\ninclude: [builtin]\ndisable: [%s]\n",
		 ruleset_rule(set, 3)->id);
	struct ruleset *fewer = must(yaml);
	cr_assert_eq(ruleset_count(fewer), all - 1);
	ruleset_unref(fewer);
	fewer = must("version: 1\ninclude: [builtin/secrets, builtin/code]\n");
	cr_assert_lt(ruleset_count(fewer), all);
	for (size_t i = 0; i < ruleset_count(fewer); i++)
		cr_assert_str_empty(ruleset_rule(fewer, i)->query);
	ruleset_unref(set);
	ruleset_unref(fewer);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(rule_file, includes)
{
	char dir[] = "/tmp/rulesXXXXXX", path[128];
	struct buf errors = { 0 };
	struct ruleset *set = NULL;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/main.yaml", dir);
	write_file(dir, "more.yaml",
		   "version: 1\nhold: {bytes: 9}\nrules:\n"
		   "  - {id: more, title: t, severity: low, action: cut, regex: 'abc-[0-9]{3}'}\n");
	write_file(dir, "main.yaml",
		   "version: 1\nrules:\n"
		   "  - {id: own, title: t, severity: low, action: cut, regex: 'abd-[0-9]{3}'}\n"
		   "include: [more.yaml]\n");
	cr_assert_eq(ruleset_load(path, &set, &errors), 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(ruleset_count(set), 2);
	cr_assert_str_eq(ruleset_rule(set, 0)->id, "more");
	cr_assert_eq(ruleset_rule(set, 0)->hold_bytes, 9);
	cr_assert_eq(ruleset_rule(set, 1)->hold_bytes, 4096);
	ruleset_unref(set);
	write_file(dir, "more.yaml", "version: 1\nmode: monitor\n");
	cr_assert_eq(ruleset_load(path, &set, &errors), -EINVAL);
	buf_add_char(&errors, '\0');
	cr_assert_not_null(strstr(errors.p, "/more.yaml:2: mode stands in an included file; "),
			   "%s", errors.p);
	buf_clear(&errors);
	write_file(dir, "more.yaml", "version: 1\ninclude: [main.yaml]\n");
	cr_assert_eq(ruleset_load(path, &set, &errors), -EINVAL);
	buf_add_char(&errors, '\0');
	cr_assert_not_null(strstr(errors.p, "/more.yaml:2: "), "%s", errors.p);
	cr_assert_not_null(strstr(errors.p, "includes itself"), "%s", errors.p);
	buf_fini(&errors);
}

static void same_keys(const struct yaml_node *properties, const char *(*key)(size_t i))
{
	size_t n = 0, known = 0;
	for (const struct yaml_node *p = properties->first; p; p = p->next)
		known++;
	for (; key(n); n++)
		cr_assert_not_null(yaml_get(properties, key(n)), "the schema lacks %s", key(n));
	cr_assert_eq(n, known, "the schema has keys that the loader does not know");
	cr_assert_gt(n, 3);
}

Test(rule_file, overrides_change_rules_in_order)
{
	struct ruleset *set = must(
		"version: 1\ninclude: [builtin]\noverrides:\n  - {file: builtin, action: flag, severity: low}\n"
		"  - {id: one, action: redact}\n  - {file: builtin, id: aws-access-key-id, action: cut}\nrules:\n"
		"  - {id: one, title: t, severity: high, action: cut, regex: 'one-[0-9]{4}'}\n");
	size_t cuts = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *r = ruleset_rule(set, i);
		bool own = strcmp(r->id, "one") == 0;
		cuts += r->action == ACTION_CUT;
		cr_assert_eq(r->severity, own ? SEVERITY_HIGH : SEVERITY_LOW, "%s", r->id);
		cr_assert(r->action != ACTION_REDACT || own, "%s", r->id);
	}
	cr_assert_eq(cuts, 1);
	ruleset_unref(set);
}

Test(rule_file, the_schema_has_the_loaders_keys)
{
	struct buf errors = { 0 };
	struct yaml *y = NULL;
	cr_assert_eq(yaml_load("policy/policy.schema.json", 0, &y, &errors), 0, "%.*s",
		     (int)errors.n, errors.p);
	const struct yaml_node *root = yaml_root(y),
			       *rule = yaml_get(yaml_get(root, "$defs"), "rule");
	same_keys(yaml_get(root, "properties"), rule_file_policy_key);
	same_keys(yaml_get(rule, "properties"), rule_file_rule_key);
	same_keys(yaml_get(yaml_get(yaml_get(root, "$defs"), "override"), "properties"),
		  rule_file_override_key);
	same_keys(yaml_get(yaml_get(yaml_get(root, "$defs"), "assertion"), "properties"),
		  rule_file_assertion_key);
	yaml_free(y);
}

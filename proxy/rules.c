/* `redcard rules`: what stands in a policy, rule by rule. */
#include "proxy/rules.h"

#include <stdio.h>
#include <string.h>

#include "proxy/cli.h"
#include "proxy/policy_open.h"
#include "proxy/report.h"
#include "proxy/rule_print.h"
#include "proxy/verbs.h"

struct policy {
	struct ruleset *set;
	struct gate_scratch scratch;
};

static void policy_close(struct policy *p)
{
	gate_scratch_fini(&p->scratch);
	ruleset_unref(p->set);
}

/* --- list --- */

/* The number of a name; -1: none was asked for; -2, after a line: unknown. */
static int filter(const char *option, const char *name, const char *const *names, size_t n)
{
	if (!name)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	fprintf(stderr, "redcard rules list: unknown %s '%s'; write one of:", option, name);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", names[i]);
	fputc('\n', stderr);
	return -2;
}

static bool picked(const struct rule_info *rule, int severity, int action)
{
	return (severity < 0 || rule->severity == (enum severity)severity) &&
	       (action < 0 || rule->action == (enum action)action);
}

static void list_text(const struct ruleset *set, int severity, int action)
{
	int width = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		int n = (int)strlen(ruleset_rule(set, i)->id);
		width = n > width ? n : width;
	}
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		if (picked(rule, severity, action))
			printf("%-*s  %-8s  %-6s  %-7s  %s\n", width, rule->id,
			       severity_names[rule->severity], action_names[rule->action],
			       hold_names[rule->hold], rule->title);
	}
}

static void list_json(const struct ruleset *set, int severity, int action, struct buf *out)
{
	bool first = true;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		if (!picked(rule, severity, action))
			continue;
		buf_add_text(out, first ? "[{" : ",\n {");
		rule_add_members(out, rule);
		buf_add_char(out, '}');
		first = false;
	}
	buf_add_text(out, first ? "[]\n" : "]\n");
}

/* Prints a document that was put together, and forgets it. */
static int print(struct buf *out)
{
	bool whole = !out->failed;
	if (whole && out->n)
		fwrite(out->p, 1, out->n, stdout);
	if (!whole)
		fputs("redcard rules: out of memory for the report; name a smaller policy\n",
		      stderr);
	buf_fini(out);
	return whole ? EXIT_CLEAN : EXIT_TOOL;
}

static int list_main(int argc, char **argv)
{
	const char *policy = "builtin", *severity = NULL, *action = NULL;
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "policy",
		  .letter = 'p',
		  .value = "FILE",
		  .text = &policy,
		  .help = "the policy (builtin)" },
		{ .name = "severity",
		  .value = "NAME",
		  .text = &severity,
		  .help = "only rules of this one: low, medium, high, critical" },
		{ .name = "action",
		  .value = "NAME",
		  .text = &action,
		  .help = "only rules of this one: flag, redact, cut" },
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "rules list",
		.summary =
			"Lists the rules of a policy: id, severity, action, how text is held, title.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rules list\n"
			    "  redcard rules list --severity critical --action cut\n"
			    "  redcard rules list -p policy.yaml --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	int s = filter("severity", severity, severity_names, SEVERITY_COUNT);
	int a = filter("action", action, action_names, ACTION_COUNT);
	struct policy p = { 0 };
	struct buf out = { 0 };
	status = EXIT_TOOL;
	if (s > -2 && a > -2 && policy_open(policy, &p.set, &p.scratch) == 0) {
		if (json)
			list_json(p.set, s, a, &out);
		else
			list_text(p.set, s, a);
		status = print(&out);
	}
	policy_close(&p);
	return status;
}

/* --- show --- */

static void show_line(const char *name, const char *value)
{
	if (value && *value)
		printf("%-12s %s\n", name, value);
}

static void show_list(const char *name, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		show_line(i ? "" : name, v[i]);
}

static void show_text(const struct ruleset *set, size_t index, const struct rule_detail *d)
{
	const struct rule_info *rule = ruleset_rule(set, index);
	show_line("id", rule->id);
	show_line("title", rule->title);
	show_line("why", rule->why);
	show_line("remedy", rule->remedy);
	show_line("cwe", rule->cwe);
	show_line("severity", severity_names[rule->severity]);
	show_line("action", action_names[rule->action]);
	show_line("mask", d->mask);
	show_line("scope", scope_names[rule->scope]);
	show_line("rollback", rule->rollback ? "yes" : "no");
	show_line("regex", rule->regex);
	show_line("query", rule->query);
	if (rule->regex[0] && d->secret_group)
		printf("%-12s group %u of it\n", "secret", d->secret_group);
	else if (rule->regex[0])
		show_line("secret", "the whole match");
	printf("%-12s ", "hold");
	rule_print_hold(rule);
	show_list("keywords", d->keywords, d->n_keywords);
	if (d->entropy > 0)
		printf("%-12s over %g bits a byte\n", "entropy", d->entropy);
	struct rule_allowed a;
	for (size_t i = 0; ruleset_allowed(set, index, i, &a); i++) {
		show_line("allowed", a.in);
		show_list("", a.regexes, a.n_regexes);
		show_list(a.both ? "and word" : "or word", a.stopwords, a.n_stopwords);
	}
	printf("%-12s %zu positives, %zu near misses\n", "samples", d->samples.n_positives,
	       d->samples.n_near_misses);
	printf("%-12s %s:%u\n", "read from", rule->file, rule->line);
}

static void add_list(struct buf *out, const char *key, const char *const *v, size_t n)
{
	buf_printf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		buf_add_text(out, i ? ",\"" : "\"");
		buf_add_json(out, span_of(v[i]));
		buf_add_char(out, '"');
	}
	buf_add_char(out, ']');
}

static void add_allowed(const struct ruleset *set, size_t index, struct buf *out)
{
	struct rule_allowed a;
	buf_add_text(out, ",\"allow\":[");
	for (size_t i = 0; ruleset_allowed(set, index, i, &a); i++) {
		buf_printf(out, "%s{\"in\":\"%s\",\"both\":%s", i ? "," : "", a.in,
			   a.both ? "true" : "false");
		add_list(out, "regexes", a.regexes, a.n_regexes);
		add_list(out, "stopwords", a.stopwords, a.n_stopwords);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void show_json(const struct ruleset *set, size_t index, const struct rule_detail *d,
		      struct buf *out)
{
	const struct rule_info *rule = ruleset_rule(set, index);
	buf_add_char(out, '{');
	rule_add_members(out, rule);
	buf_add_char(out, ',');
	report_member(out, "regex", rule->regex);
	buf_add_char(out, ',');
	report_member(out, "query", rule->query);
	if (rule->regex[0])
		buf_printf(out, ",\"secret_group\":%u", d->secret_group);
	if (d->mask) {
		buf_add_char(out, ',');
		report_member(out, "mask", d->mask);
	}
	if (d->entropy > 0)
		buf_printf(out, ",\"entropy\":%g", d->entropy);
	add_list(out, "keywords", d->keywords, d->n_keywords);
	add_allowed(set, index, out);
	buf_printf(out, ",\"positives\":%zu,\"near_misses\":%zu}\n", d->samples.n_positives,
		   d->samples.n_near_misses);
}

static int show(const struct ruleset *set, const char *policy, const char *id, bool json)
{
	struct buf out = { 0 };
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		struct rule_detail detail = ruleset_detail(set, i);
		if (strcmp(rule->id, id) != 0)
			continue;
		if (json)
			show_json(set, i, &detail, &out);
		else
			show_text(set, i, &detail);
		return print(&out);
	}
	fprintf(stderr, "redcard rules show: %s: no rule is called %s; see redcard rules list\n",
		policy, id);
	return EXIT_TOOL;
}

static int show_main(int argc, char **argv)
{
	const char *policy = "builtin";
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "policy",
		  .letter = 'p',
		  .value = "FILE",
		  .text = &policy,
		  .help = "the policy (builtin)" },
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "rules show",
		.summary =
			"Shows all of one rule: what it is for, what it matches, how text is held.",
		.operands = "ID",
		.operands_min = 1,
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rules show sql-injection\n"
			    "  redcard rules show my-rule -p policy.yaml --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct policy p = { 0 };
	status = policy_open(policy, &p.set, &p.scratch) == 0 ? show(p.set, policy, cli.v[0], json)
							      : EXIT_TOOL;
	policy_close(&p);
	return status;
}

/* --- which of them --- */

static const char usage[] =
	"usage: redcard rules list [OPTION]...\n"
	"       redcard rules show [OPTION]... ID\n"
	"       redcard rules test [OPTION]... [ID]...\n\n"
	"Lists the rules of a policy, shows all of one, or tries the samples that they\n"
	"carry. redcard rules list --help, and so on, says more. Exit status: 0 clean,\n"
	"1 finding, 2 error.\n\n"
	"Examples:\n"
	"  redcard rules list --severity critical\n"
	"  redcard rules show sql-injection\n"
	"  redcard rules test -p policy.yaml --require-samples\n";

int rules_main(int argc, char **argv)
{
	static const struct cli_part parts[] = {
		{ "list", list_main },
		{ "show", show_main },
		{ "test", rules_test_main },
	};
	const struct cli_parts all = {
		.verb = "rules", .usage = usage, .parts = parts, .n = ARRAY_LEN(parts)
	};
	return cli_run_part(&all, argc, argv);
}

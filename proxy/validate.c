#include <stdio.h>
#include <string.h>

#include "lib/yaml.h"
#include "policy/layer.h"
#include "proxy/cli.h"
#include "proxy/config_rollback.h"
#include "proxy/config_sinks.h"
#include "proxy/config_webhook.h"
#include "proxy/quorum_print.h"
#include "proxy/rule_print.h"
#include "proxy/units.h"
#include "proxy/verbs.h"

static void print_rules(const struct ruleset *set)
{
	int width = 8;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		int n = (int)strlen(ruleset_rule(set, i)->id);
		width = n > width ? n : width;
	}
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		printf("  %-*s %-6s %-8s %-4s ", width, rule->id, action_names[rule->action],
		       severity_names[rule->severity], scope_names[rule->scope]);
		rule_print_hold(rule);
	}
}

/* Names the rules for which `picked` holds; nothing when there are none. */
static bool name_rules(const struct ruleset *set, const char *what,
		       bool (*picked)(const struct rule_info *rule))
{
	size_t found = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		if (picked(rule))
			printf("%s %s (%s)", found++ ? "," : what, rule->id,
			       hold_names[rule->hold]);
	}
	if (found)
		printf("\n");
	return found > 0;
}

static bool lacks_lead_in(const struct rule_info *rule)
{
	return rule->hold != HOLD_LEAD_IN;
}

static bool is_unbounded(const struct rule_info *rule)
{
	return rule->unbounded;
}

/* Rules whose text is not held exactly, or may be held to the bound, deserve a word of their own.
 */
static void print_inexact(const struct ruleset *set)
{
	if (!name_rules(set, "without a lead-in:", lacks_lead_in))
		printf("every rule has a lead-in\n");
	(void)name_rules(set,
			 "may match more than their hold's bound, where they end with on_bound:",
			 is_unbounded);
}

static void print_decoding(const struct ruleset *set)
{
	size_t found = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_rule(set, i);
		if (!rule->decode)
			continue;
		printf("%s %s (", found++ ? "," : "found in encoded text as well:", rule->id);
		for (unsigned k = 0, n = 0; k < LAYER_COUNT; k++)
			if (rule->decode >> k & 1)
				printf("%s%s", n++ ? ", " : "", layer_names[k]);
		printf("; depth %u)", rule->decode_depth);
	}
	if (found)
		printf("\n");
}

static void print_policy(const char *name, const struct ruleset *set)
{
	char hold[32];
	units_print_duration(ruleset_hold_ms(set), hold);
	printf("policy %s: %zu rules, mode %s, holds end after %s with %s\nruleset %s\n", name,
	       ruleset_count(set), ruleset_monitor(set) ? "monitor" : "enforce", hold,
	       on_bound_names[ruleset_hold_ms_bound(set)], ruleset_hash(set));
	print_rules(set);
	print_inexact(set);
	print_decoding(set);
	rule_print_assertions(set);
	struct span notes = ruleset_notes(set);
	fwrite(notes.p, 1, notes.n, stdout);
}

static void print_rollback(const struct config *c)
{
	const struct config_rollback *b = c->rollback;
	struct buf notes = { 0 };
	if (b) {
		char budget[32], objective[32], cooldown[32];
		units_print_duration(b->budget_ms, budget);
		units_print_duration(b->objective_ms, objective);
		units_print_duration(b->cooldown_ms, cooldown);
		printf("rollbacks by %s as %s: within %s (should be %s), cooldown %s, %u of a target in "
		       "24 hours\n",
		       b->patchctl, b->name, budget, objective, cooldown, b->quota);
	}
	config_rollback_notes(c, &notes);
	if (notes.n)
		fwrite(notes.p, 1, notes.n, stdout);
	buf_fini(&notes);
}

/* Never where it is or by what it signs: both may be secrets. */
static void print_sink(const struct config_sink *s)
{
	char text[32];
	units_print_duration(s->give_up_ms, text);
	printf("sink %s: %s", s->name, sink_kind_names[s->kind]);
	if (s->repository)
		printf(" of %s", s->repository);
	printf(", rows");
	for (size_t i = 0; i < s->n_rows; i++)
		printf("%s %s", i ? "," : "", s->rows[i]);
	if (s->severity)
		printf(", cards from %s on", severity_names[s->severity]);
	printf(", given up after %s\n", text);
}

static void print_config(const struct config *c)
{
	printf("%s: valid\n", c->path);
	for (size_t i = 0; i < c->n_listeners; i++)
		printf("listen %s%s\n", c->listeners[i].address,
		       c->listeners[i].tls ? " (TLS)" : "");
	if (c->admin.addr_len > 0)
		printf("admin %s\n", c->admin.address);
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];
		printf("route %s: %s%s%s -> %s%s%s%s%s\n", r->name, r->host ? r->host : "", r->path,
		       r->path_exact ? " (exactly)" : "", c->upstreams[r->upstream].name,
		       r->inspect ? "" : ", NOT inspected", r->fail_open ? ", open on errors" : "",
		       r->rollback_target ? ", changes of " : "",
		       r->rollback_target ? r->rollback_target : "");
	}
	struct buf lines = { 0 };
	quorum_print(c, &lines);
	fwrite(lines.p ? lines.p : "", 1, lines.n, stdout);
	buf_fini(&lines);
	print_rollback(c);
	for (size_t i = 0; c->webhook && i < c->webhook->n_tokens; i++)
		printf("webhook: events of %s\n", c->webhook->tokens[i].name);
	for (size_t i = 0; i < c->n_sinks; i++)
		print_sink(&c->sinks[i]);
	print_policy(c->policy, c->ruleset);
}

static void add_text(struct buf *out, const char *before, const char *text)
{
	buf_add_text(out, before);
	buf_add_char(out, '"');
	buf_add_json(out, span_of(text));
	buf_add_char(out, '"');
}

/* Lines; as JSON they are a list of texts. */
static void add_lines(struct buf *out, const char *key, struct span lines)
{
	bool first = true;
	buf_printf(out, ",\"%s\":[", key);
	while (lines.n > 0) {
		const char *end = memchr(lines.p, '\n', lines.n);
		size_t n = end ? (size_t)(end - lines.p) : lines.n;
		buf_add_text(out, first ? "\"" : ",\"");
		buf_add_json(out, (struct span){ lines.p, n });
		buf_add_char(out, '"');
		first = false;
		n += end ? 1 : 0;
		lines = (struct span){ lines.p + n, lines.n - n };
	}
	buf_add_char(out, ']');
}

static void add_policy(struct buf *out, const char *name, const struct ruleset *set)
{
	add_text(out, ",\"policy\":", name);
	add_text(out, ",\"ruleset\":", ruleset_hash(set));
	add_text(out, ",\"mode\":", ruleset_monitor(set) ? "monitor" : "enforce");
	buf_printf(out, ",\"hold_ms\":%u", ruleset_hold_ms(set));
	buf_add_text(out, ",\"rules\":[");
	for (size_t i = 0; i < ruleset_count(set); i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		rule_add_members(out, ruleset_rule(set, i));
		buf_add_char(out, '}');
	}
	buf_add_text(out, "],\"assertions\":");
	rule_add_assertions(out, set);
	add_lines(out, "not_honoured", ruleset_notes(set));
}

static void add_config(struct buf *out, const struct config *c)
{
	struct buf notes = { 0 };
	add_policy(out, c->policy, c->ruleset);
	config_rollback_notes(c, &notes);
	add_lines(out, "notices", (struct span){ notes.p, notes.n });
	if (c->rollback)
		add_text(out, ",\"rollbacks_by\":", c->rollback->patchctl);
	buf_fini(&notes);
}

struct findings {
	const char *path;
	struct config *config; /* one of these two when it is valid */
	struct ruleset *ruleset;
	struct buf errors;
};

static void report_json(const struct findings *f, bool valid)
{
	struct buf out = { 0 };
	add_text(&out, "{\"file\":", f->path);
	buf_printf(&out, ",\"valid\":%s", valid ? "true" : "false");
	add_lines(&out, "problems", (struct span){ f->errors.p, f->errors.n });
	if (f->config)
		add_config(&out, f->config);
	else if (f->ruleset)
		add_policy(&out, f->path, f->ruleset);
	buf_add_text(&out, "}\n");
	CHECK(!out.failed);
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
}

static void report_text(const struct findings *f, bool valid)
{
	if (!valid)
		fwrite(f->errors.p, 1, f->errors.n, stderr);
	else if (f->config)
		print_config(f->config);
	else
		print_policy(f->path, f->ruleset);
}

/* A configuration in place of a policy would be one problem for each of its keys. */
static void notice_configuration(struct findings *f)
{
	struct yaml *yaml = NULL;
	struct buf ignored = { 0 };
	if (yaml_load(f->path, 0, &yaml, &ignored) == 0 && yaml_get(yaml_root(yaml), "listen")) {
		f->errors.n = 0;
		buf_printf(&f->errors,
			   "%s:%u: this is a configuration, not a policy; name it with -c\n",
			   f->path, yaml_root(yaml)->line);
	}
	yaml_free(yaml);
	buf_fini(&ignored);
}

int validate_main(int argc, char **argv)
{
	const char *path = NULL, *policy = NULL;
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &path,
		  .help = "the configuration" },
		{ .name = "policy",
		  .letter = 'p',
		  .value = "FILE",
		  .text = &policy,
		  .help = "only a policy, or \"builtin\"" },
		{ .name = "json", .flag = &json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "validate",
		.summary =
			"Reads a configuration with its policy and certificates, and says of each rule how it is held.\n"
			"Every problem is one line: file, line, what is wrong and what to do.",
		.operands = "[FILE]",
		.operands_max = 1,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard validate deploy/redcard.yaml\n"
			    "  redcard validate --policy rules.yaml\n"
			    "  redcard validate --json -c /etc/redcard/redcard.yaml\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	if ((path != NULL) + (policy != NULL) + (cli.n > 0) != 1) {
		fprintf(stderr, "redcard validate: %s\n",
			path && policy
				? "-c and -p exclude each other: a configuration is checked with "
				  "the policy it names; leave one out"
				: "name one file to check; see redcard validate --help");
		return EXIT_TOOL;
	}
	struct findings f = { .path = policy ? policy : path ? path : cli.v[0] };
	int e = policy ? ruleset_load(policy, &f.ruleset, &f.errors)
		       : config_load(f.path, &f.config, &f.errors);
	if (e < 0 && policy)
		notice_configuration(&f);
	if (e < 0 && f.errors.n == 0)
		buf_printf(&f.errors, "%s:1: cannot be loaded (%s); try again with more memory\n",
			   f.path, strerror(-e));
	if (json)
		report_json(&f, e == 0);
	else
		report_text(&f, e == 0);
	config_unref(f.config);
	ruleset_unref(f.ruleset);
	buf_fini(&f.errors);
	return e == 0 ? EXIT_CLEAN : EXIT_TOOL;
}

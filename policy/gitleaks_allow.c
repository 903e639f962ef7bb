#include <errno.h>
#include <string.h>

#include "policy/gitleaks.h"

#define ALLOWANCES_MAX 64

static const char *const allow_keys[] = {
	"description", "condition", "regexTarget", "paths",
	"regexes",     "stopwords", "commits",     "targetRules"
};

static const char *const targets[] = { "secret", "match", "line", NULL };

static bool one_of(const struct yaml_node *n, const char *const *names)
{
	for (; n && *names; names++)
		if (strcmp(n->text, *names) == 0)
			return true;
	return !n;
}

static enum allow_target target_of(const struct yaml_node *allow)
{
	const struct yaml_node *n = gitleaks_text(allow, "regexTarget");
	for (int i = 0; n && targets[i]; i++)
		if (strcmp(n->text, targets[i]) == 0)
			return (enum allow_target)i;
	return ALLOW_SECRET;
}

static bool needs_all(const struct yaml_node *allow)
{
	static const char *const any_of[] = { "OR", "||", NULL };
	return !one_of(gitleaks_text(allow, "condition"), any_of);
}

static bool has_place(const struct yaml_node *allow)
{
	return yaml_get(allow, "paths") || yaml_get(allow, "commits");
}

/* Says what is wrong in it (misspelt, it would excuse something else than was meant) and what of it
 * a stream does not have. */
static void check_allowlist(struct rule_file *f, const char *rule, const struct yaml_node *allow)
{
	static const char *const conditions[] = { "OR", "||", "AND", "&&", NULL };
	(void)gitleaks_known(f, allow, allow_keys, ARRAY_LEN(allow_keys));
	if (!one_of(gitleaks_text(allow, "condition"), conditions))
		rule_file_complain(f, allow->line, "condition is not known; write OR or AND");
	if (!one_of(gitleaks_text(allow, "regexTarget"), targets))
		rule_file_complain(f, allow->line,
				   "regexTarget is not known; write secret, match or line");
	if (has_place(allow) && needs_all(allow))
		gitleaks_note(
			f, allow->line, rule,
			"an allowlist wants a path or a commit (condition AND), which a stream "
			"does not have; it excuses nothing");
	else if (has_place(allow))
		gitleaks_note(f, allow->line, rule,
			      "an allowlist's paths and commits are not honoured; they excuse "
			      "nothing");
}

/* `allowlist` is one table, `allowlists` a list of them; both spellings are in use. The n-th of
 * both; NULL after the last. */
static const struct yaml_node *allowlist(const struct yaml_node *map, size_t n)
{
	const struct yaml_node *one = yaml_get(map, "allowlist"),
			       *many = yaml_get(map, "allowlists");
	if (one && n-- == 0)
		return one;
	many = many ? many->first : NULL;
	while (many && n--)
		many = many->next;
	return many;
}

void gitleaks_check_allowlists(struct rule_file *f, const char *rule, const struct yaml_node *map)
{
	const struct yaml_node *allow;
	for (size_t i = 0; (allow = allowlist(map, i)); i++)
		check_allowlist(f, rule, allow);
}

static size_t take_list(struct rule_file *f, const struct yaml_node *n, size_t bytes,
			const char *const **out)
{
	return n && n->first ? rule_file_list(f, n, GITLEAKS_LIST_MAX, bytes, out) : 0;
}

static size_t take_regexes(struct rule_file *f, const struct yaml_node *list, const char *rule,
			   const char *const **out)
{
	size_t n = take_list(f, list, GITLEAKS_REGEX_MAX, out), i = 0;
	const char **v = n ? ruleset_keep_array(f->set, n, sizeof(*v)) : NULL;
	if (n && !v)
		f->rc = -ENOMEM;
	for (const struct yaml_node *one = v ? list->first : NULL; one; one = one->next)
		v[i++] = gitleaks_regex(f, one, rule, "an allowlist's expression");
	*out = v;
	return v ? n : 0;
}

static void take_one(struct rule_file *f, struct rule *r, const struct yaml_node *allow)
{
	struct allowance a = { .target = target_of(allow),
			       .both = needs_all(allow),
			       .file = f->name,
			       .line = allow->line };
	if (a.both && has_place(allow))
		return;
	a.n_texts = take_regexes(f, yaml_get(allow, "regexes"), r->info.id, &a.texts);
	a.n_stopwords = take_list(f, yaml_get(allow, "stopwords"), 200, &a.stopwords);
	if (!a.n_texts && !a.n_stopwords)
		return;
	if (r->n_allowances == ALLOWANCES_MAX) {
		rule_file_complain(f, allow->line, "rule %s has more than %d allowlists; join some",
				   r->info.id, ALLOWANCES_MAX);
		return;
	}
	r->sees_match = r->sees_match || (a.n_texts && a.target == ALLOW_MATCH);
	r->sees_line = r->sees_line || (a.n_texts && a.target == ALLOW_LINE);
	r->rest_lines = r->sees_line && !r->rest_lines ? 1 : r->rest_lines;
	r->allowances[r->n_allowances++] = a;
}

/* Of a file's own allowlists: those without targetRules, and those that name the rule. */
static bool targets_rule(const char *id, const struct yaml_node *allow)
{
	const struct yaml_node *rules = yaml_get(allow, "targetRules");
	for (const struct yaml_node *n = rules ? rules->first : NULL; n; n = n->next)
		if (strcmp(n->text, id) == 0)
			return true;
	return !rules;
}

void gitleaks_take_allowlists(struct rule *r, const struct gitleaks_rule *from,
			      const struct gitleaks_source *files)
{
	const struct yaml_node *allow, *id = gitleaks_text(from->said[0].map, "id");
	struct rule_file *f = files->f;
	r->allowances = ruleset_keep_array(f->set, ALLOWANCES_MAX, sizeof(*r->allowances));
	if (!r->allowances) {
		f->rc = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; (allow = allowlist(from->said[i].map, k)); k++)
			take_one(from->said[i].f, r, allow);
	for (; files; files = files->base)
		for (size_t k = 0; (allow = allowlist(files->root, k)); k++)
			if (targets_rule(id->text, allow))
				take_one(files->f, r, allow);
}

/*
 * gitleaks configurations (TOML) as rules: what they look for, what excuses a match. They were
 * written for files and commits; what a stream does not have (paths, commits, the rest of a line)
 * is noted by rule and place, and where it would excuse, nothing is excused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule_file.h"

#define REGEX_MAX 8000
#define LIST_MAX 8192

static void note(struct rule_file *f, unsigned line, const char *rule, const char *what)
{
	buf_printf(&f->set->notes, "%s:%u: rule %s: %s\n", f->name, line, rule, what);
}

static const struct yaml_node *get_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->kind == YAML_SCALAR && n->len ? n : NULL;
}

/* --- keys --- */

static const char *const rule_keys[] = { "id",          "description", "regex",    "path",
					 "secretGroup", "entropy",     "keywords", "tags",
					 "allowlist",   "allowlists",  "required", "skipReport" };
static const char *const file_keys[] = { "title",     "description", "minVersion", "extend",
					 "allowlist", "allowlists",  "rules" };

static const char *const allow_keys[] = {
	"description", "condition", "regexTarget", "paths",
	"regexes",     "stopwords", "commits",     "targetRules"
};

static bool known(struct rule_file *f, const struct yaml_node *map, const char *const *keys,
		  size_t count)
{
	bool all = map->kind == YAML_MAP;
	if (!all)
		rule_file_complain(f, map->line, "a table belongs here; write its keys");
	for (const struct yaml_node *n = all ? map->first : NULL; n; n = n->next) {
		size_t i = 0;
		while (i < count && strcmp(keys[i], n->key) != 0)
			i++;
		if (i == count)
			rule_file_complain(
				f, n->line,
				"key \"%.60s\" is not known in a gitleaks file; correct or remove it",
				n->key);
		all = all && i < count;
	}
	return all;
}

/* --- allowlists --- */

/* Appends one list's texts to a rule's. */
static void append(struct rule_file *f, const struct yaml_node *n, size_t bytes,
		   const char *const **list, size_t *count)
{
	const char *const *more = NULL;
	size_t n_more = n && n->first ? rule_file_list(f, n, LIST_MAX, bytes, &more) : 0;
	const char **all =
		n_more ? ruleset_keep_array(f->set, *count + n_more, sizeof(*all)) : NULL;
	if (n_more && !all)
		f->rc = -ENOMEM;
	if (!all)
		return;
	for (size_t i = 0; i < *count + n_more; i++)
		all[i] = i < *count ? (*list)[i] : more[i - *count];
	*list = all;
	*count += n_more;
}

static bool one_of(const struct yaml_node *n, const char *const *names)
{
	for (; n && *names; names++)
		if (strcmp(n->text, *names) == 0)
			return true;
	return !n;
}

static bool targets_secret(const struct yaml_node *allow)
{
	static const char *const secret[] = { "secret", NULL };
	return one_of(get_text(allow, "regexTarget"), secret);
}

static bool needs_all(const struct yaml_node *allow)
{
	static const char *const any_of[] = { "OR", "||", NULL };
	return !one_of(get_text(allow, "condition"), any_of);
}

static bool has_place(const struct yaml_node *allow)
{
	return yaml_get(allow, "paths") || yaml_get(allow, "commits");
}

/* An allowlist that wants everything at once is only taken when it wants one thing of the secret.
 */
static bool is_decidable(const struct yaml_node *allow)
{
	bool two = yaml_get(allow, "regexes") && yaml_get(allow, "stopwords");
	return !needs_all(allow) || (!has_place(allow) && !two && targets_secret(allow));
}

/* Says what is wrong in it (misspelt, it would excuse something else than was meant) and what of it
 * a stream does not have. */
static void check_allowlist(struct rule_file *f, const char *rule, const struct yaml_node *allow)
{
	static const char *const conditions[] = { "OR", "||", "AND", "&&", NULL };
	static const char *const targets[] = { "secret", "match", "line", NULL };
	(void)known(f, allow, allow_keys, ARRAY_LEN(allow_keys));
	if (!one_of(get_text(allow, "condition"), conditions))
		rule_file_complain(f, allow->line, "condition is not known; write OR or AND");
	if (!one_of(get_text(allow, "regexTarget"), targets))
		rule_file_complain(f, allow->line,
				   "regexTarget is not known; write secret, match or line");
	if (!is_decidable(allow)) {
		note(f, allow->line, rule,
		     "an allowlist with condition AND is not honoured; nothing is excused by it");
		return;
	}
	if (has_place(allow))
		note(f, allow->line, rule,
		     "an allowlist's paths and commits are not honoured; they excuse nothing");
	if (yaml_get(allow, "regexes") && !targets_secret(allow))
		note(f, allow->line, rule,
		     "an allowlist on the match or the line is not honoured; it excuses nothing");
}

static void take_allowlist(struct rule_file *f, struct rule *r, const struct yaml_node *allow)
{
	if (!is_decidable(allow))
		return;
	r->allow_line = allow->line;
	if (targets_secret(allow))
		append(f, yaml_get(allow, "regexes"), REGEX_MAX, &r->allow_texts, &r->n_allow);
	append(f, yaml_get(allow, "stopwords"), 200, &r->stopwords, &r->n_stopwords);
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

static void check_allowlists(struct rule_file *f, const char *rule, const struct yaml_node *map)
{
	const struct yaml_node *allow;
	for (size_t i = 0; (allow = allowlist(map, i)); i++)
		check_allowlist(f, rule, allow);
}

/* Of the file's own allowlists: those without targetRules, and those that name the rule. */
static bool targets_rule(const struct rule *r, const struct yaml_node *allow)
{
	const struct yaml_node *rules = yaml_get(allow, "targetRules");
	for (const struct yaml_node *n = rules ? rules->first : NULL; n; n = n->next)
		if (strcmp(n->text, r->info.id) == 0)
			return true;
	return !rules;
}

static void take_allowlists(struct rule_file *f, struct rule *r, const struct yaml_node *map,
			    const struct yaml_node *root)
{
	const struct yaml_node *allow;
	for (size_t i = 0; (allow = allowlist(map, i)); i++)
		take_allowlist(f, r, allow);
	for (size_t i = 0; (allow = allowlist(root, i)); i++)
		if (targets_rule(r, allow))
			take_allowlist(f, r, allow);
}

/* --- a rule --- */

static void take_numbers(struct rule_file *f, struct rule *r, const struct yaml_node *map)
{
	const struct yaml_node *group = get_text(map, "secretGroup"),
			       *entropy = get_text(map, "entropy");
	uint32_t v = 0;
	if (group && rule_file_number(f, group, 0, 64, &v) && v)
		r->secret_group = (int)v; /* 0 is the first group that there is */
	if (!entropy)
		return;
	char *end = NULL;
	r->entropy = strtod(entropy->text, &end);
	if (*end || r->entropy < 0 || r->entropy >= 8)
		rule_file_complain(f, entropy->line,
				   "entropy is no number of bits per byte; write one from 0 to 8");
}

static void note_foreign(struct rule_file *f, const struct rule *r, const struct yaml_node *map)
{
	const struct yaml_node *path = yaml_get(map, "path"), *required = yaml_get(map, "required");
	if (path)
		note(f, path->line, r->info.id,
		     "a stream has no path; the rule applies to all text");
	if (required)
		note(f, required->line, r->info.id,
		     "`required` is not honoured; the rule counts without its companions");
}

/* Rules that gitleaks reports only as companions of others. */
static bool is_silent(const struct yaml_node *map)
{
	const struct yaml_node *skip = get_text(map, "skipReport");
	return skip && strcmp(skip->text, "true") == 0;
}

static bool id_in_use(const struct rule_file *f, const char *id)
{
	for (size_t i = 0; i < f->set->n; i++)
		if (strcmp(f->set->rules[i].info.id, id) == 0)
			return true;
	return false;
}

/* Our pack and gitleaks know some secrets under the same name. */
static const char *choose_id(struct rule_file *f, const struct yaml_node *id)
{
	const char *own = rule_file_text(f, id, 64);
	struct buf other = { 0 };
	if (!id_in_use(f, own))
		return own;
	buf_printf(&other, "gitleaks-%s", own);
	const char *kept =
		other.failed ? NULL : ruleset_keep(f->set, (struct span){ other.p, other.n });
	buf_fini(&other);
	if (!kept)
		f->rc = -ENOMEM;
	else
		note(f, id->line, own, "its id is in use, so it is called gitleaks-... here");
	return kept ? kept : own;
}

static void take_rule(struct rule_file *f, const struct yaml_node *map,
		      const struct yaml_node *root)
{
	const struct yaml_node *id = get_text(map, "id"), *regex = get_text(map, "regex"),
			       *title = get_text(map, "description"),
			       *words = yaml_get(map, "keywords");
	if (map->kind != YAML_MAP || !id) {
		rule_file_complain(f, map->line, "a rule has no id; add one");
		return;
	}
	if (!known(f, map, rule_keys, ARRAY_LEN(rule_keys)))
		return;
	if (!regex) {
		note(f, map->line, id->text, "it has no regex, only a path; left out");
		return;
	}
	if (is_silent(map)) {
		note(f, map->line, id->text,
		     "skipReport: it is only a companion of others; left out");
		return;
	}
	struct rule r = { .secret_group = -1, .foreign = true };
	r.info = (struct rule_info){
		.remedy = "", .why = "", .cwe = "", .query = "", .lead_in = "", .file = f->name
	};
	r.info.id = choose_id(f, id);
	r.info.title = title ? rule_file_text(f, title, 1000) : r.info.id;
	r.info.regex = rule_file_text(f, regex, REGEX_MAX);
	r.info.line = r.regex_line = regex->line;
	r.info.severity = SEVERITY_HIGH;
	r.info.action = ACTION_CUT;
	r.info.hold_bytes = f->hold_bytes;
	r.info.on_bound = f->on_bound;
	if (words && words->first)
		r.n_keywords = rule_file_list(f, words, 64, 64, &r.keywords);
	take_numbers(f, &r, map);
	check_allowlists(f, r.info.id, map);
	take_allowlists(f, &r, map, root);
	note_foreign(f, &r, map);
	if (rule_file_unique(f, &r))
		rule_file_add(f, &r);
}

/* --- the file --- */

static bool disabled(const struct yaml_node *extend, const struct yaml_node *rule)
{
	const struct yaml_node *ids = extend ? yaml_get(extend, "disabledRules") : NULL,
			       *id = get_text(rule, "id");
	for (const struct yaml_node *n = ids ? ids->first : NULL; n && id; n = n->next)
		if (strcmp(n->text, id->text) == 0)
			return true;
	return false;
}

void gitleaks_take(struct rule_file *f, const struct yaml_node *root)
{
	const struct yaml_node *rules = yaml_get(root, "rules"), *extend = yaml_get(root, "extend");
	if (!known(f, root, file_keys, ARRAY_LEN(file_keys)))
		return;
	if (extend && (yaml_get(extend, "path") || yaml_get(extend, "useDefault")))
		rule_file_complain(
			f, extend->line,
			"extend is not followed here; include both files in a policy, each by its name");
	if (!rules || rules->kind != YAML_LIST) {
		rule_file_complain(f, root->line, "no [[rules]]; a gitleaks file has some");
		return;
	}
	check_allowlists(f, "any", root);
	for (const struct yaml_node *n = rules->first; n; n = n->next)
		if (!disabled(extend, n))
			take_rule(f, n, root);
}

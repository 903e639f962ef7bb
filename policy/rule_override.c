/*
 * `overrides` of a policy: severity and action of rules that stand in other files.
 */
#include <errno.h>
#include <string.h>

#include "policy/rule_file.h"

static void nothing(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)f;
	(void)r;
	(void)n;
}

static const struct rule_key override_keys[] = {
	{ "id", nothing },
	{ "file", nothing },
	{ "severity", nothing },
	{ "action", nothing },
};

const char *rule_file_override_key(size_t i)
{
	return i < ARRAY_LEN(override_keys) ? override_keys[i].name : NULL;
}

static bool comes_from(const struct rule *r, const char *file)
{
	static const char pack[] = "builtin";
	size_t n = sizeof(pack) - 1;
	if (strcmp(file, pack) == 0)
		return strncmp(r->origin, pack, n) == 0 && r->origin[n] == '/';
	return strcmp(r->origin, file) == 0;
}

static void apply(struct rule_file *f, const struct yaml_node *one, const struct yaml_node *which,
		  const char *id, const char *file)
{
	const struct yaml_node *severity = yaml_get(one, "severity"),
			       *action = yaml_get(one, "action");
	struct rule new = { 0 };
	size_t found = 0;
	if (severity)
		new.info.severity =
			(enum severity)rule_file_name(f, severity, severity_names, SEVERITY_COUNT);
	if (action)
		new.info.action =
			(enum action)rule_file_name(f, action, action_names, ACTION_COUNT);
	for (size_t i = 0; i < f->set->n; i++) {
		struct rule *r = &f->set->rules[i];
		if ((id && strcmp(r->info.id, id) != 0) || (file && !comes_from(r, file)))
			continue;
		r->info.severity = severity ? new.info.severity : r->info.severity;
		r->info.action = action ? new.info.action : r->info.action;
		found++;
	}
	if (!found)
		rule_file_complain(f, which->line,
				   "overrides names %s \"%.200s\", of which there is no rule; "
				   "correct or remove it",
				   which->key, which->text);
}

static void take_one(struct rule_file *f, const struct yaml_node *one)
{
	bool map = one->kind == YAML_MAP;
	const struct yaml_node *id = map ? yaml_get(one, "id") : NULL,
			       *file = map ? yaml_get(one, "file") : NULL;
	if (map)
		rule_file_map(f, NULL, one, override_keys, ARRAY_LEN(override_keys), "overrides");
	if (!map || (!id && !file) || (!yaml_get(one, "severity") && !yaml_get(one, "action"))) {
		rule_file_complain(f, one->line,
				   "overrides is not understood; write {id: ... or file: ..., "
				   "severity: ..., action: ...}");
		return;
	}
	if ((id && !rule_file_is_text(f, id, 64)) ||
	    (file && !rule_file_is_text(f, file, TEXT_MAX)))
		return;
	const char *name = file ? file->text : NULL;
	if (name && strcmp(name, "builtin") != 0 && !(name = rule_file_beside(f, name)))
		return;
	apply(f, one, id ? id : file, id ? id->text : NULL, name);
}

void rule_file_override(struct rule_file *f, const struct yaml_node *list)
{
	for (const struct yaml_node *n = list->first; n; n = n->next)
		take_one(f, n);
}

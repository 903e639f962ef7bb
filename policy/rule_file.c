/*
 * Policy files: YAML in, rules as written out. Nothing is compiled here; every key that is not
 * known, every value that is out of place is refused with its file, line and remedy, and reading
 * goes on so that one run names all problems.
 */
#include "policy/rule_file.h"

#include "lib/toml.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INCLUDES_MAX 8
#define HOLD_MS_MAX 600000
#define MASK_MAX 100
#define BUILTIN_ASSERTIONS "builtin/assertions.yaml"

static void take_time(struct rule_file *f, const struct yaml_node *n)
{
	static const struct {
		const char *unit;
		unsigned long ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 } };
	char *end = NULL;
	unsigned long v = n->kind == YAML_SCALAR && isdigit((unsigned char)n->text[0])
				  ? strtoul(n->text, &end, 10)
				  : 0;
	for (size_t i = 0; end && i < ARRAY_LEN(units); i++)
		if (strcmp(end, units[i].unit) == 0 && v && v <= HOLD_MS_MAX / units[i].ms) {
			f->set->hold_ms = (uint32_t)(v * units[i].ms);
			return;
		}
	rule_file_complain(
		f, n->line,
		"time must be a duration with a unit; write one from 1ms to 10m, such as 5s");
}

static void policy_version(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (n->kind != YAML_SCALAR || strcmp(n->text, "1") != 0)
		rule_file_complain(f, n->line, "version is not 1; write version: 1");
}

static void policy_mode(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	static const char *const names[] = { "enforce", "monitor" };
	(void)r;
	if (f->includer)
		rule_file_complain(
			f, n->line,
			"mode stands in an included file; move it to the policy that includes it");
	else
		f->set->monitor = rule_file_name(f, n, names, ARRAY_LEN(names)) == 1;
}

static void policy_mask(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer) {
		rule_file_complain(
			f, n->line,
			"mask stands in an included file; move it to the policy that includes it");
		return;
	}
	if (!rule_file_is_text(f, n, MASK_MAX))
		return;
	for (const char *p = n->text; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\') {
			rule_file_complain(f, n->line,
					   "mask has a character that JSON would escape; use plain "
					   "ASCII without quotes and backslashes");
			return;
		}
	f->set->mask = rule_file_text(f, n, MASK_MAX);
}

static void hold_bytes(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	rule_file_number(f, n, 1, HOLD_BYTES_MAX, &f->hold_bytes);
}

static void hold_time(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer)
		rule_file_complain(
			f, n->line,
			"hold time stands in an included file; move it to the policy that includes it");
	else
		take_time(f, n);
}

static void hold_on_bound(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	f->on_bound = (enum on_bound)rule_file_name(f, n, on_bound_names, BOUND_COUNT);
	if (!f->includer)
		f->set->hold_ms_bound = f->on_bound;
}

static const struct rule_key hold_keys[] = {
	{ "bytes", hold_bytes },
	{ "time", hold_time },
	{ "on_bound", hold_on_bound },
};

static void policy_hold(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	if (n->kind != YAML_MAP)
		rule_file_complain(
			f, n->line,
			"hold must be a map; write {bytes: 4096, time: 5s, on_bound: cut}");
	else
		rule_file_map(f, r, n, hold_keys, ARRAY_LEN(hold_keys), "hold");
}

static bool is_list(struct rule_file *f, const struct yaml_node *n)
{
	if (n->kind != YAML_LIST && !(n->kind == YAML_SCALAR && !n->len && !n->quoted))
		rule_file_complain(f, n->line,
				   "%s must be a list; write its items in brackets or after dashes",
				   n->key);
	return n->kind == YAML_LIST;
}

static int read_file(const struct rule_file *includer, struct ruleset *set, const char *name,
		     struct span text, struct buf *errors);

const char *rule_file_beside(struct rule_file *f, const char *name)
{
	const char *slash = strrchr(f->name, '/');
	struct buf path = { 0 };
	if (slash && name[0] != '/')
		buf_add(&path, f->name, (size_t)(slash - f->name) + 1);
	buf_add_text(&path, name);
	const char *kept =
		path.failed ? NULL : ruleset_keep(f->set, (struct span){ path.p, path.n });
	if (!kept)
		f->rc = -ENOMEM;
	buf_fini(&path);
	return kept;
}

/* The pack, or with builtin/NAME one file of it. */
static void include_builtin(struct rule_file *f, const struct yaml_node *n)
{
	struct builtin_file file;
	struct buf names = { 0 };
	bool all = strcmp(n->text, "builtin") == 0, any = false;
	for (size_t i = 0; builtin_file(i, &file); i++) {
		size_t len = strlen(file.name) - strlen(".yaml");
		buf_printf(&names, ", %.*s", (int)len, file.name);
		if (!all && (len != n->len || memcmp(file.name, n->text, len) != 0))
			continue;
		int rc = read_file(f, f->set, file.name, file.text, f->errors);
		f->rc = rc ? rc : f->rc;
		any = true;
	}
	if (!any)
		rule_file_complain(
			f, n->line,
			"include %.200s: the pack has no such part; write one of builtin%.*s",
			n->text, (int)names.n, names.n ? names.p : "");
	buf_fini(&names);
}

static void include_one(struct rule_file *f, const struct yaml_node *n)
{
	size_t depth = 0;
	if (!rule_file_is_text(f, n, TEXT_MAX))
		return;
	if (strcmp(n->text, "builtin") == 0 || strncmp(n->text, "builtin/", 8) == 0) {
		include_builtin(f, n);
		return;
	}
	const char *path = rule_file_beside(f, n->text);
	if (!path)
		return;
	for (const struct rule_file *up = f; up; up = up->includer, depth++)
		if (strcmp(up->name, path) == 0 || depth == INCLUDES_MAX) {
			rule_file_complain(
				f, n->line,
				"%.200s includes itself or lies too deep; remove this include",
				path);
			return;
		}
	size_t said = f->errors->n;
	int rc = read_file(f, f->set, path, (struct span){ 0 }, f->errors);
	if (rc && rc != -EINVAL && rc != -ENOMEM) {
		f->errors->n =
			said; /* one line is enough, and this one knows where the name stands */
		rule_file_complain(
			f, n->line,
			"include %.200s: %s; correct the name (the pack is spelt builtin)", path,
			rc == -ENOENT ? "no such file" : strerror(-rc));
	} else {
		f->rc = rc ? rc : f->rc;
	}
}

static void policy_include(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (!is_list(f, n))
		return;
	for (const struct yaml_node *i = n->first; i; i = i->next)
		include_one(f, i);
}

static void policy_disable(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer)
		rule_file_complain(
			f, n->line,
			"disable stands in an included file; move it to the policy that includes it");
	else if (is_list(f, n))
		f->disable = n; /* when all rules are read */
}

static void policy_overrides(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer)
		rule_file_complain(
			f, n->line,
			"overrides stands in an included file; move it to the policy that includes it");
	else if (is_list(f, n))
		f->overrides = n; /* when all rules are read */
}

static void policy_decode(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	struct rule like = { 0 };
	(void)r;
	rule_file_decode(f, &like, n);
	f->decode = like.info.decode;
	f->decode_depth = like.info.decode_depth;
}

static void policy_rules(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (!is_list(f, n))
		return;
	for (const struct yaml_node *i = n->first; i; i = i->next)
		rule_file_take_rule(f, i);
}

/* The pack's are read last, where a policy has none. */
static void policy_assertions(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (!f->includer)
		rule_file_assertions(f, n);
	else if (strcmp(f->name, BUILTIN_ASSERTIONS) != 0)
		rule_file_complain(f, n->line,
				   "assertions stand in an included file; move them to the policy "
				   "that includes it");
}

/* In this order whatever the file's: defaults stand before the rules that use them. */
static const struct rule_key policy_keys[] = {
	{ "version", policy_version },     { "mode", policy_mode },
	{ "mask", policy_mask },           { "hold", policy_hold },
	{ "decode", policy_decode },       { "include", policy_include },
	{ "overrides", policy_overrides }, { "disable", policy_disable },
	{ "rules", policy_rules },         { "assertions", policy_assertions },
};

const char *rule_file_policy_key(size_t i)
{
	return i < ARRAY_LEN(policy_keys) ? policy_keys[i].name : NULL;
}

static void disable_rules(struct rule_file *f)
{
	for (const struct yaml_node *n = f->disable ? f->disable->first : NULL; n; n = n->next) {
		size_t i = 0;
		if (!rule_file_is_text(f, n, 64))
			continue;
		while (i < f->set->n && strcmp(f->set->rules[i].info.id, n->text) != 0)
			i++;
		if (i == f->set->n) {
			rule_file_complain(
				f, n->line,
				"disable names rule \"%s\", which does not exist; correct or remove it",
				n->text);
			continue;
		}
		f->set->n--;
		memmove(&f->set->rules[i], &f->set->rules[i + 1],
			(f->set->n - i) * sizeof(f->set->rules[0]));
	}
}

static void take_unknown(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	(void)f;
	(void)r;
	(void)n;
}

static void take_policy(struct rule_file *f, const struct yaml_node *root)
{
	struct rule_key known[ARRAY_LEN(policy_keys)];
	for (size_t i = 0; i < ARRAY_LEN(policy_keys); i++)
		known[i] = (struct rule_key){ policy_keys[i].name, take_unknown };
	if (root->kind != YAML_MAP) {
		rule_file_complain(f, root->line,
				   "a policy must be a map of keys; write version: 1 first");
		return;
	}
	if (yaml_get(root, "upstreams") && !yaml_get(root, "rules")) {
		rule_file_complain(
			f, root->line,
			"this is a configuration; name the file of its `policy` instead");
		return;
	}
	rule_file_map(f, NULL, root, known, ARRAY_LEN(known), "a policy");
	if (!yaml_get(root, "version"))
		rule_file_complain(f, root->line, "the policy has no version; write version: 1");
	for (size_t i = 0; i < ARRAY_LEN(policy_keys); i++) {
		const struct yaml_node *n = yaml_get(root, policy_keys[i].name);
		if (n)
			policy_keys[i].take(f, NULL, n);
	}
	if (f->overrides)
		rule_file_override(f, f->overrides);
	disable_rules(f);
}

static int read_toml(struct rule_file *f, struct span text)
{
	struct toml *t = NULL;
	int rc = text.p ? toml_parse(f->name, text, &t, f->errors)
			: toml_load(f->name, &t, f->errors);
	if (rc)
		return rc;
	gitleaks_take(f, toml_root(t));
	toml_free(t);
	return f->rc;
}

static int read_file(const struct rule_file *includer, struct ruleset *set, const char *name,
		     struct span text, struct buf *errors)
{
	struct yaml *y = NULL;
	struct rule_file f = {
		.set = set, .includer = includer, .errors = errors, .hold_bytes = 4096
	};
	f.name = ruleset_keep(set, span_of(name));
	if (!f.name)
		return -ENOMEM;
	if (includer) {
		f.hold_bytes = includer->hold_bytes;
		f.on_bound = includer->on_bound;
		f.decode = includer->decode;
		f.decode_depth = includer->decode_depth;
	}
	size_t len = strlen(name);
	if (len > 5 && strcmp(name + len - 5, ".toml") == 0)
		return read_toml(&f, text);
	int rc = text.p ? yaml_parse(name, text, 0, &y, errors) : yaml_load(name, 0, &y, errors);
	if (rc)
		return rc;
	take_policy(&f, yaml_root(y));
	yaml_free(y);
	return f.rc;
}

static int read_builtin_assertions(struct ruleset *set, struct buf *errors)
{
	struct builtin_file file = { 0 };
	for (size_t i = 0; builtin_file(i, &file); i++)
		if (strcmp(file.name, BUILTIN_ASSERTIONS) == 0)
			break;
	return read_file(NULL, set, BUILTIN_ASSERTIONS, file.text, errors);
}

int rule_file_read(struct ruleset *set, const char *name, struct span yaml, struct buf *errors)
{
	int rc = read_file(NULL, set, name, yaml, errors);
	if (!rc && !set->assertions)
		rc = read_builtin_assertions(set, errors);
	if (rc || set->n)
		return rc;
	buf_printf(errors, "%s:1: no rule: nothing would be judged; write include: [builtin]\n",
		   name);
	return -EINVAL;
}

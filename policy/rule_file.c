/*
 * Policy files: YAML in, rules as written out. Nothing is compiled here; every key that is not known, every value that
 * is out of place is refused with its file, line and remedy, and reading goes on so that one run names all problems.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/yaml.h"
#include "policy/rule.h"

#define INCLUDES_MAX 8
#define HOLD_BYTES_MAX 65536
#define HOLD_MS_MAX 600000
#define TEXT_MAX 1000
#define REGEX_MAX 8000

struct file { /* one file being read */
	struct ruleset *set;
	const char *name;
	const struct file *includer; /* NULL: the policy itself */
	struct buf *errors;
	int rc;
	uint32_t hold_bytes; /* defaults of its rules */
	enum on_bound on_bound;
	const struct yaml_node *disable;
};

struct key {
	const char *name;
	void (*take)(struct file *f, struct rule *r, const struct yaml_node *n);
};

static void complain(struct file *f, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void complain(struct file *f, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_printf(f->errors, "%s:%u: %s\n", f->name, line, text);
	if (f->rc != -ENOMEM)
		f->rc = -EINVAL;
}

static const char *keep(struct file *f, struct span text)
{
	const char *copy = ruleset_keep(f->set, text);
	if (!copy)
		f->rc = -ENOMEM;
	return copy ? copy : "";
}

static bool is_text(struct file *f, const struct yaml_node *n, size_t max)
{
	if (n->kind != YAML_SCALAR || !n->len)
		complain(f, n->line, "%s must be text; write one value there", n->key ? n->key : "this");
	else if (n->len > max)
		complain(f, n->line, "%s is longer than %zu bytes; shorten it", n->key ? n->key : "this", max);
	else
		return true;
	return false;
}

static const char *take_text(struct file *f, const struct yaml_node *n, size_t max)
{
	return is_text(f, n, max) ? keep(f, (struct span){ n->text, n->len }) : "";
}

static int take_name(struct file *f, const struct yaml_node *n, const char *const *names, size_t count)
{
	char list[128] = "";
	for (size_t i = 0; i < count; i++) {
		if (n->kind == YAML_SCALAR && strcmp(n->text, names[i]) == 0)
			return (int)i;
		strcat(strcat(list, i ? ", " : ""), names[i]);
	}
	complain(f, n->line, "%s \"%.40s\" is not known; use one of: %s", n->key, n->text, list);
	return 0;
}

static bool take_number(struct file *f, const struct yaml_node *n, uint32_t least, uint32_t most, uint32_t *out)
{
	char *end = NULL;
	errno = 0;
	unsigned long v = n->kind == YAML_SCALAR && isdigit((unsigned char)n->text[0]) ? strtoul(n->text, &end, 10) : 0;
	if (!end || *end || errno || v < least || v > most) {
		complain(f, n->line, "%s must be a whole number; write one from %u to %u", n->key ? n->key : "this",
			 least, most);
		return false;
	}
	*out = (uint32_t)v;
	return true;
}

static bool take_flag(struct file *f, const struct yaml_node *n)
{
	bool yes = n->kind == YAML_SCALAR && strcmp(n->text, "true") == 0;
	if (!yes && (n->kind != YAML_SCALAR || strcmp(n->text, "false") != 0))
		complain(f, n->line, "%s must be true or false; write one of them", n->key);
	return yes;
}

static void take_time(struct file *f, const struct yaml_node *n)
{
	static const struct {
		const char *unit;
		unsigned long ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 } };
	char *end = NULL;
	unsigned long v = n->kind == YAML_SCALAR && isdigit((unsigned char)n->text[0]) ? strtoul(n->text, &end, 10) : 0;
	for (size_t i = 0; end && i < ARRAY_LEN(units); i++)
		if (strcmp(end, units[i].unit) == 0 && v && v <= HOLD_MS_MAX / units[i].ms) {
			f->set->hold_ms = (uint32_t)(v * units[i].ms);
			return;
		}
	complain(f, n->line, "time must be a duration with a unit; write one from 1ms to 10m, such as 5s");
}

/* The keys of one map, each known and each taken. */
static void take_map(struct file *f, struct rule *r, const struct yaml_node *map, const struct key *keys, size_t count,
		     const char *where)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		size_t i = 0;
		while (i < count && strcmp(keys[i].name, n->key) != 0)
			i++;
		if (i < count)
			keys[i].take(f, r, n);
		else
			complain(f, n->line, "key \"%.60s\" is not known in %s; remove it or correct its spelling",
				 n->key, where);
	}
}

/* Rules */

static void rule_id(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.id = take_text(f, n, 64);
	bool kebab = true, dash = true;
	for (const char *p = r->info.id; *p; p++) {
		bool here = *p == '-';
		kebab = kebab && (here ? !dash : islower((unsigned char)*p) || isdigit((unsigned char)*p));
		dash = here;
	}
	if (r->info.id[0] && (!kebab || dash))
		complain(f, n->line, "id \"%s\" is not a name; use a-z, 0-9 and single dashes, such as my-rule",
			 r->info.id);
}

static void rule_title(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.title = take_text(f, n, TEXT_MAX);
}

static void rule_remedy(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.remedy = take_text(f, n, TEXT_MAX);
}

static void rule_severity(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.severity = (enum severity)take_name(f, n, severity_names, SEVERITY_COUNT);
}

static void rule_action(struct file *f, struct rule *r, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR && strcmp(n->text, action_names[ACTION_REDACT]) == 0)
		complain(f, n->line, "action \"redact\" is not supported yet; use cut or flag");
	else
		r->info.action = (enum action)take_name(f, n, action_names, ACTION_COUNT);
}

static void rule_regex(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.regex = take_text(f, n, REGEX_MAX);
	r->regex_line = n->line;
}

static void rule_secret_group(struct file *f, struct rule *r, const struct yaml_node *n)
{
	uint32_t v = 0;
	if (take_number(f, n, 0, 64, &v))
		r->secret_group = (int)v;
}

static void rule_keywords(struct file *f, struct rule *r, const struct yaml_node *n)
{
	size_t count = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		count++;
	if (n->kind != YAML_LIST || !count || count > 64) {
		complain(f, n->line, "keywords must be a list; write 1 to 64 words in brackets");
		return;
	}
	const char **v = ruleset_keep_array(f->set, count, sizeof(*v));
	if (!v) {
		f->rc = -ENOMEM;
		return;
	}
	r->n_keywords = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		v[r->n_keywords++] = take_text(f, k, 64);
	r->keywords = v;
}

static void rule_lead_in(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->wanted = take_text(f, n, REGEX_MAX);
	r->lead_in_line = n->line;
	if (!r->wanted[0])
		r->wanted = NULL;
}

static void rule_hold_bytes(struct file *f, struct rule *r, const struct yaml_node *n)
{
	take_number(f, n, 1, HOLD_BYTES_MAX, &r->info.hold_bytes);
}

static const struct key rule_hold_keys[] = { { "bytes", rule_hold_bytes } };

static void rule_hold(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->hold_given = true;
	r->hold_line = n->line;
	if (n->kind == YAML_MAP && n->first) {
		take_map(f, r, n, rule_hold_keys, ARRAY_LEN(rule_hold_keys), "a rule's hold");
		return;
	}
	if (n->kind == YAML_SCALAR && strcmp(n->text, "none") == 0) {
		r->info.hold = HOLD_NONE;
		return;
	}
	if (n->kind == YAML_SCALAR && strncmp(n->text, "window ", 7) == 0) {
		struct yaml_node number = { .kind = YAML_SCALAR, .key = "hold: window", .line = n->line };
		number.text = n->text + 7;
		r->info.hold = HOLD_WINDOW;
		take_number(f, &number, 1, 4096, &r->info.hold_bytes);
		return;
	}
	complain(f, n->line, "hold is not understood; write window N, none, or {bytes: N}");
}

static void rule_on_bound(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.on_bound = (enum on_bound)take_name(f, n, on_bound_names, BOUND_COUNT);
}

static void rule_scope(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.scope = (enum scope)take_name(f, n, scope_names, SCOPE_COUNT);
}

static void rule_rollback(struct file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.rollback = take_flag(f, n);
}

static const struct key rule_keys[] = {
	{ "id", rule_id },
	{ "title", rule_title },
	{ "remedy", rule_remedy },
	{ "severity", rule_severity },
	{ "action", rule_action },
	{ "regex", rule_regex },
	{ "secret_group", rule_secret_group },
	{ "keywords", rule_keywords },
	{ "lead_in", rule_lead_in },
	{ "hold", rule_hold },
	{ "on_bound", rule_on_bound },
	{ "scope", rule_scope },
	{ "rollback", rule_rollback },
};

static bool complete(struct file *f, const struct rule *r, const struct yaml_node *n)
{
	static const char *const needed[] = { "id", "title", "severity", "action", "regex" };
	bool all = true;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!yaml_get(n, needed[i])) {
			complain(f, n->line, "a rule has no %s; add one", needed[i]);
			all = false;
		}
	for (size_t i = 0; all && i < f->set->n; i++) {
		const struct rule *other = &f->set->rules[i];
		if (strcmp(other->info.id, r->info.id) == 0) {
			complain(f, n->line, "rule %s stands already in %s:%u; give this one another id", r->info.id,
				 other->info.file, other->info.line);
			all = false;
		}
	}
	if (r->wanted && r->info.hold != HOLD_LEAD_IN)
		complain(f, r->lead_in_line, "lead_in and this hold exclude each other; remove one");
	return all;
}

static void read_rule(struct file *f, const struct yaml_node *n)
{
	struct rule r = { .secret_group = -1 };
	r.info = (struct rule_info){ .id = "", .title = "", .remedy = "", .regex = "", .lead_in = "" };
	r.info.file = f->name;
	r.info.line = n->line;
	r.info.hold_bytes = f->hold_bytes;
	r.info.on_bound = f->on_bound;
	if (n->kind != YAML_MAP) {
		complain(f, n->line, "a rule must be a map of keys; write id: ... first");
		return;
	}
	take_map(f, &r, n, rule_keys, ARRAY_LEN(rule_keys), "a rule");
	if (!complete(f, &r, n))
		return;
	struct ruleset *set = f->set;
	if (set->n == RULES_MAX) {
		complain(f, n->line, "more than %d rules; remove some", RULES_MAX);
		return;
	}
	if (set->n == set->cap) {
		size_t cap = set->cap ? 2 * set->cap : 64;
		struct rule *v = realloc(set->rules, cap * sizeof(*v));
		if (!v) {
			f->rc = -ENOMEM;
			return;
		}
		set->rules = v;
		set->cap = cap;
	}
	set->rules[set->n++] = r;
}

/* The policy */

static void policy_version(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (n->kind != YAML_SCALAR || strcmp(n->text, "1") != 0)
		complain(f, n->line, "version is not 1; write version: 1");
}

static void policy_mode(struct file *f, struct rule *r, const struct yaml_node *n)
{
	static const char *const names[] = { "enforce", "monitor" };
	(void)r;
	if (f->includer)
		complain(f, n->line, "mode stands in an included file; move it to the policy that includes it");
	else
		f->set->monitor = take_name(f, n, names, ARRAY_LEN(names)) == 1;
}

static void hold_bytes(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	take_number(f, n, 1, HOLD_BYTES_MAX, &f->hold_bytes);
}

static void hold_time(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer)
		complain(f, n->line, "hold time stands in an included file; move it to the policy that includes it");
	else
		take_time(f, n);
}

static void hold_on_bound(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	f->on_bound = (enum on_bound)take_name(f, n, on_bound_names, BOUND_COUNT);
	if (!f->includer)
		f->set->hold_ms_bound = f->on_bound;
}

static const struct key hold_keys[] = {
	{ "bytes", hold_bytes },
	{ "time", hold_time },
	{ "on_bound", hold_on_bound },
};

static void policy_hold(struct file *f, struct rule *r, const struct yaml_node *n)
{
	if (n->kind != YAML_MAP)
		complain(f, n->line, "hold must be a map; write {bytes: 4096, time: 5s, on_bound: cut}");
	else
		take_map(f, r, n, hold_keys, ARRAY_LEN(hold_keys), "hold");
}

static bool is_list(struct file *f, const struct yaml_node *n)
{
	if (n->kind != YAML_LIST && !(n->kind == YAML_SCALAR && !n->len && !n->quoted))
		complain(f, n->line, "%s must be a list; write its items in brackets or after dashes", n->key);
	return n->kind == YAML_LIST;
}

static int read_file(const struct file *includer, struct ruleset *set, const char *name, struct span yaml,
		     struct buf *errors);

/* Relative names are relative to the file that includes. */
static const char *beside(struct file *f, const char *name)
{
	const char *slash = strrchr(f->name, '/');
	struct buf path = { 0 };
	if (slash && name[0] != '/')
		buf_add(&path, f->name, (size_t)(slash - f->name) + 1);
	buf_add_text(&path, name);
	const char *kept = path.failed ? NULL : ruleset_keep(f->set, (struct span){ path.p, path.n });
	if (!kept)
		f->rc = -ENOMEM;
	buf_fini(&path);
	return kept;
}

static void include_builtin(struct file *f)
{
	size_t n = 0;
	const struct builtin_file *files = builtin_files(&n);
	for (size_t i = 0; i < n; i++) {
		int rc = read_file(f, f->set, files[i].name, files[i].text, f->errors);
		f->rc = rc ? rc : f->rc;
	}
}

static void include_one(struct file *f, const struct yaml_node *n)
{
	size_t depth = 0;
	if (!is_text(f, n, TEXT_MAX))
		return;
	if (strcmp(n->text, "builtin") == 0) {
		include_builtin(f);
		return;
	}
	const char *path = beside(f, n->text);
	if (!path)
		return;
	for (const struct file *up = f; up; up = up->includer, depth++)
		if (strcmp(up->name, path) == 0 || depth == INCLUDES_MAX) {
			complain(f, n->line, "%.200s includes itself or lies too deep; remove this include", path);
			return;
		}
	int rc = read_file(f, f->set, path, (struct span){ 0 }, f->errors);
	if (rc && rc != -EINVAL && rc != -ENOMEM)
		complain(f, n->line, "the file above cannot be included; correct its name here");
	else
		f->rc = rc ? rc : f->rc;
}

static void policy_include(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (!is_list(f, n))
		return;
	for (const struct yaml_node *i = n->first; i; i = i->next)
		include_one(f, i);
}

static void policy_disable(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (f->includer)
		complain(f, n->line, "disable stands in an included file; move it to the policy that includes it");
	else if (is_list(f, n))
		f->disable = n; /* when all rules are read */
}

static void policy_rules(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)r;
	if (!is_list(f, n))
		return;
	for (const struct yaml_node *i = n->first; i; i = i->next)
		read_rule(f, i);
}

/* In this order whatever the file's: defaults stand before the rules that use them. */
static const struct key policy_keys[] = {
	{ "version", policy_version }, { "mode", policy_mode },	      { "hold", policy_hold },
	{ "include", policy_include }, { "disable", policy_disable }, { "rules", policy_rules },
};

const char *const rule_file_policy_keys[] = { "version", "mode", "hold", "include", "disable", "rules", NULL };
const char *const rule_file_rule_keys[] = { "id",	"title", "remedy",  "severity", "action", "regex", "secret_group",
					    "keywords", "lead_in", "hold", "on_bound", "scope", "rollback", NULL };

static void disable_rules(struct file *f)
{
	for (const struct yaml_node *n = f->disable ? f->disable->first : NULL; n; n = n->next) {
		size_t i = 0;
		if (!is_text(f, n, 64))
			continue;
		while (i < f->set->n && strcmp(f->set->rules[i].info.id, n->text) != 0)
			i++;
		if (i == f->set->n) {
			complain(f, n->line, "disable names rule \"%s\", which does not exist; correct or remove it",
				 n->text);
			continue;
		}
		f->set->n--;
		memmove(&f->set->rules[i], &f->set->rules[i + 1], (f->set->n - i) * sizeof(f->set->rules[0]));
	}
}

static void take_unknown(struct file *f, struct rule *r, const struct yaml_node *n)
{
	(void)f;
	(void)r;
	(void)n;
}

static void take_policy(struct file *f, const struct yaml_node *root)
{
	struct key known[ARRAY_LEN(policy_keys)];
	for (size_t i = 0; i < ARRAY_LEN(policy_keys); i++)
		known[i] = (struct key){ policy_keys[i].name, take_unknown };
	if (root->kind != YAML_MAP) {
		complain(f, root->line, "a policy must be a map of keys; write version: 1 first");
		return;
	}
	take_map(f, NULL, root, known, ARRAY_LEN(known), "a policy");
	if (!yaml_get(root, "version"))
		complain(f, root->line, "the policy has no version; write version: 1");
	for (size_t i = 0; i < ARRAY_LEN(policy_keys); i++) {
		const struct yaml_node *n = yaml_get(root, policy_keys[i].name);
		if (n)
			policy_keys[i].take(f, NULL, n);
	}
	disable_rules(f);
}

static int read_file(const struct file *includer, struct ruleset *set, const char *name, struct span yaml,
		     struct buf *errors)
{
	struct yaml *y = NULL;
	struct file f = { .set = set, .includer = includer, .errors = errors, .hold_bytes = 4096 };
	f.name = ruleset_keep(set, span_of(name));
	if (!f.name)
		return -ENOMEM;
	if (includer) {
		f.hold_bytes = includer->hold_bytes;
		f.on_bound = includer->on_bound;
	}
	int rc = yaml.p ? yaml_parse(name, yaml, 0, &y, errors) : yaml_load(name, 0, &y, errors);
	if (rc)
		return rc;
	take_policy(&f, yaml_root(y));
	yaml_free(y);
	return f.rc;
}

int rule_file_read(struct ruleset *set, const char *name, struct span yaml, struct buf *errors)
{
	return read_file(NULL, set, name, yaml, errors);
}

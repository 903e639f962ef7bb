/*
 * gitleaks configurations (TOML) as rules: what they look for, what excuses a match. They were
 * written for files and commits; what a stream does not have (paths, commits) is noted by rule and
 * place, and where it would excuse, nothing is excused.
 */
#include "policy/gitleaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/toml.h"
#include "policy/re2.h"

void gitleaks_note(struct rule_file *f, unsigned line, const char *rule, const char *what)
{
	buf_printf(&f->set->notes, "%s:%u: rule %s: %s\n", f->name, line, rule, what);
}

const struct yaml_node *gitleaks_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->kind == YAML_SCALAR && n->len ? n : NULL;
}

static const char *const rule_keys[] = { "id",          "description", "regex",    "path",
					 "secretGroup", "entropy",     "keywords", "tags",
					 "allowlist",   "allowlists",  "required", "skipReport" };
static const char *const file_keys[] = { "title",     "description", "minVersion", "extend",
					 "allowlist", "allowlists",  "rules" };
static const char *const required_keys[] = { "id", "withinLines", "withinColumns" };
static const char *const extend_keys[] = { "path", "url", "useDefault", "disabledRules" };

bool gitleaks_known(struct rule_file *f, const struct yaml_node *map, const char *const *keys,
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

const char *gitleaks_regex(struct rule_file *f, const struct yaml_node *n, const char *rule,
			   const char *what)
{
	struct buf out = { 0 }, why = { 0 };
	const char *text = rule_file_text(f, n, GITLEAKS_REGEX_MAX), *kept = "";
	int rc = re2_translate(text, &out, &why);
	if (rc == -EINVAL)
		rule_file_complain(f, n->line,
				   "rule %s: %s does not compile: %.*s; correct it there", rule,
				   what, (int)why.n, why.p);
	else if (!rc)
		kept = ruleset_keep(f->set, (struct span){ out.p, out.n });
	if (rc == -ENOMEM || !kept)
		f->rc = -ENOMEM;
	buf_fini(&out);
	buf_fini(&why);
	return kept ? kept : "";
}

/* --- a rule --- */

/* What the first of the files that says it says. */
static const struct yaml_node *said(const struct gitleaks_rule *from, const char *key,
				    struct rule_file **f)
{
	const struct yaml_node *n = NULL;
	for (size_t i = 0; i < from->n && !n; i++) {
		n = gitleaks_text(from->said[i].map, key);
		*f = from->said[i].f;
	}
	return n;
}

static void take_numbers(struct rule *r, const struct gitleaks_rule *from)
{
	struct rule_file *f = NULL;
	const struct yaml_node *group = said(from, "secretGroup", &f);
	uint32_t v = 0;
	if (group && rule_file_number(f, group, 0, 64, &v) && v)
		r->secret_group = (int)v; /* 0 is the first group that there is */
	const struct yaml_node *entropy = said(from, "entropy", &f);
	if (!entropy)
		return;
	char *end = NULL;
	r->entropy = strtod(entropy->text, &end);
	if (*end || r->entropy < 0 || r->entropy >= 8)
		rule_file_complain(f, entropy->line,
				   "entropy is no number of bits per byte; write one from 0 to 8");
}

/* Of all files together. */
static void take_keywords(struct rule *r, const struct gitleaks_rule *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct yaml_node *words = yaml_get(from->said[i].map, "keywords");
		struct rule_file *f = from->said[i].f;
		const char *const *more = NULL;
		size_t n = words && words->first ? rule_file_list(f, words, 64, 64, &more) : 0;
		const char **all =
			n ? ruleset_keep_array(f->set, r->n_keywords + n, sizeof(*all)) : NULL;
		if (n && !all)
			f->rc = -ENOMEM;
		if (!all)
			continue;
		for (size_t k = 0; k < r->n_keywords + n; k++)
			all[k] = k < r->n_keywords ? r->keywords[k] : more[k - r->n_keywords];
		r->keywords = all;
		r->n_keywords += n;
	}
}

static void note_foreign(struct rule_file *f, const struct rule *r, const struct yaml_node *map)
{
	const struct yaml_node *path = yaml_get(map, "path");
	if (path)
		gitleaks_note(f, path->line, r->info.id,
			      "a stream has no path; the rule applies to all text");
}

/* One companion. Without withinLines it may be anywhere before; what comes later is waited for only
 * within those lines. */
static void take_required(struct rule_file *f, struct rule *r, const struct yaml_node *one)
{
	struct requirement q = { .lines = REQUIRED_ANYWHERE, .line = one->line };
	if (!gitleaks_known(f, one, required_keys, ARRAY_LEN(required_keys)))
		return;
	const struct yaml_node *id = gitleaks_text(one, "id"),
			       *lines = gitleaks_text(one, "withinLines"),
			       *columns = gitleaks_text(one, "withinColumns");
	if (!id || r->n_required == REQUIRED_MAX) {
		rule_file_complain(f, one->line,
				   "required has no id, or more than %d tables; correct it",
				   REQUIRED_MAX);
		return;
	}
	q.id = rule_file_text(f, id, 64);
	if (lines && !rule_file_number(f, lines, 0, REQUIRED_LINES_MAX, &q.lines))
		return;
	if (lines && q.lines + 1 > r->rest_lines)
		r->rest_lines = q.lines + 1;
	if (!lines)
		gitleaks_note(f, one->line, r->info.id,
			      "it counts when what it requires came before it; what comes later is "
			      "not waited for without withinLines");
	if (columns)
		gitleaks_note(f, columns->line, r->info.id,
			      "withinColumns is not honoured; any column will do");
	r->required[r->n_required++] = q;
}

static void take_companions(struct rule *r, const struct gitleaks_rule *from)
{
	struct rule_file *f = from->said[0].f;
	const struct yaml_node *list = NULL;
	for (size_t i = 0; i < from->n && !list; i++) {
		list = yaml_get(from->said[i].map, "required");
		f = from->said[i].f;
	}
	r->own_id = rule_file_text(from->said[0].f, gitleaks_text(from->said[0].map, "id"), 64);
	if (!list)
		return;
	r->required = ruleset_keep_array(f->set, REQUIRED_MAX, sizeof(*r->required));
	if (!r->required)
		f->rc = -ENOMEM;
	else if (list->kind != YAML_LIST)
		rule_file_complain(f, list->line, "required is no list; write [[rules.required]]");
	else
		for (const struct yaml_node *n = list->first; n; n = n->next)
			take_required(f, r, n);
}

/* Rules that gitleaks reports only as companions of others: they hold nothing of their own. */
static bool is_silent(const struct gitleaks_rule *from)
{
	struct rule_file *f;
	const struct yaml_node *skip = said(from, "skipReport", &f);
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
		gitleaks_note(f, id->line, own,
			      "its id is in use, so it is called gitleaks-... here");
	return kept ? kept : own;
}

static void take_rule(const struct gitleaks_rule *from, const struct gitleaks_source *files)
{
	struct rule_file *f = from->said[0].f, *regex_file = f, *title_file = f;
	const struct yaml_node *regex = said(from, "regex", &regex_file),
			       *title = said(from, "description", &title_file);
	for (size_t i = 0; i < from->n; i++)
		if (!gitleaks_known(from->said[i].f, from->said[i].map, rule_keys,
				    ARRAY_LEN(rule_keys)))
			return;
	if (!regex) {
		gitleaks_note(f, from->said[0].map->line,
			      gitleaks_text(from->said[0].map, "id")->text,
			      "it has no regex, only a path; left out");
		return;
	}
	struct rule r = { .secret_group = -1, .foreign = true, .origin = files->f->name };
	r.info = (struct rule_info){ .remedy = "",
				     .why = "",
				     .cwe = "",
				     .query = "",
				     .lead_in = "",
				     .file = regex_file->name };
	r.info.id = choose_id(f, gitleaks_text(from->said[0].map, "id"));
	r.info.title = title ? rule_file_text(title_file, title, 1000) : r.info.id;
	r.info.regex = gitleaks_regex(regex_file, regex, r.info.id, "the regex");
	r.info.line = r.regex_line = regex->line;
	r.info.severity = SEVERITY_HIGH;
	r.silent = is_silent(from);
	r.info.action = r.silent ? ACTION_FLAG : ACTION_CUT;
	r.info.hold_bytes = f->hold_bytes;
	r.info.on_bound = f->on_bound;
	take_keywords(&r, from);
	take_numbers(&r, from);
	for (size_t i = 0; i < from->n; i++) {
		gitleaks_check_allowlists(from->said[i].f, r.info.id, from->said[i].map);
		note_foreign(from->said[i].f, &r, from->said[i].map);
	}
	gitleaks_take_allowlists(&r, from, files);
	take_companions(&r, from);
	if (rule_file_unique(f, &r))
		rule_file_add(f, &r);
}

/* --- the files --- */

static const struct yaml_node *find_rule(const struct gitleaks_source *s, const char *id)
{
	const struct yaml_node *rules = yaml_get(s->root, "rules");
	for (const struct yaml_node *n = rules ? rules->first : NULL; n; n = n->next) {
		const struct yaml_node *own = n->kind == YAML_MAP ? gitleaks_text(n, "id") : NULL;
		if (own && strcmp(own->text, id) == 0)
			return n;
	}
	return NULL;
}

static bool disables(const struct gitleaks_source *s, const char *id)
{
	const struct yaml_node *extend = yaml_get(s->root, "extend"),
			       *ids = extend ? yaml_get(extend, "disabledRules") : NULL;
	for (const struct yaml_node *n = ids ? ids->first : NULL; n; n = n->next)
		if (strcmp(n->text, id) == 0)
			return true;
	return false;
}

/* One rule of one file, unless a file that extends it has said all: it is disabled, or was taken
 * with the other's. */
static void take_from(const struct gitleaks_source *files, const struct gitleaks_source *s,
		      const struct yaml_node *map)
{
	const struct yaml_node *id = map->kind == YAML_MAP ? gitleaks_text(map, "id") : NULL;
	struct gitleaks_rule from = { .n = 1 };
	from.said[0].f = s->f;
	from.said[0].map = map;
	if (!id) {
		rule_file_complain(s->f, map->line, "a rule has no id; add one");
		return;
	}
	for (const struct gitleaks_source *k = files; k != s; k = k->base)
		if (find_rule(k, id->text) || disables(k, id->text))
			return;
	if (disables(s, id->text))
		return;
	for (const struct gitleaks_source *k = s->base; k; k = k->base) {
		const struct yaml_node *more = find_rule(k, id->text);
		if (!more)
			continue;
		from.said[from.n].f = k->f;
		from.said[from.n++].map = more;
	}
	take_rule(&from, files);
}

static void take_all(const struct gitleaks_source *files)
{
	size_t lists = 0;
	for (const struct gitleaks_source *s = files; s; s = s->base) {
		const struct yaml_node *rules = yaml_get(s->root, "rules");
		if (rules && rules->kind != YAML_LIST)
			rule_file_complain(s->f, rules->line, "rules is no list; write [[rules]]");
		else if (rules)
			lists++;
		gitleaks_check_allowlists(s->f, "any", s->root);
		for (const struct yaml_node *n = rules && rules->kind == YAML_LIST ? rules->first
										   : NULL;
		     n; n = n->next)
			take_from(files, s, n);
	}
	if (!lists)
		rule_file_complain(files->f, files->root->line,
				   "no [[rules]]; a gitleaks file has some");
}

static void take_chain(struct gitleaks_source *files, struct gitleaks_source *last);

/* Reads the file that the last one of the chain extends, and goes on from there. */
static void follow(struct gitleaks_source *files, struct gitleaks_source *last,
		   const struct yaml_node *path)
{
	struct rule_file *f = last->f, base = *f;
	struct gitleaks_source next = { .f = &base };
	struct toml *t = NULL;
	size_t depth = 0, said = f->errors->n;
	base.name = rule_file_beside(f, path->text);
	if (!base.name)
		return;
	for (const struct gitleaks_source *s = files; s; s = s->base, depth++)
		if (strcmp(s->f->name, base.name) == 0 || depth == GITLEAKS_EXTEND_MAX) {
			rule_file_complain(
				f, path->line,
				"%.200s extends itself or lies too deep; remove this extend",
				base.name);
			return;
		}
	int rc = toml_load(base.name, &t, f->errors);
	if (rc && rc != -EINVAL && rc != -ENOMEM) {
		f->errors->n = said;
		rule_file_complain(f, path->line, "extend %.200s: %s; correct the path", base.name,
				   strerror(-rc));
	}
	if (rc) {
		f->rc = f->rc ? f->rc : rc;
		return;
	}
	next.root = toml_root(t);
	last->base = &next;
	take_chain(files, &next);
	last->base = NULL;
	f->rc = base.rc ? base.rc : f->rc;
	toml_free(t);
}

static void take_chain(struct gitleaks_source *files, struct gitleaks_source *last)
{
	const struct yaml_node *extend = yaml_get(last->root, "extend");
	struct rule_file *f = last->f;
	if (!gitleaks_known(f, last->root, file_keys, ARRAY_LEN(file_keys)))
		return;
	if (extend && !gitleaks_known(f, extend, extend_keys, ARRAY_LEN(extend_keys)))
		return;
	const struct yaml_node *standard = extend ? gitleaks_text(extend, "useDefault") : NULL,
			       *url = extend ? gitleaks_text(extend, "url") : NULL,
			       *path = extend ? gitleaks_text(extend, "path") : NULL;
	if (standard && strcmp(standard->text, "true") == 0)
		rule_file_complain(
			f, standard->line,
			"useDefault: gitleaks' own rules are not in this program; save its "
			"gitleaks.toml beside this file and write path = \"gitleaks.toml\"");
	else if (url)
		rule_file_complain(f, url->line,
				   "extend fetches nothing; save that file and write path");
	else if (path)
		follow(files, last, path);
	else
		take_all(files);
}

void gitleaks_take(struct rule_file *f, const struct yaml_node *root)
{
	struct gitleaks_source first = { .f = f, .root = root };
	take_chain(&first, &first);
	gitleaks_note(f, root->line, "any",
		      "comments such as gitleaks:allow excuse nothing in a stream, since a builder "
		      "could write them; redcard scan honours them");
}

/*
 * The keys of one rule in a policy file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule_file.h"

#define REGEX_MAX 8000

static void rule_id(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.id = rule_file_text(f, n, 64);
	bool kebab = true, dash = true;
	for (const char *p = r->info.id; *p; p++) {
		bool here = *p == '-';
		kebab = kebab &&
			(here ? !dash : islower((unsigned char)*p) || isdigit((unsigned char)*p));
		dash = here;
	}
	if (r->info.id[0] && (!kebab || dash))
		rule_file_complain(
			f, n->line,
			"id \"%s\" is not a name; use a-z, 0-9 and single dashes, such as my-rule",
			r->info.id);
}

static void rule_title(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.title = rule_file_text(f, n, TEXT_MAX);
}

static void rule_remedy(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.remedy = rule_file_text(f, n, TEXT_MAX);
}

static void rule_severity(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.severity = (enum severity)rule_file_name(f, n, severity_names, SEVERITY_COUNT);
}

static void rule_action(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.action = (enum action)rule_file_name(f, n, action_names, ACTION_COUNT);
}

static void rule_regex(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.regex = rule_file_text(f, n, REGEX_MAX);
	r->regex_line = n->line;
}

static void rule_query(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.query = rule_file_text(f, n, REGEX_MAX);
	r->query_line = n->line;
}

static void rule_languages(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->n_languages = rule_file_list(f, n, 16, 32, &r->languages);
	r->languages_line = n->line;
}

static void rule_secret_group(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	uint32_t v = 0;
	if (rule_file_number(f, n, 0, 64, &v))
		r->secret_group = (int)v;
}

static void rule_keywords(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->n_keywords = rule_file_list(f, n, 64, 64, &r->keywords);
}

static void rule_entropy(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	char *end = NULL;
	double v = n->kind == YAML_SCALAR ? strtod(n->text, &end) : 0;
	bool plain = n->kind == YAML_SCALAR && strspn(n->text, "0123456789.") == n->len &&
		     end == n->text + n->len;
	if (!plain || v <= 0 || v >= 8)
		rule_file_complain(
			f, n->line,
			"entropy is no number of bits per byte; write one between 0 and 8, "
			"such as 3.5");
	else
		r->entropy = v;
}

static void allow_regexes(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->allowances->n_texts = rule_file_list(f, n, 64, REGEX_MAX, &r->allowances->texts);
}

static void allow_stopwords(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->allowances->n_stopwords = rule_file_list(f, n, 4096, 64, &r->allowances->stopwords);
}

static const struct rule_key rule_allow_keys[] = { { "regexes", allow_regexes },
						   { "stopwords", allow_stopwords } };

static void rule_allow(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	struct allowance *own = ruleset_keep_array(f->set, 1, sizeof(*own));
	if (!own) {
		f->rc = -ENOMEM;
		return;
	}
	*own = (struct allowance){ .file = f->name, .line = n->line };
	r->allowances = own;
	r->n_allowances = 1;
	if (n->kind == YAML_MAP && n->first)
		rule_file_map(f, r, n, rule_allow_keys, ARRAY_LEN(rule_allow_keys),
			      "a rule's allow");
	else
		rule_file_complain(
			f, n->line,
			"allow is not understood; write {regexes: [...], stopwords: [...]}");
}

/* Each layer once, in any order. */
static void decode_layers(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	if (n->kind != YAML_LIST || !n->first)
		rule_file_complain(
			f, n->line,
			"%s is no list; write some of base64, hex and percent in brackets", n->key);
	for (const struct yaml_node *at = n->first; n->kind == YAML_LIST && at; at = at->next) {
		struct yaml_node k = *at;
		k.key = n->key;
		r->info.decode |= (uint8_t)(1u << rule_file_name(f, &k, layer_names, LAYER_COUNT));
	}
}

static void decode_depth(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	uint32_t depth = 1;
	rule_file_number(f, n, 1, LAYER_DEPTH_MAX, &depth);
	r->info.decode_depth = (uint8_t)depth;
}

static const struct rule_key rule_decode_keys[] = { { "layers", decode_layers },
						    { "depth", decode_depth } };

void rule_file_decode(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.decode = 0;
	r->decode_line = n->line;
	r->info.decode_depth = 2;
	if (n->kind == YAML_SCALAR && strcmp(n->text, "none") == 0)
		return;
	if (n->kind != YAML_MAP) {
		decode_layers(f, r, n);
		return;
	}
	rule_file_map(f, r, n, rule_decode_keys, ARRAY_LEN(rule_decode_keys), "a rule's decode");
	if (!yaml_get(n, "layers"))
		rule_file_complain(f, n->line, "decode has no layers; write layers: [base64]");
}

static void rule_lead_in(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->wanted = rule_file_text(f, n, REGEX_MAX);
	r->lead_in_line = n->line;
	if (!r->wanted[0])
		r->wanted = NULL;
}

static void rule_hold_bytes(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	rule_file_number(f, n, 1, HOLD_BYTES_MAX, &r->info.hold_bytes);
}

static const struct rule_key rule_hold_keys[] = { { "bytes", rule_hold_bytes } };

static void rule_hold(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->hold_given = true;
	r->hold_line = n->line;
	if (n->kind == YAML_MAP && n->first) {
		rule_file_map(f, r, n, rule_hold_keys, ARRAY_LEN(rule_hold_keys), "a rule's hold");
		return;
	}
	if (n->kind == YAML_SCALAR && strcmp(n->text, "none") == 0) {
		r->info.hold = HOLD_NONE;
		return;
	}
	if (n->kind == YAML_SCALAR && strncmp(n->text, "window ", 7) == 0) {
		struct yaml_node number = { .kind = YAML_SCALAR,
					    .key = "hold: window",
					    .line = n->line };
		number.text = n->text + 7;
		r->info.hold = HOLD_WINDOW;
		rule_file_number(f, &number, 1, 4096, &r->info.hold_bytes);
		return;
	}
	rule_file_complain(f, n->line,
			   "hold is not understood; write window N, none, or {bytes: N}");
}

static void rule_on_bound(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.on_bound = (enum on_bound)rule_file_name(f, n, on_bound_names, BOUND_COUNT);
}

static void rule_scope(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.scope = (enum scope)rule_file_name(f, n, scope_names, SCOPE_COUNT);
}

static void rule_rollback(struct rule_file *f, struct rule *r, const struct yaml_node *n)
{
	r->info.rollback = rule_file_flag(f, n);
}

static const struct rule_key rule_keys[] = {
	{ "id", rule_id },
	{ "title", rule_title },
	{ "remedy", rule_remedy },
	{ "why", rule_file_why },
	{ "cwe", rule_file_cwe },
	{ "severity", rule_severity },
	{ "action", rule_action },
	{ "regex", rule_regex },
	{ "query", rule_query },
	{ "languages", rule_languages },
	{ "secret_group", rule_secret_group },
	{ "keywords", rule_keywords },
	{ "entropy", rule_entropy },
	{ "allow", rule_allow },
	{ "decode", rule_file_decode },
	{ "lead_in", rule_lead_in },
	{ "hold", rule_hold },
	{ "on_bound", rule_on_bound },
	{ "scope", rule_scope },
	{ "rollback", rule_rollback },
	{ "samples", rule_file_samples },
};

bool rule_file_unique(struct rule_file *f, const struct rule *r)
{
	for (size_t i = 0; i < f->set->n; i++) {
		const struct rule *other = &f->set->rules[i];
		if (strcmp(other->info.id, r->info.id) != 0)
			continue;
		rule_file_complain(f, r->info.line,
				   "rule %s stands already in %s:%u; give this one another id",
				   r->info.id, other->info.file, other->info.line);
		return false;
	}
	return true;
}

static bool complete(struct rule_file *f, const struct rule *r, const struct yaml_node *n)
{
	static const char *const needed[] = { "id", "title", "severity", "action" };
	bool all = true;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!yaml_get(n, needed[i])) {
			rule_file_complain(f, n->line, "a rule has no %s; add one", needed[i]);
			all = false;
		}
	if (!yaml_get(n, "regex") && !yaml_get(n, "query")) {
		rule_file_complain(f, n->line, "a rule has no regex; add one, or a query");
		all = false;
	}
	if (!r->info.query[0] && r->n_languages)
		rule_file_complain(f, r->languages_line,
				   "languages are for a query; write one, or remove them");
	all = all && rule_file_unique(f, r);
	if (r->wanted && r->info.hold != HOLD_LEAD_IN)
		rule_file_complain(f, r->lead_in_line,
				   "lead_in and this hold exclude each other; remove one");
	return all;
}

void rule_file_take_rule(struct rule_file *f, const struct yaml_node *n)
{
	struct rule r = { .secret_group = -1 };
	r.info = (struct rule_info){ .id = "",
				     .title = "",
				     .remedy = "",
				     .why = "",
				     .cwe = "",
				     .regex = "",
				     .query = "",
				     .lead_in = "" };
	r.info.file = r.origin = f->name;
	r.info.line = n->line;
	r.info.hold_bytes = f->hold_bytes;
	r.info.on_bound = f->on_bound;
	r.info.decode = f->decode;
	r.info.decode_depth = f->decode_depth;
	if (n->kind != YAML_MAP) {
		rule_file_complain(f, n->line, "a rule must be a map of keys; write id: ... first");
		return;
	}
	rule_file_map(f, &r, n, rule_keys, ARRAY_LEN(rule_keys), "a rule");
	if (!complete(f, &r, n))
		return;
	rule_file_add(f, &r);
}

void rule_file_add(struct rule_file *f, const struct rule *r)
{
	struct ruleset *set = f->set;
	if (set->n == RULES_MAX) {
		rule_file_complain(f, r->info.line, "more than %d rules; remove some", RULES_MAX);
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
	set->rules[set->n++] = *r;
}

const char *rule_file_rule_key(size_t i)
{
	return i < ARRAY_LEN(rule_keys) ? rule_keys[i].name : NULL;
}

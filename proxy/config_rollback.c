#include "proxy/config_rollback.h"

#include <string.h>

#include "lib/fetch.h"
#include "proxy/config_keys.h"

#define SECRET_LEAST 16 /* as PatchCtl has it */
#define SECRET_MOST 1024
#define SECOND 1000u
#define DAY (24u * 3600 * SECOND)

static void read_url(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_rollback *b = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	size_t n = node->len;
	if (n && node->text[n - 1] == '/')
		n--;
	const char *url = config_copy(r, (struct span){ node->text, n });
	const char *host = url ? strstr(url, "://") : NULL;
	if (url && (!fetch_url_good(url) || !host || strpbrk(host + 3, "/?#")))
		config_problem(r, node->line,
			       "`patchctl: %.100s` is no address of PatchCtl; write one such as "
			       "http://127.0.0.1:8090",
			       url);
	b->patchctl = url;
}

static void read_secret(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_rollback *b = base;
	b->secret = config_secret(r, node);
	size_t n = b->secret ? strlen(b->secret) : SECRET_LEAST;
	if (n < SECRET_LEAST || n > SECRET_MOST)
		config_problem(r, node->line,
			       "the secret has %zu bytes where %d to %d are needed; write that of "
			       "PatchCtl's token",
			       n, SECRET_LEAST, SECRET_MOST);
}

static void check(struct config_reader *r, const struct yaml_node *node,
		  const struct config_rollback *b)
{
	static const char *const needed[] = { "patchctl", "name", "secret" };
	for (size_t i = 0; i < ARRAY_LEN(needed) && node->kind == YAML_MAP; i++)
		if (!yaml_get(node, needed[i]))
			config_problem(r, node->line, "`rollback` has no `%s`; add it", needed[i]);
	if (b->name && (!config_is_token(b->name) || strlen(b->name) > ROLLBACK_TARGET_MAX))
		config_problem(r, node->line,
			       "`name: %.80s` is no name of a token; write the one that PatchCtl "
			       "knows",
			       b->name);
	if (b->ca)
		(void)config_file_readable(r, yaml_get(node, "ca")->line, "ca", b->ca);
	if (b->objective_ms > b->budget_ms)
		config_problem(r, node->line,
			       "`objective` is longer than `budget`, which ends everything; lower "
			       "it");
}

void config_read_rollback(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("patchctl", read_url),
		KEY("name", KEY_TEXT, struct config_rollback, name),
		KEY_BY("secret", read_secret),
		KEY("ca", KEY_FILE, struct config_rollback, ca),
		KEY_IN("budget", KEY_DURATION, struct config_rollback, budget_ms, SECOND, DAY),
		KEY_IN("objective", KEY_DURATION, struct config_rollback, objective_ms, 1, DAY),
		KEY_IN("cooldown", KEY_DURATION, struct config_rollback, cooldown_ms, 0, DAY),
		KEY_IN("quota", KEY_COUNT, struct config_rollback, quota, 1, 1000),
	};
	struct config *c = base;
	struct config_rollback *b = config_alloc(r, 1, sizeof(*b));
	if (!b)
		return;
	*b = (struct config_rollback){ .line = node->line,
				       .budget_ms = 120 * SECOND,
				       .objective_ms = 90 * SECOND,
				       .quota = 50 };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), b);
	if (!yaml_get(node, "objective") && b->objective_ms > b->budget_ms)
		b->objective_ms = b->budget_ms;
	check(r, node, b);
	c->rollback = b;
}

void config_read_route_rollback(struct config_reader *r, const struct yaml_node *node,
				struct config_route *route)
{
	static const char *const namers[] = { "builder", "report", NULL };
	static const struct config_key keys[] = {
		KEY("target", KEY_TEXT, struct config_route, rollback_target),
		KEY_OF("named_by", KEY_FLAG, struct config_route, rollback_reported, namers),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), route);
	const char *target = route->rollback_target;
	if (node->kind == YAML_MAP && !yaml_get(node, "target"))
		config_problem(r, node->line,
			       "`rollback` of a route has no `target`; name one of PatchCtl's");
	else if (target && (!config_is_token(target) || strlen(target) > ROLLBACK_TARGET_MAX))
		config_problem(
			r, node->line,
			"`target: %.80s` is no name of a target; write one of PatchCtl's, of "
			"up to %d letters, digits, dots and dashes",
			target, ROLLBACK_TARGET_MAX);
}

void config_check_rollback(struct config_reader *r)
{
	const struct config *c = r->config;
	if (c->rollback && !c->ledger)
		config_problem(r, c->rollback->line,
			       "`rollback` needs a `ledger`, which keeps what is asked for; add "
			       "one");
	for (size_t i = 0; i < c->n_routes && !c->rollback; i++)
		if (c->routes[i].rollback_target)
			config_problem(
				r, c->routes[i].line,
				"the route `%s` has a `rollback`, and PatchCtl is not known; "
				"add a section `rollback` with its address",
				c->routes[i].name);
}

static bool has_target(const struct config *c)
{
	for (size_t i = 0; i < c->n_routes; i++)
		if (c->routes[i].rollback_target)
			return true;
	return false;
}

/* One line for all of them: the shipped rules alone are dozens. */
static void note_rules(const struct config *c, const char *lacks, struct buf *out)
{
	const char *first = NULL;
	size_t n = 0;
	for (size_t i = 0; i < ruleset_count(c->ruleset); i++) {
		const struct rule_info *rule = ruleset_rule(c->ruleset, i);
		n += rule->rollback;
		first = first || !rule->rollback ? first : rule->id;
	}
	if (n == 1)
		buf_printf(out, "%s: rule %s has rollback: true and asks for none: %s\n", c->path,
			   first, lacks);
	else if (n > 1)
		buf_printf(out,
			   "%s: %zu rules have rollback: true (%s is one) and ask for none: %s\n",
			   c->path, n, first, lacks);
}

void config_rollback_notes(const struct config *c, struct buf *out)
{
	const char *lacks = !c->rollback    ? "there is no `rollback`; add it"
			    : has_target(c) ? NULL
					    : "no route has a `rollback`; add rollback: {target: "
					      "NAME} to one";
	if (!lacks)
		return;
	note_rules(c, lacks, out);
	for (size_t i = 0; i < c->n_quorums; i++)
		if (c->quorums[i].rollback)
			buf_printf(out, "%s: quorum %s has rollback: true and asks for none: %s\n",
				   c->path, c->quorums[i].name, lacks);
}

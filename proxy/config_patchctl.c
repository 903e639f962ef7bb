#include "proxy/config_patchctl.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/config_keys.h"

#define SECRET_LEAST 16
#define SECRET_MOST 1024

const char *const role_names[ROLE_COUNT + 1] = { "read", "register", "rollback", "quorum", NULL };

const struct driver_target *config_target(const struct config_patchctl *c, struct span name)
{
	for (size_t i = 0; i < c->n_targets; i++)
		if (span_eq(span_of(c->targets[i].name), name))
			return &c->targets[i];
	return NULL;
}

/* --- where it listens, and what it keeps --- */

static void set_address(struct config_reader *r, unsigned line, const char *text)
{
	struct config_listener *l = &r->config->admin;
	l->line = line;
	l->address = config_copy(r, span_of(text));
	if (address_parse(text, &l->addr, &l->addr_len) != 0)
		config_problem(r, line,
			       "`listen: %s` is not an address; write an IP address and a port, "
			       "such as " PATCHCTL_LISTEN,
			       text);
}

static void read_listen(struct config_reader *r, const struct yaml_node *node, void *base)
{
	(void)base;
	if (config_expect(r, node, YAML_SCALAR))
		set_address(r, node->line, node->text);
}

static void read_tls(struct config_reader *r, const struct yaml_node *node, void *base)
{
	(void)base;
	config_read_tls(r, node, &r->config->admin);
}

static void check_state(struct config_reader *r, const struct yaml_node *root,
			const struct config_patchctl *c)
{
	const struct yaml_node *node = yaml_get(root, "state_dir");
	struct stat st;
	if (!node)
		config_problem(r, root->line,
			       "there is no `state_dir`; name a folder that outlives the process");
	else if (c->state_dir && (stat(c->state_dir, &st) != 0 || !S_ISDIR(st.st_mode)))
		config_problem(r, node->line, "state_dir: there is no folder %s; create it",
			       c->state_dir);
	else if (c->state_dir && access(c->state_dir, R_OK | W_OK | X_OK) != 0)
		config_problem(
			r, node->line,
			"state_dir %s cannot be written; let the user that runs redcard write there",
			c->state_dir);
}

/* --- tokens --- */

void config_read_token_secret(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct auth_token *t = base;
	t->secret = config_secret(r, node);
	size_t n = t->secret ? strlen(t->secret) : SECRET_LEAST;
	if (n < SECRET_LEAST || n > SECRET_MOST)
		config_problem(r, node->line,
			       "the secret has %zu bytes where %d to %d are needed; write a longer "
			       "one, made at random",
			       n, SECRET_LEAST, SECRET_MOST);
	else if (t->secret && (config_has_control(t->secret) || strchr(t->secret, ' ')))
		config_problem(r, node->line,
			       "the secret has a blank or a control character, which no header can "
			       "carry; write it on one line, without them");
}

static void read_roles(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct auth_token *t = base;
	bool *roles = config_alloc(r, ROLE_COUNT, sizeof(*roles));
	if (!config_expect(r, node, YAML_LIST) || !roles)
		return;
	t->roles = roles;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		size_t i = 0;
		while (i < ROLE_COUNT &&
		       (e->kind != YAML_SCALAR || strcmp(e->text, role_names[i]) != 0))
			i++;
		if (i < ROLE_COUNT)
			roles[i] = true;
		else
			config_problem(r, e->line,
				       "`%s` is no role; write read, register, rollback or quorum",
				       e->kind == YAML_SCALAR ? e->text : "this");
	}
	if (!node->first)
		config_problem(r, node->line,
			       "`roles` is empty; write read, register, rollback or quorum");
}

void config_check_token(struct config_reader *r, unsigned line, const struct auth_token *tokens,
			const struct auth_token *t)
{
	config_check_name(r, line, "token", t->name);
	for (const struct auth_token *other = tokens; other < t; other++)
		if (t->name && other->name && strcmp(t->name, other->name) == 0)
			config_problem(r, line, "two tokens are called `%s`; rename one", t->name);
		else if (t->secret && other->secret && strcmp(t->secret, other->secret) == 0)
			config_problem(r, line, "two tokens have one secret; give each its own");
}

static void read_tokens(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct auth_token, name),
		KEY_BY("secret", config_read_token_secret),
		KEY_BY("roles", read_roles),
	};
	struct config_patchctl *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->tokens = config_alloc(r, config_children(node) + 1, sizeof(*c->tokens));
	if (!c->tokens)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct auth_token *t = &c->tokens[c->n_tokens++];
		config_keys_read(r, e, keys, ARRAY_LEN(keys), t);
		if (e->kind == YAML_MAP &&
		    (!yaml_get(e, "name") || !yaml_get(e, "secret") || !yaml_get(e, "roles")))
			config_problem(
				r, e->line,
				"a token needs `name`, `secret` and `roles`; add what lacks");
		config_check_token(r, e->line, c->tokens, t);
	}
}

/* --- limits, and all of it --- */

static void read_limits(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("cooldown", KEY_DURATION, struct config_patchctl, cooldown_ms, 0,
		       24u * 3600 * 1000),
		KEY_IN("quota", KEY_COUNT, struct config_patchctl, quota, 1, 10000),
		KEY_IN("at_once", KEY_COUNT, struct config_patchctl, at_once, 1, 64),
		KEY_IN("timeout", KEY_DURATION, struct config_patchctl, timeout_ms, 1000,
		       3600u * 1000),
		KEY_IN("keep_days", KEY_COUNT, struct config_patchctl, keep_days, 1, 3650),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

void config_read_patchctl(struct config_reader *r, const struct yaml_node *root)
{
	static const struct config_key keys[] = {
		KEY_BY("listen", read_listen),
		KEY_BY("tls", read_tls),
		KEY("state_dir", KEY_FILE, struct config_patchctl, state_dir),
		KEY_BY("tokens", read_tokens),
		KEY_BY("targets", config_read_targets),
		KEY_BY("limits", read_limits),
	};
	struct config_patchctl *c = config_alloc(r, 1, sizeof(*c));
	if (!c)
		return;
	*c = (struct config_patchctl){
		.quota = 50, .at_once = 4, .timeout_ms = 120000, .keep_days = 90
	};
	if (!root || root->kind != YAML_MAP) {
		config_problem(r, root ? root->line : 1,
			       "this is no configuration of PatchCtl; see deploy/patchctl.yaml for "
			       "one");
		return;
	}
	config_keys_read(r, root, keys, ARRAY_LEN(keys), c);
	check_state(r, root, c);
	if (!yaml_get(root, "listen"))
		set_address(r, root->line, PATCHCTL_LISTEN);
	if (!c->n_tokens)
		config_problem(r, root->line,
			       "there is no token, so nobody could ask for anything; add `tokens`");
	if (!c->n_targets)
		config_problem(r, root->line,
			       "there is no target, so nothing could be restored; add `targets`");
	r->config->patchctl = c;
}

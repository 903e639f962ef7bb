#include "proxy/config_drill.h"

#include <string.h>

#include "lib/fetch.h"
#include "proxy/address.h"
#include "proxy/config_keys.h"

static const char *read_url(struct config_reader *r, const struct yaml_node *node)
{
	if (!config_expect(r, node, YAML_SCALAR))
		return NULL;
	if (fetch_url_good(node->text))
		return config_copy(r, span_of(node->text));
	config_problem(r, node->line,
		       "`%s: %.200s` is no URL; write one that begins with http:// or https://",
		       node->key, node->text);
	return NULL;
}

static void read_proxy(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct config_drill *)base)->proxy = read_url(r, node);
}

static void read_pair(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct config_drill *)base)->pair = read_url(r, node);
}

static void read_admin(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct config_drill *)base)->admin = read_url(r, node);
}

static void read_builders(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_drill *c = base;
	struct sockaddr_storage addr;
	socklen_t n;
	size_t i = 0;
	if (!config_expect(r, node, YAML_LIST))
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next, i++) {
		if (!config_expect(r, e, YAML_SCALAR))
			continue;
		if (i >= ARRAY_LEN(c->builder))
			config_problem(r, e->line,
				       "the drill plays at most two builders; remove "
				       "this one");
		else if (address_parse(e->text, &addr, &n) != 0)
			config_problem(r, e->line,
				       "`%.80s` is not an address; write an IP address and a port, "
				       "such as 127.0.0.1:9009",
				       e->text);
		else
			c->builder[i] = config_copy(r, span_of(e->text));
	}
}

static void read_secret(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct drill_key *)base)->secret = config_secret(r, node);
}

static void read_key(struct config_reader *r, const struct yaml_node *node, struct drill_key *key)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct drill_key, name),
		KEY_BY("secret", read_secret),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), key);
	if (node->kind == YAML_MAP && (!yaml_get(node, "name") || !yaml_get(node, "secret")))
		config_problem(r, node->line, "`%s` needs `name` and `secret`; add what lacks",
			       node->key);
}

static void read_webhook(struct config_reader *r, const struct yaml_node *node, void *base)
{
	read_key(r, node, &((struct config_drill *)base)->webhook);
}

static void read_url_key(struct config_reader *r, const struct yaml_node *node, void *base)
{
	*(const char **)base = read_url(r, node);
}

struct patchctl_part {
	const char *url;
	struct drill_key key;
};

static void read_part_secret(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct patchctl_part *)base)->key.secret = config_secret(r, node);
}

static void read_patchctl(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("url", read_url_key),
		KEY("name", KEY_TEXT, struct patchctl_part, key.name),
		KEY_BY("secret", read_part_secret),
	};
	static const char *const needed[] = { "url", "name", "secret" };
	struct config_drill *c = base;
	struct patchctl_part part = { 0 };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &part);
	for (size_t i = 0; i < ARRAY_LEN(needed) && node->kind == YAML_MAP; i++)
		if (!yaml_get(node, needed[i]))
			config_problem(r, node->line, "`patchctl` has no `%s`; add it", needed[i]);
	c->patchctl = part.url;
	c->patchctl_key = part.key;
}

void config_read_drill(struct config_reader *r, const struct yaml_node *root)
{
	static const struct config_key keys[] = {
		KEY_BY("proxy", read_proxy),
		KEY_BY("pair", read_pair),
		KEY_BY("builders", read_builders),
		KEY_BY("admin", read_admin),
		KEY_BY("webhook", read_webhook),
		KEY_BY("patchctl", read_patchctl),
		KEY("ca", KEY_FILE, struct config_drill, ca),
		KEY("target", KEY_TEXT, struct config_drill, target),
		KEY("remote", KEY_TEXT, struct config_drill, remote),
		KEY("branch", KEY_TEXT, struct config_drill, branch),
		KEY_IN("budget", KEY_DURATION, struct config_drill, budget_ms, 1000, 3600u * 1000),
		KEY_IN("watch", KEY_DURATION, struct config_drill, watch_ms, 100, 3600u * 1000),
	};
	static const char *const needed[] = { "proxy",  "builders", "admin", "patchctl",
					      "target", "remote",   "branch" };
	struct config_drill *c = config_alloc(r, 1, sizeof(*c));
	if (!c)
		return;
	*c = (struct config_drill){ .budget_ms = 120000, .watch_ms = 5000 };
	if (!root || root->kind != YAML_MAP) {
		config_problem(
			r, root ? root->line : 1,
			"this is no configuration of a drill; see deploy/drill.yaml for one");
		return;
	}
	config_keys_read(r, root, keys, ARRAY_LEN(keys), c);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!yaml_get(root, needed[i]))
			config_problem(r, root->line, "there is no `%s`; add it", needed[i]);
	if (c->pair && !c->builder[1])
		config_problem(r, yaml_get(root, "pair")->line,
			       "a quorum needs two `builders`; add the second, or remove `pair`");
	r->config->drill = c;
}

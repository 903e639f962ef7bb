#include "proxy/config_webhook.h"

#include "proxy/config_keys.h"
#include "proxy/config_patchctl.h"

static void read_tokens(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct auth_token, name),
		KEY_BY("secret", config_read_token_secret),
	};
	struct config_webhook *h = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	h->tokens = config_alloc(r, config_children(node) + 1, sizeof(*h->tokens));
	if (!h->tokens)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct auth_token *t = &h->tokens[h->n_tokens++];
		config_keys_read(r, e, keys, ARRAY_LEN(keys), t);
		if (e->kind == YAML_MAP && (!yaml_get(e, "name") || !yaml_get(e, "secret")))
			config_problem(r, e->line,
				       "a token needs `name` and `secret`; add what lacks");
		config_check_token(r, e->line, h->tokens, t);
	}
}

void config_read_webhook(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = { KEY_BY("tokens", read_tokens) };
	struct config *c = base;
	struct config_webhook *h = config_alloc(r, 1, sizeof(*h));
	if (!h)
		return;
	h->line = node->line;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), h);
	if (node->kind == YAML_MAP && h->n_tokens == 0)
		config_problem(
			r, node->line,
			"`webhook` has no token, so nobody could send an event; add `tokens`");
	c->webhook = h;
}

void config_check_webhook(struct config_reader *r)
{
	const struct config *c = r->config;
	if (!c->webhook)
		return;
	if (!c->ledger)
		config_problem(r, c->webhook->line,
			       "`webhook` answers when its verdict is in the ledger; add `ledger`");
	if (!c->admin.addr_len)
		config_problem(r, c->webhook->line,
			       "`webhook` is served by the admin listener; add `admin`");
}

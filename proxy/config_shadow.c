#include "proxy/config_shadow.h"

#include <stdio.h>
#include <string.h>

#include "lib/fetch.h"
#include "policy/score.h"
#include "proxy/address.h"
#include "proxy/config_keys.h"

#define SECOND 1000u
#define HOUR (3600u * SECOND)
#define KIB (1u << 10)
#define MIB (1u << 20)

static const struct config_shadow defaults = {
	.connect_ms = 2 * SECOND,
	.first_byte_ms = 60 * SECOND,
	.total_ms = 180 * SECOND,
	.primary_ms = 180 * SECOND,
	.drain_ms = 5 * SECOND,
	.queue_requests = 256,
	.queue_bytes = 64 * MIB,
	.connections = 4,
	.threshold = 3 * SCORE_UNITS,
};

/* --- where the shadow is, and what it gets --- */

static void read_url(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_shadow_to *to = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	size_t n = node->len;
	while (n > 0 && node->text[n - 1] == '/')
		n--;
	to->url = config_copy(r, (struct span){ node->text, n });
	const char *host = to->url ? strstr(to->url, "://") : NULL;
	if (to->url && (strlen(node->text) != node->len || !fetch_url_good(to->url) || !host ||
			strpbrk(host + 3, "/?#")))
		config_problem(r, node->line,
			       "`url` is not where a shadow can be; write http://host:port or "
			       "https://host:port, without a path or a user");
}

static void read_pass(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_rewrite *w = &((struct config_shadow_to *)base)->rewrite;
	if (!config_expect(r, node, YAML_LIST))
		return;
	const char **v = config_alloc(r, config_children(node) + 1, sizeof(*v));
	if (!v)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		if (!config_expect(r, e, YAML_SCALAR))
			continue;
		const char *name = config_copy(r, (struct span){ e->text, e->len });
		if (name && !config_is_token(name))
			config_problem(r, e->line,
				       "`pass` has \"%.64s\", which is no header's name; write "
				       "names such as authorization",
				       name);
		else if (name)
			v[w->n_pass++] = name;
	}
	w->pass = v;
}

static void read_headers(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_rewrite *w = &((struct config_shadow_to *)base)->rewrite;
	config_read_headers(r, node, &w->headers, &w->n_headers);
}

void config_check_shadow_names(struct config_reader *r, const struct yaml_node *map,
			       const char *host, const char *model)
{
	if (host && !config_is_authority(host))
		config_problem(r, yaml_get(map, "host")->line,
			       "the shadow's `host` is not one; write a name, with a port if "
			       "needed");
	if (model && config_has_control(model))
		config_problem(r, yaml_get(map, "model")->line,
			       "the shadow's `model` has control characters; write it on one line");
}

static void read_to(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("url", read_url),
		KEY("ca", KEY_FILE, struct config_shadow_to, ca),
		KEY("host", KEY_TEXT, struct config_shadow_to, rewrite.host),
		KEY("model", KEY_TEXT, struct config_shadow_to, rewrite.model),
		KEY_BY("headers", read_headers),
		KEY_BY("pass", read_pass),
	};
	struct config_shadow_to *to = &((struct config_shadow *)base)->to;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), to);
	if (node->kind != YAML_MAP)
		return;
	if (!yaml_get(node, "url"))
		config_problem(r, node->line,
			       "the shadow's `to` has no `url`; write one such as "
			       "http://127.0.0.1:9100");
	if (to->ca)
		(void)config_file_readable(r, node->line, "certificate authority", to->ca);
	config_check_shadow_names(r, node, to->rewrite.host, to->rewrite.model);
}

/* --- how it is asked --- */

static void read_timeouts(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("connect", KEY_DURATION, struct config_shadow, connect_ms, 10, HOUR),
		KEY_IN("first_byte", KEY_DURATION, struct config_shadow, first_byte_ms, 100, HOUR),
		KEY_IN("total", KEY_DURATION, struct config_shadow, total_ms, 100, HOUR),
		KEY_IN("primary", KEY_DURATION, struct config_shadow, primary_ms, 100, HOUR),
		KEY_IN("drain", KEY_DURATION, struct config_shadow, drain_ms, 0, HOUR),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

static void read_queue(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("requests", KEY_COUNT, struct config_shadow, queue_requests, 1, 65536),
		KEY_IN("bytes", KEY_SIZE64, struct config_shadow, queue_bytes, 64 * KIB, 0),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

static void read_threshold(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_shadow *s = base;
	if (config_expect(r, node, YAML_SCALAR) && !score_threshold(node->text, &s->threshold))
		config_problem(r, node->line,
			       "`threshold: %.32s` is no percentage; write one such as 3.00",
			       node->text);
}

/* --- all of it --- */

static void set_listen(struct config_reader *r, unsigned line, const char *text,
		       struct config_listener *l)
{
	l->line = line;
	l->address = config_copy(r, span_of(text));
	if (address_parse(text, &l->addr, &l->addr_len) != 0)
		config_problem(r, line,
			       "the shadow's `listen: %.64s` is not an address; write an IP "
			       "address and a port, such as " SHADOW_LISTEN,
			       text);
}

static void read_listen(struct config_reader *r, const struct yaml_node *node, void *base)
{
	if (config_expect(r, node, YAML_SCALAR))
		set_listen(r, node->line, node->text, &((struct config_shadow *)base)->listen);
}

void config_read_shadow(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("listen", read_listen),
		KEY_BY("to", read_to),
		KEY_BY("timeouts", read_timeouts),
		KEY_BY("queue", read_queue),
		KEY_IN("connections", KEY_COUNT, struct config_shadow, connections, 1,
		       SHADOW_CONNECTIONS_MAX),
		KEY_BY("threshold", read_threshold),
		KEY_BY("guardian", config_read_guardian),
	};
	struct config_key all[ARRAY_LEN(keys) + CONFIG_MIRROR_KEYS];
	struct config *c = base;
	struct config_shadow *s = config_alloc(r, 1, sizeof(*s));
	if (!s)
		return;
	memcpy(all, config_mirror_keys, sizeof(config_mirror_keys));
	memcpy(all + CONFIG_MIRROR_KEYS, keys, sizeof(keys));
	*s = defaults;
	s->mirror = config_mirror_defaults;
	s->line = s->mirror.line = node->line;
	config_keys_read(r, node, all, ARRAY_LEN(all), s);
	if (node->kind != YAML_MAP)
		return;
	if (!s->listen.address)
		set_listen(r, node->line, SHADOW_LISTEN, &s->listen);
	c->shadow = s;
	c->mirror = &s->mirror;
}

/* The rest of the file was read before, with its problems. */
void config_read_shadow_pages(struct config_reader *r, const struct yaml_node *root)
{
	struct config_shadow s = { 0 };
	const struct yaml_node *shadow = root ? yaml_get(root, "shadow") : NULL;
	const struct yaml_node *listen = shadow ? yaml_get(shadow, "listen") : NULL;
	if (listen)
		read_listen(r, listen, &s);
	else
		set_listen(r, shadow ? shadow->line : 1, SHADOW_LISTEN, &s.listen);
	r->config->admin = s.listen;
}

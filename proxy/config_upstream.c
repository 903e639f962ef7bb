/* Upstreams: pools of builder addresses, their TLS and their health checks. */
#include <string.h>

#include "lib/tls.h"
#include "proxy/config_keys.h"
#include "proxy/units.h"

#define NAME_MAX_BYTES 63
#define ADDRESSES_MAX 32 /* a set of addresses is a mask of 32 bits */
#define SECOND 1000
#define HOUR (3600 * SECOND)

/* One entry of `addresses`, taken apart. */
struct parts {
	struct span host;
	uint16_t port;
	enum { SCHEME_NONE, SCHEME_HTTP, SCHEME_HTTPS } scheme;
};

static bool is_host(struct span host)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	for (size_t i = 0; i < host.n; i++)
		if (!memchr(allowed, host.p[i], sizeof(allowed) - 1))
			return false;
	return host.n > 0 && host.n < 254;
}

static bool take_prefix(struct span *text, struct span prefix)
{
	if (text->n < prefix.n || memcmp(text->p, prefix.p, prefix.n) != 0)
		return false;
	*text = (struct span){ text->p + prefix.n, text->n - prefix.n };
	return true;
}

/* [scheme://]host[:port][/]; the host of an IPv6 address stands in brackets. */
static bool split_address(struct span text, struct parts *out)
{
	struct parts a = { .scheme = SCHEME_NONE };
	if (take_prefix(&text, SPAN("https://")))
		a.scheme = SCHEME_HTTPS;
	else if (take_prefix(&text, SPAN("http://")))
		a.scheme = SCHEME_HTTP;
	if (a.scheme != SCHEME_NONE && text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	struct span rest = text;
	bool brackets = take_prefix(&rest, SPAN("["));
	const char *end = rest.n ? memchr(rest.p, brackets ? ']' : ':', rest.n) : NULL;
	size_t n = end ? (size_t)(end - rest.p) : rest.n;
	a.host = (struct span){ rest.p, n };
	rest = (struct span){ rest.p + n, rest.n - n };
	if (brackets && !take_prefix(&rest, SPAN("]")))
		return false;
	uint64_t port = a.scheme == SCHEME_HTTPS ? 443 : a.scheme == SCHEME_HTTP ? 80 : 0;
	if (rest.n > 0 && (!take_prefix(&rest, SPAN(":")) || units_count(rest, &port) != 0))
		return false;
	if (!is_host(a.host) || port < 1 || port > 65535 ||
	    (!brackets && memchr(a.host.p, ':', a.host.n)))
		return false;
	a.port = (uint16_t)port;
	*out = a;
	return true;
}

static void read_address(struct config_reader *r, const struct yaml_node *node,
			 struct config_upstream *u, struct config_address *out)
{
	struct parts a;
	out->line = node->line;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	if (!split_address((struct span){ node->text, node->len }, &a)) {
		config_problem(
			r, node->line,
			"\"%s\" is not a builder's address; write host:port, http://host:port or "
			"https://host without a path, a user or a query; a port is 1 to 65535",
			node->text);
		return;
	}
	out->host = config_copy(r, a.host);
	out->port = a.port;
	bool tls = a.scheme == SCHEME_HTTPS;
	if (out == u->addresses)
		u->tls = tls;
	else if (tls != u->tls)
		config_problem(r, node->line,
			       "\"%s\": an upstream is either https or not; make two upstreams",
			       node->text);
}

static void read_addresses(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_upstream *u = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	struct config_address *v = config_alloc(r, config_children(node), sizeof(*v));
	if (!v)
		return;
	if (config_children(node) > ADDRESSES_MAX) {
		config_problem(r, node->line,
			       "%zu addresses are too many for one upstream; write at most %d",
			       config_children(node), ADDRESSES_MAX);
		return;
	}
	u->addresses = v;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct config_address *a = &v[u->n_addresses];
		read_address(r, e, u, a);
		for (size_t i = 0; a->host && i < u->n_addresses; i++)
			if (v[i].host && strcmp(v[i].host, a->host) == 0 && v[i].port == a->port)
				config_problem(r, e->line,
					       "\"%s\" stands twice in one upstream; remove one",
					       e->text);
		u->n_addresses++;
	}
}

static void read_tls(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("ca", KEY_FILE, struct config_upstream, tls_ca),
		KEY("verify", KEY_BOOL, struct config_upstream, tls_verify),
		KEY("server_name", KEY_TEXT, struct config_upstream, tls_server_name),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

static void read_health(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("path", KEY_TEXT, struct config_health, path),
		KEY_IN("interval", KEY_DURATION, struct config_health, interval_ms, 100, HOUR),
		KEY_IN("timeout", KEY_DURATION, struct config_health, timeout_ms, 10, HOUR),
		KEY_IN("healthy_after", KEY_COUNT, struct config_health, healthy_after, 1, 100),
		KEY_IN("unhealthy_after", KEY_COUNT, struct config_health, unhealthy_after, 1, 100),
	};
	struct config_upstream *u = base;
	struct config_health *h = &u->health;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), h);
	if (node->kind != YAML_MAP)
		return;
	if (!h->path || h->path[0] != '/' || strpbrk(h->path, " #") || config_has_control(h->path))
		config_problem(
			r, node->line,
			"`health` needs a `path`; write one that begins with a slash, such as /healthz");
	if (h->timeout_ms > h->interval_ms)
		config_problem(
			r, node->line,
			"the health check's `timeout` is longer than its `interval`; shorten it");
}

static void read_passive(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("failures", KEY_COUNT, struct config_upstream, fail_after, 1, 1000),
		KEY_IN("time", KEY_DURATION, struct config_upstream, fail_ms, 100, HOUR),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

static void read_idle(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("connections", KEY_COUNT, struct config_upstream, idle_max, 0, 65536),
		KEY_IN("time", KEY_DURATION, struct config_upstream, idle_ms, SECOND, 24 * HOUR),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

static void check_name(struct config_reader *r, const struct config_upstream *u)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (!u->name) {
		config_problem(r, u->line,
			       "an upstream has no `name`; give it one, such as `name: builder`");
		return;
	}
	if (strlen(u->name) > NAME_MAX_BYTES || u->name[strspn(u->name, allowed)])
		config_problem(
			r, u->line,
			"the upstream's name \"%.80s\" is unusable; write at most %d letters, digits, "
			"dots, dashes and underscores",
			u->name, NAME_MAX_BYTES);
	for (const struct config_upstream *o = r->config->upstreams; o < u; o++)
		if (o->name && strcmp(o->name, u->name) == 0)
			config_problem(
				r, u->line,
				"the upstream `%s` is defined twice (also on line %u); rename one",
				u->name, o->line);
}

static void make_tls_context(struct config_reader *r, struct config_upstream *u,
			     const struct yaml_node *node)
{
	const struct yaml_node *tls = yaml_get(node, "tls");
	if (tls && !u->tls)
		config_problem(
			r, tls->line,
			"`tls` is set, but the addresses are not https; write https://host:port");
	if (u->tls_server_name && !is_host(span_of(u->tls_server_name)))
		config_problem(r, tls->line,
			       "`server_name` is not a host's name; leave scheme and port out");
	if (!u->tls ||
	    (u->tls_ca && !config_file_readable(r, tls->line, "certificate authority", u->tls_ca)))
		return;
	struct buf why = { 0 };
	if (tls_context_client(u->tls_ca, u->tls_verify, &u->tls_context, &why) != 0) {
		while (why.n > 0 && why.p[why.n - 1] == '\n')
			why.n--;
		config_problem(r, u->line,
			       "TLS for upstream `%s` cannot be set up: %.*s; check `tls`",
			       u->name ? u->name : "", (int)why.n, why.p ? why.p : "");
	}
	buf_fini(&why);
}

static void read_upstream(struct config_reader *r, const struct yaml_node *node,
			  struct config_upstream *u)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct config_upstream, name),
		KEY_BY("addresses", read_addresses),
		KEY_BY("tls", read_tls),
		KEY_BY("health", read_health),
		KEY_BY("passive", read_passive),
		KEY_BY("idle", read_idle),
		KEY_IN("resolve", KEY_DURATION, struct config_upstream, resolve_ms, SECOND,
		       24 * HOUR),
		KEY_BY("price", config_read_price),
		KEY_BY("budget", config_read_daily),
	};
	*u = (struct config_upstream){
		.line = node->line,
		.tls_verify = true,
		.health = { .interval_ms = 5000,
			    .timeout_ms = 2000,
			    .healthy_after = 2,
			    .unhealthy_after = 3 },
		.fail_after = 5,
		.fail_ms = 10000,
		.idle_max = 64,
		.idle_ms = 60000,
		.resolve_ms = 30000,
		.daily_nano = CONFIG_DAILY_UNSET,
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), u);
	if (node->kind != YAML_MAP)
		return;
	check_name(r, u);
	const struct yaml_node *list = yaml_get(node, "addresses");
	if (u->n_addresses == 0 && (!list || (list->kind == YAML_LIST && !list->first)))
		config_problem(
			r, u->line,
			"the upstream `%s` has no addresses; write addresses: [\"127.0.0.1:9000\"]",
			u->name ? u->name : "");
	make_tls_context(r, u, node);
}

void config_read_upstreams(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->upstreams = config_alloc(r, config_children(node), sizeof(*c->upstreams));
	if (!c->upstreams)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next)
		read_upstream(r, e, &c->upstreams[c->n_upstreams++]);
}

/* Routes: which request goes to which upstream, how it is changed and how its answer is judged. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "proxy/config_keys.h"
#include "proxy/config_mirror.h"

/* What a route says before its names are looked up. */
struct draft {
	struct config_route route;
	const char *upstream;
	const char *quorum;
	int wire;
};

/* `wire`: an API's name fixes the dialect and leaves the framing to the answer, which may be a
 * stream or a document. */
static const struct {
	bool from_answer;
	enum framing framing;
	enum dialect dialect;
} wires[] = {
	{ true, FRAMING_NONE, DIALECT_UNKNOWN },   { true, FRAMING_NONE, DIALECT_CHAT },
	{ true, FRAMING_NONE, DIALECT_RESPONSES }, { true, FRAMING_NONE, DIALECT_MESSAGES },
	{ true, FRAMING_NONE, DIALECT_GEMINI },    { false, FRAMING_ARRAY, DIALECT_GEMINI },
	{ true, FRAMING_NONE, DIALECT_OLLAMA },    { false, FRAMING_SSE, DIALECT_UNKNOWN },
	{ false, FRAMING_LINES, DIALECT_UNKNOWN }, { false, FRAMING_DOCUMENT, DIALECT_UNKNOWN },
	{ false, FRAMING_NONE, DIALECT_UNKNOWN },
};
static const char *const wire_choices[] = {
	"auto",   "chat", "responses", "messages", "gemini", "gemini-array",
	"ollama", "sse",  "lines",     "json",     "plain",  NULL,
};
_Static_assert(ARRAY_LEN(wires) + 1 == ARRAY_LEN(wire_choices), "one row for each name");

static const char *const error_choices[] = { "closed", "open", NULL };
static const char *const reasoning_choices[] = { "judge", "skip", NULL };
static const char *const upgrade_choices[] = { "refuse", "tunnel", NULL };
static const char *const compressed_choices[] = { "decode", "refuse", NULL };
static const char *const cut_choices[] = { "graceful", "error", "abort", NULL };
_Static_assert(ARRAY_LEN(cut_choices) == CUT_FORM_COUNT + 1 && sizeof(enum cut_form) == sizeof(int),
	       "the choices are the enum");

static void read_methods(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_route *route = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	const char **v = config_alloc(r, config_children(node), sizeof(*v));
	if (!v)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		if (!config_expect(r, e, YAML_SCALAR))
			continue;
		if (!config_is_token(e->text) || strcmp(e->text, "CONNECT") == 0 ||
		    strpbrk(e->text, "abcdefghijklmnopqrstuvwxyz"))
			config_problem(
				r, e->line,
				"\"%s\" is not a method that is forwarded; write one in capitals, such as POST",
				e->text);
		v[route->n_methods++] = config_copy(r, (struct span){ e->text, e->len });
	}
	route->methods = v;
	if (route->n_methods == 0)
		config_problem(r, node->line,
			       "`methods` is empty; name at least one or remove the key");
}

static void read_match(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("host", KEY_TEXT, struct config_route, host),
		KEY("path", KEY_TEXT, struct config_route, path),
		KEY("exact", KEY_BOOL, struct config_route, path_exact),
		KEY_BY("methods", read_methods),
	};
	struct config_route *route = &((struct draft *)base)->route;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), route);
	if (!route->path || route->path[0] != '/' || strpbrk(route->path, "?# "))
		config_problem(
			r, node->line,
			"`path: %s` is not a path; begin with a slash and leave the query out",
			route->path ? route->path : "");
	if (route->host && (strchr(route->host + 1, '*') || strpbrk(route->host, "/: ") ||
			    (route->host[0] == '*' && route->host[1] != '.')))
		config_problem(
			r, node->line,
			"`host: %s` is not a host; write it without port, or as *.example.org",
			route->host);
}

static void read_headers(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_route *route = &((struct draft *)base)->route;
	config_read_headers(r, node, &route->headers, &route->n_headers);
}

static void check_upstream(struct config_reader *r, const struct yaml_node *node, struct draft *d)
{
	const struct config *c = r->config;
	const struct yaml_node *named = yaml_get(node, "upstream");
	if (!d->upstream) {
		if (!named)
			config_problem(
				r, node->line,
				"the route has no `upstream`; name one of those under `upstreams`");
		return;
	}
	for (size_t i = 0; i < c->n_upstreams; i++) {
		if (c->upstreams[i].name && strcmp(c->upstreams[i].name, d->upstream) == 0) {
			d->route.upstream = i;
			return;
		}
	}
	config_problem(
		r, named->line,
		"the upstream `%s` is not defined; add it under `upstreams` or correct the name",
		d->upstream);
}

/* Whether every request that b matches is matched by a. */
static bool covers(const struct config_route *a, const struct config_route *b)
{
	if (a->host && (!b->host || strcasecmp(a->host, b->host) != 0))
		return false;
	if (a->path_exact && (!b->path_exact || strcmp(a->path, b->path) != 0))
		return false;
	if (strncmp(a->path, b->path, strlen(a->path)) != 0)
		return false;
	if (!a->methods)
		return true;
	for (size_t i = 0; i < b->n_methods; i++) {
		size_t k = 0;
		while (k < a->n_methods && strcmp(a->methods[k], b->methods[i]) != 0)
			k++;
		if (k == a->n_methods)
			return false;
	}
	return b->n_methods > 0;
}

static void check_earlier(struct config_reader *r, const struct config_route *route)
{
	for (const struct config_route *o = r->config->routes; o < route; o++) {
		if (!o->name[0])
			continue; /* broken, and said so */
		if (strcmp(o->name, route->name) == 0)
			config_problem(
				r, route->line,
				"the route `%s` is defined twice (also on line %u); rename one",
				route->name, o->line);
		else if (covers(o, route)) {
			config_problem(
				r, route->line,
				"no request can reach the route `%s`, since `%s` on line %u takes them "
				"all; move it before that one",
				route->name, o->name, o->line);
			return;
		}
	}
}

static void read_budget(struct config_reader *r, const struct yaml_node *node, void *base)
{
	config_read_budget(r, node, &((struct draft *)base)->route.budget);
}

static void read_rollback(struct config_reader *r, const struct yaml_node *node, void *base)
{
	config_read_route_rollback(r, node, &((struct draft *)base)->route);
}

static void read_shadow(struct config_reader *r, const struct yaml_node *node, void *base)
{
	config_read_route_mirror(r, node, &((struct draft *)base)->route);
}

/* What a budget needs to be kept. */
static void check_budget(struct config_reader *r, const struct yaml_node *node,
			 const struct config_route *route)
{
	const struct budget_limits *l = &route->budget;
	if (!l->set)
		return;
	unsigned line = yaml_get(node, "budget")->line;
	if (!route->inspect)
		config_problem(
			r, line,
			"`budget` needs `inspect: true`, since nothing is counted without it; "
			"remove one of them");
	if (l->cost_nano && route->upstream < r->config->n_upstreams &&
	    !r->config->upstreams[route->upstream].priced)
		config_problem(r, line,
			       "`cost` needs the builder's prices; add price: {input: USD, output: "
			       "USD} to the upstream, for a million tokens each");
}

static const struct config_key route_keys[] = {
	KEY("name", KEY_TEXT, struct draft, route.name),
	KEY_BY("match", read_match),
	KEY("upstream", KEY_TEXT, struct draft, upstream),
	KEY("host", KEY_TEXT, struct draft, route.host_header),
	KEY_BY("headers", read_headers),
	KEY("quorum", KEY_TEXT, struct draft, quorum),
	KEY_OF("wire", KEY_CHOICE, struct draft, wire, wire_choices),
	KEY("inspect", KEY_BOOL, struct draft, route.inspect),
	KEY_OF("on_error", KEY_FLAG, struct draft, route.fail_open, error_choices),
	KEY_OF("reasoning", KEY_FLAG, struct draft, route.skip_reasoning, reasoning_choices),
	KEY_OF("upgrade", KEY_FLAG, struct draft, route.tunnel_upgrades, upgrade_choices),
	KEY_OF("compressed", KEY_FLAG, struct draft, route.refuse_compressed, compressed_choices),
	KEY_OF("cut", KEY_CHOICE, struct draft, route.cut, cut_choices),
	KEY_IN("frame", KEY_SIZE, struct draft, route.frame_bytes, 256, 16 << 20),
	KEY_IN("document", KEY_SIZE, struct draft, route.document_bytes, 256, 64 << 20),
	KEY_BY("budget", read_budget),
	KEY_BY("rollback", read_rollback),
	KEY_BY("shadow", read_shadow),
};

static void read_route(struct config_reader *r, const struct yaml_node *node,
		       struct config_route *out)
{
	struct draft d = { .route = { .path = "/",
				      .inspect = true,
				      .mirror_ppm = MIRROR_PPM_UNSET,
				      .frame_bytes = GATE_FRAME_BYTES,
				      .document_bytes = GATE_DOCUMENT_BYTES } };
	d.route.line = node->line;
	*out = d.route; /* what later routes are compared with, even when this one is not a map */
	out->name = "";
	config_keys_read(r, node, route_keys, ARRAY_LEN(route_keys), &d);
	if (node->kind != YAML_MAP)
		return;
	d.route.wire_auto = wires[d.wire].from_answer;
	d.route.framing = wires[d.wire].framing;
	d.route.dialect = wires[d.wire].dialect;
	check_upstream(r, node, &d);
	check_budget(r, node, &d.route);
	if (d.quorum)
		d.route.quorum = config_find_quorum(r, yaml_get(node, "quorum"), &d.route);
	if (d.route.host_header && !config_is_authority(d.route.host_header))
		config_problem(
			r, yaml_get(node, "host")->line,
			"the `host` sent to the builder is not one; write a name, with a port if needed");
	if (!d.route.name) {
		config_problem(r, node->line, "a route has no `name`; give it one, for the logs");
		d.route.name = "";
	}
	if (!d.route.path)
		d.route.path = "/";
	*out = d.route;
	if (out->name[0])
		check_earlier(r, out);
}

void config_read_routes(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->routes = config_alloc(r, config_children(node), sizeof(*c->routes));
	if (!c->routes)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next)
		read_route(r, e, &c->routes[c->n_routes++]);
}

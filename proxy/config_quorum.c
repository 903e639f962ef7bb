/* Quorums: which builders answer together, and how near to each other their renders must be. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "proxy/config_audit.h"
#include "proxy/config_keys.h"
#include "proxy/walk.h"

#define NAME_BYTES 63
#define BASE_FILES 64
#define HOUR (3600 * 1000)
#define KIB 1024u
#define MIB (1024u * KIB)

/* What a quorum says before its names are looked up. */
struct draft {
	struct config_quorum quorum;
	const char *chosen, *threshold, *base, *audit;
	const struct yaml_node *builders;
};

struct draft_builder {
	struct config_builder builder;
	const char *upstream;
};

static int find_upstream(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_upstreams; i++)
		if (c->upstreams[i].name && strcmp(c->upstreams[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void read_builder_headers(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_builder *b = &((struct draft_builder *)base)->builder;
	config_read_headers(r, node, &b->headers, &b->n_headers);
}

/* A builder: the name of an upstream, or a map with what is changed on its requests. */
static const char *read_builder(struct config_reader *r, const struct yaml_node *node,
				struct config_builder *out)
{
	static const struct config_key keys[] = {
		KEY("upstream", KEY_TEXT, struct draft_builder, upstream),
		KEY("host", KEY_TEXT, struct draft_builder, builder.host_header),
		KEY_BY("headers", read_builder_headers),
	};
	struct draft_builder d = { 0 };
	if (node->kind == YAML_SCALAR)
		d.upstream = config_copy(r, (struct span){ node->text, node->len });
	else
		config_keys_read(r, node, keys, ARRAY_LEN(keys), &d);
	if (d.builder.host_header && !config_is_authority(d.builder.host_header))
		config_problem(
			r, node->line,
			"the `host` sent to the builder is not one; write a name, with a port "
			"if needed");
	*out = d.builder;
	return d.upstream;
}

static void read_builders(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct draft *d = base;
	struct config_quorum *q = &d->quorum;
	if (!config_expect(r, node, YAML_LIST))
		return;
	d->builders = node;
	if (config_children(node) > QUORUM_BUILDERS_MAX) {
		config_problem(r, node->line, "a quorum has at most %d builders; leave some out",
			       QUORUM_BUILDERS_MAX);
		return;
	}
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct config_builder *b = &q->builders[q->n_builders];
		const char *name = read_builder(r, e, b);
		int at = name ? find_upstream(r->config, name) : -1;
		if (at < 0) {
			config_problem(r, e->line,
				       "the upstream `%s` is not defined; add it under `upstreams` "
				       "or correct the name",
				       name ? name : "");
			continue;
		}
		b->upstream = (size_t)at;
		for (unsigned i = 0; i < q->n_builders; i++)
			if (q->builders[i].upstream == b->upstream)
				config_problem(
					r, e->line,
					"`%s` is named twice, and would vote twice; remove one",
					name);
		q->n_builders++;
	}
}

static void check_votes(struct config_reader *r, const struct yaml_node *node,
			struct config_quorum *q)
{
	const struct yaml_node *agree = yaml_get(node, "agree");
	if (q->n_builders < 2)
		config_problem(r, node->line,
			       "a quorum needs at least two `builders`; name upstreams that answer "
			       "the same requests");
	else if (q->agree > q->n_builders)
		config_problem(r, agree ? agree->line : node->line,
			       "%u builders cannot be reached by %u; lower `agree` or add builders",
			       q->agree, q->n_builders);
}

static void check_chosen(struct config_reader *r, const struct yaml_node *node, struct draft *d)
{
	struct config_quorum *q = &d->quorum;
	if (!d->chosen)
		return;
	for (unsigned i = 0; i < q->n_builders; i++)
		if (strcmp(r->config->upstreams[q->builders[i].upstream].name, d->chosen) == 0) {
			q->chosen = i;
			return;
		}
	config_problem(r, yaml_get(node, "chosen")->line,
		       "`chosen: %s` is none of this quorum's builders; name one of them",
		       d->chosen);
}

/* A request that is not redcard's own copy goes as its route says. */
static void check_builders(struct config_reader *r, const struct yaml_node *node,
			   const struct config_quorum *q)
{
	for (unsigned i = 0; i < q->n_builders; i++) {
		const struct config_builder *b = &q->builders[i];
		bool routed = q->pairing == PAIRING_SPEC || i == q->chosen;
		if (routed && (b->host_header || b->headers))
			config_problem(
				r, node->line,
				"requests to `%s` go by a route of their own; write `host` and "
				"`headers` there, not in the quorum",
				r->config->upstreams[b->upstream].name);
	}
}

/* --- the base --- */

struct base_reader {
	struct config_reader *r;
	unsigned line;
	size_t root; /* bytes of the folder's name, with its slash */
	struct quorum_base *v;
	size_t n;
	bool full; /* and more were met */
};

static void add_base(void *context, const char *path, bool met)
{
	struct base_reader *b = context;
	struct buf text = { 0 };
	b->full = b->full || b->n == BASE_FILES;
	if (b->full)
		return;
	int error = file_read(path, QUORUM_BYTES, &text);
	if (error)
		config_problem(b->r, b->line, "base: %s: %s; name files that can be read", path,
			       strerror(-error));
	if (!error) {
		const char *name = config_copy(b->r, span_of(met ? path + b->root : ""));
		const char *p = config_copy(b->r, (struct span){ text.p ? text.p : "", text.n });
		if (name && p)
			b->v[b->n++] = (struct quorum_base){ span_of(name), { p, text.n } };
	}
	buf_fini(&text);
}

static void read_base(struct config_reader *r, const struct yaml_node *node, struct draft *d)
{
	struct base_reader b = { .r = r };
	if (!d->base)
		return;
	b.line = yaml_get(node, "base")->line;
	b.root = strlen(d->base) + (d->base[strlen(d->base) - 1] != '/');
	b.v = config_alloc(r, BASE_FILES, sizeof(*b.v));
	if (b.v && walk(d->base, add_base, &b) != 0)
		config_problem(r, b.line, "base: %s cannot be read; name a file or a folder",
			       d->base);
	if (b.full)
		config_problem(r, b.line, "`base` has more than %d files; name a smaller folder",
			       BASE_FILES);
	d->quorum.base = b.v;
	d->quorum.n_base = b.n;
}

/* --- the whole --- */

static const char *const release_choices[] = { "chosen", "on_quorum", NULL };
static const char *const pairing_choices[] = { "fan_out", "spec", NULL };

static const struct config_key keys[] = {
	KEY("name", KEY_TEXT, struct draft, quorum.name),
	KEY_BY("builders", read_builders),
	KEY_IN("agree", KEY_COUNT, struct draft, quorum.agree, 2, QUORUM_BUILDERS_MAX),
	KEY("chosen", KEY_TEXT, struct draft, chosen),
	KEY("threshold", KEY_TEXT, struct draft, threshold),
	KEY_OF("release", KEY_FLAG, struct draft, quorum.on_quorum, release_choices),
	KEY_OF("pair", KEY_CHOICE, struct draft, quorum.pairing, pairing_choices),
	KEY_IN("timeout", KEY_DURATION, struct draft, quorum.timeout_ms, 10, 24 * HOUR),
	KEY_IN("code", KEY_SIZE, struct draft, quorum.text_bytes, KIB, 8 * MIB),
	KEY_IN("nodes", KEY_COUNT, struct draft, quorum.nodes, 100, 500000),
	KEY_IN("held", KEY_SIZE, struct draft, quorum.held_bytes, 64 * KIB, 1024 * MIB),
	KEY_IN("request", KEY_SIZE, struct draft, quorum.request_bytes, KIB, 64 * MIB),
	KEY("audit", KEY_TEXT, struct draft, audit),
	KEY("rollback", KEY_BOOL, struct draft, quorum.rollback),
	KEY("base", KEY_FILE, struct draft, base),
};

static void check_name(struct config_reader *r, const struct yaml_node *node,
		       const struct config_quorum *q)
{
	if (!q->name || strlen(q->name) > NAME_BYTES || !config_is_token(q->name)) {
		config_problem(r, node->line,
			       "a quorum has no `name` of at most %d letters, digits, dots and "
			       "dashes; give it one, for routes and logs",
			       NAME_BYTES);
		return;
	}
	for (const struct config_quorum *o = r->config->quorums; o < q; o++)
		if (o->name && strcmp(o->name, q->name) == 0)
			config_problem(
				r, node->line,
				"the quorum `%s` is defined twice (also on line %u); rename one",
				q->name, o->line);
}

static void read_quorum(struct config_reader *r, const struct yaml_node *node,
			struct config_quorum *out)
{
	struct draft d = { .quorum = { .agree = 2,
				       .threshold = 3 * SCORE_UNITS,
				       .timeout_ms = 120 * 1000,
				       .text_bytes = QUORUM_BYTES,
				       .nodes = QUORUM_NODES,
				       .held_bytes = 16 * MIB,
				       .request_bytes = 4 * MIB,
				       .line = node->line } };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &d);
	if (node->kind != YAML_MAP)
		return;
	if (d.threshold && !score_threshold(d.threshold, &d.quorum.threshold))
		config_problem(r, yaml_get(node, "threshold")->line,
			       "`threshold: %.32s` is no percentage; write one such as 3.00",
			       d.threshold);
	if (d.audit)
		d.quorum.auditor = config_auditor_named(r->config, d.audit);
	if (d.audit && !d.quorum.auditor)
		config_problem(
			r, yaml_get(node, "audit")->line,
			"the auditor `%s` is not defined; add it under `auditors` or correct "
			"the name",
			d.audit);
	check_chosen(r, node, &d);
	check_builders(r, yaml_get(node, "builders") ? yaml_get(node, "builders") : node,
		       &d.quorum);
	read_base(r, node, &d);
	*out = d.quorum;
	check_name(r, node, out);
	check_votes(r, node, out);
}

void config_read_quorums(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->quorums = config_alloc(r, config_children(node), sizeof(*c->quorums));
	if (!c->quorums)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next)
		read_quorum(r, e, &c->quorums[c->n_quorums++]);
}

/* --- of a route --- */

static bool has_builder(const struct config_quorum *q, size_t upstream, unsigned *at)
{
	for (*at = 0; *at < q->n_builders; (*at)++)
		if (q->builders[*at].upstream == upstream)
			return true;
	return false;
}

static void check_route(struct config_reader *r, unsigned line, const struct config_quorum *q,
			const struct config_route *route)
{
	const char *upstream = r->config->upstreams[route->upstream].name;
	unsigned at;
	if (!has_builder(q, route->upstream, &at))
		config_problem(r, line,
			       "the route's upstream `%s` is none of the quorum's builders; add it "
			       "there, or send the route to one of them",
			       upstream);
	else if (q->pairing == PAIRING_FAN_OUT && at != q->chosen)
		config_problem(r, line,
			       "the route goes to `%s`, but the quorum's chosen builder is `%s`; "
			       "make them the same",
			       upstream,
			       r->config->upstreams[q->builders[q->chosen].upstream].name);
	if (!route->inspect)
		config_problem(r, line,
			       "`quorum` needs `inspect: true`, since nothing is read without it; "
			       "remove one of them");
	if (route->fail_open)
		config_problem(
			r, line,
			"`quorum` and `on_error: open` contradict each other: what cannot be "
			"judged is no agreement; remove one of them");
	if (route->tunnel_upgrades)
		config_problem(r, line,
			       "`quorum` and `upgrade: tunnel` contradict each other: a tunnel is "
			       "not compared; remove one of them");
}

const struct config_quorum *config_find_quorum(struct config_reader *r,
					       const struct yaml_node *name,
					       const struct config_route *route)
{
	const struct config *c = r->config;
	for (size_t i = 0; i < c->n_quorums; i++) {
		const struct config_quorum *q = &c->quorums[i];
		if (!q->name || strcmp(q->name, name->text) != 0)
			continue;
		if (route->upstream < c->n_upstreams && q->n_builders >= 2)
			check_route(r, name->line, q, route);
		return q;
	}
	config_problem(r, name->line,
		       "the quorum `%s` is not defined; add it under `quorums` or correct the name",
		       name->text);
	return NULL;
}

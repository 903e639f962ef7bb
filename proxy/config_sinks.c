#include "proxy/config_sinks.h"

#include <string.h>

#include "lib/fetch.h"
#include "proxy/config_keys.h"
#include "proxy/ledger_row.h"

#define SECRET_LEAST 16
#define SECOND 1000u
#define DAY (24u * 3600 * SECOND)

const char *const sink_kind_names[SINK_KIND_COUNT + 1] = {
	[SINK_WEBHOOK] = "webhook",
	[SINK_SLACK] = "slack",
	[SINK_GITHUB] = "github",
};
_Static_assert(sizeof(enum sink_kind) == sizeof(int), "KEY_CHOICE writes an int");

static const char *const severity_choices[] = { "low", "medium", "high", "critical", NULL };
_Static_assert(ARRAY_LEN(severity_choices) == SEVERITY_COUNT + 1, "the choices are the enum");

/* It becomes part of a request's head, whole. */
static const char *read_secret(struct config_reader *r, const struct yaml_node *node)
{
	const char *secret = config_secret(r, node);
	if (secret && (!secret[0] || config_has_control(secret))) {
		config_problem(r, node->line,
			       "`%s` is empty or has a control character; write it on one line",
			       node->key);
		return NULL;
	}
	return secret;
}

static void read_url(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_sink *s = base;
	s->url = read_secret(r, node);
	if (s->url && !fetch_url_good(s->url))
		config_problem(r, node->line,
			       "`url` is no http or https URL without a user; write one such as "
			       "https://example.org/hook");
}

static void read_key(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_sink *s = base;
	s->secret = read_secret(r, node);
	if (s->secret && strlen(s->secret) < SECRET_LEAST)
		config_problem(r, node->line,
			       "`secret` has %zu bytes, which can be guessed; write at least %d",
			       strlen(s->secret), SECRET_LEAST);
}

static void read_token(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct config_sink *)base)->token = read_secret(r, node);
}

static void read_rows(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_sink *s = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	s->n_rows = 0;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		if (!config_expect(r, e, YAML_SCALAR))
			return;
		struct span kind = { e->text, e->len };
		if (ledger_row_wrong(kind, SPAN("x"), (struct span){ 0 }))
			config_problem(r, e->line,
				       "`rows`: \"%.64s\" is no kind of row; write kinds such as "
				       "card, rollback, spec",
				       e->text);
		else if (s->n_rows < SINK_ROWS_MAX)
			s->rows[s->n_rows++] = config_copy(r, kind);
		else
			config_problem(r, e->line, "`rows`: these are too many; write at most %d",
				       SINK_ROWS_MAX);
	}
	if (!node->first)
		config_problem(r, node->line,
			       "`rows` is empty, so nothing would be delivered; name a kind such "
			       "as card, or remove the sink");
}

static bool is_repository(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t owner = strspn(text, allowed);
	const char *name = text + owner + 1;
	return owner && text[owner] == '/' && name[0] && !name[strspn(name, allowed)] &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && text[0] != '.';
}

/* A key that means nothing to this kind of sink is a mistake about what it does. */
static void refuse_keys(struct config_reader *r, const struct yaml_node *node, enum sink_kind kind)
{
	static const struct {
		const char *key;
		enum sink_kind kind;
	} rows[] = {
		{ "secret", SINK_WEBHOOK },
		{ "token", SINK_GITHUB },
		{ "repository", SINK_GITHUB },
		{ "target", SINK_GITHUB },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct yaml_node *e = yaml_get(node, rows[i].key);
		if (e && rows[i].kind != kind)
			config_problem(r, e->line,
				       "`%s` means nothing to a sink of kind %s; remove it",
				       rows[i].key, sink_kind_names[kind]);
	}
}

static void need(struct config_reader *r, const struct yaml_node *node, const char *kind,
		 const char *key, const char *remedy)
{
	if (!yaml_get(node, key))
		config_problem(r, node->line, "a sink of kind %s needs a `%s`; %s", kind, key,
			       remedy);
}

static void check_kind(struct config_reader *r, const struct yaml_node *node, struct config_sink *s)
{
	const char *kind = sink_kind_names[s->kind];
	const struct yaml_node *repository = yaml_get(node, "repository");
	refuse_keys(r, node, s->kind);
	if (!yaml_get(node, "url") && s->kind == SINK_GITHUB)
		s->url = "https://api.github.com";
	else
		need(r, node, kind, "url", "write where rows are posted to");
	if (s->kind == SINK_WEBHOOK)
		need(r, node, kind, "secret", "write the one that signs, such as {file: NAME}");
	if (s->kind != SINK_GITHUB)
		return;
	need(r, node, kind, "token", "write one that may set statuses, such as {file: NAME}");
	need(r, node, kind, "repository", "write OWNER/NAME");
	if (repository && s->repository && !is_repository(s->repository))
		config_problem(r, repository->line,
			       "`repository: %.100s` is no repository; write OWNER/NAME",
			       s->repository);
}

static void check_name(struct config_reader *r, const struct config_sink *s)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (!s->name[0])
		config_problem(r, s->line,
			       "a sink has no `name`; give it one, for its place and metrics");
	else if (strlen(s->name) > SINK_NAME_MAX || s->name[strspn(s->name, allowed)])
		config_problem(r, s->line,
			       "the sink's name \"%.80s\" is unusable; write at most %d letters, "
			       "digits, dots, dashes and underscores",
			       s->name, SINK_NAME_MAX);
	for (const struct config_sink *o = r->config->sinks; o < s; o++)
		if (s->name[0] && strcmp(o->name, s->name) == 0)
			config_problem(
				r, s->line,
				"the sink `%s` is defined twice (also on line %u); rename one",
				s->name, o->line);
}

static void read_sink(struct config_reader *r, const struct yaml_node *node,
		      struct config_sink *out)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct config_sink, name),
		KEY_OF("kind", KEY_CHOICE, struct config_sink, kind, sink_kind_names),
		KEY_BY("url", read_url),
		KEY_BY("secret", read_key),
		KEY_BY("token", read_token),
		KEY("repository", KEY_TEXT, struct config_sink, repository),
		KEY("target", KEY_TEXT, struct config_sink, target),
		KEY("ca", KEY_FILE, struct config_sink, ca),
		KEY_BY("rows", read_rows),
		KEY_OF("severity", KEY_CHOICE, struct config_sink, severity, severity_choices),
		KEY_IN("timeout", KEY_DURATION, struct config_sink, timeout_ms, 100, 120 * SECOND),
		KEY_IN("give_up_after", KEY_DURATION, struct config_sink, give_up_ms, SECOND,
		       30 * DAY),
	};
	*out = (struct config_sink){ .line = node->line,
				     .rows = { "card", "rollback" },
				     .n_rows = 2,
				     .timeout_ms = 10 * SECOND,
				     .give_up_ms = DAY };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), out);
	if (!out->name)
		out->name = "";
	if (node->kind != YAML_MAP)
		return;
	const struct yaml_node *ca = yaml_get(node, "ca");
	if (ca && out->ca)
		(void)config_file_readable(r, ca->line, "ca", out->ca);
	check_kind(r, node, out);
	check_name(r, out);
}

void config_read_sinks(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	if (config_children(node) > SINKS_MAX) {
		config_problem(r, node->line, "%zu sinks are too many; write at most %d",
			       config_children(node), SINKS_MAX);
		return;
	}
	struct config_sink *v = config_alloc(r, config_children(node) + 1, sizeof(*v));
	c->sinks = v;
	for (const struct yaml_node *e = node->first; e && v; e = e->next)
		read_sink(r, e, &v[c->n_sinks++]);
}

void config_check_sinks(struct config_reader *r)
{
	const struct config *c = r->config;
	if (c->n_sinks && !c->ledger)
		config_problem(r, c->sinks[0].line,
			       "`sinks` are told of rows of the ledger, and there is none; add "
			       "`ledger`");
}

/* Auditors: who is asked about a pair of renders that the quorum does not pass by itself. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/file.h"
#include "proxy/config_keys.h"

#define AUDITORS_MAX 16 /* a metric has a place for each */
#define NAME_MAX_BYTES 63
#define PROMPT_MAX_BYTES 65536
#define SECOND 1000
#define DAY (24 * 3600 * SECOND)

/* What an auditor says before its names are looked up. */
struct draft {
	struct config_auditor auditor;
	struct config_header *headers; /* becomes auditor.headers */
	const char *upstream, *prompt_file;
};

static const char *const kind_choices[] = { "chat", "webhook", "human", NULL };
_Static_assert(ARRAY_LEN(kind_choices) == AUDITOR_KIND_COUNT + 1 &&
		       sizeof(enum auditor_kind) == sizeof(int),
	       "the choices are the enum");

static void add_header(struct config_reader *r, struct draft *d, const struct yaml_node *node)
{
	const char *value = config_secret(r, node);
	const char *name = config_copy(r, span_of(node->key));
	if (!value || !name || !config_check_header(r, node->line, name, value))
		return;
	if (strcasecmp(name, "content-type") == 0 || strcasecmp(name, "accept") == 0)
		config_problem(r, node->line,
			       "the header `%s` says that the question is JSON and is written by "
			       "redcard; remove it",
			       name);
	for (size_t i = 0; i < d->auditor.n_headers; i++)
		if (strcasecmp(d->headers[i].name, name) == 0)
			config_problem(r, node->line, "the header `%.64s` is set twice; keep one",
				       name);
	d->headers[d->auditor.n_headers++] = (struct config_header){ name, value };
}

static void read_headers(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct draft *d = base;
	if (!config_expect(r, node, YAML_MAP))
		return;
	d->headers = config_alloc(r, config_children(node) + 1, sizeof(*d->headers));
	d->auditor.headers = d->headers;
	for (const struct yaml_node *e = node->first; e && d->headers; e = e->next)
		add_header(r, d, e);
}

static void read_prompt(struct config_reader *r, unsigned line, struct draft *d)
{
	struct buf text = { 0 };
	const char *path = d->prompt_file;
	if (!config_file_readable(r, line, "prompt", path))
		return;
	int error = file_read(path, PROMPT_MAX_BYTES, &text);
	if (error)
		config_problem(r, line, "prompt file %s: %s; name a text of at most 64KiB", path,
			       strerror(-error));
	else if (text.n == 0 || memchr(text.p, '\0', text.n))
		config_problem(
			r, line,
			"prompt file %s is empty or not text; write the instruction into it, "
			"or remove the key",
			path);
	else
		d->auditor.prompt = config_copy(r, (struct span){ text.p, text.n });
	buf_fini(&text);
}

static void find_upstream(struct config_reader *r, const struct yaml_node *node, struct draft *d)
{
	const struct config *c = r->config;
	const struct yaml_node *named = yaml_get(node, "upstream");
	if (!named) {
		config_problem(
			r, node->line,
			"the auditor has no `upstream`; name one of those under `upstreams`, "
			"or write kind: human");
		return;
	}
	for (size_t i = 0; d->upstream && i < c->n_upstreams; i++) {
		if (c->upstreams[i].name && strcmp(c->upstreams[i].name, d->upstream) == 0) {
			d->auditor.upstream = i;
			return;
		}
	}
	if (d->upstream)
		config_problem(r, named->line,
			       "the upstream `%s` is not defined; add it under `upstreams` or "
			       "correct the name",
			       d->upstream);
}

/* A key that means nothing to this kind of auditor is a mistake about what it does. */
static void refuse_keys(struct config_reader *r, const struct yaml_node *node,
			enum auditor_kind kind)
{
	static const struct {
		const char *key;
		bool chat, webhook;
	} rows[] = {
		{ "upstream", true, true }, { "path", true, true },    { "headers", true, true },
		{ "model", true, false },   { "prompt", true, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct yaml_node *e = yaml_get(node, rows[i].key);
		bool taken = kind == AUDITOR_CHAT      ? rows[i].chat
			     : kind == AUDITOR_WEBHOOK ? rows[i].webhook
						       : false;
		if (e && !taken)
			config_problem(r, e->line,
				       "`%s` means nothing to an auditor of kind %s; remove it",
				       rows[i].key, kind_choices[kind]);
	}
}

static void check_http(struct config_reader *r, const struct yaml_node *node, struct draft *d)
{
	struct config_auditor *a = &d->auditor;
	const struct yaml_node *path = yaml_get(node, "path");
	const struct yaml_node *prompt = yaml_get(node, "prompt");
	find_upstream(r, node, d);
	if (!path && a->kind == AUDITOR_CHAT)
		a->path = "/v1/chat/completions";
	else if (!path)
		config_problem(r, node->line,
			       "a webhook needs a `path`; write the one that takes the question");
	else if (a->path &&
		 (a->path[0] != '/' || strpbrk(a->path, " #\\") || config_has_control(a->path)))
		config_problem(r, path->line,
			       "`path: %s` is not a path; write one that begins with a slash",
			       a->path);
	if (a->kind == AUDITOR_CHAT && !yaml_get(node, "model"))
		config_problem(r, node->line,
			       "an auditor of kind chat needs a `model`; name the one that judges");
	if (prompt && d->prompt_file)
		read_prompt(r, prompt->line, d);
}

static void check_name(struct config_reader *r, const struct config_auditor *a)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (!a->name[0])
		config_problem(r, a->line,
			       "an auditor has no `name`; give it one, for routes and metrics");
	else if (strlen(a->name) > NAME_MAX_BYTES || a->name[strspn(a->name, allowed)])
		config_problem(r, a->line,
			       "the auditor's name \"%.80s\" is unusable; write at most %d "
			       "letters, digits, dots, dashes and underscores",
			       a->name, NAME_MAX_BYTES);
	for (const struct config_auditor *o = r->config->auditors; o < a; o++)
		if (a->name[0] && strcmp(o->name, a->name) == 0)
			config_problem(
				r, a->line,
				"the auditor `%s` is defined twice (also on line %u); rename one",
				a->name, o->line);
}

static void read_auditor(struct config_reader *r, const struct yaml_node *node,
			 struct config_auditor *out)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct draft, auditor.name),
		KEY("upstream", KEY_TEXT, struct draft, upstream),
		KEY_OF("kind", KEY_CHOICE, struct draft, auditor.kind, kind_choices),
		KEY("path", KEY_TEXT, struct draft, auditor.path),
		KEY("model", KEY_TEXT, struct draft, auditor.model),
		KEY_BY("headers", read_headers),
		KEY_IN("timeout", KEY_DURATION, struct draft, auditor.timeout_ms, 10, DAY),
		KEY("prompt", KEY_FILE, struct draft, prompt_file),
	};
	struct draft d = { .auditor = { .line = node->line } };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &d);
	if (!d.auditor.name)
		d.auditor.name = "";
	if (!d.auditor.timeout_ms)
		d.auditor.timeout_ms = d.auditor.kind == AUDITOR_HUMAN ? 600 * SECOND : 30 * SECOND;
	if (node->kind == YAML_MAP) {
		refuse_keys(r, node, d.auditor.kind);
		if (d.auditor.kind != AUDITOR_HUMAN)
			check_http(r, node, &d);
	}
	*out = d.auditor;
	if (node->kind == YAML_MAP)
		check_name(r, out);
}

void config_read_auditors(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	if (config_children(node) > AUDITORS_MAX) {
		config_problem(r, node->line, "%zu auditors are too many; write at most %d",
			       config_children(node), AUDITORS_MAX);
		return;
	}
	c->auditors = config_alloc(r, config_children(node) + 1, sizeof(*c->auditors));
	for (const struct yaml_node *e = node->first; e && c->auditors; e = e->next)
		read_auditor(r, e, &c->auditors[c->n_auditors++]);
}

/* Nobody judges in his own case. */
static void check_partial(struct config_reader *r, const struct config_quorum *q)
{
	const struct config_auditor *a = q->auditor;
	if (!a || a->kind == AUDITOR_HUMAN)
		return;
	for (unsigned i = 0; i < q->n_builders; i++)
		if (q->builders[i].upstream == a->upstream)
			config_problem(r, q->line,
				       "the auditor `%s` of the quorum `%s` asks one of its "
				       "builders, `%s`; let it ask another upstream",
				       a->name, q->name, r->config->upstreams[a->upstream].name);
}

void config_check_auditors(struct config_reader *r)
{
	const struct config *c = r->config;
	for (size_t i = 0; i < c->n_quorums && r->problems == 0; i++)
		check_partial(r, &c->quorums[i]);
	for (size_t i = 0; i < c->n_auditors && r->problems == 0; i++) {
		const struct config_auditor *a = &c->auditors[i];
		if (a->kind == AUDITOR_HUMAN && !c->admin.addr_len)
			config_problem(r, a->line,
				       "the auditor `%s` is a person, who is asked by the admin "
				       "listener; add admin: {address: \"127.0.0.1:9901\"}",
				       a->name);
		else if (a->kind != AUDITOR_HUMAN && c->upstreams[a->upstream].daily_nano)
			config_problem(
				r, a->line,
				"the upstream of the auditor `%s` has a daily limit, to which "
				"audits do not count; name one without, such as a second entry "
				"with the same addresses and no price",
				a->name);
	}
}

const struct config_auditor *config_auditor_named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_auditors; i++)
		if (strcmp(c->auditors[i].name, name) == 0)
			return &c->auditors[i];
	return NULL;
}

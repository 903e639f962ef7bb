/* What PatchCtl can restore: `targets`. Each driver has its own keys. */
#include <stdio.h>
#include <string.h>

#include "lib/fetch.h"
#include "proxy/config_keys.h"
#include "proxy/config_patchctl.h"

#define TEXT_MOST 128
#define ARGUMENTS_MOST 64
#define DRIVERS "command, git, helm, kubernetes or webhook"

/* Letters, digits and what else is allowed, beginning with a letter or digit. */
static bool is_made_of(const char *text, const char *others, size_t most)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!plain && (i == 0 || !strchr(others, c)))
			return false;
	}
	return n > 0 && n <= most;
}

void config_check_name(struct config_reader *r, unsigned line, const char *what, const char *name)
{
	if (name && !is_made_of(name, ".-", PATCHCTL_NAME - 1))
		config_problem(
			r, line,
			"%s `%.80s` has a name that cannot be; use up to %d letters, digits, "
			"dots and dashes",
			what, name, PATCHCTL_NAME - 1);
}

static void read_driver(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct driver_target *t = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	t->driver = driver_find(node->text);
	if (!t->driver)
		config_problem(r, node->line, "there is no driver `%s`; write " DRIVERS,
			       node->text);
}

/* --- git --- */

static void check_person(struct config_reader *r, const struct yaml_node *node, const char *text)
{
	if (text && (config_has_control(text) || strpbrk(text, "<>") || strlen(text) > TEXT_MOST))
		config_problem(r, node->line,
			       "the committer has a name or address that git does not take; write "
			       "up to %d bytes without < and >",
			       TEXT_MOST);
}

static void read_committer(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct driver_target, git.name),
		KEY("email", KEY_TEXT, struct driver_target, git.email),
	};
	struct driver_target *t = base;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), t);
	check_person(r, node, t->git.name);
	check_person(r, node, t->git.email);
}

/* --- command --- */

static const char *const *arguments(struct config_reader *r, const struct yaml_node *node)
{
	size_t n = 0;
	if (!config_expect(r, node, YAML_LIST))
		return NULL;
	if (!node->first || config_children(node) > ARGUMENTS_MOST) {
		config_problem(
			r, node->line,
			"`%s` is no program; write it and its arguments as a list of up to %d",
			node->key, ARGUMENTS_MOST);
		return NULL;
	}
	const char **v = config_alloc(r, config_children(node) + 1, sizeof(*v));
	for (const struct yaml_node *e = node->first; v && e; e = e->next) {
		if (!config_expect(r, e, YAML_SCALAR))
			return NULL;
		v[n++] = config_copy(r, span_of(e->text));
	}
	if (v && v[0] && !v[0][0])
		config_problem(r, node->line, "`%s` names no program; write its name first",
			       node->key);
	return v;
}

static void read_plan(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct driver_target *)base)->command.plan = arguments(r, node);
}

static void read_act(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct driver_target *)base)->command.act = arguments(r, node);
}

static void read_verify(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct driver_target *)base)->command.verify = arguments(r, node);
}

static void read_precedes(struct config_reader *r, const struct yaml_node *node, void *base)
{
	((struct driver_target *)base)->command.precedes = arguments(r, node);
}

/* --- webhook --- */

static void read_url(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct driver_target *t = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	t->webhook.url = config_copy(r, span_of(node->text));
	if (!fetch_url_good(node->text) || strchr(node->text, '#'))
		config_problem(r, node->line,
			       "`url` is none that can be asked; write http or https, a host and a "
			       "path, without a user");
}

static void read_sign(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("name", KEY_TEXT, struct auth_token, name),
		KEY_BY("secret", config_read_token_secret),
	};
	struct driver_target *t = base;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &t->webhook.sign);
	config_check_name(r, node->line, "the key of `sign`", t->webhook.sign.name);
	if (node->kind == YAML_MAP && (!yaml_get(node, "name") || !yaml_get(node, "secret")))
		config_problem(r, node->line, "`sign` needs `name` and `secret`; add what lacks");
}

/* --- which keys belong to which driver --- */

static const struct config_key keys[] = {
	KEY("name", KEY_TEXT, struct driver_target, name),
	KEY_BY("driver", read_driver),
	KEY("remote", KEY_TEXT, struct driver_target, git.remote),
	KEY("branch", KEY_TEXT, struct driver_target, git.branch),
	KEY_BY("committer", read_committer),
	KEY_BY("plan", read_plan),
	KEY_BY("act", read_act),
	KEY_BY("verify", read_verify),
	KEY_BY("precedes", read_precedes),
	KEY_BY("url", read_url),
	KEY("ca", KEY_FILE, struct driver_target, webhook.ca),
	KEY_BY("sign", read_sign),
	KEY("workload", KEY_TEXT, struct driver_target, cluster.what),
	KEY("release", KEY_TEXT, struct driver_target, cluster.what),
	KEY("namespace", KEY_TEXT, struct driver_target, cluster.space),
	KEY("context", KEY_TEXT, struct driver_target, cluster.context),
	KEY("kubeconfig", KEY_FILE, struct driver_target, cluster.credentials),
};

struct belonging {
	const struct driver *driver;
	const char *needed[4], *also[4]; /* ended by NULL */
};

static const struct belonging belongings[] = {
	{ &driver_git, { "remote", "branch" }, { "committer" } },
	{ &driver_command, { "plan", "act", "verify" }, { "precedes" } },
	{ &driver_webhook, { "url", "sign" }, { "ca" } },
	{ &driver_kubernetes, { "workload" }, { "namespace", "context", "kubeconfig" } },
	{ &driver_helm, { "release" }, { "namespace", "context", "kubeconfig" } },
};

static bool stands_in(const char *const *words, const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

static void check_keys(struct config_reader *r, const struct yaml_node *node,
		       const struct driver_target *t)
{
	const struct belonging *b = belongings;
	while (b->driver != t->driver)
		b++;
	for (size_t i = 0; b->needed[i]; i++)
		if (!yaml_get(node, b->needed[i]))
			config_problem(r, node->line, "a target has no `%s`; add it", b->needed[i]);
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		bool known = false;
		for (size_t i = 2; i < ARRAY_LEN(keys); i++) /* those of all drivers come first */
			known = known || strcmp(keys[i].name, e->key) == 0;
		if (known && !stands_in(b->needed, e->key) && !stands_in(b->also, e->key))
			config_problem(r, e->line, "the driver %s has no key `%s`; remove it",
				       t->driver->name, e->key);
	}
}

/* --- what they say --- */

static void check_workload(struct config_reader *r, const struct yaml_node *node,
			   const struct driver_target *t)
{
	static const char *const kinds[] = { "deployment/", "statefulset/", "daemonset/", NULL };
	const char *what = t->cluster.what, *name = NULL;
	for (size_t i = 0; what && kinds[i]; i++)
		if (strncmp(what, kinds[i], strlen(kinds[i])) == 0)
			name = what + strlen(kinds[i]);
	if (t->driver == &driver_kubernetes && what && (!name || !is_made_of(name, ".-", 253)))
		config_problem(r, node->line,
			       "`workload: %.80s` is none; write deployment/NAME, statefulset/NAME "
			       "or daemonset/NAME",
			       what);
	if (t->driver == &driver_helm && what && !is_made_of(what, ".-", 53))
		config_problem(r, node->line, "`release: %.80s` is none; write its name", what);
	if (t->cluster.space && !is_made_of(t->cluster.space, "-", 63))
		config_problem(r, node->line, "`namespace: %.80s` is none; write its name",
			       t->cluster.space);
	/* One that began with a dash would be an option of the tool. */
	if (t->cluster.context &&
	    (t->cluster.context[0] == '-' || config_has_control(t->cluster.context)))
		config_problem(r, node->line, "`context: %.80s` is none; write its name",
			       t->cluster.context);
}

static void check_target(struct config_reader *r, const struct yaml_node *node,
			 const struct config_patchctl *c, const struct driver_target *t)
{
	const char *const all[] = { "name", "driver" };
	for (size_t i = 0; i < ARRAY_LEN(all) && node->kind == YAML_MAP; i++)
		if (!yaml_get(node, all[i]))
			config_problem(r, node->line, "a target has no `%s`; add it", all[i]);
	if (t->driver && node->kind == YAML_MAP)
		check_keys(r, node, t);
	config_check_name(r, node->line, "target", t->name);
	if (t->git.branch &&
	    (!is_made_of(t->git.branch, "._-/+@", TEXT_MOST) || strstr(t->git.branch, "..")))
		config_problem(r, node->line,
			       "`branch: %.80s` is no branch; write its name without refs/heads/",
			       t->git.branch);
	check_workload(r, node, t);
	for (const struct driver_target *other = c->targets; other < t; other++)
		if (t->name && other->name && strcmp(t->name, other->name) == 0)
			config_problem(r, node->line, "two targets are called `%s`; rename one",
				       t->name);
}

void config_read_targets(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_patchctl *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->targets = config_alloc(r, config_children(node) + 1, sizeof(*c->targets));
	if (!c->targets)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct driver_target *t = &c->targets[c->n_targets++];
		t->git.name = "redcard";
		t->git.email = "redcard@localhost";
		config_keys_read(r, e, keys, ARRAY_LEN(keys), t);
		check_target(r, e, c, t);
	}
}

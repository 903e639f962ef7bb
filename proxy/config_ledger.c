#include "proxy/config_ledger.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/config_keys.h"

void config_read_ledger(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("path", KEY_FILE, struct config_ledger, options.path),
		KEY("key", KEY_FILE, struct config_ledger, options.key),
		KEY("checkpoints", KEY_FILE, struct config_ledger, options.checkpoints),
		KEY_IN("checkpoint_rows", KEY_COUNT, struct config_ledger, options.checkpoint_rows,
		       1, 1000000),
		KEY_IN("checkpoint_every", KEY_DURATION, struct config_ledger,
		       options.checkpoint_ms, 100, 24u * 3600 * 1000),
		KEY_IN("change_within", KEY_DURATION, struct config_ledger, change_ms, 0,
		       3600u * 1000),
	};
	struct config *c = base;
	struct config_ledger *l = config_alloc(r, 1, sizeof(*l));
	if (!l)
		return;
	l->line = node->line;
	l->options.checkpoint_rows = LEDGER_CHECKPOINT_ROWS;
	l->options.checkpoint_ms = LEDGER_CHECKPOINT_MS;
	l->change_ms = CONFIG_CHANGE_MS;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), l);
	c->ledger = l;
}

static const char *beside(struct config_reader *r, const char *path, const char *suffix)
{
	struct buf name = { 0 };
	buf_printf(&name, "%s%s", path, suffix);
	const char *copy = name.failed ? NULL : config_copy(r, (struct span){ name.p, name.n });
	buf_fini(&name);
	return copy;
}

static bool check_folder(struct config_reader *r, unsigned line, const char *what, const char *path)
{
	struct stat st;
	const char *slash = path ? strrchr(path, '/') : NULL;
	size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	const char *folder = slash ? config_copy(r, (struct span){ path, n }) : ".";
	if (!path || !folder)
		return false; /* said so already */
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		config_problem(r, line, "ledger: %s: there is no folder %s; create it", what,
			       folder);
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		config_problem(r, line, "ledger: %s: %s is no file; name another", what, path);
	else
		return true;
	return false;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void config_check_ledger(struct config_reader *r)
{
	struct config *c = r->config;
	struct config_ledger *l = config_alloc(r, 1, sizeof(*l));
	if (!c->ledger || !l)
		return;
	*l = *c->ledger;
	c->ledger = l;
	struct ledger_options *o = &l->options;
	if (!o->path && !c->state_dir) {
		if (r->problems == 0)
			config_problem(r, l->line,
				       "`ledger` needs a place; name a folder with `state_dir`, or "
				       "a file with ledger: {path: FILE}");
		return;
	}
	if (!o->path)
		o->path = beside(r, c->state_dir, "/ledger.db");
	if (!o->key && o->path)
		o->key = beside(r, o->path, ".key");
	if (!o->checkpoints && o->path)
		o->checkpoints = beside(r, o->path, ".checkpoints");
	if (!check_folder(r, l->line, "path", o->path) ||
	    !check_folder(r, l->line, "key", o->key) ||
	    !check_folder(r, l->line, "checkpoints", o->checkpoints))
		return;
	if (same(o->path, o->key) || same(o->path, o->checkpoints) || same(o->key, o->checkpoints))
		config_problem(r, l->line,
			       "ledger: two of its files have one name; name three files");
}

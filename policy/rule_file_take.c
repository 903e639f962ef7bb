/*
 * Single values of a policy file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule_file.h"

void rule_file_complain(struct rule_file *f, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_printf(f->errors, "%s:%u: %s\n", f->name, line, text);
	if (f->rc != -ENOMEM)
		f->rc = -EINVAL;
}

static const char *keep(struct rule_file *f, struct span text)
{
	const char *copy = ruleset_keep(f->set, text);
	if (!copy)
		f->rc = -ENOMEM;
	return copy ? copy : "";
}

bool rule_file_is_text(struct rule_file *f, const struct yaml_node *n, size_t max)
{
	if (n->kind == YAML_SCALAR && !n->len)
		rule_file_complain(f, n->line, "%s is empty; write one value there",
				   n->key ? n->key : "an item here");
	else if (n->kind != YAML_SCALAR)
		rule_file_complain(f, n->line, "%s must be text; write one value there",
				   n->key ? n->key : "this");
	else if (n->len > max)
		rule_file_complain(f, n->line, "%s is longer than %zu bytes; shorten it",
				   n->key ? n->key : "this", max);
	else
		return true;
	return false;
}

const char *rule_file_text(struct rule_file *f, const struct yaml_node *n, size_t max)
{
	return rule_file_is_text(f, n, max) ? keep(f, (struct span){ n->text, n->len }) : "";
}

int rule_file_name(struct rule_file *f, const struct yaml_node *n, const char *const *names,
		   size_t count)
{
	struct buf list = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (n->kind == YAML_SCALAR && strcmp(n->text, names[i]) == 0) {
			buf_fini(&list);
			return (int)i;
		}
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	}
	rule_file_complain(f, n->line, "%s \"%.40s\" is not known; use one of: %.*s", n->key,
			   n->text, (int)list.n, list.p);
	buf_fini(&list);
	return 0;
}

bool rule_file_number(struct rule_file *f, const struct yaml_node *n, uint32_t least, uint32_t most,
		      uint32_t *out)
{
	const char *key = n->key ? n->key : "this";
	bool minus = n->kind == YAML_SCALAR && n->text[0] == '-';
	size_t digits = 0, at = minus;
	uint64_t v = 0;
	for (; n->kind == YAML_SCALAR && isdigit((unsigned char)n->text[at]); at++, digits++)
		v = v > UINT32_MAX ? v : v * 10 + (uint64_t)(n->text[at] - '0');
	if (!digits)
		rule_file_complain(f, n->line, "%s must be a whole number; write one from %u to %u",
				   key, least, most);
	else if (n->text[at])
		rule_file_complain(f, n->line,
				   "%s \"%.40s\" is not a plain number; write %s, without a unit, "
				   "from %u to %u",
				   key, n->text, least ? "bytes" : "one", least, most);
	else if (minus || v < least || v > most)
		rule_file_complain(f, n->line, "%s %.40s is out of range; write one from %u to %u",
				   key, n->text, least, most);
	else
		*out = (uint32_t)v;
	return digits && !n->text[at] && !minus && v >= least && v <= most;
}

bool rule_file_flag(struct rule_file *f, const struct yaml_node *n)
{
	bool yes = n->kind == YAML_SCALAR && strcmp(n->text, "true") == 0;
	if (!yes && (n->kind != YAML_SCALAR || strcmp(n->text, "false") != 0))
		rule_file_complain(f, n->line, "%s must be true or false; write one of them",
				   n->key);
	return yes;
}

size_t rule_file_list(struct rule_file *f, const struct yaml_node *n, size_t most, size_t bytes,
		      const char *const **out)
{
	size_t count = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		count++;
	if (n->kind != YAML_LIST || !count || count > most) {
		rule_file_complain(f, n->line,
				   "%s must be a list; write 1 to %zu texts in brackets", n->key,
				   most);
		return 0;
	}
	const char **v = ruleset_keep_array(f->set, count, sizeof(*v));
	if (!v) {
		f->rc = -ENOMEM;
		return 0;
	}
	size_t i = 0;
	for (const struct yaml_node *k = n->first; k; k = k->next)
		v[i++] = rule_file_text(f, k, bytes);
	*out = v;
	return count;
}

static void complain_key(struct rule_file *f, const struct yaml_node *n,
			 const struct rule_key *keys, size_t count, const char *where)
{
	struct buf list = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", keys[i].name);
	rule_file_complain(f, n->line, "key \"%.60s\" is not known in %s; its keys are: %.*s",
			   n->key, where, (int)list.n, list.n ? list.p : "");
	buf_fini(&list);
}

/* The keys of one map, each known and each taken. */
void rule_file_map(struct rule_file *f, struct rule *r, const struct yaml_node *map,
		   const struct rule_key *keys, size_t count, const char *where)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		size_t i = 0;
		while (i < count && strcmp(keys[i].name, n->key) != 0)
			i++;
		if (i < count)
			keys[i].take(f, r, n);
		else
			complain_key(f, n, keys, count, where);
	}
}

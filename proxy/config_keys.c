#include "proxy/config_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/units.h"

#define SECRET_MAX_BYTES 65536

void config_problem(struct config_reader *r, unsigned line, const char *what_and_remedy, ...)
{
	char text[512];
	va_list args;
	va_start(args, what_and_remedy);
	int n = vsnprintf(text, sizeof(text), what_and_remedy, args);
	va_end(args);
	CHECK(n >= 0);
	r->problems++;
	/* One problem is one line, whatever was written in the file. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	buf_printf(r->errors, "%s:%u: %s\n", r->file, line, text);
}

const char *config_copy(struct config_reader *r, struct span text)
{
	char *copy = config_alloc(r, text.n + 1, 1);
	if (copy && text.n > 0)
		memcpy(copy, text.p, text.n);
	return copy;
}

const char *config_file_name(struct config_reader *r, const char *name)
{
	const char *slash = strrchr(r->file, '/');
	if (name[0] == '/' || !slash)
		return config_copy(r, span_of(name));
	size_t folder = (size_t)(slash - r->file) + 1;
	size_t n = strlen(name);
	char *path = config_alloc(r, folder + n + 1, 1);
	if (!path)
		return NULL;
	memcpy(path, r->file, folder);
	memcpy(path + folder, name, n);
	return path;
}

bool config_file_readable(struct config_reader *r, unsigned line, const char *what,
			  const char *path)
{
	if (access(path, R_OK) == 0)
		return true;
	int why = errno;
	const char *remedy = why == EACCES ? "let the user that runs redcard read it"
					   : "create it or correct the name";
	config_problem(r, line, "%s file %s: %s; %s", what, path, strerror(why), remedy);
	return false;
}

static const char *read_secret(struct config_reader *r, unsigned line, const char *path)
{
	if (!config_file_readable(r, line, "secret", path))
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = config_alloc(r, SECRET_MAX_BYTES + 1, 1);
	ssize_t n = fd < 0 || !text ? -1 : read(fd, text, SECRET_MAX_BYTES);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		config_problem(r, line, "secret file %s cannot be read; name a regular file", path);
		return NULL;
	}
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n] = '\0';
	if (n > 0 && strlen(text) == (size_t)n)
		return text;
	config_problem(r, line,
		       "secret file %s is empty or not text; write the secret into it on one line",
		       path);
	return NULL;
}

const char *config_secret(struct config_reader *r, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR)
		return config_copy(r, (struct span){ node->text, node->len });
	const struct yaml_node *file = node->kind == YAML_MAP ? yaml_get(node, "file") : NULL;
	if (!file || file->kind != YAML_SCALAR || file->len == 0 || config_children(node) != 1) {
		config_problem(r, node->line,
			       "`%s` is neither a text nor a file; write a text or {file: NAME}",
			       node->key ? node->key : "value");
		return NULL;
	}
	const char *path = config_file_name(r, file->text);
	return path ? read_secret(r, file->line, path) : NULL;
}

bool config_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool config_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

size_t config_children(const struct yaml_node *node)
{
	size_t n = 0;
	for (const struct yaml_node *c = node->first; c; c = c->next)
		n++;
	return n;
}

bool config_expect(struct config_reader *r, const struct yaml_node *node, enum yaml_kind kind)
{
	static const char *const names[] = { "a single value", "a list", "a map" };
	static const char *const forms[] = { "KEY: VALUE",
					     "KEY: [A, B], or lines that begin with `- `",
					     "KEY: {A: B}, or indented lines `A: B`" };
	if (node->kind == kind)
		return true;
	config_problem(r, node->line, "`%s` is %s where %s is needed; write %s",
		       node->key ? node->key : "this entry", names[node->kind], names[kind],
		       forms[kind]);
	return false;
}

/* "a, b, c": what may stand here. */
static void list_choices(const char *const *choices, char *text, size_t size)
{
	size_t n = 0;
	text[0] = '\0';
	for (size_t i = 0; choices[i] && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", choices[i]);
}

static bool read_choice(struct config_reader *r, const struct yaml_node *node,
			const char *const *choices, int *out)
{
	for (int i = 0; choices[i]; i++) {
		if (strcmp(choices[i], node->text) == 0) {
			*out = i;
			return true;
		}
	}
	char list[256];
	list_choices(choices, list, sizeof(list));
	config_problem(r, node->line, "`%s` cannot be \"%s\"; write one of: %s", node->key,
		       node->text, list);
	return false;
}

static bool read_number(struct config_reader *r, const struct yaml_node *node,
			const struct config_key *key, uint64_t *out)
{
	struct span text = { node->text, node->len };
	const char *form = "a whole number, such as 100";
	uint32_t ms = 0;
	int e;
	if (key->kind == KEY_DURATION) {
		form = "a duration with its unit (ms, s, m, h, d), such as 30s";
		e = units_duration(text, &ms);
		*out = ms;
	} else if (key->kind == KEY_COUNT) {
		e = units_count(text, out);
	} else {
		form = "a size with its unit (B, KiB, MiB, GiB), such as 16KiB";
		e = units_size(text, out);
	}
	if (e == 0)
		return true;
	config_problem(r, node->line, "`%s: %s` %s; write %s", key->name, node->text,
		       e == -ERANGE ? "is too large" : "cannot be read", form);
	return false;
}

static void print_bound(const struct config_key *key, uint64_t v, char text[32])
{
	if (key->kind == KEY_DURATION)
		units_print_duration(v, text);
	else if (key->kind == KEY_COUNT)
		snprintf(text, 32, "%llu", (unsigned long long)v);
	else
		units_print_size(v, text);
}

static void store_number(struct config_reader *r, const struct yaml_node *node,
			 const struct config_key *key, char *field)
{
	uint64_t v = 0;
	if (!read_number(r, node, key, &v))
		return;
	uint64_t max = key->max ? key->max : key->kind == KEY_SIZE64 ? UINT64_MAX : UINT32_MAX;
	if (v < key->min || v > max) {
		char low[32], high[32];
		print_bound(key, key->min, low);
		print_bound(key, max, high);
		config_problem(r, node->line,
			       "`%s: %s` is out of range; write a value from %s to %s", key->name,
			       node->text, low, high);
		return;
	}
	uint32_t narrow = (uint32_t)v;
	if (key->kind == KEY_SIZE64)
		memcpy(field, &v, sizeof(v));
	else
		memcpy(field, &narrow, sizeof(narrow));
}

static void store_bool(struct config_reader *r, const struct yaml_node *node,
		       const char *const *choices, char *field)
{
	int which = 0;
	if (!read_choice(r, node, choices, &which))
		return;
	bool v = which != 0;
	memcpy(field, &v, sizeof(v));
}

static void store_text(struct config_reader *r, const struct yaml_node *node, bool is_file,
		       char *field)
{
	if (node->len == 0 || strlen(node->text) != node->len) {
		config_problem(r, node->line,
			       "`%s` is empty or not text; write a value or remove the key",
			       node->key);
		return;
	}
	const char *copy = is_file ? config_file_name(r, node->text)
				   : config_copy(r, (struct span){ node->text, node->len });
	memcpy(field, &copy, sizeof(copy));
}

static void store(struct config_reader *r, const struct yaml_node *node,
		  const struct config_key *key, void *base)
{
	static const char *const truth[] = { "false", "true", NULL };
	char *field = (char *)base + key->offset;
	int which = 0;
	if (key->kind != KEY_READ && !config_expect(r, node, YAML_SCALAR))
		return;
	switch (key->kind) {
	case KEY_TEXT:
	case KEY_FILE: store_text(r, node, key->kind == KEY_FILE, field); break;
	case KEY_BOOL: store_bool(r, node, truth, field); break;
	case KEY_FLAG: store_bool(r, node, key->choices, field); break;
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_SIZE64:
	case KEY_COUNT: store_number(r, node, key, field); break;
	case KEY_CHOICE:
		if (read_choice(r, node, key->choices, &which))
			memcpy(field, &which, sizeof(which));
		break;
	case KEY_READ: key->read(r, node, base); break;
	}
}

static void unknown_key(struct config_reader *r, const struct yaml_node *node,
			const struct config_key *keys, size_t n)
{
	char list[400];
	size_t used = 0;
	list[0] = '\0';
	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 keys[i].name);
	config_problem(r, node->line, "unknown key `%.64s`; the keys here are: %s", node->key,
		       list);
}

void config_keys_read(struct config_reader *r, const struct yaml_node *map,
		      const struct config_key *keys, size_t n, void *base)
{
	if (!config_expect(r, map, YAML_MAP))
		return;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;
		while (i < n && strcmp(keys[i].name, node->key) != 0)
			i++;
		if (i < n)
			store(r, node, &keys[i], base);
		else
			unknown_key(r, node, keys, n);
	}
}

/* The headers that are set or removed on a request to a builder. */
#include <string.h>
#include <strings.h>

#include "proxy/config_keys.h"

struct headers {
	struct config_header *v;
	size_t n;
};

bool config_is_token(const char *text)
{
	static const char allowed[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	return text[0] && !text[strspn(text, allowed)];
}

/* What may stand in a Host header: a name or an address, with a port. */
bool config_is_authority(const char *text)
{
	static const char allowed[] =
		"[]:.-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	return text[0] && !text[strspn(text, allowed)];
}

/* Headers that frame the message or concern one connection (RFC 9110, 7.6.1), or that redcard
 * writes itself. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = {
		"connection",
		"keep-alive",
		"proxy-connection",
		"proxy-authenticate",
		"proxy-authorization",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
		"content-length",
		"host",
		"expect",
		"accept-encoding",
		"via",
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

bool config_check_header(struct config_reader *r, unsigned line, const char *name,
			 const char *value)
{
	unsigned before = r->problems;
	if (!config_is_token(name))
		config_problem(r, line,
			       "\"%.64s\" is not a header's name; use letters, digits and dashes",
			       name);
	else if (strcasecmp(name, "host") == 0)
		config_problem(r, line,
			       "the header `host` is not set here; use the route's own `host`");
	else if (is_reserved(name))
		config_problem(
			r, line,
			"the header `%s` belongs to the connection and is written by redcard; remove it",
			name);
	if (value && config_has_control(value))
		config_problem(
			r, line,
			"the value of the header `%.64s` has control characters; write it on one line",
			name);
	return r->problems == before;
}

static void add_header(struct config_reader *r, unsigned line, struct headers *d, const char *name,
		       const char *value)
{
	if (!name)
		return;
	(void)config_check_header(r, line, name, value);
	for (size_t i = 0; i < d->n; i++)
		if (strcasecmp(d->v[i].name, name) == 0)
			config_problem(r, line,
				       "the header `%.64s` is set or removed twice; keep one",
				       name);
	d->v[d->n++] = (struct config_header){ name, value };
}

static void read_set(struct config_reader *r, const struct yaml_node *node, void *base)
{
	if (!config_expect(r, node, YAML_MAP))
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		const char *value = config_secret(r, e);
		if (value)
			add_header(r, e->line, base, config_copy(r, span_of(e->key)), value);
	}
}

static void read_remove(struct config_reader *r, const struct yaml_node *node, void *base)
{
	if (!config_expect(r, node, YAML_LIST))
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next)
		if (config_expect(r, e, YAML_SCALAR))
			add_header(r, e->line, base,
				   config_copy(r, (struct span){ e->text, e->len }), NULL);
}

void config_read_headers(struct config_reader *r, const struct yaml_node *node,
			 const struct config_header **v, size_t *n)
{
	static const struct config_key keys[] = {
		KEY_BY("set", read_set),
		KEY_BY("remove", read_remove),
	};
	struct headers list = { 0 };
	size_t room = 0;
	if (!config_expect(r, node, YAML_MAP))
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next)
		room += config_children(e);
	list.v = config_alloc(r, room, sizeof(*list.v));
	if (list.v)
		config_keys_read(r, node, keys, ARRAY_LEN(keys), &list);
	*v = list.v;
	*n = list.n;
}

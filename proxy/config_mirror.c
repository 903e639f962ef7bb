/* `shadow`, and `shadow` of a route: the proxy's part of them. */
#include "proxy/config_mirror.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "proxy/config_keys.h"
#include "proxy/units.h"

#define KIB (1u << 10)
#define MIB (1u << 20)

const struct config_mirror config_mirror_defaults = {
	.ppm = 50000,
	.ring_bytes = 16 * MIB,
	.answer_most = MIB,
};

uint32_t config_mirror_ppm(const struct config *c, const struct config_route *route)
{
	if (!c->mirror)
		return 0;
	return route->mirror_ppm != MIRROR_PPM_UNSET ? route->mirror_ppm : c->mirror->ppm;
}

static void percent(struct config_reader *r, const struct yaml_node *node, uint32_t *ppm)
{
	uint64_t n = 0;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	if (units_decimal((struct span){ node->text, node->len }, 4, &n) != 0 || n > 1000000)
		config_problem(r, node->line,
			       "`percent: %.32s` is no share; write 0 to 100, with at most four "
			       "decimals",
			       node->text);
	else
		*ppm = (uint32_t)n;
}

static void read_percent(struct config_reader *r, const struct yaml_node *node, void *base)
{
	percent(r, node, &((struct config_mirror *)base)->ppm);
}

static void read_route_percent(struct config_reader *r, const struct yaml_node *node, void *base)
{
	percent(r, node, &((struct config_route *)base)->mirror_ppm);
}

static const char *const taps[] = { "auto", "ebpf", "user", NULL };
_Static_assert(ARRAY_LEN(taps) == MIRROR_CHOICE_COUNT + 1, "the choices are the enum");

const struct config_key config_mirror_keys[CONFIG_MIRROR_KEYS] = {
	KEY("socket", KEY_FILE, struct config_mirror, socket),
	KEY_BY("percent", read_percent),
	KEY_IN("rate", KEY_COUNT, struct config_mirror, rate, 1, 1000000),
	KEY_OF("tap", KEY_CHOICE, struct config_mirror, tap, taps),
	KEY_IN("ring", KEY_SIZE, struct config_mirror, ring_bytes, 64 * KIB, 1024 * MIB),
	KEY_IN("answer_most", KEY_SIZE, struct config_mirror, answer_most, KIB, 64 * MIB),
	KEY("cgroup", KEY_TEXT, struct config_mirror, cgroup),
};

void config_read_route_mirror(struct config_reader *r, const struct yaml_node *node,
			      struct config_route *route)
{
	static const struct config_key keys[] = {
		KEY_BY("percent", read_route_percent),
		KEY("host", KEY_TEXT, struct config_route, shadow_host),
		KEY("model", KEY_TEXT, struct config_route, shadow_model),
	};
	if (node->kind == YAML_SCALAR && strcmp(node->text, "false") == 0)
		route->mirror_ppm = 0;
	else if (node->kind != YAML_MAP)
		config_problem(r, node->line,
			       "`shadow` of a route is false, or a map such as {percent: 20}");
	else
		config_keys_read(r, node, keys, ARRAY_LEN(keys), route);
	config_check_shadow_names(r, node, route->shadow_host, route->shadow_model);
	route->mirror_line = node->line;
}

static const char *beside(struct config_reader *r, const char *folder)
{
	struct buf name = { 0 };
	buf_printf(&name, "%s/shadow.sock", folder);
	const char *copy = name.failed ? NULL : config_copy(r, (struct span){ name.p, name.n });
	buf_fini(&name);
	return copy;
}

void config_check_mirror(struct config_reader *r)
{
	struct config *c = r->config;
	struct config_mirror *m = config_alloc(r, 1, sizeof(*m));
	for (size_t i = 0; i < c->n_routes && !c->mirror; i++)
		if (c->routes[i].mirror_line)
			config_problem(r, c->routes[i].mirror_line,
				       "the route's `shadow` needs one for all; add `shadow` "
				       "beside `routes`");
	if (!c->mirror || !m)
		return;
	*m = *c->mirror;
	c->mirror = m;
	if ((m->ring_bytes & (m->ring_bytes - 1)) != 0)
		config_problem(r, m->line,
			       "the shadow's `ring` is no power of two; write one such as 16MiB");
	if (!m->socket && c->state_dir)
		m->socket = beside(r, c->state_dir);
	if (!m->socket && !r->attached && r->problems == 0)
		config_problem(r, m->line,
			       "`shadow` needs a place to meet; name a folder with `state_dir`, or "
			       "a socket with shadow: {socket: FILE}");
	if (m->socket && strlen(m->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		config_problem(r, m->line,
			       "the shadow's socket has a name of more than %zu bytes, which the "
			       "system does not take; choose a shorter one",
			       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

#include "proxy/config.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/tls.h"
#include "proxy/config_drill.h"
#include "proxy/config_keys.h"
#include "proxy/config_ledger.h"
#include "proxy/config_patchctl.h"
#include "proxy/config_shadow.h"
#include "proxy/config_sinks.h"
#include "proxy/units.h"

#define WORKERS_MAX 256
#define KIB (1u << 10)
#define MIB (1u << 20)
#define SECOND 1000u
#define HOUR (3600u * SECOND)
#define DAY (24u * HOUR)

/* Memory of a configuration is a chain of blocks that is freed at once. */
struct block {
	struct block *next;
	max_align_t bytes[];
};

struct owner {
	struct config config;
	atomic_size_t refs;
	struct block *blocks;
};

static struct owner *owner_of(struct config *c)
{
	return CONTAINER_OF(c, struct owner, config);
}

void *config_alloc(struct config_reader *r, size_t n, size_t size)
{
	struct owner *o = owner_of(r->config);
	struct block *b =
		n > (SIZE_MAX - sizeof(*b)) / size ? NULL : calloc(1, sizeof(*b) + n * size);
	if (!b) {
		config_problem(r, 0, "out of memory; give redcard more");
		return NULL;
	}
	b->next = o->blocks;
	o->blocks = b;
	return b->bytes;
}

/* What holds where the file is silent; redcard.yaml(5) lists the same values. */
static const struct config defaults = {
	.limits = {
		.connections = 9000,
		.streams = 9000,
		.head_bytes = 32 * KIB,
		.target_bytes = 8 * KIB,
		.headers = 100,
		.body_bytes = 64 * MIB,
		.window_bytes = 256 * KIB,
		.requests_per_connection = 100000,
		.decoded_bytes = 256 * MIB,
		.decoded_ratio = 200,
	},
	.timeouts = {
		.client_idle = 75 * SECOND,
		.client_head = 15 * SECOND,
		.client_body = 30 * SECOND,
		.client_write = 60 * SECOND,
		.connect = 5 * SECOND,
		.first_byte = 120 * SECOND,
		.upstream_idle = 120 * SECOND,
		.exchange = 0,
		.head_hold = 500,
		.keepalive = 5 * SECOND,
		.drain = 30 * SECOND,
	},
	.policy = "builtin",
	.log_level = LOG_INFO,
	.log_exchanges = true,
};

static void read_limits(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("connections", KEY_COUNT, struct config, limits.connections, 1, 1000000),
		KEY_IN("streams", KEY_COUNT, struct config, limits.streams, 1, 1000000),
		KEY_IN("head", KEY_SIZE, struct config, limits.head_bytes, KIB, MIB),
		KEY_IN("target", KEY_SIZE, struct config, limits.target_bytes, 256, MIB),
		KEY_IN("headers", KEY_COUNT, struct config, limits.headers, 8, 10000),
		KEY("body", KEY_SIZE64, struct config, limits.body_bytes),
		KEY_IN("window", KEY_SIZE, struct config, limits.window_bytes, 4 * KIB, 64 * MIB),
		KEY_IN("requests_per_connection", KEY_COUNT, struct config,
		       limits.requests_per_connection, 1, 0),
		KEY_IN("decoded", KEY_SIZE64, struct config, limits.decoded_bytes, KIB, 0),
		KEY_IN("decoded_ratio", KEY_COUNT, struct config, limits.decoded_ratio, 1, 100000),
	};
	struct config *c = base;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), c);
	if (c->limits.target_bytes > c->limits.head_bytes)
		config_problem(r, node->line,
			       "`target` is larger than `head`, which contains it; raise `head`");
}

static void read_timeouts(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_IN("client_idle", KEY_DURATION, struct config, timeouts.client_idle, 10, DAY),
		KEY_IN("client_head", KEY_DURATION, struct config, timeouts.client_head, 10, HOUR),
		KEY_IN("client_body", KEY_DURATION, struct config, timeouts.client_body, 10, DAY),
		KEY_IN("client_write", KEY_DURATION, struct config, timeouts.client_write, 10, DAY),
		KEY_IN("connect", KEY_DURATION, struct config, timeouts.connect, 10, HOUR),
		KEY_IN("first_byte", KEY_DURATION, struct config, timeouts.first_byte, 10, DAY),
		KEY_IN("upstream_idle", KEY_DURATION, struct config, timeouts.upstream_idle, 10,
		       DAY),
		KEY_IN("exchange", KEY_DURATION, struct config, timeouts.exchange, 0, DAY),
		KEY_IN("head_hold", KEY_DURATION, struct config, timeouts.head_hold, 0, HOUR),
		KEY_IN("keepalive", KEY_DURATION, struct config, timeouts.keepalive, 10, HOUR),
		KEY_IN("drain", KEY_DURATION, struct config, timeouts.drain, 0, DAY),
	};
	config_keys_read(r, node, keys, ARRAY_LEN(keys), base);
}

/* What log_open() would meet is said here with its line, so that `validate` finds it too. */
static void check_log_file(struct config_reader *r, unsigned line, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	const char *folder = slash ? config_copy(r, (struct span){ path, n }) : ".";
	struct stat st;
	if (!folder)
		return;
	int error = stat(folder, &st) == 0 ? 0 : errno;
	if (error == ENOENT || error == ENOTDIR || (!error && !S_ISDIR(st.st_mode)))
		config_problem(r, line, "log file %s: there is no folder %s; create it", path,
			       folder);
	else if (!error && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		config_problem(r, line, "log file %s is a folder; name a file in it", path);
	else if (access(path, F_OK) == 0 ? access(path, W_OK) != 0 : access(folder, W_OK) != 0)
		config_problem(
			r, line,
			"log file %s cannot be written; let the user that runs redcard write "
			"it, or name another file",
			path);
}

static void read_log(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const char *const levels[] = { "debug", "info", "warning", "error", NULL };
	_Static_assert(ARRAY_LEN(levels) == LOG_LEVEL_COUNT + 1, "the choices are the enum");
	static const struct config_key keys[] = {
		KEY_OF("level", KEY_CHOICE, struct config, log_level, levels),
		KEY("file", KEY_FILE, struct config, log_file),
		KEY("exchanges", KEY_BOOL, struct config, log_exchanges),
	};
	struct config *c = base;
	config_keys_read(r, node, keys, ARRAY_LEN(keys), c);
	const struct yaml_node *file = yaml_get(node, "file");
	if (file && c->log_file)
		check_log_file(r, file->line, c->log_file);
}

static void read_workers(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	uint64_t n = 0;
	if (!config_expect(r, node, YAML_SCALAR) || strcmp(node->text, "auto") == 0)
		return;
	if (units_count((struct span){ node->text, node->len }, &n) != 0 || n < 1 ||
	    n > WORKERS_MAX)
		config_problem(r, node->line,
			       "`workers: %s` cannot be; write auto or a number from 1 to %d",
			       node->text, WORKERS_MAX);
	c->workers = (uint32_t)n;
}

static void read_policy(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config *c = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	if (strcmp(node->text, "builtin") == 0)
		return;
	const char *path = node->len > 0 ? config_file_name(r, node->text) : NULL;
	c->policy = NULL;
	if (!path)
		config_problem(r, node->line,
			       "`policy` is empty; write builtin or the name of a policy file");
	else if (config_file_readable(r, node->line, "policy", path))
		c->policy = path;
}

static void count_cores(struct config *c)
{
	cpu_set_t set;
	if (c->workers > 0)
		return;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	c->workers = (uint32_t)(n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n);
}

static void load_ruleset(struct config_reader *r)
{
	struct config *c = r->config;
	size_t before = r->errors->n;
	if (!c->policy)
		return; /* said so already */
	int e = ruleset_load(c->policy, &c->ruleset, r->errors);
	if (e == 0)
		return;
	r->problems++;
	if (r->errors->n == before)
		config_problem(r, 0, "policy %s: %s; check the file", c->policy, strerror(-e));
}

/* Auditors, quorums and routes are read last: they name upstreams, which may stand below them in
 * the file. */
static void skip(struct config_reader *r, const struct yaml_node *node, void *base)
{
	(void)r;
	(void)node;
	(void)base;
}

static void read_file(struct config_reader *r, const struct yaml_node *root)
{
	static const char *const forwarded[] = { "replace", "append", NULL };
	static const struct config_key keys[] = {
		KEY_BY("listen", config_read_listen),
		KEY_BY("admin", config_read_admin),
		KEY_BY("workers", read_workers),
		KEY_BY("policy", read_policy),
		KEY_BY("state_dir", config_read_state),
		KEY_BY("ledger", config_read_ledger),
		KEY_BY("rollback", config_read_rollback),
		KEY_BY("sinks", config_read_sinks),
		KEY_BY("webhook", config_read_webhook),
		KEY_BY("log", read_log),
		KEY_OF("forwarded", KEY_FLAG, struct config, proxy_headers, forwarded),
		KEY_BY("limits", read_limits),
		KEY_BY("timeouts", read_timeouts),
		KEY_BY("upstreams", config_read_upstreams),
		KEY_BY("auditors", skip),
		KEY_BY("quorums", skip),
		KEY_BY("routes", skip),
		KEY_BY("shadow", config_read_shadow),
	};
	struct config *c = r->config;
	if (root && root->kind == YAML_MAP && yaml_get(root, "rules") &&
	    !yaml_get(root, "listen")) {
		config_problem(
			r, root->line,
			"this is a policy; check it with `redcard validate -p FILE`, or name it "
			"with `policy: FILE` in a configuration");
		return;
	}
	if (!root || root->kind != YAML_MAP) {
		config_problem(r, root ? root->line : 1,
			       "this is not a configuration; see deploy/redcard.yaml for one");
		return;
	}
	config_keys_read(r, root, keys, ARRAY_LEN(keys), c);
	const struct yaml_node *auditors = yaml_get(root, "auditors");
	if (auditors)
		config_read_auditors(r, auditors, c);
	const struct yaml_node *quorums = yaml_get(root, "quorums");
	if (quorums)
		config_read_quorums(r, quorums, c);
	const struct yaml_node *routes = yaml_get(root, "routes");
	if (routes)
		config_read_routes(r, routes, c);
	if (!routes || (routes->kind == YAML_LIST && c->n_routes == 0))
		config_problem(r, root->line, "there is no route; add `routes` with at least one");
	const struct yaml_node *listen = yaml_get(root, "listen");
	if (!listen || (listen->kind == YAML_LIST && c->n_listeners == 0))
		config_problem(r, root->line,
			       "nothing is listened on; add `listen` with at least one address");
	for (size_t i = 0; i < c->n_listeners && c->admin.addr_len > 0; i++)
		if (c->listeners[i].addr_len == c->admin.addr_len &&
		    memcmp(&c->listeners[i].addr, &c->admin.addr, c->admin.addr_len) == 0)
			config_problem(
				r, c->admin.line,
				"`admin` and `listen` (line %u) share the address %s; change one",
				c->listeners[i].line, c->admin.address);
	config_check_loops(r);
	config_check_daily(r);
	config_check_auditors(r);
	config_check_ledger(r);
	config_check_rollback(r);
	config_check_sinks(r);
	config_check_mirror(r);
	config_check_webhook(r);
	count_cores(c);
	load_ruleset(r);
}

static void read_attached(struct config_reader *r, const struct yaml_node *root)
{
	r->attached = true;
	read_file(r, root);
}

static void read_ledger(struct config_reader *r, const struct yaml_node *root)
{
	const struct yaml_node *state = root ? yaml_get(root, "state_dir") : NULL;
	const struct yaml_node *ledger = root ? yaml_get(root, "ledger") : NULL;
	if (state)
		config_read_state(r, state, r->config);
	if (ledger)
		config_read_ledger(r, ledger, r->config);
	else
		config_problem(r, root ? root->line : 1,
			       "there is no `ledger` in this configuration; add it, or name the "
			       "database with --ledger");
	config_check_ledger(r);
}

static void read_sinks(struct config_reader *r, const struct yaml_node *root)
{
	const struct yaml_node *sinks = root ? yaml_get(root, "sinks") : NULL;
	if (sinks)
		config_read_sinks(r, sinks, r->config);
	else
		config_problem(r, root ? root->line : 1,
			       "there are no `sinks` in this configuration; add them");
}

static int load(const char *path,
		void (*read)(struct config_reader *r, const struct yaml_node *root),
		struct config **out, struct buf *errors)
{
	struct yaml *yaml = NULL;
	struct owner *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->config = defaults;
	atomic_init(&o->refs, 1);
	struct config_reader r = { .config = &o->config, .file = path, .errors = errors };
	o->config.path = config_copy(&r, span_of(path));
	int e = access(path, R_OK) == 0 ? 0 : -errno;
	if (e < 0)
		buf_printf(errors,
			   "%s:1: cannot be read (%s); check the path and its permissions, or name "
			   "another file with -c\n",
			   path, strerror(-e));
	else
		e = yaml_load(path, YAML_INTERPOLATE, &yaml, errors);
	if (e < 0)
		goto fail;
	read(&r, yaml_root(yaml));
	e = -EINVAL;
	if (r.problems > 0)
		goto fail;
	yaml_free(yaml);
	*out = &o->config;
	return 0;
fail:
	yaml_free(yaml);
	config_unref(&o->config);
	return e;
}

int config_load(const char *path, struct config **out, struct buf *errors)
{
	return load(path, read_file, out, errors);
}

int config_load_attached(const char *path, struct config **out, struct buf *errors)
{
	return load(path, read_attached, out, errors);
}

int config_load_ledger(const char *path, struct config **out, struct buf *errors)
{
	return load(path, read_ledger, out, errors);
}

int config_load_sinks(const char *path, struct config **out, struct buf *errors)
{
	return load(path, read_sinks, out, errors);
}

int config_load_patchctl(const char *path, struct config **out, struct buf *errors)
{
	return load(path, config_read_patchctl, out, errors);
}

int config_load_shadow_pages(const char *path, struct config **out, struct buf *errors)
{
	return load(path, config_read_shadow_pages, out, errors);
}

int config_load_drill(const char *path, struct config **out, struct buf *errors)
{
	return load(path, config_read_drill, out, errors);
}

struct config *config_ref(struct config *c)
{
	atomic_fetch_add(&owner_of(c)->refs, 1);
	return c;
}

void config_unref(struct config *c)
{
	if (!c || atomic_fetch_sub(&owner_of(c)->refs, 1) != 1)
		return;
	struct owner *o = owner_of(c);
	for (size_t i = 0; i < c->n_listeners; i++)
		tls_context_free(c->listeners[i].tls);
	tls_context_free(c->admin.tls);
	for (size_t i = 0; i < c->n_upstreams; i++)
		tls_context_free(c->upstreams[i].tls_context);
	ruleset_unref(c->ruleset);
	for (struct block *b = o->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(o);
}

static bool host_matches(const char *pattern, struct span host)
{
	struct span p = span_of(pattern);
	if (!pattern)
		return true;
	if (p.n < 2 || p.p[0] != '*')
		return span_eq_nocase(p, host);
	struct span suffix = { p.p + 1, p.n - 1 }; /* with its dot */
	return host.n > suffix.n &&
	       span_eq_nocase(suffix, (struct span){ host.p + host.n - suffix.n, suffix.n });
}

static bool path_matches(const struct config_route *route, struct span path)
{
	struct span p = span_of(route->path);
	return route->path_exact ? span_eq(p, path)
				 : path.n >= p.n && memcmp(path.p, p.p, p.n) == 0;
}

static bool method_matches(const struct config_route *route, struct span method)
{
	for (size_t i = 0; i < route->n_methods; i++)
		if (span_eq(span_of(route->methods[i]), method))
			return true;
	return route->n_methods == 0;
}

const struct config_route *config_route_for(const struct config *c, struct span host,
					    struct span path, struct span method)
{
	const char *query = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;
	if (query)
		path.n = (size_t)(query - path.p);
	for (size_t i = 0; i < c->n_routes; i++) {
		const struct config_route *route = &c->routes[i];
		if (host_matches(route->host, host) && path_matches(route, path) &&
		    method_matches(route, method))
			return route;
	}
	return NULL;
}

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "proxy/config_audit.h"

/* A whole configuration, into which a test puts its own lines. */
#define LISTEN "listen: [{address: \"127.0.0.1:8080\"}]\n"
#define UPSTREAMS "upstreams:\n  - {name: a, addresses: [\"127.0.0.1:9000\"]}\n"
#define ROUTES "routes:\n  - {name: all, upstream: a}\n"
#define WITH(lines) LISTEN UPSTREAMS ROUTES lines

static char folder[] = "/tmp/redcard-config-XXXXXX";
static char path[64];
static struct config *c;
static struct buf errors;

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c.yaml", folder);
}

static void remove_file(const char *name)
{
	char file[96];
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	unlink(file);
}

static void write_file(const char *name, const char *text)
{
	char file[96];
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	FILE *f = fopen(file, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void teardown(void)
{
	config_unref(c);
	buf_fini(&errors);
	remove_file("c.yaml");
	remove_file("p.yaml");
	remove_file("secret");
	rmdir(folder);
}

TestSuite(config, .init = setup, .fini = teardown);

/* A policy of one rule is appended, where none is named: the pack takes its time to compile. */
static int load(const char *text)
{
	char whole[8192];
	bool add = strstr(text, "upstreams:") && !strstr(text, "policy:");
	config_unref(c);
	c = NULL;
	buf_clear(&errors);
	snprintf(whole, sizeof(whole), "%s%s", text, add ? "policy: p.yaml\n" : "");
	write_file("c.yaml", whole);
	write_file(
		"p.yaml",
		"version: 1\nrules: [{id: a, title: t, severity: low, action: flag, regex: 'abc[0-9]'}]\n");
	int e = config_load(path, &c, &errors);
	buf_add_char(&errors, '\0');
	cr_assert_not(errors.failed);
	return e;
}

static void load_ok(const char *text)
{
	int e = load(text);
	cr_assert_eq(e, 0, "%d: %s", e, errors.p);
	cr_assert_eq(errors.n, 1, "%s", errors.p);
}

/* Refused, and one of the lines is `c.yaml:LINE: ...WHAT...; a remedy`. */
static void expect_problem(const char *text, unsigned line, const char *what)
{
	char start[96];
	int e = load(text);
	cr_assert_lt(e, 0, "this loads:\n%s", text);
	cr_assert_null(c);
	snprintf(start, sizeof(start), "%s:%u: ", path, line);
	bool found = false;
	for (char *p = errors.p, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		cr_assert_not_null(end, "a line without its end: %s", p);
		*end = '\0';
		cr_assert_not_null(strstr(p, "; "), "no remedy: %s", p);
		found = found || (strncmp(p, start, strlen(start)) == 0 && strstr(p, what));
		*end = '\n';
	}
	cr_assert(found, "no problem on line %u with \"%s\", but:\n%s\nof:\n%s", line, what,
		  errors.p, text);
}

Test(config, the_sample_loads)
{
	int e = config_load("deploy/redcard.yaml", &c, &errors);
	cr_assert_eq(e, 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(c->n_listeners, 1);
	cr_assert_eq(c->n_upstreams, 1);
	cr_assert_str_eq(c->upstreams[0].addresses[0].host, "127.0.0.1");
	cr_assert_eq(c->upstreams[0].addresses[0].port, 9000);
	cr_assert_str_eq(c->policy, "builtin");
	cr_assert_geq(ruleset_count(c->ruleset), 30);
}

Test(config, what_is_left_out_has_its_default)
{
	load_ok(WITH(""));
	cr_assert_geq(c->workers, 1);
	cr_assert_eq(ruleset_count(c->ruleset), 1);
	cr_assert_eq(c->admin.addr_len, 0);
	cr_assert_eq(c->log_level, LOG_INFO);
	cr_assert(c->log_exchanges);
	cr_assert_null(c->log_file);
	cr_assert_not(c->proxy_headers);
	cr_assert_eq(c->limits.streams, 9000);
	cr_assert_eq(c->limits.body_bytes, 64 << 20);
	cr_assert_eq(c->timeouts.client_idle, 75000);
	cr_assert_eq(c->timeouts.exchange, 0);
	const struct config_upstream *u = &c->upstreams[0];
	cr_assert_not(u->tls);
	cr_assert_null(u->health.path);
	cr_assert_eq(u->idle_max, 64);
	const struct config_route *r = &c->routes[0];
	cr_assert_str_eq(r->path, "/");
	cr_assert_null(r->host);
	cr_assert(r->inspect && r->wire_auto && !r->fail_open && !r->tunnel_upgrades &&
		  !r->refuse_compressed);
	cr_assert_eq(r->cut, CUT_GRACEFUL);
	cr_assert_eq(r->frame_bytes, 16 << 10);
	cr_assert_eq(r->document_bytes, 256 << 10);
}

Test(config, auditors_are_found_by_name)
{
	write_file("secret", "Bearer s0\n");
	load_ok(WITH("admin: {address: \"127.0.0.1:9901\"}\nauditors:\n"
		     "  - {name: judge, upstream: a, model: m, timeout: 5s, prompt: secret,\n"
		     "     headers: {authorization: {file: secret}, x-team: one}}\n"
		     "  - {name: hook, kind: webhook, upstream: a, path: /audit}\n"
		     "  - {name: person, kind: human}\n"));
	const struct config_auditor *a = config_auditor_named(c, "judge");
	cr_assert_not_null(a);
	cr_assert_eq(a->kind, AUDITOR_CHAT);
	cr_assert_eq(a->upstream, 0);
	cr_assert_str_eq(a->path, "/v1/chat/completions");
	cr_assert_str_eq(a->model, "m");
	cr_assert_eq(a->timeout_ms, 5000);
	cr_assert_str_eq(a->prompt, "Bearer s0\n");
	cr_assert_eq(a->n_headers, 2);
	cr_assert_str_eq(a->headers[0].name, "authorization");
	cr_assert_str_eq(a->headers[0].value, "Bearer s0");
	a = config_auditor_named(c, "hook");
	cr_assert_eq(a->kind, AUDITOR_WEBHOOK);
	cr_assert_str_eq(a->path, "/audit");
	cr_assert_eq(a->timeout_ms, 30000);
	cr_assert_null(a->prompt);
	a = config_auditor_named(c, "person");
	cr_assert_eq(a->kind, AUDITOR_HUMAN);
	cr_assert_eq(a->timeout_ms, 600000);
	cr_assert_null(config_auditor_named(c, "nobody"));
}

Test(config, auditors_that_cannot_be)
{
#define JUDGE "auditors:\n  - {name: judge, upstream: a, model: m"
	expect_problem(WITH(JUDGE "}\n  - {name: judge, upstream: a, model: m}\n"), 8,
		       "defined twice (also on line 7)");
	expect_problem(WITH("auditors: [{name: person, kind: human}]\n"), 6, "add admin");
	expect_problem(WITH("auditors: {name: judge}\n"), 6, "a list is needed");
	expect_problem(WITH(JUDGE ", headers: {a: b, A: c}}\n"), 7, "set twice");
	expect_problem(WITH(JUDGE ", headers: [a]}\n"), 7, "a map is needed");
	expect_problem(WITH(JUDGE ", timeout: 25h}\n"), 7, "from 10ms to");
	expect_problem(WITH(JUDGE ", prompt: none}\n"), 7, "prompt file");
	expect_problem(WITH("auditors:\n  - judge\n"), 7, "a map is needed");
}

Test(config, every_key_is_taken)
{
	load_ok("listen:\n  - address: \"[::1]:8081\"\n  - address: \":8082\"\n"
		"admin: {address: \"127.0.0.1:9901\"}\nworkers: 3\n"
		"log: {level: error, file: x.log, exchanges: false}\nforwarded: append\n"
		"limits: {connections: 1, streams: 2, head: 3KiB, target: 1KiB, headers: 9, body: 5GiB, window: 6KiB, "
		"requests_per_connection: 7, decoded: 8MiB, decoded_ratio: 9}\n"
		"timeouts: {client_idle: 1s, client_head: 2s, client_body: 3s, client_write: 4s, "
		"connect: 5s, first_byte: 6s, "
		"upstream_idle: 7s, exchange: 8s, head_hold: 9ms, keepalive: 10s, drain: 11s}\n"
		"routes:\n  - name: r\n"
		"    match: {host: \"*.example.org\", path: /v1, exact: true, methods: [POST, GET]}\n"
		"    upstream: b\n    host: h\n    headers: {set: {x-a: \"1\"}, remove: [cookie]}\n    wire: lines\n"
		"    inspect: false\n    on_error: open\n    reasoning: skip\n    upgrade: tunnel\n    compressed: refuse\n"
		"    cut: abort\n    frame: 1KiB\n    document: 2KiB\n"
		"upstreams:\n  - name: b\n    addresses: [\"https://h.example\", \"https://[::1]:8443/\"]\n"
		"    tls: {verify: false, server_name: s}\n"
		"    health: {path: /h, interval: 3s, timeout: 1s, healthy_after: 4, unhealthy_after: 5}\n"
		"    passive: {failures: 6, time: 7s}\n    idle: {connections: 8, time: 9s}\n    resolve: 10s\n");
	cr_assert_eq(c->listeners[0].addr.ss_family, AF_INET6);
	cr_assert_eq(c->listeners[1].addr.ss_family, AF_INET);
	cr_assert_eq(c->workers, 3);
	cr_assert_eq(c->log_level, LOG_ERROR);
	cr_assert(strncmp(c->log_file, folder, strlen(folder)) == 0,
		  "%s is not beside the configuration", c->log_file);
	cr_assert(c->proxy_headers && !c->log_exchanges);
	cr_assert_eq(c->limits.body_bytes, 5ULL << 30);
	cr_assert_eq(c->limits.decoded_ratio, 9);
	cr_assert_eq(c->timeouts.head_hold, 9);
	cr_assert_eq(c->timeouts.drain, 11000);
	const struct config_upstream *u = &c->upstreams[0];
	cr_assert(u->tls && !u->tls_verify && u->tls_context);
	cr_assert_eq(u->addresses[0].port, 443);
	cr_assert_str_eq(u->addresses[1].host, "::1");
	cr_assert_eq(u->addresses[1].port, 8443);
	cr_assert_eq(u->health.unhealthy_after, 5);
	cr_assert_eq(u->fail_ms, 7000);
	cr_assert_eq(u->idle_max, 8);
	cr_assert_eq(u->resolve_ms, 10000);
	const struct config_route *r = &c->routes[0];
	cr_assert(r->path_exact && !r->inspect && r->fail_open && r->skip_reasoning &&
		  r->tunnel_upgrades);
	cr_assert(r->refuse_compressed && !r->wire_auto);
	cr_assert_eq(r->framing, FRAMING_LINES);
	cr_assert_eq(r->cut, CUT_ABORT);
	cr_assert_eq(r->n_methods, 2);
	cr_assert_eq(r->n_headers, 2);
	cr_assert_str_eq(r->headers[0].value, "1");
	cr_assert_null(r->headers[1].value);
	cr_assert_eq(r->document_bytes, 2048);
}

Test(config, an_api_fixes_the_dialect_and_leaves_the_framing_to_the_answer)
{
	load_ok(LISTEN UPSTREAMS "routes: [{name: a, upstream: a, wire: messages}]\n");
	cr_assert(c->routes[0].wire_auto);
	cr_assert_eq(c->routes[0].dialect, DIALECT_MESSAGES);
}

struct bad {
	const char *text;
	unsigned line;
	const char *what;
};

#define UP(lines) LISTEN ROUTES "upstreams:\n  - name: a\n    addresses: [\"h:1\"]\n" lines
#define RT(lines) LISTEN UPSTREAMS "routes:\n  - name: r\n    upstream: a\n" lines
#define UP_LINE 7
#define RT_LINE 7

#define SHADOW(keys) WITH("shadow: {socket: s, " keys "}\n")
#define GUARDIAN(keys) SHADOW("to: {url: \"http://a\"}, guardian: {" keys "}")

#define ONE(n) "\"h:" n "\","
#define TEN(n)     \
	ONE(n "0") \
	ONE(n "1") \
	ONE(n "2") ONE(n "3") ONE(n "4") ONE(n "5") ONE(n "6") ONE(n "7") ONE(n "8") ONE(n "9")

static const struct bad bads[] = {
	{ "", 1, "empty" },
	{ "- x\n", 1, "not a configuration" },
	{ UPSTREAMS ROUTES, 1, "nothing is listened on" },
	{ "listen: []\n" UPSTREAMS ROUTES, 1, "nothing is listened on" },
	{ LISTEN UPSTREAMS, 1, "no route" },
	{ LISTEN UPSTREAMS "routes: []\n", 1, "no route" },
	{ WITH("typo: 1\n"), 6, "unknown key `typo`" },
	{ WITH("workers: 0\n"), 6, "workers" },
	{ WITH("workers: 257\n"), 6, "workers" },
	{ WITH("workers: [1]\n"), 6, "a list where a single value" },
	{ WITH("policy: gone.yaml\n"), 6, "gone.yaml: No such file" },
	{ WITH("policy: \"\"\n"), 6, "empty" },
	{ WITH("log: {level: loud}\n"), 6, "one of: debug, info, warning, error" },
	{ WITH("log: on\n"), 6, "a single value where a map" },
	{ WITH("log: {file: \"\"}\n"), 6, "empty" },
	{ WITH("log: {file: /no-such-folder/redcard.log}\n"), 6, "no folder /no-such-folder" },
	{ WITH("log: {file: /}\n"), 6, "is a folder" },
	{ "version: 1\nrules: []\n", 1, "this is a policy" },
	{ WITH("forwarded: maybe\n"), 6, "one of: replace, append" },
	{ WITH("limits: {head: 32}\n"), 6, "with its unit" },
	{ WITH("limits: {head: 32s}\n"), 6, "with its unit" },
	{ WITH("limits: {head: 100B}\n"), 6, "from 1KiB to 1MiB" },
	{ WITH("limits: {streams: 10k}\n"), 6, "whole number" },
	{ WITH("limits: {streams: 0}\n"), 6, "from 1 to 1000000" },
	{ WITH("limits: {head: 1KiB, target: 2KiB}\n"), 6, "raise `head`" },
	{ WITH("timeouts: {connect: 5}\n"), 6, "with its unit" },
	{ WITH("timeouts: {connect: 0s}\n"), 6, "out of range" },
	{ WITH("timeouts: {drain: 60d}\n"), 6, "too large" },
	{ WITH("admin: {address: \"0.0.0.0:1\"}\n"), 6, "not on the loopback" },
	{ WITH("admin: {}\n"), 6, "no `address`" },
	{ WITH("admin: {address: \"127.0.0.1:8080\"}\n"), 6, "share the address" },
	{ WITH("a: 1\na: 2\n"), 7, "a" },
	{ "listen: [{address: \"localhost:80\"}]\n" UPSTREAMS ROUTES, 1, "not an address" },
	{ "listen: [{address: \"127.0.0.1:0\"}]\n" UPSTREAMS ROUTES, 1, "not an address" },
	{ "listen: [{address: \"::1:80\"}]\n" UPSTREAMS ROUTES, 1, "not an address" },
	{ "listen:\n  - address: \":1\"\n  - address: \"0.0.0.0:1\"\n" UPSTREAMS ROUTES, 3,
	  "twice (also on line 2)" },
	{ "listen: [{address: \":1\", tls: {cert: x}}]\n" UPSTREAMS ROUTES, 1,
	  "both `cert` and `key`" },
	{ "listen: [{address: \":1\", tls: {cert: x, key: y}}]\n" UPSTREAMS ROUTES, 1,
	  "x: No such file" },
	{ "listen: [{address: \":1\", tls: {cert: c.yaml, key: c.yaml}}]\n" UPSTREAMS ROUTES, 1,
	  "unusable" },
	{ LISTEN ROUTES "upstreams:\n  - {addresses: [\"h:1\"]}\n", 5, "no `name`" },
	{ LISTEN ROUTES "upstreams:\n  - {name: \"a b\", addresses: [\"h:1\"]}\n", 5, "unusable" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a}\n", 5, "no addresses" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: []}\n", 5, "no addresses" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"h\"]}\n", 5,
	  "not a builder's address" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"h:0\"]}\n", 5,
	  "not a builder's address" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"ftp://h:1\"]}\n", 5,
	  "not a builder's address" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"https://u@h\"]}\n", 5,
	  "not a builder's address" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"https://h/v1\"]}\n", 5,
	  "not a builder's address" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"h:1\", \"https://h\"]}\n", 5,
	  "either https or not" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"h:1\", \"h:1\"]}\n", 5,
	  "stands twice" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"h:65536\"]}\n", 5, "1 to 65535" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [\"127.0.0.1:8080\"]}\n", 5,
	  "itself listens (line 1)" },
	{ "listen: [{address: \":8080\"}]\n" ROUTES
	  "upstreams:\n  - {name: a, addresses: [\"LOCALHOST:8080\"]}\n",
	  5, "itself listens" },
	{ "listen: [{address: \"[::]:8080\"}]\n" ROUTES
	  "upstreams:\n  - {name: a, addresses: [\"127.0.0.1:8080\"]}\n",
	  5, "itself listens" },
	{ LISTEN ROUTES "upstreams:\n  - {name: a, addresses: [" TEN("1") TEN("2")
		  TEN("3") "\"h:41\",\"h:42\",\"h:43\"]}\n",
	  5, "33 addresses are too many" },
	{ LISTEN UPSTREAMS "  - {name: a, addresses: [\"h:1\"]}\n" ROUTES, 4,
	  "defined twice (also on line 3)" },
	{ UP("    tls: {verify: true}\n"), UP_LINE, "not https" },
	{ UP("    health: {interval: 1s}\n"), UP_LINE, "needs a `path`" },
	{ UP("    tls: {server_name: \"a b\"}\n"), UP_LINE, "not a host's name" },
	{ UP("    health: {path: \"/a\\x01\"}\n"), UP_LINE, "needs a `path`" },
	{ UP("    health: {path: x}\n"), UP_LINE, "needs a `path`" },
	{ UP("    health: {path: /x, interval: 1s, timeout: 2s}\n"), UP_LINE,
	  "longer than its `interval`" },
	{ UP("    idle: 5\n"), UP_LINE, "a map is needed" },
	{ LISTEN UPSTREAMS "routes:\n  - {name: r}\n", 5, "no `upstream`" },
	{ LISTEN UPSTREAMS "routes:\n  - {name: r, upstream: b}\n", 5, "`b` is not defined" },
	{ LISTEN UPSTREAMS "routes:\n  - {upstream: a}\n", 5, "no `name`" },
	{ RT("  - {name: r, upstream: a}\n"), RT_LINE, "defined twice (also on line 5)" },
	{ RT("  - {name: s, upstream: a, match: {path: /x}}\n"), RT_LINE, "no request can reach" },
	{ RT("    match: {path: v1}\n"), RT_LINE, "not a path" },
	{ RT("    match: {path: \"/a?b\"}\n"), RT_LINE, "not a path" },
	{ RT("    match: {host: \"h:80\"}\n"), RT_LINE, "not a host" },
	{ RT("    match: {host: \"a.*\"}\n"), RT_LINE, "not a host" },
	{ RT("    match: {methods: [post]}\n"), RT_LINE, "not a method" },
	{ RT("    match: {methods: [CONNECT]}\n"), RT_LINE, "not a method" },
	{ RT("    match: {methods: []}\n"), RT_LINE, "`methods` is empty" },
	{ RT("    wire: tcp\n"), RT_LINE, "one of: auto, chat" },
	{ RT("    inspect: yes\n"), RT_LINE, "one of: false, true" },
	{ RT("    cut: hard\n"), RT_LINE, "one of: graceful, error, abort" },
	{ RT("    frame: 1B\n"), RT_LINE, "from 256B to 16MiB" },
	{ RT("    headers: {set: {transfer-encoding: x}}\n"), RT_LINE,
	  "belongs to the connection" },
	{ RT("    headers: {set: {Content-Length: 1}}\n"), RT_LINE, "belongs to the connection" },
	{ RT("    headers: {set: {host: x}}\n"), RT_LINE, "route's own `host`" },
	{ RT("    headers: {remove: [Connection]}\n"), RT_LINE, "belongs to the connection" },
	{ RT("    headers: {set: {\"a b\": x}}\n"), RT_LINE, "not a header's name" },
	{ RT("    headers: {set: {\"a\\r\\nb\": x}}\n"), RT_LINE, "not a header's name" },
	{ RT("    headers: {set: {a: \"x\\r\\nb: c\"}}\n"), RT_LINE, "control characters" },
	{ RT("    headers: {set: {a: x}, remove: [A]}\n"), RT_LINE, "twice" },
	{ RT("    host: \"a\\r\\nx: y\"\n"), RT_LINE, "sent to the builder" },
	{ RT("    host: \"a b\"\n"), RT_LINE, "sent to the builder" },
	{ RT("    headers: {set: {a: {file: gone}}}\n"), RT_LINE, "gone: No such file" },
	{ RT("    headers: {set: {a: {fil: x}}}\n"), RT_LINE, "neither a text nor a file" },
	{ RT("    headers: {set: {a: \"${REDCARD_TEST_UNSET}\"}}\n"), RT_LINE,
	  "REDCARD_TEST_UNSET" },
	{ SHADOW("to: {}"), 6, "has no `url`" },
	{ SHADOW("to: {url: \"ftp://a\"}"), 6, "without a path or a user" },
	{ SHADOW("to: {url: \"http://a/b\"}"), 6, "without a path or a user" },
	{ SHADOW("to: {url: \"http://u:p@a\"}"), 6, "without a path or a user" },
	{ SHADOW("to: {url: \"http://a\", host: \"a b\"}"), 6, "`host` is not one" },
	{ SHADOW("to: {url: \"http://a\", pass: [\"a b\"]}"), 6, "no header's name" },
	{ SHADOW("to: {url: \"https://a\", ca: gone.pem}"), 6, "gone.pem: No such file" },
	{ SHADOW("listen: nowhere"), 6, "is not an address" },
	{ SHADOW("connections: 65"), 6, "from 1 to 64" },
	{ SHADOW("threshold: 101"), 6, "no percentage" },
	{ GUARDIAN("limits: {errors: 101}"), 6, "from 0 to 100" },
	{ GUARDIAN("limits: {memory: 1GiB}"), 6, "nobody says whose" },
	{ GUARDIAN("limits: {restarts: 1}"), 6, "nothing tells of them" },
	{ GUARDIAN("start: []"), 6, "write a program" },
	{ GUARDIAN("start: [a], kill: [b], status: [c]"), 6, "leave one out" },
	{ GUARDIAN("kill: [a]"), 6, "needs both" },
	{ GUARDIAN("backoff: {first: 1s}"), 6, "nothing can be started" },
	{ GUARDIAN("kill: [a], status: [b], restart: [c]"), 6, "never called" },
	{ GUARDIAN("start: [a], backoff: {first: 2s, most: 1s}"), 6, "longer than its `most`" },
	{ GUARDIAN("cgroup: a, pid_file: b"), 6, "leave one out" },
};

Test(config, every_mistake_is_named_with_its_line)
{
	for (size_t i = 0; i < ARRAY_LEN(bads); i++)
		expect_problem(bads[i].text, bads[i].line, bads[i].what);
}

Test(config, a_missing_file_is_one_line)
{
	cr_assert_eq(config_load("/nonexistent/x.yaml", &c, &errors), -ENOENT);
	cr_assert_eq(memchr(errors.p, '\n', errors.n), errors.p + errors.n - 1);
	cr_assert_null(c);
}

Test(config, all_problems_are_told_at_once)
{
	load("listen: [{address: x}]\nupstreams: [{name: a, addresses: [y]}]\nroutes: [{name: r, upstream: z}]\nq: 1\n");
	size_t lines = 0;
	for (const char *p = errors.p; *p; p++)
		lines += *p == '\n';
	cr_assert_eq(lines, 4, "%s", errors.p);
}

/* The folder's own name in front of the key: a value from a file or the environment is never in a
 * message. */
Test(config, secrets_come_from_files_and_the_environment_and_stay_out_of_messages)
{
	write_file("secret", "from-file\n");
	setenv("REDCARD_TEST_KEY", "from-env", 1);
	load_ok(RT(
		"    headers:\n      set: {a: {file: secret}, b: \"Bearer ${REDCARD_TEST_KEY}\", "
		"c: \"${NONE_X:-dflt}\"}\n"));
	cr_assert_str_eq(c->routes[0].headers[0].value, "from-file");
	cr_assert_str_eq(c->routes[0].headers[1].value, "Bearer from-env");
	cr_assert_str_eq(c->routes[0].headers[2].value, "dflt");
	write_file("secret", "two\nlines\n");
	expect_problem(RT("    headers: {set: {a: {file: secret}}}\n"), RT_LINE,
		       "control characters");
	cr_assert_null(strstr(errors.p, "lines"));
	write_file("secret", "\n");
	expect_problem(RT("    headers: {set: {a: {file: secret}}}\n"), RT_LINE, "empty");
}

Test(config, a_control_character_never_reaches_the_terminal)
{
	load(WITH("forwarded: \"\\e[31m\\nx\"\n"));
	cr_assert_null(strchr(errors.p, 0x1b));
	cr_assert_eq(strchr(errors.p, '\n'), errors.p + errors.n - 2, "one line");
}

struct want {
	const char *host, *path, *method;
	const char *route; /* NULL: none */
};

Test(config, the_first_matching_route_is_taken)
{
	static const struct want wants[] = {
		{ "api.example.org", "/v1/chat", "POST", "sub" },
		{ "API.Example.ORG", "/v1/x", "POST", "sub" },
		{ "a.b.example.org", "/v1/", "POST", "sub" },
		{ "example.org", "/v1/", "POST", "rest" },
		{ "notexample.org", "/v1/", "POST", "rest" },
		{ ".example.org", "/v1/", "POST", "rest" },
		{ "api.example.org", "/v1", "POST", "rest" },
		{ "api.example.org", "/V1/", "POST", "rest" },
		{ "api.example.org", "/v1/chat", "GET", "rest" },
		{ "api.example.org", "/v1/chat", "post", NULL },
		{ "h", "/exact", "PUT", "exact" },
		{ "h", "/exact?q=/", "PUT", "exact" },
		{ "h", "/exact/", "PUT", NULL },
		{ "", "/", "GET", "rest" },
		{ "h", "*", "OPTIONS", NULL },
	};
	load_ok(LISTEN UPSTREAMS
		"routes:\n"
		"  - {name: sub, upstream: a, match: {host: \"*.example.org\", path: /v1/, "
		"methods: [POST]}}\n"
		"  - {name: exact, upstream: a, match: {path: /exact, exact: true}}\n"
		"  - {name: rest, upstream: a, match: {path: /, methods: [GET, POST]}}\n");
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		const struct want *w = &wants[i];
		const struct config_route *r =
			config_route_for(c, span_of(w->host), span_of(w->path), span_of(w->method));
		cr_assert_str_eq(r ? r->name : "none", w->route ? w->route : "none", "%s %s%s",
				 w->method, w->host, w->path);
	}
}

Test(config, references_keep_it_alive)
{
	load_ok(WITH(""));
	struct config *other = config_ref(c);
	config_unref(c);
	c = NULL;
	cr_assert_str_eq(other->routes[0].name, "all");
	config_unref(other);
}

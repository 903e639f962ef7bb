/* Where redcard listens: `listen` and `admin`. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/tls.h"
#include "proxy/address.h"
#include "proxy/config_keys.h"

#define ADDRESS_REMEDY                                                                     \
	"write an IP address and a port (1 to 65535), such as 127.0.0.1:8080, [::1]:8080 " \
	"or :8080"

struct tls_files {
	const char *cert, *key;
};

static void read_address(struct config_reader *r, const struct yaml_node *node, void *base)
{
	struct config_listener *l = base;
	if (!config_expect(r, node, YAML_SCALAR))
		return;
	l->address = config_copy(r, (struct span){ node->text, node->len });
	if (address_parse(node->text, &l->addr, &l->addr_len) != 0)
		config_problem(r, node->line, "`address: %s` is not an address; " ADDRESS_REMEDY,
			       node->text);
}

void config_read_tls(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY("cert", KEY_FILE, struct tls_files, cert),
		KEY("key", KEY_FILE, struct tls_files, key),
	};
	struct config_listener *l = base;
	struct tls_files files = { NULL, NULL };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &files);
	if (!files.cert || !files.key) {
		config_problem(r, node->line,
			       "`tls` needs both `cert` and `key`; name a PEM file for each");
		return;
	}
	if (!config_file_readable(r, node->line, "certificate", files.cert) ||
	    !config_file_readable(r, node->line, "key", files.key))
		return;
	l->tls_cert = files.cert;
	l->tls_key = files.key;
	struct buf why = { 0 };
	if (tls_context_server(files.cert, files.key, &l->tls, &why) != 0) {
		while (why.n > 0 && why.p[why.n - 1] == '\n')
			why.n--;
		config_problem(
			r, node->line,
			"certificate %s with key %s is unusable: %.*s; give a PEM chain and its key",
			files.cert, files.key, (int)why.n, why.p ? why.p : "");
	}
	buf_fini(&why);
}

static bool same_address(const struct config_listener *a, const struct config_listener *b)
{
	return a->addr_len > 0 && a->addr_len == b->addr_len &&
	       memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}

static void check_unique(struct config_reader *r, size_t index)
{
	const struct config_listener *l = &r->config->listeners[index];
	for (size_t i = 0; i < index; i++)
		if (same_address(l, &r->config->listeners[i]))
			config_problem(
				r, l->line,
				"%s is listened on twice (also on line %u); remove one of the two",
				l->address, r->config->listeners[i].line);
}

void config_read_listen(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("address", read_address),
		KEY_BY("tls", config_read_tls),
	};
	struct config *c = base;
	if (!config_expect(r, node, YAML_LIST))
		return;
	c->listeners = config_alloc(r, config_children(node), sizeof(*c->listeners));
	if (!c->listeners)
		return;
	for (const struct yaml_node *e = node->first; e; e = e->next) {
		struct config_listener *l = &c->listeners[c->n_listeners];
		l->line = e->line;
		config_keys_read(r, e, keys, ARRAY_LEN(keys), l);
		if (e->kind == YAML_MAP && !yaml_get(e, "address"))
			config_problem(r, e->line, "a listener has no `address`; " ADDRESS_REMEDY);
		check_unique(r, c->n_listeners++);
	}
}

struct admin {
	struct config_listener listener; /* first, so that read_address() takes either struct */
	bool is_public;
};

void config_read_admin(struct config_reader *r, const struct yaml_node *node, void *base)
{
	static const struct config_key keys[] = {
		KEY_BY("address", read_address),
		KEY("public", KEY_BOOL, struct admin, is_public),
	};
	struct config *c = base;
	struct admin a = { .listener.line = node->line };
	config_keys_read(r, node, keys, ARRAY_LEN(keys), &a);
	if (node->kind == YAML_MAP && !yaml_get(node, "address"))
		config_problem(r, node->line,
			       "`admin` has no `address`; write one, such as 127.0.0.1:9901");
	if (a.listener.addr_len > 0 && !a.is_public && !address_is_loopback(&a.listener.addr))
		config_problem(
			r, node->line,
			"the admin listener %s is not on the loopback, and it asks for no password; "
			"use 127.0.0.1 or say `public: true`",
			a.listener.address);
	c->admin = a.listener;
}

/* Whether a connection to host:port ends at this listener: its own address, or one of the loopback
 * when it listens on every address of this machine. */
static bool leads_to(const struct config_listener *l, const char *host, uint16_t port)
{
	char text[300], every[16];
	struct sockaddr_storage addr, any;
	socklen_t len = 0, any_len = 0;
	bool v6 = l->addr.ss_family == AF_INET6;
	if (strcasecmp(host, "localhost") == 0)
		host = v6 ? "::1" : "127.0.0.1";
	snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
	snprintf(every, sizeof(every), v6 ? "[::]:%u" : ":%u", (unsigned)port);
	if (l->addr_len == 0 || address_parse(text, &addr, &len) != 0 ||
	    address_parse(every, &any, &any_len) != 0)
		return false;
	if (len == l->addr_len && memcmp(&addr, &l->addr, len) == 0)
		return true;
	return memcmp(&any, &l->addr, any_len) == 0 && address_is_loopback(&addr);
}

static void check_loop(struct config_reader *r, const struct config_address *to)
{
	const struct config *c = r->config;
	for (size_t i = 0; i < c->n_listeners; i++)
		if (to->host && leads_to(&c->listeners[i], to->host, to->port))
			config_problem(
				r, to->line,
				"%s:%u is where redcard itself listens (line %u), so a request would "
				"go round without end; write the builder's address",
				to->host, (unsigned)to->port, c->listeners[i].line);
}

void config_check_loops(struct config_reader *r)
{
	const struct config *c = r->config;
	for (size_t i = 0; i < c->n_upstreams; i++)
		for (size_t a = 0; a < c->upstreams[i].n_addresses; a++)
			check_loop(r, &c->upstreams[i].addresses[a]);
}

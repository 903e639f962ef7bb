#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/http1.h"
#include "lib/json.h"
#include "lib/yaml.h"
#include "proxy/address.h"
#include "proxy/cli.h"
#include "proxy/status_print.h"
#include "proxy/verbs.h"

#define ADMIN_DEFAULT "127.0.0.1:9901"
#define ANSWER_MAX_BYTES (4u << 20)
#define TIMEOUT_S 5

/* The admin address of a configuration. Nothing else of it is read, so that no secret has to be
 * there. */
static int admin_of(const char *path, struct buf *address)
{
	struct yaml *yaml = NULL;
	struct buf errors = { 0 };
	if (yaml_load(path, 0, &yaml, &errors) != 0) {
		fwrite(errors.p, 1, errors.n, stderr);
		buf_fini(&errors);
		return -EINVAL;
	}
	const struct yaml_node *root = yaml_root(yaml);
	const struct yaml_node *admin =
		root && root->kind == YAML_MAP ? yaml_get(root, "admin") : NULL;
	const struct yaml_node *node =
		admin && admin->kind == YAML_MAP ? yaml_get(admin, "address") : NULL;
	int e = node && node->kind == YAML_SCALAR ? 0 : -EINVAL;
	if (e == 0)
		buf_printf(address, "%s", node->text);
	else
		fprintf(stderr,
			"%s:1: there is no `admin` with an `address`; add it or use --admin\n",
			path);
	yaml_free(yaml);
	return e;
}

static int dial(const char *address)
{
	struct sockaddr_storage addr;
	socklen_t len = 0;
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	if (address_parse(address, &addr, &len) != 0) {
		fprintf(stderr,
			"redcard status: %s is not an address; write one such as " ADMIN_DEFAULT
			"\n",
			address);
		return -EINVAL;
	}
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)&addr, len) == 0)
		return fd;
	int e = errno;
	fprintf(stderr,
		"redcard status: nothing answers at %s (%s); is redcard running, and is this its admin address?\n",
		address, strerror(e));
	if (fd >= 0)
		close(fd);
	return -e;
}

/* Feeds what was read to the parser; nothing read means that the peer has closed. *done: the answer
 * is complete. */
static int take_answer(struct http1 *parser, const char *p, size_t n, struct buf *body,
		       unsigned *status, bool *done)
{
	bool closed = n == 0;
	while (!*done) {
		size_t used = 0;
		struct span part = { NULL, 0 };
		switch (!closed ? http1_feed(parser, p, n, &used, &part) : http1_eof(parser)) {
		case HTTP1_MORE: return closed ? -EPROTO : body->failed ? -EFBIG : 0;
		case HTTP1_HEAD: *status = http1_head(parser)->status; break;
		case HTTP1_BODY: buf_add(body, part.p, part.n); break;
		case HTTP1_TRAILER: break;
		case HTTP1_END: *done = true; break;
		case HTTP1_REFUSED: return -EPROTO;
		}
		p += used;
		n -= used;
	}
	return body->failed ? -EFBIG : 0;
}

static int converse(int fd, const char *address, struct http1 *parser, struct buf *body,
		    unsigned *status)
{
	char room[16384];
	bool done = false;
	int n = snprintf(room, sizeof(room),
			 "GET /status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", address);
	if (send(fd, room, (size_t)n, MSG_NOSIGNAL) != n)
		return -EIO;
	while (!done) {
		ssize_t got = recv(fd, room, sizeof(room), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		int e = take_answer(parser, room, (size_t)got, body, status, &done);
		if (e < 0)
			return e;
	}
	return 0;
}

static int fetch(const char *address, struct buf *body)
{
	const struct http1_limits limits = { .head_bytes = 16384,
					     .target_bytes = 1024,
					     .headers = 64 };
	unsigned status = 0;
	int fd = dial(address);
	if (fd < 0)
		return fd;
	struct http1 *parser = http1_new(HTTP1_RESPONSE, &limits);
	if (parser)
		http1_expect(parser, SPAN("GET"));
	int e = parser ? converse(fd, address, parser, body, &status) : -ENOMEM;
	http1_free(parser);
	close(fd);
	if (e == 0 && status == 200)
		return 0;
	fprintf(stderr,
		"redcard status: %s did not answer as redcard does (%s); check the address\n",
		address, e < 0 ? strerror(-e) : "not 200");
	return -EPROTO;
}

static int report(const char *address, bool json)
{
	struct buf body = { .max = ANSWER_MAX_BYTES };
	struct json *doc = NULL;
	int status = EXIT_TOOL;
	if (fetch(address, &body) != 0)
		goto fail;
	if (json_parse((struct span){ body.p, body.n }, &doc) != 0) {
		fprintf(stderr, "redcard status: the answer of %s is not JSON; check the address\n",
			address);
		goto fail;
	}
	if (json) {
		fwrite(body.p, 1, body.n, stdout);
		if (body.n > 0 && body.p[body.n - 1] != '\n')
			putchar('\n');
	} else {
		struct buf out = { 0 };
		status_print(json_root(doc), &out);
		fwrite(out.p, 1, out.n, stdout);
		buf_fini(&out);
	}
	status = EXIT_CLEAN;
fail:
	json_free(doc);
	buf_fini(&body);
	return status;
}

int status_main(int argc, char **argv)
{
	const char *config = NULL, *admin = NULL;
	bool json = false;
	const struct cli_option options[] = {
		{ .name = "config",
		  .letter = 'c',
		  .value = "FILE",
		  .text = &config,
		  .help = "take the address from it" },
		{ .name = "admin",
		  .letter = 'a',
		  .value = "ADDR",
		  .text = &admin,
		  .help = "the admin listener (" ADMIN_DEFAULT ")" },
		{ .name = "json", .flag = &json, .help = "print the answer as it came" },
	};
	struct cli cli = {
		.verb = "status",
		.summary = "Asks the admin listener of a running redcard for its state.",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard status\n  redcard status -c /etc/redcard/redcard.yaml\n"
			    "  redcard status --admin 127.0.0.1:9901 --json\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	struct buf address = { 0 };
	status = EXIT_TOOL;
	if (!admin && config) {
		if (admin_of(config, &address) != 0)
			goto fail;
		admin = address.p;
	}
	status = report(admin ? admin : ADMIN_DEFAULT, json);
fail:
	buf_fini(&address);
	return status;
}

#include "proxy/admin_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/http1.h"
#include "lib/yaml.h"
#include "proxy/address.h"

#define ANSWER_MAX_BYTES (4u << 20)
#define TIMEOUT_S 5

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

int admin_client_find(struct admin_client *c, const char *address, const char *config)
{
	c->address = address ? address : ADMIN_CLIENT_DEFAULT;
	if (address || !config)
		return 0;
	int error = admin_of(config, &c->room);
	c->address = c->room.p;
	return error;
}

void admin_client_fini(struct admin_client *c)
{
	buf_fini(&c->room);
}

void admin_client_stranger(const struct admin_client *c, const char *why)
{
	if (c->quiet)
		return;
	fprintf(stderr, "redcard %s: %s did not answer as %s does (%s); check the address\n",
		c->verb, c->address, c->whose ? c->whose : "redcard", why);
}

static int dial(const struct admin_client *c, unsigned timeout_s)
{
	struct sockaddr_storage addr;
	socklen_t len = 0;
	struct timeval limit = { .tv_sec = timeout_s ? timeout_s : TIMEOUT_S };
	if (address_parse(c->address, &addr, &len) != 0) {
		fprintf(stderr,
			"redcard %s: %s is not an address; write one such "
			"as " ADMIN_CLIENT_DEFAULT "\n",
			c->verb, c->address);
		return -EINVAL;
	}
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)&addr, len) == 0)
		return fd;
	int e = errno;
	if (!c->quiet)
		fprintf(stderr,
			"redcard %s: nothing answers at %s (%s); is %s running, and is this its %saddress?\n",
			c->verb, c->address, strerror(e), c->whose ? c->whose : "redcard",
			c->whose ? "" : "admin ");
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

static int send_request(int fd, const char *address, const struct admin_request *request)
{
	struct buf out = { 0 };
	buf_printf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", request->method,
		   request->target, address);
	if (request->body.n)
		buf_printf(&out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			   request->body.n);
	buf_add(&out, request->headers.p, request->headers.n);
	buf_add_text(&out, "\r\n");
	buf_add(&out, request->body.p, request->body.n);
	bool sent = !out.failed && send(fd, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n;
	buf_fini(&out);
	return sent ? 0 : -EIO;
}

static int converse(int fd, struct http1 *parser, unsigned *status, struct buf *body)
{
	char room[16384];
	bool done = false;
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

int admin_client_ask(const struct admin_client *c, const struct admin_request *request,
		     unsigned *status, struct buf *body)
{
	const struct http1_limits limits = { .head_bytes = 16384,
					     .target_bytes = 1024,
					     .headers = 64 };
	int fd = dial(c, request->timeout_s);
	if (fd < 0)
		return fd;
	struct http1 *parser = http1_new(HTTP1_RESPONSE, &limits);
	int e = parser ? send_request(fd, c->address, request) : -ENOMEM;
	body->max = ANSWER_MAX_BYTES;
	if (e == 0) {
		http1_expect(parser, span_of(request->method));
		e = converse(fd, parser, status, body);
	}
	http1_free(parser);
	close(fd);
	if (e < 0)
		admin_client_stranger(c, strerror(-e));
	return e;
}

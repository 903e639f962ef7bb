#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/file.h"
#include "proxy/plain.h"
#include "proxy/rollback.h"

#define SECRET_BYTES 4096
#define PLAN_WAIT_S 150 /* a driver makes a plan in the time of a rollback */

static bool find(struct rollback_client *c)
{
	static const char scheme[] = "http://";
	const char *at = c->url;
	if (strncmp(at, scheme, strlen(scheme)) != 0) {
		fprintf(stderr,
			"redcard %s: --url %s is no address of PatchCtl; write one such "
			"as " ROLLBACK_URL "\n",
			c->client.verb, c->url);
		return false;
	}
	at += strlen(scheme);
	static const struct span local = SPAN_INIT("localhost:");
	size_t n = strcspn(at, "/");
	if (n > local.n && span_eq_nocase((struct span){ at, local.n }, local))
		buf_printf(&c->client.room, "127.0.0.1:%.*s", (int)(n - local.n), at + local.n);
	else
		buf_printf(&c->client.room, "%.*s", (int)n, at);
	buf_add(&c->client.room, "", 1);
	c->client.address = c->client.room.failed ? "" : c->client.room.p;
	return !c->client.room.failed;
}

static bool read_token(struct rollback_client *c)
{
	struct buf secret = { 0 };
	int error = file_read(c->token_file, SECRET_BYTES, &secret);
	while (secret.n && (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r'))
		secret.n--;
	bool good = !error && secret.n > 0;
	for (size_t i = 0; i < secret.n && good; i++)
		good = (unsigned char)secret.p[i] > 0x20 && secret.p[i] != 0x7f;
	if (error)
		fprintf(stderr, "redcard %s: %s: %s; name a file that can be read\n",
			c->client.verb, c->token_file, strerror(-error));
	else if (!good)
		fprintf(stderr,
			"redcard %s: %s:1: this is no secret of a token; write it there on one "
			"line\n",
			c->client.verb, c->token_file);
	buf_printf(&c->headers, "Authorization: Bearer %.*s\r\n", (int)secret.n,
		   secret.n ? secret.p : "");
	buf_fini(&secret);
	return good && !c->headers.failed;
}

bool rollback_open(struct rollback_client *c, const char *verb)
{
	c->client.verb = verb;
	c->client.whose = "PatchCtl";
	if (!c->url)
		c->url = ROLLBACK_URL;
	if (c->token_file)
		return find(c) && read_token(c);
	fprintf(stderr, "redcard %s: who asks? write --token-file FILE\n", verb);
	return false;
}

void rollback_close(struct rollback_client *c)
{
	admin_client_fini(&c->client);
	buf_fini(&c->headers);
}

static void say_problem(const struct rollback_client *c, unsigned status, struct span body)
{
	struct json *doc = NULL;
	struct buf out = { 0 };
	if (json_parse(body, &doc) == 0) {
		plain_add(&out, json_string(json_get(json_root(doc), "title")));
		buf_add_text(&out, ": ");
		plain_add(&out, json_string(json_get(json_root(doc), "detail")));
	}
	fprintf(stderr, "redcard %s: PatchCtl refuses (%u): %.*s\n", c->client.verb, status,
		(int)out.n, out.n ? out.p : "");
	buf_fini(&out);
	json_free(doc);
}

int rollback_ask(struct rollback_client *c, const char *method, const char *target,
		 struct span body, const char *key, struct json **doc)
{
	struct buf headers = { 0 }, answer = { 0 };
	unsigned status = 0;
	buf_add(&headers, c->headers.p, c->headers.n);
	if (key)
		buf_printf(&headers, "Idempotency-Key: %s\r\n", key);
	const struct admin_request request = { .method = method,
					       .target = target,
					       .body = body,
					       .headers = { headers.p, headers.n },
					       .timeout_s = PLAN_WAIT_S };
	int error =
		headers.failed ? -ENOMEM : admin_client_ask(&c->client, &request, &status, &answer);
	if (!error && status != 200 && status != 201 && status != 202) {
		say_problem(c, status, (struct span){ answer.p, answer.n });
		error = -EINVAL;
	} else if (!error) {
		error = json_parse((struct span){ answer.p, answer.n }, doc);
		if (error)
			admin_client_stranger(&c->client, "not JSON");
		else if (c->json)
			fwrite(answer.p, 1, answer.n, stdout);
	}
	buf_fini(&headers);
	buf_fini(&answer);
	return error;
}

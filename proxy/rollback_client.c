#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/file.h"
#include "proxy/plain.h"
#include "proxy/rollback.h"

#define SECRET_BYTES 4096
#define ANSWER_MAX (8u << 20)
#define PLAN_WAIT_S 150 /* a driver makes a plan in the time of a rollback */

/* An address without a path, since the calls have their own. */
static bool good_url(struct rollback_client *c)
{
	const char *host = strstr(c->url, "://");
	size_t n = host ? strcspn(host + 3, "/?#") : 0;
	if (host && fetch_url_good(c->url) && (!host[3 + n] || strcmp(host + 3 + n, "/") == 0))
		return true;
	fprintf(stderr,
		"redcard %s: --url %s is no address of PatchCtl; write one such as " ROLLBACK_URL
		"\n",
		c->verb, c->url);
	return false;
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
		fprintf(stderr, "redcard %s: %s: %s; name a file that can be read\n", c->verb,
			c->token_file, strerror(-error));
	else if (!good)
		fprintf(stderr,
			"redcard %s: %s:1: this is no secret of a token; write it there on one "
			"line\n",
			c->verb, c->token_file);
	buf_printf(&c->who, "Authorization: Bearer %.*s", (int)secret.n, secret.n ? secret.p : "");
	buf_add(&c->who, "", 1);
	buf_fini(&secret);
	return good && !c->who.failed;
}

bool rollback_open(struct rollback_client *c, const char *verb)
{
	c->verb = verb;
	if (!c->url)
		c->url = ROLLBACK_URL;
	c->fetcher = fetcher_new();
	if (!c->fetcher) {
		fprintf(stderr, "redcard %s: out of memory\n", verb);
		return false;
	}
	if (c->token_file)
		return good_url(c) && read_token(c);
	fprintf(stderr, "redcard %s: who asks? write --token-file FILE\n", verb);
	return false;
}

void rollback_close(struct rollback_client *c)
{
	fetcher_free(c->fetcher);
	buf_fini(&c->who);
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
	fprintf(stderr, "redcard %s: PatchCtl refuses (%u): %.*s\n", c->verb, status, (int)out.n,
		out.n ? out.p : "");
	buf_fini(&out);
	json_free(doc);
}

/* Of an answer that came. */
static int take_answer(struct rollback_client *c, const struct fetch_answer *answer,
		       struct json **doc)
{
	struct span body = { answer->body.p, answer->body.n };
	if (answer->status != 200 && answer->status != 201 && answer->status != 202) {
		say_problem(c, answer->status, body);
		return -EINVAL;
	}
	int error = json_parse(body, doc);
	if (error)
		fprintf(stderr, "redcard %s: what answers at %s is no PatchCtl: not JSON\n",
			c->verb, c->url);
	else if (c->json)
		fwrite(body.p, 1, body.n, stdout);
	return error;
}

int rollback_ask(struct rollback_client *c, const char *method, const char *target,
		 struct span body, const char *key, struct json **doc)
{
	char words[300], why[FETCH_WHY];
	struct buf url = { 0 };
	const char *headers[] = { c->who.p, "Content-Type: application/json", key ? words : NULL,
				  NULL };
	struct fetch_answer answer = { 0 };
	size_t n = strlen(c->url);
	snprintf(words, sizeof(words), "Idempotency-Key: %.200s", key ? key : "");
	buf_printf(&url, "%.*s%s", (int)(n - (c->url[n - 1] == '/')), c->url, target);
	buf_add(&url, "", 1);
	const struct fetch_request request = { .method = method,
					       .url = url.p,
					       .headers = headers,
					       .body = body,
					       .ca_file = c->ca,
					       .timeout_ms = PLAN_WAIT_S * 1000,
					       .answer_most = ANSWER_MAX };
	int error = url.failed ? -ENOMEM : fetch(c->fetcher, &request, &answer, why);
	if (error && !c->quiet)
		fprintf(stderr,
			"redcard %s: nothing answers at %s: %s; is PatchCtl running there?\n",
			c->verb, c->url, url.failed ? "out of memory" : why);
	if (!error)
		error = take_answer(c, &answer, doc);
	buf_fini(&url);
	buf_fini(&answer.body);
	return error;
}

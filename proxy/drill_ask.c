#include "proxy/drill_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proxy/auth.h"
#include "proxy/plain.h"

#define ANSWER_BYTES (4u << 20)
#define ASK_MS 30000

/* The three headers of a signature, into room. */
static bool sign(const struct drill_request *r, struct buf room[3])
{
	unsigned char random[16];
	char nonce[33], time[24], hex[SHA256_HEX];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	snprintf(time, sizeof(time), "%llu", (unsigned long long)(drill_now_us() / 1000000));
	const struct auth_request what = { .method = span_of(r->method),
					   .target = span_of(r->path),
					   .body = r->body,
					   .time = span_of(time),
					   .nonce = span_of(nonce) };
	if (auth_sign(span_of(r->key->secret), &what, hex) != 0)
		return false;
	buf_printf(&room[0], "x-redcard-time: %s", time);
	buf_printf(&room[1], "x-redcard-nonce: %s", nonce);
	buf_printf(&room[2], "x-redcard-signature: %s:%s", r->key->name, hex);
	for (size_t i = 0; i < 3; i++)
		buf_add(&room[i], "", 1);
	return !room[0].failed && !room[1].failed && !room[2].failed;
}

bool drill_ask(struct drill *d, const struct drill_request *r, struct fetch_answer *out,
	       struct buf *why)
{
	struct buf url = { 0 }, spec = { 0 }, signature[3] = { 0 };
	const char *headers[6] = { 0 };
	char said[FETCH_WHY] = "out of memory";
	size_t n = 0, length = strlen(r->url);
	while (length && r->path[0] && r->url[length - 1] == '/')
		length--;
	buf_printf(&url, "%.*s%s", (int)length, r->url, r->path);
	if (r->body.p)
		headers[n++] = "Content-Type: application/json";
	if (r->spec) {
		buf_printf(&spec, "x-redcard-spec: %s", r->spec);
		buf_add(&spec, "", 1);
		headers[n++] = spec.failed ? NULL : spec.p;
	}
	bool good = !r->key || sign(r, signature);
	for (size_t i = 0; r->key && good && i < 3; i++)
		headers[n++] = signature[i].p;
	buf_add(&url, "", 1);
	const struct fetch_request request = { .method = r->method,
					       .url = url.p,
					       .headers = headers,
					       .body = r->body,
					       .ca_file = d->config->ca,
					       .timeout_ms = ASK_MS,
					       .header = r->header,
					       .answer_most = ANSWER_BYTES };
	good = good && !url.failed && !spec.failed &&
	       (fetch(d->fetcher, &request, out, said) == 0 || (r->may_break && out->status));
	if (!good)
		buf_printf(why, "%s at %s does not answer: %s", r->part, r->url, said);
	buf_fini(&url);
	buf_fini(&spec);
	for (size_t i = 0; i < 3; i++)
		buf_fini(&signature[i]);
	return good;
}

bool drill_ask_json(struct drill *d, const struct drill_request *r, struct json **out,
		    struct buf *why)
{
	struct fetch_answer answer = { 0 };
	bool good = drill_ask(d, r, &answer, why);
	struct span body = { answer.body.p, answer.body.n };
	bool parsed = good && json_parse(body, out) == 0;
	if (good && !parsed) {
		buf_printf(why, "%s answers %s with %u and no JSON", r->part, r->path,
			   answer.status);
		good = false;
	} else if (good && answer.status != 200 && answer.status != 201 && answer.status != 202) {
		buf_printf(why, "%s refuses %s (%u): ", r->part, r->path, answer.status);
		plain_add(why, json_string(json_get(json_root(*out), "detail")));
		json_free(*out);
		*out = NULL;
		good = false;
	}
	buf_fini(&answer.body);
	return good;
}

#include "proxy/drill_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth.h"
#include "proxy/plain.h"

#define ANSWER_BYTES (4u << 20)
#define ASK_MS 30000

bool drill_ask(struct drill *d, const struct drill_request *r, struct fetch_answer *out,
	       struct buf *why)
{
	struct buf url = { 0 }, spec = { 0 };
	char signature[3][AUTH_HEADER];
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
	const struct auth_request what = { .method = span_of(r->method),
					   .target = span_of(r->path),
					   .body = r->body };
	bool good = !r->key || auth_headers(r->key->name, r->key->secret, &what, signature) == 0;
	for (size_t i = 0; r->key && good && i < 3; i++)
		headers[n++] = signature[i];
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

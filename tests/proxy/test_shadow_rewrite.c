#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/shadow_rewrite.h"

static const struct http1_limits limits = { 32 << 10, 8 << 10, 100 };

static struct config_shadow_to to = { .url = "http://127.0.0.1:9100" };

static const char *header(const struct shadow_request *r, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; r->headers[i]; i++)
		if (strncmp(r->headers[i], name, n) == 0 && r->headers[i][n] == ':')
			return r->headers[i] + n + 1;
	return NULL;
}

/* --- the model --- */

static const struct {
	const char *document, *becomes; /* NULL: it does not fit */
	enum shadow_fit fit;
} models[] = {
	{ "{\"model\":\"a\"}", "{\"model\":\"b\\\"c\"}", SHADOW_FITS },
	{ " { \"x\" : [ 1.50, {\"model\":\"n\"} ] ,\n\t\"model\"  :  \"a\\n\\u0041\" , \"y\":1e3 }\n ",
	  " { \"x\" : [ 1.50, {\"model\":\"n\"} ] ,\n\t\"model\"  :  \"b\\\"c\" , \"y\":1e3 }\n ",
	  SHADOW_FITS },
	{ "{\"mod\\u0065l\":\"a\"}", "{\"mod\\u0065l\":\"b\\\"c\"}", SHADOW_FITS },
	{ "{\"Model\":\"a\",\"model \":\"b\"}", "{\"Model\":\"a\",\"model \":\"b\"}", SHADOW_FITS },
	{ "{\"a\":{\"model\":\"n\"},\"model\":\"\"}",
	  "{\"a\":{\"model\":\"n\"},\"model\":\"b\\\"c\"}", SHADOW_FITS },
	{ "{\"a\":\"\\\"model\\\":\\\"x\\\"\",\"model\":\"m\"}",
	  "{\"a\":\"\\\"model\\\":\\\"x\\\"\",\"model\":\"b\\\"c\"}", SHADOW_FITS },
	{ "{}", "{}", SHADOW_FITS },
	{ "{\"model\":\"a\",\"model\":\"b\"}", NULL, SHADOW_NOT_JSON },
	{ "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", NULL, SHADOW_NOT_JSON },
	{ "{\"model\":{\"model\":\"a\"}}", NULL, SHADOW_NOT_TEXT },
	{ "{\"model\":null}", NULL, SHADOW_NOT_TEXT },
	{ "{\"model\":7}", NULL, SHADOW_NOT_TEXT },
	{ "[{\"model\":\"a\"}]", NULL, SHADOW_NOT_JSON },
	{ "\"model\"", NULL, SHADOW_NOT_JSON },
	{ "{\"model\":\"a\"", NULL, SHADOW_NOT_JSON },
	{ "{\"model\":\"a\"}{}", NULL, SHADOW_NOT_JSON },
	{ "{'model':'a'}", NULL, SHADOW_NOT_JSON },
	{ "model=a", NULL, SHADOW_NOT_JSON },
	{ "{\"model\":\"a\"} \x1f\x8b", NULL, SHADOW_NOT_JSON },
};

Test(shadow_rewrite, sets_the_model_and_nothing_else)
{
	for (size_t i = 0; i < ARRAY_LEN(models); i++) {
		struct buf out = { 0 };
		enum shadow_fit fit = shadow_set_model(span_of(models[i].document), "b\"c", &out);
		cr_assert_eq(fit, models[i].fit, "%s: %s", models[i].document,
			     shadow_fit_names[fit]);
		if (models[i].becomes)
			cr_assert(
				span_eq((struct span){ out.p, out.n }, span_of(models[i].becomes)),
				"%s: %.*s", models[i].document, (int)out.n, out.p);
		buf_fini(&out);
	}
}

/* --- the whole request --- */

static struct shadow_request rewritten(const char *text, enum shadow_fit wanted)
{
	struct shadow_request r;
	enum shadow_fit fit = shadow_rewrite(span_of(text), &limits, &to, &r);
	cr_assert_eq(fit, wanted, "%s: %s", text, shadow_fit_names[fit]);
	return r;
}

Test(shadow_rewrite, takes_credentials_away)
{
	static const char *const names[] = {
		"Authorization",
		"proxy-authorization",
		"Cookie",
		"api-key",
		"X-API-Key",
		"x-goog-api-key",
		"x-auth-token",
		"X-Amz-Security-Token",
		"OpenAI-Organization",
		"x-goog-user-project",
		"Ocp-Apim-Subscription-Key",
		"x-functions-key",
		"PRIVATE-TOKEN",
		"x-billing-account",
		"x-session-id",
		"Helicone-Auth",
		"X-Mashape-Key",
		"x-portkey-virtual-key",
		"Cf-Access-Jwt-Assertion",
		"X-Goog-Iap-Jwt-Assertion",
		"x-amzn-oidc-data",
		"OK-ACCESS-PASSPHRASE",
		"X-Hmac",
		"Referer",
		"X-Original-URI",
	};
	struct buf text = { 0 };
	buf_add_text(
		&text,
		"GET /v1beta/x?alt=sse&key=abc&%6bEy=d&api%2Dkey=1&%=1&api_key=1&access_token=2&z&auth=1;hapikey=2;y=1;key=3&x-sig=4 HTTP/1.1\r\n"
		"host: a\r\n");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		buf_printf(&text, "%s: v%zu\r\n", names[i], i);
	buf_add_text(&text, "anthropic-version: 1\r\nx-redcard-shadow: 0\r\n\r\n");
	buf_add_char(&text, '\0');
	struct shadow_request r = rewritten(text.p, SHADOW_FITS);
	cr_assert_str_eq(r.url, "http://127.0.0.1:9100/v1beta/x?alt=sse&%=1&z;y=1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cr_assert_null(header(&r, names[i]), "%s", names[i]);
	cr_assert_str_eq(header(&r, "anthropic-version"), " 1");
	cr_assert_str_eq(header(&r, "x-redcard-shadow"), " 1");
	cr_assert_not(r.has_body);
	shadow_request_fini(&r);
	buf_fini(&text);
}

Test(shadow_rewrite, keeps_and_sets_what_is_configured)
{
	static const char *const pass[] = { "Cookie", "key" };
	static const struct config_header headers[] = { { "authorization", "mine" },
							{ "x-team", NULL } };
	to.rewrite = (struct config_rewrite){ .host = "shadow.test",
					      .model = "small",
					      .pass = pass,
					      .n_pass = 2,
					      .headers = headers,
					      .n_headers = 2 };
	struct shadow_request r =
		rewritten("POST /v1/chat?key=k HTTP/1.1\r\nhost: a\r\nCookie: c\r\n"
			  "Authorization: theirs\r\nX-Team: t\r\ndigest: d\r\n"
			  "transfer-encoding: chunked\r\n\r\n"
			  "8\r\n{\"model\"\r\n5\r\n:\"a\"}\r\n0\r\n\r\n",
			  SHADOW_FITS);
	cr_assert_str_eq(r.url, "http://127.0.0.1:9100/v1/chat?key=k");
	cr_assert_str_eq(header(&r, "host"), " shadow.test");
	cr_assert_str_eq(header(&r, "Cookie"), " c");
	cr_assert_str_eq(header(&r, "authorization"), " mine");
	cr_assert_null(header(&r, "Authorization"));
	cr_assert_null(header(&r, "X-Team"));
	cr_assert_null(header(&r, "digest"));
	cr_assert_null(header(&r, "transfer-encoding"));
	cr_assert(span_eq((struct span){ r.body.p, r.body.n }, SPAN("{\"model\":\"small\"}")));
	shadow_request_fini(&r);
}

Test(shadow_rewrite, refuses_what_it_cannot_rebuild)
{
	static const struct {
		const char *text;
		enum shadow_fit fit;
	} rows[] = {
		{ "", SHADOW_MALFORMED },
		{ "GET / HTTP/1.1\r\nhost: a\r\n", SHADOW_MALFORMED },
		{ "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n{}", SHADOW_MALFORMED },
		{ "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}{}", SHADOW_MALFORMED },
		{ "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", SHADOW_UPGRADE },
		{ "POST / HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
		  SHADOW_COMPRESSED },
		{ "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{]", SHADOW_NOT_JSON },
	};
	to.rewrite = (struct config_rewrite){ .model = "small" };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shadow_request r = rewritten(rows[i].text, rows[i].fit);
		shadow_request_fini(&r);
	}
	/* Without a model to set, the body is nobody's business. */
	to.rewrite.model = NULL;
	struct shadow_request r = rewritten(rows[5].text, SHADOW_FITS);
	cr_assert_str_eq(header(&r, "content-encoding"), " gzip");
	shadow_request_fini(&r);
}

static const struct {
	const char *body;
	bool tells;
} bodies[] = {
	{ "{\"api_key\":\"v\"}", true },
	{ "{\"API_KEY\":\"v\"}", true },
	{ "{\"a\\u0070i_key\":\"v\"}", true },
	{ "{\"mcp_servers\":[{\"url\":\"u\",\"authorization_token\":\"v\"}]}", true },
	{ "{\"tools\":[{\"headers\":{\"Authorization\":\"v\"}}]}", true },
	{ "[{\"password\":\"v\"}]", true },
	{ "{\"api_key\":\"\",\"password\":null}", false },
	{ "{\"max_tokens\":5,\"key\":\"v\",\"token\":\"v\",\"prompt_cache_key\":\"v\"}", false },
	{ "{\"properties\":{\"api_key\":{\"type\":\"string\"}}}", false },
	{ "{\"kept\":{\"cookie\":\"v\"}}", false },
	{ "{\"content\":\"{\\\"api_key\\\":\\\"v\\\"}\"}", false },
	{ "{\"api_key\":\"v\"", false },
	{ "", false },
};

Test(shadow_rewrite, does_not_send_bodies_that_hold_credentials)
{
	static const char *const pass[] = { "Cookie" };
	to.rewrite = (struct config_rewrite){ .pass = pass, .n_pass = 1 };
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		cr_assert_eq(shadow_body_tells(span_of(bodies[i].body), &to.rewrite),
			     bodies[i].tells, "%s", bodies[i].body);
	struct buf deep = { 0 };
	for (int i = 0; i < 100000; i++)
		buf_add_text(&deep, "[");
	buf_add_text(&deep, "1");
	for (int i = 0; i < 100000; i++)
		buf_add_text(&deep, "]");
	cr_assert(shadow_body_tells((struct span){ deep.p, deep.n }, &to.rewrite),
		  "deeper than it looks");
	buf_fini(&deep);
	struct shadow_request r =
		rewritten("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 15\r\n\r\n"
			  "{\"api_key\":\"v\"}",
			  SHADOW_SECRET);
	shadow_request_fini(&r);
}

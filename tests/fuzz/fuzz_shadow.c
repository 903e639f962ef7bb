/* A mirrored request on its way to the shadow: no credential passes, and of a body only the model
 * changes, to what a reader of the document then finds there. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "proxy/shadow_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MODEL "s\"1\\"

static void check_headers(const struct shadow_request *r)
{
	bool marked = false;
	for (size_t i = 0; r->headers[i]; i++) {
		const char *h = r->headers[i];
		size_t name = strcspn(h, ":;");
		CHECK(!strpbrk(h, "\r\n"));
		CHECK(!shadow_is_credential((struct span){ h, name }));
		marked = marked || strcmp(h, "x-redcard-shadow: 1") == 0;
	}
	CHECK(marked);
	CHECK(!strpbrk(r->url, "\r\n "));
}

/* What was there before and behind the model is there still. */
static void check_model(struct span document)
{
	struct buf out = { 0 };
	struct json *j = NULL;
	if (shadow_set_model(document, MODEL, &out) == SHADOW_FITS) {
		size_t front = 0, back = 0;
		while (front < document.n && front < out.n && document.p[front] == out.p[front])
			front++;
		while (back < document.n - front && back < out.n - front &&
		       document.p[document.n - 1 - back] == out.p[out.n - 1 - back])
			back++;
		CHECK(out.n - front - back <= sizeof("\"s\\\"1\\\\\"") - 1);
		if (json_parse((struct span){ out.p, out.n }, &j) == 0 &&
		    json_get(json_root(j), "model"))
			CHECK(span_eq(json_string(json_get(json_root(j), "model")), SPAN(MODEL)));
	}
	json_free(j);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct http1_limits limits = { 32 << 10, 8 << 10, 100 };
	static const struct config_shadow_to to = { .url = "http://127.0.0.1:1",
						    .rewrite = { .model = MODEL } };
	struct shadow_request r;
	struct span bytes = { (const char *)p, n };
	if (shadow_rewrite(bytes, &limits, &to, &r) == SHADOW_FITS)
		check_headers(&r);
	shadow_request_fini(&r);
	check_model(bytes);
	return 0;
}

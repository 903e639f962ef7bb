/* lib/canonical.c against the vectors of RFC 8785's own test suite, and where they are silent. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/file.h"

static int canonical(const char *json, struct buf *out)
{
	buf_clear(out);
	return canonical_text(span_of(json), out);
}

Test(canonical, what_it_writes)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ " { \"b\" : 1 , \"a\" : [ ] } ", "{\"a\":[],\"b\":1}" },
		{ "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\\/\\u007f\"",
		  "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\x7f\"" },
		{ "{\"\\ud83d\\ude00\":1,\"\\ufb33\":2,\"\\ud7ff\":3,\"\":4,\"a\":5,\"aa\":6}",
		  "{\"\":4,\"a\":5,\"aa\":6,\"\xed\x9f\xbf\":3,\"\xf0\x9f\x98\x80\":1,\"\xef\xac\xb3\":2}" },
		{ "[1e21,1e20,123456789012345680000,1e-6,1e-7,-0,0.0,1.50,1e400000]", NULL },
		{ "[1e21,1e20,123456789012345680000,1e-6,1e-7,-0,0.0,1.50]",
		  "[1e+21,100000000000000000000,123456789012345680000,0.000001,1e-7,0,0,1.5]" },
		{ "[9007199254740993,18446744073709551615,-9223372036854775808]",
		  "[9007199254740992,18446744073709552000,-9223372036854776000]" },
		{ "5.684341886080802e-14", "5.684341886080802e-14" },
		{ "null", "null" },
		{ "[true,false]", "[true,false]" },
	};
	struct buf out = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int error = canonical(rows[i].json, &out);
		cr_assert_eq(error, rows[i].text ? 0 : -EINVAL, "%s", rows[i].json);
		cr_assert(!rows[i].text ||
				  span_eq((struct span){ out.p, out.n }, span_of(rows[i].text)),
			  "%s: %.*s", rows[i].json, (int)out.n, out.p);
	}
	buf_fini(&out);
}

Test(canonical, what_it_refuses)
{
	static const char *const rows[] = {
		"",
		"{",
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":2}",
		"{\"x\":{\"\":1,\"\":2}}",
		"\"\\ud800\"",
		"\"\\udc00\\ud800\"",
		"{\"\\ud800\":1}",
		"\"\xff\"",
		"\"\xed\xa0\x80\"",
		"\"\xc0\x80\"",
		"[1e309]",
		"[NaN]",
		"[Infinity]",
		"[-1e999]",
		"{} {}",
		"[1,]",
		"\"\n\"",
		"[01]",
		"\xef\xbb\xbf{}",
	};
	struct buf out = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(canonical(rows[i], &out), -EINVAL, "%s", rows[i]);
	buf_fini(&out);
}

Test(canonical, depth_has_a_bound)
{
	struct buf json = { 0 }, out = { 0 };
	for (int more = 0; more < 2; more++) {
		buf_clear(&json);
		for (int i = 0; i < CANONICAL_DEPTH + more; i++)
			buf_add_char(&json, '[');
		buf_add_char(&json, '0');
		for (int i = 0; i < CANONICAL_DEPTH + more; i++)
			buf_add_char(&json, ']');
		int error = canonical_text((struct span){ json.p, json.n }, &out);
		cr_assert_eq(error, more ? -E2BIG : 0);
	}
	buf_fini(&json);
	buf_fini(&out);
}

static bool corpus(const char *name, struct buf *out)
{
	char path[512];
	const char *folder = getenv("CORPORA");
	snprintf(path, sizeof(path), "%s/hash/%s", folder ? folder : "../shared/corpora", name);
	if (file_read(path, 1 << 24, out) == 0)
		return true;
	printf("skipped: no corpora\n");
	return false;
}

Test(canonical, ten_thousand_numbers)
{
	struct buf text = { 0 };
	char number[CANONICAL_NUMBER_BYTES];
	size_t n = 0;
	if (!corpus("jcs_es6_numbers_10k.csv", &text))
		return;
	buf_add_char(&text, '\0');
	char *rest = NULL;
	for (char *line = strtok_r(text.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *end;
		uint64_t bits = strtoull(line, &end, 16);
		double value;
		cr_assert_eq(*end, ',');
		memcpy(&value, &bits, sizeof(value));
		canonical_number(value, number);
		cr_assert_str_eq(number, end + 1, "%s", line);
		n++;
	}
	cr_assert_eq(n, 10000);
	buf_fini(&text);
}

static void from_base64(struct span in, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned n = 0;
	for (size_t i = 0; i < in.n && in.p[i] != '='; i++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, in.p[i]) - digits);
		n += 6;
		if (n >= 8)
			buf_add_char(out, (char)(bits >> (n -= 8)));
	}
}

Test(canonical, documents_of_the_rfc)
{
	struct buf text = { 0 }, in = { 0 }, want = { 0 }, got = { 0 };
	size_t n = 0;
	if (!corpus("jcs_rfc8785_vectors.jsonl", &text))
		return;
	for (char *at = text.p, *end; at < text.p + text.n; at = end + 1, n++) {
		struct json *doc;
		end = memchr(at, '\n', (size_t)(text.p + text.n - at));
		cr_assert(end);
		cr_assert_eq(json_parse((struct span){ at, (size_t)(end - at) }, &doc), 0);
		buf_clear(&in);
		buf_clear(&want);
		buf_clear(&got);
		from_base64(json_string(json_get(json_root(doc), "input_b64")), &in);
		from_base64(json_string(json_get(json_root(doc), "output_b64")), &want);
		cr_assert_eq(canonical_text((struct span){ in.p, in.n }, &got), 0);
		cr_assert(span_eq((struct span){ got.p, got.n }, (struct span){ want.p, want.n }),
			  "%.*s", (int)got.n, got.p);
		json_free(doc);
	}
	cr_assert_eq(n, 6);
	buf_fini(&text);
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&got);
}

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	cr_assert_eq(json_parse(span_of(text), &j), 0, "%s", text);
	return j;
}

Test(json, walks_every_type)
{
	struct json *j = parse(
		"{\"t\":\"a\\u0062\",\"n\":-1.5,\"y\":true,\"no\":false,\"z\":null,\"l\":[1,[2],{}]}");
	const struct json_value *root = json_root(j);
	cr_assert_eq(json_type(root), JSON_IS_MAP);
	cr_assert_eq(json_count(root), 6);
	cr_assert(span_eq(json_string(json_get(root, "t")), SPAN("ab")));
	cr_assert_eq(json_number(json_get(root, "n")), -1.5);
	cr_assert(json_bool(json_get(root, "y")));
	cr_assert_not(json_bool(json_get(root, "no")));
	cr_assert_eq(json_type(json_get(root, "z")), JSON_IS_NULL);
	const struct json_value *list = json_get(root, "l");
	cr_assert_eq(json_count(list), 3);
	cr_assert_eq(json_number(json_at(json_at(list, 1), 0)), 2);
	cr_assert_null(json_at(list, 3));
	cr_assert(span_eq(json_key_at(root, 5), SPAN("l")));
	cr_assert_eq(json_at(root, 5), list);
	cr_assert_null(json_at(root, 6));
	json_free(j);
}

Test(json, asking_a_value_for_what_it_is_not_gives_nothing)
{
	struct json *j = parse("[1]");
	const struct json_value *root = json_root(j);
	cr_assert_null(json_get(root, "a"));
	cr_assert_eq(json_string(root).n, 0);
	cr_assert_eq(json_number(root), 0);
	cr_assert_not(json_bool(root));
	cr_assert_eq(json_key_at(root, 0).n, 0);
	cr_assert_eq(json_count(json_at(root, 0)), 0);
	cr_assert_null(json_get(json_get(root, "a"), "b"));
	json_free(j);
	json_free(NULL);
}

/* No prefix of a document is one, and nothing outside its bytes is read. */
Test(json, refuses_every_prefix)
{
	static const char text[] = "{\"a\":[1,\"b\\n\",{\"c\":null}]}";
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *part = malloc(n ? n : 1);
		cr_assert_not_null(part);
		memcpy(part, text, n);
		struct json *j = NULL;
		cr_assert_eq(json_parse((struct span){ part, n }, &j), -EINVAL, "%zu bytes", n);
		cr_assert_null(j);
		free(part);
	}
}

#include <criterion/criterion.h>

#include "proxy/path.h"

static void resolves(const char *path, const char *expected)
{
	struct buf out = { 0 };
	path_resolve(span_of(path), &out);
	buf_add_char(&out, '\0');
	cr_assert_str_eq(out.p, expected, "%s", path);
	buf_fini(&out);
}

Test(path, resolves_as_a_builder_may)
{
	resolves("/v1/x", "/v1/x");
	resolves("//v1///x", "/v1/x");
	resolves("/./v1/./x/.", "/v1/x");
	resolves("/a/../v1/x", "/v1/x");
	resolves("/../../v1", "/v1");
	resolves("/%76%31/x", "/v1/x");
	resolves("/v1%2fx", "/v1/x");
	resolves("/v1%5cx", "/v1/x");
	resolves("/v1;a=b/x;c", "/v1/x");
	resolves("/%zz/%4", "/%zz/%4");
	resolves("/", "/");
	resolves("/a/..", "/");
	resolves("/v1/", "/v1/");
}

Test(path, plain_paths_are_known_as_such)
{
	cr_assert(path_is_plain(SPAN("/v1/chat/completions")));
	cr_assert(path_is_plain(SPAN("/a.b/c..d/")));
	cr_assert_not(path_is_plain(SPAN("/a//b")));
	cr_assert_not(path_is_plain(SPAN("/a/./b")));
	cr_assert_not(path_is_plain(SPAN("/a/..")));
	cr_assert_not(path_is_plain(SPAN("/%61")));
	cr_assert_not(path_is_plain(SPAN("/a;b")));
	cr_assert_not(path_is_plain(SPAN("/a\\b")));
}

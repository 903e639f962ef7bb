#include <criterion/criterion.h>

#include "proxy/status_print.h"

static void expect(const char *json, const char *want)
{
	struct json *j = NULL;
	struct buf out = { 0 };
	cr_assert_eq(json_parse(span_of(json), &j), 0);
	status_print(json_root(j), &out);
	buf_add_char(&out, '\0');
	cr_assert_not(out.failed);
	cr_assert_str_eq(out.p, want, "got:\n%s\nwant:\n%s", out.p, want);
	buf_fini(&out);
	json_free(j);
}

Test(status_print, a_map_is_aligned_lines)
{
	expect("{\"a\":1,\"long\":\"x\",\"f\":0.5,\"t\":true,\"n\":null,\"l\":[1,\"b\"]}",
	       "a     1\nlong  x\nf     0.5\nt     yes\nn     none yet\nl     1, b\n");
	expect("{\"m\":{\"k\":1},\"e\":{},\"el\":[]}", "m\n  k  1\ne   none\nel  none\n");
}

Test(status_print, a_list_of_maps_is_a_table_by_the_first_rows_keys)
{
	expect("{\"t\":[{\"name\":\"a\",\"up\":true},{\"up\":false,\"name\":\"bcdef\",\"more\":1},{\"name\":\"c\"}]}",
	       "t\n  name   up\n  a      yes\n  bcdef  no\n  c      -\n");
	expect("{\"t\":[{\"name\":\"a\",\"audit\":\"\"}]}", "t\n  name  audit\n  a     -\n");
}

Test(status_print, what_has_not_been_measured_is_said_in_words)
{
	expect("{\"b\":[{\"health\":\"unknown\",\"outstanding\":2},{\"health\":\"up\",\"outstanding\":null}]}",
	       "b\n  health       in flight\n  not checked  2\n  up           none yet\n");
}

Test(status_print, a_value_cannot_speak_to_the_terminal)
{
	expect("{\"x\\u001b\":\"\\u001b[31m\\n\\u007f\"}", "x.  .[31m..\n");
}

Test(status_print, any_document_prints)
{
	expect("3", "3\n");
	expect("[1,[2,3]]", "1, 2, 3\n");
	expect("{}", "");
	expect("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}",
	       "a\n  a\n    a\n      a\n        a\n          a\n            a\n              a\n                a  a=1\n");
}

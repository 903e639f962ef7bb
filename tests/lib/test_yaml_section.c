#include "lib/yaml_section.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECTION "it:\n  a: 1\n"

static int put(const char *old, struct buf *out, struct buf *errors)
{
	return yaml_section_put("meta.yaml", span_of(old), "it", SPAN(SECTION), out, errors);
}

static void becomes(const char *old, const char *expected)
{
	struct buf out = { 0 }, errors = { 0 };
	int rc = put(old, &out, &errors);
	cr_assert_eq(rc, 0, "%s: %.*s", old, (int)errors.n, errors.p);
	cr_expect(span_eq((struct span){ out.p, out.n }, span_of(expected)), "%s became\n%.*s", old,
		  (int)out.n, out.p);
	/* Once more changes nothing. */
	struct buf again = { 0 };
	buf_add_char(&out, '\0');
	cr_assert_eq(put(out.p, &again, &errors), 0);
	cr_expect(span_eq((struct span){ again.p, again.n }, span_of(expected)));
	buf_fini(&again);
	buf_fini(&out);
	buf_fini(&errors);
}

static void refused(const char *old, const char *why)
{
	struct buf out = { 0 }, errors = { 0 };
	cr_assert_eq(put(old, &out, &errors), -EINVAL, "%s", old);
	cr_assert_eq(out.n, 0);
	buf_add_char(&errors, '\0');
	const char *end = strchr(errors.p, '\n');
	cr_expect(end && end[1] == '\0', "one line: %s", errors.p);
	cr_expect(strstr(errors.p, why), "%s: %s", old, errors.p);
	buf_fini(&out);
	buf_fini(&errors);
}

Test(yaml_section, is_put_behind_all_others)
{
	becomes("", SECTION);
	becomes("# nothing\n\n", "# nothing\n\n" SECTION);
	becomes("---\n", "---\n" SECTION);
	becomes("b: 1", "b: 1\n" SECTION);
	becomes("b:  'x'   # why\n\n# end\n", "b:  'x'   # why\n\n# end\n" SECTION);
	becomes("b: |\n  it:\n   text\n", "b: |\n  it:\n   text\n" SECTION);
}

Test(yaml_section, replaces_its_like)
{
	becomes("it: 5\n", SECTION);
	becomes("it:\n  a: 0\n  b: [1,\n    2]\n\n  # of it\n  c: 3\n# of b\nb: 1\n",
		SECTION "# of b\nb: 1\n");
	becomes("a: 1\r\nit:\r\n- x\r\n- y\r\n\r\nb: \"q\"\r\n",
		"a: 1\r\n" SECTION "\r\nb: \"q\"\r\n");
}

Test(yaml_section, finds_no_like_inside_of_others)
{
	becomes("b:\n  it: 1\n  c:\n    it: 2\n", "b:\n  it: 1\n  c:\n    it: 2\n" SECTION);
	becomes("items: 1\n\"it\": 2\nit2: 3\n", "items: 1\n" SECTION "it2: 3\n");
	becomes("it: {x: 1,\ny: 2}\nb: 1\n", SECTION "b: 1\n");
	becomes("it: 1\n...\n", SECTION "...\n");
}

Test(yaml_section, what_is_no_mapping_is_refused)
{
	refused("- a\n- b\n", "meta.yaml:1: no mapping");
	refused("just words\n", "no mapping");
	refused("a: [1\n", "not valid YAML");
	refused("a: 1\na: 2\n", "meta.yaml:2: ");
	refused("{a: 1}\n", "no section");
	refused("{\nit: 1, b: 2}\n", "no section");
	refused("  a: 1\n  b: 2\n", "no section");
	refused("a: 1\n...\n", "no section");
	refused("a: |+\n  text", "no section");
	refused("a: 1\rb: 2\n", "lines that end");
	refused("a: \"x\xe2\x80\xa8\"\nit: 1\n", "lines that end");
	refused("a: 1\n---\nb: 2\n", "second document");
}

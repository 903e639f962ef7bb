#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

static void expect(const struct buf *b, const char *text)
{
	cr_assert_not(b->failed);
	cr_assert_eq(b->n, strlen(text), "%zu bytes, not %zu", b->n, strlen(text));
	cr_assert(b->n == 0 || memcmp(b->p, text, b->n) == 0);
}

static void expect_json(struct span text, const char *json)
{
	struct buf b = { 0 };
	buf_add_json(&b, text);
	expect(&b, json);
	buf_fini(&b);
}

Test(buf, zeroed_is_empty_and_grows)
{
	struct buf b = { 0 };
	expect(&b, "");
	buf_add_text(&b, "abc");
	buf_add_char(&b, 'd');
	buf_printf(&b, "%d-%s", 12, "x");
	buf_add(&b, NULL, 0);
	expect(&b, "abcd12-x");
	buf_fini(&b);
	expect(&b, "");
	buf_add_text(&b, "again");
	expect(&b, "again");
	buf_fini(&b);
}

Test(buf, grows_by_single_bytes_without_losing_any)
{
	struct buf b = { 0 };
	for (int i = 0; i < 10000; i++)
		buf_add_char(&b, (char)('a' + i % 26));
	cr_assert_eq(b.n, 10000);
	for (int i = 0; i < 10000; i++)
		cr_assert_eq(b.p[i], (char)('a' + i % 26));
	buf_fini(&b);
}

Test(buf, its_text_is_taken_or_there_is_none)
{
	struct buf b = { .max = 4 };
	buf_add_text(&b, "abc");
	char *text = buf_take_text(&b);
	cr_assert_str_eq(text, "abc");
	free(text);
	expect(&b, "");
	buf_add_text(&b, "abcd");
	cr_assert_null(buf_take_text(&b)); /* the NUL is too much */
	expect(&b, "");
	buf_fini(&b);
}

Test(buf, the_limit_latches)
{
	struct buf b = { .max = 8 };
	buf_add_text(&b, "12345678");
	expect(&b, "12345678");
	buf_add_char(&b, '9');
	cr_assert(b.failed);
	buf_add(&b, NULL, 0);
	buf_add_text(&b, "x");
	buf_printf(&b, "y");
	cr_assert(b.failed);
	cr_assert_eq(b.n, 8);
	cr_assert_null(buf_reserve(&b, 1));
	buf_clear(&b);
	buf_add_text(&b, "ok");
	expect(&b, "ok");
	buf_fini(&b);
	cr_assert_eq(b.max, 8, "the limit outlives the bytes");
}

Test(buf, an_absurd_size_fails_instead_of_wrapping)
{
	struct buf b = { 0 };
	buf_add_char(&b, 'x');
	cr_assert_null(buf_reserve(&b, SIZE_MAX));
	cr_assert(b.failed);
	cr_assert_eq(b.n, 1);
	buf_fini(&b);
}

Test(buf, reserve_does_not_move_the_end)
{
	struct buf b = { 0 };
	buf_add_text(&b, "ab");
	char *p = buf_reserve(&b, 100);
	cr_assert_not_null(p);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(p, b.p + 2);
	memcpy(p, "cd", 2);
	b.n += 2;
	expect(&b, "abcd");
	buf_fini(&b);
}

Test(buf, drop_front_at_every_position)
{
	static const char text[] = "0123456789";
	for (size_t n = 0; n < sizeof(text); n++) {
		struct buf b = { 0 };
		buf_add_text(&b, text);
		buf_drop_front(&b, n);
		expect(&b, text + n);
		buf_fini(&b);
	}
}

Test(buf, numbers)
{
	struct buf b = { 0 };
	buf_add_number(&b, 0, 10);
	buf_add_char(&b, ' ');
	buf_add_number(&b, UINT64_MAX, 10);
	buf_add_char(&b, ' ');
	buf_add_number(&b, 0xfff0, 16);
	buf_add_char(&b, '\0');
	cr_assert_str_eq(b.p, "0 18446744073709551615 fff0");
	buf_fini(&b);
}

Test(buf, json_escapes)
{
	expect_json(SPAN("plain"), "plain");
	expect_json(SPAN("a\"b\\c"), "a\\\"b\\\\c");
	expect_json(SPAN("line\nbell\x07\ttab\rret\x7f"),
		    "line\\nbell\\u0007\\u0009tab\\u000dret\\u007f");
	expect_json((struct span){ "\0z", 2 }, "\\u0000z");
	expect_json(SPAN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

Test(buf, json_replaces_what_is_not_utf8)
{
	expect_json(SPAN("\x80"), "\\ufffd");
	expect_json(SPAN("\xc0\x80"), "\\ufffd\\ufffd");                       /* overlong */
	expect_json(SPAN("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");            /* a surrogate */
	expect_json(SPAN("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd"); /* past U+10FFFF */
	expect_json(SPAN("\xe2\x82"), "\\ufffd\\ufffd");                       /* cut short */
	expect_json(SPAN("\xe2\x82x"), "\\ufffd\\ufffdx");
	expect_json(SPAN("\xff"
			 "a"),
		    "\\ufffda");
}

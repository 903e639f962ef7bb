#include "proxy/printable.h"

#include <criterion/criterion.h>
#include <string.h>

#include "proxy/line_index.h"

static void shows(const char *text, unsigned columns, const char *expected)
{
	struct buf out = { 0 };
	printable_add(&out, span_of(text), columns);
	buf_add_char(&out, '\0');
	cr_expect_str_eq(out.p, expected, "%s", out.p);
	buf_fini(&out);
}

Test(printable, nothing_commands_the_terminal)
{
	shows("a\x1b[2J\x07\x7f", 80, "a^[[2J^G^?");
	shows("\xc2\x9b"
	      "1m \xe2\x80\xae \xef\xbb\xbf",
	      80, "<U+009B>1m <U+202E> <U+FEFF>");
	shows("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe4\xb8", 80,
	      "\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe4\\xb8");
}

Test(printable, is_cut_at_columns)
{
	shows("a \t\n b", 80, "a b");
	shows("0123456789", 10, "0123456789");
	shows("0123456789x", 10, "0123456...");
	shows("\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", 6, "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97");
	shows("\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97x", 6, "\xe4\xb8\xad...");
}

static struct glyph glyph(const char *text, unsigned column)
{
	struct glyph g;
	printable_glyph(span_of(text), column, &g);
	return g;
}

Test(printable, widths)
{
	cr_expect_eq(glyph("x", 0).width, 1);
	cr_expect_eq(glyph("\xc3\xa9", 0).width, 1);
	cr_expect_eq(glyph("\xe4\xb8\xad", 0).width, 2);
	cr_expect_eq(glyph("\xf0\x9f\x98\x80", 0).width, 2);
	cr_expect_eq(glyph("\t", 0).width, 4);
	cr_expect_eq(glyph("\t", 3).width, 1);
	cr_expect_eq(glyph("e\xcc\x81x", 0).bytes, 3, "a mark goes with its letter");
	cr_expect_eq(glyph("e\xcc\x81x", 0).width, 1);
	cr_expect_not(glyph("\xcc\x81", 0).plain, "a mark of its own is shown as what it is");
}

static void stands(const char *text, uint32_t byte, uint32_t line, uint32_t column)
{
	struct line_index l;
	uint32_t got_line, got_column;
	cr_assert(line_index_init(&l, span_of(text)));
	line_index_place(&l, byte, &got_line, &got_column);
	cr_expect(got_line == line && got_column == column, "%s: %u:%u", text, got_line,
		  got_column);
	line_index_fini(&l);
}

Test(line_index, places)
{
	stands("", 0, 1, 1);
	stands("a\nb", 0, 1, 1);
	stands("a\nb", 1, 1, 2);
	stands("a\nb", 2, 2, 1);
	stands("a\n\n\nb\n", 4, 4, 1);
	stands("\xc3\xa9\xe4\xb8\xad x", 6, 1, 4);
}

Test(line_index, lines_are_without_their_ends)
{
	struct line_index l;
	cr_assert(line_index_init(&l, SPAN("a\r\n\nb c\n")));
	cr_assert_eq(l.n, 3);
	cr_assert(span_eq(line_index_text(&l, 0), SPAN("a")));
	cr_assert(span_eq(line_index_text(&l, 1), SPAN("")));
	cr_assert(span_eq(line_index_text(&l, 2), SPAN("b c")));
	line_index_fini(&l);
}

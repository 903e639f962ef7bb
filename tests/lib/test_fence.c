#include "lib/fence.h"

#include <criterion/criterion.h>
#include <string.h>

#include "lib/buf.h"

/* Marks every byte: '.' prose, or the first letter of the language ('?' without one) for code. */
static void mark(const char *text, size_t first, size_t step, struct buf *out)
{
	struct fence f;
	size_t n = strlen(text), done = 0, fed = 0;

	fence_init(&f);
	while (fed < n) {
		fed += min_size(first && !fed ? first : step, n - fed);
		while (done < fed) {
			bool code = false;
			struct fence before = f;
			size_t used = fence_feed(&f, text + done, fed - done, &code);
			cr_assert_gt(used, 0);
			cr_assert_eq(code, fence_in_code(&before));
			for (size_t i = 0; i < used; i++)
				buf_add_char(out, !code                ? '.'
						  : before.language[0] ? before.language[0]
								       : '?');
			done += used;
		}
	}
	buf_add_char(out, '\0');
}

static void expect(const char *text, const char *marks)
{
	size_t n = strlen(text);

	cr_expect_eq(strlen(marks), n, "the expectation has the wrong length: [%s]", text);
	for (size_t i = 0; i <= n; i++) { /* i == 0: byte by byte */
		struct buf got = { 0 };
		mark(text, i, i ? n : 1, &got);
		cr_expect_str_eq(got.p, marks, "split at %zu of [%s]: [%s]", i, text, got.p);
		buf_fini(&got);
	}
}

Test(fence, a_block_with_a_language)
{
	expect("a\n```py\nx\n```\nb", "........pppppp.");
}

Test(fence, other_forms)
{
	expect("~~~ Go x\nf\n~~~\n.", ".........gggggg.");
	expect("```\nx\n```\n.", "....??????.");
	expect("````\n```\n````\n.", ".....?????????.");
	expect("```\r\nx\r\n```\r\n.", ".....????????.");
	expect("   ```c\nx", "........c");
}

Test(fence, what_is_no_fence)
{
	expect("    ```\nx", ".........");
	expect("``\nx", "....");
	expect("```a```\nx", ".........");
	expect("a ```\nx", ".......");
	expect("\t```\nx", "......");
}

Test(fence, what_does_not_close)
{
	expect("```\n~~~\n`` `\n``` x\n    ```\ny", "....????????????????????????");
}

Test(fence, a_long_word_is_no_language)
{
	struct fence f;
	bool code;
	static const char text[] = "```averyveryverylongword\nx";

	fence_init(&f);
	size_t used = fence_feed(&f, text, sizeof text - 1, &code);
	cr_expect_eq(used, sizeof text - 2);
	cr_expect(fence_in_code(&f));
	cr_expect_str_eq(f.language, "");
}

#include "lib/base.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

Test(base, span_of)
{
	struct span s = span_of("abc");
	cr_assert_eq(s.n, 3);
	cr_assert_eq(memcmp(s.p, "abc", 3), 0);
	cr_assert_eq(span_of("").n, 0);
	cr_assert_eq(span_of(NULL).n, 0);
	cr_assert_not_null(span_of(NULL).p, "the empty span may be handed to memcmp");
}

Test(base, a_literal_keeps_its_nul_bytes)
{
	cr_assert_eq(SPAN("a\0b").n, 3);
	cr_assert_eq(SPAN("").n, 0);
}

Test(base, span_eq)
{
	cr_assert(span_eq(SPAN("abc"), span_of("abc")));
	cr_assert(span_eq(SPAN(""), span_of(NULL)));
	cr_assert(!span_eq(SPAN("abc"), SPAN("abd")));
	cr_assert(!span_eq(SPAN("abc"), SPAN("ab")));
	cr_assert(!span_eq(SPAN("abc"), SPAN("aBc")));
	cr_assert(!span_eq(SPAN("a\0b"), SPAN("a\0c")), "bytes after a NUL count");
}

Test(base, span_eq_nocase)
{
	cr_assert(span_eq_nocase(SPAN("Content-Type"), SPAN("content-TYPE")));
	cr_assert(span_eq_nocase(SPAN(""), span_of(NULL)));
	cr_assert(!span_eq_nocase(SPAN("content-type"), SPAN("content_type")));
	cr_assert(!span_eq_nocase(SPAN("ab"), SPAN("abc")));
}

/* Only the letters fold: '@' and '`', '[' and '{' differ by the same bit as 'A' and 'a'. */
Test(base, span_eq_nocase_folds_letters_only)
{
	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			char x = (char)a, y = (char)b;
			int letter = (a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z');
			int same = a == b || (letter && (a ^ b) == 0x20);
			cr_assert_eq(
				!!span_eq_nocase((struct span){ &x, 1 }, (struct span){ &y, 1 }),
				same, "%d %d", a, b);
		}
	}
}

Test(base, smallest_and_largest)
{
	cr_assert_eq(min_size(0, SIZE_MAX), 0);
	cr_assert_eq(min_size(SIZE_MAX, 7), 7);
	cr_assert_eq(min_u64(UINT64_MAX, UINT64_MAX - 1), UINT64_MAX - 1);
	cr_assert_eq(max_u64(0, UINT64_MAX), UINT64_MAX);
	cr_assert_eq(max_u64(3, 3), 3);
}

Test(base, container_of)
{
	struct owner {
		int before;
		int member;
	} owner;
	cr_assert_eq(CONTAINER_OF(&owner.member, struct owner, member), &owner);
}

Test(base, a_check_that_holds_costs_nothing)
{
	int evaluated = 0;
	CHECK(++evaluated == 1);
	cr_assert_eq(evaluated, 1);
}

Test(base, a_check_that_fails_aborts, .signal = SIGABRT)
{
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	CHECK(1 == 2);
}

/* lib/arena.c: pieces stay where they are, are zeroed, and end together. */
#include "lib/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, pieces_are_apart_and_stay)
{
	struct arena a = { 0 };
	unsigned char *v[200];
	for (size_t i = 0; i < 200; i++) {
		size_t n = i * 97 % 1000 + 1;
		v[i] = arena_take(&a, n);
		cr_assert_not_null(v[i]);
		cr_assert_eq((uintptr_t)v[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			cr_assert_eq(v[i][k], 0);
		memset(v[i], (int)i + 1, n);
	}
	for (size_t i = 0; i < 200; i++)
		cr_assert_eq(v[i][0], (unsigned char)(i + 1));
	char *text = arena_text(&a, "abc", 2), *none = arena_text(&a, NULL, 0);
	cr_assert_str_eq(text, "ab");
	cr_assert_str_eq(none, "");
	arena_fini(&a);
	arena_fini(&a); /* empty now */
}

Test(arena, one_piece_may_be_larger_than_a_block)
{
	struct arena a = { 0 };
	char *large = arena_take(&a, 1 << 20);
	cr_assert_not_null(large);
	large[(1 << 20) - 1] = 1;
	cr_assert_not_null(arena_take(&a, 8));
	arena_fini(&a);
}

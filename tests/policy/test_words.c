/* policy/words.c: it finds what looking for each word finds. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/words.h"

static struct words *words_of(const char *const *list, size_t n)
{
	struct words *w = calloc(1, words_size(list, n));
	cr_assert_not_null(w);
	words_fill(w, list, n);
	return w;
}

Test(words, each_is_found)
{
	static const char *const list[] = { "abc", "ABd", "b", "cccc", "a.c", "zz\xff" };
	static const char alphabet[] = "aAbBcCdD.zZ\xff";
	struct words *w = words_of(list, ARRAY_LEN(list));
	uint32_t seed = 1;
	size_t found = 0;
	for (int round = 0; round < 20000; round++) {
		char text[12] = "";
		size_t n = (size_t)round % sizeof(text);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
		}
		bool want = false;
		for (size_t i = 0; i < ARRAY_LEN(list); i++)
			want = want || strcasestr(text, list[i]);
		cr_assert_eq(words_within(w, (struct span){ text, n }), want, "%s", text);
		found += want;
	}
	cr_assert(found > 2000 && found < 19000, "%zu", found);
	free(w);
}

Test(words, none_and_the_empty_one)
{
	static const char *const empty[] = { "" };
	struct words *none = words_of(NULL, 0), *all = words_of(empty, 1);
	cr_assert(!words_within(none, SPAN("abc")));
	cr_assert(words_within(all, SPAN("")));
	free(none);
	free(all);
}

/* policy/recall.c: an answer belongs to one question and one text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/recall.h"

static bool knows(struct recall *r, uint64_t question, const char *text, uint32_t says)
{
	bool known;
	const struct recalled *one = recall_of(r, question, span_of(text), &known);
	return known && one->says == says;
}

static void learns(struct recall *r, uint64_t question, const char *text, uint32_t says)
{
	bool known;
	struct recalled *one = recall_of(r, question, span_of(text), &known);
	cr_assert_not_null(one);
	cr_assert_not(known, "%s", text);
	one->says = says;
}

Test(recall, an_answer_is_for_its_text_and_question)
{
	struct recall *r = calloc(1, sizeof(*r));
	uint64_t first = recall_question(), second = recall_question();
	cr_assert_geq(second, first + 2);
	learns(r, first, "the same words", 7);
	cr_assert(knows(r, first, "the same words", 7));
	cr_assert_not(knows(r, second, "the same words", 7));
	learns(r, first, "", 8);
	cr_assert(knows(r, first, "", 8));
	free(r);
}

/* Texts of which only the middle differs are put in one place, and so are many others. */
Test(recall, what_is_put_in_its_place_is_forgotten)
{
	struct recall *r = calloc(1, sizeof(*r));
	uint64_t question = recall_question();
	char a[] = "aaaaaaaa-1-zzzzzzzz", b[] = "aaaaaaaa-2-zzzzzzzz";
	learns(r, question, a, 1);
	learns(r, question, b, 2);
	cr_assert(knows(r, question, b, 2));
	learns(r, question, a, 3);
	for (uint32_t i = 0; i < 1000; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%u", i);
		learns(r, question, text, i);
		cr_assert(knows(r, question, text, i));
	}
	free(r);
}

Test(recall, long_texts_are_not_kept)
{
	struct recall *r = calloc(1, sizeof(*r));
	char text[RECALL_BYTES + 2];
	bool known;
	memset(text, 'x', sizeof(text));
	text[RECALL_BYTES + 1] = '\0';
	cr_assert_null(recall_of(r, 0, span_of(text), &known));
	cr_assert_not(known);
	text[RECALL_BYTES] = '\0';
	learns(r, 0, text, 1);
	cr_assert(knows(r, 0, text, 1));
	free(r);
}

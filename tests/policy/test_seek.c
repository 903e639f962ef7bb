/* policy/seek.c, policy/head_table.c: the matcher and the table find the same, and each is used
 * where it is cheaper. That they find the same of all lead-ins is in test_trigger.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "policy/seek.h"
#include "policy/trigger.h"

static const struct multimatch_pattern patterns[] = { { .text = "\\bAKIA" },
						      { .text = "key", .keyword = true },
						      { .text = "(?i)token_" } };

struct fixture {
	struct triggers *triggers;
	struct multimatch *matcher;
	struct multimatch_scratch *scratch;
	struct seeker with;
	struct seek seek;
	struct multimatch_hits hits;
	uint64_t at;
};

static void begin(struct fixture *f)
{
	struct buf why = { 0 };
	size_t bad, n;
	*f = (struct fixture){ .triggers = triggers_new(ARRAY_LEN(patterns)) };
	for (uint32_t i = 0; i < ARRAY_LEN(patterns); i++)
		cr_assert_eq(triggers_add(f->triggers, &patterns[i], i, NULL), 0);
	cr_assert_eq(triggers_finish(f->triggers), 0);
	const struct multimatch_pattern *heads = triggers_heads(f->triggers, &n);
	cr_assert_eq(multimatch_new(heads, n, &f->matcher, &bad, &why), 0);
	cr_assert_eq(multimatch_scratch_fit(&f->scratch, f->matcher), 0);
	f->with = (struct seeker){ f->matcher, triggers_table(f->triggers), f->scratch };
	cr_assert_not_null(f->with.table);
}

static void end(struct fixture *f)
{
	seek_end(&f->seek);
	multimatch_free(f->matcher);
	multimatch_scratch_free(f->scratch);
	multimatch_hits_fini(&f->hits);
	triggers_free(f->triggers);
}

/* So many times the text, each time in a call of its own; how often something was found. */
static size_t feed(struct fixture *f, const char *text, unsigned times)
{
	size_t n = strlen(text);
	char both[256];
	f->hits.n = 0;
	for (unsigned i = 0; i < times; i++, f->at += n) {
		size_t old = f->at ? n : 0;
		memcpy(both, text, n);
		memcpy(both + old, text, n);
		cr_assert_eq(seek_feed(&f->seek, &f->with, (struct span){ both, old + n }, old,
				       f->at, &f->hits),
			     0);
	}
	return f->hits.n;
}

Test(seek, takes_the_table_for_what_is_full_of_heads_and_the_matcher_for_the_rest)
{
	struct fixture f;
	begin(&f);
	cr_assert_eq(feed(&f, "an ordinary line of text, nothing in it\n", 1000), 0);
	cr_assert_not(f.seek.in_table);
	cr_assert_eq(feed(&f, " AKIA token_ ", 1000), 2000);
	cr_assert(f.seek.in_table);
	cr_assert_null(f.seek.stream);
	cr_assert_eq(feed(&f, "an ordinary line of text, nothing in it\n", 1000), 0);
	cr_assert_not(f.seek.in_table);
	cr_assert_eq(feed(&f, " AKIA token_ ", 10), 20);
	for (size_t i = 0; i < 20; i++)
		cr_assert_eq(f.hits.v[i].end, f.at - 13 * (10 - i / 2) + (i % 2 ? 12 : 5));
	end(&f);
}

Test(seek, a_keyword_counts_once_in_a_text)
{
	struct fixture f;
	begin(&f);
	cr_assert_eq(feed(&f, "key KEY ", 1), 1);
	f.seek.crowd = SEEK_CROWD_MAX;
	cr_assert_leq(feed(&f, "key KEY ", 100), 1); /* the table was not told of the first */
	cr_assert(f.seek.in_table);
	cr_assert_eq(feed(&f, "key KEY ", 100), 0);
	f.hits.n = 0;
	cr_assert_eq(seek_finish(&f.seek, &f.with, &f.hits), 0);
	f.at = 0;
	cr_assert_eq(feed(&f, "key KEY ", 3), 1);
	end(&f);
}

Test(head_table, what_needs_too_many_states_is_none)
{
	/* That one of many places holds an 'a' is to be remembered for each of them. */
	uint32_t in[40][8];
	memset(in, 0xff, sizeof(in));
	memset(in[0], 0, sizeof(in[0]));
	in[0]['a' / 32] = 1u << 'a' % 32;
	struct head_row row = { .in = in, .n = 40 };
	struct head_table *t = NULL;
	cr_assert_eq(head_table_new(&row, 1, &t), 0);
	cr_assert_null(t);
	row.n = 10;
	cr_assert_eq(head_table_new(&row, 1, &t), 0);
	cr_assert_not_null(t);
	head_table_free(t);
}

#include <criterion/criterion.h>
#include <string.h>

#include "tests/policy/token_corpora.h"

static const struct budget_price cheap = { .input = 1000000, .output = 2000000 };

/* Feeds a plain text in steps; returns the breach, whose piece is of no use to callers. */
static struct budget_breach feed(struct budget *b, const char *text, size_t step)
{
	const struct wire_options options = { .framing = FRAMING_NONE, .frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct pieces v = { 0 };
	struct budget_breach first = { .limit = BUDGET_NONE }, now;
	for (size_t at = 0, n = strlen(text); at < n; at += step) {
		v.n = 0;
		cr_assert_eq(wire_feed(w, text + at, min_size(step, n - at), &v),
			     min_size(step, n - at));
		budget_feed(b, w, v.v, v.n, &now);
		if (!first.limit)
			first = now;
	}
	pieces_fini(&v);
	wire_free(w);
	return first;
}

Test(budget, estimates_by_the_classes_of_bytes)
{
	static const struct {
		const char *text;
		uint64_t tokens;
	} rows[] = {
		{ "", 0 },
		{ "word", 1 },
		{ "two words", 2 },
		{ "The capital of France is Paris", 6 },
		{ "ninechars", 1 },
		{ "tencharact", 2 },
		{ "fifteencharacte", 3 },
		{ "123", 1 },
		{ "1234567", 3 },
		{ "a\n\n\nb", 3 },
		{ "((((", 2 },
		{ "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96", 3 },
		{ "a    b", 3 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t step = 1; step < 12; step++) {
			struct budget b;
			budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
			(void)feed(&b, rows[i].text, step);
			cr_expect_eq(budget_tokens(&b), rows[i].tokens, "%s: %llu", rows[i].text,
				     (unsigned long long)budget_tokens(&b));
		}
	}
}

/* A word of any length costs the same in one run as in the sum of its parts. */
Test(budget, long_runs_do_not_wrap)
{
	static char text[2001];
	memset(text, 'x', 2000);
	struct budget b;
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	(void)feed(&b, text, 2000);
	cr_assert_eq(budget_tokens(&b), 1 + (2000 - 9 + 4) / 5);
	memset(text, '7', 2000);
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	(void)feed(&b, text, 3);
	cr_assert_eq(budget_tokens(&b), 667);
}

Test(budget, breaks_at_the_same_byte_at_every_step)
{
	static const char text[] = "one two three four five six seven eight nine ten";
	static const struct {
		struct budget_limits limits;
		enum budget_limit limit;
		uint64_t release, decided;
	} rows[] = {
		{ { .output_bytes = 10 }, BUDGET_OUTPUT_BYTES, 10, 11 },
		{ { .output_bytes = 48 }, BUDGET_NONE, 0, 0 },
		{ { .output_tokens = 3 }, BUDGET_OUTPUT_TOKENS, 14, 15 },
		{ { .output_tokens = 10 }, BUDGET_NONE, 0, 0 },
		{ { .cost_nano = 4000 }, BUDGET_COST, 8, 9 }, /* 2 USD a million: 2,000 nano each */
		{ { .cost_nano = 4000, .output_bytes = 5 }, BUDGET_OUTPUT_BYTES, 5, 6 },
		{ { .cost_nano = 4000, .output_tokens = 1 }, BUDGET_OUTPUT_TOKENS, 4, 5 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t step = 1; step <= sizeof(text); step++) {
			struct budget b;
			budget_init(&b, &rows[i].limits, &cheap);
			struct budget_breach breach = feed(&b, text, step);
			cr_expect_eq(breach.limit, rows[i].limit, "%zu at %zu: %s", i, step,
				     budget_limit_names[breach.limit]);
			cr_expect_eq(breach.release_raw, rows[i].release, "%zu at %zu", i, step);
			cr_expect_eq(breach.decided_raw, rows[i].decided, "%zu at %zu", i, step);
		}
	}
}

/* One frame that reports, after `text` bytes of a channel. */
static void report(struct budget *b, const struct wire *w, uint32_t input, uint32_t output)
{
	struct budget_breach breach;
	const struct piece p = { .kind = PIECE_FRAME, .tokens = { input, output } };
	budget_feed(b, w, &p, 1, &breach);
}

Test(budget, follows_what_is_reported)
{
	const struct wire_options options = { .framing = FRAMING_NONE, .frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct budget b;
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	report(&b, w, 100, 4); /* before any text: later numbers include it */
	cr_assert_eq(budget_tokens(&b), 4);
	(void)feed(&b, "a b c d e f", 11);
	cr_assert_eq(budget_tokens(&b), 6);
	cr_assert_eq(budget_cost(&b), 100 * 1000 + 6 * 2000);
	report(&b, w, 0, 50);
	cr_assert_eq(budget_tokens(&b), 50);
	(void)feed(&b, " g h", 4);
	cr_assert_eq(budget_tokens(&b), 52);
	cr_assert_eq(budget_estimate(&b), 8);
	report(&b, w, 90, 9);
	cr_assert_eq(budget_tokens(&b), 9);
	budget_guess_input(&b, 1234); /* it is known */
	cr_assert_eq(budget_cost(&b), 90 * 1000 + 9 * 2000);
	wire_free(w);
}

Test(budget, times)
{
	static const struct budget_limits l = { .duration_ms = 1000,
						.first_byte_ms = 100,
						.stall_ms = 50 };
	static const struct {
		struct budget_times t;
		uint64_t now, next;
		enum budget_limit limit;
	} rows[] = {
		{ { 10, 0, 0, 0 }, 500, 1010, BUDGET_NONE },
		{ { 10, 20, 0, 0 }, 119, 120, BUDGET_NONE },
		{ { 10, 20, 0, 0 }, 120, 120, BUDGET_FIRST_BYTE },
		{ { 10, 20, 30, 200 }, 249, 250, BUDGET_NONE },
		{ { 10, 20, 30, 200 }, 250, 250, BUDGET_STALL },
		{ { 10, 20, 30, 1000 }, 1010, 1010, BUDGET_DURATION },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t next;
		cr_expect_eq(budget_time(&l, &rows[i].t, rows[i].now, &next), rows[i].limit, "%zu",
			     i);
		cr_expect_eq(next, rows[i].next, "%zu: %llu", i, (unsigned long long)next);
	}
}

static unsigned settled, streams;

static void each(const struct token_stream *t)
{
	streams++;
	settled += token_near(t->after, t->reported);
}

/* Whatever the estimate was, the report at the end settles it. */
Test(budget, recorded_streams_settle_on_what_they_report)
{
	const char *folder = getenv("CORPORA");
	if (!token_corpora(folder ? folder : "../shared/corpora", each)) {
		printf("skipped: no corpora\n");
		return;
	}
	cr_assert_geq(streams, 150);
	cr_assert_geq(settled * 10, streams * 9, "%u of %u", settled, streams);
}

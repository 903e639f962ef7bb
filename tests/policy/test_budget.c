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
		{ "sixteencharacter", 1 },
		{ "fourandtwentycharacters_", 3 },
		{ "camelCaseName", 4 },
		{ "123", 1 },
		{ "1234567", 3 },
		{ "a\n\n\nb", 3 },
		{ "x;\ny", 3 },
		{ "{\"key\":\"value\"}", 5 },
		{ "========================", 2 },
		{ "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96", 2 },
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
	cr_assert_eq(budget_tokens(&b), (1000 + 115 + (2000 - 15) * 125 + 500) / 1000);
	memset(text, '7', 2000);
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	(void)feed(&b, text, 3);
	cr_assert_eq(budget_tokens(&b), (667 * 1085 + 500) / 1000);
	static char longer[200001];
	memset(longer, '7', 200000);
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	(void)feed(&b, longer, 1000);
	cr_assert_eq(budget_tokens(&b), (66667 * 1085 + 500) / 1000);
	memset(longer, ' ', 200000);
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	(void)feed(&b, longer, 1000);
	cr_assert_eq(budget_tokens(&b), (530 + 200000 / 64 * 1000 + 500) / 1000);
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

/* What another stream spends is taken from what this one may cost. */
Test(budget, may_cost_less_and_more_while_it_runs)
{
	const struct wire_options options = { .framing = FRAMING_NONE, .frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct budget b;
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	budget_allow(&b, BUDGET_DAILY, 6000);
	cr_assert_eq(feed(&b, "a b ", 4).limit, BUDGET_NONE);
	budget_allow(&b, BUDGET_DAILY, 8000);
	cr_assert_eq(feed(&b, "c d ", 4).limit, BUDGET_NONE);
	budget_allow(&b, BUDGET_DAILY, 5000); /* less than it cost already: not a byte more */
	struct budget_breach breach = feed(&b, " ", 1);
	cr_assert_eq(breach.limit, BUDGET_DAILY);
	cr_assert_eq(breach.release_raw, 0);
	budget_init(&b, &(struct budget_limits){ .cost_nano = 4000 }, &cheap);
	budget_allow(&b, BUDGET_UNKEPT, 2000);
	breach = feed(&b, "a b c", 5);
	cr_assert_eq(breach.limit, BUDGET_UNKEPT);
	cr_assert_eq(breach.release_raw, 2);
	wire_free(w);
}

/* Feeds a body of events; returns the estimate at its end. */
static uint64_t estimate(enum dialect dialect, const char *body)
{
	const struct wire_options options = { .framing = FRAMING_SSE,
					      .dialect = dialect,
					      .frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct pieces v = { 0 };
	struct budget_breach breach;
	struct budget b;
	budget_init(&b, &(struct budget_limits){ 0 }, &cheap);
	cr_assert_eq(wire_feed(w, body, strlen(body), &v), strlen(body));
	budget_feed(&b, w, v.v, v.n, &breach);
	pieces_fini(&v);
	wire_free(w);
	return budget_estimate(&b);
}

#define CHOICE(members) "data: {\"choices\":[{\"index\":0," members "}]}\n\n"

Test(budget, a_text_that_is_said_twice_counts_once)
{
	cr_expect_eq(estimate(DIALECT_CHAT, CHOICE("\"delta\":{\"content\":\"a b c\"}")), 3);
	cr_expect_eq(estimate(DIALECT_CHAT,
			      CHOICE("\"text\":\"a b c\",\"delta\":{\"content\":\"a b c\"}")),
		     3);
	cr_expect_eq(estimate(DIALECT_CHAT,
			      CHOICE("\"delta\":{\"reasoning\":\"a b\",\"reasoning_details\":"
				     "[{\"text\":\"a b\"}],\"content\":\"c\"}")),
		     3);
	cr_expect_eq(estimate(DIALECT_CHAT,
			      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
			      "\"a\"}},{\"index\":1,\"delta\":{\"content\":\"a\"}}]}"
			      "\n\n"),
		     2, "two choices are two texts");
}

#define SIXTY "0123456789012345678901234567890123456789012345678901234567 +"
#define THOUGHT(text) "data: {\"candidates\":[{\"content\":{\"parts\":[" text "]}}]}\n\n"

/* Sealed reasoning counts by its length, instead of the part of it that shows. */
Test(budget, hidden_reasoning_and_tools_of_the_builder)
{
	static const char seal[] = "\"thoughtSignature\":\"" SIXTY SIXTY SIXTY "\"";
	char body[1024];
	snprintf(body, sizeof(body), THOUGHT("{%s}"), seal); /* (180 - 90) * 0.167 */
	cr_expect_eq(estimate(DIALECT_GEMINI, body), 15);
	snprintf(body, sizeof(body), THOUGHT("{\"text\":\"a b c\",\"thought\":true,%s}"), seal);
	cr_expect_eq(estimate(DIALECT_GEMINI, body), 15);
	snprintf(body, sizeof(body),
		 THOUGHT("{\"text\":\"a a a a a a a a a a a a a a a a a a a a\","
			 "\"thought\":true,%s}"),
		 seal);
	cr_expect_eq(estimate(DIALECT_GEMINI, body), 21);
	cr_expect_eq(estimate(DIALECT_MESSAGES,
			      "data: {\"type\":\"content_block_start\",\"index\":1,"
			      "\"content_block\":{\"type\":\"web_search_tool_result\","
			      "\"tool_use_id\":\"x\"}}\n\n"),
		     30);
}

enum { ALL, UNSEEN, SHOWN, GROUPS };

static unsigned settled, near[GROUPS], total[GROUPS];

static void count(unsigned group, const struct token_stream *t)
{
	near[group] += token_near(t->before, t->reported);
	total[group]++;
}

static void each(const struct token_stream *t)
{
	settled += token_near(t->after, t->reported);
	count(ALL, t);
	if (t->unseen)
		count(UNSEEN, t);
	if (!t->reasoning)
		count(SHOWN, t);
}

/* Whatever the estimate was, the report at the end settles it. What it was just before, in percent
 * of the streams: less than what is reached would be a step back; why not more is in
 * bench/README.md.
 */
Test(budget, estimates_recorded_streams_and_settles_on_what_they_report)
{
	static const unsigned least[GROUPS] = { [ALL] = 60, [UNSEEN] = 52, [SHOWN] = 65 };
	const char *folder = getenv("CORPORA");
	if (!token_corpora(folder ? folder : "../shared/corpora", each)) {
		printf("skipped: no corpora\n");
		return;
	}
	cr_assert_geq(total[ALL], 150);
	cr_assert_eq(settled, total[ALL], "%u of %u", settled, total[ALL]);
	for (unsigned i = 0; i < GROUPS; i++)
		cr_expect_geq(near[i] * 100, least[i] * total[i], "%u: %u of %u", i, near[i],
			      total[i]);
}

/*
 * Budgets: what one stream may cost, in bytes, tokens, money and time, and a running estimate of
 * its tokens. No clock: times are passed in.
 *
 * Theory of operation
 *
 *   text      The weather in Paris   ->   estimate, in thousandths of a token
 *   reports   usage: 412 tokens      ->   the estimate becomes what is reported; text that comes
 *                                         afterwards is added to that
 *
 * The text is priced by policy/tokens.h, with what a dialect's builders add for messages, calls,
 * and tools that run on their side. Reasoning that is sealed (encrypted) counts by its length,
 * instead of what of it shows, where that is less. What shows in no way is not known before it is
 * reported; `bench/tokens` prints how far all this holds.
 *
 * The estimate is a function of the text of each channel and of the reports alone. The byte at
 * which a limit breaks is therefore the same however the stream was split.
 */
#ifndef POLICY_BUDGET_H
#define POLICY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/tokens.h"

enum budget_limit {
	BUDGET_NONE,
	BUDGET_OUTPUT_BYTES,
	BUDGET_OUTPUT_TOKENS,
	BUDGET_COST,
	BUDGET_DURATION,
	BUDGET_FIRST_BYTE,
	BUDGET_STALL,
	BUDGET_DAILY,  /* the builder's day, over all streams */
	BUDGET_UNKEPT, /* the day's spending cannot be written down */
	BUDGET_LIMIT_COUNT
};

extern const char *const budget_limit_names[BUDGET_LIMIT_COUNT]; /* "output_bytes" */
extern const char *const budget_reasons[BUDGET_LIMIT_COUNT];     /* "budget_output_bytes" */

/* Micro-USD for a million tokens, which is pico-USD for one. */
struct budget_price {
	uint64_t input, output;
};

struct budget_limits { /* 0: none */
	uint64_t output_bytes;
	uint32_t output_tokens;
	uint64_t cost_nano; /* nano-USD */
	uint32_t duration_ms, first_byte_ms, stall_ms;
	bool set; /* any of them */
};

struct budget_channel {
	struct token_text text;
	bool seen;
	bool again; /* says again what another channel says */
};

struct budget {
	struct budget_limits limits;
	struct budget_price price;
	uint64_t milli;         /* of text but reasoning: thousandths of a token */
	uint64_t shown, sealed; /* the same of reasoning: it counts as the larger of them */
	uint64_t counted;       /* of all this, before the latest report */
	uint64_t reported;      /* tokens, the latest */
	uint64_t least;         /* tokens, reported before any text */
	uint64_t input;         /* tokens, reported or guessed */
	uint64_t allowed;       /* nano-USD, by budget_allow(); which is: */
	enum budget_limit allowed_is;
	uint64_t stop;             /* milli must not pass this */
	enum budget_limit stop_is; /* which limit that would break */
	bool reports, input_reported;
	bool called;   /* a tool call was seen */
	bool messaged; /* a message's text */
	bool contents; /* and a part of its content */
	enum budget_limit broken;
	struct budget_channel channels[WIRE_CHANNELS_MAX];
};

/* Where a limit broke. Nothing from release_raw on may leave; the byte before decided_raw was the
 * one too many. Pieces before `piece`, and the first `text` bytes of that one, come before it. */
struct budget_breach {
	enum budget_limit limit; /* BUDGET_NONE: all is within the limits, the rest is unset */
	uint64_t release_raw, decided_raw;
	size_t piece;
	uint32_t text;
};

void budget_init(struct budget *b, const struct budget_limits *limits,
		 const struct budget_price *price);

/* Counts the n pieces, up to the breach when there is one; latches: a budget that broke counts on
 * and reports no second breach. */
void budget_feed(struct budget *b, const struct wire *w, const struct piece *v, size_t n,
		 struct budget_breach *out);

uint64_t budget_tokens(const struct budget *b);   /* output, reported so far and estimated since */
uint64_t budget_estimate(const struct budget *b); /* from the text alone, whatever is reported */

/* From now on the stream may cost that many nano-USD in all. Unlike the other limits this one
 * depends on other streams, so the byte at which it breaks does too. */
void budget_allow(struct budget *b, enum budget_limit limit, uint64_t nano);

/* For streams that report no input: what it may have been. */
void budget_guess_input(struct budget *b, uint64_t tokens);

/* The cost so far, nano-USD, of what is known of the input and of budget_tokens(). */
uint64_t budget_cost(const struct budget *b);
uint64_t budget_cost_of(const struct budget_price *price, uint64_t input, uint64_t output);

/* Which of the limits on time is over, and when the next one may be. began, first (0: no body byte
 * yet; sent 0: the request is not all sent) and last are times of the exchange. */
struct budget_times {
	uint64_t began_ms, sent_ms, first_ms, last_ms;
};

enum budget_limit budget_time(const struct budget_limits *limits, const struct budget_times *t,
			      uint64_t now_ms, uint64_t *next_ms); /* UINT64_MAX: never */

#endif

#include "policy/budget.h"

#include <assert.h>

#include "lib/wire_usage.h"

const char *const budget_limit_names[] = {
	[BUDGET_NONE] = "none",
	[BUDGET_OUTPUT_BYTES] = "output_bytes",
	[BUDGET_OUTPUT_TOKENS] = "output_tokens",
	[BUDGET_COST] = "cost",
	[BUDGET_DURATION] = "duration",
	[BUDGET_FIRST_BYTE] = "first_byte",
	[BUDGET_STALL] = "stall",
	[BUDGET_DAILY] = "daily",
	[BUDGET_UNKEPT] = "daily_unkept",
};
static_assert(ARRAY_LEN(budget_limit_names) == BUDGET_LIMIT_COUNT, "one name for each limit");

const char *const budget_reasons[] = {
	[BUDGET_NONE] = "",
	[BUDGET_OUTPUT_BYTES] = "budget_output_bytes",
	[BUDGET_OUTPUT_TOKENS] = "budget_output_tokens",
	[BUDGET_COST] = "budget_cost",
	[BUDGET_DURATION] = "budget_duration",
	[BUDGET_FIRST_BYTE] = "budget_first_byte",
	[BUDGET_STALL] = "budget_stall",
	[BUDGET_DAILY] = "budget_daily",
	[BUDGET_UNKEPT] = "budget_daily_unkept",
};
static_assert(ARRAY_LEN(budget_reasons) == BUDGET_LIMIT_COUNT, "one reason for each limit");

/* --- limits --- */

uint64_t budget_cost_of(const struct budget_price *price, uint64_t input, uint64_t output)
{
	return (input * price->input + output * price->output) / 1000;
}

static void stop_at_cost(struct budget *b, enum budget_limit limit, uint64_t nano)
{
	uint64_t spent = b->input * b->price.input, pico = nano * 1000, milli = 0;
	if (spent <= pico)
		milli = b->price.output ? (pico - spent) * 1000 / b->price.output : UINT64_MAX;
	if (milli >= b->stop && spent <= pico)
		return;
	b->stop = milli;
	b->stop_is = limit;
}

/* How many thousandths of a token of text may be counted before a limit breaks. */
static void set_stop(struct budget *b)
{
	b->stop = UINT64_MAX;
	b->stop_is = BUDGET_NONE;
	if (b->limits.output_tokens) {
		b->stop = b->limits.output_tokens * UINT64_C(1000);
		b->stop_is = BUDGET_OUTPUT_TOKENS;
	}
	if (!b->price.output && !b->price.input)
		return;
	if (b->limits.cost_nano)
		stop_at_cost(b, BUDGET_COST, b->limits.cost_nano);
	if (b->allowed_is)
		stop_at_cost(b, b->allowed_is, b->allowed);
}

void budget_allow(struct budget *b, enum budget_limit limit, uint64_t nano)
{
	if (b->allowed_is == limit && b->allowed == nano)
		return;
	b->allowed_is = limit;
	b->allowed = nano;
	set_stop(b);
}

void budget_init(struct budget *b, const struct budget_limits *limits,
		 const struct budget_price *price)
{
	*b = (struct budget){ .limits = *limits, .price = *price };
	set_stop(b);
}

static uint64_t estimate(const struct budget *b)
{
	return b->milli + max_u64(b->shown, b->sealed);
}

static uint64_t total_milli(const struct budget *b)
{
	return max_u64(b->reported * 1000 + (estimate(b) - b->counted), b->least * 1000);
}

static void breach(struct budget *b, struct budget_breach *out, enum budget_limit limit,
		   uint64_t release, uint64_t decided)
{
	if (b->broken)
		return;
	b->broken = limit;
	*out = (struct budget_breach){ .limit = limit,
				       .release_raw = release,
				       .decided_raw = decided };
}

static bool over(const struct budget *b)
{
	return b->stop_is != BUDGET_NONE && total_milli(b) > b->stop;
}

static bool over_bytes(const struct budget *b, uint64_t end)
{
	return b->limits.output_bytes && end > b->limits.output_bytes;
}

/* --- feeding --- */

/* Text that is no JSON is a stream's own when it comes first; later it is a mark such as [DONE]. */
static bool counts(const struct wire *w, const struct piece *p)
{
	uint8_t kind = wire_channel(w, p->channel).kind;
	if (kind == CHANNEL_RAW)
		return p->channel == 0;
	return kind != CHANNEL_ENVELOPE && kind != CHANNEL_TOOL_NAME;
}

/* Some builders of Chat say a text in two members of one choice: only the first to come counts. */
static bool says_again(const struct budget *b, const struct wire *w, uint16_t channel,
		       struct channel_id id)
{
	if (wire_dialect(w) != DIALECT_CHAT ||
	    (id.kind != CHANNEL_CONTENT && id.kind != CHANNEL_REASONING))
		return false;
	for (uint16_t i = 0; i < WIRE_CHANNELS_MAX; i++) {
		if (i == channel || !b->channels[i].seen)
			continue;
		struct channel_id other = wire_channel(w, i);
		if (other.kind == id.kind && other.a == id.a && other.b != id.b)
			return true;
	}
	return false;
}

/* A channel's first text: the message or the call that it belongs to. */
static void begin_channel(struct budget *b, const struct token_habits *h, uint8_t kind)
{
	if (kind == CHANNEL_ARGUMENTS || kind == CHANNEL_TOOL_TEXT) {
		b->milli += b->called ? h->more_calls : h->call;
		b->called = true;
	} else if (kind != CHANNEL_RAW) {
		if (!b->messaged)
			b->milli += h->message;
		else if (kind == CHANNEL_CONTENT && b->contents)
			b->milli += h->part;
		b->messaged = true;
		b->contents |= kind == CHANNEL_CONTENT;
	}
}

/* Counts the text; returns how much of it stands before the byte that breaks a limit on tokens. */
static uint32_t count_text(struct budget *b, const struct piece *p, uint8_t kind, unsigned percent)
{
	struct token_text *t = &b->channels[p->channel].text;
	uint64_t *to = kind == CHANNEL_REASONING ? &b->shown : &b->milli;
	const char *text = piece_text(p);
	size_t before = p->text_len;
	for (size_t at = 0; at < p->text_len;) {
		unsigned price;
		at += token_next(t, text + at, p->text_len - at, &price);
		*to += price * percent / 100;
		if (before == p->text_len && price && over(b))
			before = at - 1;
	}
	return (uint32_t)before;
}

static void breach_bytes(struct budget *b, struct budget_breach *out)
{
	uint64_t limit = b->limits.output_bytes;
	breach(b, out, BUDGET_OUTPUT_BYTES, limit, limit + 1);
}

static void feed_text(struct budget *b, const struct wire *w, const struct piece *p,
		      struct budget_breach *out)
{
	struct channel_id id = wire_channel(w, p->channel);
	enum dialect d = id.kind == CHANNEL_RAW ? DIALECT_UNKNOWN : wire_dialect(w);
	uint32_t tokens = p->text_len, bytes = p->text_len;
	uint64_t limit = b->limits.output_bytes;
	bool was_over = over(b); /* since budget_allow() */
	struct budget_channel *c = &b->channels[p->channel];
	if (counts(w, p)) {
		if (!c->seen) {
			c->again = says_again(b, w, p->channel, id);
			if (!c->again)
				begin_channel(b, &token_habits[d], id.kind);
		}
		c->seen = true;
		if (!c->again)
			tokens = count_text(b, p, id.kind, token_habits[d].percent);
	}
	if (was_over)
		tokens = 0;
	if (over_bytes(b, p->raw_off + p->raw_len))
		bytes = p->lit_len || limit < p->raw_off ? 0 : (uint32_t)(limit - p->raw_off);
	bool is_lit = p->lit_len != 0;
	if (bytes < p->text_len && bytes <= tokens) {
		breach_bytes(b, out);
		out->text = bytes;
	} else if (tokens < p->text_len) {
		uint64_t at = p->raw_off + (is_lit ? 0 : tokens);
		breach(b, out, b->stop_is, at, at + (is_lit ? p->raw_len : 1));
		out->text = is_lit ? 0 : tokens;
	}
}

/* A report replaces what was estimated. One that comes before any text is a builder's first
 * number, which later ones include: there the estimate goes on from the text. */
static void feed_report(struct budget *b, const struct piece *p)
{
	if (p->tokens.input) {
		b->input = p->tokens.input;
		b->input_reported = true;
	}
	if (p->tokens.output) {
		bool first = estimate(b) == 0;
		b->least = first ? p->tokens.output : 0;
		b->reported = first ? 0 : p->tokens.output;
		b->counted = estimate(b);
		b->reports = true;
	}
	set_stop(b);
}

/* What a frame tells of tokens that are no text. */
static void feed_hidden(struct budget *b, const struct token_habits *h, uint32_t sealed,
			unsigned steps)
{
	b->milli += (uint64_t)steps * h->step;
	if (sealed > h->sealed_base)
		b->sealed += (uint64_t)(sealed - h->sealed_base) * h->sealed;
}

static void feed_frame(struct budget *b, const struct wire *w, const struct piece *p,
		       struct budget_breach *out)
{
	uint64_t end = p->raw_off + p->raw_len;
	feed_hidden(b, &token_habits[wire_dialect(w)], piece_sealed(p), piece_steps(p));
	if (p->tokens.input || p->tokens.output)
		feed_report(b, p);
	if (b->broken)
		return;
	if (over_bytes(b, end))
		breach_bytes(b, out);
	else if (over(b))
		breach(b, out, b->stop_is, p->raw_off, end);
}

void budget_feed(struct budget *b, const struct wire *w, const struct piece *v, size_t n,
		 struct budget_breach *out)
{
	enum budget_limit before = b->broken;
	*out = (struct budget_breach){ .limit = BUDGET_NONE };
	for (size_t i = 0; i < n; i++) {
		enum budget_limit was = b->broken;
		struct budget_breach here = { .limit = BUDGET_NONE };
		if (v[i].kind == PIECE_TEXT)
			feed_text(b, w, &v[i], &here);
		else if (v[i].kind == PIECE_FRAME)
			feed_frame(b, w, &v[i], &here);
		if (was || !b->broken)
			continue;
		here.piece = i;
		*out = here;
	}
	uint64_t start;
	if (!b->broken && wire_in_long_frame(w, &start) && over_bytes(b, wire_consumed(w))) {
		breach_bytes(b, out);
		out->piece = n;
	}
	CHECK(before == BUDGET_NONE || out->limit == BUDGET_NONE);
}

uint64_t budget_tokens(const struct budget *b)
{
	return (total_milli(b) + 500) / 1000;
}

uint64_t budget_estimate(const struct budget *b)
{
	return (estimate(b) + 500) / 1000;
}

void budget_guess_input(struct budget *b, uint64_t tokens)
{
	if (!b->input_reported)
		b->input = tokens;
}

uint64_t budget_cost(const struct budget *b)
{
	return budget_cost_of(&b->price, b->input, budget_tokens(b));
}

/* --- time --- */

static void consider(enum budget_limit limit, uint64_t due, uint64_t now,
		     enum budget_limit *over_is, uint64_t *next)
{
	if (now >= due && *over_is == BUDGET_NONE)
		*over_is = limit;
	if (due < *next)
		*next = due;
}

enum budget_limit budget_time(const struct budget_limits *l, const struct budget_times *t,
			      uint64_t now_ms, uint64_t *next_ms)
{
	enum budget_limit broken = BUDGET_NONE;
	*next_ms = UINT64_MAX;
	if (l->duration_ms)
		consider(BUDGET_DURATION, t->began_ms + l->duration_ms, now_ms, &broken, next_ms);
	if (l->first_byte_ms && t->sent_ms && !t->first_ms)
		consider(BUDGET_FIRST_BYTE, t->sent_ms + l->first_byte_ms, now_ms, &broken,
			 next_ms);
	if (l->stall_ms && t->first_ms)
		consider(BUDGET_STALL, t->last_ms + l->stall_ms, now_ms, &broken, next_ms);
	return broken;
}

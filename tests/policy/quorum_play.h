/*
 * Answers of builders as bytes of a wire, and their way through a quorum in any order and any
 * split.
 */
#ifndef TESTS_POLICY_QUORUM_PLAY_H
#define TESTS_POLICY_QUORUM_PLAY_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policy/quorum.h"

enum form { FORM_BODY, FORM_FENCE, FORM_CALL, FORM_COUNT };

struct answer {
	struct buf bytes;
	enum framing framing;
	enum dialect dialect;
	enum quorum_ending how;
};

struct answering { /* one answer on its way */
	struct wire *wire;
	struct pieces pieces;
	size_t at, have;
	bool ended;
};

#define PLAY_EVENT "data: {\"choices\":[{\"index\":0,\"delta\":{"

static inline void play_escape(struct buf *out, const char *p, size_t n, int layers)
{
	struct buf once = { 0 };
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '"' || c == '\\')
			buf_printf(&once, "\\%c", c);
		else if (c == '\n')
			buf_add_text(&once, "\\n");
		else if (c < ' ')
			buf_printf(&once, "\\u%04x", c);
		else
			buf_add_char(&once, (char)c);
	}
	if (layers > 1)
		play_escape(out, once.p, once.n, layers - 1);
	else
		buf_add(out, once.p, once.n);
	buf_fini(&once);
}

/* Prose, in events of about `step` bytes. */
static inline void play_says(struct answer *a, const char *p, size_t n, size_t step)
{
	a->framing = FRAMING_SSE;
	a->dialect = DIALECT_CHAT;
	for (size_t i = 0; i < n;) {
		size_t to = min_size(n, i + step);
		while (to < n && (p[to] & 0xc0) == 0x80)
			to++;
		buf_add_text(&a->bytes, PLAY_EVENT "\"content\":\"");
		play_escape(&a->bytes, p + i, to - i, 1);
		buf_add_text(&a->bytes, "\"}}]}\n\n");
		i = to;
	}
}

/* The arguments of one call: a JSON text. */
static inline void play_calls(struct answer *a, unsigned call, const char *p, size_t n, size_t step)
{
	a->framing = FRAMING_SSE;
	a->dialect = DIALECT_CHAT;
	for (size_t i = 0; i < n;) {
		size_t to = min_size(n, i + step);
		while (to < n && (p[to] & 0xc0) == 0x80)
			to++;
		buf_printf(&a->bytes,
			   PLAY_EVENT
			   "\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":\"",
			   call);
		play_escape(&a->bytes, p + i, to - i, 1);
		buf_add_text(&a->bytes, "\"}}]}}]}\n\n");
		i = to;
	}
}

/* A program as a plain body, in a fence, or as a file that a tool writes. */
static inline struct answer play_answer(enum form form, const char *language, const char *extension,
					const char *p, size_t n)
{
	struct answer a = { 0 };
	struct buf text = { 0 };
	if (form == FORM_BODY) {
		a.framing = FRAMING_NONE;
		buf_add(&a.bytes, p, n);
		return a;
	}
	if (form == FORM_FENCE) {
		buf_printf(&text, "Here it is:\n\n~~~~~~~~ %s\n", language);
		buf_add(&text, p, n);
		buf_add_text(&text, n && p[n - 1] == '\n' ? "~~~~~~~~\n" : "\n~~~~~~~~\n");
		buf_add_text(&text, "That is all.\n");
		play_says(&a, text.p, text.n, 37);
	} else {
		buf_printf(&text, "{\"path\":\"src/main.%s\",\"content\":\"", extension);
		play_escape(&text, p, n, 1);
		buf_add_text(&text, "\"}");
		play_calls(&a, 0, text.p, text.n, 37);
	}
	buf_fini(&text);
	buf_add_text(&a.bytes, "data: [DONE]\n\n");
	return a;
}

static inline struct answer play_prose(const char *text)
{
	struct answer a = { 0 };
	play_says(&a, text, strlen(text), 1000);
	return a;
}

static inline struct answer play_call(const char *arguments)
{
	struct answer a = { 0 };
	play_calls(&a, 0, arguments, strlen(arguments), 1000);
	return a;
}

static inline struct answering play_begin(const struct answer *a)
{
	const struct wire_options options = { .framing = a->framing,
					      .dialect = a->dialect,
					      .frame_max = 16384 };
	struct answering on = { .wire = wire_new(&options) };
	cr_assert(on.wire);
	return on;
}

/* The next n bytes of it; after the last one, its end. */
static inline void play_step(struct quorum *q, unsigned builder, const struct answer *a,
			     struct answering *on, size_t n)
{
	size_t all = a->bytes.n;
	bool last = n >= all - on->have;
	const char *p = all ? a->bytes.p : "";
	on->have = last ? all : on->have + n;
	on->at += wire_feed(on->wire, p + on->at, on->have - on->at, &on->pieces);
	if (last && a->how == QUORUM_COMPLETE)
		cr_assert_eq(wire_finish(on->wire, p + on->at, all - on->at, &on->pieces), WIRE_OK);
	quorum_feed(q, builder, on->wire, on->pieces.v, on->pieces.n);
	on->pieces.n = 0;
	if (!last)
		return;
	quorum_end(q, builder, a->how);
	on->ended = true;
	wire_free(on->wire);
	pieces_fini(&on->pieces);
}

/* Which builder is next, and how many bytes of it. */
struct order {
	enum { ORDER_FIRST, ORDER_LAST, ORDER_EVEN, ORDER_RANDOM } kind;
	size_t step;
	uint32_t seed;
};

static inline uint32_t play_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static inline void play(struct quorum *q, const struct answer *v, unsigned n, struct order order,
			void (*after)(struct quorum *q, void *context), void *context)
{
	struct answering on[QUORUM_BUILDERS_MAX];
	for (unsigned i = 0; i < n; i++)
		on[i] = play_begin(&v[i]);
	for (unsigned turn = 0, left = n; left; turn++) {
		unsigned i = order.kind == ORDER_LAST     ? n - 1
			     : order.kind == ORDER_EVEN   ? turn % n
			     : order.kind == ORDER_RANDOM ? play_random(&order.seed) % n
							  : 0;
		while (on[i].ended)
			i = (i + (order.kind == ORDER_LAST ? n - 1 : 1)) % n;
		size_t step = order.step ? order.step : 1 + play_random(&order.seed) % 700;
		play_step(q, i, &v[i], &on[i], step);
		left -= on[i].ended;
		if (after)
			after(q, context);
	}
}

static inline struct quorum_settings play_settings(unsigned builders, unsigned agree)
{
	return (struct quorum_settings){ .builders = builders,
					 .agree = agree,
					 .threshold = 3 * SCORE_UNITS,
					 .max_bytes = QUORUM_BYTES,
					 .max_nodes = QUORUM_NODES };
}

#endif

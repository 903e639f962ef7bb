/* Answers of two or three builders from outside, in pieces that alternate as the input says: what
 * the quorum says of them does not depend on the order, and what was disputed does not pass. The
 * first four bytes are the wires, the endings, the size and the order; a NUL parts the answers. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/quorum.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { BUILDERS = 3, STEP = 40 };

struct answer {
	struct span text;
	struct wire *wire;
	struct pieces pieces;
	size_t at, have;
	bool ended;
	enum quorum_ending how;
};

struct outcome {
	struct quorum_verdict verdict;
	struct quorum_pair pairs[BUILDERS];
};

static void begin(struct answer *a, unsigned wire)
{
	static const struct wire_options wires[] = {
		{ .framing = FRAMING_NONE, .frame_max = 4096 },
		{ .framing = FRAMING_SSE, .dialect = DIALECT_CHAT, .frame_max = 4096 },
		{ .framing = FRAMING_SSE, .dialect = DIALECT_MESSAGES, .frame_max = 4096 },
		{ .framing = FRAMING_LINES, .dialect = DIALECT_OLLAMA, .frame_max = 4096 },
		{ .framing = FRAMING_SSE, .dialect = DIALECT_RESPONSES, .frame_max = 4096 },
	};
	a->wire = wire_new(&wires[wire % ARRAY_LEN(wires)]);
	CHECK(a->wire);
	a->at = a->have = 0;
	a->ended = false;
}

static void step(struct quorum *q, unsigned i, struct answer *a, size_t n)
{
	enum quorum_ending how = a->how;
	a->have = n < a->text.n - a->have ? a->have + n : a->text.n;
	a->ended = a->have == a->text.n;
	a->at += wire_feed(a->wire, a->text.p + a->at, a->have - a->at, &a->pieces);
	enum wire_error error = wire_failed(a->wire);
	if (a->ended && !error)
		error = wire_finish(a->wire, a->text.p + a->at, a->have - a->at, &a->pieces);
	quorum_feed(q, i, a->wire, a->pieces.v, a->pieces.n);
	a->pieces.n = 0;
	a->ended = a->ended || error;
	if (!a->ended)
		return;
	quorum_end(q, i, error ? QUORUM_TRUNCATED : how);
	wire_free(a->wire);
	pieces_fini(&a->pieces);
}

static struct outcome run(struct answer *v, const struct quorum_settings *s, unsigned wires,
			  unsigned order)
{
	struct quorum *q = quorum_new(s);
	struct outcome out;
	bool disputed[BUILDERS] = { false };
	size_t n;
	CHECK(q);
	for (unsigned i = 0; i < s->builders; i++)
		begin(&v[i], wires >> 2 * i);
	for (unsigned turn = 0, left = s->builders; left;) {
		unsigned i = order ? (order * ++turn >> 3) % s->builders : 0;
		while (v[i].ended)
			i = (i + 1) % s->builders;
		step(q, i, &v[i], order ? 1 + (order * turn) % STEP : SIZE_MAX);
		left -= v[i].ended;
		const struct quorum_pair *pairs = quorum_pairs(q, &n);
		for (size_t k = 0; k < n; k++) {
			CHECK(pairs[k].disputed || !disputed[k]);
			disputed[k] = pairs[k].disputed;
		}
	}
	out.verdict = quorum_verdict(q);
	CHECK(out.verdict.settled && out.verdict.final);
	memcpy(out.pairs, quorum_pairs(q, &n), n * sizeof(*out.pairs));
	for (size_t k = 0; k < n; k++) /* nothing was disputed that could have passed */
		CHECK(out.pairs[k].reason != COMPARE_ABOVE_THRESHOLD ||
		      score_above(&out.pairs[k].score, s->threshold) == 1);
	for (unsigned i = 0; i < s->builders; i++) {
		const struct quorum_file *files = quorum_files(q, i, &n);
		for (size_t k = 0; k < n; k++)
			CHECK(files[k].text.n <= s->max_bytes && files[k].path.n <= 200);
	}
	quorum_free(q);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct answer v[BUILDERS] = { { { 0, 0 }, 0, { 0, 0, 0 }, 0, 0, 0, 0 } };
	struct quorum_settings s = { .agree = 2,
				     .threshold = 3 * SCORE_UNITS,
				     .max_bytes = 1 << 16 };
	if (n < 5)
		return 0;
	const char *at = (const char *)p + 4, *end = (const char *)p + n;
	for (; at && s.builders < BUILDERS; s.builders++) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));
		bool last = s.builders + 1 == BUILDERS || !nul;
		struct answer *a = &v[s.builders];
		a->text = (struct span){ at, (size_t)((last ? end : nul) - at) };
		a->how =
			p[1] >> (2 * s.builders) & 3 ? QUORUM_COMPLETE : p[1] % QUORUM_ENDING_COUNT;
		at = last ? NULL : nul + 1;
	}
	if (s.builders < 2)
		return 0;
	s.max_nodes = 20 + 40U * p[2];
	struct outcome whole = run(v, &s, p[0], 0), parts = run(v, &s, p[0], 1U + p[3]);
	CHECK(whole.verdict.verdict == parts.verdict.verdict);
	CHECK(whole.verdict.reason == parts.verdict.reason);
	CHECK(whole.verdict.yes == parts.verdict.yes);
	for (unsigned i = 0; i < s.builders * (s.builders - 1) / 2; i++) {
		CHECK(whole.pairs[i].verdict == parts.pairs[i].verdict);
		CHECK(whole.pairs[i].reason == parts.pairs[i].reason);
		CHECK(whole.pairs[i].scored == parts.pairs[i].scored);
	}
	return 0;
}

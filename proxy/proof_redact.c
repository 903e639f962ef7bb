#include "proxy/proof_redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/recording.h"

static uint32_t frame_bytes(const struct gate_options *gate)
{
	return gate->framing == FRAMING_DOCUMENT ? gate->document_bytes : gate->frame_bytes;
}

/* The judge's edits, of the whole body at once. */
static bool find_edits(struct redacted *r, const struct gate_options *gate,
		       struct gate_scratch *scratch, struct span body)
{
	const struct wire_options options = { .framing = gate->framing,
					      .dialect = gate->dialect,
					      .for_edits = true,
					      .frame_max = frame_bytes(gate) };
	struct wire *w = wire_new(&options);
	struct judge *j = w ? judge_new(r->set, w) : NULL;
	struct pieces pieces = { 0 };
	struct verdict verdict;
	bool ok = j != NULL;
	if (ok) {
		size_t used = wire_feed(w, body.p, body.n, &pieces);
		(void)!wire_finish(w, body.p + used, body.n - used, &pieces);
		judge_feed(j, scratch->judge, pieces.v, pieces.n, true, &verdict);
		const struct edit *v = judge_edits(j, &r->n);
		r->v = calloc(r->n + 1, sizeof(*r->v));
		ok = r->v != NULL && wire_failed(w) != WIRE_NO_MEMORY;
		if (ok && r->n)
			memcpy(r->v, v, r->n * sizeof(*r->v));
	}
	pieces_fini(&pieces);
	judge_free(j);
	wire_free(w);
	return ok;
}

bool redacted_make(struct redacted *r, const struct gate_options *gate,
		   struct gate_scratch *scratch, struct span body)
{
	uint64_t at = 0;
	*r = (struct redacted){ .bytes = body, .set = gate->ruleset };
	if (!ruleset_redacts(r->set))
		return true;
	if (!find_edits(r, gate, scratch, body))
		return false;
	r->offsets = calloc(r->n + 1, sizeof(*r->offsets));
	if (!r->offsets)
		return false;
	for (size_t i = 0; i < r->n; i++) {
		buf_add(&r->made, body.p + at, (size_t)(r->v[i].from - at));
		r->offsets[i] = r->made.n;
		struct span mask = ruleset_mask(r->set, r->v[i].rule);
		if (r->v[i].masked)
			buf_add(&r->made, mask.p, mask.n);
		r->masks += r->v[i].masked;
		at = r->v[i].to;
	}
	buf_add(&r->made, body.p + at, body.n - (size_t)at);
	if (r->n)
		r->bytes = (struct span){ r->made.p, r->made.n };
	return !r->made.failed;
}

void redacted_fini(struct redacted *r)
{
	buf_fini(&r->made);
	free(r->v);
	free(r->offsets);
	*r = (struct redacted){ 0 };
}

size_t redacted_at(const struct redacted *r, uint64_t raw)
{
	size_t i = r->n;
	while (i && r->v[i - 1].from >= raw)
		i--;
	if (i == 0)
		return (size_t)raw;
	const struct edit *last = &r->v[i - 1];
	size_t mask = last->masked ? ruleset_mask(r->set, last->rule).n : 0;
	return r->offsets[i - 1] + mask + (size_t)(max_u64(raw, last->to) - last->to);
}

uint64_t redacted_misses(const struct redacted *r, struct span body, bool framed, uint64_t from,
			 uint64_t to)
{
	uint64_t missed = 0;
	size_t i = 0;
	for (uint64_t at = from; at < to; at++) {
		while (i < r->n && r->v[i].to <= at)
			i++;
		bool taken = i < r->n && r->v[i].from <= at;
		bool line = framed && (body.p[at] == '\n' || body.p[at] == '\r');
		missed += !taken && !line;
	}
	return missed;
}

static bool is_secret(const struct secret *secrets, size_t n, uint16_t rule, const struct buf *text)
{
	for (size_t i = 0; i < n; i++)
		if (secrets[i].rule == rule && secrets[i].text.n == text->n && text->n &&
		    memcmp(secrets[i].text.p, text->p, text->n) == 0)
			return true;
	return false;
}

int redacted_returns(const struct gate_options *gate, struct gate_scratch *scratch,
		     struct span left, const struct secret *secrets, size_t n, uint64_t *out)
{
	struct gate_options options = *gate;
	struct pieces pieces = { 0 };
	struct gate_out gone;
	size_t n_cards = 0;
	options.observe = true;
	struct gate *g = gate_new(&options);
	bool ok = g &&
		  recording_decode(left, gate->framing, gate->dialect, frame_bytes(gate), &pieces);
	*out = 0;
	if (ok) {
		(void)gate_feed(g, scratch, left.p, left.n, &gone);
		(void)gate_finish(g, scratch, &gone);
	}
	const struct card *cards = ok ? judge_cards(gate_judge(g), &n_cards) : NULL;
	for (size_t i = 0; i < n_cards; i++) {
		struct buf text = { 0 };
		if (recording_text(&pieces, cards[i].channel, cards[i].body_off,
				   cards[i].text_off + cards[i].text_len, &text) &&
		    is_secret(secrets, n, cards[i].rule, &text))
			*out += text.n;
		buf_fini(&text);
	}
	pieces_fini(&pieces);
	gate_free(g);
	return ok ? 0 : -ENOMEM;
}

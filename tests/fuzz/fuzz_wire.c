/*
 * Any bytes as a body: the first two bytes choose framing, dialect and frame size. The decoder must
 * read the same text whole and byte by byte, and never consume more than it was given.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct buf text; /* channel, text and offset of every byte; frames; the error */
	enum wire_error error;
	uint64_t consumed;
};

static void note(struct reading *r, const struct pieces *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct piece *p = &v->v[i];
		uint64_t end = p->raw_off + p->raw_len;
		if (p->kind != PIECE_TEXT) {
			buf_add(&r->text, &p->kind, sizeof p->kind);
			buf_add(&r->text, &end, sizeof end);
			continue;
		}
		for (uint32_t k = 0; k < p->text_len; k++) {
			uint64_t off = p->raw_off + (p->lit_len ? 0 : k);
			buf_add(&r->text, &p->channel, sizeof p->channel);
			buf_add(&r->text, &off, sizeof off);
			buf_add_char(&r->text, piece_text(p)[k]);
		}
	}
}

static void read_body(struct reading *r, const struct wire_options *o, const uint8_t *data,
		      size_t size, size_t step)
{
	struct wire *w = wire_new(o);
	struct pieces v = { 0 };
	size_t done = 0, fed = 0;

	CHECK(w);
	while (fed < size) {
		fed += min_size(step, size - fed);
		v.n = 0;
		size_t used = wire_feed(w, (const char *)data + done, fed - done, &v);
		CHECK(used <= fed - done);
		done += used;
		note(r, &v);
	}
	v.n = 0;
	r->error = wire_finish(w, (const char *)data + done, size - done, &v);
	note(r, &v);
	r->consumed = wire_consumed(w);
	struct buf out = { 0 };
	struct wire_notice notice = { SPAN("e"), SPAN("r"), SPAN("m") };
	int rc = wire_end(w, size & 1 ? ENDING_REFUSAL : ENDING_ERROR, r->consumed, &notice, &out);
	CHECK(rc <= 0);
	buf_fini(&out);
	pieces_fini(&v);
	wire_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading a = { 0 }, b = { 0 };

	if (size < 2)
		return 0;
	struct wire_options o = {
		.framing = (enum framing)(data[0] % FRAMING_COUNT),
		.dialect = (enum dialect)(data[0] / FRAMING_COUNT % DIALECT_COUNT),
		.frame_max = data[1] & 1 ? 64 : 65536,
		.skip_reasoning = (data[1] & 2) != 0,
	};
	read_body(&a, &o, data + 2, size - 2, size);
	read_body(&b, &o, data + 2, size - 2, 1);
	CHECK(a.error == b.error && a.consumed == b.consumed);
	CHECK(a.text.n == b.text.n && (!a.text.n || memcmp(a.text.p, b.text.p, a.text.n) == 0));
	buf_fini(&a.text);
	buf_fini(&b.text);
	return 0;
}

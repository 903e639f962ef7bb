#include "tests/lib/wire_trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(struct trace *t, const struct wire *w, const struct piece *p)
{
	if (p->kind == PIECE_FRAME) {
		buf_printf(&t->frames, "frame %llu+%u\n", (unsigned long long)p->raw_off,
			   p->raw_len);
		t->frame_count++;
		if (p->tokens.input || p->tokens.output)
			buf_printf(&t->frames, "tokens %u+%u\n", p->tokens.input, p->tokens.output);
		if (piece_sealed(p) || piece_steps(p))
			buf_printf(&t->frames, "hidden %u+%u\n", piece_sealed(p), piece_steps(p));
		return;
	}
	CHECK(p->channel < WIRE_CHANNELS_MAX);
	struct trace_channel *c = &t->channels[p->channel];
	c->id = wire_channel(w, p->channel);
	if (p->channel >= t->n)
		t->n = p->channel + 1u;
	if (p->kind == PIECE_CHANNEL_END) {
		CHECK(!c->ended);
		c->ended = true;
		buf_printf(&t->frames, "end of channel %u at %llu, text %zu\n", p->channel,
			   (unsigned long long)p->raw_off, c->text.n);
		return;
	}
	if (p->kind == PIECE_REPEAT) {
		buf_printf(&t->frames, "repeat of channel %u at %llu\n", p->channel,
			   (unsigned long long)p->raw_off);
		return;
	}
	CHECK(!c->ended);
	CHECK(p->raw_len > 0);
	if (!p->text_len) { /* the first half of an escape that the frame's end divides */
		CHECK(!p->lit_len);
		return;
	}
	CHECK(p->lit_len ? p->lit_len == p->text_len : p->text_len == p->raw_len);
	buf_add(&c->text, piece_text(p), p->text_len);
	for (uint32_t i = 0; i < p->text_len; i++)
		c->offsets = (c->offsets ^ (p->raw_off + (p->lit_len ? 0 : i))) * 1099511628211u +
			     p->lit_len;
}

/* The pieces must come in raw order and lie within what was fed. */
static void take_all(struct trace *t, const struct wire *w, struct pieces *v, uint64_t fed,
		     uint64_t *last)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct piece *p = &v->v[i];
		CHECK(p->raw_off + p->raw_len <= fed);
		if (p->kind == PIECE_TEXT) {
			CHECK(p->raw_off >= *last);
			*last = p->raw_off;
		}
		take(t, w, p);
	}
	v->n = 0;
}

/* Under the address sanitizer the decoder sees a buffer that ends exactly where the bytes do. */
static size_t feed(struct wire *w, const char *p, size_t n, bool finish, struct pieces *v,
		   struct trace *t, uint64_t fed, uint64_t *last)
{
#ifdef __SANITIZE_ADDRESS__
	char *copy = malloc(n ? n : 1);
	CHECK(copy);
	if (n)
		memcpy(copy, p, n);
	p = copy;
#endif
	size_t used = 0;
	if (finish)
		t->error = wire_finish(w, p, n, v);
	else
		used = wire_feed(w, p, n, v);
	CHECK(used <= n);
	take_all(t, w, v, fed, last);
#ifdef __SANITIZE_ADDRESS__
	free(copy);
#endif
	return used;
}

void trace_run(struct trace *t, const struct wire_options *o, struct span body, size_t first,
	       size_t step)
{
	struct wire *w = wire_new(o);
	struct pieces v = { 0 };
	size_t done = 0, fed = 0;
	uint64_t last = 0;

	CHECK(w);
	*t = (struct trace){ 0 };
	if (!step)
		step = body.n;
	while (fed < body.n) {
		fed += min_size(first && !fed ? first : step, body.n - fed);
		done += feed(w, body.p + done, fed - done, false, &v, t, fed, &last);
		CHECK(wire_consumed(w) == done);
	}
	feed(w, body.p + done, body.n - done, true, &v, t, fed, &last);
	CHECK(t->error || wire_consumed(w) == body.n);
	t->dialect = wire_dialect(w);
	t->consumed = wire_consumed(w);
	t->memory = wire_memory(w);
	wire_usage(w, &t->usage);
	pieces_fini(&v);
	wire_free(w);
}

void trace_fini(struct trace *t)
{
	for (size_t i = 0; i < WIRE_CHANNELS_MAX; i++)
		buf_fini(&t->channels[i].text);
	buf_fini(&t->frames);
}

const char *trace_differs(const struct trace *a, const struct trace *b)
{
	if (a->error != b->error)
		return "error";
	if (a->n != b->n)
		return "number of channels";
	if (a->dialect != b->dialect)
		return "dialect";
	if (a->consumed != b->consumed)
		return "consumed";
	if (a->usage.input != b->usage.input || a->usage.output != b->usage.output ||
	    a->usage.reasoning != b->usage.reasoning)
		return "usage";
	if (a->frames.n != b->frames.n ||
	    (a->frames.n && memcmp(a->frames.p, b->frames.p, a->frames.n) != 0))
		return "frames or channel ends";
	for (size_t i = 0; i < a->n; i++) {
		const struct trace_channel *x = &a->channels[i], *y = &b->channels[i];
		if (x->id.kind != y->id.kind || x->id.a != y->id.a || x->id.b != y->id.b)
			return "channel identity";
		if (x->text.n != y->text.n ||
		    (x->text.n && memcmp(x->text.p, y->text.p, x->text.n) != 0))
			return "text";
		if (x->offsets != y->offsets)
			return "raw offsets";
	}
	return NULL;
}

static void same(const char *name, const struct wire_options *o, struct span body,
		 const struct trace *whole, size_t first, size_t step)
{
	struct trace t;

	trace_run(&t, o, body, first, step);
	const char *what = trace_differs(whole, &t);
	cr_expect_null(what, "%s: first %zu, then %zu: %s differs", name, first, step, what);
	trace_fini(&t);
}

void trace_splits(const char *name, const struct wire_options *o, struct span body, size_t every)
{
	struct trace whole;

	trace_run(&whole, o, body, 0, 0);
	same(name, o, body, &whole, 0, 1);
	same(name, o, body, &whole, 0, 7);
	for (size_t i = 1; body.n <= every && i < body.n; i++)
		same(name, o, body, &whole, i, 0);
	trace_fini(&whole);
}

struct span trace_text(const struct trace *t, struct channel_id id)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct trace_channel *c = &t->channels[i];
		if (c->id.kind == id.kind && c->id.a == id.a && c->id.b == id.b)
			return (struct span){ c->text.p, c->text.n };
	}
	return (struct span){ NULL, 0 };
}

void trace_join(const struct trace *t, enum channel_kind kind, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->channels[i].id.kind == kind && t->channels[i].text.n)
			buf_add(out, t->channels[i].text.p, t->channels[i].text.n);
	}
}

struct span read_file(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "rb");

	if (!f)
		return (struct span){ NULL, 0 };
	for (size_t n = 1; n > 0;) {
		char *to = buf_reserve(&b, 65536);
		CHECK(to);
		n = fread(to, 1, 65536, f);
		b.n += n;
	}
	fclose(f);
	return (struct span){ b.p, b.n };
}

/* The shipped rules in every wire: the samples of tests/policy/rules in content and in tool
 * arguments. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/policy/pack.h"
#include "tests/policy/places.h"

#define PIECE 7 /* bytes of text in a frame, when a sample is spread over several */

/* The channel's text before its last escaping: a fence around prose, or an object around an
 * argument. *body is moved along with what is put in front of it. */
static void dress(const struct place *place, const struct sample *s, struct buf *out, size_t *body)
{
	buf_add_text(out, place->layers == 2 ? "{\"code\":\"" : place->code ? "" : "```\n");
	for (size_t i = 0; i < s->text.n; i++) {
		if (i == s->body)
			*body = out->n;
		if (place->layers == 2)
			buf_add_json(out, (struct span){ s->text.p + i, 1 });
		else
			buf_add_char(out, s->text.p[i]);
	}
	buf_add_text(out, place->layers == 2 ? "\"}" : place->code ? "" : "\n```\n");
}

static struct sample_body place_body(const struct place *place, const struct sample *s, size_t step,
				     struct buf *out)
{
	struct buf text = { 0 };
	size_t body = 0, secret = 0;
	dress(place, s, &text, &body);
	buf_add_text(out, place->open);
	for (size_t at = 0; at < text.n; at++) {
		if (at % step == 0)
			buf_add_text(out, place->prefix);
		if (at == body)
			secret = out->n;
		buf_add_json(out, (struct span){ text.p + at, 1 });
		if (at % step == step - 1 || at == text.n - 1) {
			buf_add_text(out, place->suffix);
			buf_add_text(out, at == text.n - 1 ? "" : place->between);
		}
	}
	buf_add_text(out, place->close);
	cr_assert_not(out->failed || text.failed);
	buf_fini(&text);
	return (struct sample_body){
		place->name, place->framing, place->dialect, { out->p, out->n }, secret
	};
}

static void in_every_wire(struct pack *p, const struct sample *s)
{
	for (size_t i = 0; i < 2 * ARRAY_LEN(places); i++) {
		const struct place *place = &places[i / 2];
		if (i % 2 && !place->spread)
			continue;
		struct buf bytes = { 0 };
		struct sample_body b = place_body(place, s, i % 2 ? PIECE : SIZE_MAX, &bytes);
		struct outcome whole, o;
		pack_run(p, &b, b.bytes.n, b.bytes.n, &whole);
		pack_check(p, s, &b, &whole);
		pack_run(p, &b, 1, 1, &o);
		pack_check(p, s, &b, &o);
		pack_check_same(s, &b, &o, &whole, 1, 1);
		buf_fini(&bytes);
	}
}

Test(pack_wires, every_sample_in_every_wire)
{
	pack_each(in_every_wire);
}

/* What a wire says twice must be the same both times. */
#include <stdlib.h>
#include <string.h>

#include "policy/render_parts.h"

void echo_fini(struct echo *e)
{
	sha256_free(e->hash);
	*e = (struct echo){ 0 };
}

/* Whether this quote is no text of a string; call.c knows why. */
static bool delimits(struct echo *e, uint32_t raw)
{
	e->bare = e->bare || raw == 1;
	return !e->joined && (raw == 1 || (!e->bare && (raw == 2 || raw == 6)));
}

static void feed(struct echo *e, const struct piece *p)
{
	const char *text = piece_text(p);
	uint32_t raw = p->text_len == p->raw_len ? 1 : p->raw_len;

	for (uint32_t i = 0; i < p->text_len; e->joined = false) {
		const char *quote = memchr(text + i, '"', p->text_len - i);
		uint32_t to = quote ? (uint32_t)(quote - text) : p->text_len;
		if (to > i)
			sha256_feed(e->hash, text + i, to - i);
		else
			sha256_feed(e->hash, delimits(e, raw) ? "\"d" : "\"t", 2);
		i = to > i ? to : i + 1;
	}
}

/* False: no memory. */
static bool begun(struct render *r, struct echo *e)
{
	if (e->hash || e->whole)
		return true;
	e->hash = sha256_new();
	if (!e->hash)
		render_fail(r, COMPARE_NO_MEMORY);
	return e->hash;
}

static bool finish(struct render *r, struct echo *e)
{
	if (e->whole)
		return true;
	if (!begun(r, e))
		return false;
	int error = sha256_finish(e->hash, e->digest);
	sha256_free(e->hash);
	e->hash = NULL;
	e->whole = true;
	if (error)
		render_fail(r, COMPARE_NO_MEMORY);
	return !error;
}

void render_said(struct render *r, struct strand *s, const struct piece *p)
{
	uint8_t kind = s->id.kind;

	if (kind != CHANNEL_CONTENT && kind != CHANNEL_ARGUMENTS && kind != CHANNEL_TOOL_TEXT)
		return;
	if (!p->text_len) {
		s->echo.joined = p->raw_len > 0;
		return;
	}
	if (s->echo.whole) /* it goes on after all of it was said */
		render_fail(r, COMPARE_CONTRADICTION);
	else if (begun(r, &s->echo))
		feed(&s->echo, p);
}

void render_repeat(struct render *r, const struct piece *p)
{
	if (!r->repeat && !(r->repeat = calloc(1, sizeof(*r->repeat)))) {
		render_fail(r, COMPARE_NO_MEMORY);
		return;
	}
	echo_fini(&r->repeat->echo);
	r->repeat->on = begun(r, &r->repeat->echo);
	r->repeat->channel = p->channel;
	r->repeat->call = p->call;
}

/* Of a name, which is kept as text. */
static bool name_echo(struct render *r, const struct strand *names, uint32_t call, struct echo *out)
{
	struct buf text = { 0 };
	bool fine = begun(r, out);

	render_names(names, &call, &text);
	if (fine && text.n)
		sha256_feed(out->hash, text.p, text.n - 1);
	if (fine && text.failed)
		render_fail(r, COMPARE_NO_MEMORY);
	fine = fine && !text.failed && finish(r, out);
	buf_fini(&text);
	return fine;
}

static void compare_repeat(struct render *r)
{
	struct repeat *q = r->repeat;
	struct strand *s = r->strands[q->channel];
	struct echo none = { 0 }, *said = s && s->id.kind != CHANNEL_TOOL_NAME ? &s->echo : &none;

	bool fine = s && said == &none ? name_echo(r, s, q->call, said) : finish(r, said);
	if (fine && finish(r, &q->echo) && memcmp(said->digest, q->echo.digest, SHA256_BYTES) != 0)
		render_fail(r, COMPARE_CONTRADICTION);
	q->on = false;
	echo_fini(&none);
	echo_fini(&q->echo);
}

void render_repeated(struct render *r, const struct piece *p)
{
	if (!r->repeat || !r->repeat->on)
		return;
	bool end = p->lit_len == 1 && p->raw_len == 1 && p->lit[0] == '\0';
	if (end)
		compare_repeat(r);
	else
		feed(&r->repeat->echo, p);
}

#include "policy/render.h"

#include <stdlib.h>
#include <string.h>

#include "policy/render_parts.h"

static void forget_strands(struct render *r)
{
	for (size_t i = 0; i < WIRE_CHANNELS_MAX; i++) {
		if (r->strands[i]) {
			call_fini(&r->strands[i]->call);
			echo_fini(&r->strands[i]->echo);
		}
		free(r->strands[i]);
		r->strands[i] = NULL;
	}
	if (r->repeat)
		echo_fini(&r->repeat->echo);
	free(r->repeat);
	r->repeat = NULL;
}

static void file_fini(struct render_file *f)
{
	buf_fini(&f->path);
	buf_fini(&f->text);
	online_fini(&f->online);
}

void render_fini(struct render *r)
{
	forget_strands(r);
	for (uint32_t i = 0; i < r->n; i++) {
		file_fini(&r->files[i]);
	}
	free(r->files);
	buf_fini(&r->actions);
	buf_fini(&r->names);
	r->files = NULL;
	r->n = r->cap = 0;
}

size_t render_memory(const struct render *r)
{
	size_t n = r->cap * sizeof(*r->files) + r->actions.cap + r->names.cap +
		   (r->repeat ? sizeof(*r->repeat) : 0);
	for (uint32_t i = 0; i < r->n; i++)
		n += r->files[i].path.cap + r->files[i].text.cap +
		     r->files[i].online.n * sizeof(uint32_t);
	for (size_t i = 0; i < WIRE_CHANNELS_MAX; i++)
		if (r->strands[i])
			n += sizeof(*r->strands[i]) + r->strands[i]->call.rest.cap +
			     (r->strands[i]->echo.hash ? SHA256_MEMORY : 0) +
			     (r->strands[i]->call.levels ? CALL_DEPTH * sizeof(struct call_level)
							 : 0);
	return n;
}

void render_fail(struct render *r, enum compare_reason why)
{
	if (r->failed)
		return;
	r->failed = true;
	r->why = why;
}

struct render_file *render_open(struct render *r, enum render_place place, uint16_t choice)
{
	if (r->n == r->cap) {
		uint32_t cap = r->cap ? 2 * r->cap : 4;
		struct render_file *v =
			r->cap < RENDER_FILES ? realloc(r->files, cap * sizeof(*v)) : NULL;
		if (!v) {
			render_fail(r,
				    r->cap < RENDER_FILES ? COMPARE_NO_MEMORY : COMPARE_TOO_LARGE);
			return NULL;
		}
		r->files = v;
		r->cap = cap;
	}
	struct render_file *f = &r->files[r->n++];
	*f = (struct render_file){ .place = (uint8_t)place, .choice = choice, .open = true };
	return f;
}

/* Without what the fence is indented by. */
static void add_indented(struct render_file *f, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool start = !f->text.n || f->text.p[f->text.n - 1] == '\n';
		f->skipped = start ? f->skipped : 0;
		if (start && p[i] == ' ' && f->skipped < f->indent) {
			f->skipped++;
			continue;
		}
		buf_add_char(&f->text, p[i]);
	}
}

void render_add(struct render *r, struct render_file *f, const char *p, size_t n)
{
	if (n > r->max_bytes - r->bytes) {
		render_fail(r, COMPARE_TOO_LARGE);
		return;
	}
	r->bytes += (uint32_t)n;
	if (f->indent)
		add_indented(f, p, n);
	else
		buf_add(&f->text, p, n);
	if (f->text.failed)
		render_fail(r, COMPARE_NO_MEMORY);
}

void render_name(struct render *r, struct render_file *f, struct span path)
{
	while (path.n > 2 && memcmp(path.p, "./", 2) == 0 && path.p[2] != '/')
		path.p += 2, path.n -= 2;
	if (f->path.n || path.n > RENDER_PATH)
		return;
	buf_add(&f->path, path.p, path.n);
	if (f->path.failed) /* without it, it would be another file */
		render_fail(r, COMPARE_NO_MEMORY);
	const struct syntax_language *language = syntax_of_file(path);
	f->language = language ? language : f->language;
	/* What a fence does not say, a name without an extension does not say either. */
	f->stated = f->stated || f->place == RENDER_CALL || memchr(path.p, '.', path.n);
}

static struct strand *strand_of(struct render *r, const struct wire *wire, uint16_t channel)
{
	CHECK(channel < WIRE_CHANNELS_MAX);
	if (r->strands[channel])
		return r->strands[channel];
	struct strand *s = calloc(1, sizeof(*s));
	if (!s) {
		render_fail(r, COMPARE_NO_MEMORY);
		return NULL;
	}
	s->id = wire_channel(wire, channel);
	s->channel = channel;
	bool responses = wire_dialect(wire) == DIALECT_RESPONSES;
	s->of = responses ? 0 : s->id.a; /* there, items are counted, and an answer is one choice */
	s->call.choice = s->of;
	s->call.channel = channel;
	s->again = responses;
	s->call_number = responses ? s->id.a : s->id.b;
	fence_init(&s->fence);
	r->strands[channel] = s;
	return s;
}

static void take_body(struct render *r, struct strand *s, const struct piece *p)
{
	if (!s->file && render_open(r, RENDER_BODY, 0))
		s->file = r->n;
	if (s->file)
		render_add(r, &r->files[s->file - 1], piece_text(p), p->text_len);
}

/* Names are kept as text, and behind the NUL of each stands the number of its call. */
static void take_name(struct render *r, struct strand *s, const struct piece *p)
{
	bool end = p->lit_len == 1 && p->raw_len == 1 && p->lit[0] == '\0';
	call_add(&s->call, r, piece_text(p), p->text_len);
	if (end)
		call_add(&s->call, r, (const char *)&p->call, sizeof(p->call));
}

static void take(struct render *r, const struct wire *wire, const struct piece *p)
{
	struct strand *s = strand_of(r, wire, p->channel);
	if (!s)
		return;
	if (p->kind == PIECE_CHANNEL_END || s->ended) {
		s->ended = true;
		return;
	}
	if (s->again)
		render_said(r, s, p);
	switch ((enum channel_kind)s->id.kind) {
	case CHANNEL_RAW:
		if (wire_framing(wire) == FRAMING_NONE)
			take_body(r, s, p);
		break;
	case CHANNEL_CONTENT: render_prose(r, s, piece_text(p), p->text_len); break;
	case CHANNEL_ARGUMENTS: call_take(&s->call, r, p); break;
	case CHANNEL_TOOL_NAME: take_name(r, s, p); break;
	case CHANNEL_TOOL_TEXT:
		if (wire_dialect(wire) == DIALECT_GEMINI && s->id.b)
			render_fail(r, COMPARE_UNSUPPORTED); /* arguments by their paths */
		call_add(&s->call, r, piece_text(p), p->text_len);
		break;
	case CHANNEL_ENVELOPE: render_repeated(r, p); break;
	case CHANNEL_REFUSAL:
	case CHANNEL_REASONING:
	case CHANNEL_KIND_COUNT: break;
	}
}

void render_feed(struct render *r, const struct wire *wire, const struct piece *v, size_t n)
{
	CHECK(!r->ended);
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind == PIECE_FRAME)
			continue;
		if (v[i].kind == PIECE_TEXT &&
		    wire_channel(wire, v[i].channel).kind != CHANNEL_ENVELOPE)
			r->seen += v[i].text_len;
		if (!r->failed && v[i].kind == PIECE_REPEAT)
			render_repeat(r, &v[i]);
		else if (!r->failed)
			take(r, wire, &v[i]);
	}
	if (r->failed)
		render_fini(r);
}

/* --- the end --- */

static int by_channel(const void *a, const void *b)
{
	const struct strand *x = *(struct strand *const *)a, *y = *(struct strand *const *)b;
	if (x->id.a != y->id.a)
		return x->id.a < y->id.a ? -1 : 1;
	if (x->id.b != y->id.b)
		return x->id.b < y->id.b ? -1 : 1;
	return (x->channel > y->channel) - (x->channel < y->channel);
}

/* The names of one call, or without numbers those of all calls of a choice: each with a NUL. */
void render_names(const struct strand *names, const uint32_t *call, struct buf *out)
{
	struct span s = { names->call.rest.p, names->call.rest.n };
	for (const char *end; s.n && (end = memchr(s.p, '\0', s.n)) != NULL;) {
		uint32_t number = 0;
		size_t n = (size_t)(end - s.p) + 1;
		if (s.n - n < sizeof(number))
			return;
		memcpy(&number, s.p + n, sizeof(number));
		if (!call || number == *call)
			buf_add(out, s.p, n);
		s.p += n + sizeof(number);
		s.n -= n + sizeof(number);
	}
}

/* What is called, so that two calls cannot have changed their names. */
static void name_call(struct render *r, const struct strand *s, struct buf *out)
{
	for (size_t i = 0; i < WIRE_CHANNELS_MAX; i++) {
		const struct strand *names = r->strands[i];
		if (names && names->id.kind == CHANNEL_TOOL_NAME && names->id.a == s->of)
			render_names(names, &s->call_number, out);
	}
	if (out->failed)
		render_fail(r, COMPARE_NO_MEMORY);
}

/* Of the files of a call: by which tool, and, as one call may be several, in which order. */
static void name_files(struct render *r, const struct strand *s)
{
	struct buf name = { 0 };
	uint32_t place = 0;
	name_call(r, s, &name);
	bool several = name.n && memchr(name.p, '\0', name.n) != name.p + name.n - 1;
	uint32_t tool = (uint32_t)span_hash((struct span){ name.p ? name.p : "", name.n }, 1);
	for (uint32_t i = 0; i < r->n; i++)
		if (r->files[i].strand == 1u + s->channel)
			r->files[i].tool = tool + (several ? ++place : 0);
	buf_fini(&name);
}

static void end_action(struct render *r, struct strand *s)
{
	size_t before = r->actions.n;
	name_files(r, s);
	buf_printf(&r->actions, "%u ", s->of);
	name_call(r, s, &r->actions);
	size_t from = r->actions.n;
	if (s->id.kind == CHANNEL_TOOL_TEXT)
		buf_add(&r->actions, s->call.rest.p, s->call.rest.n);
	else
		call_end(&s->call, r);
	if (r->actions.n == from)
		r->actions.n = before;
	else
		buf_add_char(&r->actions, '\0');
	if (r->actions.failed)
		render_fail(r, COMPARE_NO_MEMORY);
}

static void end_names(struct render *r, const struct strand *s)
{
	buf_printf(&r->names, "%u ", s->id.a);
	render_names(s, NULL, &r->names);
	if (r->names.failed)
		render_fail(r, COMPARE_NO_MEMORY);
}

static void end_strands(struct render *r)
{
	struct strand *v[WIRE_CHANNELS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < WIRE_CHANNELS_MAX; i++)
		if (r->strands[i])
			v[n++] = r->strands[i];
	qsort(v, n, sizeof(*v), by_channel);
	for (size_t i = 0; i < n && !r->failed; i++) {
		if (v[i]->id.kind == CHANNEL_CONTENT)
			render_prose_end(r, v[i]);
		else if (v[i]->id.kind == CHANNEL_ARGUMENTS || v[i]->id.kind == CHANNEL_TOOL_TEXT)
			end_action(r, v[i]);
		else if (v[i]->id.kind == CHANNEL_TOOL_NAME)
			end_names(r, v[i]);
	}
}

static bool is_blank(struct span s)
{
	size_t i = 0;
	while (i < s.n && strchr(" \t\r\n", s.p[i]) && s.p[i])
		i++;
	return i == s.n;
}

/* A line that begins as a fence does, inside of a fence: some readers end the code there. */
static bool has_fence(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		while (i < s.n && strchr(" \t", s.p[i]) && s.p[i])
			i++;
		if (s.n - i >= 3 &&
		    (memcmp(s.p + i, "```", 3) == 0 || memcmp(s.p + i, "~~~", 3) == 0))
			return true;
		const char *end = s.n > i ? memchr(s.p + i, '\n', s.n - i) : NULL;
		i = end ? (size_t)(end - s.p) : s.n;
	}
	return false;
}

static void end_file(struct render *r, struct render_file *f)
{
	struct span text = { f->text.p, f->text.n };
	f->open = false;
	if (!f->stated && !f->path.n && is_blank(text))
		f->dropped = true;
	if (!f->stated && !f->dropped && !f->language)
		f->language = compare_language(text);
	if (f->place == RENDER_FENCE && f->language && has_fence(text))
		render_fail(r, COMPARE_UNSUPPORTED);
}

void render_end(struct render *r)
{
	CHECK(!r->ended);
	r->ended = true;
	if (!r->failed)
		end_strands(r);
	if (r->failed) {
		render_fini(r);
		return;
	}
	forget_strands(r);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < r->n; i++)
		end_file(r, &r->files[i]);
	if (r->failed) {
		render_fini(r);
		return;
	}
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->files[i].dropped) {
			file_fini(&r->files[i]);
		} else {
			r->files[kept++] = r->files[i];
		}
	}
	r->n = kept;
}

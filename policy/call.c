#include "policy/call.h"

#include <stdlib.h>
#include <string.h>

#include "policy/arguments.h"

void call_fini(struct call *c)
{
	buf_fini(&c->rest);
	free(c->levels);
	*c = (struct call){ 0 };
}

static struct call_level *top(struct call *c)
{
	return c->depth && c->depth <= CALL_DEPTH ? &c->levels[c->depth - 1] : NULL;
}

static bool is_content_key(struct span key)
{
	static const char *const keys[] = {
		"content",    "contents", "file_text",    "text",        "code",        "source",
		"new_source", "body",     "file_content", "filecontent", "new_content", "filetext"
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (span_eq_nocase(span_of(keys[i]), key))
			return true;
	return false;
}

void call_add(struct call *c, struct render *r, const char *p, size_t n)
{
	if (n > RENDER_ACTIONS - r->action_bytes) {
		render_fail(r, COMPARE_TOO_LARGE);
		return;
	}
	r->action_bytes += (uint32_t)n;
	buf_add(&c->rest, p, n);
	if (c->rest.failed)
		render_fail(r, COMPARE_NO_MEMORY);
}

static void rest_string(struct call *c, struct render *r, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !r->failed; i++) {
		if (p[i] == '"' || p[i] == '\\')
			call_add(c, r, "\\", 1);
		call_add(c, r, p + i, 1);
	}
}

/* --- strings --- */

static void open_file(struct call *c, struct render *r, struct call_level *l)
{
	const char mark[] = { MARK_FILE, (char)('0' + r->n % 64) };
	struct render_file *f = render_open(r, RENDER_CALL, c->choice);
	if (!f)
		return;
	l->file = r->n;
	f->strand = 1u + c->channel;
	f->said_text = l->said_next;
	if (l->path) {
		f->said_path = l->said_path;
		render_name(r, f, (struct span){ l->name, l->path });
	}
	call_add(c, r, mark, sizeof(mark));
}

static void begin_string(struct call *c, struct render *r)
{
	struct call_level *l = top(c);
	c->string = true;
	c->word_n = 0;
	c->role = !l ? CALL_OTHER : l->key ? CALL_KEY : l->next;
	if ((c->role == CALL_PATH && l->path) || (c->role == CALL_CONTENT && l->file))
		c->role = CALL_OTHER;
	if (c->role == CALL_CONTENT) {
		open_file(c, r, l);
		return;
	}
	if (c->role == CALL_PATH)
		call_add(c, r, (const char[]){ MARK_PATH }, 1);
	call_add(c, r, "\"", 1);
}

static void end_path(struct call *c, struct render *r, struct call_level *l)
{
	if (c->word_n > RENDER_PATH)
		render_fail(r, COMPARE_TOO_LARGE);
	if (c->word_n > RENDER_PATH || !c->word_n)
		return;
	memcpy(l->name, c->word, c->word_n);
	l->path = c->word_n;
	l->said_path = l->said_next;
	if (l->file) {
		r->files[l->file - 1].said_path = l->said_path;
		render_name(r, &r->files[l->file - 1], (struct span){ c->word, c->word_n });
	}
}

static void end_string(struct call *c, struct render *r)
{
	struct call_level *l = top(c);
	struct span word = { c->word, c->word_n > RENDER_PATH ? 0 : c->word_n };
	c->string = false;
	if (c->role == CALL_CONTENT) {
		r->files[l->file - 1].open = false;
		return;
	}
	call_add(c, r, "\"", 1);
	if (c->role == CALL_PATH)
		end_path(c, r, l);
	if (c->role == CALL_KEY)
		l->said_next = (uint32_t)span_hash(word, 1);
	if (c->role == CALL_KEY)
		l->next = arguments_is_path_key(word) ? CALL_PATH
			  : is_content_key(word)      ? CALL_CONTENT
						      : CALL_OTHER;
}

static void inside(struct call *c, struct render *r, const char *p, size_t n)
{
	if (c->role == CALL_CONTENT) {
		render_add(r, &r->files[top(c)->file - 1], p, n);
		return;
	}
	if (c->role != CALL_OTHER) {
		size_t room = c->word_n > RENDER_PATH ? 0 : (size_t)(RENDER_PATH - c->word_n);
		if (n <= room)
			memcpy(c->word + c->word_n, p, n);
		c->word_n = (uint16_t)(n <= room ? c->word_n + n : RENDER_PATH + 1);
	}
	rest_string(c, r, p, n);
}

/* --- between strings --- */

static void go_in(struct call *c, bool object)
{
	c->depth++;
	if (top(c))
		*top(c) = (struct call_level){ .object = object, .key = object };
}

static void outside(struct call *c, struct render *r, char b)
{
	struct call_level *l = top(c);
	if (strchr(" \t\r\n", b) || (b > 0 && b < ' '))
		b = ' ';
	call_add(c, r, &b, 1);
	if (b == '{' || b == '[') {
		go_in(c, b == '{');
	} else if (b == '}' || b == ']') {
		c->broken = c->broken || !c->depth;
		c->depth -= c->depth > 0;
	} else if (l && b == ':') {
		l->key = false;
	} else if (l && b == ',') {
		l->key = l->object;
		l->next = CALL_OTHER;
	}
}

/* Whether a quote that stands for so many raw bytes is no text of a string. */
static bool delimits(struct call *c, uint32_t raw)
{
	c->bare = c->bare || raw == 1;
	return raw == 1 || (!c->bare && (raw == 2 || raw == 6));
}

void call_take(struct call *c, struct render *r, const struct piece *p)
{
	const char *text = piece_text(p);
	if (!p->text_len) {
		c->joined = p->raw_len > 0;
		return;
	}
	if (!c->levels && !(c->levels = calloc(CALL_DEPTH, sizeof(*c->levels)))) {
		render_fail(r, COMPARE_NO_MEMORY);
		return;
	}
	uint32_t raw = p->text_len == p->raw_len ? 1 : p->raw_len;
	for (uint32_t i = 0; i < p->text_len && !r->failed; i++) {
		const char *quote = memchr(text + i, '"', p->text_len - i);
		uint32_t to = quote ? (uint32_t)(quote - text) : p->text_len;
		if (c->string && to > i) {
			inside(c, r, text + i, to - i);
			i = to - 1;
		} else if (to > i) {
			outside(c, r, text[i]);
		} else if (!c->joined && delimits(c, raw)) {
			if (c->string)
				end_string(c, r);
			else
				begin_string(c, r);
		} else if (c->string) {
			inside(c, r, "\"", 1);
		} else {
			c->broken = true;
		}
		c->joined = false;
	}
}

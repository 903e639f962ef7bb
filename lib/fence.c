#include "lib/fence.h"

#include <string.h>

enum where {
	AT_START, /* only spaces so far */
	IN_RUN,   /* fence characters */
	IN_WORD,  /* the language, after an opening run */
	AFTER_WORD,
	AFTER_RUN, /* spaces after a closing run */
	IN_TEXT    /* this line is no fence */
};

void fence_init(struct fence *f)
{
	*f = (struct fence){ 0 };
}

static void new_line(struct fence *f)
{
	f->where = AT_START;
	f->indent = 0;
	f->run = 0;
}

/* A line ended. */
static void end_line(struct fence *f)
{
	bool run = f->run >= 3 && f->where != IN_TEXT, close = fence_may_close(f);

	if (!f->open && run) {
		f->open = f->run;
		f->language[f->language_n > FENCE_LANGUAGE_MAX ? 0 : f->language_n] = '\0';
	} else if (close) {
		f->open = 0;
	}
	new_line(f);
}

bool fence_may_close(const struct fence *f)
{
	return f->open && f->run >= f->open && f->run >= 3 && f->where != IN_TEXT;
}

static void take_word(struct fence *f, char c)
{
	if (f->language_n > FENCE_LANGUAGE_MAX - 1u) {
		f->language_n = FENCE_LANGUAGE_MAX + 1;
		return;
	}
	f->language[f->language_n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The character that ends a run of fence characters. */
static void after_run(struct fence *f, char c)
{
	bool space = c == ' ' || c == '\t';

	if (f->open) {
		f->where = space ? AFTER_RUN : IN_TEXT;
		return;
	}
	if (f->run < 3) {
		f->where = IN_TEXT;
		return;
	}
	f->language_n = 0;
	f->where = space ? AFTER_RUN : IN_WORD;
	if (!space)
		take_word(f, c);
}

static void at_start(struct fence *f, char c)
{
	if (c == ' ' && f->indent < 4) {
		f->indent++;
	} else if (f->indent < 4 && (f->open ? c == (char)f->mark : c == '`' || c == '~')) {
		f->mark = (uint8_t)c;
		f->run = 1;
		f->language_n = 0;
		f->where = IN_RUN;
	} else {
		f->where = IN_TEXT;
	}
}

static void step(struct fence *f, char c)
{
	switch ((enum where)f->where) {
	case AT_START: at_start(f, c); break;
	case IN_RUN:
		if (c != (char)f->mark)
			after_run(f, c);
		else if (f->run < UINT16_MAX)
			f->run++;
		break;
	case AFTER_RUN:
		if (c == ' ' || c == '\t')
			break;
		f->where = f->open ? IN_TEXT : IN_WORD;
		if (!f->open)
			take_word(f, c);
		break;
	case IN_WORD:
		if (c == ' ' || c == '\t' || c == '{' || c == ',')
			f->where = AFTER_WORD;
		else
			take_word(f, c);
		break;
	case AFTER_WORD:
	case IN_TEXT: break;
	}
	/* An info string after backticks holds none: such a line is inline code in prose. */
	if (!f->open && f->mark == '`' && c == '`' &&
	    (f->where == IN_WORD || f->where == AFTER_WORD))
		f->where = IN_TEXT;
}

#define LOOK_AHEAD 512 /* bytes in which fence characters are looked for at once */

/* The length of whole lines at p in which no fence character stands: of them nothing comes. */
static size_t plain_lines(const char *p, size_t n)
{
	n = n < LOOK_AHEAD ? n : LOOK_AHEAD;
	const char *mark = memchr(p, '`', n);
	n = mark ? (size_t)(mark - p) : n;
	mark = memchr(p, '~', n);
	n = mark ? (size_t)(mark - p) : n;
	const char *end = memrchr(p, '\n', n);
	return end ? (size_t)(end - p) + 1 : 0;
}

size_t fence_feed(struct fence *f, const char *p, size_t n, bool *code)
{
	*code = f->open != 0;
	for (size_t i = 0; i < n; i++) {
		if (f->where == IN_TEXT) { /* nothing on this line matters any more */
			const char *end = memchr(p + i, '\n', n - i);
			if (!end)
				return n;
			i = (size_t)(end - p);
		} else if (f->where == AT_START) {
			for (; i < n && p[i] == ' ' && f->indent < 4; i++)
				f->indent++;
			if (i == n)
				return n;
		}
		if (p[i] == '\n') {
			end_line(f);
			if ((f->open != 0) != *code)
				return i + 1;
			i += plain_lines(p + i + 1, n - i - 1);
		} else if (p[i] != '\r') {
			step(f, p[i]);
		}
	}
	return n;
}

#include "lib/toml_scan.h"

#include <string.h>

#include "lib/json_escape.h"

bool toml_fail(struct toml_scan *p, const char *why)
{
	p->why = p->why ? p->why : why;
	return false;
}

/* --- characters --- */

char toml_peek(const struct toml_scan *p)
{
	return p->p < p->end ? *p->p : '\0';
}

bool toml_take(struct toml_scan *p, char c)
{
	if (toml_peek(p) != c)
		return false;
	p->p++;
	return true;
}

bool toml_starts(const struct toml_scan *p, const char *with)
{
	size_t n = strlen(with);
	return (size_t)(p->end - p->p) >= n && memcmp(p->p, with, n) == 0;
}

void toml_skip_space(struct toml_scan *p)
{
	while (toml_peek(p) == ' ' || toml_peek(p) == '\t')
		p->p++;
}

static bool line_end(struct toml_scan *p)
{
	if (toml_starts(p, "\r\n"))
		p->p++;
	if (!toml_take(p, '\n'))
		return false;
	p->line++;
	return true;
}

static bool allowed(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static void skip_comment(struct toml_scan *p)
{
	if (toml_take(p, '#'))
		while (p->p < p->end && allowed(*p->p))
			p->p++;
}

/* Space, comments and line ends. */
void toml_skip_blank(struct toml_scan *p)
{
	do {
		toml_skip_space(p);
		skip_comment(p);
	} while (line_end(p));
}

bool toml_end_line(struct toml_scan *p)
{
	toml_skip_space(p);
	skip_comment(p);
	if (p->p < p->end && !line_end(p))
		return toml_fail(p, "something follows on the line; begin a new line before it");
	return true;
}

/* --- strings --- */

/* Two hexadecimal digits at least; the character may be no NUL, which a C string would end at. */
static bool code_point(struct toml_scan *p, unsigned digits)
{
	uint32_t value = 0;
	char utf8[4];
	for (unsigned i = 0; i < digits; i++) {
		int digit = p->p < p->end ? json_hex(*p->p) : -1;
		if (digit < 0)
			return toml_fail(
				p, "an escape has too few hexadecimal digits; write all of them");
		value = value << 4 | (uint32_t)digit;
		p->p++;
	}
	if (!value || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return toml_fail(p, "an escape stands for no character; write one that does");
	buf_add(&p->text, utf8, json_utf8(value, utf8));
	return true;
}

static bool escape(struct toml_scan *p, bool lines)
{
	const char *space = p->p;
	char c = toml_peek(p);
	if (lines) { /* a backslash at a line's end takes the blanks after it along */
		toml_skip_space(p);
		if (line_end(p)) {
			do
				toml_skip_space(p);
			while (line_end(p));
			return true;
		}
		p->p = space;
	}
	p->p += p->p < p->end;
	if (c == 'u' || c == 'U')
		return code_point(p, c == 'u' ? 4 : 8);
	if (!c || c == '/' || !json_simple[(unsigned char)c])
		return toml_fail(p, "an escape is not known; write \\\\ for a backslash, or '...'");
	buf_add_char(&p->text, json_simple[(unsigned char)c]);
	return true;
}

/* Up to two quotes may stand right before the three that end it. */
static bool ends_lines(struct toml_scan *p, const char *three)
{
	if (!toml_starts(p, three))
		return false;
	p->p += 3;
	for (int i = 0; i < 2 && toml_take(p, *three); i++)
		buf_add_char(&p->text, *three);
	return true;
}

/* One character of a string, or one escape sequence. */
static bool read_character(struct toml_scan *p, char quote, bool lines)
{
	if (quote == '"' && toml_take(p, '\\'))
		return escape(p, lines);
	if (lines && line_end(p))
		buf_add_char(&p->text, '\n');
	else if (allowed(*p->p))
		buf_add_char(&p->text, *p->p++);
	else
		return toml_fail(p, "a string does not end on its line; close it there");
	return true;
}

bool toml_string(struct toml_scan *p)
{
	char quote = *p->p;
	const char *three = quote == '"' ? "\"\"\"" : "'''";
	bool lines = toml_starts(p, three);
	buf_clear(&p->text);
	p->p += lines ? 3 : 1;
	if (lines)
		(void)line_end(p);
	while (lines ? !ends_lines(p, three) : !toml_take(p, quote)) {
		if (p->p == p->end)
			return toml_fail(p, "a string does not end; close it");
		if (!read_character(p, quote, lines))
			return false;
	}
	return p->text.failed ? toml_fail(p, TOML_NO_MEMORY) : true;
}

/* --- names --- */

bool toml_is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

bool toml_name(struct toml_scan *p)
{
	if (toml_starts(p, "\"\"\"") || toml_starts(p, "'''"))
		return toml_fail(p,
				 "a name may not go over several lines; write it in single quotes");
	if (toml_peek(p) == '"' || toml_peek(p) == '\'')
		return toml_string(p);
	buf_clear(&p->text);
	while (toml_is_bare(toml_peek(p)))
		buf_add_char(&p->text, *p->p++);
	if (!p->text.n && !p->text.failed)
		return toml_fail(
			p, "a name belongs here; write letters, digits, _ and -, or quote it");
	return p->text.failed ? toml_fail(p, TOML_NO_MEMORY) : true;
}

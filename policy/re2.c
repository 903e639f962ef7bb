#include "policy/re2.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "policy/re2_class.h"

#define DEPTH_MAX 64

enum { FLAG_I = 1, FLAG_M = 2, FLAG_S = 4, FLAG_U = 8 };

struct translation {
	struct re2_reader r;
	struct buf *out;
	unsigned flags[DEPTH_MAX]; /* of the groups that are open */
	size_t depth;
	bool repeatable; /* something stands before, that a quantifier may follow */
};

static void fail(struct translation *t, const char *why)
{
	t->r.why = t->r.why ? t->r.why : why;
}

static bool starts(const struct translation *t, const char *text)
{
	return strncmp(t->r.s + t->r.at, text, strlen(text)) == 0;
}

/* --- quantifiers --- */

/* {n} {n,} {n,m}; their length, or 0 for a brace that stands for itself. */
static size_t braces(const char *s)
{
	size_t n = 1, digits = *s == '{' ? strspn(s + n, "0123456789") : 0;
	if (!digits)
		return 0;
	n += digits;
	if (s[n] == ',')
		n += 1 + strspn(s + n + 1, "0123456789");
	return s[n] == '}' ? n + 1 : 0;
}

static size_t quantifier_length(const char *s)
{
	return *s && strchr("*+?", *s) ? 1 : braces(s);
}

static void quantifier(struct translation *t, size_t n)
{
	const char *from = t->r.s + t->r.at;
	t->r.at += n;
	if (!t->repeatable)
		fail(t, "a quantifier with nothing before it");
	buf_add(t->out, from, n);
	bool lazy = t->r.s[t->r.at] == '?';
	t->r.at += lazy;
	if (lazy != !!(t->flags[t->depth] & FLAG_U))
		buf_add_char(t->out, '?');
	if (quantifier_length(t->r.s + t->r.at))
		fail(t, "a quantifier after a quantifier");
	t->repeatable = false;
}

/* An item as it is to be written; what is more than one byte, or none, is grouped to be repeated.
 */
static void add_item(struct translation *t, struct buf *item, bool single)
{
	bool wrap = !single && quantifier_length(t->r.s + t->r.at);
	buf_add_text(t->out, wrap ? "(?:" : "");
	buf_add(t->out, item->p, item->n);
	buf_add_text(t->out, wrap ? ")" : "");
	t->out->failed = t->out->failed || item->failed;
	buf_fini(item);
	t->repeatable = true;
}

/* --- items --- */

static void add_text(struct translation *t, const char *text, bool single)
{
	struct buf item = { 0 };
	buf_add_text(&item, text);
	add_item(t, &item, single);
}

static void add_quoted(struct translation *t)
{
	t->r.at++;
	while (t->r.s[t->r.at] && !starts(t, "\\E")) {
		unsigned char c = (unsigned char)t->r.s[t->r.at++];
		if (c < 128)
			re2_add_literal(t->out, c);
		else
			buf_printf(t->out, "\\x%02x", c);
		t->repeatable = true;
	}
	t->r.at += t->r.s[t->r.at] ? 2 : 0;
}

static void escape(struct translation *t)
{
	struct pattern_set set = { .rough = false };
	struct buf item = { 0 };
	char c = t->r.s[++t->r.at];
	if (c && strchr("bBAzdDwW", c)) {
		const char text[] = { '\\', c, 0 };
		t->r.at++;
		add_text(t, text, strchr("dDwW", c) != NULL);
	} else if (c == 'C') {
		t->r.at++;
		add_text(t, "(?s:.)", true);
	} else if (c == 'Q') {
		add_quoted(t);
	} else if (re2_escape_class(&t->r, &set)) {
		re2_add_set(&item, &set, false);
		add_item(t, &item, true);
	} else {
		int32_t v = re2_escape(&t->r);
		if (v >= 0)
			re2_add_literal(&item, v);
		add_item(t, &item, v < 128);
	}
}

/* A character beyond ASCII is repeated as a whole. */
static void wide(struct translation *t)
{
	struct buf item = { 0 };
	do
		buf_printf(&item, "\\x%02x", (unsigned char)t->r.s[t->r.at++]);
	while (((unsigned char)t->r.s[t->r.at] & 0xc0) == 0x80);
	add_item(t, &item, false);
}

static void item(struct translation *t)
{
	char c = t->r.s[t->r.at];
	struct buf class = { 0 };
	if (c == '\\') {
		escape(t);
	} else if (c == '[') {
		re2_class(&t->r, &class);
		add_item(t, &class, true);
	} else if (c == '$') {
		t->r.at++;
		add_text(t, t->flags[t->depth] & FLAG_M ? "$" : "\\z", false);
	} else if (c == '^') {
		t->r.at++;
		add_text(t, "^", false);
	} else if (c == '{') {
		t->r.at++;
		add_text(t, "\\{", true);
	} else if ((unsigned char)c >= 128) {
		wide(t);
	} else {
		const char text[] = { c, 0 };
		t->r.at++;
		add_text(t, text, true);
	}
}

/* --- groups --- */

static void add_flags(struct translation *t, unsigned on, unsigned off, char end)
{
	static const char names[] = "ims";
	buf_add_text(t->out, "(?");
	for (size_t i = 0; i < 3; i++)
		if (on & 1u << i)
			buf_add_char(t->out, names[i]);
	if (off & 7)
		buf_add_char(t->out, '-');
	for (size_t i = 0; i < 3; i++)
		if (off & 1u << i)
			buf_add_char(t->out, names[i]);
	buf_add_char(t->out, end);
}

/* (?flags) and (?flags: with what RE2 has of them. */
static void flag_group(struct translation *t)
{
	static const char names[] = "imsU";
	unsigned now[2] = { 0 }, *to = &now[0];
	size_t at = t->r.at + 2;
	for (; t->r.s[at] && (strchr(names, t->r.s[at]) || t->r.s[at] == '-'); at++) {
		if (t->r.s[at] == '-' && to == &now[1])
			break;
		if (t->r.s[at] == '-')
			to = &now[1];
		else
			*to |= 1u << (strchr(names, t->r.s[at]) - names);
	}
	char end = t->r.s[at];
	if ((end != ')' && end != ':') || (to == &now[1] && !now[1]) ||
	    (end == ')' && !(now[0] | now[1]))) {
		fail(t, "a look-around, or a group or flag that RE2 does not have");
		return;
	}
	t->r.at = at + 1;
	unsigned flags = (t->flags[t->depth] | now[0]) & ~now[1];
	t->repeatable = false;
	if (end == ':')
		t->flags[++t->depth] = flags;
	else
		t->flags[t->depth] = flags;
	if (end == ':' || ((now[0] | now[1]) & 7))
		add_flags(t, now[0], now[1], end);
}

static void open_group(struct translation *t)
{
	t->repeatable = false;
	if (t->depth + 1 == DEPTH_MAX) {
		fail(t, "groups nested too deep");
		return;
	}
	bool named =
		starts(t, "(?P<") || (starts(t, "(?<") && !starts(t, "(?<=") && !starts(t, "(?<!"));
	if (!named && starts(t, "(?")) {
		flag_group(t);
		return;
	}
	t->r.at++;
	if (named) {
		const char *from = strchr(t->r.s + t->r.at, '<') + 1, *to = from;
		while (isalnum((unsigned char)*to) || *to == '_')
			to++;
		if (to == from || *to != '>')
			fail(t, "a group's name is not one");
		t->r.at = (size_t)(to - t->r.s) + (*to == '>');
	}
	t->flags[t->depth + 1] = t->flags[t->depth];
	t->depth++;
	buf_add_char(t->out, '(');
}

static void close_group(struct translation *t)
{
	if (t->depth == 0) {
		fail(t, "a parenthesis too many");
		return;
	}
	t->r.at++;
	t->depth--;
	buf_add_char(t->out, ')');
	t->repeatable = true;
}

static void step(struct translation *t)
{
	char c = t->r.s[t->r.at];
	size_t n = quantifier_length(t->r.s + t->r.at);
	if (n) {
		quantifier(t, n);
	} else if (c == '(') {
		open_group(t);
	} else if (c == ')') {
		close_group(t);
	} else if (c == '|') {
		t->r.at++;
		buf_add_char(t->out, '|');
		t->repeatable = false;
	} else {
		item(t);
	}
}

int re2_translate(const char *source, struct buf *out, struct buf *why)
{
	struct translation t = { .r = { .s = source }, .out = out };
	while (!t.r.why && t.r.s[t.r.at])
		step(&t);
	if (!t.r.why && t.depth)
		fail(&t, "a parenthesis is not closed");
	if (t.r.why) {
		buf_printf(why, "%s, at offset %zu", t.r.why, t.r.at);
		return -EINVAL;
	}
	return out->failed ? -ENOMEM : 0;
}

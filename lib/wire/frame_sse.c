/*
 * Server-sent events, as the WHATWG describes them: lines end with LF, CRLF or CR; `data` lines of
 * one event are joined by LF; a BOM may come first; a blank line ends the event. A comment outside
 * an event is a frame of its own, since builders send comments without a blank line to keep clients
 * waiting.
 *
 * A CR is only consumed together with the byte after it, which tells whether it is half of a CRLF.
 */
#include <string.h>

#include "lib/wire/steps.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How many of the n bytes at p come before the first CR or LF. */
static size_t line_length(const char *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
							  _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))));
		if (mask)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	while (i < n && p[i] != '\n' && p[i] != '\r')
		i++;
	return i;
}

/* The length of the line end at p, or 0 when n bytes do not tell. */
static size_t line_end(const char *p, size_t n, bool final)
{
	if (n && p[0] == '\n')
		return 1;
	if (n < 2)
		return final ? n : 0;
	return p[1] == '\n' ? 2 : 1;
}

/* A BOM at the start of the body; some clients also skip one that was taken for Latin-1 and encoded
 * again. */
static size_t bom(const struct wire *w, const char *p, size_t n)
{
	if (w->consumed)
		return 0;
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return 3;
	return n >= 6 && memcmp(p, "\xc3\xaf\xc2\xbb\xc2\xbf", 6) == 0 ? 6 : 0;
}

size_t sse_find(struct wire *w, const char *p, size_t n, bool final)
{
	if (w->line == 0)
		w->line = bom(w, p, n);
	if (w->scan < w->line)
		w->scan = w->line;
	for (;;) {
		size_t end = w->scan + line_length(p + w->scan, n - w->scan);
		w->scan = end;
		size_t len = end < n ? line_end(p + end, n - end, final) : 0;
		if (!len)
			return 0;
		bool comment = end > w->line && p[w->line] == ':';
		if (end == w->line || (comment && !w->fields))
			return end + len;
		w->fields = true;
		w->line = w->scan = end + len;
	}
}

/* Whether the line at p is a field called `name`: the length of name, colon and space; 0 when it is
 * not; -1 when n bytes do not tell. */
static int field(const char *p, size_t n, const char *name, bool final)
{
	size_t len = strlen(name);
	size_t have = min_size(len, n);

	if (memcmp(p, name, have) != 0)
		return 0;
	if (n <= len)
		return final ? (n == len ? (int)len : 0) : -1;
	if (p[len] == '\n' || p[len] == '\r')
		return (int)len;
	if (p[len] != ':')
		return 0;
	if (n == len + 1)
		return final ? (int)len + 1 : -1;
	return (int)len + (p[len + 1] == ' ' ? 2 : 1);
}

/* Finds what kind of line begins at p; returns the bytes to skip, or -1 when n bytes do not tell.
 */
static int begin_line(struct wire *w, const char *p, size_t n, bool final)
{
	static const struct {
		const char *name;
		enum sse_line kind;
	} fields[] = { { "data", LINE_DATA }, { "event", LINE_NAME }, { "id", LINE_NAME } };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int skip = field(p, n, fields[i].name, final);
		if (skip < 0)
			return skip;
		if (skip > 0) {
			w->sse_line = (uint8_t)fields[i].kind;
			w->fields = true;
			return skip;
		}
	}
	w->sse_line = p[0] == ':' ? LINE_COMMENT : LINE_NAME; /* an unknown field is judged whole */
	if (p[0] != ':')
		w->fields = true;
	return 0;
}

/* The line that begins joins an earlier data line of the same event with a LF, which stands where
 * this line begins. */
static void join_data(struct wire *w, uint64_t off, struct pieces *out)
{
	if (!w->data_seen) {
		w->data_seen = true;
		return;
	}
	w->draft = false;
	if (w->payload == PAYLOAD_JSON) {
		if (decode_feed(w, "\n", 1, off, out) != 1 && !w->error)
			w->error = WIRE_BAD_JSON; /* inside an escape */
	} else {
		if (w->raw == NO_CHANNEL)
			w->raw = channel_of(w, (struct channel_id){ .kind = CHANNEL_RAW });
		decode_separator(w, w->raw, '\n', off, out);
	}
}

/* The part of a line's value at p; returns the bytes consumed. */
static size_t value(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out)
{
	if (w->sse_line == LINE_DATA)
		return n ? decode_feed(w, p, n, off, out) : 0;
	if (w->sse_line == LINE_NAME)
		decode_text(w, &w->envelope, CHANNEL_ENVELOPE, p, n, off, out);
	return n;
}

/* A line ends at off; true when a frame does. */
static bool end_line(struct wire *w, uint64_t off, struct pieces *out)
{
	enum sse_line kind = w->sse_line;

	w->sse_line = LINE_START;
	if (kind == LINE_NAME)
		decode_separator(w, w->envelope, '\0', off, out);
	return kind == LINE_START || (kind == LINE_COMMENT && !w->fields);
}

size_t sse_run(struct wire *w, const char *p, size_t n, bool final, struct pieces *out)
{
	size_t pos = bom(w, p, n);

	while (pos < n && !w->error) {
		if (w->sse_line == LINE_START && p[pos] != '\n' && p[pos] != '\r') {
			int skip = begin_line(w, p + pos, n - pos, final);
			if (skip < 0)
				break;
			if (w->sse_line == LINE_DATA)
				join_data(w, w->consumed + pos, out);
			if (w->error)
				break;
			pos += (size_t)skip;
		}
		size_t len = line_length(p + pos, n - pos);
		size_t used = len ? value(w, p + pos, len, w->consumed + pos, out) : 0;
		pos += used;
		if (w->error)
			break;
		if (pos == n || used < len) {
			if (used < len && (final || pos + (len - used) < n))
				w->error = WIRE_BAD_JSON; /* a line that ends inside an escape */
			break;
		}
		size_t end = line_end(p + pos, n - pos, final);
		if (!end)
			break;
		pos += end;
		if (end_line(w, w->consumed + pos - end, out)) {
			w->frame_done = true;
			break;
		}
	}
	return pos;
}

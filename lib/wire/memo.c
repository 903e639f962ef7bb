/*
 * Most events of a stream are the same bytes around a different text. The memo keeps the last such
 * frame: what stood before its first text, with the tokenizer's state there, and what stood after
 * it.
 *
 *   data: {"id":"c1","choices":[{"index":0,"delta":{"content":"|some
 * text|"},"finish_reason":null}]}\n\n
 *   |<------------------- prefix: compared ------------------->|         |<----- suffix: compared
 * ----->|
 *
 * Why it is sound. The tokenizer is a function of the bytes, so the same prefix leads to the same
 * state, and the same suffix from that state to the same end. What a prefix or suffix would have
 * emitted are whole strings of the envelope, each closed by a NUL, and the frame that was learned
 * has emitted exactly these: a string that no rule matched then does not match now. A suffix is
 * only kept when its frame had no other text and ended no channel. Whether a frame is like the memo
 * depends on the bytes of the two frames alone, never on how they were split into reads.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/steps.h"

static bool prefix_matches(const struct wire *w, const char *p, size_t n)
{
	const struct memo *m = w->memo;
	return m && m->prefix_n && n > m->prefix_n && memcmp(p, m->prefix, m->prefix_n) == 0;
}

/* The position after the quote that closes the string at p + i, or 0. */
static size_t string_end(const char *p, size_t n, size_t i)
{
	for (;;) {
		i += json_plain(p + i, n - i);
		if (i >= n || (p[i] != '"' && p[i] != '\\'))
			return 0;
		if (p[i] == '"')
			return i + 1;
		if (n - i < 2)
			return 0;
		i += 2;
	}
}

/* Compares; returns the frame's length when it is all like the memo, and sets *end after the first
 * text. */
static size_t compare(struct wire *w, const char *p, size_t n, size_t *end)
{
	const struct memo *m = w->memo;

	*end = 0;
	if (w->framing != FRAMING_SSE || !prefix_matches(w, p, n))
		return 0;
	*end = string_end(p, n, m->prefix_n);
	if (!*end || !m->suffix_n || n - *end < m->suffix_n ||
	    memcmp(p + *end, m->suffix, m->suffix_n) != 0)
		return 0;
	return *end + m->suffix_n;
}

size_t memo_find(struct wire *w, const char *p, size_t n)
{
	size_t end, whole = compare(w, p, n, &end);

	w->memo_prefix = end != 0;
	w->memo_suffix = whole != 0;
	if (end && !whole) { /* the search for the frame's end may begin after the text */
		w->line = w->memo->line;
		w->scan = end;
		w->fields = true;
	}
	return whole;
}

void memo_check(struct wire *w, const char *p, size_t n)
{
	size_t end;

	if (w->memo_suffix)
		return;
	w->memo_suffix = compare(w, p, n, &end) == n;
	w->memo_prefix = end != 0;
}

void memo_note_text(struct wire *w, uint64_t off)
{
	if (w->text_at)
		return;
	w->text_at = off;
	if (w->framing != FRAMING_SSE || w->long_frame || w->reread || w->memo_prefix)
		return;
	uint64_t prefix = off - w->consumed;
	if (prefix > MEMO_PREFIX_MAX || w->ends_asked) {
		if (w->memo)
			w->memo->prefix_n = 0;
		return;
	}
	if (!w->memo)
		w->memo = calloc(1, sizeof *w->memo);
	if (!w->memo)
		return;        /* slower, and nothing else */
	w->memo->prefix_n = 0; /* until the frame has been read to its end */
	w->memo->json = w->json;
	w->memo->r = w->r;
}

static void learn_suffix(struct wire *w, const char *p, size_t n)
{
	struct memo *m = w->memo;
	size_t end = w->text_end ? (size_t)(w->text_end - w->consumed) : n;
	size_t suffix = n - end;

	m->suffix_n = 0;
	if (w->ends_asked || w->known_n != 1 || !suffix || suffix > MEMO_SUFFIX_MAX ||
	    p[n - 1] != '\n')
		return;
	m->suffix_n = (uint16_t)suffix;
	memcpy(m->suffix, p + end, suffix);
}

/* Where the line that holds byte `at` begins. */
static size_t line_of(const char *p, size_t at)
{
	const char *lf = memrchr(p, '\n', at);
	const char *start = lf ? lf + 1 : p;
	const char *cr = memrchr(start, '\r', at - (size_t)(start - p));

	return (size_t)((cr ? cr + 1 : start) - p);
}

void memo_learn(struct wire *w, const char *p, size_t n)
{
	struct memo *m = w->memo;

	if (!m || !w->text_at || w->memo_suffix || w->framing != FRAMING_SSE ||
	    w->payload != PAYLOAD_JSON)
		return;
	if (!w->memo_prefix) {
		size_t prefix = (size_t)(w->text_at - w->consumed);
		if (prefix > MEMO_PREFIX_MAX || w->ends_asked || !w->text_end)
			return;
		memcpy(m->prefix, p, prefix);
		m->prefix_n = (uint16_t)prefix;
		m->line = (uint16_t)line_of(p, prefix);
	}
	learn_suffix(w, p, n);
}

size_t memo_resume(struct wire *w, const char *p, size_t n, struct pieces *out)
{
	const struct memo *m = w->memo;
	uint64_t start = w->consumed;
	size_t stop = w->memo_suffix ? n - m->suffix_n : n;

	w->json = m->json;
	w->r = m->r;
	w->payload = PAYLOAD_JSON;
	w->sse_line = LINE_DATA;
	w->fields = w->data_seen = true;
	w->text_at = start + m->prefix_n;
	decode_resume_text(w);
	w->consumed += m->prefix_n;
	size_t used = w->memo_suffix ? decode_feed(w, p + m->prefix_n, stop - m->prefix_n,
						   w->consumed, out)
				     : sse_run(w, p + m->prefix_n, stop - m->prefix_n, true, out);
	w->consumed = start;
	if (w->memo_suffix && !w->error && m->prefix_n + used != stop)
		w->error = WIRE_BAD_JSON; /* a malformed escape at the string's end */
	return m->prefix_n + used;
}

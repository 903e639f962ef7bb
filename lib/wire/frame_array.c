/*
 * One JSON array whose elements are payloads, as Gemini streams it. A frame is an element with what
 * comes before it (the bracket, a comma, white space); the closing bracket is the last frame. A
 * flush of the builder may fall anywhere.
 *
 *   [{"candidates":...}            ,\n{"candidates":...}            ]
 *   |<---- frame ----->|           |<----- frame ----->|            |<- frame, at the finish
 *
 * A body that does not begin with a bracket is one document.
 */
#include "lib/wire/steps.h"

enum array_state {
	BEFORE_ARRAY,
	FIRST_ELEMENT,
	AFTER_ELEMENT,
	NEXT_ELEMENT,
	IN_ELEMENT,
	IN_TEXT,
	IN_TEXT_ESCAPE,
	AFTER_ARRAY
};

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A byte between elements; false when it cannot stand there. Sets the next state. */
static bool between(struct wire *w, char c)
{
	switch ((enum array_state)w->scan_state) {
	case BEFORE_ARRAY:
		if (c != '[')
			return false;
		w->scan_state = FIRST_ELEMENT;
		return true;
	case FIRST_ELEMENT:
	case NEXT_ELEMENT:
		if (c == ']' && w->scan_state == FIRST_ELEMENT) {
			w->scan_state = AFTER_ARRAY;
			return true;
		}
		if (c != '{' && c != '[')
			return false;
		w->scan_state = IN_ELEMENT;
		w->scan_depth = 1;
		return true;
	case AFTER_ELEMENT:
		w->scan_state = c == ',' ? NEXT_ELEMENT : AFTER_ARRAY;
		return c == ',' || c == ']';
	case IN_ELEMENT:
	case IN_TEXT:
	case IN_TEXT_ESCAPE:
	case AFTER_ARRAY: break;
	}
	return false;
}

/* A byte of an element; true when the element is complete. */
static bool inside(struct wire *w, char c)
{
	if (w->scan_state == IN_TEXT_ESCAPE) {
		w->scan_state = IN_TEXT;
	} else if (w->scan_state == IN_TEXT) {
		w->scan_state = c == '\\' ? IN_TEXT_ESCAPE : c == '"' ? IN_ELEMENT : IN_TEXT;
	} else if (c == '"') {
		w->scan_state = IN_TEXT;
	} else if (c == '{' || c == '[') {
		w->scan_depth++;
	} else if (c == '}' || c == ']') {
		if (--w->scan_depth == 0) {
			w->scan_state = AFTER_ELEMENT;
			return true;
		}
	}
	return false;
}

static bool within(const struct wire *w)
{
	return w->scan_state >= IN_ELEMENT && w->scan_state <= IN_TEXT_ESCAPE;
}

size_t array_find(struct wire *w, const char *p, size_t n)
{
	for (; w->scan < n; w->scan++) {
		if (w->scan_state == IN_TEXT)
			w->scan += json_plain(p + w->scan, n - w->scan);
		if (w->scan == n)
			break;
		char c = p[w->scan];
		if (within(w)) {
			if (inside(w, c))
				return w->scan + 1;
			continue;
		}
		if (blank(c))
			continue;
		bool first = w->scan_state == BEFORE_ARRAY;
		if (between(w, c)) {
			if (within(w)) {
				w->line = w->scan; /* the element begins here */
				w->data_seen = true;
			}
			continue;
		}
		if (first)
			w->framing = FRAMING_DOCUMENT;
		else
			w->error = WIRE_BAD_JSON;
		return 0;
	}
	return 0;
}

size_t array_run(struct wire *w, const char *p, size_t n, struct pieces *out)
{
	if (!w->data_seen)
		return n;
	size_t at = min_size(w->line, n);
	return at + (at < n ? decode_feed(w, p + at, n - at, w->consumed + at, out) : 0);
}

bool array_complete(const struct wire *w)
{
	return w->scan_state == AFTER_ARRAY;
}

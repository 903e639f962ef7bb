/*
 * Lines: each line is a frame with one payload, its LF included. JSON takes the line end for white
 * space.
 */
#include <string.h>

#include "lib/wire/steps.h"

size_t lines_find(struct wire *w, const char *p, size_t n)
{
	const char *end = n > w->scan ? memchr(p + w->scan, '\n', n - w->scan) : NULL;

	w->scan = n;
	return end ? (size_t)(end - p) + 1 : 0;
}

size_t lines_run(struct wire *w, const char *p, size_t n, struct pieces *out)
{
	const char *end = n ? memchr(p, '\n', n) : NULL;
	size_t len = end ? (size_t)(end - p) + 1 : n;
	size_t used = decode_feed(w, p, len, w->consumed, out);

	if (end && used < len && !w->error)
		w->error = WIRE_BAD_JSON; /* a line that ends inside an escape */
	w->frame_done = end != NULL;
	return used;
}

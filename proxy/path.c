#include "proxy/path.h"

#include <string.h>

bool path_is_plain(struct span path)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		if (c == '%' || c == '\\' || c == ';')
			return false;
		if (c == '/' && i + 1 < path.n && (path.p[i + 1] == '/' || path.p[i + 1] == '.'))
			return false;
	}
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(struct span path, struct buf *out)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		if (c == '%' && i + 2 < path.n && hex(path.p[i + 1]) >= 0 &&
		    hex(path.p[i + 2]) >= 0) {
			c = (char)(hex(path.p[i + 1]) * 16 + hex(path.p[i + 2]));
			i += 2;
		}
		buf_add_char(out, c == '\\' ? '/' : c);
	}
}

/* Adds one segment, without its parameters (";x"), to what is already resolved. */
static void add_segment(struct buf *out, struct span segment)
{
	const char *parameters = memchr(segment.p, ';', segment.n);
	if (parameters)
		segment.n = (size_t)(parameters - segment.p);
	if (segment.n == 0 || span_eq(segment, SPAN(".")))
		return;
	if (!span_eq(segment, SPAN(".."))) {
		buf_add_char(out, '/');
		buf_add(out, segment.p, segment.n);
		return;
	}
	while (out->n > 0 && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > 0)
		out->n--;
}

void path_resolve(struct span path, struct buf *out)
{
	struct buf plain = { 0 };
	decode(path, &plain);
	size_t start = 0;
	for (size_t i = 0; i <= plain.n; i++) {
		if (i < plain.n && plain.p[i] != '/')
			continue;
		add_segment(out, (struct span){ plain.p + start, i - start });
		start = i + 1;
	}
	if (out->n == 0 || (plain.n && plain.p[plain.n - 1] == '/'))
		buf_add_char(out, '/');
	out->failed |= plain.failed;
	buf_fini(&plain);
}

#include "proxy/status_print.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 8
#define COLUMNS_MAX 16

/* Control characters could move the cursor or recolour a terminal: they are shown as dots. */
static void add_plain(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		buf_add_char(out, c < 0x20 || c == 0x7f ? '.' : (char)c);
	}
}

static void add_value(struct buf *out, const struct json_value *v)
{
	double n = json_number(v);
	bool several = json_type(v) == JSON_IS_LIST || json_type(v) == JSON_IS_MAP;
	if (several && json_count(v) == 0) {
		buf_add_text(out, "none");
		return;
	}
	switch (json_type(v)) {
	case JSON_IS_NULL: buf_add_text(out, "none yet"); break;
	case JSON_IS_BOOL: buf_add_text(out, json_bool(v) ? "yes" : "no"); break;
	case JSON_IS_NUMBER:
		if (n == floor(n) && fabs(n) < 1e15)
			buf_printf(out, "%.0f", n);
		else
			buf_printf(out, "%.4g", n);
		break;
	case JSON_IS_TEXT: add_plain(out, json_string(v)); break;
	case JSON_IS_LIST:
		for (size_t i = 0; i < json_count(v); i++) {
			buf_add_text(out, i ? ", " : "");
			add_value(out, json_at(v, i));
		}
		break;
	case JSON_IS_MAP:
		for (size_t i = 0; i < json_count(v); i++) {
			buf_add_text(out, i ? ", " : "");
			add_plain(out, json_key_at(v, i));
			buf_add_char(out, '=');
			add_value(out, json_at(v, i));
		}
		break;
	}
}

/* The name of a value as people say it. */
static struct span label(struct span key)
{
	return span_eq(key, SPAN("outstanding")) ? SPAN("in flight") : key;
}

/* A cell of a table; a row that lacks it has a dash. */
static void add_cell(struct buf *out, struct span key, const struct json_value *v)
{
	if (!v || (json_type(v) == JSON_IS_TEXT && !json_string(v).n))
		buf_add_char(out, '-');
	else if (span_eq(key, SPAN("health")) && span_eq(json_string(v), SPAN("unknown")))
		buf_add_text(out, "not checked");
	else
		add_value(out, v);
}

static size_t cell_width(struct span key, const struct json_value *v)
{
	struct buf text = { 0 };
	add_cell(&text, key, v);
	size_t n = text.n;
	buf_fini(&text);
	return n;
}

static void pad(struct buf *out, size_t from, size_t width)
{
	while (out->n < from + width && !out->failed)
		buf_add_char(out, ' ');
}

static bool is_table(const struct json_value *v)
{
	if (json_type(v) != JSON_IS_LIST || json_count(v) == 0)
		return false;
	for (size_t i = 0; i < json_count(v); i++)
		if (json_type(json_at(v, i)) != JSON_IS_MAP)
			return false;
	return true;
}

/* The columns are the keys of the first row; another row may lack some. Keys are NUL-terminated in
 * the document. */
static const struct json_value *cell(const struct json_value *first, const struct json_value *row,
				     size_t column)
{
	return json_get(row, json_key_at(first, column).p);
}

static void add_table(struct buf *out, const struct json_value *list, unsigned indent)
{
	const struct json_value *first = json_at(list, 0);
	size_t columns = min_size(json_count(first), COLUMNS_MAX);
	size_t width[COLUMNS_MAX];
	for (size_t c = 0; c < columns; c++) {
		struct span key = json_key_at(first, c);
		width[c] = label(key).n;
		for (size_t i = 0; i < json_count(list); i++) {
			size_t n = cell_width(key, cell(first, json_at(list, i), c));
			width[c] = n > width[c] ? n : width[c];
		}
	}
	for (size_t row = 0; row <= json_count(list); row++) {
		pad(out, out->n, indent);
		for (size_t c = 0; c < columns; c++) {
			size_t from = out->n;
			struct span key = json_key_at(first, c);
			if (row == 0)
				add_plain(out, label(key));
			else
				add_cell(out, key, cell(first, json_at(list, row - 1), c));
			if (c + 1 < columns)
				pad(out, from, width[c] + 2);
		}
		buf_add_char(out, '\n');
	}
}

static void add_map(struct buf *out, const struct json_value *map, unsigned indent, unsigned depth)
{
	size_t width = 0;
	for (size_t i = 0; i < json_count(map); i++)
		if (json_key_at(map, i).n > width)
			width = json_key_at(map, i).n;
	for (size_t i = 0; i < json_count(map); i++) {
		const struct json_value *v = json_at(map, i);
		bool deeper = depth < DEPTH_MAX &&
			      (is_table(v) || (json_type(v) == JSON_IS_MAP && json_count(v) > 0));
		pad(out, out->n, indent);
		size_t from = out->n;
		add_plain(out, json_key_at(map, i));
		if (!deeper) {
			pad(out, from, width + 2);
			add_value(out, v);
		}
		buf_add_char(out, '\n');
		if (deeper && json_type(v) == JSON_IS_MAP)
			add_map(out, v, indent + 2, depth + 1);
		else if (deeper)
			add_table(out, v, indent + 2);
	}
}

void status_print(const struct json_value *root, struct buf *out)
{
	if (json_type(root) == JSON_IS_MAP) {
		add_map(out, root, 0, 0);
	} else {
		add_value(out, root);
		buf_add_char(out, '\n');
	}
}

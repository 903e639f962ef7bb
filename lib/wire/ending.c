/*
 * What the endings of all dialects share. An ending never contains anything of the text that was
 * cut.
 */
#include <errno.h>
#include <string.h>

#include "lib/wire/state.h"

void add_string(struct buf *out, const char *name, struct span value)
{
	buf_printf(out, "\"%s\":\"", name);
	buf_add_json(out, value);
	buf_add_char(out, '"');
}

static void add_sse(struct buf *out, const char *event, const struct buf *data)
{
	if (event)
		buf_printf(out, "event: %s\n", event);
	buf_add_text(out, "data: ");
	buf_add(out, data->p, data->n);
	buf_add_text(out, "\n\n");
}

bool introduced(const struct wire *w, uint64_t released)
{
	return w->started < released;
}

void add_frame(const struct wire *w, uint64_t released, const char *event, struct buf *data,
	       struct buf *out)
{
	if (w->framing == FRAMING_ARRAY) {
		buf_add_text(out, released ? ",\n" : "[");
		buf_add(out, data->p, data->n);
		buf_add_text(out, "\n]\n");
	} else if (w->framing == FRAMING_SSE) {
		add_sse(out, event, data);
	} else {
		buf_add(out, data->p, data->n);
		buf_add_char(out, '\n');
	}
	if (data->failed)
		out->failed = true;
	buf_fini(data);
}

/* A body without a dialect: a last line. */
int end_plain(struct wire *w, enum wire_ending how, uint64_t released,
	      const struct wire_notice *notice, struct buf *out)
{
	struct buf data = { 0 };

	if (w->framing == FRAMING_NONE && how == ENDING_ERROR)
		return -ENOTSUP; /* text has no form for an error: the body ends without its end */
	if (w->framing == FRAMING_NONE) {
		buf_printf(out, "\n[stream stopped by policy: %.*s, exchange %.*s]\n",
			   (int)notice->rule.n, notice->rule.p, (int)notice->exchange.n,
			   notice->exchange.p);
		return 0;
	}
	buf_add_text(&data, "{\"error\":{");
	add_error(&data, "policy_violation", notice);
	buf_add_text(&data, "}}");
	add_frame(w, released, "error", &data, out);
	return 0;
}

void add_error(struct buf *data, const char *type, const struct wire_notice *notice)
{
	add_string(data, "type", span_of(type));
	buf_add_char(data, ',');
	add_string(data, "code", notice->rule);
	buf_add_char(data, ',');
	add_string(data, "message", notice->message);
	buf_add_char(data, ',');
	add_string(data, "exchange", notice->exchange);
}

int wire_end(struct wire *w, enum wire_ending how, uint64_t released,
	     const struct wire_notice *notice, struct buf *out)
{
	if (w->framing == FRAMING_DOCUMENT)
		return -ENOTSUP;
	return w->table->end(w, how, released, notice, out);
}

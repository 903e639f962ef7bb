/* The top-level "model" of a JSON object, replaced where it stands. */
#include "lib/json_text.h"
#include "proxy/shadow_rewrite.h"

static const struct json_place members[] = { { JSON_KEY("model") } };
static const struct json_place root = { JSON_KIDS(members) };

struct found {
	bool any, open;
	size_t from, to; /* of its value, with the quotes */
};

/* False: the model is no text. */
static bool take(struct found *f, const struct json_text *t, enum json_token token, size_t pos)
{
	bool here = t->place == &members[0];
	if (token == JSON_STRING && here) {
		f->any = f->open = true;
		f->from = pos - 1;
	} else if (token == JSON_STRING_END && f->open) {
		f->open = false;
		f->to = pos;
	}
	return !here || token == JSON_STRING || token == JSON_RUN || token == JSON_ESCAPE ||
	       token == JSON_STRING_END;
}

static enum shadow_fit find(struct span document, struct found *f)
{
	struct json_text t;
	size_t pos = 0;
	bool object = false;
	json_text_init(&t, &root);
	for (;;) {
		enum json_token token = json_text_next(&t, document.p, document.n, &pos);
		if (token == JSON_BAD || token == JSON_TOO_DEEP)
			return SHADOW_NOT_JSON;
		if (token == JSON_MORE || (token == JSON_END && pos == document.n))
			break;
		if (token == JSON_OPEN && t.place == &root)
			object = document.p[t.from] == '{';
		if (!take(f, &t, token, pos))
			return SHADOW_NOT_TEXT;
	}
	return t.done && object ? SHADOW_FITS : SHADOW_NOT_JSON;
}

enum shadow_fit shadow_set_model(struct span document, const char *model, struct buf *out)
{
	struct found f = { 0 };
	enum shadow_fit fit = find(document, &f);
	if (fit != SHADOW_FITS)
		return fit;
	if (!f.any)
		f.from = f.to = document.n;
	buf_add(out, document.p, f.from);
	if (f.any) {
		buf_add_char(out, '"');
		buf_add_json(out, span_of(model));
		buf_add_char(out, '"');
	}
	buf_add(out, document.p + f.to, document.n - f.to);
	return out->failed ? SHADOW_NO_MEMORY : SHADOW_FITS;
}

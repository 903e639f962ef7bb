/*
 * Ollama's own API: one JSON object a line, the last one with `done`.
 */
#include "lib/wire/state.h"

enum { B_GENERATE = 1 };

static const struct json_place function_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
};
static const struct json_place tool_places[] = {
	{ JSON_KEY("function"), JSON_KIDS(function_places) },
};
static const struct json_place tool_element[] = { { .scope = OWN_B, JSON_KIDS(tool_places) } };
static const struct json_place message_places[] = {
	{ JSON_KEY("content"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
	{ JSON_KEY("tool_calls"), JSON_KIDS(tool_element) },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("model"), .role = ROLE_MODEL },
	{ JSON_KEY("created_at"), .role = ROLE_ID },
	{ JSON_KEY("message"), JSON_KIDS(message_places) },
	{ JSON_KEY("response"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT, .extra = B_GENERATE },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING, .extra = B_GENERATE },
	{ JSON_KEY("eval_count"), .role = ROLE_USAGE, .arg = USAGE_OUTPUT },
	{ JSON_KEY("prompt_eval_count"), .role = ROLE_USAGE, .arg = USAGE_INPUT },
	{ JSON_KEY("done"), .role = ROLE_FLAG, .arg = FLAG_FINISH },
};
static const struct json_place root = { .scope = OWN_FLAGS, JSON_KIDS(root_places) };

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	if (place->arg == CHANNEL_TOOL_NAME)
		return tool_name(0, r->b);
	return (struct channel_id){ .kind = place->arg,
				    .b = place->arg == CHANNEL_ARGUMENTS ? r->b : place->extra };
}

static void closed(struct wire *w, const struct json_place *place, const struct registers *r,
		   uint64_t off)
{
	(void)off;
	if (place == &root && (r->flags & FLAG_FINISH))
		end_channels(w, -1, -1, -1);
}

static int end(struct wire *w, enum wire_ending how, uint64_t released,
	       const struct wire_notice *notice, struct buf *out)
{
	struct buf data = { 0 };
	bool known = introduced(w, released);

	if (w->framing == FRAMING_NONE)
		return end_plain(w, how, released, notice, out);
	if (how == ENDING_ERROR) {
		buf_add_char(&data, '{');
		add_string(&data, "error", notice->message);
		buf_add_char(&data, '}');
		add_frame(w, released, NULL, &data, out);
		return 0;
	}
	buf_add_char(&data, '{');
	add_string(&data, "model", known ? (struct span){ w->kept_model, w->model_n } : SPAN(""));
	buf_add_char(&data, ',');
	add_string(&data, "created_at",
		   known && w->id_n ? (struct span){ w->kept_id, w->id_n }
				    : SPAN("1970-01-01T00:00:00Z"));
	buf_add_text(
		&data,
		",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"response\":\"\",\"done\":true,"
		"\"done_reason\":\"content_filter: ");
	buf_add_json(&data, notice->rule);
	buf_add_text(&data, "\"}");
	add_frame(w, released, NULL, &data, out);
	return 0;
}

const struct dialect_table dialect_ollama = {
	.root = &root, .resolve = resolve, .closed = closed, .end = end
};

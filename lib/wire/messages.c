/*
 * Anthropic Messages, streamed and whole. Every block is a channel of its own.
 */
#include "lib/wire/state.h"

enum type { TYPE_OTHER, TYPE_START, TYPE_BLOCK_START, TYPE_BLOCK_STOP, TYPE_STOP };

static uint8_t classify(struct span type)
{
	if (span_eq(type, SPAN("message_start")))
		return TYPE_START;
	if (span_eq(type, SPAN("content_block_start")))
		return TYPE_BLOCK_START;
	if (span_eq(type, SPAN("content_block_stop")))
		return TYPE_BLOCK_STOP;
	return span_eq(type, SPAN("message_stop")) ? TYPE_STOP : TYPE_OTHER;
}

static const struct json_place delta_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("partial_json"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
	{ JSON_KEY("signature"), .role = ROLE_SEALED },
};
static const struct json_place start_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
	{ JSON_KEY("data"), .role = ROLE_SEALED },
	{ JSON_KEY("tool_use_id"), .role = ROLE_STEP },
	{ JSON_KEY("input"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS,
	  .said = SAID_UNLESS_EMPTY }, /* all of it, where no deltas follow */
};
static const struct json_place usage_places[] = {
	{ JSON_KEY("input_tokens"), .role = ROLE_USAGE, .arg = USAGE_INPUT },
	{ JSON_KEY("cache_creation_input_tokens"), .role = ROLE_USAGE, .arg = USAGE_INPUT_CREATED },
	{ JSON_KEY("cache_read_input_tokens"), .role = ROLE_USAGE, .arg = USAGE_INPUT_CACHED },
	{ JSON_KEY("output_tokens"), .role = ROLE_USAGE, .arg = USAGE_OUTPUT },
};
/* A block of a whole answer. */
static const struct json_place block_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("input"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
	{ JSON_KEY("signature"), .role = ROLE_SEALED },
	{ JSON_KEY("data"), .role = ROLE_SEALED },
	{ JSON_KEY("tool_use_id"), .role = ROLE_STEP },
};
static const struct json_place block_element[] = { { .scope = OWN_B, JSON_KIDS(block_places) } };

/* Clients take the blocks that a message begins with for the first ones. */
static const struct json_place message_places[] = {
	{ JSON_KEY("id"), .role = ROLE_ID },
	{ JSON_KEY("model"), .role = ROLE_MODEL },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
	{ JSON_KEY("content"), JSON_KIDS(block_element) },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("type"), .role = ROLE_TYPE },
	{ JSON_KEY("index"), .role = ROLE_B },
	{ JSON_KEY("delta"), JSON_KIDS(delta_places) },
	{ JSON_KEY("content_block"), JSON_KIDS(start_places) },
	{ JSON_KEY("message"), JSON_KIDS(message_places) },
	{ JSON_KEY("content"), JSON_KIDS(block_element) },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
	{ JSON_KEY("id"), .role = ROLE_ID },
};
static const struct json_place root = { .scope = OWN_B | OWN_TYPE, JSON_KIDS(root_places) };

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	if (place->arg == CHANNEL_TOOL_NAME)
		return tool_name(0, r->b);
	return (struct channel_id){ .kind = place->arg, .b = r->b };
}

static void closed(struct wire *w, const struct json_place *place, const struct registers *r,
		   uint64_t off)
{
	if (place != &root)
		return;
	switch ((enum type)r->type) {
	case TYPE_OTHER: break;
	case TYPE_START: /* some proxies put several messages into one body */
		restart_channels(w);
		break;
	case TYPE_BLOCK_START: mark_begin(w, r->b, off); break;
	case TYPE_BLOCK_STOP:
		mark_end(w, r->b, off);
		end_channels(w, -1, -1, r->b);
		break;
	case TYPE_STOP: end_channels(w, -1, -1, -1); break;
	}
}

static void add_failure(struct wire *w, uint64_t released, const struct wire_notice *notice,
			struct buf *out)
{
	struct buf data = { 0 };

	buf_add_text(&data, "{\"type\":\"error\",\"error\":{\"type\":\"policy_violation\",");
	add_string(&data, "message", notice->message);
	buf_add_text(&data, "},");
	add_string(&data, "request_id", notice->exchange);
	buf_add_char(&data, '}');
	add_frame(w, released, "error", &data, out);
}

static int end(struct wire *w, enum wire_ending how, uint64_t released,
	       const struct wire_notice *notice, struct buf *out)
{
	struct buf data = { 0 };

	if (w->framing == FRAMING_NONE)
		return end_plain(w, how, released, notice, out);
	if (how == ENDING_ERROR || !introduced(w, released)) {
		add_failure(w, released, notice, out);
		return 0;
	}
	for (uint32_t i = 0; i < w->marks_n; i++) {
		if (!mark_open(&w->marks[i], released))
			continue;
		buf_printf(&data, "{\"type\":\"content_block_stop\",\"index\":%u}",
			   w->marks[i].index);
		add_frame(w, released, "content_block_stop", &data, out);
	}
	buf_add_text(
		&data,
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\",\"stop_sequence\":null},"
		"\"usage\":{\"output_tokens\":0}}");
	add_frame(w, released, "message_delta", &data, out);
	buf_add_text(&data, "{\"type\":\"message_stop\"}");
	add_frame(w, released, "message_stop", &data, out);
	return 0;
}

const struct dialect_table dialect_messages = {
	.root = &root,
	.classify = classify,
	.resolve = resolve,
	.closed = closed,
	.end = end,
};

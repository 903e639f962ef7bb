/*
 * OpenAI Chat Completions, streamed and whole, and the older Completions. Many builders speak it
 * with fields of their own for reasoning, which the places include.
 */
#include "lib/wire/state.h"

enum { B_TRANSCRIPT = 1, B_TEXT = 2, B_REASONING = 1, B_DETAILS = 2, B_FUNCTION_CALL = UINT16_MAX };

static const struct json_place thinking_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
};
static const struct json_place thinking_element[] = { { JSON_KIDS(thinking_places) } };
static const struct json_place part_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("refusal"), .role = ROLE_TEXT, .arg = CHANNEL_REFUSAL },
	{ JSON_KEY("thinking"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING,
	  JSON_KIDS(thinking_element) },
};
static const struct json_place part_element[] = { { JSON_KIDS(part_places) } };
static const struct json_place details_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING, .extra = B_DETAILS },
	{ JSON_KEY("summary"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING, .extra = B_DETAILS },
};
static const struct json_place details_element[] = { { JSON_KIDS(details_places) } };
static const struct json_place function_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
};
static const struct json_place call_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS,
	  .extra = B_FUNCTION_CALL },
};
static const struct json_place custom_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("input"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT },
};
static const struct json_place tool_places[] = {
	{ JSON_KEY("index"), .role = ROLE_B },
	{ JSON_KEY("function"), JSON_KIDS(function_places) },
	{ JSON_KEY("custom"), JSON_KIDS(custom_places) },
};
static const struct json_place tool_element[] = { { .scope = OWN_B, JSON_KIDS(tool_places) } };
static const struct json_place audio_places[] = {
	{ JSON_KEY("transcript"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT,
	  .extra = B_TRANSCRIPT },
};
static const struct json_place delta_places[] = {
	{ JSON_KEY("content"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT, JSON_KIDS(part_element) },
	{ JSON_KEY("refusal"), .role = ROLE_TEXT, .arg = CHANNEL_REFUSAL },
	{ JSON_KEY("reasoning_content"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
	{ JSON_KEY("reasoning"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING,
	  .extra = B_REASONING },
	{ JSON_KEY("reasoning_details"), JSON_KIDS(details_element) },
	{ JSON_KEY("tool_calls"), JSON_KIDS(tool_element) },
	{ JSON_KEY("function_call"), JSON_KIDS(call_places) },
	{ JSON_KEY("audio"), JSON_KIDS(audio_places) },
};
static const struct json_place choice_places[] = {
	{ JSON_KEY("index"), .role = ROLE_A },
	{ JSON_KEY("delta"), JSON_KIDS(delta_places) },
	{ JSON_KEY("finish_reason"), .role = ROLE_FLAG, .arg = FLAG_FINISH },
	{ JSON_KEY("message"), JSON_KIDS(delta_places) },
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT,
	  .extra = B_TEXT }, /* some say it beside delta */
};
static const struct json_place choice_element[] = { { .scope = OWN_A | OWN_FLAGS,
						      JSON_KIDS(choice_places) } };
static const struct json_place details_of_usage[] = {
	{ JSON_KEY("reasoning_tokens"), .role = ROLE_USAGE, .arg = USAGE_REASONING },
};
static const struct json_place usage_places[] = {
	{ JSON_KEY("prompt_tokens"), .role = ROLE_USAGE, .arg = USAGE_INPUT },
	{ JSON_KEY("completion_tokens"), .role = ROLE_USAGE, .arg = USAGE_OUTPUT },
	{ JSON_KEY("completion_tokens_details"), JSON_KIDS(details_of_usage) },
	{ JSON_KEY("total_tokens"), .role = ROLE_USAGE, .arg = USAGE_TOTAL },
};
static const struct json_place groq_places[] = {
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("id"), .role = ROLE_ID },
	{ JSON_KEY("choices"), JSON_KIDS(choice_element) },
	{ JSON_KEY("model"), .role = ROLE_MODEL },
	{ JSON_KEY("created"), .role = ROLE_CREATED },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
	{ JSON_KEY("x_groq"), JSON_KIDS(groq_places) },
};
static const struct json_place root = { JSON_KIDS(root_places) };

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	bool of_tool = place == function_places + 1 || place == custom_places + 1;
	if (place->arg == CHANNEL_TOOL_NAME)
		return tool_name(r->a, place == call_places ? B_FUNCTION_CALL : r->b);
	return (struct channel_id){ .kind = place->arg,
				    .a = r->a,
				    .b = of_tool ? r->b : place->extra };
}

static void closed(struct wire *w, const struct json_place *place, const struct registers *r,
		   uint64_t off)
{
	if (place != choice_element)
		return;
	mark_begin(w, r->a, off);
	if (!(r->flags & FLAG_FINISH))
		return;
	mark_end(w, r->a, off);
	end_channels(w, -1, r->a, -1);
}

/* `fresh`: no chunk of this choice has left, so the client has not been told its role. */
static void add_choice(struct buf *data, uint32_t index, bool fresh, bool first)
{
	buf_printf(
		data,
		"%s{\"index\":%u,\"delta\":{%s},\"logprobs\":null,\"finish_reason\":\"content_filter\"}",
		first ? "" : ",", index, fresh ? "\"role\":\"assistant\",\"content\":\"\"" : "");
}

static void refuse(struct wire *w, uint64_t released, const struct wire_notice *notice,
		   struct buf *data)
{
	bool known = introduced(w, released), first = true;

	buf_add_char(data, '{');
	add_string(data, "id", known ? (struct span){ w->kept_id, w->id_n } : notice->exchange);
	buf_printf(data, ",\"object\":\"chat.completion.chunk\",\"created\":%llu,",
		   known ? (unsigned long long)w->created : 0ull);
	add_string(data, "model", known ? (struct span){ w->kept_model, w->model_n } : SPAN(""));
	buf_add_text(data, ",\"choices\":[");
	for (uint32_t i = 0; i < w->marks_n; i++) {
		if (!mark_open(&w->marks[i], released))
			continue;
		add_choice(data, w->marks[i].index, false, first);
		first = false;
	}
	if (first)
		add_choice(data, 0, true, true);
	buf_add_text(data, "]}");
}

static int end(struct wire *w, enum wire_ending how, uint64_t released,
	       const struct wire_notice *notice, struct buf *out)
{
	struct buf data = { 0 };

	if (w->framing == FRAMING_NONE)
		return end_plain(w, how, released, notice, out);
	if (how == ENDING_REFUSAL) {
		refuse(w, released, notice, &data);
	} else {
		buf_add_text(&data, "{\"error\":{");
		add_error(&data, "policy_violation", notice);
		buf_add_text(&data, "}}");
	}
	add_frame(w, released, NULL, &data, out);
	if (w->framing == FRAMING_SSE)
		buf_add_text(out, "data: [DONE]\n\n");
	return 0;
}

const struct dialect_table dialect_chat = {
	.root = &root, .resolve = resolve, .closed = closed, .end = end
};

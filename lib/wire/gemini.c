/*
 * Gemini generateContent and streamGenerateContent, as events or as one array. A part is reasoning
 * when it says `thought`; a function's arguments are an object.
 */
#include "lib/wire/state.h"

enum { B_PATH = 2 };

/* The path alone tells that a call is said in this way, which the render knows as unsupported. */
static const struct json_place partial_places[] = {
	{ JSON_KEY("jsonPath"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT, .extra = B_PATH },
	{ JSON_KEY("stringValue"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT },
};
static const struct json_place partial_element[] = { { JSON_KIDS(partial_places) } };
static const struct json_place call_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("partialArgs"),
	  JSON_KIDS(partial_element) }, /* a string argument in several events */
	{ JSON_KEY("args"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
};
static const struct json_place code_places[] = {
	{ JSON_KEY("code"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT },
};
static const struct json_place part_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("thought"), .role = ROLE_FLAG, .arg = FLAG_THOUGHT },
	{ JSON_KEY("functionCall"), JSON_KIDS(call_places) },
	{ JSON_KEY("executableCode"), JSON_KIDS(code_places) },
	{ JSON_KEY("thoughtSignature"), .role = ROLE_SEALED },
};
static const struct json_place part_element[] = { { .scope = OWN_B | OWN_FLAGS,
						    JSON_KIDS(part_places) } };
static const struct json_place content_places[] = {
	{ JSON_KEY("parts"), JSON_KIDS(part_element) },
};
static const struct json_place candidate_places[] = {
	{ JSON_KEY("content"), JSON_KIDS(content_places) },
	{ JSON_KEY("index"), .role = ROLE_A },
};
static const struct json_place candidate_element[] = { { .scope = OWN_A,
							 JSON_KIDS(candidate_places) } };
static const struct json_place usage_places[] = {
	{ JSON_KEY("promptTokenCount"), .role = ROLE_USAGE, .arg = USAGE_INPUT },
	{ JSON_KEY("toolUsePromptTokenCount"), .role = ROLE_USAGE, .arg = USAGE_INPUT_TOOLS },
	{ JSON_KEY("candidatesTokenCount"), .role = ROLE_USAGE, .arg = USAGE_OUTPUT },
	{ JSON_KEY("thoughtsTokenCount"), .role = ROLE_USAGE, .arg = USAGE_THOUGHTS },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("candidates"), JSON_KIDS(candidate_element) },
	{ JSON_KEY("usageMetadata"), JSON_KIDS(usage_places) },
	{ JSON_KEY("responseId"), .role = ROLE_ID },
	{ JSON_KEY("modelVersion"), .role = ROLE_MODEL },
};
static const struct json_place root = { JSON_KIDS(root_places) };

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	struct channel_id id = { .kind = place->arg, .a = r->a };

	if (id.kind == CHANNEL_TOOL_NAME)
		return tool_name(r->a, r->b);
	if (id.kind == CHANNEL_ARGUMENTS)
		id.b = r->b;
	if (id.kind == CHANNEL_TOOL_TEXT)
		id.b = place->extra;
	if (id.kind == CHANNEL_CONTENT && (r->flags & FLAG_THOUGHT))
		id.kind = CHANNEL_REASONING;
	return id;
}

static void closed(struct wire *w, const struct json_place *place, const struct registers *r,
		   uint64_t off)
{
	if (place == candidate_element)
		mark_begin(w, r->a, off);
}

static void add_candidate(struct buf *data, uint32_t index, bool *first)
{
	buf_printf(
		data,
		"%s{\"content\":{\"parts\":[],\"role\":\"model\"},\"finishReason\":\"SAFETY\",\"index\":%u}",
		*first ? "" : ",", index);
	*first = false;
}

static void refuse(struct wire *w, uint64_t released, struct buf *data)
{
	bool first = true;

	buf_add_text(data, "{\"candidates\":[");
	for (uint32_t i = 0; i < w->marks_n; i++) {
		if (mark_open(&w->marks[i], released))
			add_candidate(data, w->marks[i].index, &first);
	}
	if (first)
		add_candidate(data, 0, &first);
	buf_add_char(data, ']');
	if (introduced(w, released)) {
		buf_add_char(data, ',');
		add_string(data, "modelVersion", (struct span){ w->kept_model, w->model_n });
		buf_add_char(data, ',');
		add_string(data, "responseId", (struct span){ w->kept_id, w->id_n });
	}
	buf_add_char(data, '}');
}

static int end(struct wire *w, enum wire_ending how, uint64_t released,
	       const struct wire_notice *notice, struct buf *out)
{
	struct buf data = { 0 };

	if (w->framing == FRAMING_NONE)
		return end_plain(w, how, released, notice, out);
	if (how == ENDING_REFUSAL) {
		refuse(w, released, &data);
	} else {
		buf_add_text(&data, "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",");
		add_string(&data, "message", notice->message);
		buf_add_text(&data, ",\"details\":[{");
		add_error(&data, "policy_violation", notice);
		buf_add_text(&data, "}]}}");
	}
	add_frame(w, released, NULL, &data, out);
	return 0;
}

const struct dialect_table dialect_gemini = {
	.root = &root, .resolve = resolve, .closed = closed, .end = end
};

/*
 * OpenAI Responses, streamed and whole. The deltas are the text; the events that say it again
 * (`done`, `completed`) are envelope, with arguments decoded through both layers like the first
 * time.
 */
#include "lib/wire/state.h"

#define SEALED_BASE 780 /* bytes of encrypted reasoning of nothing, where none came before */

enum type {
	TYPE_OTHER,
	TYPE_TEXT,
	TYPE_REFUSAL,
	TYPE_REASONING,
	TYPE_ARGUMENTS,
	TYPE_TOOL_TEXT,
	TYPE_DONE = 16,  /* added to one of the above: that channel is complete */
	TYPE_START = 64, /* a response begins */
	TYPE_ADDED,      /* an item begins */
	TYPE_ITEM,       /* it is complete */
	TYPE_END         /* it is complete */
};

static const struct {
	const char *stem;
	enum type type;
} stems[] = {
	{ "response.output_text", TYPE_TEXT },
	{ "response.function_call_arguments", TYPE_ARGUMENTS },
	{ "response.refusal", TYPE_REFUSAL },
	{ "response.reasoning_text", TYPE_REASONING },
	{ "response.reasoning_summary_text", TYPE_REASONING },
	{ "response.custom_tool_call_input", TYPE_TOOL_TEXT },
	{ "response.mcp_call_arguments", TYPE_ARGUMENTS },
	{ "response.code_interpreter_call_code", TYPE_TOOL_TEXT },
};

static uint8_t classify(struct span type)
{
	static const char *const ends[] = { "response.completed", "response.incomplete",
					    "response.failed" };

	if (span_eq(type, SPAN("response.created")))
		return TYPE_START;
	if (span_eq(type, SPAN("response.output_item.added")))
		return TYPE_ADDED;
	if (span_eq(type, SPAN("response.output_item.done")))
		return TYPE_ITEM;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (span_eq(type, span_of(ends[i])))
			return TYPE_END;
	}
	for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
		struct span stem = span_of(stems[i].stem);
		if (type.n < stem.n || !span_eq((struct span){ type.p, stem.n }, stem))
			continue;
		struct span rest = { type.p + stem.n, type.n - stem.n };
		if (span_eq(rest, SPAN(".delta")))
			return (uint8_t)stems[i].type;
		if (span_eq(rest, SPAN(".done")))
			return (uint8_t)(stems[i].type + TYPE_DONE);
	}
	return TYPE_OTHER;
}

static const struct json_place part_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_CONTENT },
	{ JSON_KEY("refusal"), .role = ROLE_TEXT, .arg = CHANNEL_REFUSAL },
};
static const struct json_place part_element[] = { { .scope = OWN_B, JSON_KIDS(part_places) } };
static const struct json_place summary_places[] = {
	{ JSON_KEY("text"), .role = ROLE_TEXT, .arg = CHANNEL_REASONING },
};
static const struct json_place summary_element[] = { { .scope = OWN_B,
						       JSON_KIDS(summary_places) } };

/* An item of a whole answer. */
static const struct json_place item_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("content"), JSON_KIDS(part_element) },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS },
	{ JSON_KEY("summary"), JSON_KIDS(summary_element) },
	{ JSON_KEY("input"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT },
	{ JSON_KEY("code"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_TEXT },
};
static const struct json_place item_element[] = { { .scope = OWN_A, JSON_KIDS(item_places) } };

/* The same things said again inside an event. */
static const struct json_place repeat_places[] = {
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ENVELOPE },
};
static const struct json_place repeat_element[] = { { JSON_KIDS(repeat_places) } };
static const struct json_place event_item_places[] = {
	{ JSON_KEY("name"), .role = ROLE_TEXT, .arg = CHANNEL_TOOL_NAME },
	{ JSON_KEY("type"), .role = ROLE_ITEM },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ENVELOPE },
	{ JSON_KEY("encrypted_content"), .role = ROLE_SEALED },
};
static const struct json_place details_of_usage[] = {
	{ JSON_KEY("reasoning_tokens"), .role = ROLE_USAGE, .arg = USAGE_REASONING },
};
static const struct json_place usage_places[] = {
	{ JSON_KEY("input_tokens"), .role = ROLE_USAGE, .arg = USAGE_INPUT },
	{ JSON_KEY("output_tokens"), .role = ROLE_USAGE, .arg = USAGE_OUTPUT },
	{ JSON_KEY("output_tokens_details"), JSON_KIDS(details_of_usage) },
	{ JSON_KEY("total_tokens"), .role = ROLE_USAGE, .arg = USAGE_TOTAL },
};
static const struct json_place response_places[] = {
	{ JSON_KEY("id"), .role = ROLE_ID },
	{ JSON_KEY("model"), .role = ROLE_MODEL },
	{ JSON_KEY("created_at"), .role = ROLE_CREATED },
	{ JSON_KEY("output"), JSON_KIDS(repeat_element) },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("type"), .role = ROLE_TYPE },
	{ JSON_KEY("delta"), .role = ROLE_TEXT },
	{ JSON_KEY("output_index"), .role = ROLE_A },
	{ JSON_KEY("content_index"), .role = ROLE_B },
	{ JSON_KEY("summary_index"), .role = ROLE_B },
	{ JSON_KEY("sequence_number"), .role = ROLE_SEQUENCE },
	{ JSON_KEY("arguments"), .role = ROLE_ARGS, .arg = CHANNEL_ENVELOPE },
	{ JSON_KEY("item"), JSON_KIDS(event_item_places) },
	{ JSON_KEY("response"), JSON_KIDS(response_places) },
	{ JSON_KEY("output"), JSON_KIDS(item_element) },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
	{ JSON_KEY("id"), .role = ROLE_ID },
};
static const struct json_place root = { .scope = OWN_A | OWN_B | OWN_TYPE, JSON_KIDS(root_places) };

static uint8_t kind_of(uint8_t type)
{
	switch (type & (TYPE_DONE - 1)) {
	case TYPE_TEXT: return CHANNEL_CONTENT;
	case TYPE_REFUSAL: return CHANNEL_REFUSAL;
	case TYPE_REASONING: return CHANNEL_REASONING;
	case TYPE_ARGUMENTS: return CHANNEL_ARGUMENTS;
	}
	return CHANNEL_TOOL_TEXT; /* also a delta of a type that is not known here: it goes on from
				     event to event */
}

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	uint8_t kind = place == &root_places[1] ? kind_of(r->type) : place->arg;
	if (kind == CHANNEL_TOOL_NAME && r->type == TYPE_ITEM) /* said again */
		return (struct channel_id){ .kind = CHANNEL_ENVELOPE };
	if (kind == CHANNEL_TOOL_NAME)
		return tool_name(0, r->a);
	return (struct channel_id){ .kind = kind, .a = r->a, .b = r->b };
}

/* An item's encrypted reasoning comes when it begins, as long as one of nothing, and when it is
 * complete. */
static void weigh(struct wire *w, uint8_t type)
{
	uint32_t n = w->sealed;

	if (!n)
		return;
	w->sealed = 0;
	if (type == TYPE_ADDED)
		w->sealed_base = n;
	else if (type == TYPE_ITEM && !w->sealed_other)
		w->sealed = n - (uint32_t)min_u64(n, w->sealed_base ? w->sealed_base : SEALED_BASE);
	if (type == TYPE_ITEM)
		w->sealed_base = 0;
}

static void closed(struct wire *w, const struct json_place *place, const struct registers *r,
		   uint64_t off)
{
	(void)off;
	if (place != &root)
		return;
	weigh(w, r->type);
	if (r->type == TYPE_START)
		restart_channels(w);
	else if (r->type == TYPE_END)
		end_channels(w, -1, -1, -1);
	else if (r->type > TYPE_DONE)
		end_channels(w, kind_of(r->type), r->a, r->b);
}

enum status { STATUS_BEGUN, STATUS_INCOMPLETE, STATUS_FAILED };

static void add_event(struct wire *w, enum status status, uint64_t released,
		      const struct wire_notice *notice, struct buf *out)
{
	static const char *const events[] = { "response.created", "response.incomplete",
					      "response.failed" };
	static const char *const names[] = { "in_progress", "incomplete", "failed" };
	struct buf data = { 0 };
	bool known = introduced(w, released);

	buf_printf(&data, "{\"type\":\"%s\",\"sequence_number\":%llu,\"response\":{",
		   events[status], (unsigned long long)++w->sequence);
	add_string(&data, "id", known ? (struct span){ w->kept_id, w->id_n } : notice->exchange);
	buf_printf(&data, ",\"object\":\"response\",\"created_at\":%llu,\"status\":\"%s\",",
		   known ? (unsigned long long)w->created : 0ull, names[status]);
	add_string(&data, "model", known ? (struct span){ w->kept_model, w->model_n } : SPAN(""));
	buf_printf(&data, ",\"incomplete_details\":%s,\"error\":",
		   status == STATUS_INCOMPLETE ? "{\"reason\":\"content_filter\"}" : "null");
	if (status == STATUS_FAILED) {
		buf_add_char(&data, '{');
		add_error(&data, "policy_violation", notice);
		buf_add_char(&data, '}');
	} else {
		buf_add_text(&data, "null");
	}
	buf_add_text(&data, ",\"output\":[]}}");
	add_frame(w, released, events[status], &data, out);
}

static int end(struct wire *w, enum wire_ending how, uint64_t released,
	       const struct wire_notice *notice, struct buf *out)
{
	if (w->framing == FRAMING_NONE)
		return end_plain(w, how, released, notice, out);
	if (!introduced(w, released) && w->framing == FRAMING_SSE)
		add_event(w, STATUS_BEGUN, released, notice,
			  out); /* clients refuse an end without a beginning */
	add_event(w, how == ENDING_REFUSAL ? STATUS_INCOMPLETE : STATUS_FAILED, released, notice,
		  out);
	return 0;
}

const struct dialect_table dialect_responses = {
	.root = &root,
	.classify = classify,
	.resolve = resolve,
	.closed = closed,
	.end = end,
};

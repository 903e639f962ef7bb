/*
 * OpenAI Responses, streamed and whole. The deltas are the text, and so is what an item begins
 * with; the events that say it again (`done`, `completed`) are repeats, with arguments decoded
 * through both layers like the first time. Where no deltas came they are the text.
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

static uint8_t sort(struct span type)
{
	static const char *const elsewhere[] = { "web_search_call", "file_search_call",
						 "code_interpreter_call", "image_generation_call",
						 "server" };

	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		if (span_eq(type, span_of(elsewhere[i])))
			return FLAG_ELSEWHERE;
	}
	bool thought = span_eq(type, SPAN("reasoning_text")) || span_eq(type, SPAN("summary_text"));
	return thought ? FLAG_THOUGHT : 0;
}

#define TEXT_OF(key_, kind) JSON_KEY(key_), .role = ROLE_TEXT, .arg = (kind)
#define ARGS_OF(key_) JSON_KEY(key_), .role = ROLE_ARGS, .arg = CHANNEL_ARGUMENTS

static const struct json_place part_places[] = {
	{ TEXT_OF("text", CHANNEL_CONTENT) },
	{ TEXT_OF("refusal", CHANNEL_REFUSAL) },
	{ JSON_KEY("type"), .role = ROLE_SORT },
};
static const struct json_place part_element[] = { { .scope = OWN_B | OWN_FLAGS,
						    JSON_KIDS(part_places) } };
static const struct json_place summary_places[] = {
	{ TEXT_OF("text", CHANNEL_REASONING) },
};
static const struct json_place summary_element[] = { { .scope = OWN_B,
						       JSON_KIDS(summary_places) } };

/* An item of a whole answer. */
static const struct json_place item_places[] = {
	{ TEXT_OF("name", CHANNEL_TOOL_NAME) },
	{ JSON_KEY("content"), JSON_KIDS(part_element) },
	{ ARGS_OF("arguments") },
	{ JSON_KEY("summary"), JSON_KIDS(summary_element) },
	{ TEXT_OF("input", CHANNEL_TOOL_TEXT) },
	{ TEXT_OF("code", CHANNEL_TOOL_TEXT) },
	{ ARGS_OF("action") },
	{ ARGS_OF("actions") },
	{ ARGS_OF("operation") },
	{ JSON_KEY("type"), .role = ROLE_SORT },
	{ JSON_KEY("execution"), .role = ROLE_SORT },
};
static const struct json_place item_element[] = { { .scope = OWN_A | OWN_FLAGS,
						    JSON_KIDS(item_places) } };

/* The same things inside an event, said perhaps for the second time. */
static const struct json_place again_part_places[] = {
	{ TEXT_OF("text", CHANNEL_CONTENT), .said = SAID_AGAIN },
	{ JSON_KEY("type"), .role = ROLE_SORT },
};
static const struct json_place again_part_element[] = { { .scope = OWN_B | OWN_FLAGS,
							  JSON_KIDS(again_part_places) } };
static const struct json_place again_places[] = {
	{ TEXT_OF("name", CHANNEL_TOOL_NAME), .said = SAID_AGAIN },
	{ JSON_KEY("content"), JSON_KIDS(again_part_element) },
	{ ARGS_OF("arguments"), .said = SAID_AGAIN },
	{ TEXT_OF("input", CHANNEL_TOOL_TEXT), .said = SAID_AGAIN },
	{ TEXT_OF("code", CHANNEL_TOOL_TEXT), .said = SAID_AGAIN },
	{ ARGS_OF("action"), .said = SAID_AGAIN },
	{ ARGS_OF("actions"), .said = SAID_AGAIN },
	{ ARGS_OF("operation"), .said = SAID_AGAIN },
	{ JSON_KEY("type"), .role = ROLE_ITEM },
	{ JSON_KEY("execution"), .role = ROLE_SORT },
	{ JSON_KEY("encrypted_content"), .role = ROLE_SEALED },
};
static const struct json_place again_element[] = { { .scope = OWN_A | OWN_FLAGS,
						     JSON_KIDS(again_places) } };
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
	{ JSON_KEY("output"), JSON_KIDS(again_element) },
	{ JSON_KEY("usage"), JSON_KIDS(usage_places) },
};
static const struct json_place root_places[] = {
	{ JSON_KEY("type"), .role = ROLE_TYPE },
	{ JSON_KEY("delta"), .role = ROLE_TEXT },
	{ JSON_KEY("output_index"), .role = ROLE_A },
	{ JSON_KEY("content_index"), .role = ROLE_B },
	{ JSON_KEY("summary_index"), .role = ROLE_B },
	{ JSON_KEY("sequence_number"), .role = ROLE_SEQUENCE },
	{ ARGS_OF("arguments"), .said = SAID_AGAIN },
	{ TEXT_OF("text", CHANNEL_CONTENT), .said = SAID_AGAIN },
	{ TEXT_OF("input", CHANNEL_TOOL_TEXT), .said = SAID_AGAIN },
	{ TEXT_OF("code", CHANNEL_TOOL_TEXT), .said = SAID_AGAIN },
	{ JSON_KEY("part"), .scope = OWN_FLAGS, JSON_KIDS(again_part_places) },
	{ JSON_KEY("item"), .scope = OWN_FLAGS, JSON_KIDS(again_places) },
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

/* Of a member of the event itself, which only a type that is known here gives a meaning. */
static uint8_t kind_of_done(const struct json_place *place, const struct registers *r)
{
	if (r->type <= TYPE_DONE || r->type >= TYPE_START)
		return CHANNEL_ENVELOPE;
	return place->arg == kind_of(r->type) ? place->arg : CHANNEL_ENVELOPE;
}

static bool is_action(const struct json_place *place)
{
	struct span key = { place->key, place->key_len };

	return !span_eq(key, SPAN("arguments"));
}

static struct channel_id resolve(const struct json_place *place, const struct registers *r)
{
	bool own = place > root_places && place < root_places + ARRAY_LEN(root_places);
	uint8_t kind = place == &root_places[1] ? kind_of(r->type)
		       : own                    ? kind_of_done(place, r)
						: place->arg;
	if (kind == CHANNEL_CONTENT && !own && r->flags & FLAG_THOUGHT)
		kind = CHANNEL_REASONING;
	/* What an action begins with is not what it comes to. */
	if (kind == CHANNEL_ARGUMENTS &&
	    (r->flags & FLAG_ELSEWHERE || (r->type == TYPE_ADDED && is_action(place))))
		kind = CHANNEL_ENVELOPE;
	if (kind == CHANNEL_TOOL_NAME)
		return tool_name(0, r->a);
	if (kind == CHANNEL_ENVELOPE)
		return (struct channel_id){ .kind = CHANNEL_ENVELOPE };
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
	.sort = sort,
	.resolve = resolve,
	.closed = closed,
	.end = end,
};

/* The shipped rules in every wire: the samples of tests/policy/rules in content and in tool
 * arguments. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/policy/pack.h"

#define PIECE 7 /* bytes of text in a frame, when a sample is spread over several */

/* One way to write text in one wire. `layers` is how often it is escaped; with two, it stands in an
 * object's string. */
struct place {
	const char *name;
	enum framing framing;
	enum dialect dialect;
	bool code;   /* code already; prose needs a fence around it */
	bool spread; /* may be continued in the next frame */
	int layers;
	const char *open, *prefix, *suffix, *between, *close;
};

#define CHAT(inside) \
	"data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" inside
#define RESPONSES(type, more) "event: " type "\ndata: {\"type\":\"" type "\"," more "\"delta\":\""
#define MESSAGES(type) "event: " type "\ndata: {\"type\":\"" type "\",\"index\":0,"
#define BLOCK(kind, field) \
	MESSAGES("content_block_delta") "\"delta\":{\"type\":\"" kind "\",\"" field "\":\""
#define BLOCK_START(block) MESSAGES("content_block_start") "\"content_block\":{" block "}}\n\n"
#define GEMINI(inside) \
	"{\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{" inside
#define GEMINI_CALL "\"functionCall\":{\"name\":\"run\",\"args\":{\"code\":\""
#define OLLAMA(inside) "{\"model\":\"m\",\"message\":{\"role\":\"assistant\"," inside

static const struct place places[] = {
	{ "chat content", FRAMING_SSE, DIALECT_CHAT, false, true, 1, "", CHAT("\"content\":\""),
	  "\"}}]}\n\n", "", "data: [DONE]\n\n" },
	{ "chat arguments", FRAMING_SSE, DIALECT_CHAT, true, true, 2, "",
	  CHAT("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\""), "\"}}]}}]}\n\n", "",
	  "data: [DONE]\n\n" },
	{ "chat document", FRAMING_DOCUMENT, DIALECT_CHAT, false, false, 1, "",
	  "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"", "\"}}]}", "",
	  "" },
	{ "responses text", FRAMING_SSE, DIALECT_RESPONSES, false, true, 1, "",
	  RESPONSES("response.output_text.delta",
		    "\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,"),
	  "\"}\n\n", "", "" },
	{ "responses arguments", FRAMING_SSE, DIALECT_RESPONSES, true, true, 2, "",
	  RESPONSES("response.function_call_arguments.delta",
		    "\"item_id\":\"f1\",\"output_index\":0,"),
	  "\"}\n\n", "", "" },
	{ "messages text", FRAMING_SSE, DIALECT_MESSAGES, false, true, 1,
	  BLOCK_START("\"type\":\"text\",\"text\":\"\""), BLOCK("text_delta", "text"), "\"}}\n\n",
	  "", "" },
	{ "messages input", FRAMING_SSE, DIALECT_MESSAGES, true, true, 2,
	  BLOCK_START("\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"run\",\"input\":{}"),
	  BLOCK("input_json_delta", "partial_json"), "\"}}\n\n", "", "" },
	{ "gemini events", FRAMING_SSE, DIALECT_GEMINI, false, true, 1, "",
	  "data: " GEMINI("\"text\":\""), "\"}]}}]}\n\n", "", "" },
	{ "gemini array", FRAMING_ARRAY, DIALECT_GEMINI, false, true, 1, "[", GEMINI("\"text\":\""),
	  "\"}]}}]}", ",\r\n", "]" },
	{ "gemini call", FRAMING_SSE, DIALECT_GEMINI, true, false, 1, "",
	  "data: " GEMINI(GEMINI_CALL), "\"}}}]}}]}\n\n", "", "" },
	{ "ollama content", FRAMING_LINES, DIALECT_OLLAMA, false, true, 1, "",
	  OLLAMA("\"content\":\""), "\"},\"done\":false}\n", "", "" },
	{ "ollama call", FRAMING_LINES, DIALECT_OLLAMA, true, false, 1, "",
	  OLLAMA("\"tool_calls\":[{\"function\":{\"name\":\"run\",\"arguments\":{\"code\":\""),
	  "\"}}}]},\"done\":false}\n", "", "" },
};

/* The channel's text before its last escaping: a fence around prose, or an object around an
 * argument. *body is moved along with what is put in front of it. */
static void dress(const struct place *place, const struct sample *s, struct buf *out, size_t *body)
{
	buf_add_text(out, place->layers == 2 ? "{\"code\":\"" : place->code ? "" : "```\n");
	for (size_t i = 0; i < s->text.n; i++) {
		if (i == s->body)
			*body = out->n;
		if (place->layers == 2)
			buf_add_json(out, (struct span){ s->text.p + i, 1 });
		else
			buf_add_char(out, s->text.p[i]);
	}
	buf_add_text(out, place->layers == 2 ? "\"}" : place->code ? "" : "\n```\n");
}

static struct sample_body place_body(const struct place *place, const struct sample *s, size_t step,
				     struct buf *out)
{
	struct buf text = { 0 };
	size_t body = 0, secret = 0;
	dress(place, s, &text, &body);
	buf_add_text(out, place->open);
	for (size_t at = 0; at < text.n; at++) {
		if (at % step == 0)
			buf_add_text(out, place->prefix);
		if (at == body)
			secret = out->n;
		buf_add_json(out, (struct span){ text.p + at, 1 });
		if (at % step == step - 1 || at == text.n - 1) {
			buf_add_text(out, place->suffix);
			buf_add_text(out, at == text.n - 1 ? "" : place->between);
		}
	}
	buf_add_text(out, place->close);
	cr_assert_not(out->failed || text.failed);
	buf_fini(&text);
	return (struct sample_body){
		place->name, place->framing, place->dialect, { out->p, out->n }, secret
	};
}

static void in_every_wire(struct pack *p, const struct sample *s)
{
	for (size_t i = 0; i < 2 * ARRAY_LEN(places); i++) {
		const struct place *place = &places[i / 2];
		if (i % 2 && !place->spread)
			continue;
		struct buf bytes = { 0 };
		struct sample_body b = place_body(place, s, i % 2 ? PIECE : SIZE_MAX, &bytes);
		struct outcome whole, o;
		pack_run(p, &b, b.bytes.n, b.bytes.n, &whole);
		pack_check(p, s, &b, &whole);
		pack_run(p, &b, 1, 1, &o);
		pack_check(p, s, &b, &o);
		pack_check_same(s, &b, &o, &whole, 1, 1);
		buf_fini(&bytes);
	}
}

Test(pack_wires, every_sample_in_every_wire)
{
	pack_each(in_every_wire);
}

/*
 * Where text stands in each wire: content and tool arguments, as builders write them.
 */
#ifndef TESTS_POLICY_PLACES_H
#define TESTS_POLICY_PLACES_H

#include <stdbool.h>

#include "lib/wire.h"

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

#endif

/*
 * What the request's path and the answer's content type say about the wire; sniffing when they say
 * nothing.
 */
#include <string.h>

#include "lib/wire/state.h"

static bool contains(struct span text, const char *word)
{
	return text.n && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static enum dialect dialect_of(struct span path)
{
	static const struct {
		const char *word;
		enum dialect dialect;
	} words[] = {
		{ "/completions", DIALECT_CHAT },    { ":streamGenerateContent", DIALECT_GEMINI },
		{ "/responses", DIALECT_RESPONSES }, { ":generateContent", DIALECT_GEMINI },
		{ "/messages", DIALECT_MESSAGES },   { "/api/chat", DIALECT_OLLAMA },
		{ "/api/generate", DIALECT_OLLAMA },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (contains(path, words[i].word))
			return words[i].dialect;
	}
	return DIALECT_UNKNOWN;
}

static struct span media_type(struct span text)
{
	const char *end = text.n ? memchr(text.p, ';', text.n) : NULL;

	if (end)
		text.n = (size_t)(end - text.p);
	while (text.n && (text.p[0] == ' ' || text.p[0] == '\t')) {
		text.p++;
		text.n--;
	}
	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
		text.n--;
	return text;
}

void wire_detect(struct span path, struct span content_type, enum framing *framing,
		 enum dialect *dialect)
{
	static const char *const lines[] = { "application/x-ndjson", "application/ndjson",
					     "application/jsonl", "application/x-jsonlines",
					     "application/json-lines" };
	struct span type = media_type(content_type);
	const char *query = path.n ? memchr(path.p, '?', path.n) : NULL;
	struct span bare = { path.p, query ? (size_t)(query - path.p) : path.n };
	struct span rest = { query, query ? path.n - bare.n : 0 };

	*dialect = dialect_of(bare);
	*framing = FRAMING_NONE;
	if (span_eq_nocase(type, SPAN("text/event-stream"))) {
		*framing = FRAMING_SSE;
	} else if (span_eq_nocase(type, SPAN("application/json")) ||
		   (type.n > 5 &&
		    span_eq_nocase((struct span){ type.p + type.n - 5, 5 }, SPAN("+json")))) {
		bool array = contains(bare, ":streamGenerateContent") && !contains(rest, "alt=sse");
		*framing = array ? FRAMING_ARRAY : FRAMING_DOCUMENT;
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (span_eq_nocase(type, span_of(lines[i])))
			*framing = FRAMING_LINES;
	}
}

/* The types of payload that only one dialect has. The result is an enum dialect. */
static uint8_t sniff_type(struct span type)
{
	static const char *const messages[] = {
		"message_start", "message_delta",       "message_stop",       "message",
		"ping",          "content_block_start", "content_block_delta"
	};

	if (type.n > 9 && memcmp(type.p, "response.", 9) == 0)
		return DIALECT_RESPONSES;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		if (span_eq(type, span_of(messages[i])))
			return DIALECT_MESSAGES;
	}
	if (span_eq(type, SPAN("response")))
		return DIALECT_RESPONSES;
	return DIALECT_UNKNOWN;
}

static const struct json_place root_places[] = {
	{ JSON_KEY("choices"), .role = ROLE_SNIFF, .arg = DIALECT_CHAT },
	{ JSON_KEY("candidates"), .role = ROLE_SNIFF, .arg = DIALECT_GEMINI },
	{ JSON_KEY("done"), .role = ROLE_SNIFF, .arg = DIALECT_OLLAMA },
	{ JSON_KEY("type"), .role = ROLE_TYPE },
	{ JSON_KEY("object"), .role = ROLE_TYPE },
};
static const struct json_place root = { JSON_KIDS(root_places) };

const struct dialect_table dialect_unknown = { .root = &root,
					       .classify = sniff_type,
					       .end = end_plain };

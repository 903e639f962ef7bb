#include "proxy/recording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"

static const struct {
	const char *name;
	enum framing framing;
	enum dialect dialect;
} wires[] = {
	{ "chat", FRAMING_SSE, DIALECT_CHAT },
	{ "responses", FRAMING_SSE, DIALECT_RESPONSES },
	{ "messages", FRAMING_SSE, DIALECT_MESSAGES },
	{ "gemini", FRAMING_SSE, DIALECT_GEMINI },
	{ "gemini-array", FRAMING_ARRAY, DIALECT_GEMINI },
	{ "ollama", FRAMING_LINES, DIALECT_OLLAMA },
	{ "sse", FRAMING_SSE, DIALECT_UNKNOWN },
	{ "lines", FRAMING_LINES, DIALECT_UNKNOWN },
	{ "json", FRAMING_DOCUMENT, DIALECT_UNKNOWN },
	{ "plain", FRAMING_NONE, DIALECT_UNKNOWN },
};

bool recording_wire_known(const char *verb, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(wires); i++)
		if (strcmp(wires[i].name, name) == 0)
			return true;
	if (strcmp(name, "auto") == 0)
		return true;
	fprintf(stderr, "redcard %s: unknown wire '%s'; write one of: auto, %s\n", verb, name,
		RECORDING_WIRES);
	return false;
}

static bool starts_with(struct span text, const char *start)
{
	return text.n >= strlen(start) && memcmp(text.p, start, strlen(start)) == 0;
}

/* A recorded stream shows its framing in its first bytes; anything else is text. */
static enum framing sniff(struct span text)
{
	if (starts_with(text, "\xef\xbb\xbf"))
		text = (struct span){ text.p + 3, text.n - 3 };
	if (starts_with(text, "data:") || starts_with(text, "event:") || starts_with(text, "id:") ||
	    starts_with(text, "retry:"))
		return FRAMING_SSE;
	if (!starts_with(text, "{\"") && !starts_with(text, "[{"))
		return FRAMING_NONE;
	if (text.p[0] == '[')
		return FRAMING_ARRAY;
	const char *line = memchr(text.p, '\n', text.n);
	bool more = line && line + 1 < text.p + text.n && line[1] == '{';
	return more ? FRAMING_LINES : FRAMING_DOCUMENT;
}

void recording_wire(const char *name, struct span start, enum framing *framing,
		    enum dialect *dialect)
{
	for (size_t i = 0; i < ARRAY_LEN(wires); i++) {
		if (strcmp(wires[i].name, name) != 0)
			continue;
		*framing = wires[i].framing;
		*dialect = wires[i].dialect;
		return;
	}
	*framing = sniff(start);
	*dialect = DIALECT_UNKNOWN;
}

int recording_read(const char *path, struct buf *out)
{
	return strcmp(path, "-") == 0 ? file_drain(STDIN_FILENO, RECORDING_BYTES_MAX, out)
				      : file_read(path, RECORDING_BYTES_MAX, out);
}

const char *recording_remedy(int error)
{
	switch (-error) {
	case ENOENT: return "correct the name, or write - for standard input";
	case EISDIR: return "name the files in it";
	case EACCES: return "let this user read it";
	case EFBIG: return "give it in parts of at most 1 GiB";
	default: return "try another file";
	}
}

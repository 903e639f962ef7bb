#include "proxy/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

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

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		if (!buf_reserve(out, READ_BYTES))
			return -ENOMEM;
		ssize_t got = read(fd, out->p + out->n, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		out->n += (size_t)got;
		if (out->n > RECORDING_BYTES_MAX)
			return -EFBIG;
	}
}

int recording_read(const char *path, struct buf *out)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : read_all(fd, out);
	if (fd >= 0 && !is_stdin)
		close(fd);
	return error;
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

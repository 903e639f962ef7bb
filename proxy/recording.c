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

bool recording_decode(struct span body, enum framing framing, enum dialect dialect,
		      uint32_t frame_bytes, struct pieces *out)
{
	const struct wire_options options = { .framing = framing,
					      .dialect = dialect,
					      .frame_max = frame_bytes };
	struct wire *w = wire_new(&options);
	if (!w)
		return false;
	size_t done = 0, step = 1;
	while (step && done < body.n && wire_failed(w) == WIRE_OK) {
		step = wire_feed(w, body.p + done, body.n - done, out);
		done += step;
	}
	(void)!wire_finish(w, body.p + done, body.n - done, out);
	bool enough = wire_failed(w) != WIRE_NO_MEMORY;
	wire_free(w);
	return enough;
}

bool recording_text(const struct pieces *pieces, uint16_t channel, uint64_t from, uint64_t to,
		    struct buf *out)
{
	uint64_t at = 0;
	for (size_t i = 0; i < pieces->n && at < to; i++) {
		const struct piece *one = &pieces->v[i];
		if (one->kind != PIECE_TEXT || one->channel != channel)
			continue;
		uint64_t first = max_u64(from, at), last = min_u64(to, at + one->text_len);
		if (first < last)
			buf_add(out, piece_text(one) + (first - at), (size_t)(last - first));
		at += one->text_len;
	}
	return at >= to && !out->failed;
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

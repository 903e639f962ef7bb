/*
 * Recorded bodies: which wire one is, by the name that was given or by its first bytes, and its
 * bytes in memory.
 */
#ifndef PROXY_RECORDING_H
#define PROXY_RECORDING_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/wire.h"

#define RECORDING_WIRES \
	"chat, responses, messages, gemini, gemini-array, ollama, sse, lines, json, plain"
#define RECORDING_FRAME_BYTES (1024 * 1024) /* events that a scan takes whole */
#define RECORDING_BYTES_MAX (1024 * 1024 * 1024)

/* False, with one line on standard error: no wire (nor "auto") has this name. */
bool recording_wire_known(const char *verb, const char *name);

/* name: a known one. "auto" goes by `start`, the body's first bytes: anything that does not look
 * like a recorded stream is plain text. */
void recording_wire(const char *name, struct span start, enum framing *framing,
		    enum dialect *dialect);

/* Appends the file, or standard input for "-". -errno; -EFBIG past RECORDING_BYTES_MAX. */
int recording_read(const char *path, struct buf *out) MUST_USE;

/* The body's pieces, decoded apart from any gate; a gate of the same frame_bytes numbers its
 * channels alike. What follows a fault of the wire is left out. False: no memory. */
bool recording_decode(struct span body, enum framing framing, enum dialect dialect,
		      uint32_t frame_bytes, struct pieces *out) MUST_USE;
/* Appends the bytes [from, to) of a channel's text. False: it has not all of them. */
bool recording_text(const struct pieces *pieces, uint16_t channel, uint64_t from, uint64_t to,
		    struct buf *out) MUST_USE;

/* What a person can do about it. */
const char *recording_remedy(int error);

#endif

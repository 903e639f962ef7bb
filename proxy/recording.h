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
#define RECORDING_BYTES_MAX (1024 * 1024 * 1024)

/* False, with one line on standard error: no wire (nor "auto") has this name. */
bool recording_wire_known(const char *verb, const char *name);

/* name: a known one. "auto" goes by `start`, the body's first bytes: anything that does not look
 * like a recorded stream is plain text. */
void recording_wire(const char *name, struct span start, enum framing *framing,
		    enum dialect *dialect);

/* Appends the file, or standard input for "-". -errno; -EFBIG past RECORDING_BYTES_MAX. */
int recording_read(const char *path, struct buf *out) MUST_USE;

/* What a person can do about it. */
const char *recording_remedy(int error);

#endif

/*
 * Wires: how builders write text over HTTP bodies, and how such a stream is ended properly.
 *
 * A wire is a framing (server-sent events, lines, the elements of one JSON array, one JSON
 * document, or nothing) and a dialect (Chat Completions, Responses, Messages, Gemini, Ollama, or
 * unknown). The decoder is a pure function of the bytes: no I/O, no clock. It turns raw bytes into
 * pieces; the meaning of a piece never depends on how the bytes were split into calls.
 *
 * Theory of operation
 *
 *   raw bytes   data: {"choices":[{"delta":{"content":"a\nb"}}]} \n\n  data: ...
 *               |<------------------------- a frame ----------------->|
 *   pieces                                          a  \n  b           FRAME
 *
 * - A *frame* is what a client acts on as a whole: an event with its blank line, a line, an array
 *   element, a document. Frames of at most `frame_max` bytes are decoded when they are complete,
 *   so that fields which name the channel may come after the text. A longer frame is decoded as it
 *   comes: a string then belongs to the channel that is known where it starts.
 * - Every byte of every JSON string value becomes text of some channel. Strings at the dialect's
 *   known places belong to a channel that goes on from frame to frame; all other strings go to one
 *   channel CHANNEL_ENVELOPE, each followed by a NUL, which no rule's text contains. Payloads that
 *   are not JSON become text of CHANNEL_RAW as they are.
 * - A piece's text either equals its raw bytes (text_len == raw_len), or stands for one escape
 *   sequence (one or, for tool arguments, two layers) and cannot be divided.
 * - Tool arguments are JSON inside a JSON string (or, in some dialects, an object). Their
 *   channel's text is the inner document with the escapes of its strings decoded in place; braces,
 *   quotes that delimit, commas and colons stay.
 * - A frame whose arguments end inside an escape of the inner document is joined to the next one.
 * - Comments of events are no text; `event` and `id` values and unknown fields are envelope.
 * - Envelope that stands in the same bytes as in an earlier event is not said again; see memo.c.
 * - Text that an event says once more is envelope, its channel named before it; see again.c.
 * - FRAMING_NONE is one long frame, ended by a PIECE_FRAME at the finish.
 * - UTF-16 and UTF-32, told by the first bytes, are an error; see encoding.c.
 */
#ifndef LIB_WIRE_H
#define LIB_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum framing {
	FRAMING_NONE,
	FRAMING_SSE,
	FRAMING_LINES,
	FRAMING_ARRAY,
	FRAMING_DOCUMENT,
	FRAMING_COUNT
};

enum dialect {
	DIALECT_UNKNOWN, /* the first payload of a known shape decides; until then, envelope */
	DIALECT_CHAT,
	DIALECT_RESPONSES,
	DIALECT_MESSAGES,
	DIALECT_GEMINI,
	DIALECT_OLLAMA,
	DIALECT_COUNT
};

enum wire_error {
	WIRE_OK,
	WIRE_BAD_JSON,          /* a payload that begins as JSON and is not */
	WIRE_TOO_DEEP,          /* more than WIRE_DEPTH_MAX levels */
	WIRE_TOO_MANY_CHANNELS, /* more than WIRE_CHANNELS_MAX */
	WIRE_TRUNCATED,         /* the body ended inside a document, an array or an element */
	WIRE_OPEN_ESCAPE,       /* half an escape in tool arguments waited past frame_max bytes */
	WIRE_AFTER_END,         /* text in a channel after its PIECE_CHANNEL_END */
	WIRE_WIDE_TEXT,         /* UTF-16 or UTF-32, told by its first bytes */
	WIRE_NO_MEMORY,
	WIRE_ERROR_COUNT
};

extern const char *const wire_error_names[WIRE_ERROR_COUNT];
extern const char *const framing_names[FRAMING_COUNT], *const dialect_names[DIALECT_COUNT];
#define WIRE_DEPTH_MAX 128
#define WIRE_CHANNELS_MAX 64

enum channel_kind {
	CHANNEL_RAW,      /* the body itself, or payloads that are not JSON */
	CHANNEL_ENVELOPE, /* every string outside the places below */
	CHANNEL_CONTENT,  /* prose with fences, of choice `a`, part or block `b` */
	CHANNEL_REFUSAL,
	CHANNEL_REASONING,
	CHANNEL_ARGUMENTS, /* tool call arguments, of choice `a`, call or block `b` */
	CHANNEL_TOOL_TEXT, /* a tool's free-form input: text, one layer */
	CHANNEL_TOOL_NAME, /* of choice `a`: which tools are called, each name followed by a NUL */
	CHANNEL_KIND_COUNT
};

extern const char *const channel_kind_names[CHANNEL_KIND_COUNT];

struct channel_id {
	uint8_t kind; /* enum channel_kind */
	uint16_t a;
	uint32_t b;
};

enum piece_kind {
	PIECE_TEXT,
	PIECE_FRAME,       /* a frame ended, which stood in these raw bytes */
	PIECE_CHANNEL_END, /* the builder said that this channel is complete */
	PIECE_REPEAT       /* the envelope's text up to its next NUL says this channel's again */
};

struct piece {
	uint64_t raw_off; /* absolute offset in the body of the first raw byte this stands for */
	uint32_t raw_len;
	uint32_t text_len;
	uint16_t channel; /* small number, from 0, stable for the stream; see wire_channel() */
	uint8_t kind;     /* enum piece_kind */
	uint8_t lit_len;  /* not 0: the text is lit[], and text is NULL */
	char lit[4];
	union {
		const char *text; /* into the caller's buffer, and valid as long as that */
		struct {
			uint32_t input, output;
		} tokens;      /* PIECE_FRAME: reported by this frame (wire_usage.h), else zero */
		uint32_t call; /* of the NUL behind a tool's name, or its repeat: its number */
	};
};

static inline const char *piece_text(const struct piece *p)
{
	return p->lit_len ? p->lit : p->text;
}

/* In raw order. The owner of the struct owns the array, and may reuse it (`n = 0` empties it). */
struct pieces {
	struct piece *v;
	size_t n, cap;
};
void pieces_fini(struct pieces *v);
struct wire_options {
	enum framing framing;
	enum dialect dialect;
	bool skip_reasoning; /* reasoning text is not emitted as pieces */
	bool for_edits;      /* text may be taken out where it stands; see memo.c and decode.c */
	uint32_t frame_max;  /* bytes; for FRAMING_DOCUMENT a larger figure is usual */
};

struct wire;
/* Which framing and dialect an answer has. path is the request's path with its query, content_type
 * the answer's header value (either may be empty). An unknown content type gives FRAMING_NONE;
 * application/json gives FRAMING_DOCUMENT, and FRAMING_ARRAY for a streamGenerateContent without
 * alt=sse. */
void wire_detect(struct span path, struct span content_type, enum framing *framing,
		 enum dialect *dialect);

struct wire *wire_new(const struct wire_options *options); /* NULL: out of memory */
void wire_free(struct wire *w);                            /* NULL is fine */
size_t wire_memory(const struct wire *w);                  /* bytes of heap it holds */

/* Decodes the n bytes at buf, whose first byte has the absolute offset wire_consumed(w), and
 * appends to *out. Returns how many bytes it consumed; the caller keeps the rest and presents it
 * again, followed by more. At most frame_max bytes (plus one escape sequence) stay unconsumed.
 * After an error (wire_failed()) nothing is consumed any more. */
size_t wire_feed(struct wire *w, const char *buf, size_t n, struct pieces *out) MUST_USE;

/* The body has ended; buf holds the n unconsumed bytes. Decodes what is left (also an event without
 * its blank line), with a last PIECE_FRAME for it. Unless it fails all n bytes are consumed. */
enum wire_error wire_finish(struct wire *w, const char *buf, size_t n, struct pieces *out) MUST_USE;

uint64_t wire_consumed(const struct wire *w);
enum wire_error wire_failed(const struct wire *w);
enum framing wire_framing(const struct wire *w);
enum dialect wire_dialect(const struct wire *w); /* what was sniffed, when it began unknown */

/* wire_consumed() lies inside a frame longer than frame_max (or a body without framing) that began
 * at *start. Such a frame may be released as it is judged. */
bool wire_in_long_frame(const struct wire *w, uint64_t *start);

/* The identity of a channel number that a piece carried. */
struct channel_id wire_channel(const struct wire *w, uint16_t channel);

/* "choice 0 content", "choice 0 tool 1 arguments", "envelope": for reports. */
void channel_name(struct channel_id id, char name[64]);

/* What a cut may say. Never the matched text. */
struct wire_notice {
	struct span exchange; /* exchange id */
	struct span rule;     /* rule id, or the reason of a failure */
	struct span message;  /* one sentence for people */
};

enum wire_ending { ENDING_REFUSAL, ENDING_ERROR };

/* Appends the bytes that end the stream properly after exactly `released` bytes of the body have
 * left (always at the end of a frame). Uses what the stream said before (ids, model, open blocks).
 * Returns 0, or -ENOTSUP when this wire can only be aborted (documents that have begun; text, which
 * has no form for an error). */
int wire_end(struct wire *w, enum wire_ending how, uint64_t released,
	     const struct wire_notice *notice, struct buf *out) MUST_USE;

/* Bytes between two frames that keep a client waiting and mean nothing; may be empty. */
struct span wire_keepalive(const struct wire *w);

#endif

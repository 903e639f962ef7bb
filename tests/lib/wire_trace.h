/*
 * What a body becomes under the wire decoder, in a form that two runs can be compared by: the text
 * of every channel with the raw offset of each byte, the frames, the channel ends, the error.
 */
#ifndef TESTS_LIB_WIRE_TRACE_H
#define TESTS_LIB_WIRE_TRACE_H

#include "lib/buf.h"
#include "lib/wire_usage.h"

struct trace_channel {
	struct channel_id id;
	struct buf text;
	uint64_t offsets; /* a hash over the raw offsets of the text's bytes */
	bool ended;
};

struct trace {
	struct trace_channel channels[WIRE_CHANNELS_MAX];
	size_t n;
	struct buf frames; /* one line a frame or channel end, as text */
	size_t frame_count;
	enum wire_error error;
	enum dialect dialect;
	uint64_t consumed;
	size_t memory;
	struct wire_usage usage;
};

/* Decodes body in steps of `step` bytes (0: all at once), the first step being `first` bytes when
 * that is not 0. */
void trace_run(struct trace *t, const struct wire_options *o, struct span body, size_t first,
	       size_t step);
void trace_fini(struct trace *t);

/* NULL when both are the same, else what differs. */
const char *trace_differs(const struct trace *a, const struct trace *b);

/* Fails the running test unless every split gives the trace of the whole: byte by byte, and at
 * every position when the body has at most `every` bytes. */
void trace_splits(const char *name, const struct wire_options *o, struct span body, size_t every);

/* The text of one channel (NULL span when there is none), and of all channels of one kind joined in
 * order. */
struct span trace_text(const struct trace *t, struct channel_id id);
void trace_join(const struct trace *t, enum channel_kind kind, struct buf *out);

/* The whole file, or a NULL span. The caller frees p. */
struct span read_file(const char *path);

#endif

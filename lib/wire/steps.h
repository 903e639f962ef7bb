/*
 * What the files of the decoder ask of each other.
 */
#ifndef LIB_WIRE_STEPS_H
#define LIB_WIRE_STEPS_H

#include "lib/wire/state.h"

/* registers.c: members that name channels. */
void registers_capture(struct wire *w, uint64_t off); /* a string that is wanted has ended */
void registers_number(struct wire *w);
void registers_open(struct wire *w, const struct json_place *place);
void registers_close(struct wire *w, const struct json_place *place, uint64_t off);

/* decode.c: payload bytes to pieces. */
void decode_begin(struct wire *w);
void decode_resume_text(struct wire *w); /* inside a string at a place, as memo.c found it */
size_t decode_feed(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out);
void decode_finish(struct wire *w, enum wire_error incomplete);
void decode_text(struct wire *w, uint16_t *channel, enum channel_kind kind, const char *p, size_t n,
		 uint64_t off, struct pieces *out);
void decode_separator(struct wire *w, uint16_t channel, char c, uint64_t off, struct pieces *out);
void decode_frame_end(struct wire *w, uint64_t end, struct pieces *out);

/* channels.c: identities, pieces, and the inner layer. */
struct piece *piece_push(struct wire *w, struct pieces *out, enum piece_kind kind, uint16_t channel,
			 uint64_t off, size_t raw_len);
void piece_run(struct wire *w, struct pieces *out, uint16_t channel, const char *p, size_t n,
	       uint64_t off);
void piece_lit(struct wire *w, struct pieces *out, uint16_t channel, const char *lit, size_t n,
	       uint64_t off, size_t raw_len);
uint16_t channel_of(struct wire *w,
		    struct channel_id id); /* NO_CHANNEL, and the error is set, when it cannot be */
void inner_run(struct wire *w, struct inner *in, uint16_t channel, const char *p, size_t n,
	       uint64_t off, struct pieces *out);
void inner_char(struct wire *w, struct inner *in, uint16_t channel, char c, uint64_t off,
		size_t raw_len, struct pieces *out);
void inner_flush(struct wire *w, struct inner *in, uint16_t channel, uint64_t off,
		 struct pieces *out);

/* memo.c: frames that look like the one before. */
size_t memo_find(struct wire *w, const char *p,
		 size_t n); /* a frame's length when it is all like the memo, or 0 */
void memo_check(struct wire *w, const char *p,
		size_t n); /* the same for a complete frame: sets memo_prefix, memo_suffix */
size_t memo_resume(struct wire *w, const char *p, size_t n,
		   struct pieces *out); /* bytes read; all of it, or the text */
void memo_note_text(struct wire *w,
		    uint64_t off); /* a text begins at off: a snapshot if it is the first */
void memo_learn(struct wire *w, const char *p,
		size_t n); /* a frame was read without a wrong guess */

/* frame_*.c: one framing each. A complete frame, or what there is of a long one; returns the bytes
 * consumed. `final`: no byte of this frame follows. */
size_t sse_find(struct wire *w, const char *p, size_t n,
		bool final); /* the first frame's length, or 0 */
size_t sse_run(struct wire *w, const char *p, size_t n, bool final, struct pieces *out);
size_t lines_find(struct wire *w, const char *p, size_t n);
size_t lines_run(struct wire *w, const char *p, size_t n, struct pieces *out);
size_t array_find(struct wire *w, const char *p, size_t n);
size_t array_run(struct wire *w, const char *p, size_t n, struct pieces *out);
bool array_complete(const struct wire *w); /* the closing bracket was seen */

#endif

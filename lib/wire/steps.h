/*
 * What the files of the decoder ask of each other.
 */
#ifndef LIB_WIRE_STEPS_H
#define LIB_WIRE_STEPS_H

#include "lib/wire/state.h"

/* again.c: what is said twice. */
struct channel_id again_identity(const struct wire *w, const struct json_place *place,
				 const struct registers *r);        /* of the text at this place */
void again_begin(struct wire *w, uint64_t off, struct pieces *out); /* a text begins: w->id */
void again_named(struct wire *w, uint32_t call); /* a name of this call was said */
void again_frame(struct wire *w);                /* a frame begins */
void again_frame_end(struct wire *w);

/* registers.c: members that name channels. */
void registers_capture(struct wire *w, uint64_t off); /* a string that is wanted has ended */
void registers_number(struct wire *w);
void registers_usage(struct wire *w, uint8_t part, uint64_t tokens);
void registers_open(struct wire *w, const struct json_place *place);
void registers_close(struct wire *w, const struct json_place *place, uint64_t off);

/* decode.c: payload bytes to pieces. */
void decode_begin(struct wire *w);
size_t decode_feed(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out);
void decode_finish(struct wire *w, enum wire_error incomplete);
void decode_text(struct wire *w, uint16_t *channel, enum channel_kind kind, const char *p, size_t n,
		 uint64_t off, struct pieces *out);
void decode_separator(struct wire *w, uint16_t channel, char c, uint64_t off, struct pieces *out);
void decode_frame_end(struct wire *w, uint64_t end, struct pieces *out);

/* encoding.c: looks at a body's first bytes; false: more of them are needed. */
bool encoding_known(struct wire *w, const char *p, size_t n, bool final);

/* channels.c: identities, pieces, and the inner layer. */
bool pieces_grow(struct wire *w, struct pieces *out);
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
void inner_escape(struct wire *w, struct inner *in, uint16_t channel, const char *lit, size_t n,
		  uint64_t off, size_t raw_len, struct pieces *out);
void inner_flush(struct wire *w, struct inner *in, uint16_t channel, uint64_t off,
		 struct pieces *out);

/* memo.c: frames that look like earlier ones. */
size_t memo_read(struct wire *w, const char *p, size_t n, struct pieces *out); /* the length of the
				frame, which it has read; 0: unlike, or not complete */
void memo_begin(struct wire *w); /* the first byte of a frame is about to be read */
void memo_string(struct wire *w, bool text, uint64_t off); /* a string begins, after its quote */
void memo_string_end(struct wire *w, uint64_t off);        /* where its closing quote stands */
void memo_number(struct wire *w, uint64_t off, uint64_t end);
void memo_learn(struct wire *w, const char *p,
		size_t n); /* a frame was read, with no wrong guess */
void memo_forget(struct wire *w);

/* text.c: the body of one string. Both return where its closing quote stands, or SIZE_MAX when it
 * does not stand in the n bytes, or something malformed before it. */
size_t text_plain(struct wire *w, uint16_t channel, const char *p, size_t n, uint64_t off,
		  struct pieces *out);
size_t text_inner(struct wire *w, uint16_t channel, const char *p, size_t n, uint64_t off,
		  struct pieces *out);

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

/*
 * What the files of the wire share: the decoder's state, and what a dialect is.
 *
 * A new wire format is one file lib/wire/NAME.c that defines a `struct dialect_table`, and one line in the table of
 * lib/wire.c. The table's places say which strings of a payload are text, and which members name their channel; the
 * tokenizer follows them. Members that name a channel may stand after the text: registers are settled when the
 * container that owns them closes, and a frame whose first reading guessed wrong is read once more.
 */
#ifndef LIB_WIRE_DIALECT_H
#define LIB_WIRE_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json_text.h"
#include "lib/wire.h"

/* What a place's value does (json_place.role). */
enum role {
	ROLE_PATH,    /* only leads to other places */
	ROLE_TEXT,    /* a string of the channel that resolve() names; arg is the channel kind, extra the channel's b */
	ROLE_ARGS,    /* the same, holding JSON: in a string (two layers), or as an object or array */
	ROLE_A,       /* a number: register a */
	ROLE_B,       /* a number: register b */
	ROLE_TYPE,    /* a string: register type, as classify() says */
	ROLE_FLAG,    /* true, or a string that is not empty: sets the bits arg in register flags */
	ROLE_ID,      /* a string that an ending repeats */
	ROLE_MODEL,
	ROLE_CREATED, /* a number that an ending repeats */
	ROLE_SEQUENCE, /* a number; an ending continues from the largest */
	ROLE_SNIFF     /* its mere presence tells the dialect: arg */
};

/* Registers that a container owns (json_place.scope): set to the start value when it opens, settled when it closes. */
enum { OWN_A = 1, OWN_B = 2, OWN_TYPE = 4, OWN_FLAGS = 8 };

enum { FLAG_FINISH = 1, FLAG_THOUGHT = 2 };

struct registers {
	uint32_t b;
	uint16_t a;
	uint8_t type; /* 0: not said */
	uint8_t flags;
};

struct dialect_table {
	const struct json_place *root;

	/* The number of a payload's type, from 1; 0 for one that means nothing here. NULL: no types. */
	uint8_t (*classify)(struct span type);

	/* The channel of a text place. NULL: kind arg, a, and extra or b. */
	struct channel_id (*resolve)(const struct json_place *place, const struct registers *r);

	/* A container that owns registers closed: notes what endings need, asks for channel ends. `off` is a raw offset
	 * inside the frame. NULL: nothing to note. */
	void (*closed)(struct wire *w, const struct json_place *place, const struct registers *r, uint64_t off);

	int (*end)(struct wire *w, enum wire_ending how, uint64_t released, const struct wire_notice *notice,
		   struct buf *out);
};

extern const struct dialect_table dialect_unknown, dialect_chat, dialect_responses, dialect_messages, dialect_gemini, dialect_ollama;

/* An escape of the inner layer of tool arguments that is not complete. */
struct inner {
	uint64_t off; /* of its first raw byte in this frame; UINT64_MAX: none yet */
	uint8_t n;
	char text[12];
};

struct channel {
	struct channel_id id;
	bool ended, ending;
	bool retired; /* its message is over, and a new one began in the same body: the identity is free again */
	struct inner inner;
};

/* A text place met in this frame. */
struct known {
	const struct json_place *place;
	struct registers r;
	struct channel_id id;  /* as it was read */
	uint8_t settled;       /* registers that are final */
	uint16_t channel;      /* NO_CHANNEL: no text yet */
	struct inner inner;    /* of the channel, before this text */
};

/* Something that opened and closed in the stream: a block, a choice. Open as of `released` when begin < released <= end. */
struct mark {
	uint64_t begin, end; /* raw offsets; UINT64_MAX: not ended */
	uint32_t index;
};

/* What the last frame looked like around its first text; see memo.c. */
#define MEMO_PREFIX_MAX 416
#define MEMO_SUFFIX_MAX 96

struct memo {
	uint16_t prefix_n, suffix_n; /* bytes; suffix 0: none */
	uint16_t line;               /* where the data line begins */
	struct registers r;
	struct json_text json;
	char prefix[MEMO_PREFIX_MAX]; /* from the frame's first byte to the quote that opens the text */
	char suffix[MEMO_SUFFIX_MAX]; /* from after the quote that closes it to the frame's last byte */
};

#define NO_CHANNEL UINT16_MAX
#define MARKS_MAX 1024
#define KEPT_MAX 64

enum payload { PAYLOAD_NONE, PAYLOAD_JSON, PAYLOAD_RAW };
enum sse_line { LINE_START, LINE_DATA, LINE_NAME, LINE_COMMENT };

struct wire {
	struct wire_options options;
	enum dialect dialect;
	enum framing framing;
	enum wire_error error;
	const struct dialect_table *table;

	/* The frame. Offsets into the buffer count from the first unconsumed byte. */
	uint64_t consumed;
	uint64_t frame_start; /* with the frames that wait for an escape's end, of the first of them */
	size_t scan;          /* no frame ends before this */
	size_t line;          /* where the line begins that is being searched */
	uint32_t scan_depth;  /* ARRAY: containers open at scan */
	uint8_t scan_state;
	bool long_frame, fields, frame_done, begun;
	uint8_t sse_line;
	bool data_seen;

	/* The payload. */
	uint8_t payload;
	bool reread;         /* second reading: identities come from known[] */
	bool after_end;      /* text came for a channel that had ended */
	bool tree;           /* inside an object of arguments */
	bool finished;       /* the builder said that the stream is complete */
	uint8_t capture;     /* role that wants the string, or ROLE_PATH */
	bool two_layers, separated, silent;
	uint8_t tree_depth;
	uint8_t captured_n;
	uint16_t channel;    /* of the string that is being read; NO_CHANNEL: not yet made */
	struct channel_id id;
	uint16_t envelope, raw;
	uint16_t waiting;    /* channels with an incomplete escape */
	bool ends_asked, restarted;
	size_t tree_from;
	struct inner own;    /* for text that belongs to no lasting channel */
	struct registers r;
	uint32_t scope_from[JSON_LEVELS];
	struct known *known;
	uint32_t known_n, known_cap, known_next;
	struct channel *channels;
	uint16_t channels_n, channels_cap;
	char captured[KEPT_MAX];
	struct json_text json;

	struct memo *memo;    /* NULL: none yet */
	bool memo_prefix;     /* this frame begins like the memo */
	bool memo_suffix;     /* and ends like it */
	uint64_t text_at;     /* where the first text of this frame begins, after its quote; 0: none yet */
	uint64_t text_end;    /* after the quote that closes it; 0: not yet */

	/* For endings. */
	struct mark *marks;
	uint32_t marks_n, marks_cap;
	uint64_t started; /* raw offset where the stream introduced itself; UINT64_MAX: not yet */
	uint64_t sequence, created;
	uint8_t id_n, model_n;
	char kept_id[KEPT_MAX], kept_model[KEPT_MAX];
};

/* decode.c: payload bytes to pieces. */
void decode_begin(struct wire *w);
void decode_resume_text(struct wire *w); /* inside a string at a place, as memo.c found it */
size_t decode_feed(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out);
void decode_finish(struct wire *w, enum wire_error incomplete);
void decode_text(struct wire *w, uint16_t *channel, enum channel_kind kind, const char *p, size_t n, uint64_t off,
		 struct pieces *out);
void decode_separator(struct wire *w, uint16_t channel, char c, uint64_t off, struct pieces *out);
void decode_frame_end(struct wire *w, uint64_t end, struct pieces *out);

/* channels.c: identities, pieces, and the inner layer. */
struct piece *piece_push(struct wire *w, struct pieces *out, enum piece_kind kind, uint16_t channel, uint64_t off,
			 size_t raw_len);
void piece_run(struct wire *w, struct pieces *out, uint16_t channel, const char *p, size_t n, uint64_t off);
void piece_lit(struct wire *w, struct pieces *out, uint16_t channel, const char *lit, size_t n, uint64_t off,
	       size_t raw_len);
uint16_t channel_of(struct wire *w, struct channel_id id); /* NO_CHANNEL, and the error is set, when it cannot be */
void inner_run(struct wire *w, struct inner *in, uint16_t channel, const char *p, size_t n, uint64_t off,
	       struct pieces *out);
void inner_char(struct wire *w, struct inner *in, uint16_t channel, char c, uint64_t off, size_t raw_len,
		struct pieces *out);
void inner_flush(struct wire *w, struct inner *in, uint16_t channel, uint64_t off, struct pieces *out);

/* memo.c: frames that look like the one before. */
size_t memo_find(struct wire *w, const char *p, size_t n); /* a frame's length when it is all like the memo, or 0 */
void memo_check(struct wire *w, const char *p, size_t n); /* the same for a complete frame: sets memo_prefix, memo_suffix */
size_t memo_resume(struct wire *w, const char *p, size_t n, struct pieces *out); /* bytes read; all of it, or the text */
void memo_note_text(struct wire *w, uint64_t off);  /* a text begins at off: a snapshot if it is the first */
void memo_learn(struct wire *w, const char *p, size_t n); /* a frame was read without a wrong guess */

/* frame_*.c: one framing each. A complete frame, or what there is of a long one; returns the bytes consumed. `final`:
 * no byte of this frame follows. */
size_t sse_find(struct wire *w, const char *p, size_t n, bool final); /* the first frame's length, or 0 */
size_t sse_run(struct wire *w, const char *p, size_t n, bool final, struct pieces *out);
size_t lines_find(struct wire *w, const char *p, size_t n);
size_t lines_run(struct wire *w, const char *p, size_t n, struct pieces *out);
size_t array_find(struct wire *w, const char *p, size_t n);
size_t array_run(struct wire *w, const char *p, size_t n, struct pieces *out);
bool array_complete(const struct wire *w); /* the closing bracket was seen */

/* channels.c, ending.c: for dialects. */
void mark_begin(struct wire *w, uint32_t index, uint64_t off);
void mark_end(struct wire *w, uint32_t index, uint64_t off);
bool mark_open(const struct mark *m, uint64_t released);
void restart_channels(struct wire *w); /* a new message begins after this frame: all end, and may come again */
void end_channels(struct wire *w, int kind, int a, int64_t b); /* -1: any */
bool introduced(const struct wire *w, uint64_t released);
void add_string(struct buf *out, const char *name, struct span value); /* "name":"value" */
void add_error(struct buf *out, const char *type, const struct wire_notice *notice); /* members of an error object */
void add_frame(const struct wire *w, uint64_t released, const char *event, struct buf *data,
	       struct buf *out); /* one payload in the wire's framing (an array ends with it); frees data */
int end_plain(struct wire *w, enum wire_ending how, uint64_t released, const struct wire_notice *notice,
	      struct buf *out);

#endif

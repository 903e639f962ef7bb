/*
 * The state of one decoder, for the files of lib/wire alone.
 */
#ifndef LIB_WIRE_STATE_H
#define LIB_WIRE_STATE_H

#include "lib/wire/dialect.h"
#include "lib/wire_usage.h"

/* An escape of the inner layer of tool arguments that is not complete. */
struct inner {
	uint64_t off; /* of its first raw byte in this frame; UINT64_MAX: none yet */
	uint8_t n;
	char text[12];
};

struct channel {
	struct channel_id id;
	bool ended, ending;
	bool retired; /* its message is over, and a new one began in the same body: the identity is
			 free again */
	struct inner inner;
};

/* A text place met in this frame. */
struct known {
	const struct json_place *place;
	struct registers r;
	struct channel_id id; /* as it was read */
	uint8_t settled;      /* registers that are final */
	uint16_t channel;     /* NO_CHANNEL: no text yet */
	struct inner inner;   /* of the channel, before this text */
};

/* Something that opened and closed in the stream: a block, a choice. Open as of `released` when
 * begin < released <= end. */
struct mark {
	uint64_t begin, end; /* raw offsets; UINT64_MAX: not ended */
	uint32_t index;
};

/* What a frame looked like; see memo.c. */
#define SHAPE_BYTES 768
#define SHAPE_HOLES 14

enum hole_kind { HOLE_TEXT, HOLE_ENVELOPE, HOLE_NUMBER };

struct hole {
	uint16_t from, to; /* in the shape's bytes: between the quotes, or the digits */
	uint16_t channel;  /* of a text; NO_CHANNEL: none was needed */
	uint8_t kind;
	uint8_t role, arg; /* of a number */
	uint64_t number;   /* as it was learned */
	bool two_layers, silent;
};

struct shape {
	uint16_t n; /* 0: none */
	uint8_t holes_n;
	uint16_t inner; /* the channel of the one text with two layers, or NO_CHANNEL */
	struct hole holes[SHAPE_HOLES];
	char bytes[SHAPE_BYTES];
};

struct memo {
	struct shape shapes[2];
	uint8_t latest;
};

#define NO_CHANNEL UINT16_MAX
#define MARKS_MAX 1024
#define KEPT_MAX 64
#define NAMED_CALLS 256

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
	uint64_t frame_start; /* with the frames that wait for an escape's end, of the first of them
			       */
	size_t scan;          /* no frame ends before this */
	size_t line;          /* where the line begins that is being searched */
	uint32_t scan_depth;  /* ARRAY: containers open at scan */
	uint8_t scan_state;
	bool long_frame, fields, frame_done, begun;
	uint8_t sse_line;
	bool data_seen;

	/* The payload. */
	uint8_t payload;
	bool reread;     /* second reading: identities come from known[] */
	bool after_end;  /* text came for a channel that had ended */
	bool tree;       /* inside an object of arguments */
	bool tree_bare;  /* which says nothing when it has no members */
	bool finished;   /* the builder said that the stream is complete */
	uint8_t capture; /* role that wants the string, or ROLE_PATH */
	bool two_layers, separated, silent;
	uint8_t tree_depth;
	uint8_t captured_n;
	uint16_t channel; /* of the string that is being read; NO_CHANNEL: not yet made */
	struct channel_id id;
	uint16_t envelope, raw;
	uint16_t waiting; /* channels with an incomplete escape */
	bool ends_asked, restarted;
	size_t tree_from;
	struct inner own; /* for text that belongs to no lasting channel */
	struct registers r;
	uint32_t scope_from[JSON_LEVELS];
	struct registers scope_outer[JSON_LEVELS];
	struct known *known;
	uint32_t known_n, known_cap, known_next;
	struct channel *channels;
	uint16_t channels_n, channels_cap;
	uint16_t channels_before; /* of them, made before this frame */
	uint64_t named[NAMED_CALLS / 64], named_now[NAMED_CALLS / 64]; /* again.c: bits of calls */
	char captured[KEPT_MAX];
	struct json_text json;

	struct memo *memo; /* NULL: none yet */
	bool draft;        /* the frame that is read may become a shape; its holes are noted */
	bool hole_open;    /* and the string that is read is one */
	uint8_t drafted;   /* holes */

	/* For endings. */
	struct mark *marks;
	uint32_t marks_n, marks_cap;
	uint64_t started; /* raw offset where the stream introduced itself; UINT64_MAX: not yet */
	uint64_t sequence, created;
	uint64_t usage[USAGE_PARTS];
	uint8_t usage_known;  /* a bit for each part */
	bool usage_new;       /* this frame reports some */
	uint32_t sealed;      /* bytes of encrypted reasoning in this frame */
	uint32_t sealed_base; /* RESPONSES: as long is one of nothing */
	bool sealed_other;    /* RESPONSES: what it belongs to is no reasoning */
	uint8_t steps;        /* in this frame */
	uint8_t id_n, model_n;
	char kept_id[KEPT_MAX], kept_model[KEPT_MAX];
};

/* channels.c, ending.c: for dialects. */
void mark_begin(struct wire *w, uint32_t index, uint64_t off);
void mark_end(struct wire *w, uint32_t index, uint64_t off);
bool mark_open(const struct mark *m, uint64_t released);
void restart_channels(
	struct wire *w); /* a new message begins after this frame: all end, and may come again */
void end_channels(struct wire *w, int kind, int a, int64_t b); /* -1: any */
bool introduced(const struct wire *w, uint64_t released);
void add_string(struct buf *out, const char *name, struct span value); /* "name":"value" */
void add_error(struct buf *out, const char *type,
	       const struct wire_notice *notice); /* members of an error object */
void add_frame(const struct wire *w, uint64_t released, const char *event, struct buf *data,
	       struct buf *out); /* one payload in the wire's framing (an array ends with it); frees
				    data */
int end_plain(struct wire *w, enum wire_ending how, uint64_t released,
	      const struct wire_notice *notice, struct buf *out);

/* All names of a choice's tools are one channel, which no call's end ends. */
/* b is the call's while the name is read; all names of a choice are one channel. */
static inline struct channel_id tool_name(uint16_t a, uint32_t call)
{
	return (struct channel_id){ .kind = CHANNEL_TOOL_NAME, .a = a, .b = call };
}

#endif

/*
 * What a dialect is: places, registers, endings.
 *
 * A new wire format is one file lib/wire/NAME.c that defines a `struct dialect_table`, and one line
 * in the table of lib/wire.c. The table's places say which strings of a payload are text, and which
 * members name their channel; the tokenizer follows them. Members that name a channel may stand
 * after the text: registers are settled when the container that owns them closes, and a frame whose
 * first reading guessed wrong is read once more.
 */
#ifndef LIB_WIRE_DIALECT_H
#define LIB_WIRE_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json_text.h"
#include "lib/wire.h"

/* What a place's value does (json_place.role). */
enum role {
	ROLE_PATH, /* only leads to other places */
	ROLE_TEXT, /* a string of the channel that resolve() names; arg is the channel kind, extra
		      the channel's b */
	ROLE_ARGS, /* the same, holding JSON: in a string (two layers), or as an object or array */
	ROLE_A,    /* a number: register a */
	ROLE_B,    /* a number: register b */
	ROLE_TYPE, /* a string: register type, as classify() says */
	ROLE_FLAG, /* true, or a string that is not empty: sets the bits arg in register flags */
	ROLE_ID,   /* a string that an ending repeats */
	ROLE_MODEL,
	ROLE_CREATED,  /* a number that an ending repeats */
	ROLE_SEQUENCE, /* a number; an ending continues from the largest */
	ROLE_SNIFF,    /* its mere presence tells the dialect: arg */
	ROLE_USAGE,    /* a number of tokens: enum usage_part arg */
	ROLE_SEALED,   /* a string: encrypted reasoning; its length counts */
	ROLE_STEP,     /* a string that is not empty: a tool ran on the builder's side */
	ROLE_ITEM,     /* a string: what sort of item this is, and carries the sealed text */
	ROLE_SORT      /* a string: what sort of part this is; sets the bits of sort() in flags */
};

/* How often a text is said (json_place.said). */
enum said {
	SAID_ONCE,
	SAID_UNLESS_EMPTY, /* an object without members says nothing */
	SAID_AGAIN /* the same; text of its channel when that has none yet, else its repeat */
};

/* Registers that a container owns (json_place.scope): set to the start value when it opens, settled
 * when it closes. */
enum { OWN_A = 1, OWN_B = 2, OWN_TYPE = 4, OWN_FLAGS = 8 };

/* What a stream reports of its tokens; input and output are sums of their parts. */
enum usage_part {
	USAGE_INPUT,
	USAGE_INPUT_CREATED, /* written to a cache, where `input` leaves it out */
	USAGE_INPUT_CACHED,  /* read from a cache, the same */
	USAGE_INPUT_TOOLS,
	USAGE_OUTPUT,
	USAGE_THOUGHTS,  /* where the output leaves them out */
	USAGE_REASONING, /* where the output includes them, unless the total says otherwise */
	USAGE_TOTAL,
	USAGE_PARTS
};

enum { FLAG_FINISH = 1, FLAG_THOUGHT = 2, FLAG_ELSEWHERE = 4 /* the builder runs it */ };

struct registers {
	uint32_t b;
	uint16_t a;
	uint8_t type; /* 0: not said */
	uint8_t flags;
};

struct dialect_table {
	const struct json_place *root;

	/* The number of a payload's type, from 1; 0 for one that means nothing here. NULL: no
	 * types. */
	uint8_t (*classify)(struct span type);

	/* The flags of an item or a part of this sort. NULL: none. */
	uint8_t (*sort)(struct span type);

	/* The channel of a text place. NULL: kind arg, a, and extra or b. */
	struct channel_id (*resolve)(const struct json_place *place, const struct registers *r);

	/* A container that owns registers closed: notes what endings need, asks for channel ends.
	 * `off` is a raw offset inside the frame. NULL: nothing to note. */
	void (*closed)(struct wire *w, const struct json_place *place, const struct registers *r,
		       uint64_t off);

	int (*end)(struct wire *w, enum wire_ending how, uint64_t released,
		   const struct wire_notice *notice, struct buf *out);
};

extern const struct dialect_table dialect_unknown, dialect_chat, dialect_responses,
	dialect_messages, dialect_gemini, dialect_ollama;

#endif

/*
 * Layers: what a channel's text says in base64, in hex and in percent encoding.
 *
 * Theory of operation
 *
 *   text       token: Z2hwX2FiY2Rl...=  ok      the channel's, as the wire decoded it
 *   base64            g  h  p  _  a ... NUL     a text of its own, judged like any other
 *                                 ^ held from the character in which this byte begins
 *
 * A layer is a pure function of a channel's text. It turns *runs* of it into derived text, in which
 * each byte has the raw range of what it stands for: from the first character that no earlier byte
 * has wholly taken, to the character that made it known. (Both ends of these ranges only grow, and
 * neighbours may share a character.) What a run was is followed by a NUL, and nothing that leads in
 * reaches over it. Where a run begins and ends depends on the text alone.
 *
 * base64  Both alphabets at once. A run begins at a letter or digit after what is none, so also
 *         behind a `/` or `-` of a longer stretch, and goes on to the first other character; `=`
 *         is one. Line ends and the blanks after them belong to a run whose line has at least 60
 *         characters and ends a group of four (PEM, MIME, YAML).
 * hex     A run begins at a digit before which there is none, in either case of letters.
 * percent A run is a stretch of what stands in URLs that has a `%` in it. When the first comes, up
 *         to LAYER_BACK bytes before it are given out with it, since a match may have begun there;
 *         the rest follows byte by byte. A `%` without two digits ends the run.
 *
 * Prose has words that could be base64. So a run of base64 or hex gives out nothing until a lead-in
 * may have ended in it (it is as long as the shortest of a rule that decodes, and its last byte is
 * one that a lead-in may end in), or until LAYER_FIRST bytes of it are known: no body begins
 * before. They must be printable ASCII, a tab or a line end, as configuration and credentials are;
 * later ones may also be UTF-8. The first other byte ends the run: what is base64 of something
 * binary is not looked at, nor what begins in the midst of a group.
 *
 * Layers of derived text are made in the same way, to the depth that a rule asks for.
 */
#ifndef POLICY_LAYER_H
#define POLICY_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/track.h"

enum layer_kind { LAYER_BASE64, LAYER_HEX, LAYER_PERCENT, LAYER_COUNT };

extern const char *const layer_names[LAYER_COUNT];

#define LAYER_DEPTH_MAX 3
#define LAYER_FIRST 8
#define LAYER_BACK 63
#define LAYER_CONTEXT (LAYER_BACK + 1) /* bytes of text that must be kept before the newest */

/* What is known of the lead-ins to be found, and the values of characters, -1 for none. */
struct layer_hint {
	uint8_t least[256]; /* bytes of the shortest that may end in this one; LAYER_FIRST: none */
	uint8_t shortest;   /* the least of these */
	uint8_t deep;       /* bytes of base64 that the shortest has at least */
	int8_t value64[256], value16[256];
};

void layer_hint_init(struct layer_hint *h); /* without lead-ins */

/* One layer's place in its text. Offsets are the text's. Zero-initialised is at the beginning. */
struct layer {
	uint64_t at;   /* the next byte of the run; without one: none begins before here */
	uint64_t from; /* the first byte that no derived byte has wholly taken */
	uint32_t line; /* base64: characters on this line */
	uint8_t mode;  /* enum layer_mode, in layer.c */
	uint8_t n;     /* characters of the group in progress */
	uint8_t bits;  /* what is left of them */
	uint8_t more;  /* bytes to come of a UTF-8 character */
};

struct layers {
	uint64_t seek; /* runs that begin before here are known */
	struct layer v[LAYER_COUNT];
};

struct layer_want {
	const struct layer_hint *hint;
	unsigned layers; /* bits */
	unsigned deeper; /* those whose text is decoded in turn: a lead-in may end earlier in it */
};

/* Takes the text up to its end, of which the last LAYER_CONTEXT bytes before what is new must be
 * there, and appends to out[k] what the layers derive that are wanted. False: no memory. */
bool layers_feed(struct layers *l, const struct track *text, const struct layer_want *want,
		 struct track out[LAYER_COUNT]);
void layers_end(struct layers *l, uint64_t at); /* the text is over; another begins there */

/* Whether the next derived byte has begun, and where. */
bool layer_pending(const struct layer *l, uint64_t *from);

#endif

/*
 * An estimate of how many tokens a text is, in thousandths. Tokenizers differ and are not at hand,
 * so a text is priced byte by byte, by the classes of the byte and of what stands before it:
 *
 *   class        costs a token or so                      costs little or nothing
 *   letters      the first; an upper after a lower one    the others, up to the fifteenth
 *   digits       every third
 *   marks        the first, more after a blank            the second and third, repetitions
 *   line ends    the first, but for one after a mark      the others
 *   blanks       two or more                              one before a word
 *   past ASCII   by the length of the character
 *
 * The prices are fitted to what a vendor's own tokenizer makes of texts, on one half of them; the
 * figures of a dialect to the recorded streams that report their tokens, the same.
 */
#ifndef POLICY_TOKENS_H
#define POLICY_TOKENS_H

#include <stdint.h>

#include "lib/wire.h"

/* Where a channel's text stands. Zeroed: at its beginning. */
struct token_text {
	uint16_t run; /* bytes of that class in a row */
	uint8_t class, before;
	uint8_t letters; /* of the word so far, or of its part */
	unsigned char last;
};

/* Reads on up to a byte that adds something, or the end; returns how many bytes that were. */
size_t token_next(struct token_text *t, const char *p, size_t n, unsigned *milli);

/* What the builders of a dialect add to their text, thousandths of a token, and the factor of their
 * tokenizer. */
struct token_habits {
	uint16_t percent;
	uint16_t message;          /* a message with text */
	uint16_t part;             /* each of its later parts */
	uint16_t call, more_calls; /* the first tool call, each later one: its name and its frame */
	uint16_t step;             /* a tool that runs on the builder's side, besides its call */
	uint16_t sealed_base;      /* bytes of sealed reasoning in a frame that are none */
	uint16_t sealed;           /* for one byte of it */
};

extern const struct token_habits token_habits[DIALECT_COUNT];

#endif

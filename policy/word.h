/*
 * Bytes of words, as \w and \b mean them: ASCII letters and digits and the underscore.
 */
#ifndef POLICY_WORD_H
#define POLICY_WORD_H

#include <stdbool.h>
#include <stdint.h>

static inline bool is_word(unsigned c)
{
	static const uint32_t in[8] = { 0, 0x03ff0000, 0x87fffffe, 0x07fffffe };
	return in[c / 32] >> c % 32 & 1;
}

#endif

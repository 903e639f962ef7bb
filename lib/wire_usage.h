/*
 * The tokens that a stream reports of itself. Reports are totals of the whole stream so far in
 * every dialect, and the latest number of each sort counts.
 */
#ifndef LIB_WIRE_USAGE_H
#define LIB_WIRE_USAGE_H

#include "lib/wire.h"

struct wire_usage {
	uint64_t input;     /* with what was read from or written to a cache */
	uint64_t output;    /* with reasoning */
	uint64_t reasoning; /* of the output, where the stream says so */
	bool input_known, output_known;
};

/* Of a PIECE_FRAME: bytes of encrypted reasoning that it carried, and tools that ran on the
 * builder's side. */
static inline uint32_t piece_sealed(const struct piece *p)
{
	return p->text_len;
}

static inline unsigned piece_steps(const struct piece *p)
{
	return (unsigned char)p->lit[0];
}

void wire_usage(const struct wire *w, struct wire_usage *out); /* as of what was decoded */

#endif

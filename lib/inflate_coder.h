/*
 * What a decompression library looks like to inflate.c: one step, from input to a given room.
 * Private to lib/inflate*.c.
 */
#ifndef LIB_INFLATE_CODER_H
#define LIB_INFLATE_CODER_H

#include <stddef.h>

#include "lib/base.h"
#include "lib/inflate.h"

struct inflate_coder {
	void *(*open)(struct span coding); /* NULL: no memory */
	void (*close)(void *state);

	/* Decodes from *in, which it advances, to at most room bytes at out; *made is how many.
	 * INFLATE_OK: all input is used or the room is full. INFLATE_END: a stream is complete;
	 * bytes may be left in *in. After it, a coder whose format allows several streams in a
	 * row begins the next one when it is called again with input. */
	enum inflate_status (*step)(void *state, struct span *in, char *out, size_t room,
				    size_t *made);
};

extern const struct inflate_coder inflate_zlib;   /* gzip, deflate */
extern const struct inflate_coder inflate_brotli; /* br */
extern const struct inflate_coder inflate_zstd;   /* zstd */

#endif

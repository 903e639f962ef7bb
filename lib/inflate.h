/*
 * Decoding compressed bodies: gzip, deflate, br, zstd behind one face, with a cap on size and on
 * ratio so that a small answer cannot become an endless one. Each library has its own file
 * (inflate_zlib.c, inflate_brotli.c, inflate_zstd.c).
 */
#ifndef LIB_INFLATE_H
#define LIB_INFLATE_H

#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct inflate;

enum inflate_status {
	INFLATE_OK,  /* everything that could be decoded was appended */
	INFLATE_END, /* the stream is complete; bytes after it are an error on the next call */
	INFLATE_CORRUPT,
	INFLATE_TOO_BIG, /* past size_max, or past ratio_max once more than 64 KiB came out */
	INFLATE_NO_MEMORY,
	INFLATE_STATUS_COUNT
};

extern const char *const inflate_status_names[INFLATE_STATUS_COUNT];

/* coding: a Content-Encoding value, case ignored. NULL: not one of ours (or a list of several),
 * or no memory, told apart by inflate_known(). */
int inflate_known(struct span coding);
struct inflate *inflate_new(struct span coding, uint64_t size_max, uint32_t ratio_max);
void inflate_free(struct inflate *z);

/* Decodes as much as possible of the n bytes, appending to *out (decoded flush by flush, so that
 * an event is available as soon as the builder flushed it). Errors latch. */
enum inflate_status inflate_feed(struct inflate *z, const char *p, size_t n, struct buf *out);
/* The body ended: END, or CORRUPT when it was cut short. */
enum inflate_status inflate_finish(struct inflate *z);

#endif

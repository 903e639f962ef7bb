/*
 * gzip, and deflate in both of its meanings: RFC 9110 says zlib's wrapper, and some send the bare
 * stream. The first two bytes tell, so the first is held back until the second is there.
 */
#include <stdbool.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "lib/inflate_coder.h"

struct zlib {
	z_stream z;
	bool begun; /* inflateInit2() was called */
	bool gzip;
	bool ended; /* a member is complete */
	bool held;  /* deflate: the first byte is in `first` */
	unsigned char first;
};

static void *open_zlib(struct span coding)
{
	struct zlib *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->gzip = !span_eq_nocase(coding, SPAN("deflate"));
	if (s->gzip) {
		if (inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
			free(s);
			return NULL;
		}
		s->begun = true;
	}
	return s;
}

static void close_zlib(void *state)
{
	struct zlib *s = state;
	if (s->begun)
		inflateEnd(&s->z);
	free(s);
}

static enum inflate_status run(struct zlib *s, struct span *in, char *out, size_t room,
			       size_t *made)
{
	s->z.next_in = (const Bytef *)in->p;
	s->z.avail_in = (uInt)min_size(in->n, 1u << 30);
	s->z.next_out = (Bytef *)out;
	s->z.avail_out = (uInt)room;
	int result = inflate(&s->z, Z_SYNC_FLUSH);
	size_t used = (size_t)((const char *)s->z.next_in - in->p);
	in->p += used;
	in->n -= used;
	*made = room - s->z.avail_out;
	switch (result) {
	case Z_OK:
	case Z_BUF_ERROR: return INFLATE_OK;
	case Z_STREAM_END: s->ended = true; return INFLATE_END;
	case Z_MEM_ERROR: return INFLATE_NO_MEMORY;
	default: return INFLATE_CORRUPT;
	}
}

/* Decides between zlib's wrapper and the bare stream, and feeds the byte that was held. */
static enum inflate_status begin_deflate(struct zlib *s, struct span *in, char *out, size_t room,
					 size_t *made)
{
	if (!s->held) {
		s->first = (unsigned char)in->p[0];
		s->held = true;
		in->p++;
		in->n--;
	}
	if (in->n == 0)
		return INFLATE_OK;
	unsigned second = (unsigned char)in->p[0];
	bool wrapped = (s->first & 0x0f) == 8 && s->first >> 4 <= 7 &&
		       (s->first * 256u + second) % 31 == 0;
	if (inflateInit2(&s->z, wrapped ? MAX_WBITS : -MAX_WBITS) != Z_OK)
		return INFLATE_NO_MEMORY;
	s->begun = true;
	struct span first = { (const char *)&s->first, 1 };
	return run(s, &first, out, room, made);
}

static enum inflate_status step_zlib(void *state, struct span *in, char *out, size_t room,
				     size_t *made)
{
	struct zlib *s = state;
	if (!s->begun) {
		enum inflate_status status = begin_deflate(s, in, out, room, made);
		if (status != INFLATE_OK || *made > 0 || in->n == 0)
			return status;
	}
	if (s->ended && in->n > 0) {
		if (inflateReset(&s->z) != Z_OK)
			return INFLATE_CORRUPT;
		s->ended = false;
	}
	return run(s, in, out, room, made);
}

const struct inflate_coder inflate_zlib = { open_zlib, close_zlib, step_zlib };

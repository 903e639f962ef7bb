/*
 * The caps are kept here, over what the coders made, so that no library is trusted to keep them.
 * Output is taken in small rooms: a bomb is found one room after it passed a limit.
 */
#include "lib/inflate.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/inflate_coder.h"

#define ROOM_LEAST 512
#define ROOM_MOST 16384
#define RATIO_FROM 65536

const char *const inflate_status_names[INFLATE_STATUS_COUNT] = {
	[INFLATE_OK] = "ok",
	[INFLATE_END] = "end",
	[INFLATE_CORRUPT] = "corrupt",
	[INFLATE_TOO_BIG] = "too_big",
	[INFLATE_NO_MEMORY] = "no_memory",
};
static_assert(ARRAY_LEN(inflate_status_names) == INFLATE_STATUS_COUNT, "one name per status");

static const struct {
	const char *name;
	const struct inflate_coder *coder;
	bool several; /* streams may follow one another */
} codings[] = {
	{ "gzip", &inflate_zlib, true },     { "x-gzip", &inflate_zlib, true },
	{ "deflate", &inflate_zlib, false }, { "br", &inflate_brotli, false },
	{ "zstd", &inflate_zstd, true },
};

struct inflate {
	const struct inflate_coder *coder;
	void *state;
	uint64_t size_max, in_total, out_total;
	uint32_t ratio_max;
	enum inflate_status status; /* OK, END, or the error that latched */
	bool several;
};

/* The row of a coding, or the row after the last. */
static size_t find(struct span coding)
{
	size_t i = 0;
	while (i < ARRAY_LEN(codings) && !span_eq_nocase(coding, span_of(codings[i].name)))
		i++;
	return i;
}

int inflate_known(struct span coding)
{
	return find(coding) < ARRAY_LEN(codings);
}

struct inflate *inflate_new(struct span coding, uint64_t size_max, uint32_t ratio_max)
{
	size_t row = find(coding);
	if (row == ARRAY_LEN(codings))
		return NULL;
	struct inflate *z = calloc(1, sizeof(*z));
	if (!z)
		return NULL;
	z->coder = codings[row].coder;
	z->several = codings[row].several;
	z->size_max = size_max;
	z->ratio_max = ratio_max;
	z->status = INFLATE_OK;
	z->state = z->coder->open(coding);
	if (!z->state) {
		free(z);
		return NULL;
	}
	return z;
}

void inflate_free(struct inflate *z)
{
	if (!z)
		return;
	z->coder->close(z->state);
	free(z);
}

static bool too_big(const struct inflate *z)
{
	if (z->size_max && z->out_total > z->size_max)
		return true;
	return z->ratio_max && z->out_total > RATIO_FROM &&
	       z->out_total / z->ratio_max > z->in_total;
}

/* One room full. True while there may be more. */
static bool step(struct inflate *z, struct span *in, struct buf *out)
{
	size_t before = in->n, made = 0;
	size_t room = min_size(in->n * 4 < ROOM_LEAST ? ROOM_LEAST : in->n * 4, ROOM_MOST);
	char *p = buf_reserve(out, room);
	if (!p) {
		z->status = INFLATE_NO_MEMORY;
		return false;
	}
	z->status = z->coder->step(z->state, in, p, room, &made);
	z->in_total += before - in->n;
	z->out_total += made;
	out->n += made;
	if (too_big(z))
		z->status = INFLATE_TOO_BIG;
	if (z->status == INFLATE_END && in->n > 0 && !z->several)
		z->status = INFLATE_CORRUPT;
	if (z->status == INFLATE_OK && in->n == before && made == 0)
		z->status = INFLATE_CORRUPT; /* neither takes nor gives: it never will */
	if (z->status == INFLATE_OK)
		return in->n > 0 || made == room;
	return z->status == INFLATE_END && in->n > 0;
}

enum inflate_status inflate_feed(struct inflate *z, const char *p, size_t n, struct buf *out)
{
	struct span in = { p, n };
	if (z->status > INFLATE_END || n == 0)
		return z->status;
	if (z->status == INFLATE_END && !z->several)
		z->status = INFLATE_CORRUPT;
	else
		while (step(z, &in, out))
			;
	return z->status;
}

enum inflate_status inflate_finish(struct inflate *z)
{
	if (z->status == INFLATE_OK) /* no body at all is a common way to say that it is empty */
		z->status = z->in_total == 0 ? INFLATE_END : INFLATE_CORRUPT;
	return z->status;
}

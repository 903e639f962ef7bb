/* Zstandard (RFC 8878), with the window of at most 8 MiB that the content coding allows (RFC
 * 9659). */
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/inflate_coder.h"

#define WINDOW_LOG_MAX 23

static void *open_zstd(struct span coding)
{
	(void)coding;
	ZSTD_DCtx *z = ZSTD_createDCtx();
	if (z && ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		ZSTD_freeDCtx(z);
		return NULL;
	}
	return z;
}

static void close_zstd(void *state)
{
	ZSTD_freeDCtx(state);
}

static enum inflate_status step_zstd(void *state, struct span *in, char *out, size_t room,
				     size_t *made)
{
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	ZSTD_outBuffer to = { out, room, 0 };
	size_t result = ZSTD_decompressStream(state, &to, &from);
	in->p += from.pos;
	in->n -= from.pos;
	*made = to.pos;
	if (!ZSTD_isError(result))
		return result == 0 ? INFLATE_END : INFLATE_OK;
	return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? INFLATE_NO_MEMORY
									 : INFLATE_CORRUPT;
}

const struct inflate_coder inflate_zstd = { open_zstd, close_zstd, step_zstd };

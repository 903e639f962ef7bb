/* Brotli (RFC 7932), without its large windows, which the content coding does not allow. */
#include <brotli/decode.h>

#include "lib/inflate_coder.h"

static void *open_brotli(struct span coding)
{
	(void)coding;
	return BrotliDecoderCreateInstance(NULL, NULL, NULL);
}

static void close_brotli(void *state)
{
	BrotliDecoderDestroyInstance(state);
}

static enum inflate_status step_brotli(void *state, struct span *in, char *out, size_t room,
				       size_t *made)
{
	const uint8_t *next = (const uint8_t *)in->p;
	uint8_t *to = (uint8_t *)out;
	size_t left = room;
	BrotliDecoderResult result =
		BrotliDecoderDecompressStream(state, &in->n, &next, &left, &to, NULL);
	in->p = (const char *)next;
	*made = room - left;
	switch (result) {
	case BROTLI_DECODER_RESULT_SUCCESS: return INFLATE_END;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
	case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: return INFLATE_OK;
	case BROTLI_DECODER_RESULT_ERROR: break;
	}
	BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state);
	return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
			       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
		       ? INFLATE_NO_MEMORY
		       : INFLATE_CORRUPT;
}

const struct inflate_coder inflate_brotli = { open_brotli, close_brotli, step_brotli };

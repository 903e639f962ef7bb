/*
 * Decompression: whatever comes in, the output stays under its cap, and a stream that is taken
 * whole is taken in pieces too, with the same text. The first byte chooses the coding, the second
 * the split.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/inflate.h"

#define SIZE_MAX_OUT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum inflate_status decode(const char *coding, const char *p, size_t n, size_t step,
				  struct buf *out)
{
	struct inflate *z = inflate_new(span_of(coding), SIZE_MAX_OUT, 0);
	CHECK(z != NULL);
	for (size_t at = 0; at < n; at += step) {
		size_t take = min_size(step, n - at);
		char *copy = malloc(take);
		memcpy(copy, p + at, take);
		(void)inflate_feed(z, copy, take, out);
		free(copy);
	}
	enum inflate_status status = inflate_finish(z);
	CHECK(out->n <= SIZE_MAX_OUT + 16384);
	inflate_free(z);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codings[] = { "gzip", "deflate", "br", "zstd" };
	if (size < 3)
		return 0;
	const char *coding = codings[data[0] & 3], *bytes = (const char *)data + 2;
	struct buf whole = { 0 }, split = { 0 };
	enum inflate_status a = decode(coding, bytes, size - 2, size - 2, &whole);
	enum inflate_status b = decode(coding, bytes, size - 2, data[1] ? data[1] : 1, &split);
	CHECK((a == INFLATE_END) == (b == INFLATE_END));
	if (a == INFLATE_END)
		CHECK(whole.n == split.n &&
		      (whole.n == 0 || memcmp(whole.p, split.p, whole.n) == 0));
	buf_fini(&whole);
	buf_fini(&split);
	return 0;
}

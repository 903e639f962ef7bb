#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/inflate.h"

/* ---- making streams ---- */

enum { RAW_DEFLATE = -MAX_WBITS, ZLIB = MAX_WBITS, GZIP = MAX_WBITS + 16 };

/* Compresses the pieces with a flush after each; ends[i] is where piece i's flush ended. */
static void deflate_pieces(int form, const struct span *pieces, size_t n, struct buf *out,
			   size_t *ends)
{
	z_stream z = { 0 };
	cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, form, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (size_t i = 0; i < n; i++) {
		size_t room = pieces[i].n + 1000;
		char *copy = malloc(pieces[i].n + 1);
		memcpy(copy, pieces[i].p, pieces[i].n);
		z.next_in = (Bytef *)copy;
		z.avail_in = (uInt)pieces[i].n;
		z.next_out = (Bytef *)buf_reserve(out, room);
		z.avail_out = (uInt)room;
		deflate(&z, i + 1 == n ? Z_FINISH : Z_SYNC_FLUSH);
		out->n += room - z.avail_out;
		ends[i] = out->n;
		free(copy);
	}
	deflateEnd(&z);
}

static void zstd_pieces(const struct span *pieces, size_t n, struct buf *out, size_t *ends)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	for (size_t i = 0; i < n; i++) {
		size_t room = pieces[i].n + 1000;
		ZSTD_inBuffer in = { pieces[i].p, pieces[i].n, 0 };
		ZSTD_outBuffer to = { buf_reserve(out, room), room, 0 };
		cr_assert_eq(
			ZSTD_compressStream2(z, &to, &in, i + 1 == n ? ZSTD_e_end : ZSTD_e_flush),
			0);
		out->n += to.pos;
		ends[i] = out->n;
	}
	ZSTD_freeCCtx(z);
}

/* Brotli by hand, since only its decoder is a dependency: uncompressed meta-blocks, each
 * byte-aligned by itself, are what a stored flush looks like. Window code 16 is the single bit
 * 0; then ISLAST 0, MNIBBLES 0 (four nibbles), MLEN - 1, ISUNCOMPRESSED 1, padding; the stream
 * ends with ISLAST 1, ISLASTEMPTY 1. */
static void brotli_pieces(const struct span *pieces, size_t n, struct buf *out, size_t *ends)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = (uint32_t)(pieces[i].n - 1) << 4 | 1u << 20;
		if (i > 0)
			bits >>= 1; /* the window size comes once */
		for (int k = 0; k < 3; k++)
			buf_add_char(out, (char)(bits >> 8 * k & 0xff));
		buf_add(out, pieces[i].p, pieces[i].n);
		if (i + 1 == n)
			buf_add_char(out, 3);
		ends[i] = out->n;
	}
}

static const struct span texts[] = { { "data: {\"a\": \"one\"}\n\n", 21 },
				     { "data: {\"a\": \"two\"}\n\n", 21 },
				     { "data: [DONE]\n\n", 14 } };
static const char *const codings[] = { "gzip", "X-GZIP", "deflate", "deflate", "br", "zstd" };

static void encode(size_t row, struct buf *out, size_t *ends)
{
	static const int forms[] = { GZIP, GZIP, ZLIB, RAW_DEFLATE };
	if (row < ARRAY_LEN(forms))
		deflate_pieces(forms[row], texts, ARRAY_LEN(texts), out, ends);
	else if (row == 4)
		brotli_pieces(texts, ARRAY_LEN(texts), out, ends);
	else
		zstd_pieces(texts, ARRAY_LEN(texts), out, ends);
}

static void join(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		buf_add(out, texts[i].p, texts[i].n);
}

/* ---- feeding ---- */

/* Feeds the first `first` bytes, then steps, each from a block of its own. */
static enum inflate_status feed(struct inflate *z, const char *p, size_t n, size_t first,
				size_t step, struct buf *out)
{
	enum inflate_status status = INFLATE_OK;
	for (size_t at = 0, size = first; at < n; at += size, size = step) {
		size = min_size(size, n - at);
		char *copy = malloc(size + !size);
		memcpy(copy, p + at, size);
		status = inflate_feed(z, copy, size, out);
		free(copy);
	}
	return status;
}

static void expect_same(const struct buf *a, const struct buf *b)
{
	cr_assert_eq(a->n, b->n, "%zu, not %zu", a->n, b->n);
	cr_assert_eq(memcmp(a->p, b->p, a->n), 0);
}

Test(inflate, every_coding_at_every_split)
{
	struct buf plain = { 0 };
	join(&plain);
	for (size_t row = 0; row < ARRAY_LEN(codings); row++) {
		struct buf packed = { 0 };
		size_t ends[3];
		encode(row, &packed, ends);
		for (size_t first = 0; first <= packed.n; first++) {
			struct buf out = { 0 };
			struct inflate *z = inflate_new(span_of(codings[row]), 0, 0);
			size_t step = first == 1 ? 1 : packed.n;
			cr_assert_eq(feed(z, packed.p, packed.n, first, step, &out), INFLATE_END,
				     "%s at %zu", codings[row], first);
			cr_assert_eq(inflate_finish(z), INFLATE_END);
			expect_same(&out, &plain);
			inflate_free(z);
			buf_fini(&out);
		}
		buf_fini(&packed);
	}
	buf_fini(&plain);
}

Test(inflate, a_flush_is_available_at_once)
{
	for (size_t row = 0; row < ARRAY_LEN(codings); row++) {
		struct buf packed = { 0 }, out = { 0 };
		size_t ends[3], at = 0, made = 0;
		struct inflate *z = inflate_new(span_of(codings[row]), 0, 0);
		encode(row, &packed, ends);
		for (size_t i = 0; i < 3; at = ends[i++]) {
			inflate_feed(z, packed.p + at, ends[i] - at, &out);
			made += texts[i].n;
			cr_assert_eq(out.n, made, "%s, flush %zu: %zu of %zu", codings[row], i,
				     out.n, made);
		}
		inflate_free(z);
		buf_fini(&packed);
		buf_fini(&out);
	}
}

Test(inflate, a_stream_that_is_cut_or_followed_by_more)
{
	for (size_t row = 0; row < ARRAY_LEN(codings); row++) {
		struct buf packed = { 0 }, out = { 0 };
		size_t ends[3];
		encode(row, &packed, ends);
		for (size_t n = 1; n < packed.n; n++) {
			struct inflate *z = inflate_new(span_of(codings[row]), 0, 0);
			cr_assert_eq(inflate_feed(z, packed.p, n, &out), INFLATE_OK, "%s at %zu",
				     codings[row], n);
			cr_assert_eq(inflate_finish(z), INFLATE_CORRUPT, "%s cut at %zu",
				     codings[row], n);
			inflate_free(z);
		}
		struct inflate *z = inflate_new(span_of(codings[row]), 0, 0);
		cr_assert_eq(inflate_feed(z, packed.p, packed.n, &out), INFLATE_END);
		cr_assert_eq(inflate_feed(z, "", 0, &out), INFLATE_END);
		enum inflate_status after = inflate_feed(z, "junk", 4, &out);
		cr_assert(after == INFLATE_CORRUPT, "%s: %s", codings[row],
			  inflate_status_names[after]);
		cr_assert_eq(inflate_feed(z, packed.p, packed.n, &out), INFLATE_CORRUPT,
			     "errors latch");
		inflate_free(z);
		z = inflate_new(span_of(codings[row]), 0, 0);
		buf_add_text(&packed, "junk");
		cr_assert_eq(inflate_feed(z, packed.p, packed.n, &out), INFLATE_CORRUPT);
		inflate_free(z);
		buf_fini(&packed);
		buf_fini(&out);
	}
}

Test(inflate, several_members_make_one_text)
{
	static const size_t rows[] = { 0, 5 };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf packed = { 0 }, plain = { 0 };
		size_t ends[3];
		for (int k = 0; k < 2; k++) {
			encode(rows[i], &packed, ends);
			join(&plain);
		}
		for (size_t step = 1; step <= packed.n; step += step < 5 ? 1 : packed.n - 5) {
			struct buf out = { 0 };
			struct inflate *z = inflate_new(span_of(codings[rows[i]]), 0, 0);
			cr_assert_eq(feed(z, packed.p, packed.n, step, step, &out), INFLATE_END);
			expect_same(&out, &plain);
			inflate_free(z);
			buf_fini(&out);
		}
		buf_fini(&packed);
		buf_fini(&plain);
	}
}

Test(inflate, a_bomb_is_stopped)
{
	size_t n = 20 << 20, end;
	char *zeros = calloc(1, n);
	struct span piece = { zeros, n };
	struct buf packed = { 0 };
	deflate_pieces(GZIP, &piece, 1, &packed, &end);
	static const struct {
		uint64_t size_max;
		uint32_t ratio_max;
		enum inflate_status status;
		size_t most;
	} cases[] = {
		{ 0, 0, INFLATE_END, 20 << 20 },
		{ 20 << 20, 0, INFLATE_END, 20 << 20 },
		{ (20 << 20) - 1, 0, INFLATE_TOO_BIG, 20 << 20 },
		{ 100000, 0, INFLATE_TOO_BIG, 100000 + 16384 },
		{ 0, 100, INFLATE_TOO_BIG, 4 << 20 },
		{ 0, 2000, INFLATE_END, 20 << 20 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = { 0 };
		struct inflate *z =
			inflate_new(SPAN("gzip"), cases[i].size_max, cases[i].ratio_max);
		enum inflate_status status = inflate_feed(z, packed.p, packed.n, &out);
		cr_assert_eq(status, cases[i].status, "%zu: %s", i, inflate_status_names[status]);
		cr_assert_leq(out.n, cases[i].most, "%zu: %zu bytes", i, out.n);
		cr_assert_eq(inflate_finish(z), cases[i].status);
		inflate_free(z);
		buf_fini(&out);
	}
	free(zeros);
	buf_fini(&packed);
}

Test(inflate, a_full_output_is_no_memory)
{
	struct buf packed = { 0 }, out = { .max = 10 };
	size_t ends[3];
	encode(0, &packed, ends);
	struct inflate *z = inflate_new(SPAN("gzip"), 0, 0);
	cr_assert_eq(inflate_feed(z, packed.p, packed.n, &out), INFLATE_NO_MEMORY);
	inflate_free(z);
	buf_fini(&packed);
	buf_fini(&out);
}

Test(inflate, damage_never_goes_unnoticed_in_gzip)
{
	struct buf packed = { 0 }, plain = { 0 };
	size_t ends[3];
	encode(0, &packed, ends);
	join(&plain);
	for (size_t i = 0; i < packed.n * 8; i++) {
		struct buf out = { 0 };
		struct inflate *z = inflate_new(SPAN("gzip"), 0, 0);
		packed.p[i / 8] ^= (char)(1 << i % 8);
		enum inflate_status status = inflate_feed(z, packed.p, packed.n, &out);
		if (status == INFLATE_END) /* damage in the header's idle fields */
			expect_same(&out, &plain);
		packed.p[i / 8] ^= (char)(1 << i % 8);
		inflate_free(z);
		buf_fini(&out);
	}
	buf_fini(&packed);
	buf_fini(&plain);
}

Test(inflate, codings_by_name)
{
	cr_assert(inflate_known(SPAN("GZip")) && inflate_known(SPAN("br")) &&
		  inflate_known(SPAN("zstd")));
	cr_assert(!inflate_known(SPAN("identity")) && !inflate_known(SPAN("")) &&
		  !inflate_known(SPAN("gzip, br")));
	cr_assert_null(inflate_new(SPAN("compress"), 0, 0));
	inflate_free(NULL);
	struct inflate *z = inflate_new(SPAN("gzip"), 0, 0);
	cr_assert_eq(inflate_finish(z), INFLATE_END, "no body at all");
	inflate_free(z);
	for (int i = 0; i < INFLATE_STATUS_COUNT; i++)
		cr_assert_not_null(inflate_status_names[i]);
}

/* ---- streams that were recorded from a builder ---- */

static void read_file(const char *dir, const char *name, size_t name_n, struct buf *out)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%.*s", dir, (int)name_n, name);
	FILE *f = fopen(path, "rb");
	cr_assert_not_null(f, "%s", path);
	size_t n;
	do {
		char *p = buf_reserve(out, 65536);
		n = fread(p, 1, 65536, f);
		out->n += n;
	} while (n > 0);
	fclose(f);
}

/* Byte by byte: where a flush ends in the compressed stream, all that the builder had written by
 * then is there. */
static void check_recording(const char *line, const char *dir)
{
	const char *file = strstr(line, "\"file\": \"") + 9,
		   *gz = strstr(line, "\"wire_gzip_file\": \"") + 19;
	const char *offsets = strstr(line, "\"gzip_flush_offsets_decoded\": [") + 31;
	struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
	struct inflate *z = inflate_new(SPAN("gzip"), 1 << 20, 100);
	size_t flushes = 0;
	read_file(dir, file, strcspn(file, "\""), &plain);
	read_file(dir, gz, strcspn(gz, "\""), &packed);
	for (size_t i = 0; i < packed.n; i++) {
		inflate_feed(z, packed.p + i, 1, &out);
		cr_assert(out.n == 0 || memcmp(out.p, plain.p, out.n) == 0);
		if (i < 3 || memcmp(packed.p + i - 3, "\0\0\xff\xff", 4) != 0)
			continue;
		char *next;
		cr_assert_eq(out.n, strtoul(offsets, &next, 10), "%.40s: flush %zu", file, flushes);
		flushes++;
		offsets = *next == ',' ? next + 1 : next;
	}
	cr_assert_gt(flushes, 1);
	cr_assert_eq(inflate_finish(z), INFLATE_END);
	expect_same(&out, &plain);
	inflate_free(z);
	buf_fini(&plain);
	buf_fini(&packed);
	buf_fini(&out);
}

Test(inflate, recorded_streams)
{
	char dir[512], path[600];
	const char *corpora = getenv("CORPORA");
	snprintf(dir, sizeof(dir), "%s/llm_streams", corpora ? corpora : "../shared/corpora");
	snprintf(path, sizeof(path), "%s/index.jsonl", dir);
	FILE *f = fopen(path, "r");
	if (!f) {
		fprintf(stderr, "skipped: no corpora (%s)\n", path);
		return;
	}
	char *line = NULL;
	size_t size = 0, n = 0;
	while (getline(&line, &size, f) > 0) {
		if (strstr(line, "\"wire_gzip_file\": \"")) {
			check_recording(line, dir);
			n++;
		}
	}
	cr_assert_eq(n, 6);
	free(line);
	fclose(f);
}

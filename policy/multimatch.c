#include "policy/multimatch.h"

#include <errno.h>
#include <hs/hs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Vectorscan 5.4.9 (Debian 12) overlooks matches near the end of a text of more than 64 bytes where
 * a set is so uniform that it looks for pairs of bytes first: few patterns, or many with the same
 * last byte. A few patterns of arbitrary bytes in every set keep it from doing that; what they find
 * is nothing. tests/policy/test_multimatch.c shows what is overlooked without them. */
#define PADS 16
#define PAD_BYTES 8
#define PAD_ID UINT32_MAX

struct pad {
	char text[PAD_BYTES * 4 + 1];
};

struct multimatch {
	hs_database_t *db;
	size_t stream_bytes;
};

struct multimatch_scratch {
	hs_scratch_t *hs;
};

static atomic_long streams_left = -1;

void multimatch_limit_streams(long n)
{
	atomic_store(&streams_left, n);
}

void multimatch_hits_fini(struct multimatch_hits *h)
{
	free(h->v);
	*h = (struct multimatch_hits){ 0 };
}

/* A literal as an expression: everything that is not a letter, digit or underscore becomes \xNN. */
static char *quote(const char *text)
{
	struct buf b = { 0 };
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= 'a' && *p <= 'z') || *p == '_')
			buf_add_char(&b, (char)*p);
		else
			buf_printf(&b, "\\x%02x", *p);
	}
	buf_add_char(&b, '\0');
	if (b.failed)
		buf_fini(&b);
	return b.p;
}

static void explain(const hs_compile_error_t *error, size_t n, size_t *bad, struct buf *why)
{
	*bad = error->expression >= 0 && (size_t)error->expression < n ? (size_t)error->expression
								       : n;
	const char *text = error->message;
	size_t len = strlen(text);
	while (len && (text[len - 1] == '.' || text[len - 1] == '\n'))
		len--;
	buf_add(why, text, len);
}

static int compile(struct multimatch *m, const char *const *texts, const unsigned *flags,
		   const unsigned *ids, size_t n, size_t *bad, struct buf *why)
{
	hs_compile_error_t *error = NULL;
	if (hs_compile_multi(texts, flags, ids, (unsigned)n, HS_MODE_STREAM, NULL, &m->db,
			     &error) != HS_SUCCESS) {
		if (!error)
			return -ENOMEM;
		explain(error, n, bad, why);
		hs_free_compile_error(error);
		return -EINVAL;
	}
	return hs_stream_size(m->db, &m->stream_bytes) == HS_SUCCESS ? 0 : -EINVAL;
}

/* At every place in them stand other bytes. */
static void write_pad(struct pad *pad, unsigned number)
{
	for (unsigned i = 0; i < PAD_BYTES; i++)
		snprintf(pad->text + 4 * i, 5, "\\x%02x",
			 (number * (256 / PADS) + i * 37 + (i ? 128 : 0)) & 255);
}

int multimatch_new(const struct multimatch_pattern *v, size_t n, struct multimatch **out,
		   size_t *bad, struct buf *why)
{
	int rc = -ENOMEM;
	struct multimatch *m = calloc(1, sizeof(*m));
	struct pad pads[PADS];
	size_t all = n + PADS;
	char **quoted = calloc(n + 1, sizeof(*quoted));
	const char **texts = calloc(all, sizeof(*texts));
	unsigned *flags = calloc(all, sizeof(*flags)), *ids = calloc(all, sizeof(*ids));
	*bad = n;
	if (!m || !quoted || !texts || !flags || !ids)
		goto done;
	for (size_t i = 0; i < n; i++) {
		if (v[i].keyword && !(quoted[i] = quote(v[i].text)))
			goto done;
		texts[i] = v[i].keyword ? quoted[i] : v[i].text;
		flags[i] = v[i].keyword ? HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH : 0;
		ids[i] = (unsigned)i;
	}
	for (unsigned i = 0; i < PADS; i++) {
		write_pad(&pads[i], i);
		texts[n + i] = pads[i].text;
		ids[n + i] = PAD_ID;
	}
	/* Without patterns there is no database; streams of such a set are never opened. */
	rc = n ? compile(m, texts, flags, ids, all, bad, why) : 0;
	if (!rc) {
		*out = m;
		m = NULL;
	}
done:
	for (size_t i = 0; quoted && i < n; i++)
		free(quoted[i]);
	free(quoted);
	free(texts);
	free(flags);
	free(ids);
	multimatch_free(m);
	return rc;
}

void multimatch_free(struct multimatch *m)
{
	if (!m)
		return;
	hs_free_database(m->db);
	free(m);
}

size_t multimatch_stream_bytes(const struct multimatch *m)
{
	return m->stream_bytes;
}

int multimatch_scratch_fit(struct multimatch_scratch **s, const struct multimatch *m)
{
	struct multimatch_scratch *fit = *s ? *s : calloc(1, sizeof(*fit));
	if (!fit)
		return -ENOMEM;
	if (m->db && hs_alloc_scratch(m->db, &fit->hs) != HS_SUCCESS) {
		if (!*s)
			free(fit);
		return -ENOMEM;
	}
	*s = fit;
	return 0;
}

void multimatch_scratch_free(struct multimatch_scratch *s)
{
	if (!s)
		return;
	hs_free_scratch(s->hs);
	free(s);
}

struct multimatch_stream *multimatch_open(const struct multimatch *m)
{
	hs_stream_t *stream = NULL;
	if (atomic_load_explicit(&streams_left, memory_order_relaxed) >= 0 &&
	    atomic_fetch_sub(&streams_left, 1) <= 0) {
		atomic_store(&streams_left, 0);
		return NULL;
	}
	if (!m->db || hs_open_stream(m->db, 0, &stream) != HS_SUCCESS)
		return NULL;
	return (struct multimatch_stream *)(void *)stream;
}

static int note(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		void *context)
{
	(void)from;
	(void)flags;
	struct multimatch_hits *h = context;
	if (id == PAD_ID)
		return 0;
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 64;
		struct multimatch_hit *v = realloc(h->v, cap * sizeof(*v));
		if (!v) {
			h->failed = true;
			return 1;
		}
		h->v = v;
		h->cap = cap;
	}
	h->v[h->n++] = (struct multimatch_hit){ .end = to, .pattern = id };
	return 0;
}

int multimatch_feed(struct multimatch_stream *t, struct multimatch_scratch *s, struct span text,
		    struct multimatch_hits *h)
{
	hs_stream_t *stream = (hs_stream_t *)(void *)t;
	CHECK(text.n <= UINT32_MAX);
	hs_error_t rc = hs_scan_stream(stream, text.p, (unsigned)text.n, 0, s->hs, note, h);
	return rc == HS_SUCCESS ? 0 : -EIO;
}

int multimatch_finish(struct multimatch_stream *t, struct multimatch_scratch *s,
		      struct multimatch_hits *h)
{
	hs_stream_t *stream = (hs_stream_t *)(void *)t;
	hs_error_t rc = hs_reset_stream(stream, 0, s->hs, note, h);
	return rc == HS_SUCCESS ? 0 : -EIO;
}

void multimatch_close(struct multimatch_stream *t)
{
	if (t)
		hs_close_stream((hs_stream_t *)(void *)t, NULL, NULL, NULL);
}

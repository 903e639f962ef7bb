#include "policy/multimatch.h"

#include <errno.h>
#include <hs/hs.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

bool multimatch_hits_room(struct multimatch_hits *h)
{
	size_t cap = h->cap ? 2 * h->cap : 64;
	struct multimatch_hit *v = realloc(h->v, cap * sizeof(*v));
	h->failed = h->failed || !v;
	h->v = v ? v : h->v;
	h->cap = v ? cap : h->cap;
	return v;
}

static bool before(const struct multimatch_hit *a, const struct multimatch_hit *b)
{
	return a->end < b->end || (a->end == b->end && a->pattern < b->pattern);
}

static int compare(const void *a, const void *b)
{
	return before(b, a) - before(a, b);
}

static bool in_order(const struct multimatch_hits *h)
{
	for (size_t i = 1; i < h->n; i++)
		if (!before(&h->v[i - 1], &h->v[i]))
			return false;
	return true;
}

/* False: it takes more moves than these. */
static bool insert(struct multimatch_hits *h, size_t moves)
{
	for (size_t i = 1, k; i < h->n; i++) {
		struct multimatch_hit one = h->v[i];
		for (k = i; k > 0 && before(&one, &h->v[k - 1]) && moves; k--, moves--)
			h->v[k] = h->v[k - 1];
		h->v[k] = one;
		if (!moves)
			return false;
	}
	return true;
}

/* Mostly they come nearly in order, so that few need to move, and not far. */
void multimatch_hits_sort(struct multimatch_hits *h)
{
	size_t kept = 0;
	if (in_order(h))
		return;
	if (!insert(h, 4 * h->n))
		qsort(h->v, h->n, sizeof(*h->v), compare);
	for (size_t i = 0; i < h->n; i++)
		if (!kept || before(&h->v[kept - 1], &h->v[i]))
			h->v[kept++] = h->v[i];
	h->n = kept;
}

void multimatch_hits_merge(struct multimatch_hits *h, const struct multimatch_hits *more)
{
	size_t n = h->n, m = more->n;
	for (size_t i = 0; i < m; i++) /* makes room */
		multimatch_hits_add(h, 0, 0);
	if (h->failed)
		return;
	for (size_t to = h->n; m;)
		h->v[--to] = n && before(&more->v[m - 1], &h->v[n - 1]) ? h->v[--n] : more->v[--m];
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
	return buf_take_text(&b);
}

static void explain(const hs_compile_error_t *error, const unsigned *ids, size_t n, size_t *bad,
		    struct buf *why)
{
	bool known = error->expression >= 0 && (size_t)error->expression < n;
	*bad = known ? ids[error->expression] : SIZE_MAX;
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
		explain(error, ids, n, bad, why);
		hs_free_compile_error(error);
		return -EINVAL;
	}
	return hs_stream_size(m->db, &m->stream_bytes) == HS_SUCCESS ? 0 : -EINVAL;
}

int multimatch_new(const struct multimatch_pattern *v, size_t n, struct multimatch **out,
		   size_t *bad, struct buf *why)
{
	int rc = -ENOMEM;
	struct multimatch *m = calloc(1, sizeof(*m));
	char **quoted = calloc(n + 1, sizeof(*quoted));
	const char **texts = calloc(n + 1, sizeof(*texts));
	unsigned *flags = calloc(n + 1, sizeof(*flags)), *ids = calloc(n + 1, sizeof(*ids));
	*bad = SIZE_MAX;
	if (!m || !quoted || !texts || !flags || !ids)
		goto done;
	size_t some = 0;
	for (size_t i = 0; i < n; i++) {
		if (!v[i].text)
			continue;
		if (v[i].keyword && !(quoted[i] = quote(v[i].text)))
			goto done;
		texts[some] = v[i].keyword ? quoted[i] : v[i].text;
		flags[some] = v[i].keyword ? HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH : 0;
		ids[some++] = (unsigned)i;
	}
	/* Without patterns there is no database; streams of such a set are never opened. */
	rc = some ? compile(m, texts, flags, ids, some, bad, why) : 0;
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
	multimatch_hits_add(h, to, id);
	return h->failed;
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

/* Of the texts that Vectorscan 5.4.9 overlooks many have the match near their end. False: they
 * could not be tried. */
static bool try_texts(bool *all)
{
	static const struct multimatch_pattern pattern = { .text = "(?:ya|yb)_" };
	struct multimatch *m = NULL;
	struct multimatch_scratch *s = NULL;
	struct multimatch_hits hits = { 0 };
	struct buf why = { 0 };
	size_t bad, texts = 0;
	char text[160];
	if (multimatch_new(&pattern, 1, &m, &bad, &why) || multimatch_scratch_fit(&s, m))
		goto done;
	for (size_t n = 3; n <= sizeof(text); n++, texts++) {
		memset(text, 'x', n);
		memcpy(text + n - 3, "yb_", 3);
		struct multimatch_stream *t = multimatch_open(m);
		if (!t || multimatch_feed(t, s, (struct span){ text, n / 2 }, &hits) ||
		    multimatch_feed(t, s, (struct span){ text + n / 2, n - n / 2 }, &hits))
			texts = SIZE_MAX / 2;
		multimatch_close(t);
	}
done:
	buf_fini(&why);
	multimatch_scratch_free(s);
	multimatch_free(m);
	bool tried = texts && texts < SIZE_MAX / 2;
	*all = tried && hits.n == texts;
	multimatch_hits_fini(&hits);
	return tried;
}

bool multimatch_sound(void)
{
	static atomic_int known = -1; /* once told, it is the same for the whole process */
	bool all = atomic_load(&known) > 0;
	if (atomic_load(&known) < 0 && try_texts(&all))
		atomic_store(&known, all);
	return all;
}

/*
 * Many expressions at once over a text that comes in parts: the one door to Hyperscan, or
 * Vectorscan. It reports where matches end, never where they start, and each end exactly once the
 * byte before it was scanned (a trailing assertion such as \b makes it wait for one byte more).
 */
#ifndef POLICY_MULTIMATCH_H
#define POLICY_MULTIMATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct multimatch;         /* compiled, immutable, shared by threads */
struct multimatch_scratch; /* one thread's working memory */
struct multimatch_stream;  /* one text */

struct multimatch_pattern {
	const char *text; /* NULL: this number is somebody else's */
	bool keyword;     /* a literal without case, of which only the first end matters; else an
			     expression */
};

struct multimatch_hit {
	uint64_t end;     /* offset in the text */
	uint32_t pattern; /* index into the patterns */
};

/* Zero-initialised is empty. `failed` latches when memory ran out. */
struct multimatch_hits {
	struct multimatch_hit *v;
	size_t n, cap;
	bool failed;
};

void multimatch_hits_fini(struct multimatch_hits *h);
bool multimatch_hits_room(struct multimatch_hits *h); /* for one more; false: it failed */
void multimatch_hits_sort(struct multimatch_hits *h); /* by end, then pattern; each once */
/* Adds others, of other patterns; both are sorted, and so is the result. */
void multimatch_hits_merge(struct multimatch_hits *h, const struct multimatch_hits *more);

static inline void multimatch_hits_add(struct multimatch_hits *h, uint64_t end, uint32_t pattern)
{
	if (h->n < h->cap || multimatch_hits_room(h))
		h->v[h->n++] = (struct multimatch_hit){ .end = end, .pattern = pattern };
}

/* -EINVAL: *bad is the pattern's index (SIZE_MAX: none in particular) and what is wrong is
 * appended to *why. */
int multimatch_new(const struct multimatch_pattern *v, size_t n, struct multimatch **out,
		   size_t *bad, struct buf *why) MUST_USE;
void multimatch_free(struct multimatch *m);                 /* NULL is fine */
size_t multimatch_stream_bytes(const struct multimatch *m); /* heap of one stream */

/* Makes *s fit for m as well as for what it was fit for before; *s may be NULL at first. */
int multimatch_scratch_fit(struct multimatch_scratch **s,
			   const struct multimatch *m) MUST_USE; /* -ENOMEM */
void multimatch_scratch_free(struct multimatch_scratch *s);      /* NULL is fine */

struct multimatch_stream *multimatch_open(const struct multimatch *m); /* NULL: out of memory */
/* Appends the hits to *h, in no particular order. -EIO: the engine failed and the stream is of no
 * use any more. */
int multimatch_feed(struct multimatch_stream *t, struct multimatch_scratch *s, struct span text,
		    struct multimatch_hits *h) MUST_USE;
/* The text is complete: appends the hits that waited for its end. */
int multimatch_finish(struct multimatch_stream *t, struct multimatch_scratch *s,
		      struct multimatch_hits *h) MUST_USE;
void multimatch_close(struct multimatch_stream *t); /* NULL is fine */

/* Whether the library finds what it should: version 5.4.9 overlooks matches at the ends of reads.
 */
bool multimatch_sound(void);

/* For tests: the n-th stream opened from now on cannot be had, nor any after it; negative: no
 * limit. */
void multimatch_limit_streams(long n);

#endif

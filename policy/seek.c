#include "policy/seek.h"

#include <errno.h>

#define STEP 4096       /* bytes between two looks at how much is found, */
#define STEP_EARLY 1024 /* and where the matcher may have to be left soon */
#define PRICE 64        /* a find costs the matcher what so many bytes cost more in the table */
#define CROWDED 8192    /* from here on the table is cheaper */

static int open_stream(struct seek *k, const struct seeker *with, uint64_t at)
{
	k->stream = multimatch_open(with->matcher);
	k->stream_at = at;
	return k->stream ? 0 : -ENOMEM;
}

static int match(struct seek *k, const struct seeker *with, struct span text,
		 struct multimatch_hits *out)
{
	size_t before = out->n;
	int rc = multimatch_feed(k->stream, with->scratch, text, out);
	for (size_t i = before; k->stream_at && i < out->n; i++)
		out->v[i].end += k->stream_at;
	return rc;
}

/* The last bytes decide what has begun; what ends in them was found before. */
static struct span last_bytes(struct span text, size_t from)
{
	size_t n = min_size(from, HEAD_TABLE_REACH);
	return (struct span){ text.p + from - n, n };
}

static void enter_table(struct seek *k, const struct seeker *with, struct span text, size_t from,
			struct multimatch_hits *out)
{
	struct head_table_place unused = { .state = 0 };
	size_t before = out->n;
	head_table_find(with->table, last_bytes(text, from), 0, &unused, out);
	out->n = before;
	k->place = (struct head_table_place){ .state = unused.state };
	k->in_table = true;
	multimatch_close(k->stream);
	k->stream = NULL;
}

static int leave_table(struct seek *k, const struct seeker *with, struct span text, size_t from,
		       uint64_t at, struct multimatch_hits *out)
{
	struct span last = last_bytes(text, from);
	size_t before = out->n;
	int rc = open_stream(k, with, at - last.n);
	if (!rc && last.n)
		rc = match(k, with, last, out);
	out->n = before;
	k->in_table = false;
	return rc;
}

static void count(struct seek *k, size_t bytes, size_t finds)
{
	size_t crowd = k->crowd + min_size(finds, SEEK_CROWD_MAX) * PRICE;
	crowd = crowd > bytes ? crowd - bytes : 0;
	k->crowd = (uint16_t)min_size(crowd, SEEK_CROWD_MAX);
}

static int step(struct seek *k, const struct seeker *with, struct span text, size_t from,
		uint64_t at, struct multimatch_hits *out)
{
	struct span fresh = { text.p + from, text.n - from };
	size_t before = out->n;
	int rc = 0;
	if (with->table && !k->in_table && k->crowd >= CROWDED)
		enter_table(k, with, text, from, out);
	else if (k->in_table && !k->crowd)
		rc = leave_table(k, with, text, from, at, out);
	if (!rc && k->in_table)
		head_table_find(with->table, fresh, at, &k->place, out);
	else if (!rc)
		rc = k->stream ? 0 : open_stream(k, with, at);
	if (!rc && !k->in_table)
		rc = match(k, with, fresh, out);
	count(k, fresh.n, out->n - before);
	return rc;
}

static size_t step_bytes(const struct seek *k, const struct seeker *with)
{
	bool early = !k->in_table && (k->crowd || !k->stream);
	return !with->table ? SIZE_MAX : early ? STEP_EARLY : STEP;
}

int seek_feed(struct seek *k, const struct seeker *with, struct span text, size_t from, uint64_t at,
	      struct multimatch_hits *out)
{
	int rc = 0;
	for (size_t n; from < text.n && !rc; from += n, at += n) {
		n = min_size(step_bytes(k, with), text.n - from);
		rc = step(k, with, (struct span){ text.p, from + n }, from, at, out);
	}
	return rc;
}

int seek_finish(struct seek *k, const struct seeker *with, struct multimatch_hits *out)
{
	size_t before = out->n;
	int rc = k->stream ? multimatch_finish(k->stream, with->scratch, out) : 0;
	for (size_t i = before; i < out->n; i++)
		out->v[i].end += k->stream_at;
	k->stream_at = 0;
	k->crowd = 0;
	k->in_table = false;
	return rc;
}

void seek_end(struct seek *k)
{
	multimatch_close(k->stream);
	*k = (struct seek){ .stream = NULL };
}

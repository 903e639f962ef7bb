#include "policy/track.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 96
#define RUNS_ROOM 16

void track_fini(struct track *t)
{
	free(t->text);
	free(t->runs);
	*t = (struct track){ 0 };
}

void track_clear(struct track *t, uint64_t base)
{
	t->base = base;
	t->n = t->n_runs = 0;
	t->next = 0;
}

void track_clear_for(struct track *t, uint64_t base, uint32_t n)
{
	if (t->cap > 1024 && n < t->cap / 4) /* a long hold is over */
		track_fini(t);
	track_clear(t, base);
}

static bool room(void **p, uint32_t *cap, size_t need, size_t size, uint32_t least)
{
	if (need <= *cap)
		return true;
	size_t want = *cap ? (size_t)*cap * 2 : least;
	want = want < need ? need : want;
	void *grown = want > UINT32_MAX ? NULL : realloc(*p, want * size);
	if (!grown)
		return false;
	*p = grown;
	*cap = (uint32_t)want;
	return true;
}

static bool text_room(struct track *t, size_t n)
{
	void *p = t->text;
	bool ok = room(&p, &t->cap, t->n + n, 1, TEXT_ROOM);
	t->text = p;
	return ok;
}

static bool runs_room(struct track *t, size_t n)
{
	void *p = t->runs;
	bool ok = room(&p, &t->cap_runs, t->n_runs + n, sizeof(*t->runs), RUNS_ROOM);
	t->runs = p;
	return ok;
}

bool track_room(struct track *t, uint32_t n)
{
	return text_room(t, n) && runs_room(t, 1);
}

/* Where a run begins, from the track's base; the first of a track's runs begins with it. */
static uint32_t run_at(const struct track *t, size_t i)
{
	return t->runs[i].at - (uint32_t)t->base;
}

/* Index of the run that holds the byte at `rel`. */
static size_t run_of(const struct track *t, uint32_t rel)
{
	size_t low = 0, high = t->n_runs;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (run_at(t, mid) <= rel)
			low = mid;
		else
			high = mid;
	}
	return low;
}

bool track_assign(struct track *t, const struct track *from, uint64_t at)
{
	uint32_t rel = at <= from->base            ? 0
		       : at - from->base > from->n ? from->n
						   : (uint32_t)(at - from->base);
	uint32_t n = from->n - rel;
	track_clear(t, from->base + rel);
	if (!n && from->n)
		return true;
	size_t first = rel ? run_of(from, rel) : 0;
	uint32_t runs = from->n_runs - (uint32_t)first;
	if ((n > t->cap && !text_room(t, n)) || (runs > t->cap_runs && !runs_room(t, runs)))
		return false;
	if (!runs)
		return true;
	if (n)
		memcpy(t->text, from->text + rel, n);
	memcpy(t->runs, from->runs + first, runs * sizeof(*t->runs));
	t->n = n;
	t->n_runs = runs;
	t->next = from->next;
	if (!t->runs[0].atom)
		t->runs[0].raw += rel - run_at(from, first);
	t->runs[0].at = (uint32_t)t->base;
	return true;
}

void track_trim(struct track *t, uint64_t at)
{
	uint32_t rel = (uint32_t)(at - t->base);
	if (rel == t->n) {
		track_clear(t, at);
		return;
	}
	uint32_t first = (uint32_t)run_of(t, rel), into = rel - run_at(t, first);
	t->n -= rel;
	t->n_runs -= first;
	t->base = at;
	memmove(t->text, t->text + rel, t->n);
	memmove(t->runs, t->runs + first, t->n_runs * sizeof(*t->runs));
	t->runs[0].raw += t->runs[0].atom ? 0 : into;
	t->runs[0].at = (uint32_t)at;
}

bool track_append(struct track *t, const struct track *more)
{
	if (!more->n)
		return true;
	if (!text_room(t, more->n) || !runs_room(t, more->n_runs))
		return false;
	memcpy(t->text + t->n, more->text, more->n);
	for (uint32_t i = 0; i < more->n_runs; i++) {
		struct track_run *r = &t->runs[t->n_runs + i];
		*r = more->runs[i];
		r->at += (uint32_t)track_end(t) - (uint32_t)more->base;
	}
	t->n += more->n;
	t->n_runs += more->n_runs;
	t->next = more->next;
	return true;
}

size_t track_memory(const struct track *t)
{
	return t->cap + t->cap_runs * sizeof(*t->runs);
}

static uint32_t clamp(const struct track *t, uint64_t at)
{
	return at <= t->base ? 0 : at - t->base >= t->n ? t->n - 1 : (uint32_t)(at - t->base);
}

uint64_t track_raw(const struct track *t, uint64_t at)
{
	if (!t->n)
		return 0;
	uint32_t rel = clamp(t, at);
	size_t i = run_of(t, rel);
	const struct track_run *r = &t->runs[i];
	return r->atom ? r->raw : r->raw + (rel - run_at(t, i));
}

uint64_t track_raw_end(const struct track *t, uint64_t at)
{
	if (!t->n)
		return 0;
	uint32_t rel = clamp(t, at);
	size_t i = run_of(t, rel);
	const struct track_run *r = &t->runs[i];
	return r->atom ? r->raw + r->atom - 1 : r->raw + (rel - run_at(t, i)) + 1;
}

/* The run that holds the byte at `rel`, looked for from `near` on. */
static uint32_t run_near(const struct track *t, uint32_t rel, uint32_t near)
{
	for (unsigned i = 0; i < 4 && near < t->n_runs && run_at(t, near) <= rel; i++, near++)
		if (near + 1 == t->n_runs || run_at(t, near + 1) > rel)
			return near;
	return (uint32_t)run_of(t, rel);
}

struct track_range track_range(const struct track *t, uint64_t first, uint64_t last, uint32_t at[2])
{
	uint32_t from = clamp(t, first), to = clamp(t, last);
	at[0] = run_near(t, from, at[0]);
	at[1] = run_near(t, to, at[1]);
	const struct track_run *a = &t->runs[at[0]], *b = &t->runs[at[1]];
	return (struct track_range){
		a->atom ? a->raw : a->raw + (from - run_at(t, at[0])),
		b->atom ? b->raw + b->atom - 1 : b->raw + (to - run_at(t, at[1])) + 1,
	};
}

uint32_t track_find(const struct track *t, uint64_t at)
{
	uint32_t rel = clamp(t, at);
	size_t i = run_of(t, rel);
	while (i && run_at(t, i) == rel && run_at(t, i - 1) == rel)
		i--; /* what has no text of its own stands before it */
	return (uint32_t)i;
}

bool track_part(const struct track *t, uint32_t i, uint64_t from, uint64_t to,
		struct track_part *out)
{
	if (i >= t->n_runs || t->base + run_at(t, i) >= to)
		return false;
	const struct track_run *r = &t->runs[i];
	uint64_t begin = t->base + run_at(t, i);
	uint64_t end = t->base + (i + 1 < t->n_runs ? run_at(t, i + 1) : t->n);
	uint64_t at = max_u64(begin, from), stop = min_u64(end, to);
	*out = (struct track_part){ .at = at, .n = stop > at ? stop - at : 0 };
	out->raw = r->atom ? r->raw : r->raw + (at - begin);
	out->raw_end = r->atom ? r->raw + r->atom - 1 : out->raw + out->n;
	return true;
}

uint64_t track_until(const struct track *t, uint64_t raw)
{
	size_t low = 0, high = t->n_runs; /* how many runs have a first byte that ends by raw */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct track_run *m = &t->runs[mid];
		if (m->raw + (m->atom ? m->atom - 1 : 1) <= raw)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return t->base;
	const struct track_run *r = &t->runs[low - 1];
	uint32_t at = run_at(t, low - 1), end = low < t->n_runs ? run_at(t, low) : t->n;
	if (r->atom)
		return t->base + end;
	return t->base + at + min_u64(raw - r->raw, end - at);
}

uint64_t track_lines(const struct track *t, uint64_t at)
{
	uint64_t sum = 0;
	for (uint64_t i = t->base; i < at && i < track_end(t); i++)
		sum += t->text[i - t->base] == '\n';
	return sum;
}

#include "policy/track.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 96
#define RUNS_ROOM 8

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

bool track_add(struct track *t, const char *text, uint32_t n, uint64_t raw, uint32_t raw_len)
{
	if (!n)
		return true;
	if (n > t->cap - t->n && !text_room(t, n))
		return false;
	uint32_t atom = n == raw_len ? 0 : raw_len + 1;
	const struct track_run *last = t->n_runs ? &t->runs[t->n_runs - 1] : NULL;
	bool joins = last && !atom && !last->atom && last->raw + (t->n - last->at) == raw;
	if (!joins) {
		if (t->n_runs == t->cap_runs && !runs_room(t, 1))
			return false;
		t->runs[t->n_runs++] = (struct track_run){ .raw = raw, .at = t->n, .atom = atom };
	}
	memcpy(t->text + t->n, text, n);
	t->n += n;
	return true;
}

/* Index of the run that holds the byte at `rel`. */
static size_t run_of(const struct track *t, uint32_t rel)
{
	size_t low = 0, high = t->n_runs;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (t->runs[mid].at <= rel)
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
	if (t->cap > 1024 && n < t->cap / 4) /* a long hold is over */
		track_fini(t);
	t->base = from->base + rel;
	if (!n)
		return true;
	size_t first = run_of(from, rel);
	uint32_t runs = from->n_runs - (uint32_t)first;
	if (!text_room(t, n) || !runs_room(t, runs))
		return false;
	memcpy(t->text, from->text + rel, n);
	memcpy(t->runs, from->runs + first, runs * sizeof(*t->runs));
	t->n = n;
	t->n_runs = runs;
	if (!t->runs[0].atom)
		t->runs[0].raw += rel - t->runs[0].at;
	for (uint32_t i = 0; i < runs; i++)
		t->runs[i].at = i ? t->runs[i].at - rel : 0;
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
	const struct track_run *r = &t->runs[run_of(t, rel)];
	return r->atom ? r->raw : r->raw + (rel - r->at);
}

uint64_t track_raw_end(const struct track *t, uint64_t at)
{
	if (!t->n)
		return 0;
	uint32_t rel = clamp(t, at);
	const struct track_run *r = &t->runs[run_of(t, rel)];
	return r->atom ? r->raw + r->atom - 1 : r->raw + (rel - r->at) + 1;
}

uint64_t track_until(const struct track *t, uint64_t raw)
{
	size_t low = 0, high = t->n_runs; /* how many runs begin before raw */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->runs[mid].raw < raw)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return t->base;
	const struct track_run *r = &t->runs[low - 1];
	uint32_t end = low < t->n_runs ? t->runs[low].at : t->n;
	if (r->atom)
		return t->base + (r->raw + r->atom - 1 <= raw ? end : r->at);
	return t->base + r->at + min_u64(raw - r->raw, end - r->at);
}

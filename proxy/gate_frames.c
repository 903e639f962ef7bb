#include "proxy/gate_frames.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base.h"

void frames_fini(struct frames *f)
{
	free(f->v);
	*f = (struct frames){ 0 };
}

size_t frames_memory(const struct frames *f)
{
	return f->cap * sizeof(*f->v);
}

bool frames_add(struct frames *f, uint64_t start, uint64_t end)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 8;
		struct frame *grown = realloc(f->v, cap * sizeof(*grown));
		if (!grown)
			return false;
		f->v = grown;
		f->cap = cap;
	}
	f->v[f->n++] = (struct frame){ start, end };
	return true;
}

bool frames_add_joined(struct frames *f, uint64_t start, uint64_t end)
{
	if (f->n == 0)
		return frames_add(f, start, end);
	f->v[f->n - 1].end = end;
	return true;
}

void frames_forget(struct frames *f, uint64_t released)
{
	size_t n = 0;
	while (n < f->n && f->v[n].end <= released)
		n++;
	f->n -= n;
	if (n && f->n)
		memmove(f->v, f->v + n, f->n * sizeof(*f->v));
	if (f->n == 0 && f->cap > 64)
		frames_fini(f);
}

uint64_t frames_point(const struct frames *f, uint64_t released, uint64_t limit, uint64_t seen,
		      uint32_t frame_max, bool *boundary)
{
	uint64_t point = released;
	for (size_t i = 0; i < f->n && f->v[i].start < limit; i++) {
		const struct frame *frame = &f->v[i];
		if (frame->end <= limit) {
			point = max_u64(point, frame->end);
			continue;
		}
		if (min_u64(seen, frame->end) - frame->start > frame_max) {
			*boundary = false;
			return max_u64(point, limit);
		}
		return max_u64(point, frame->start);
	}
	return point;
}

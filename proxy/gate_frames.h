/*
 * The frames of a stream whose ends were seen and that have not left whole: for the gate alone.
 */
#ifndef PROXY_GATE_FRAMES_H
#define PROXY_GATE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint64_t start, end;
};

struct frames { /* in order */
	struct frame *v;
	size_t n, cap;
};

void frames_fini(struct frames *f);
size_t frames_memory(const struct frames *f);
bool frames_add(struct frames *f, uint64_t start, uint64_t end); /* false: no memory */
/* As one with the frame before it: for those that will leave together, or not at all. */
bool frames_add_joined(struct frames *f, uint64_t start, uint64_t end);
void frames_forget(struct frames *f, uint64_t released);

/* The last offset from `released` on up to which bytes may leave when `limit` is the first that may
 * not, as of the moment when `seen` bytes had been received: the end of a frame, or `limit` itself
 * (*boundary becomes false) inside a frame of more than frame_max bytes. */
uint64_t frames_point(const struct frames *f, uint64_t released, uint64_t limit, uint64_t seen,
		      uint32_t frame_max, bool *boundary);

#endif

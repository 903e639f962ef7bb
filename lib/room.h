/* Bytes that several things share: each takes what it keeps, and gives it back. One thread. */
#ifndef LIB_ROOM_H
#define LIB_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct room {
	size_t used, most;
};

/* False: there is not so much left, and nothing was taken. */
static inline bool room_take(struct room *r, size_t n)
{
	if (n > r->most - r->used)
		return false;
	r->used += n;
	return true;
}

static inline void room_give(struct room *r, size_t n)
{
	r->used -= n;
}

#endif

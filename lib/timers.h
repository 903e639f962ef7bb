/*
 * Timers of one thread: a binary heap of nodes embedded in their owners. Setting a later deadline
 * only writes the field (the node moves when it would have fired), so a timeout that is pushed back
 * on every read costs one store.
 */
#ifndef LIB_TIMERS_H
#define LIB_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct timer {
	void (*fire)(struct timer *t); /* runs from timers_run(); may set or clear any timer, and
					  free its owner */
	uint64_t deadline_ms;          /* 0: not set */
	uint64_t key_ms;               /* where it stands in the heap; <= deadline_ms */
	size_t slot;                   /* index in the heap plus one; 0: not in it */
};

struct timers {
	struct timer **heap;
	size_t n, cap;
};

void timers_fini(struct timers *ts);
int timers_reserve(struct timers *ts, size_t n) MUST_USE; /* room for n nodes at once; -ENOMEM */

/* grows the heap; aborts without memory */
void timer_set(struct timers *ts, struct timer *t, uint64_t deadline_ms);
void timer_clear(struct timer *t);                     /* stays in the heap until its key passes */
void timer_remove(struct timers *ts, struct timer *t); /* before its owner is freed */

void timers_run(struct timers *ts, uint64_t now_ms);
uint64_t timers_next(const struct timers *ts); /* the earliest key, or UINT64_MAX */

#endif

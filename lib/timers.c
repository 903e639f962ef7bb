#include "lib/timers.h"

#include <errno.h>
#include <stdlib.h>

void timers_fini(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){ 0 };
}

int timers_reserve(struct timers *ts, size_t n)
{
	if (n <= ts->cap)
		return 0;
	struct timer **heap = realloc(ts->heap, n * sizeof(struct timer *));
	if (!heap)
		return -ENOMEM;
	ts->heap = heap;
	ts->cap = n;
	return 0;
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i, struct timer *t)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;
		if (ts->heap[parent]->key_ms <= t->key_ms)
			break;
		place(ts, i, ts->heap[parent]);
		i = parent;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= ts->n)
			break;
		if (child + 1 < ts->n && ts->heap[child + 1]->key_ms < ts->heap[child]->key_ms)
			child++;
		if (t->key_ms <= ts->heap[child]->key_ms)
			break;
		place(ts, i, ts->heap[child]);
		i = child;
	}
	place(ts, i, t);
}

void timer_remove(struct timers *ts, struct timer *t)
{
	t->deadline_ms = 0;
	if (t->slot == 0)
		return;
	size_t i = t->slot - 1;
	t->slot = 0;
	struct timer *last = ts->heap[--ts->n];
	if (last == t)
		return;
	sift_up(ts, i, last);
	sift_down(ts, last->slot - 1, last);
}

void timer_clear(struct timer *t)
{
	t->deadline_ms = 0;
}

void timer_set(struct timers *ts, struct timer *t, uint64_t deadline_ms)
{
	CHECK(deadline_ms != 0 && t->fire);
	t->deadline_ms = deadline_ms;
	if (t->slot && t->key_ms <= deadline_ms)
		return;
	t->key_ms = deadline_ms;
	if (t->slot) {
		sift_up(ts, t->slot - 1, t);
		return;
	}
	if (ts->n == ts->cap)
		CHECK(timers_reserve(ts, ts->cap ? ts->cap * 2 : 64) == 0);
	sift_up(ts, ts->n++, t);
}

void timers_run(struct timers *ts, uint64_t now_ms)
{
	while (ts->n > 0 && ts->heap[0]->key_ms <= now_ms) {
		struct timer *t = ts->heap[0];
		uint64_t deadline = t->deadline_ms;
		timer_remove(ts, t);
		if (deadline == 0)
			continue;
		if (deadline > now_ms)
			timer_set(ts, t, deadline);
		else
			t->fire(t);
	}
}

uint64_t timers_next(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->key_ms : UINT64_MAX;
}

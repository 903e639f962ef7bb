#include "proxy/tap_slots.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/tap.h"

struct lot { /* a worker's */
	uint32_t first, n;
	uint32_t used;  /* of these, ever */
	uint32_t *back; /* given back: a stack */
	uint32_t n_back;
	uint64_t generations, marks;
};

struct tap_slots {
	int storage;
	struct tap_slots_place place;
	struct tap_slot *slots; /* the first one is place.first */
	unsigned workers;
	struct lot lots[];
};

/* The peer and the worker stand above what a worker counts. */
static uint64_t numbered(const struct tap_slots *t, unsigned worker, uint64_t n)
{
	return (t->place.peer & 0xffff) << 48 | (uint64_t)worker << 40 | (n & 0xffffffffff);
}

static bool make_lots(struct tap_slots *t)
{
	for (unsigned i = 0; i < t->workers; i++) {
		struct lot *l = &t->lots[i];
		l->n = t->place.n / t->workers;
		l->first = i * l->n;
		l->back = calloc(l->n, sizeof(*l->back));
		if (!l->back)
			return false;
	}
	return true;
}

struct tap_slots *tap_slots_open(int array, int storage, unsigned workers,
				 const struct tap_slots_place *place)
{
	bool sound = place->n >= workers && place->n <= TAP_SLOTS &&
		     place->first <= TAP_SLOTS - place->n;
	struct tap_slots *t = sound ? calloc(1, sizeof(*t) + workers * sizeof(struct lot)) : NULL;
	void *p = t ? mmap(NULL, place->n * sizeof(struct tap_slot), PROT_READ | PROT_WRITE,
			   MAP_SHARED, array, (off_t)(place->first * sizeof(struct tap_slot)))
		    : MAP_FAILED;
	close(array);
	if (p == MAP_FAILED) {
		close(storage);
		free(t);
		return NULL;
	}
	*t = (struct tap_slots){
		.storage = storage, .place = *place, .slots = p, .workers = workers
	};
	if (make_lots(t))
		return t;
	tap_slots_close(t);
	return NULL;
}

void tap_slots_close(struct tap_slots *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->workers; i++)
		free(t->lots[i].back);
	munmap(t->slots, t->place.n * sizeof(struct tap_slot));
	close(t->storage);
	free(t);
}

/* --- connections --- */

static bool tell_kernel(const struct tap_slots *t, int socket, const struct tap_conn *conn)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)t->storage;
	attr.key = (uint64_t)(uintptr_t)&socket;
	attr.value = (uint64_t)(uintptr_t)conn;
	attr.flags = BPF_ANY;
	return syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)) == 0;
}

static void set(TAP_WORD *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static uint64_t get(const TAP_WORD *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

/* NULL: it was given to another proxy meanwhile. */
static struct tap_slot *own(const struct tap_slots *t, uint32_t slot)
{
	struct tap_slot *s = &t->slots[slot];
	return get(&s->generation) >> 48 == (t->place.peer & 0xffff) ? s : NULL;
}

bool tap_slots_give(struct tap_slots *t, unsigned worker, int socket, uint32_t *slot)
{
	struct lot *l = &t->lots[worker];
	if (l->n_back == 0 && l->used == l->n)
		return false;
	uint32_t given = l->n_back ? l->back[--l->n_back] : l->first + l->used++;
	struct tap_conn conn = { .generation = numbered(t, worker, ++l->generations),
				 .slot = t->place.first + given };
	struct tap_slot *s = &t->slots[given];
	set(&s->to, 0);
	set(&s->from, 0);
	set(&s->captured, 0);
	set(&s->lost, 0);
	set(&s->generation, conn.generation);
	*slot = given;
	if (tell_kernel(t, socket, &conn))
		return true;
	tap_slots_take_back(t, worker, given);
	return false;
}

void tap_slots_take_back(struct tap_slots *t, unsigned worker, uint32_t slot)
{
	struct lot *l = &t->lots[worker];
	struct tap_slot *s = own(t, slot);
	CHECK(l->n_back < l->n);
	if (s) {
		set(&s->to, 0);
		set(&s->generation, 0);
	}
	l->back[l->n_back++] = slot;
}

/* --- ranges --- */

uint64_t tap_slots_next_mark(struct tap_slots *t, unsigned worker)
{
	return numbered(t, worker, ++t->lots[worker].marks);
}

bool tap_slots_clear(const struct tap_slots *t, uint32_t slot)
{
	const struct tap_slot *s = own(t, slot);
	if (!s)
		return false;
	uint64_t from = get(&s->from), to = get(&s->to);
	return to <= from || get(&s->captured) + get(&s->lost) == to - from;
}

void tap_slots_mark(struct tap_slots *t, uint32_t slot, uint64_t mark, uint64_t from, uint64_t to,
		    uint64_t known)
{
	struct tap_slot *s = own(t, slot);
	if (!s)
		return;
	set(&s->to, 0);
	set(&s->from, from);
	set(&s->mark, mark);
	set(&s->known, known);
	set(&s->captured, 0);
	set(&s->lost, 0);
	set(&s->to, to);
}

void tap_slots_grow(struct tap_slots *t, uint32_t slot, uint64_t to)
{
	struct tap_slot *s = own(t, slot);
	if (s)
		set(&s->to, to);
}

void tap_slots_end(struct tap_slots *t, uint32_t slot)
{
	tap_slots_grow(t, slot, 0);
}

void tap_slots_read(const struct tap_slots *t, uint32_t slot, uint64_t *captured, uint64_t *lost)
{
	const struct tap_slot *s = own(t, slot);
	*captured = s ? get(&s->captured) : 0;
	*lost = s ? get(&s->lost) : 0;
}

#include "lib/shm_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x31676e69526d6873u /* "shmRing1" */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define LENGTH sizeof(uint64_t) /* stands before each record, which is filled up to as many */
#define PAGE 4096
#define LINE 64

/* What both see. Each side writes its own lines only. */
struct shared {
	uint64_t magic, size;
	_Alignas(LINE) _Atomic uint64_t head;
	_Alignas(LINE) _Atomic uint64_t tail;
	_Alignas(LINE) _Atomic uint64_t counters[SHM_RING_COUNTERS];
};
_Static_assert(sizeof(struct shared) <= PAGE, "one page before the records");

struct shm_ring {
	struct shared *shared;
	char *bytes;
	uint64_t size;
	uint64_t cursor; /* this side's: head or tail */
	uint64_t other;  /* the other one, as last read */
	bool broken;
};

static bool size_fits(uint64_t size)
{
	return size >= SHM_RING_LEAST && size <= SHM_RING_MOST && (size & (size - 1)) == 0;
}

static int map(int fd, uint64_t size, struct shm_ring **out)
{
	struct shm_ring *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	void *p = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		int error = -errno;
		free(r);
		return error;
	}
	r->shared = p;
	r->bytes = (char *)p + PAGE;
	r->size = size;
	*out = r;
	return 0;
}

int shm_ring_create(size_t bytes, struct shm_ring **out, int *fd)
{
	if (!size_fits(bytes))
		return -EINVAL;
	int made = memfd_create("redcard-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (made < 0)
		return -errno;
	int error =
		ftruncate(made, (off_t)(PAGE + bytes)) == 0 && fcntl(made, F_ADD_SEALS, SEALS) == 0
			? 0
			: -errno;
	if (!error)
		error = map(made, bytes, out);
	if (error) {
		close(made);
		return error;
	}
	(*out)->shared->size = bytes;
	(*out)->shared->magic = MAGIC;
	*fd = made;
	return 0;
}

int shm_ring_join(int fd, struct shm_ring **out)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size < PAGE ||
	    !size_fits((uint64_t)st.st_size - PAGE))
		return -EINVAL;
	struct shm_ring *r;
	int error = map(fd, (uint64_t)st.st_size - PAGE, &r);
	if (error)
		return error;
	r->cursor = r->other = atomic_load_explicit(&r->shared->head, memory_order_relaxed);
	if (r->shared->magic != MAGIC || r->shared->size != r->size || r->cursor != 0) {
		shm_ring_free(r);
		return -EINVAL;
	}
	*out = r;
	return 0;
}

void shm_ring_free(struct shm_ring *r)
{
	if (!r)
		return;
	munmap(r->shared, PAGE + r->size);
	free(r);
}

bool shm_ring_broken(const struct shm_ring *r)
{
	return r->broken;
}

/* --- bytes at a place that may be the ring's end --- */

static void copy_in(struct shm_ring *r, uint64_t at, const void *p, size_t n)
{
	size_t place = at & (r->size - 1), first = min_size(n, r->size - place);
	if (n == 0)
		return;
	memcpy(r->bytes + place, p, first);
	memcpy(r->bytes, (const char *)p + first, n - first);
}

static void copy_out(const struct shm_ring *r, uint64_t at, void *p, size_t n)
{
	size_t place = at & (r->size - 1), first = min_size(n, r->size - place);
	memcpy(p, r->bytes + place, first);
	memcpy((char *)p + first, r->bytes, n - first);
}

static uint64_t padded(uint64_t n)
{
	return LENGTH + ((n + LENGTH - 1) & ~(uint64_t)(LENGTH - 1));
}

/* --- the producer --- */

size_t shm_ring_largest(const struct shm_ring *r)
{
	return r->size - LENGTH;
}

/* Of what the consumer wrote only a tail between the last one and the head can be. */
static void read_tail(struct shm_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->shared->tail, memory_order_acquire);
	if (tail - r->other > r->cursor - r->other)
		r->broken = true;
	else
		r->other = tail;
}

size_t shm_ring_room(struct shm_ring *r)
{
	read_tail(r);
	uint64_t free_bytes = r->size - (r->cursor - r->other);
	return r->broken || free_bytes < LENGTH ? 0 : free_bytes - LENGTH;
}

bool shm_ring_put(struct shm_ring *r, const struct span *parts, size_t n)
{
	uint64_t length = 0;
	for (size_t i = 0; i < n; i++)
		length += parts[i].n;
	if (r->broken || length > shm_ring_largest(r))
		return false;
	if (r->size - (r->cursor - r->other) < padded(length)) {
		read_tail(r);
		if (r->broken || r->size - (r->cursor - r->other) < padded(length))
			return false;
	}
	copy_in(r, r->cursor, &length, sizeof(length));
	uint64_t at = r->cursor + LENGTH;
	for (size_t i = 0; i < n; i++) {
		copy_in(r, at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	r->cursor += padded(length);
	atomic_store_explicit(&r->shared->head, r->cursor, memory_order_release);
	return true;
}

void shm_ring_count(struct shm_ring *r, unsigned counter, uint64_t n)
{
	CHECK(counter < SHM_RING_COUNTERS);
	_Atomic uint64_t *c = &r->shared->counters[counter];
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_release);
}

/* --- the consumer --- */

static int broke(struct shm_ring *r)
{
	r->broken = true;
	return -EPROTO;
}

int shm_ring_take(struct shm_ring *r, struct buf *out)
{
	uint64_t length;
	if (r->broken)
		return -EPROTO;
	if (r->other == r->cursor)
		r->other = atomic_load_explicit(&r->shared->head, memory_order_acquire);
	uint64_t there = r->other - r->cursor;
	if (there == 0)
		return 0;
	if (there > r->size || there < LENGTH)
		return broke(r);
	copy_out(r, r->cursor, &length, sizeof(length));
	if (length > there - LENGTH || padded(length) > there)
		return broke(r);
	buf_clear(out);
	char *p = buf_reserve(out, length + 1); /* of nothing, too */
	if (!p)
		return -ENOMEM;
	copy_out(r, r->cursor + LENGTH, p, length);
	out->n = length;
	r->cursor += padded(length);
	atomic_store_explicit(&r->shared->tail, r->cursor, memory_order_release);
	return 1;
}

uint64_t shm_ring_counter(const struct shm_ring *r, unsigned counter)
{
	CHECK(counter < SHM_RING_COUNTERS);
	return atomic_load_explicit(&r->shared->counters[counter], memory_order_acquire);
}

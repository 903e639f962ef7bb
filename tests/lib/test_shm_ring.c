#include "lib/shm_ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
	struct shm_ring *in, *out; /* the producer's side, the consumer's */
	struct buf got;
	int fd;
};

static struct pair open_pair(size_t bytes)
{
	struct pair p = { 0 };
	cr_assert_eq(shm_ring_create(bytes, &p.out, &p.fd), 0);
	cr_assert_eq(shm_ring_join(p.fd, &p.in), 0);
	return p;
}

static void close_pair(struct pair *p)
{
	shm_ring_free(p->in);
	shm_ring_free(p->out);
	buf_fini(&p->got);
	close(p->fd);
}

/* The n-th record: its length and its bytes follow from n. */
static size_t fill(char *bytes, uint64_t n, size_t most)
{
	size_t length = (size_t)((n * 2654435761u) % (most + 1));
	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(n * 31 + i * 7);
	return length;
}

static bool put(struct shm_ring *r, uint64_t n, size_t most)
{
	static char bytes[1 << 16];
	size_t length = fill(bytes, n, most), cut = length / 3;
	return shm_ring_put(r, (struct span[]){ { bytes, cut }, { bytes + cut, length - cut } }, 2);
}

static void expect(const struct buf *got, uint64_t n, size_t most)
{
	static char bytes[1 << 16];
	size_t length = fill(bytes, n, most);
	cr_assert_eq(got->n, length, "record %llu: %zu bytes, not %zu", (unsigned long long)n,
		     got->n, length);
	cr_assert(length == 0 || memcmp(got->p, bytes, length) == 0);
}

Test(shm_ring, records_come_out_as_they_went_in_round_after_round)
{
	struct pair p = open_pair(SHM_RING_LEAST);
	uint64_t in = 0, out = 0;
	for (; out < 20000; out++) {
		while (in < out + 7 && put(p.in, in, 3000))
			in++;
		cr_assert_eq(shm_ring_take(p.out, &p.got), 1);
		expect(&p.got, out, 3000);
	}
	close_pair(&p);
}

Test(shm_ring, what_does_not_fit_stays_out_whole)
{
	struct pair p = open_pair(SHM_RING_LEAST);
	static char bytes[SHM_RING_LEAST];
	cr_assert_eq(shm_ring_largest(p.in), SHM_RING_LEAST - 8);
	cr_assert_not(shm_ring_put(p.in, &(struct span){ bytes, SHM_RING_LEAST - 7 }, 1));
	cr_assert(shm_ring_put(p.in, &(struct span){ bytes, SHM_RING_LEAST - 100 }, 1));
	cr_assert_not(shm_ring_put(p.in, &(struct span){ bytes, shm_ring_room(p.in) + 1 }, 1));
	cr_assert(shm_ring_put(p.in, &(struct span){ bytes, shm_ring_room(p.in) }, 1));
	cr_assert_not(shm_ring_put(p.in, &(struct span){ bytes, 0 }, 1));
	cr_assert_eq(shm_ring_take(p.out, &p.got), 1);
	cr_assert_eq(p.got.n, SHM_RING_LEAST - 100);
	cr_assert(shm_ring_put(p.in, &(struct span){ bytes, 500 }, 1));
	cr_assert_eq(shm_ring_take(p.out, &p.got), 1);
	cr_assert_eq(shm_ring_take(p.out, &p.got), 1);
	cr_assert_eq(p.got.n, 500u);
	cr_assert_eq(shm_ring_take(p.out, &p.got), 0);
	close_pair(&p);
}

Test(shm_ring, counters_pass_beside_a_full_ring)
{
	struct pair p = open_pair(SHM_RING_LEAST);
	uint64_t fit = 0;
	for (uint64_t n = 0; n < 1000; n++) {
		fit += shm_ring_put(p.in, &(struct span){ "0123456789", 10 }, 1);
		shm_ring_count(p.in, 3, 10);
	}
	while (shm_ring_put(p.in, &(struct span){ "0123456789", 10 }, 1))
		fit++;
	shm_ring_count(p.in, 15, 1);
	cr_assert_eq(shm_ring_counter(p.out, 3), 10000u);
	cr_assert_eq(shm_ring_counter(p.out, 15), 1u);
	for (; fit > 0; fit--)
		cr_assert_eq(shm_ring_take(p.out, &p.got), 1);
	cr_assert_eq(shm_ring_take(p.out, &p.got), 0);
	close_pair(&p);
}

/* What a peer that has gone mad might write, at the places of head, tail and a length. */
static uint64_t *scribble(const struct pair *p, size_t offset)
{
	char *all = mmap(NULL, 4096 + SHM_RING_LEAST, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	cr_assert_neq(all, MAP_FAILED);
	return (uint64_t *)(void *)(all + offset);
}

static const uint64_t mad[] = { 1, 7, 4096, 65537, 1u << 31, UINT64_MAX, UINT64_MAX - 7 };

Test(shm_ring, a_mad_producer_is_not_followed)
{
	for (size_t i = 0; i < ARRAY_LEN(mad); i++) {
		struct pair p = open_pair(SHM_RING_LEAST);
		cr_assert(put(p.in, 1, 100));
		uint64_t *length = scribble(&p, 4096);
		*length = mad[i] == 1 ? 1000 : mad[i];
		if (*length != 7)
			cr_assert_eq(shm_ring_take(p.out, &p.got), -EPROTO, "length %zu", i);
		close_pair(&p);
		p = open_pair(SHM_RING_LEAST);
		*scribble(&p, 64) = mad[i];
		int taken = shm_ring_take(p.out, &p.got);
		cr_assert(taken == -EPROTO || (mad[i] == 4096 && taken == 1), "head %zu", i);
		cr_assert(taken == 1 || shm_ring_broken(p.out));
		close_pair(&p);
	}
}

Test(shm_ring, a_mad_consumer_cannot_make_it_write_elsewhere)
{
	for (size_t i = 0; i < ARRAY_LEN(mad); i++) {
		struct pair p = open_pair(SHM_RING_LEAST);
		static char bytes[60000];
		*scribble(&p, 128) = mad[i];
		(void)shm_ring_put(p.in, &(struct span){ bytes, sizeof(bytes) }, 1);
		cr_assert_not(shm_ring_put(p.in, &(struct span){ bytes, sizeof(bytes) }, 1));
		if (mad[i] > 65536)
			cr_assert(shm_ring_broken(p.in));
		close_pair(&p);
	}
}

Test(shm_ring, only_a_sealed_ring_is_joined)
{
	struct shm_ring *r;
	int fd = memfd_create("test", MFD_ALLOW_SEALING);
	cr_assert_eq(ftruncate(fd, 4096 + SHM_RING_LEAST), 0);
	cr_assert_eq(shm_ring_join(fd, &r), -EINVAL);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	cr_assert_eq(shm_ring_join(fd, &r), -EINVAL);
	close(fd);
	cr_assert_eq(shm_ring_create(100000, &r, &fd), -EINVAL);
	cr_assert_eq(shm_ring_create(SHM_RING_LEAST / 2, &r, &fd), -EINVAL);
}

static void produce(struct shm_ring *r, uint64_t records)
{
	for (uint64_t n = 0; n < records; n++)
		while (!put(r, n, 5000))
			sched_yield();
}

static void consume(struct pair *p, uint64_t records)
{
	for (uint64_t n = 0; n < records;) {
		int taken = shm_ring_take(p->out, &p->got);
		cr_assert_geq(taken, 0);
		if (taken == 0)
			sched_yield();
		else
			expect(&p->got, n++, 5000);
	}
}

Test(shm_ring, between_two_processes, .timeout = 120)
{
	struct pair p = open_pair(SHM_RING_LEAST);
	pid_t child = fork();
	if (child == 0) {
		produce(p.in, 20000);
		_exit(0);
	}
	consume(&p, 20000);
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	close_pair(&p);
}

static void *producer(void *arg)
{
	char bytes[5000];
	for (uint64_t n = 0; n < 5000; n++) {
		size_t length = fill(bytes, n, sizeof(bytes));
		while (!shm_ring_put(arg, &(struct span){ bytes, length }, 1))
			sched_yield();
	}
	return NULL;
}

Test(shm_ring, between_two_threads, .timeout = 120)
{
	struct pair p = open_pair(SHM_RING_LEAST);
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, producer, p.in), 0);
	consume(&p, 5000);
	pthread_join(thread, NULL);
	close_pair(&p);
}

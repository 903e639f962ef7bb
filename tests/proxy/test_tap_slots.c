#include "proxy/tap_slots.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/tap.h"

#define PEER 5
#define FIRST (2 * TAP_SLOTS_EACH)

static int array;
static struct tap_slot *all; /* as the replayer and the program see them */

static void setup(void)
{
	array = memfd_create("slots", 0);
	cr_assert_eq(ftruncate(array, TAP_SLOTS * sizeof(*all)), 0);
	all = mmap(NULL, TAP_SLOTS * sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, array, 0);
	cr_assert_neq(all, MAP_FAILED);
}

static void teardown(void)
{
	munmap(all, TAP_SLOTS * sizeof(*all));
	close(array);
}

TestSuite(tap_slots, .init = setup, .fini = teardown);

static struct tap_slots *open_at(uint32_t first, uint32_t n, unsigned workers)
{
	const struct tap_slots_place place = { .peer = PEER, .first = first, .n = n };
	return tap_slots_open(dup(array), dup(array), workers, &place);
}

Test(tap_slots, marks_a_range_of_its_own_slots)
{
	struct tap_slots *t = open_at(FIRST, TAP_SLOTS_EACH, 2);
	struct tap_slot *s = &all[FIRST + 3];
	uint64_t captured, lost;
	cr_assert_not_null(t);
	s->generation = (uint64_t)PEER << 48 | 1;
	cr_assert(tap_slots_clear(t, 3), "there is none");
	tap_slots_mark(t, 3, 77, 10, 20, 15);
	cr_assert(s->mark == 77 && s->from == 10 && s->to == 20 && s->known == 15);
	cr_assert_not(tap_slots_clear(t, 3));
	tap_slots_grow(t, 3, 25);
	s->captured = 11;
	s->lost = 4;
	cr_assert(tap_slots_clear(t, 3));
	tap_slots_read(t, 3, &captured, &lost);
	cr_assert(captured == 11 && lost == 4);
	tap_slots_end(t, 3);
	cr_assert_eq(s->to, 0);
	tap_slots_take_back(t, 0, 3);
	cr_assert_eq(s->generation, 0);
	tap_slots_close(t);
}

Test(tap_slots, leaves_alone_what_the_next_proxy_has)
{
	struct tap_slots *t = open_at(FIRST, TAP_SLOTS_EACH, 2);
	struct tap_slot *s = &all[FIRST + 3];
	const struct tap_slot its = { .generation = (uint64_t)(PEER + 1) << 48 | 1,
				      .from = 1,
				      .to = 8,
				      .mark = 2,
				      .captured = 7 };
	uint64_t captured, lost;
	cr_assert_not_null(t);
	*s = its;
	cr_assert_not(tap_slots_clear(t, 3));
	tap_slots_mark(t, 3, 77, 10, 20, 15);
	tap_slots_grow(t, 3, 25);
	tap_slots_end(t, 3);
	tap_slots_read(t, 3, &captured, &lost);
	cr_assert(captured == 0 && lost == 0);
	tap_slots_take_back(t, 0, 3);
	cr_assert_eq(memcmp(s, &its, sizeof(its)), 0);
	tap_slots_close(t);
}

Test(tap_slots, gives_back_what_the_kernel_refuses)
{
	struct tap_slots *t = open_at(0, 64, 64);
	uint32_t slot;
	cr_assert_not_null(t);
	for (int i = 0; i < 10; i++)
		cr_assert_not(tap_slots_give(t, 63, STDIN_FILENO, &slot), "that is no storage");
	tap_slots_close(t);
}

Test(tap_slots, refuses_a_place_that_is_none)
{
	cr_assert_null(open_at(0, 7, 8), "a worker would have none");
	cr_assert_null(open_at(TAP_SLOTS - 64, 65, 1));
	cr_assert_null(open_at(1, TAP_SLOTS, 1));
	cr_assert_null(open_at(0, TAP_SLOTS + 1, 1));
	cr_assert_null(open_at(1, 64, 1), "it does not begin with a page");
}

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/child.h"

static struct child c;

static void setup(void)
{
	c = (struct child){ 0 };
}

#define SH(script) ((const char *const[4]){ "sh", "-c", script, NULL })

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static void await_end(void)
{
	for (int i = 0; i < 1000 && !child_ended(&c); i++)
		nap();
	cr_assert(child_ended(&c));
}

/* Once the file is there, its first number. */
static int number_in(const char *path)
{
	int n = 0;
	for (int i = 0; i < 1000 && n == 0; i++, nap()) {
		FILE *f = fopen(path, "r");
		if (f && fscanf(f, "%d\n", &n) != 1)
			n = 0;
		if (f)
			fclose(f);
	}
	unlink(path);
	return n;
}

TestSuite(child, .init = setup);

Test(child, tells_how_it_ended)
{
	cr_assert_eq(child_start(SH("exit 3"), &c), 0);
	await_end();
	cr_assert_eq(c.code, 3);
	cr_assert_not(c.by_signal);
	cr_assert(child_reap(&c));
	cr_assert_eq(c.pid, 0);
	cr_assert_eq(child_start(SH("kill -KILL $$"), &c), 0);
	await_end();
	cr_assert_eq(c.code, SIGKILL);
	cr_assert(c.by_signal);
	cr_assert(child_reap(&c));
}

Test(child, gets_no_files_of_ours)
{
	char script[64];
	int fd = dup(1);
	snprintf(script, sizeof(script), "test ! -e /proc/self/fd/%d", fd);
	cr_assert_eq(child_start(SH(script), &c), 0);
	await_end();
	cr_assert_eq(c.code, 0);
	cr_assert(child_reap(&c));
	close(fd);
}

Test(child, a_program_that_is_not_there_ends_with_127)
{
	cr_assert_eq(child_start((const char *const[]){ "/nonexistent/program", NULL }, &c), 0);
	await_end();
	cr_assert_eq(c.code, 127);
	cr_assert(child_reap(&c));
}

Test(child, is_killed_with_its_group_though_it_is_deaf_or_stopped)
{
	char script[256], path[64];
	uint64_t bytes = 0;
	snprintf(path, sizeof(path), "/tmp/redcard-child-%d", (int)getpid());
	snprintf(script, sizeof(script),
		 "trap '' TERM; (trap '' TERM; sleep 100) & echo $! >%s; wait; wait", path);
	cr_assert_eq(child_start(SH(script), &c), 0);
	int grandchild = number_in(path);
	cr_assert_gt(grandchild, 0);
	cr_assert(child_memory(c.pid, &bytes));
	cr_assert_gt(bytes, 10000);
	kill(c.pid, SIGSTOP);
	cr_assert_not(child_ended(&c));
	cr_assert(child_kill(&c, 50));
	cr_assert_eq(c.pid, 0);
	cr_assert_not(child_memory((pid_t)grandchild, &bytes), "it has no memory any more");
}

Test(child, what_it_leaves_behind_goes_with_it)
{
	char script[128], path[64];
	uint64_t bytes;
	snprintf(path, sizeof(path), "/tmp/redcard-child-%d", (int)getpid());
	snprintf(script, sizeof(script), "sleep 100 & echo $! >%s", path);
	cr_assert_eq(child_start(SH(script), &c), 0);
	int left = number_in(path);
	await_end();
	cr_assert(child_reap(&c));
	cr_assert_not(child_memory((pid_t)left, &bytes));
}

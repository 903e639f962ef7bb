#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"

static struct process_result r;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
}

static void teardown(void)
{
	process_result_fini(&r);
}

TestSuite(process, .init = setup, .fini = teardown);

static struct process shell(const char *const argv[4])
{
	return (struct process){ .argv = argv,
				 .out_max = 1 << 20,
				 .deadline_ms = clock_ms() + 20000 };
}

#define SH(script) ((const char *const[4]){ "sh", "-c", script, NULL })

static int is(const struct buf *b, const char *text)
{
	return span_eq((struct span){ b->p, b->n }, span_of(text));
}

Test(process, in_and_out_and_status)
{
	struct process p = shell(SH("cat; echo oh >&2; exit 3"));
	p.in = SPAN("hello");
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.end, PROCESS_EXITED);
	cr_assert_eq(r.code, 3);
	cr_assert(is(&r.out, "hello"));
	cr_assert(is(&r.err, "oh\n"));
}

Test(process, input_that_nobody_reads_and_output_without_end)
{
	static char big[1 << 20];
	struct process p = shell(SH("exec 0<&-; head -c 3000000 /dev/zero"));
	p.in = (struct span){ big, sizeof(big) };
	p.out_max = 1000;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.code, 0);
	cr_assert_eq(r.out.n, 1000);
	cr_assert(r.cut);
}

Test(process, the_environment_is_ours_with_changes)
{
	const char *const env[] = { "PATH_OF_TEST=x=y", NULL };
	struct process p = shell(SH("echo $PATH_OF_TEST; test \"$PATH\""));
	p.env = env;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.code, 0);
	cr_assert(is(&r.out, "x=y\n"));
}

Test(process, what_is_late_is_killed_with_its_children)
{
	struct process p = shell(SH("sleep 30 & echo $!; wait"));
	p.deadline_ms = clock_ms() + 200;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.end, PROCESS_TIMEOUT);
	cr_assert_gt(r.out.n, 0);
	buf_add(&r.out, "", 1);
	pid_t child = (pid_t)strtol(r.out.p, NULL, 10);
	for (int i = 0; i < 200 && kill(child, 0) == 0; i++)
		usleep(10000);
	cr_assert_neq(kill(child, 0), 0);
}

Test(process, one_that_is_stopped_and_one_that_dies)
{
	static const _Atomic bool stop = true;
	struct process p = shell(SH("sleep 30"));
	p.stop = &stop;
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.end, PROCESS_STOPPED);
	process_result_fini(&r);
	p = shell(SH("kill -9 $$"));
	cr_assert_eq(process_run(&p, &r), 0);
	cr_assert_eq(r.end, PROCESS_KILLED);
	cr_assert_eq(r.code, SIGKILL);
}

Test(process, a_program_that_is_not_there)
{
	struct process p = shell((const char *const[4]){ "/nowhere/at/all", NULL });
	cr_assert_neq(process_run(&p, &r), 0);
}

/* Runs the tests of the thread sanitizer's build, each in a child; criterion/criterion.h beside
 * this says why. */
#include "tests/tsan/criterion/criterion.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STATUS_FAILED = 101,
	STATUS_SKIPPED = 102,
	SUITES_MAX = 256,
	TEST_SECONDS = 300,
	JOBS_MAX = 16
};

static struct tsan_test *tests;
static bool failed;
static struct suite {
	const char *name;
	struct tsan_options options;
} suites[SUITES_MAX];
static size_t suites_n;

void tsan_register(struct tsan_test *test)
{
	test->next = tests;
	tests = test;
}

void tsan_register_suite(const char *suite, struct tsan_options options)
{
	if (suites_n == SUITES_MAX)
		abort();
	suites[suites_n++] = (struct suite){ suite, options };
}

void tsan_fail(bool stop, const char *file, int line, const char *what, const char *fmt, ...)
{
	va_list args;
	fprintf(stderr, "%s:%d: %s: ", file, line, what);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	if (stop)
		_exit(STATUS_FAILED);
	failed = true;
}

_Noreturn void tsan_skip(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(STATUS_SKIPPED);
}

static const struct tsan_options *options_of(const char *suite)
{
	static const struct tsan_options none;
	for (size_t i = 0; i < suites_n; i++)
		if (strcmp(suites[i].name, suite) == 0)
			return &suites[i].options;
	return &none;
}

static _Noreturn void run_here(const struct tsan_test *test, const struct tsan_options *suite)
{
	alarm(TEST_SECONDS);
	if (suite->init)
		suite->init();
	if (test->options.init)
		test->options.init();
	test->run();
	if (test->options.fini)
		test->options.fini();
	if (suite->fini)
		suite->fini();
	exit(failed ? STATUS_FAILED : 0);
}

/* Whether the child ended as the test says it should. */
static bool as_expected(const struct tsan_test *test, const struct tsan_options *suite, int status)
{
	int want_signal = test->options.signal ? test->options.signal : suite->signal;
	int want_exit = test->options.exit_code ? test->options.exit_code : suite->exit_code;
	if (want_signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == want_signal;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED)
		return true;
	return WIFEXITED(status) && WEXITSTATUS(status) == want_exit;
}

/* --- children --- */

static struct child {
	pid_t pid; /* 0: this place is free */
	const struct tsan_test *test;
} children[JOBS_MAX];
static unsigned passing, failing;

static struct child *child_of(pid_t pid)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (children[i].pid == pid)
			return &children[i];
	abort();
}

static void start(const struct tsan_test *test)
{
	struct child *c = child_of(0);
	fflush(NULL);
	c->test = test;
	c->pid = fork();
	if (c->pid == 0)
		run_here(test, options_of(test->suite));
	if (c->pid < 0)
		abort();
}

static void await_one(void)
{
	int status = 0;
	struct child *c = child_of(wait(&status));
	c->pid = 0;
	if (as_expected(c->test, options_of(c->test->suite), status)) {
		passing++;
		return;
	}
	failing++;
	printf("[FAIL] %s::%s: %s %d\n", c->test->suite, c->test->name,
	       WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	const char *filter = "*";
	unsigned jobs = 1, running = 0;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
			filter = argv[++i];
		else if (strncmp(argv[i], "-j", 2) == 0)
			jobs = (unsigned)atoi(argv[i] + 2);
	jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
	for (const struct tsan_test *test = tests; test; test = test->next) {
		char name[256];
		snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
		if (test->options.disabled || fnmatch(filter, name, 0) != 0)
			continue;
		if (running == jobs)
			await_one();
		else
			running++;
		start(test);
	}
	while (running-- > 0)
		await_one();
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n",
	       passing + failing, passing, failing);
	return failing > 0;
}

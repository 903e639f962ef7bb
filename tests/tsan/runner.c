/* Runs the tests of the thread sanitizer's build, each in a child; criterion/criterion.h beside
 * this says why. */
#include "tests/tsan/criterion/criterion.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_FAILED = 101, STATUS_SKIPPED = 102, SUITES_MAX = 256, TEST_SECONDS = 300 };

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

static bool run_apart(const struct tsan_test *test)
{
	const struct tsan_options *suite = options_of(test->suite);
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		run_here(test, suite);
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (as_expected(test, suite, status))
		return true;
	printf("[FAIL] %s::%s: %s %d\n", test->suite, test->name,
	       WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

int main(int argc, char **argv)
{
	const char *filter = "*";
	unsigned passing = 0, failing = 0;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
			filter = argv[++i];
	for (const struct tsan_test *test = tests; test; test = test->next) {
		char name[256];
		snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
		if (test->options.disabled || fnmatch(filter, name, 0) != 0)
			continue;
		bool good = run_apart(test);
		passing += good;
		failing += !good;
	}
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n",
	       passing + failing, passing, failing);
	return failing > 0;
}

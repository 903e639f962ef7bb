/*
 * The part of Criterion's interface that our tests use, for the thread sanitizer's build alone: Criterion shares memory
 * with its children at addresses of its own choice, which that sanitizer refuses. The runner is tests/tsan/runner.c; it
 * runs each test in a child, as Criterion does. Found before the real header because of -isystem.
 */
#ifndef TESTS_TSAN_CRITERION_H
#define TESTS_TSAN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tsan_options {
	int none; /* what the macros set, so that a list without options is not empty */
	void (*init)(void);
	void (*fini)(void);
	int signal;
	int exit_code;
	double timeout;
	bool disabled;
	const char *description;
};

struct tsan_test {
	const char *suite, *name;
	void (*run)(void);
	struct tsan_options options;
	struct tsan_test *next;
};

void tsan_register(struct tsan_test *test);
void tsan_register_suite(const char *suite, struct tsan_options options);
void tsan_fail(bool stop, const char *file, int line, const char *what, const char *fmt, ...);
_Noreturn void tsan_skip(const char *fmt, ...);

#define TSAN_REGISTER(s, n, function, ...) \
	static struct tsan_test s##_##n##_test = { #s, #n, function, { __VA_ARGS__ }, NULL }; \
	__attribute__((constructor)) static void s##_##n##_register(void) { tsan_register(&s##_##n##_test); }

#define Test(s, n, ...) \
	static void s##_##n##_impl(void); \
	TSAN_REGISTER(s, n, s##_##n##_impl, .none = 0, ##__VA_ARGS__) \
	static void s##_##n##_impl(void)

#define TestSuite(s, ...) \
	__attribute__((constructor)) static void s##_suite_register(void) \
	{ \
		tsan_register_suite(#s, (struct tsan_options){ .none = 0, ##__VA_ARGS__ }); \
	} \
	struct tsan_suite_##s

#define TSAN_CHECK(stop, cond, what, ...) \
	do { \
		if (!(cond)) \
			tsan_fail(stop, __FILE__, __LINE__, what, "" __VA_ARGS__); \
	} while (0)
#define TSAN_COMPARE(stop, a, op, b, ...) TSAN_CHECK(stop, (a)op(b), #a " " #op " " #b, ##__VA_ARGS__)

#define cr_assert(cond, ...) TSAN_CHECK(true, cond, #cond, ##__VA_ARGS__)
#define cr_assert_not(cond, ...) TSAN_CHECK(true, !(cond), "!" #cond, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...) TSAN_COMPARE(true, a, ==, b, ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...) TSAN_COMPARE(true, a, !=, b, ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...) TSAN_COMPARE(true, a, <, b, ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...) TSAN_COMPARE(true, a, <=, b, ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...) TSAN_COMPARE(true, a, >, b, ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...) TSAN_COMPARE(true, a, >=, b, ##__VA_ARGS__)
#define cr_assert_null(a, ...) TSAN_CHECK(true, (a) == NULL, #a " is NULL", ##__VA_ARGS__)
#define cr_assert_not_null(a, ...) TSAN_CHECK(true, (a) != NULL, #a " is not NULL", ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) TSAN_CHECK(true, strcmp(a, b) == 0, #a " is " #b, ##__VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) TSAN_CHECK(true, strcmp(a, b) != 0, #a " is not " #b, ##__VA_ARGS__)
#define cr_assert_str_empty(a, ...) TSAN_CHECK(true, *(a) == '\0', #a " is empty", ##__VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) TSAN_CHECK(true, *(a) != '\0', #a " is not empty", ##__VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) TSAN_CHECK(true, memcmp(a, b, n) == 0, #a " is " #b, ##__VA_ARGS__)
#define cr_assert_arr_neq(a, b, n, ...) TSAN_CHECK(true, memcmp(a, b, n) != 0, #a " is not " #b, ##__VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...) TSAN_CHECK(true, fabs((a) - (b)) <= (e), #a " is near " #b, ##__VA_ARGS__)
#define cr_assert_fail(...) TSAN_CHECK(true, false, "reached", ##__VA_ARGS__)
#define cr_expect(cond, ...) TSAN_CHECK(false, cond, #cond, ##__VA_ARGS__)
#define cr_expect_not(cond, ...) TSAN_CHECK(false, !(cond), "!" #cond, ##__VA_ARGS__)
#define cr_expect_eq(a, b, ...) TSAN_COMPARE(false, a, ==, b, ##__VA_ARGS__)
#define cr_expect_neq(a, b, ...) TSAN_COMPARE(false, a, !=, b, ##__VA_ARGS__)
#define cr_expect_lt(a, b, ...) TSAN_COMPARE(false, a, <, b, ##__VA_ARGS__)
#define cr_expect_leq(a, b, ...) TSAN_COMPARE(false, a, <=, b, ##__VA_ARGS__)
#define cr_expect_gt(a, b, ...) TSAN_COMPARE(false, a, >, b, ##__VA_ARGS__)
#define cr_expect_geq(a, b, ...) TSAN_COMPARE(false, a, >=, b, ##__VA_ARGS__)
#define cr_expect_null(a, ...) TSAN_CHECK(false, (a) == NULL, #a " is NULL", ##__VA_ARGS__)
#define cr_expect_not_null(a, ...) TSAN_CHECK(false, (a) != NULL, #a " is not NULL", ##__VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) TSAN_CHECK(false, strcmp(a, b) == 0, #a " is " #b, ##__VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) TSAN_CHECK(false, strcmp(a, b) != 0, #a " is not " #b, ##__VA_ARGS__)
#define cr_expect_str_empty(a, ...) TSAN_CHECK(false, *(a) == '\0', #a " is empty", ##__VA_ARGS__)
#define cr_expect_str_not_empty(a, ...) TSAN_CHECK(false, *(a) != '\0', #a " is not empty", ##__VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) TSAN_CHECK(false, memcmp(a, b, n) == 0, #a " is " #b, ##__VA_ARGS__)
#define cr_expect_arr_neq(a, b, n, ...) TSAN_CHECK(false, memcmp(a, b, n) != 0, #a " is not " #b, ##__VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...) TSAN_CHECK(false, fabs((a) - (b)) <= (e), #a " is near " #b, ##__VA_ARGS__)
#define cr_expect_fail(...) TSAN_CHECK(false, false, "reached", ##__VA_ARGS__)
#define cr_fatal(...) TSAN_CHECK(true, false, "reached", ##__VA_ARGS__)
#define cr_skip_test(...) tsan_skip("" __VA_ARGS__)
#define cr_skip(...) tsan_skip("" __VA_ARGS__)
#define cr_log_info(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_warn(...) cr_log_info(__VA_ARGS__)

#endif

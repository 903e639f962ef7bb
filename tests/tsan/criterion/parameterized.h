/* Tests with parameters; all values of one test run in one child. See criterion.h beside this. */
#ifndef TESTS_TSAN_PARAMETERIZED_H
#define TESTS_TSAN_PARAMETERIZED_H

#include "tests/tsan/criterion/criterion.h"

struct criterion_test_params {
	size_t size;
	void *params;
	size_t length;
	void (*cleanup)(struct criterion_test_params *params);
};

#define cr_make_param_array(type, array, ...) tsan_params(sizeof(type), (void *)(array), __VA_ARGS__)
#define cr_malloc malloc
#define cr_free free

static inline struct criterion_test_params tsan_params(size_t size, void *array, size_t length)
{
	return (struct criterion_test_params){ size, array, length, NULL };
}

#define ParameterizedTestParameters(s, n) static struct criterion_test_params s##_##n##_params(void)

#define ParameterizedTest(parameter, s, n, ...) \
	static void s##_##n##_impl(parameter); \
	static void s##_##n##_run(void) \
	{ \
		struct criterion_test_params p = s##_##n##_params(); \
		for (size_t i = 0; i < p.length; i++) \
			s##_##n##_impl((void *)((char *)p.params + i * p.size)); \
		if (p.cleanup) \
			p.cleanup(&p); \
	} \
	TSAN_REGISTER(s, n, s##_##n##_run, .none = 0, ##__VA_ARGS__) \
	static void s##_##n##_impl(parameter)

#endif

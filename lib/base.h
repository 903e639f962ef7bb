/*
 * What every file may use: checks that stay on in release builds, spans of bytes, small arithmetic.
 *
 * Three things are kept apart: an error is the world failing and returns -errno; a bug aborts
 * through CHECK(); a peer's misbehaviour is data, an enum with a name table.
 */
#ifndef LIB_BASE_H
#define LIB_BASE_H

#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define NOINLINE __attribute__((noinline))      /* rare, or long: its caller keeps its registers */
#define UNFILLED __attribute__((uninitialized)) /* not zeroed first, for what is filled anyway */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A bug check, on in every build: a proxy that goes on with broken cursors may leak what it was
 * built to stop. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

_Noreturn void check_failed(const char *cond, const char *file, int line);

/* Bytes that somebody else owns. Not NUL-terminated. */
struct span {
	const char *p;
	size_t n;
};

#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })
#define SPAN_INIT(literal)                     \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

struct span span_of(const char *text); /* a NUL-terminated string; NULL gives the empty span */
int span_eq(struct span a, struct span b);
int span_eq_nocase(struct span a, struct span b); /* ASCII letters only */
uint64_t span_hash(struct span s, uint64_t seed); /* for tables in memory: no file keeps it */

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif

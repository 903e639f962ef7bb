/*
 * Assertions: what the metrics of a change must be (DESIGN section 5). Pure: no clock, no sockets.
 *
 * A value is judged as the decimal number that was written. What is no number - missing, null, a
 * text, NaN - breaks the assertion, and so does what stands there twice.
 */
#ifndef POLICY_ASSERTION_H
#define POLICY_ASSERTION_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "policy/ruleset.h"

#define ASSERTIONS_MAX 32
#define ASSERTION_FIELD_MAX 64    /* bytes of a field's name */
#define ASSERTION_METRICS_MAX 256 /* values in one event */

enum assertion_operator {
	ASSERT_AT_MOST,
	ASSERT_AT_LEAST,
	ASSERT_BELOW,
	ASSERT_ABOVE,
	ASSERT_COUNT
};

extern const char *const assertion_operators[ASSERT_COUNT]; /* "<=", ">=", "<", ">" */

struct assertion { /* texts live as long as the ruleset */
	const char *field, *unit;
	enum assertion_operator must_be;
	const char *limit;
	enum severity severity;           /* of a value just past the limit */
	const char *past[SEVERITY_COUNT]; /* a value past this one has that severity; NULL: none */
	enum severity missing;            /* of what is no number */
	bool rollback;
	const char *file; /* where it was read */
	unsigned line;
};

const struct assertion *ruleset_assertions(const struct ruleset *set, size_t *n);

/* What is wrong with a value. */
enum assertion_fault {
	FAULT_NONE,
	FAULT_LIMIT,
	FAULT_MISSING,
	FAULT_NULL,
	FAULT_BOOLEAN,
	FAULT_TEXT,
	FAULT_LIST,
	FAULT_MAP,
	FAULT_NAN,
	FAULT_INFINITE, /* also what only a double would have to call so */
	FAULT_DUPLICATE,
	FAULT_COUNT
};

extern const char *const assertion_faults[FAULT_COUNT];

struct assertion_metrics { /* of one event, in order; keys may stand twice */
	size_t n;
	struct span keys[ASSERTION_METRICS_MAX];
	const struct json_value *values[ASSERTION_METRICS_MAX];
};

struct assertion_result {
	enum assertion_fault fault;
	enum severity severity;         /* of a fault */
	const struct json_value *value; /* NULL: there is none */
};

/* A map that json_parse_exact() read. False: it is no map, or has too many values. */
bool assertion_metrics_take(const struct json_value *map, struct assertion_metrics *out) MUST_USE;

struct assertion_result assertion_judge(const struct assertion *a,
					const struct assertion_metrics *metrics);

/* How many keys no assertion asks for. */
size_t assertion_unknown(const struct ruleset *set, const struct assertion_metrics *metrics);

/* Whether a value is farther out than a bound; both are numbers. For the loader. */
bool assertion_is_past(enum assertion_operator must_be, struct span value, struct span bound);

/* For the hash of the policy: everything that decides. */
void assertion_describe(const struct assertion *a, struct buf *out);

#endif

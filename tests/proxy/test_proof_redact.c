/* proxy/proof_redact.c: what the proof expects is known apart from the gate, and a leak would be
 * seen. Secret-looking strings are put together at run time. */
#include "proxy/proof_redact.h"

#include <string.h>

#include "tests/proxy/gate_play.h"

#define LEAD "red_"
#define BODY       \
	"a0b1c2d3" \
	"e4f5g6h7"

static const struct gate_options plain = { .framing = FRAMING_NONE, .frame_bytes = 16384 };

static void load(void)
{
	gate_rules_load(
		"version: 1\nrules:\n  - {id: red, title: t, severity: high, action: redact, "
		"regex: '\\bred_([a-z0-9]{16})\\b'}\n");
}

TestSuite(proof_redact, .init = load, .fini = gate_rules_unload);

static struct gate_options options(void)
{
	struct gate_options o = plain;
	o.ruleset = set;
	return o;
}

Test(proof_redact, foretells_what_leaves)
{
	struct span body = SPAN("a " LEAD BODY " b " LEAD BODY);
	struct redacted r;
	struct gate_options o = options();
	cr_assert(redacted_make(&r, &o, &scratch, body));
	struct span wanted = SPAN("a " LEAD MASK " b " LEAD MASK);
	cr_assert(span_eq(r.bytes, wanted), "%.*s", (int)r.bytes.n, r.bytes.p);
	cr_assert_eq(r.masks, 2);
	static const size_t at[][2] = { { 0, 0 },   { 6, 6 },   { 7, 16 },  { 21, 16 },
					{ 22, 16 }, { 23, 17 }, { 29, 23 }, { 30, 33 } };
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		cr_assert_eq(redacted_at(&r, at[i][0]), at[i][1], "at %zu: %zu", at[i][0],
			     redacted_at(&r, at[i][0]));
	cr_assert_eq(redacted_at(&r, body.n), wanted.n);
	redacted_fini(&r);
}

Test(proof_redact, sees_what_is_not_taken_out)
{
	struct span body = SPAN("a " LEAD BODY " b\n");
	struct redacted r;
	struct gate_options o = options();
	cr_assert(redacted_make(&r, &o, &scratch, body));
	cr_assert_eq(redacted_misses(&r, body, false, 6, 22), 0);
	cr_assert_eq(redacted_misses(&r, body, false, 5, 22), 1);
	cr_assert_eq(redacted_misses(&r, body, false, 6, 25), 3);
	cr_assert_eq(redacted_misses(&r, body, true, 22, 25), 2);
	redacted_fini(&r);
}

Test(proof_redact, sees_what_comes_back)
{
	struct secret secret = { .rule = 0 };
	struct gate_options o = options();
	uint64_t n = 99;
	buf_add_text(&secret.text, BODY);
	cr_assert_eq(redacted_returns(&o, &scratch, SPAN("x " LEAD MASK " y"), &secret, 1, &n), 0);
	cr_assert_eq(n, 0);
	cr_assert_eq(redacted_returns(&o, &scratch, SPAN("x " LEAD BODY " y"), &secret, 1, &n), 0);
	cr_assert_eq(n, strlen(BODY));
	/* Another secret is not this one. */
	cr_assert_eq(
		redacted_returns(&o, &scratch, SPAN("x " LEAD "0000000011111111"), &secret, 1, &n),
		0);
	cr_assert_eq(n, 0);
	buf_fini(&secret.text);
}

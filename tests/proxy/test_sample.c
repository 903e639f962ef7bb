#include "proxy/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* As a script outside found them (FNV-1a, then MurmurHash3's finalizer). */
Test(sample, hash_is_the_one_of_the_manual)
{
	static const struct {
		const char *key;
		uint64_t hash;
	} rows[] = {
		{ "", 0xefd01f60ba992926u },
		{ "a", 0x82a2a958a9bece5bu },
		{ "spec-1", 0x8fb5da052083928eu },
		{ "4bf92f3577b34da6a3ce929d0e0e4736", 0xe668f55d97f2d8a8u },
		{ "01ARZ3NDEKTSV4RRFFQ69G5FAV", 0x1414381a367a39bbu },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(sample_hash(span_of(rows[i].key)), rows[i].hash, "%s", rows[i].key);
}

Test(sample, takes_the_share_that_was_asked_for)
{
	static const uint32_t shares[] = { 0, 1, 100, 50000, 500000, 999999, 1000000 };
	for (size_t s = 0; s < ARRAY_LEN(shares); s++) {
		double taken = 0, expected = shares[s] / 1e6 * 200000;
		for (int i = 0; i < 200000; i++) {
			char key[32];
			snprintf(key, sizeof(key), "spec-%d", i);
			taken += sample_takes(span_of(key), shares[s]);
		}
		double off = taken > expected ? taken - expected : expected - taken;
		cr_assert_leq(off * off, 25 * expected + 25, "%u: %.0f, not %.0f", shares[s], taken,
			      expected);
	}
}

static struct span key_of(const char *traceparent, const char *spec)
{
	static struct http1_header headers[2];
	static struct http1_head head;
	head = (struct http1_head){ .headers = headers };
	if (traceparent)
		headers[head.n++] = (struct http1_header){ .name = SPAN("Traceparent"),
							   .value = span_of(traceparent) };
	if (spec)
		headers[head.n++] = (struct http1_header){ .name = SPAN("x-redcard-spec"),
							   .value = span_of(spec) };
	return sample_key(&head, SPAN("EXCHANGE"));
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

Test(sample, key_is_the_trace_then_the_spec_then_the_exchange)
{
	static const struct {
		const char *traceparent, *spec, *key;
	} rows[] = {
		{ "00-" TRACE "-00f067aa0ba902b7-01", "s", TRACE },
		{ "00-" TRACE "-00f067aa0ba902b7-00", NULL, TRACE },
		{ "01-" TRACE "-00f067aa0ba902b7-01-more", "s", TRACE },
		{ "ff-" TRACE "-00f067aa0ba902b7-01", "s", "s" },
		{ "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "s", "s" },
		{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", NULL, "EXCHANGE" },
		{ "00-" TRACE, "s", "s" },
		{ "", "s", "s" },
		{ NULL, "wave-7/b", "wave-7/b" },
		{ NULL, "", "EXCHANGE" },
		{ NULL, NULL, "EXCHANGE" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span key = key_of(rows[i].traceparent, rows[i].spec);
		cr_assert(span_eq(key, span_of(rows[i].key)), "row %zu: %.*s", i, (int)key.n,
			  key.p);
	}
}

/* Who asks PatchCtl: every way to be told 401, and the two ways not to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth.h"

#define NOW 1790000000u
#define NONCE "abcdefghijklmnop"

/* Put together here, so that the text of this file holds no token. */
static char secrets[2][40];
static struct auth_token tokens[2] = { { .name = "one" }, { .name = "two" } };
static char kept[8][128];
static size_t n_kept;
static int keeping; /* what remember() answers instead */

static int remember(void *owner, struct span name, struct span nonce)
{
	char text[128];
	(void)owner;
	if (keeping)
		return keeping;
	snprintf(text, sizeof(text), "%.*s/%.*s", (int)name.n, name.p, (int)nonce.n, nonce.p);
	for (size_t i = 0; i < n_kept; i++)
		if (strcmp(kept[i], text) == 0)
			return -EEXIST;
	cr_assert_lt(n_kept, ARRAY_LEN(kept));
	snprintf(kept[n_kept++], sizeof(kept[0]), "%s", text);
	return 0;
}

static void setup(void)
{
	for (size_t i = 0; i < 2; i++) {
		snprintf(secrets[i], sizeof(secrets[i]), "%s-%zu-%s", "secret", i, "of-the-tests");
		tokens[i].secret = secrets[i];
	}
	n_kept = 0;
	keeping = 0;
}

TestSuite(auth, .init = setup);

static const struct auth_token *who;

static enum auth ask(const struct auth_request *r)
{
	const struct auth_check check = {
		.tokens = tokens, .n_tokens = 2, .now_s = NOW, .remember = remember
	};
	who = NULL;
	return auth_who(&check, r, &who);
}

static enum auth bear(const char *value)
{
	const struct auth_request r = { .method = SPAN_INIT("GET"),
					.target = SPAN_INIT("/anchors"),
					.authorization = span_of(value) };
	return ask(&r);
}

Test(auth, nothing_is_absent)
{
	const struct auth_request r = { .method = SPAN_INIT("GET"), .target = SPAN_INIT("/") };
	cr_assert_eq(ask(&r), AUTH_ABSENT);
	cr_assert_null(who);
}

Test(auth, a_token_is_borne)
{
	char value[128];
	for (size_t i = 0; i < 2; i++) {
		snprintf(value, sizeof(value), "Bearer %s", secrets[i]);
		cr_assert_eq(bear(value), AUTH_GOOD);
		cr_assert_eq(who, &tokens[i]);
	}
	snprintf(value, sizeof(value), "bEARER %s", secrets[1]);
	cr_assert_eq(bear(value), AUTH_GOOD);
}

Test(auth, another_token_is_wrong)
{
	char value[128];
	snprintf(value, sizeof(value), "Bearer %s", secrets[0]);
	for (size_t i = 7; value[i]; i++) { /* each byte of it counts */
		value[i] ^= 2;
		cr_assert_eq(bear(value), AUTH_WRONG, "byte %zu", i);
		value[i] ^= 2;
	}
	snprintf(value, sizeof(value), "Bearer %sx", secrets[0]);
	cr_assert_eq(bear(value), AUTH_WRONG);
	snprintf(value, sizeof(value), "Bearer %.*s", (int)strlen(secrets[0]) - 1, secrets[0]);
	cr_assert_eq(bear(value), AUTH_WRONG);
	snprintf(value, sizeof(value), "Basic %s", secrets[0]);
	cr_assert_eq(bear(value), AUTH_WRONG);
	cr_assert_eq(bear("Bearer "), AUTH_WRONG);
	cr_assert_eq(bear("Bearer"), AUTH_WRONG);
	cr_assert_eq(bear(""), AUTH_WRONG);
}

/* --- signatures --- */

struct signed_request {
	struct auth_request r;
	char time[24], signature[100];
};

static void sign(struct signed_request *s, const char *name, const char *secret, uint64_t then,
		 const char *nonce)
{
	char hex[SHA256_HEX];
	snprintf(s->time, sizeof(s->time), "%llu", (unsigned long long)then);
	s->r = (struct auth_request){ .method = SPAN_INIT("POST"),
				      .target = SPAN_INIT("/rollback?plan=1"),
				      .body = SPAN_INIT("{\"a\":1}"),
				      .time = span_of(s->time),
				      .nonce = span_of(nonce) };
	cr_assert_eq(auth_sign(span_of(secret), &s->r, hex), 0);
	snprintf(s->signature, sizeof(s->signature), "%s:%s", name, hex);
	s->r.signature = span_of(s->signature);
}

Test(auth, what_is_signed_is_stated)
{
	char ours[SHA256_HEX], stated[SHA256_HEX];
	struct signed_request s;
	sign(&s, "one", secrets[0], NOW, NONCE);
	cr_assert_eq(auth_sign(span_of(secrets[0]), &s.r, ours), 0);
	cr_assert_eq(sha256_hmac(span_of(secrets[0]),
				 SPAN("POST\n/rollback?plan=1\n1790000000\n" NONCE "\n{\"a\":1}"),
				 stated),
		     0);
	cr_assert_str_eq(ours, stated);
}

Test(auth, a_signature_is_good_once)
{
	struct signed_request s;
	sign(&s, "two", secrets[1], NOW, NONCE);
	cr_assert_eq(ask(&s.r), AUTH_GOOD);
	cr_assert_eq(who, &tokens[1]);
	cr_assert_eq(ask(&s.r), AUTH_REPLAYED);
	cr_assert_null(who);
	sign(&s, "two", secrets[1], NOW + 1, NONCE);
	cr_assert_eq(ask(&s.r), AUTH_REPLAYED);
	sign(&s, "one", secrets[0], NOW, NONCE); /* another's nonce is another */
	cr_assert_eq(ask(&s.r), AUTH_GOOD);
	keeping = -EIO;
	sign(&s, "one", secrets[0], NOW, NONCE "2");
	cr_assert_eq(ask(&s.r), AUTH_BROKEN);
}

Test(auth, time_has_a_boundary)
{
	static const struct {
		uint64_t then;
		enum auth expected;
	} rows[] = {
		{ NOW - AUTH_STALE_S, AUTH_GOOD },
		{ NOW + AUTH_STALE_S, AUTH_GOOD },
		{ NOW - AUTH_STALE_S - 1, AUTH_STALE },
		{ NOW + AUTH_STALE_S + 1, AUTH_STALE },
		{ 0, AUTH_STALE },
		{ UINT64_MAX, AUTH_STALE },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct signed_request s;
		char nonce[32];
		snprintf(nonce, sizeof(nonce), NONCE "%zu", i);
		sign(&s, "one", secrets[0], rows[i].then, nonce);
		cr_assert_eq(ask(&s.r), rows[i].expected, "row %zu", i);
	}
	cr_assert_eq(n_kept, 2, "what is stale fills nothing up");
}

Test(auth, each_part_is_signed)
{
	struct signed_request s;
	struct auth_request r;
	char late[24];
	sign(&s, "one", secrets[0], NOW, NONCE);
	r = s.r, r.method = SPAN("PUT");
	cr_assert_eq(ask(&r), AUTH_WRONG);
	r = s.r, r.target = SPAN("/rollback");
	cr_assert_eq(ask(&r), AUTH_WRONG);
	r = s.r, r.body = SPAN("{\"a\":2}");
	cr_assert_eq(ask(&r), AUTH_WRONG);
	r = s.r, r.nonce = SPAN(NONCE "x");
	cr_assert_eq(ask(&r), AUTH_WRONG);
	snprintf(late, sizeof(late), "%u", NOW + 1);
	r = s.r, r.time = span_of(late);
	cr_assert_eq(ask(&r), AUTH_WRONG);
	r = s.r, r.time = (struct span){ 0 };
	cr_assert_eq(ask(&r), AUTH_WRONG);
	r = s.r, r.nonce = (struct span){ 0 };
	cr_assert_eq(ask(&r), AUTH_WRONG);
	for (size_t i = 0; i < strlen(s.signature); i++) {
		s.signature[i] ^= 1;
		cr_assert_eq(ask(&s.r), AUTH_WRONG, "byte %zu", i);
		s.signature[i] ^= 1;
	}
	r = s.r, r.signature.n--;
	cr_assert_eq(ask(&r), AUTH_WRONG);
	cr_assert_eq(n_kept, 0, "what is wrong fills nothing up");
	cr_assert_eq(ask(&s.r), AUTH_GOOD);
}

Test(auth, one_shows_one_thing)
{
	struct signed_request s;
	char value[128];
	snprintf(value, sizeof(value), "Bearer %s", secrets[0]);
	sign(&s, "one", secrets[0], NOW, NONCE);
	s.r.authorization = span_of(value);
	cr_assert_eq(ask(&s.r), AUTH_WRONG);
	sign(&s, "one", secrets[1], NOW, NONCE); /* another's secret */
	cr_assert_eq(ask(&s.r), AUTH_WRONG);
	sign(&s, "three", secrets[0], NOW, NONCE);
	cr_assert_eq(ask(&s.r), AUTH_WRONG);
}

Test(auth, nonces_have_a_form)
{
	static const char *const bad[] = { "", "abcdefghijklmno", "abcdefghijklmno ",
					   "abcdefghijklmno\n",
					   ("0123456789012345678901234567890123456789"
					    "0123456789012345678901234") };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct signed_request s;
		sign(&s, "one", secrets[0], NOW, bad[i]);
		cr_assert_eq(ask(&s.r), AUTH_WRONG, "row %zu", i);
	}
	struct signed_request s;
	sign(&s, "one", secrets[0], NOW,
	     "012345678901234567890123456789012345678901234567890123456789_-aZ");
	cr_assert_eq(ask(&s.r), AUTH_GOOD);
}

#include "proxy/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/buf.h"
#include "proxy/units.h"

const char *const auth_names[AUTH_COUNT] = {
	[AUTH_GOOD] = "good",   [AUTH_ABSENT] = "absent",     [AUTH_WRONG] = "wrong",
	[AUTH_STALE] = "stale", [AUTH_REPLAYED] = "replayed", [AUTH_BROKEN] = "broken",
};

/* In a time that does not depend on where they differ. */
static bool same_digest(const char a[SHA256_HEX], const char *b)
{
	unsigned differs = 0;
	for (size_t i = 0; i < SHA256_HEX - 1; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return differs == 0;
}

int auth_sign(struct span secret, const struct auth_request *request, char out[SHA256_HEX])
{
	struct buf text = { 0 };
	const struct span parts[] = { request->method, request->target, request->time,
				      request->nonce };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_add(&text, parts[i].p, parts[i].n);
		buf_add_char(&text, '\n');
	}
	buf_add(&text, request->body.p, request->body.n);
	int error =
		text.failed ? -ENOMEM : sha256_hmac(secret, (struct span){ text.p, text.n }, out);
	buf_fini(&text);
	return error;
}

/* --- bearer --- */

/* Digests are compared, all of them, so that the time tells nothing of a secret or its length. */
static enum auth by_secret(const struct auth_check *check, struct span secret,
			   const struct auth_token **who)
{
	char given[SHA256_HEX], ours[SHA256_HEX];
	const struct auth_token *found = NULL;
	if (sha256_of(secret, given) != 0)
		return AUTH_BROKEN;
	for (size_t i = 0; i < check->n_tokens; i++) {
		if (sha256_of(span_of(check->tokens[i].secret), ours) != 0)
			return AUTH_BROKEN;
		if (same_digest(given, ours))
			found = &check->tokens[i];
	}
	if (!found)
		return AUTH_WRONG;
	*who = found;
	return AUTH_GOOD;
}

static enum auth bearer(const struct auth_check *check, struct span value,
			const struct auth_token **who)
{
	static const struct span scheme = SPAN_INIT("bearer ");
	if (value.n <= scheme.n || !span_eq_nocase((struct span){ value.p, scheme.n }, scheme))
		return AUTH_WRONG;
	return by_secret(check, (struct span){ value.p + scheme.n, value.n - scheme.n }, who);
}

/* --- signatures --- */

static bool is_nonce(struct span s)
{
	if (s.n < AUTH_NONCE_LEAST || s.n > AUTH_NONCE_MOST)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '-' || c == '_'))
			return false;
	}
	return true;
}

static const struct auth_token *find(const struct auth_check *check, struct span name)
{
	for (size_t i = 0; i < check->n_tokens; i++)
		if (span_eq(span_of(check->tokens[i].name), name))
			return &check->tokens[i];
	return NULL;
}

static enum auth verify(const struct auth_check *check, const struct auth_request *r,
			const struct auth_token **who)
{
	char ours[SHA256_HEX];
	const char *colon = memchr(r->signature.p, ':', r->signature.n);
	if (!colon)
		return AUTH_WRONG;
	struct span name = { r->signature.p, (size_t)(colon - r->signature.p) };
	const struct auth_token *token = find(check, name);
	if (!token || r->signature.n - name.n - 1 != SHA256_HEX - 1)
		return AUTH_WRONG;
	if (auth_sign(span_of(token->secret), r, ours) != 0)
		return AUTH_BROKEN;
	if (!same_digest(ours, colon + 1))
		return AUTH_WRONG;
	*who = token;
	return AUTH_GOOD;
}

/* A nonce is kept only once the signature is known to be good: strangers fill nothing up. */
static enum auth signature(const struct auth_check *check, const struct auth_request *r,
			   const struct auth_token **who)
{
	const struct auth_token *token = NULL;
	uint64_t then = 0;
	if (!r->time.p || !r->nonce.p || !is_nonce(r->nonce) || units_count(r->time, &then) != 0)
		return AUTH_WRONG;
	enum auth result = verify(check, r, &token);
	if (result != AUTH_GOOD)
		return result;
	uint64_t apart = then > check->now_s ? then - check->now_s : check->now_s - then;
	if (apart > AUTH_STALE_S)
		return AUTH_STALE;
	int error = check->remember(check->owner, span_of(token->name), r->nonce);
	if (error)
		return error == -EEXIST ? AUTH_REPLAYED : AUTH_BROKEN;
	*who = token;
	return AUTH_GOOD;
}

enum auth auth_who(const struct auth_check *check, const struct auth_request *request,
		   const struct auth_token **who)
{
	if (request->authorization.p && request->signature.p)
		return AUTH_WRONG;
	if (request->signature.p)
		return signature(check, request, who);
	return request->authorization.p ? bearer(check, request->authorization, who) : AUTH_ABSENT;
}

int auth_headers(const char *name, const char *secret, const struct auth_request *request,
		 char out[3][AUTH_HEADER])
{
	unsigned char random[AUTH_NONCE_LEAST];
	char now[24], nonce[2 * AUTH_NONCE_LEAST + 1], mark[SHA256_HEX];
	struct auth_request signs = *request;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	signs.time = span_of(now);
	signs.nonce = span_of(nonce);
	int error = auth_sign(span_of(secret), &signs, mark);
	if (error)
		return error;
	snprintf(out[0], AUTH_HEADER, "x-redcard-time: %s", now);
	snprintf(out[1], AUTH_HEADER, "x-redcard-nonce: %s", nonce);
	snprintf(out[2], AUTH_HEADER, "x-redcard-signature: %s:%s", name, mark);
	return 0;
}

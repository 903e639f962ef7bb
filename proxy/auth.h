/*
 * Who asks: PatchCtl, or the webhook of the admin listener. A request carries either
 * `Authorization: Bearer SECRET` (not for the webhook), or a signature over all of it, which shows
 * the secret to nobody and is good for one request only:
 *
 *	x-redcard-time: 1790000000              seconds since 1970, at most 60 from ours
 *	x-redcard-nonce: 3kJ8...                16 to 64 of A-Z a-z 0-9 - _, never used before
 *	x-redcard-signature: NAME:HEX           the token's name, and HMAC-SHA-256 by its secret of
 *	                                        METHOD "\n" TARGET "\n" TIME "\n" NONCE "\n" BODY
 *
 * TARGET is the request's, with its query. No line feed can stand in what precedes the body, so one
 * text belongs to one request.
 */
#ifndef PROXY_AUTH_H
#define PROXY_AUTH_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/sha256.h"

#define AUTH_STALE_S 60
#define AUTH_NONCE_LEAST 16
#define AUTH_NONCE_MOST 64

enum auth {
	AUTH_GOOD,
	AUTH_ABSENT,
	AUTH_WRONG,
	AUTH_STALE,
	AUTH_REPLAYED,
	AUTH_BROKEN, /* whether it is a replay cannot be told */
	AUTH_COUNT
};

extern const char *const auth_names[AUTH_COUNT];

struct auth_token {
	const char *name;
	const char *secret; /* at least 16 bytes */
	const bool *roles;  /* what its owner lets it do; NULL: there is one thing only */
};

struct auth_request {
	struct span method, target, body;
	struct span authorization, time, nonce, signature; /* headers; p NULL: absent */
};

struct auth_check {
	const struct auth_token *tokens;
	size_t n_tokens;
	uint64_t now_s; /* since 1970 */
	/* Keeps a nonce longer than a request is fresh. 0; -EEXIST: it is known; or another -errno.
	 */
	int (*remember)(void *owner, struct span name, struct span nonce);
	void *owner;
};

/* GOOD: *who is set. */
enum auth auth_who(const struct auth_check *check, const struct auth_request *request,
		   const struct auth_token **who);

/* -ENOMEM, -EIO. */
int auth_sign(struct span secret, const struct auth_request *request,
	      char out[SHA256_HEX]) MUST_USE;

#define AUTH_HEADER 256 /* bytes of one header, with its NUL */

/* The headers that sign a request from here, now: "name: value". request: method, target and body
 * alone. -ENOMEM, -EIO. */
int auth_headers(const char *name, const char *secret, const struct auth_request *request,
		 char out[3][AUTH_HEADER]) MUST_USE;

#endif

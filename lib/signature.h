/*
 * Ed25519 signatures (RFC 8032) through OpenSSL's EVP; lib/signature.c is that library's door for
 * them. Keys stand in PEM files: the private one as PKCS #8, public ones as SubjectPublicKeyInfo.
 */
#ifndef LIB_SIGNATURE_H
#define LIB_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"
#include "lib/buf.h"

#define SIGNATURE_BYTES 64
#define SIGNATURE_HEX (2 * SIGNATURE_BYTES + 1)
#define SIGNATURE_KEY_ID 17 /* 16 hex digits and a NUL */

struct signature_key; /* a private key with its public half, or the latter alone */

int signature_generate(struct signature_key **out) MUST_USE; /* -EIO */
/* -EINVAL: no such key in the text; -ENOMEM. */
int signature_read_private(struct span pem, struct signature_key **out) MUST_USE;
/* One public key; *rest becomes what follows it. -ENOENT: there is none any more. */
int signature_read_public(struct span *rest, struct signature_key **out) MUST_USE;
void signature_free(struct signature_key *k); /* NULL is fine */

int signature_write_private(const struct signature_key *k, struct buf *pem) MUST_USE;
int signature_write_public(const struct signature_key *k, struct buf *pem) MUST_USE;

/* The first half of the SHA-256 of the raw public key. */
const char *signature_key_id(const struct signature_key *k);

int signature_sign(const struct signature_key *k, struct span text,
		   char out[SIGNATURE_HEX]) MUST_USE; /* -EIO */
bool signature_good(const struct signature_key *k, struct span text, struct span hex);

#endif

/*
 * SHA-256 (FIPS 180-4) through OpenSSL's EVP; lib/sha256.c is that library's door for hashing.
 */
#ifndef LIB_SHA256_H
#define LIB_SHA256_H

#include <stddef.h>

#include "lib/base.h"

#define SHA256_BYTES 32
#define SHA256_HEX 65 /* 64 lower-case hex digits and a NUL */

#define SHA256_MEMORY 512 /* about; of one running hash */

struct sha256; /* one running hash */

struct sha256 *sha256_new(void);    /* NULL: out of memory */
void sha256_free(struct sha256 *h); /* NULL is fine */

/* A failure inside is latched and reported by the finish. */
void sha256_feed(struct sha256 *h, const void *p, size_t n);
int sha256_finish(struct sha256 *h,
		  unsigned char out[SHA256_BYTES]) MUST_USE; /* -EIO; h can only be freed */
int sha256_finish_hex(struct sha256 *h, char out[SHA256_HEX]) MUST_USE;

int sha256_of(struct span text, char out[SHA256_HEX]) MUST_USE; /* one shot; -ENOMEM, -EIO */

/* HMAC-SHA-256 (RFC 2104), one shot; -EIO. */
int sha256_hmac(struct span key, struct span text, char out[SHA256_HEX]) MUST_USE;

#endif

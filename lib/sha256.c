#include "lib/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx)
		goto fail;
	h->failed = EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1;
	return h;
fail:
	sha256_free(h);
	return NULL;
}

void sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void sha256_feed(struct sha256 *h, const void *p, size_t n)
{
	if (n && EVP_DigestUpdate(h->ctx, p, n) != 1)
		h->failed = true;
}

int sha256_finish(struct sha256 *h, unsigned char out[SHA256_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (h->failed || EVP_DigestFinal_ex(h->ctx, digest, &n) != 1 || n != SHA256_BYTES)
		return -EIO;
	h->failed = true; /* a second finish would hash nothing and look right */
	for (unsigned i = 0; i < n; i++)
		out[i] = digest[i];
	return 0;
}

static void to_hex(const unsigned char digest[SHA256_BYTES], char out[SHA256_HEX])
{
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[SHA256_HEX - 1] = '\0';
}

int sha256_finish_hex(struct sha256 *h, char out[SHA256_HEX])
{
	unsigned char digest[SHA256_BYTES];
	int rc = sha256_finish(h, digest);
	if (!rc)
		to_hex(digest, out);
	return rc;
}

int sha256_hmac(struct span key, struct span text, char out[SHA256_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n = 0;
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.p, key.n,
		       (const unsigned char *)text.p, text.n, digest, sizeof(digest), &n) ||
	    n != SHA256_BYTES)
		return -EIO;
	to_hex(digest, out);
	return 0;
}

int sha256_of(struct span text, char out[SHA256_HEX])
{
	struct sha256 *h = sha256_new();
	if (!h)
		return -ENOMEM;
	sha256_feed(h, text.p, text.n);
	int rc = sha256_finish_hex(h, out);
	sha256_free(h);
	return rc;
}

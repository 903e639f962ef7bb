#include "lib/signature.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sha256.h"

struct signature_key {
	EVP_PKEY *pkey;
	char id[SIGNATURE_KEY_ID];
};

static const char digits[] = "0123456789abcdef";

/* Takes over the key. */
static int wrap(EVP_PKEY *pkey, struct signature_key **out)
{
	unsigned char raw[32];
	char sum[SHA256_HEX];
	size_t n = sizeof(raw);
	struct signature_key *k = calloc(1, sizeof(*k));
	int error = k ? -EINVAL : -ENOMEM;
	if (!k || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
		goto fail;
	error = sha256_of((struct span){ (const char *)raw, n }, sum);
	if (error)
		goto fail;
	memcpy(k->id, sum, SIGNATURE_KEY_ID - 1);
	k->pkey = pkey;
	*out = k;
	return 0;
fail:
	EVP_PKEY_free(pkey);
	free(k);
	return error;
}

int signature_generate(struct signature_key **out)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return pkey ? wrap(pkey, out) : -EIO;
}

/* A key under a password is not asked for it. */
static int no_password(char *to, int n, int writing, void *arg)
{
	(void)to;
	(void)n;
	(void)writing;
	(void)arg;
	return -1;
}

int signature_read_private(struct span pem, struct signature_key **out)
{
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return pkey ? wrap(pkey, out) : -EINVAL;
}

int signature_read_public(struct span *rest, struct signature_key **out)
{
	BIO *bio = rest->n <= INT_MAX ? BIO_new_mem_buf(rest->p, (int)rest->n) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
	size_t left = bio ? BIO_ctrl_pending(bio) : 0;
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey)
		return memmem(rest->p, rest->n, "-----BEGIN", 10) ? -EINVAL : -ENOENT;
	*rest = (struct span){ rest->p + rest->n - left, left };
	return wrap(pkey, out);
}

void signature_free(struct signature_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static int take_text(BIO *bio, bool written, struct buf *out)
{
	char *p = NULL;
	long n = written ? BIO_get_mem_data(bio, &p) : 0;
	if (n > 0)
		buf_add(out, p, (size_t)n);
	BIO_free(bio);
	return n > 0 && !out->failed ? 0 : -EIO;
}

int signature_write_private(const struct signature_key *k, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return take_text(
		bio, bio && PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1,
		pem);
}

int signature_write_public(const struct signature_key *k, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return take_text(bio, bio && PEM_write_bio_PUBKEY(bio, k->pkey) == 1, pem);
}

const char *signature_key_id(const struct signature_key *k)
{
	return k->id;
}

int signature_sign(const struct signature_key *k, struct span text, char out[SIGNATURE_HEX])
{
	unsigned char raw[SIGNATURE_BYTES];
	size_t n = sizeof(raw);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
		    EVP_DigestSign(ctx, raw, &n, (const unsigned char *)text.p, text.n) == 1 &&
		    n == SIGNATURE_BYTES;
	EVP_MD_CTX_free(ctx);
	if (!done)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[2 * n] = '\0';
	return 0;
}

static bool from_hex(struct span hex, unsigned char raw[SIGNATURE_BYTES])
{
	if (hex.n != 2 * SIGNATURE_BYTES)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		const char *at = hex.p[i] ? strchr(digits, hex.p[i]) : NULL;
		if (!at)
			return false;
		raw[i / 2] = (unsigned char)(raw[i / 2] << 4 | (at - digits));
	}
	return true;
}

bool signature_good(const struct signature_key *k, struct span text, struct span hex)
{
	unsigned char raw[SIGNATURE_BYTES] = { 0 };
	if (!from_hex(hex, raw))
		return false;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
		ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
		EVP_DigestVerify(ctx, raw, sizeof(raw), (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

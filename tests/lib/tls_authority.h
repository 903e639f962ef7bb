/*
 * A certificate authority that lives for one test: ca.pem, and for each name NAME.pem and NAME.key,
 * in a directory of its own.
 */
#ifndef TESTS_LIB_TLS_AUTHORITY_H
#define TESTS_LIB_TLS_AUTHORITY_H

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base.h"

struct authority {
	EVP_PKEY *key;
	X509 *cert;
	char dir[64];
};

static inline void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	cr_assert_not_null(e, "%s", value);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static inline X509 *make_cert(EVP_PKEY *key, const char *name, const char *alt, X509 *issuer,
			      EVP_PKEY *issuer_key, long days)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400 * 10);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * days);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(cert, key);
	add_extension(cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (alt)
		add_extension(cert, NID_subject_alt_name, alt);
	cr_assert(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
	return cert;
}

static inline const char *file_in(const struct authority *a, const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", a->dir, name);
	return path;
}

static inline void write_pem(const struct authority *a, const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(file_in(a, name), "w");
	cr_assert_not_null(f);
	if (cert)
		PEM_write_X509(f, cert);
	if (key)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

/* A certificate NAME.pem with its key NAME.key. */
static inline void issue(const struct authority *a, const char *name, const char *alt, long days)
{
	char file[64];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_cert(key, name, alt, a->cert, a->key, days);
	snprintf(file, sizeof(file), "%s.pem", name);
	write_pem(a, file, cert, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	write_pem(a, file, NULL, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline void authority_init(struct authority *a)
{
	snprintf(a->dir, sizeof(a->dir), "/tmp/redcard-tls-XXXXXX");
	cr_assert_not_null(mkdtemp(a->dir));
	a->key = EVP_EC_gen("P-256");
	a->cert = make_cert(a->key, "test authority", NULL, NULL, a->key, 30);
	write_pem(a, "ca.pem", a->cert, NULL);
	issue(a, "server", "DNS:builder.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1", 30);
	issue(a, "expired", "DNS:builder.test", -1);
}

static inline void authority_fini(struct authority *a)
{
	static const char *const names[] = { "ca.pem",      "server.pem",  "server.key",
					     "expired.pem", "expired.key", "junk" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(file_in(a, names[i]));
	rmdir(a->dir);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

#endif

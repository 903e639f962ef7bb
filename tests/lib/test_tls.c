#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tls.h"
#include "tests/lib/tls_authority.h"

/* ---- two sides joined by buffers ---- */

struct side {
	struct tls *t;
	struct buf plain, cipher; /* what came out, what must go to the other side */
	enum tls_status status;
};

struct pair {
	struct authority ca;
	struct tls_context *server_context, *client_context;
	struct side server, client;
};

static void contexts_init(struct pair *p, const char *cert, bool verify, bool know_ca)
{
	struct buf errors = { 0 };
	char pem[32], key[32];
	snprintf(pem, sizeof(pem), "%s.pem", cert);
	snprintf(key, sizeof(key), "%s.key", cert);
	authority_init(&p->ca);
	cr_assert_eq(tls_context_server(file_in(&p->ca, pem), file_in(&p->ca, key),
					&p->server_context, &errors),
		     0);
	const char *ca = know_ca ? file_in(&p->ca, "ca.pem") : NULL;
	cr_assert_eq(tls_context_client(ca, verify, &p->client_context, &errors), 0);
	cr_assert_eq(errors.n, 0);
}

static void sides_init(struct pair *p, const char *name)
{
	p->server.t = tls_new(p->server_context, NULL);
	p->client.t = tls_new(p->client_context, name);
	cr_assert(p->server.t && p->client.t);
}

static void side_fini(struct side *s)
{
	tls_free(s->t);
	buf_fini(&s->plain);
	buf_fini(&s->cipher);
	memset(s, 0, sizeof(*s));
}

static void sides_fini(struct pair *p)
{
	side_fini(&p->server);
	side_fini(&p->client);
}

static void pair_fini(struct pair *p)
{
	sides_fini(p);
	tls_context_free(p->server_context);
	tls_context_free(p->client_context);
	authority_fini(&p->ca);
}

/* Moves all ciphertext from one side to the other, in fragments of `step` bytes. */
static void carry(struct side *from, struct side *to, size_t step)
{
	struct buf moving = from->cipher;
	from->cipher = (struct buf){ 0 };
	for (size_t at = 0; at < moving.n; at += step) {
		size_t n = min_size(step, moving.n - at);
		char *copy = malloc(n);
		memcpy(copy, moving.p + at, n);
		to->status = tls_feed(to->t, copy, n, &to->plain, &to->cipher);
		free(copy);
	}
	buf_fini(&moving);
}

static void settle(struct pair *p, size_t step)
{
	while (p->client.cipher.n > 0 || p->server.cipher.n > 0) {
		carry(&p->client, &p->server, step);
		carry(&p->server, &p->client, step);
	}
}

static void shake_hands(struct pair *p, size_t step)
{
	p->client.status = tls_feed(p->client.t, NULL, 0, &p->client.plain, &p->client.cipher);
	p->server.status = tls_feed(p->server.t, NULL, 0, &p->server.plain, &p->server.cipher);
	cr_assert_eq(p->server.cipher.n, 0, "a server waits");
	cr_assert_gt(p->client.cipher.n, 0, "a client begins");
	settle(p, step);
}

static void expect_plain(struct side *s, const char *text, size_t n)
{
	cr_assert_eq(s->plain.n, n);
	cr_assert_eq(memcmp(s->plain.p, text, n), 0);
	buf_clear(&s->plain);
}

Test(tls, both_ways_at_every_fragment_size, .timeout = 60)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	for (size_t step = 1; step < 3000; step = step < 40 ? step + 1 : step * 2 - 7) {
		sides_init(&p, "builder.test");
		shake_hands(&p, step);
		cr_assert(tls_ready(p.client.t) && tls_ready(p.server.t), "%zu: %s, %s", step,
			  tls_error(p.client.t), tls_error(p.server.t));
		cr_assert_eq(tls_write(p.client.t, "ping", 4, &p.client.cipher), TLS_OK);
		cr_assert_eq(tls_write(p.client.t, "", 0, &p.client.cipher), TLS_OK);
		cr_assert_eq(tls_write(p.client.t, "pong", 4, &p.client.cipher), TLS_OK);
		settle(&p, step);
		expect_plain(&p.server, "pingpong", 8);
		cr_assert_eq(tls_write(p.server.t, "answer", 6, &p.server.cipher), TLS_OK);
		settle(&p, step);
		expect_plain(&p.client, "answer", 6);
		tls_shutdown(p.server.t, &p.server.cipher);
		settle(&p, step);
		cr_assert_eq(p.client.status, TLS_CLOSED);
		cr_assert_eq(tls_feed(p.client.t, "more", 4, &p.client.plain, &p.client.cipher),
			     TLS_CLOSED);
		sides_fini(&p);
	}
	pair_fini(&p);
}

Test(tls, large_writes_arrive_whole)
{
	struct pair p = { 0 };
	size_t n = 300000;
	char *text = malloc(n);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 7 + i / 251);
	contexts_init(&p, "server", true, true);
	sides_init(&p, "builder.test");
	shake_hands(&p, 16384);
	for (size_t step = 1000; step < 400000; step *= 7) {
		cr_assert_eq(tls_write(p.server.t, text, n, &p.server.cipher), TLS_OK);
		settle(&p, step);
		expect_plain(&p.client, text, n);
	}
	free(text);
	pair_fini(&p);
}

struct name_case {
	const char *cert, *name;
	bool verify, know_ca;
	const char *error; /* NULL: it works */
};

static void check_name(const struct name_case *c)
{
	struct pair p = { 0 };
	contexts_init(&p, c->cert, c->verify, c->know_ca);
	sides_init(&p, c->name);
	shake_hands(&p, 100000);
	cr_assert_eq(tls_ready(p.client.t), c->error == NULL, "%s: %s", c->name,
		     tls_error(p.client.t));
	cr_assert_str_eq(tls_error(p.client.t), c->error ? c->error : "no error");
	if (c->error) { /* the other side learns of it through an alert */
		cr_assert_eq(p.client.status, TLS_FAILED);
		cr_assert_eq(p.server.status, TLS_FAILED);
		cr_assert(strstr(tls_error(p.server.t), "alert"), "%s", tls_error(p.server.t));
		cr_assert_eq(tls_write(p.client.t, "x", 1, &p.client.cipher), TLS_FAILED);
	}
	pair_fini(&p);
}

Test(tls, certificates_are_checked_against_names_and_addresses)
{
	static const struct name_case cases[] = {
		{ "server", "builder.test", true, true, NULL },
		{ "server", "BUILDER.test.", true, true, NULL },
		{ "server", "a.wild.test", true, true, NULL },
		{ "server", "127.0.0.1", true, true, NULL },
		{ "server", "::1", true, true, NULL },
		{ "server", "[::1]", true, true, NULL },
		{ "server", "other.test", true, true,
		  "certificate verify failed (hostname mismatch)" },
		{ "server", "a.b.wild.test", true, true,
		  "certificate verify failed (hostname mismatch)" },
		{ "server", "127.0.0.2", true, true,
		  "certificate verify failed (IP address mismatch)" },
		{ "server", "builder.test", true, false,
		  "certificate verify failed (unable to get local issuer certificate)" },
		{ "expired", "builder.test", true, true,
		  "certificate verify failed (certificate has expired)" },
		{ "expired", "other.test", false, false, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_name(&cases[i]);
}

Test(tls, garbage_fails_and_says_why)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	sides_init(&p, "builder.test");
	static const char http[] = "GET / HTTP/1.1\r\n\r\n";
	cr_assert_eq(
		tls_feed(p.server.t, http, sizeof(http) - 1, &p.server.plain, &p.server.cipher),
		TLS_FAILED);
	cr_assert_str_eq(tls_error(p.server.t), "http request");
	cr_assert_eq(
		tls_feed(p.server.t, http, sizeof(http) - 1, &p.server.plain, &p.server.cipher),
		TLS_FAILED);
	sides_fini(&p);
	sides_init(&p, "builder.test");
	shake_hands(&p, 512);
	cr_assert_eq(tls_write(p.client.t, "text that will be damaged", 25, &p.client.cipher),
		     TLS_OK);
	p.client.cipher.p[p.client.cipher.n / 2] ^= 1;
	carry(&p.client, &p.server, 100000);
	cr_assert_eq(p.server.status, TLS_FAILED);
	cr_assert_eq(p.server.plain.n, 0);
	cr_assert(strstr(tls_error(p.server.t), "decryption failed"), "%s", tls_error(p.server.t));
	pair_fini(&p);
}

Test(tls, a_cut_connection_is_not_a_close)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	sides_init(&p, "builder.test");
	shake_hands(&p, 512);
	cr_assert_eq(tls_feed(p.client.t, NULL, 0, &p.client.plain, &p.client.cipher), TLS_OK);
	pair_fini(&p);
}

Test(tls, a_connection_may_outlive_its_context)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	sides_init(&p, "builder.test");
	tls_context_free(p.client_context);
	tls_context_free(p.server_context);
	p.client_context = p.server_context = NULL;
	shake_hands(&p, 64);
	cr_assert(tls_ready(p.client.t) && tls_ready(p.server.t));
	pair_fini(&p);
}

static size_t handshake_bytes(struct pair *p, const char *name)
{
	sides_init(p, name);
	p->client.status = tls_feed(p->client.t, NULL, 0, &p->client.plain, &p->client.cipher);
	carry(&p->client, &p->server, 100000);
	size_t n = p->server.cipher.n; /* a full handshake has a certificate in it */
	settle(p, 100000);
	cr_assert(tls_ready(p->client.t) && tls_ready(p->server.t));
	sides_fini(p);
	return n;
}

Test(tls, sessions_are_resumed_for_the_same_name_only)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	size_t full = handshake_bytes(&p, "builder.test");
	size_t again = handshake_bytes(&p, "builder.test");
	size_t other = handshake_bytes(&p, "a.wild.test");
	cr_assert_lt(again, full - 200, "%zu, then %zu", full, again);
	cr_assert_gt(other, full - 50);
	for (int i = 0; i < 40; i++) { /* more names than are remembered */
		char name[32];
		snprintf(name, sizeof(name), "n%d.wild.test", i);
		handshake_bytes(&p, name);
	}
	cr_assert_lt(handshake_bytes(&p, "n39.wild.test"), full - 200);
	pair_fini(&p);
}

/* A bare OpenSSL client against our server, to offer what our own client never would. */
static enum tls_status offer(struct tls_context *server, int version, const char *alpn,
			     size_t alpn_n, char *error, size_t size)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	struct buf plain = { 0 }, cipher = { 0 };
	struct tls *t = tls_new(server, NULL);
	enum tls_status status = TLS_OK;
	char record[20000];
	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_min_proto_version(c, version);
	SSL_CTX_set_max_proto_version(c, version);
	if (alpn)
		SSL_CTX_set_alpn_protos(c, (const unsigned char *)alpn, (unsigned)alpn_n);
	SSL *ssl = SSL_new(c);
	SSL_set_bio(ssl, in, out);
	for (int turn = 0; turn < 4 && status == TLS_OK; turn++) {
		(void)SSL_connect(ssl);
		int n = BIO_read(out, record, sizeof(record));
		if (n > 0)
			status = tls_feed(t, record, (size_t)n, &plain, &cipher);
		BIO_write(in, cipher.p, (int)cipher.n);
		buf_clear(&cipher);
	}
	snprintf(error, size, "%s", tls_error(t));
	SSL_free(ssl);
	SSL_CTX_free(c);
	tls_free(t);
	buf_fini(&plain);
	buf_fini(&cipher);
	return status;
}

Test(tls, old_versions_and_foreign_protocols_are_refused)
{
	struct pair p = { 0 };
	char error[200];
	contexts_init(&p, "server", true, true);
	cr_assert_eq(offer(p.server_context, TLS1_1_VERSION, NULL, 0, error, sizeof(error)),
		     TLS_FAILED);
	cr_assert_eq(offer(p.server_context, TLS1_2_VERSION, NULL, 0, error, sizeof(error)), TLS_OK,
		     "%s", error);
	cr_assert_eq(offer(p.server_context, TLS1_3_VERSION, "\x02h2\x08http/1.1", 12, error,
			   sizeof(error)),
		     TLS_OK);
	cr_assert_eq(offer(p.server_context, TLS1_3_VERSION, "\x02h2", 3, error, sizeof(error)),
		     TLS_FAILED);
	cr_assert(strstr(error, "application protocol"), "%s", error);
	pair_fini(&p);
}

/* A foreign client after the handshake: it asks for new keys, or for a new handshake. */
static void after_handshake(struct tls_context *server, int version)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	struct side s = { .t = tls_new(server, NULL) };
	char record[20000], got[16];
	SSL_CTX_set_max_proto_version(c, version);
	SSL *ssl = SSL_new(c);
	SSL_set_bio(ssl, in, out);
	for (int turn = 0; turn < 6; turn++) {
		if (turn < 3)
			(void)SSL_connect(ssl);
		else if (turn == 3)
			cr_assert_eq(version == TLS1_3_VERSION
					     ? SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)
					     : SSL_renegotiate(ssl),
				     1);
		if (turn >= 3)
			(void)SSL_write(ssl, "x", 1);
		int n = BIO_read(out, record, sizeof(record));
		if (n > 0)
			s.status = tls_feed(s.t, record, (size_t)n, &s.plain, &s.cipher);
		if (tls_ready(s.t) && s.status == TLS_OK)
			s.status = tls_write(s.t, "y", 1, &s.cipher);
		BIO_write(in, s.cipher.p, (int)s.cipher.n);
		buf_clear(&s.cipher);
		(void)SSL_read(ssl, got, sizeof(got));
	}
	if (version == TLS1_3_VERSION) {
		cr_assert_eq(s.status, TLS_OK, "%s", tls_error(s.t));
		expect_plain(&s, "xxx", 3);
	} else { /* a new handshake is refused, and what waits for it never comes */
		cr_assert_lt(s.plain.n, 3);
	}
	SSL_free(ssl);
	SSL_CTX_free(c);
	side_fini(&s);
}

Test(tls, new_keys_are_taken_and_new_handshakes_are_not)
{
	struct pair p = { 0 };
	contexts_init(&p, "server", true, true);
	after_handshake(p.server_context, TLS1_3_VERSION);
	after_handshake(p.server_context, TLS1_2_VERSION);
	pair_fini(&p);
}

Test(tls, bad_files_are_named)
{
	struct authority a = { 0 };
	struct tls_context *c = NULL;
	struct buf errors = { 0 };
	authority_init(&a);
	write_pem(&a, "junk", NULL, NULL);
	cr_assert_eq(tls_context_server("/nonexistent", file_in(&a, "server.key"), &c, &errors),
		     -ENOENT);
	cr_assert_eq(
		tls_context_server(file_in(&a, "junk"), file_in(&a, "server.key"), &c, &errors),
		-EINVAL);
	cr_assert_eq(tls_context_server(file_in(&a, "server.pem"), file_in(&a, "expired.key"), &c,
					&errors),
		     -EINVAL);
	cr_assert_eq(tls_context_client(file_in(&a, "junk"), true, &c, &errors), -EINVAL);
	cr_assert_eq(tls_context_client("/nonexistent", true, &c, &errors), -ENOENT);
	cr_assert_null(c);
	buf_add_char(&errors, 0);
	cr_assert(strstr(errors.p, "cannot read the certificate /nonexistent: No such file"), "%s",
		  errors.p);
	cr_assert(strstr(errors.p, "key values mismatch"), "%s", errors.p);
	tls_context_free(NULL);
	tls_free(NULL);
	buf_fini(&errors);
	authority_fini(&a);
}

/*
 * Theory of operation
 *
 *   ciphertext in --> [span t->in] --> OpenSSL --> *plain
 *   *cipher      <-- (bio_write)  <-- OpenSSL <-- tls_write()
 *
 * OpenSSL reads and writes through a BIO of our own: it takes from the span of the current call and
 * appends to the buffer of the current call. Nothing is kept between calls but what OpenSSL holds
 * of an unfinished record, and SSL_MODE_RELEASE_BUFFERS gives its buffers back when there is none,
 * so an idle connection has no buffers at all.
 *
 * A client context remembers the last session of each server name, so that a reconnect needs no
 * full handshake. A session is only used again for the name whose certificate was checked when it
 * was made.
 */
#include "lib/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/tls_sessions.h"

#define RECORD_MAX 16384
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_context {
	SSL_CTX *ssl;
	bool server;
	bool verify;
};

struct tls {
	SSL *ssl;
	struct span in;  /* the current call's ciphertext */
	struct buf *out; /* the current call's destination */
	char *name;      /* clients: the server's name */
	bool ready;
	bool failed;
	bool closed;
	char error[160];
};

static int context_slot = -1; /* of struct tls_sessions in an SSL_CTX */
static int tls_slot = -1;     /* of struct tls in an SSL */
static BIO_METHOD *bio_method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *p, size_t n, size_t *got)
{
	struct tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	*got = min_size(n, t->in.n);
	if (*got == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(p, t->in.p, *got);
	t->in.p += *got;
	t->in.n -= *got;
	return 1;
}

static int bio_write(BIO *bio, const char *p, size_t n, size_t *put)
{
	struct tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!t->out)
		return -1;
	buf_add(t->out, p, n);
	*put = n;
	return t->out->failed ? -1 : 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_PUSH || command == BIO_CTRL_POP;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* ---- sessions ---- */

/* They belong to the SSL_CTX, which lives as long as any connection: so connections may outlive
 * the context. */
static void free_sessions(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl,
			  void *argp)
{
	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	tls_sessions_free(pointer);
}

/* OpenSSL shows a session that can be resumed. It is kept as bytes: the original is spoilt when its
 * connection ends without close_notify, as many do, and is not made for several threads. */
static int session_new(SSL *ssl, SSL_SESSION *session)
{
	struct tls_sessions *s = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot);
	struct tls *t = SSL_get_ex_data(ssl, tls_slot);
	unsigned char *bytes = NULL;
	int n = s && t && t->name ? i2d_SSL_SESSION(session, &bytes) : 0;
	if (n > 0)
		tls_sessions_put(s, t->name, bytes, (size_t)n);
	OPENSSL_free(bytes);
	return 0;
}

static void session_reuse(struct tls *t)
{
	struct tls_sessions *s = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(t->ssl), context_slot);
	struct buf bytes = { 0 };
	tls_sessions_get(s, t->name, &bytes);
	const unsigned char *p = (const unsigned char *)bytes.p;
	SSL_SESSION *session =
		bytes.n && !bytes.failed ? d2i_SSL_SESSION(NULL, &p, (long)bytes.n) : NULL;
	if (session)
		SSL_set_session(t->ssl, session);
	SSL_SESSION_free(session);
	buf_fini(&bytes);
}

/* ---- contexts ---- */

static void prepare(void)
{
	context_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_sessions);
	tls_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "redcard");
	CHECK(context_slot >= 0 && tls_slot >= 0 && bio_method != NULL);
	BIO_meth_set_read_ex(bio_method, bio_read);
	BIO_meth_set_write_ex(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
	BIO_meth_set_create(bio_method, bio_create);
}

static const char *first_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());
	return text ? text : "unknown error";
}

/* A key that needs a passphrase is refused: there is nobody to ask. */
static int no_passphrase(char *text, int size, int writing, void *data)
{
	(void)text, (void)size, (void)writing, (void)data;
	return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		       const unsigned char *in, unsigned in_n, void *data)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;
	(void)ssl, (void)data;
	if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static struct tls_context *context_new(const SSL_METHOD *method, bool server)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	pthread_once(&once, prepare);
	ERR_clear_error();
	if (!c)
		return NULL;
	c->server = server;
	c->ssl = SSL_CTX_new(method);
	if (!c->ssl || !SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(c->ssl, CIPHERS_TLS12)) {
		tls_context_free(c);
		return NULL;
	}
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					    SSL_OP_PRIORITIZE_CHACHA |
					    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(c->ssl, no_passphrase);
	return c;
}

static int readable(const char *what, const char *path, struct buf *errors)
{
	if (access(path, R_OK) == 0)
		return 0;
	int err = errno;
	buf_printf(errors, "cannot read the %s %s: %s", what, path, strerror(err));
	return -err;
}

int tls_context_server(const char *cert, const char *key, struct tls_context **out,
		       struct buf *errors)
{
	int err = readable("certificate", cert, errors);
	if (!err)
		err = readable("key", key, errors);
	if (err)
		return err;
	struct tls_context *c = context_new(TLS_server_method(), true);
	if (!c) {
		buf_add_text(errors, "no memory for a TLS context");
		return -ENOMEM;
	}
	SSL_CTX_set_session_cache_mode(c->ssl,
				       SSL_SESS_CACHE_OFF); /* clients keep it, in tickets */
	SSL_CTX_set_num_tickets(c->ssl, 1);
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"redcard", 7);
	SSL_CTX_set_alpn_select_cb(c->ssl, choose_alpn, NULL);
	if (SSL_CTX_use_certificate_chain_file(c->ssl, cert) != 1) {
		buf_printf(errors, "bad certificate %s: %s", cert, first_reason());
		goto fail;
	}
	if (SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c->ssl) != 1) {
		buf_printf(errors, "bad key %s: %s", key, first_reason());
		goto fail;
	}
	*out = c;
	return 0;
fail:
	ERR_clear_error();
	tls_context_free(c);
	return -EINVAL;
}

static int sessions_attach(struct tls_context *c)
{
	struct tls_sessions *s = tls_sessions_new();
	if (!s || !SSL_CTX_set_ex_data(c->ssl, context_slot, s)) {
		tls_sessions_free(s);
		return -ENOMEM;
	}
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ssl, session_new);
	return 0;
}

int tls_context_client(const char *ca, bool verify, struct tls_context **out, struct buf *errors)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	int err = ca ? readable("CA file", ca, errors) : 0;
	if (err)
		return err;
	struct tls_context *c = context_new(TLS_client_method(), false);
	err = -ENOMEM;
	if (!c || sessions_attach(c) != 0 ||
	    SSL_CTX_set_alpn_protos(c->ssl, alpn, sizeof(alpn) - 1) != 0) {
		buf_add_text(errors, "no memory for a TLS context");
		goto fail;
	}
	c->verify = verify;
	SSL_CTX_set_verify(c->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (ca ? !SSL_CTX_load_verify_file(c->ssl, ca)
	       : !SSL_CTX_set_default_verify_paths(c->ssl)) {
		buf_printf(errors, "bad CA file %s: %s", ca ? ca : "of the system", first_reason());
		err = -EINVAL;
		goto fail;
	}
	*out = c;
	return 0;
fail:
	ERR_clear_error();
	tls_context_free(c);
	return err;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

/* ---- connections ---- */

/* SNI for names, and the check of the certificate against the name or the address. */
static bool set_peer(struct tls *t, bool verify)
{
	struct in6_addr address;
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	bool literal = inet_pton(AF_INET, t->name, &address) == 1 ||
		       inet_pton(AF_INET6, t->name, &address) == 1;
	if (!literal && !SSL_set_tlsext_host_name(t->ssl, t->name))
		return false;
	if (!verify)
		return true;
	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(param, t->name) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, t->name, 0) == 1;
}

/* "[::1]" and "name." as "::1" and "name", the spelling certificates use. */
static char *plain_name(const char *name)
{
	size_t n = strlen(name);
	if (n > 2 && name[0] == '[' && name[n - 1] == ']')
		return strndup(name + 1, n - 2);
	return strndup(name, n > 1 && name[n - 1] == '.' ? n - 1 : n);
}

struct tls *tls_new(struct tls_context *c, const char *server_name)
{
	struct tls *t = calloc(1, sizeof(*t));
	/* Without a name anyone with a certificate would do. */
	CHECK(c->server || server_name || !c->verify);
	if (!t)
		return NULL;
	t->ssl = SSL_new(c->ssl);
	BIO *bio = BIO_new(bio_method);
	if (!t->ssl || !bio || !SSL_set_ex_data(t->ssl, tls_slot, t)) {
		BIO_free(bio);
		goto fail;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(t->ssl, bio, bio); /* takes the one reference for both directions */
	if (c->server) {
		SSL_set_accept_state(t->ssl);
		return t;
	}
	SSL_set_connect_state(t->ssl);
	if (server_name) {
		t->name = plain_name(server_name);
		if (!t->name || !set_peer(t, c->verify))
			goto fail;
		session_reuse(t);
	}
	return t;
fail:
	ERR_clear_error();
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t->name);
	free(t);
}

static enum tls_status fail_with(struct tls *t, const char *text, const char *detail)
{
	t->failed = true;
	if (detail)
		snprintf(t->error, sizeof(t->error), "%s (%s)", text, detail);
	else
		snprintf(t->error, sizeof(t->error), "%s", text);
	ERR_clear_error();
	return TLS_FAILED;
}

/* What OpenSSL's return value means. Waiting for more ciphertext is fine. */
static enum tls_status judge(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ: return TLS_OK;
	case SSL_ERROR_ZERO_RETURN: t->closed = true; return TLS_CLOSED;
	default: break;
	}
	if (t->out && t->out->failed)
		return fail_with(t, "no memory", NULL);
	long verified = SSL_get_verify_result(t->ssl);
	bool by_verification = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
	return fail_with(t, first_reason(),
			 by_verification ? X509_verify_cert_error_string(verified) : NULL);
}

static enum tls_status read_records(struct tls *t, struct buf *plain)
{
	for (;;) {
		/* One record's plaintext is not larger than what was fed, unless most of it was
		 * fed before. */
		size_t room = (size_t)SSL_pending(t->ssl), got = 0;
		if (room == 0)
			room = min_size(t->in.n < 512 ? 512 : t->in.n, RECORD_MAX);
		char *p = buf_reserve(plain, room);
		if (!p)
			return fail_with(t, "no memory", NULL);
		int result = SSL_read_ex(t->ssl, p, room, &got);
		if (result != 1)
			return judge(t, result);
		plain->n += got;
	}
}

enum tls_status tls_feed(struct tls *t, const char *p, size_t n, struct buf *plain,
			 struct buf *cipher)
{
	enum tls_status status = TLS_OK;
	if (t->failed)
		return TLS_FAILED;
	if (t->closed)
		return TLS_CLOSED;
	ERR_clear_error();
	t->in = (struct span){ p, n };
	t->out = cipher;
	if (!t->ready) {
		int result = SSL_do_handshake(t->ssl);
		t->ready = result == 1;
		status = result == 1 ? TLS_OK : judge(t, result);
	}
	if (status == TLS_OK && t->ready)
		status = read_records(t, plain);
	t->in = (struct span){ NULL, 0 };
	t->out = NULL;
	return status;
}

enum tls_status tls_write(struct tls *t, const char *p, size_t n, struct buf *cipher)
{
	size_t put;
	if (t->failed)
		return TLS_FAILED;
	CHECK(t->ready);
	if (n == 0)
		return TLS_OK;
	ERR_clear_error();
	t->out = cipher;
	int result = SSL_write_ex(t->ssl, p, n, &put);
	enum tls_status status = result == 1 ? TLS_OK : judge(t, result);
	/* Our BIO takes everything: a wait here would lose bytes. */
	if (status == TLS_OK && (result != 1 || put != n))
		status = fail_with(t, "unexpected wait in a write", NULL);
	t->out = NULL;
	return status;
}

void tls_shutdown(struct tls *t, struct buf *cipher)
{
	if (t->failed || !t->ready)
		return;
	ERR_clear_error();
	t->out = cipher;
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	t->out = NULL;
}

bool tls_ready(const struct tls *t)
{
	return t->ready;
}

const char *tls_error(const struct tls *t)
{
	return t->error[0] ? t->error : "no error";
}

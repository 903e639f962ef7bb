/*
 * TLS 1.2 and 1.3 over memory: OpenSSL's one door. No sockets: ciphertext goes in and comes out
 * through buffers, so the ring moves it like any other bytes.
 */
#ifndef LIB_TLS_H
#define LIB_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

struct tls_context; /* immutable after creation; shared by threads */
struct tls;         /* one connection's side */

/* On failure: -errno and one line in *errors. Server: cert chain and key files (PEM). Client: ca
 * NULL is the system's. */
int tls_context_server(const char *cert, const char *key, struct tls_context **out,
		       struct buf *errors) MUST_USE;
int tls_context_client(const char *ca, bool verify, struct tls_context **out,
		       struct buf *errors) MUST_USE;
void tls_context_free(struct tls_context *c); /* NULL is fine; connections may outlive it */

/* server_name: NULL on the server side; on the client side sent as SNI and checked against the
 * certificate. NULL: no memory. */
struct tls *tls_new(struct tls_context *c, const char *server_name);
void tls_free(struct tls *t);

enum tls_status {
	TLS_OK,
	TLS_CLOSED, /* the peer said close_notify */
	TLS_FAILED  /* handshake, verification or record error: tls_error() */
};

/* Takes all n bytes of ciphertext (n may be 0: begin the handshake), appends plaintext to *plain
 * and ciphertext that must be sent (handshake, alerts, key updates) to *cipher. */
enum tls_status tls_feed(struct tls *t, const char *p, size_t n, struct buf *plain,
			 struct buf *cipher);

/* Encrypts n bytes; only after tls_ready(). */
enum tls_status tls_write(struct tls *t, const char *p, size_t n, struct buf *cipher);
void tls_shutdown(struct tls *t, struct buf *cipher); /* appends close_notify */

bool tls_ready(const struct tls *t); /* the handshake is done */
/* "certificate verify failed (self-signed certificate)" and such; never NULL. */
const char *tls_error(const struct tls *t);

#endif

/*
 * The last TLS session of each server name, as bytes that tls.c wrote. Any thread.
 */
#ifndef LIB_TLS_SESSIONS_H
#define LIB_TLS_SESSIONS_H

#include <stddef.h>

#include "lib/buf.h"

#define TLS_SESSIONS_MAX 32 /* a name more overwrites the oldest slot */

struct tls_sessions;

struct tls_sessions *tls_sessions_new(void); /* NULL: no memory */
void tls_sessions_free(struct tls_sessions *s);

/* Keeps a copy; without memory the name is forgotten, which only costs a full handshake. */
void tls_sessions_put(struct tls_sessions *s, const char *name, const void *p, size_t n);

/* Appends what is known of the name, or nothing. */
void tls_sessions_get(struct tls_sessions *s, const char *name, struct buf *out);

#endif

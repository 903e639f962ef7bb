/*
 * Nonces that were used, for as long as a request that carries one could be fresh: in memory, and
 * in a file, so that a restart forgets none. Bounded: at most NONCES_MOST at once.
 *
 * The file has a line for each, "UNTIL DIGEST", and is written anew now and then. A line is written
 * before its nonce is good, but not waited for: a killed process loses none, a power cut may.
 */
#ifndef PROXY_NONCES_H
#define PROXY_NONCES_H

#include <stdint.h>

#include "lib/base.h"

#define NONCES_MOST 16384

struct nonces;

int nonces_open(const char *path, uint64_t now_s, struct nonces **out) MUST_USE;
void nonces_close(struct nonces *n); /* NULL is fine */

/* Seconds since 1970. -EEXIST: it is known; -ENOSPC: there are too many, or no room on the disk; or
 * another -errno. */
int nonces_remember(struct nonces *n, struct span name, struct span nonce, uint64_t now_s,
		    uint64_t until_s) MUST_USE;

#endif

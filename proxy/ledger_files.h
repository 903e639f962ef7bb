/* The ledger's key files: made once, checked each time. */
#ifndef PROXY_LEDGER_FILES_H
#define PROXY_LEDGER_FILES_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/signature.h"

#define LEDGER_KEYS_MAX 32

struct ledger_keys { /* public ones */
	struct signature_key *v[LEDGER_KEYS_MAX];
	size_t n;
};

/* Reads the private key, or makes it (mode 0600, and PATH.pub) where there is none and `make` says
 * so. On failure -errno and one sentence in *why. */
int ledger_key_open(const char *path, bool make, struct signature_key **out,
		    struct buf *why) MUST_USE;

/* All the public keys of a file. */
int ledger_keys_read(const char *path, struct ledger_keys *out, struct buf *why) MUST_USE;
const struct signature_key *ledger_keys_find(const struct ledger_keys *keys, const char *id);
void ledger_keys_fini(struct ledger_keys *keys);

#endif

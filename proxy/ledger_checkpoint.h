/*
 * Checkpoints: a key's word that the chain had this row at this place. Each stands in the database
 * and, before that, in a file outside of it, one JSON object a line.
 *
 * Signed with Ed25519 is "redcard ledger checkpoint 1\n" and then, as netstrings: sequence, the
 * row's hash, time_ms, key id.
 */
#ifndef PROXY_LEDGER_CHECKPOINT_H
#define PROXY_LEDGER_CHECKPOINT_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/sha256.h"
#include "lib/signature.h"

struct ledger_checkpoint {
	uint64_t sequence, time_ms;
	char hash[SHA256_HEX];
	char key_id[SIGNATURE_KEY_ID];
	char signature[SIGNATURE_HEX];
};

struct ledger_checkpoints {
	struct ledger_checkpoint *v;
	size_t n, cap;
};

int ledger_checkpoint_sign(struct ledger_checkpoint *c, const struct signature_key *key) MUST_USE;
bool ledger_checkpoint_good(const struct ledger_checkpoint *c, const struct signature_key *key);

void ledger_checkpoint_add_json(struct buf *out, const struct ledger_checkpoint *c);
bool ledger_checkpoint_read(const struct json_value *v, struct ledger_checkpoint *out);

int ledger_checkpoints_add(struct ledger_checkpoints *all,
			   const struct ledger_checkpoint *c) MUST_USE;
void ledger_checkpoints_fini(struct ledger_checkpoints *all);

/* The file outside. */

/* Appends a line and syncs it. What a crash left of a line before it is taken off. */
int ledger_checkpoint_append(const char *path, const struct ledger_checkpoint *c) MUST_USE;
int ledger_checkpoint_touch(const char *path) MUST_USE; /* makes it where it is not */
/* *bad_line: the first line that is no checkpoint, or 0. A last line without its end is left out,
 * since a crash leaves such. */
int ledger_checkpoint_file(const char *path, struct ledger_checkpoints *out,
			   size_t *bad_line) MUST_USE;
/* The last one of it alone: 1, 0, -errno; -EUCLEAN: it is none. */
int ledger_checkpoint_last(const char *path, struct ledger_checkpoint *out) MUST_USE;

#endif

/*
 * A baseline: findings that are known, and that a later scan need not report. A finding is told by
 * its file, its rule and the text that matched, through a keyed hash (HMAC-SHA-256): another secret
 * in a known one's place is news, and the file does not hold the text.
 *
 * The key stands in the file, so that anybody can scan with it; who has the file can try guesses,
 * and no more.
 */
#ifndef PROXY_BASELINE_H
#define PROXY_BASELINE_H

#include <stdbool.h>

#include "lib/base.h"
#include "lib/sha256.h"

struct baseline;

/* -errno, after a line on standard error: no such file, or none that baseline_write() wrote. */
int baseline_load(const char *path, struct baseline **out) MUST_USE;
/* An empty one, to be filled; with the key of `keyed`, or one of its own when that is NULL. NULL:
 * no memory, or no randomness. */
struct baseline *baseline_new(const struct baseline *keyed);
void baseline_free(struct baseline *b); /* NULL is fine */

/* -ENOMEM, -EIO. The same file by another spelling (`./a`, `a`) has the same fingerprint. */
int baseline_print(const struct baseline *b, const char *file, const char *rule, struct span text,
		   char out[SHA256_HEX]) MUST_USE;

bool baseline_has(const struct baseline *b, const char *print); /* of a loaded one */
bool baseline_add(struct baseline *b, const char *file, const char *rule,
		  const char *print); /* false: no memory */
size_t baseline_count(const struct baseline *b);

/* Takes the place of the file at once, or leaves it as it was: -errno, after a line on standard
 * error. */
int baseline_write(struct baseline *b, const char *path) MUST_USE;

/* Appends the file's name without `./` and doubled slashes. */
struct buf;
void baseline_add_name(struct buf *out, const char *file);

#endif

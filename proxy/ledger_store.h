/*
 * The ledger's database: rows in a chain, and checkpoints. One writer at a time, of all processes,
 * under a lock of its own (PATH-lock); readers are in nobody's way.
 *
 * Theory of operation
 *
 *   begin: lock, BEGIN IMMEDIATE, read the last row --> append... --> commit: on disk, unlock
 *
 * SQLite keeps a write-ahead log beside the file and syncs it on each commit (synchronous=FULL). So
 * a row whose commit returned outlives a killed process and a power cut, as far as file system and
 * disk keep their word on fsync(2).
 */
#ifndef PROXY_LEDGER_STORE_H
#define PROXY_LEDGER_STORE_H

#include <stdbool.h>

#include "proxy/ledger_checkpoint.h"
#include "proxy/ledger_row.h"

struct ledger_store;

struct ledger_head { /* the last row */
	uint64_t sequence;
	char id[LEDGER_ID_LENGTH + 1];
	char hash[SHA256_HEX];
};

/* For writing it is made where there is none. On failure -errno and one sentence in *why. */
int ledger_store_open(const char *path, bool writes, struct ledger_store **out,
		      struct buf *why) MUST_USE;
void ledger_store_close(struct ledger_store *s);             /* NULL is fine */
const char *ledger_store_said(const struct ledger_store *s); /* SQLite's own words */

/* --- writing; -errno as in lib/sqlite.h --- */

int ledger_store_begin(struct ledger_store *s) MUST_USE;
int ledger_store_commit(struct ledger_store *s) MUST_USE; /* rolled back where it fails */
void ledger_store_roll_back(struct ledger_store *s);
const struct ledger_head *ledger_store_head(const struct ledger_store *s); /* since begin */

struct ledger_added {
	int error;     /* 0: it is on disk */
	bool repeated; /* a row of that key was there, and is the same */
	uint64_t sequence;
	char id[LEDGER_ID_LENGTH + 1];
	const struct ledger_row *row; /* what was asked for, while done() runs; else NULL */
};

/* kind, subject, key and body of the row are written; the rest of it is given to it. -EEXIST: the
 * key belongs to another row; then nothing is changed and the transaction goes on. */
int ledger_store_append(struct ledger_store *s, const struct ledger_row *row,
			struct ledger_added *out) MUST_USE;
int ledger_store_add_checkpoint(struct ledger_store *s, const struct ledger_checkpoint *c) MUST_USE;
int ledger_store_probe(struct ledger_store *s) MUST_USE; /* writes a page, and commits */

/* --- reading --- */

struct ledger_filter {
	struct span kind, subject; /* p NULL: any */
	uint64_t after;            /* sequence */
	uint64_t since_ms;
	uint64_t limit; /* rows */
	bool newest_first;
};

int ledger_store_select(struct ledger_store *s, const struct ledger_filter *f) MUST_USE;
/* 1: a row, whose texts live until the next call; 0: there are no more; -errno. */
int ledger_store_next(struct ledger_store *s, struct ledger_row *out) MUST_USE;
void ledger_store_end(
	struct ledger_store *s); /* of the selection, where it was not read to its end */

/* 1: found, and its texts live until ledger_store_end(); 0: there is none; -errno. */
int ledger_store_find(struct ledger_store *s, struct span id, struct ledger_row *out) MUST_USE;
int ledger_store_keyed(struct ledger_store *s, struct span key, struct ledger_row *out) MUST_USE;
int ledger_store_last(struct ledger_store *s, struct ledger_head *out) MUST_USE; /* 1, 0, -errno */
/* The hash of a row: 1, 0, -errno. */
int ledger_store_hash(struct ledger_store *s, uint64_t sequence, char out[SHA256_HEX]) MUST_USE;
int ledger_store_checkpoints(struct ledger_store *s, uint64_t after,
			     struct ledger_checkpoints *out) MUST_USE;

#endif

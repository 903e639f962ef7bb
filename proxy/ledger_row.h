/*
 * A row of the ledger, and what ties it to the one before it.
 *
 * hash = SHA-256 of "redcard ledger row 1\n" and then, each as a netstring (its length in decimal
 * digits, a colon, its bytes, a comma): sequence (decimal), id, time_ms (decimal), kind, subject,
 * key (empty: none), body, previous (64 hex digits). That of the first row is 64 zeros.
 */
#ifndef PROXY_LEDGER_ROW_H
#define PROXY_LEDGER_ROW_H

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/sha256.h"

#define LEDGER_ID_LENGTH 26
#define LEDGER_KIND_MAX 32
#define LEDGER_SUBJECT_MAX 256
#define LEDGER_KEY_MAX 200
#define LEDGER_BODY_MAX 65536
#define LEDGER_NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

struct ledger_row {
	uint64_t sequence; /* from 1 on, without gaps */
	struct span id;    /* as those of exchanges; sorts like the sequence */
	uint64_t time_ms;  /* since 1970 */
	struct span kind, subject;
	struct span key;  /* what makes a retry the same row; p NULL: none */
	struct span body; /* a JSON object, canonical */
	struct span previous, hash;
};

int ledger_row_hash(const struct ledger_row *row, char out[SHA256_HEX]) MUST_USE;

/* What cannot be a kind, subject or key, as a sentence; NULL: it can. */
const char *ledger_row_wrong(struct span kind, struct span subject, struct span key);

/* Appends the row as one canonical JSON object. */
void ledger_row_add_json(struct buf *out, const struct ledger_row *row);
/* The same as a line of a list: in columns, with what became of its subject, if the body says so.
 */
void ledger_row_add_line(struct buf *out, const struct ledger_row *row);
void ledger_add_time(struct buf *out, uint64_t time_ms); /* RFC 3339, UTC */

/* The row that ledger_row_add_json() wrote: its spans are the document's, but that of the body,
 * which is made canonical again, in *body. NULL, or what is wrong. */
const char *ledger_row_read(const struct json_value *v, struct buf *body, struct ledger_row *out);

/* Appends the id that follows `last` (NULL: there is none) at that time: sortable, and new. */
int ledger_next_id(const char *last, uint64_t time_ms, char out[LEDGER_ID_LENGTH + 1]) MUST_USE;

/* A whole number that a JSON document carries exactly. */
bool ledger_whole(const struct json_value *v, uint64_t *out);

#endif

/*
 * A database in one file: SQLite's one door. A struct sqlite and its statements belong to one
 * thread at a time.
 *
 * Errors are -errno as far as SQLite's have one: -EBUSY (somebody else has it locked), -ENOSPC,
 * -EROFS, -EACCES, -EEXIST (a value that must be unique stands there), -EUCLEAN (no database, or a
 * broken one), -ENOENT, -ENOMEM, and -EIO for the rest. sqlite_said() has SQLite's own sentence.
 */
#ifndef LIB_SQLITE_H
#define LIB_SQLITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

struct sqlite;
struct sqlite_query; /* a prepared statement, used again and again */

enum sqlite_access {
	SQLITE_READS,  /* the file must be there and is not changed */
	SQLITE_WRITES, /* the file must be there */
	SQLITE_CREATES
};

/* Waits for locks up to busy_ms. path: a file. */
int sqlite_open(const char *path, enum sqlite_access access, uint32_t busy_ms,
		struct sqlite **out) MUST_USE;
void sqlite_close(struct sqlite *db); /* queries first; NULL is fine */
const char *sqlite_said(const struct sqlite *db);
const char *sqlite_version(void);

/* Statements without values, several at once. Rows are thrown away. */
int sqlite_run(struct sqlite *db, const char *statements) MUST_USE;

int sqlite_prepare(struct sqlite *db, const char *statement, struct sqlite_query **out) MUST_USE;
void sqlite_finish(struct sqlite_query *q); /* NULL is fine */

/* Values by their place, from 1 on. Texts must live until sqlite_reset(). */
void sqlite_put_number(struct sqlite_query *q, int place, int64_t value);
void sqlite_put_text(struct sqlite_query *q, int place, struct span value); /* p NULL: null */

/* 1: there is a row; 0: it is done; -errno. */
int sqlite_step(struct sqlite_query *q) MUST_USE;
void sqlite_reset(struct sqlite_query *q); /* ends the reading too */

/* Columns of the row, from 0 on; texts live until the next step. A null is 0, or p NULL. */
int64_t sqlite_number(struct sqlite_query *q, int column);
struct span sqlite_text(struct sqlite_query *q, int column);

#endif

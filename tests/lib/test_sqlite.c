#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sqlite.h"

static char path[64];

static struct sqlite *open_new(void)
{
	struct sqlite *db;
	char folder[] = "/tmp/redcard-sqlite-XXXXXX";
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x?%%.db", folder);
	cr_assert_eq(sqlite_open(path, SQLITE_CREATES, 50, &db), 0);
	cr_assert_eq(sqlite_run(db, "PRAGMA journal_mode=WAL;"
				    "CREATE TABLE t (n INTEGER UNIQUE, s TEXT) STRICT;"),
		     0);
	return db;
}

static int insert(struct sqlite *db, int64_t n, struct span s)
{
	struct sqlite_query *q;
	cr_assert_eq(sqlite_prepare(db, "INSERT INTO t VALUES (?, ?)", &q), 0);
	sqlite_put_number(q, 1, n);
	sqlite_put_text(q, 2, s);
	int error = sqlite_step(q);
	sqlite_finish(q);
	return error;
}

Test(sqlite, values_come_back)
{
	struct sqlite *db = open_new();
	struct sqlite_query *q;
	cr_assert_eq(insert(db, 1, SPAN("a\0b")), 0);
	cr_assert_eq(insert(db, 2, SPAN("")), 0);
	cr_assert_eq(insert(db, INT64_MAX, (struct span){ 0 }), 0);
	cr_assert_eq(insert(db, 2, SPAN("twice")), -EEXIST);
	cr_assert_eq(sqlite_prepare(db, "SELECT n, s FROM t WHERE n >= ? ORDER BY n", &q), 0);
	for (int round = 0; round < 2; round++) {
		sqlite_put_number(q, 1, 1);
		cr_assert_eq(sqlite_step(q), 1);
		cr_assert(span_eq(sqlite_text(q, 1), SPAN("a\0b")));
		cr_assert_eq(sqlite_step(q), 1);
		cr_assert(sqlite_text(q, 1).p);
		cr_assert_eq(sqlite_step(q), 1);
		cr_assert_eq(sqlite_number(q, 0), INT64_MAX);
		cr_assert_null(sqlite_text(q, 1).p);
		cr_assert_eq(sqlite_step(q), 0);
		sqlite_reset(q);
	}
	sqlite_finish(q);
	cr_assert_eq(sqlite_prepare(db, "SELECT x FROM u", &q), -EUCLEAN);
	sqlite_close(db);
}

Test(sqlite, what_is_wrong_with_a_file)
{
	struct sqlite *db = open_new(), *other;
	cr_assert_eq(sqlite_run(db, "BEGIN EXCLUSIVE"), 0);
	cr_assert_eq(sqlite_open(path, SQLITE_WRITES, 20, &other), 0);
	cr_assert_eq(sqlite_run(other, "BEGIN IMMEDIATE"), -EBUSY);
	sqlite_close(other);
	cr_assert_eq(sqlite_run(db, "COMMIT"), 0);
	cr_assert_eq(sqlite_open(path, SQLITE_READS, 20, &other), 0);
	cr_assert_eq(sqlite_run(other, "DELETE FROM t"), -EROFS);
	sqlite_close(other);
	sqlite_close(db);
	cr_assert_eq(sqlite_open("/nowhere/at/all", SQLITE_READS, 20, &other), -ENOENT);
	cr_assert_eq(sqlite_open("/dev/null/x", SQLITE_CREATES, 20, &other), -ENOENT);
	FILE *f = fopen(path, "w");
	cr_assert(f);
	fputs("this is no database, whatever its name says; and long enough to be looked at, "
	      "since SQLite takes an empty file for a new database",
	      f);
	fclose(f);
	cr_assert_eq(sqlite_open(path, SQLITE_READS, 20, &other), -EUCLEAN);
}

#include "lib/sqlite.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"

struct sqlite {
	sqlite3 *db;
};

static sqlite3_stmt *statement_of(const struct sqlite_query *q)
{
	return (sqlite3_stmt *)(uintptr_t)q;
}

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK: return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH: return -EACCES;
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_CANTOPEN: return errno == EACCES ? -EACCES : -ENOENT;
	default: return -EIO;
	}
}

/* A database in WAL mode needs a file beside it even to be read. In a folder that cannot be written
 * it is read as it is, where nothing waits beside it to be added. */
static int open_settled(const char *path, sqlite3 **out)
{
	struct buf name = { 0 };
	buf_printf(&name, "%s-wal", path);
	if (name.failed || access(name.p, F_OK) == 0) {
		buf_fini(&name);
		return SQLITE_CANTOPEN;
	}
	buf_clear(&name);
	buf_add_text(&name, "file:");
	for (const char *at = path; *at; at++)
		if (strchr("%?#", *at))
			buf_printf(&name, "%%%02x", (unsigned)*at);
		else
			buf_add_char(&name, *at);
	buf_add(&name, "?immutable=1", sizeof("?immutable=1"));
	int code = name.failed ? SQLITE_NOMEM
			       : sqlite3_open_v2(name.p, out,
						 SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
							 SQLITE_OPEN_NOMUTEX,
						 NULL);
	buf_fini(&name);
	return code;
}

static int touch(sqlite3 *db)
{
	return sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
}

static int open_as(struct sqlite *s, const char *path, enum sqlite_access access, int busy_ms)
{
	static const int flags[] = {
		[SQLITE_READS] = SQLITE_OPEN_READONLY,
		[SQLITE_WRITES] = SQLITE_OPEN_READWRITE,
		[SQLITE_CREATES] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	int code = sqlite3_open_v2(path, &s->db, flags[access] | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(s->db, busy_ms);
		code = touch(s->db);
	}
	if (access != SQLITE_READS || (code & 0xff) != SQLITE_CANTOPEN || !s->db)
		return code;
	sqlite3 *settled = NULL;
	int again = open_settled(path, &settled);
	if (again == SQLITE_OK)
		again = touch(settled);
	sqlite3_close(again == SQLITE_OK ? s->db : settled);
	if (again == SQLITE_OK)
		s->db = settled;
	return again == SQLITE_OK ? again : code;
}

int sqlite_open(const char *path, enum sqlite_access access, uint32_t busy_ms, struct sqlite **out)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	errno = 0;
	int error = error_of(open_as(s, path, access, (int)min_u64(busy_ms, INT_MAX)));
	if (error) {
		sqlite_close(s);
		return error;
	}
	*out = s;
	return 0;
}

void sqlite_close(struct sqlite *s)
{
	if (!s)
		return;
	CHECK(sqlite3_close(s->db) == SQLITE_OK);
	free(s);
}

const char *sqlite_said(const struct sqlite *s)
{
	return sqlite3_errmsg(s->db);
}

const char *sqlite_version(void)
{
	return sqlite3_libversion();
}

int sqlite_run(struct sqlite *s, const char *statements)
{
	return error_of(sqlite3_exec(s->db, statements, NULL, NULL, NULL));
}

int sqlite_prepare(struct sqlite *s, const char *statement, struct sqlite_query **out)
{
	sqlite3_stmt *q = NULL;
	int code = sqlite3_prepare_v3(s->db, statement, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL);
	if (code == SQLITE_ERROR)
		return -EUCLEAN; /* our statements are sound, so the tables are not ours */
	if (code == SQLITE_OK)
		*out = (struct sqlite_query *)(void *)q;
	return error_of(code);
}

void sqlite_finish(struct sqlite_query *q)
{
	sqlite3_finalize(statement_of(q));
}

void sqlite_put_number(struct sqlite_query *q, int place, int64_t value)
{
	CHECK(sqlite3_bind_int64(statement_of(q), place, value) == SQLITE_OK);
}

void sqlite_put_text(struct sqlite_query *q, int place, struct span value)
{
	int code = value.p ? sqlite3_bind_text64(statement_of(q), place, value.p, value.n,
						 SQLITE_STATIC, SQLITE_UTF8)
			   : sqlite3_bind_null(statement_of(q), place);
	CHECK(code == SQLITE_OK);
}

int sqlite_step(struct sqlite_query *q)
{
	int code = sqlite3_step(statement_of(q));
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : error_of(code);
}

void sqlite_reset(struct sqlite_query *q)
{
	(void)sqlite3_reset(statement_of(q)); /* says again what the step said */
	(void)sqlite3_clear_bindings(statement_of(q));
}

int64_t sqlite_number(struct sqlite_query *q, int column)
{
	return sqlite3_column_int64(statement_of(q), column);
}

struct span sqlite_text(struct sqlite_query *q, int column)
{
	const void *p = sqlite3_column_blob(statement_of(q), column);
	int n = sqlite3_column_bytes(statement_of(q), column);
	if (sqlite3_column_type(statement_of(q), column) == SQLITE_NULL)
		return (struct span){ 0 };
	return n > 0 && p ? (struct span){ p, (size_t)n } : (struct span){ "", 0 };
}

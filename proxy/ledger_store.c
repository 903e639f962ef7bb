#include "proxy/ledger_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sqlite.h"

#define BUSY_MS 2000 /* how long a lock is waited for */
#define STATEMENT_MAX 512
#define COLUMNS "sequence, id, time_ms, kind, subject, key, body, previous, hash"

enum query {
	Q_LAST,
	Q_INSERT,
	Q_BY_KEY,
	Q_BY_ID,
	Q_ALL_BY_KEY,
	Q_HASH,
	Q_CHECKPOINT,
	Q_CHECKPOINTS,
	QUERY_COUNT
};

static const char *const statements[QUERY_COUNT] = {
	[Q_LAST] = "SELECT sequence, id, hash FROM row ORDER BY sequence DESC LIMIT 1",
	[Q_INSERT] = "INSERT INTO row (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[Q_BY_KEY] = "SELECT sequence, id, kind, subject, body FROM row WHERE key = ?",
	[Q_BY_ID] = "SELECT " COLUMNS " FROM row WHERE id = ?",
	[Q_ALL_BY_KEY] = "SELECT " COLUMNS " FROM row WHERE key = ?",
	[Q_HASH] = "SELECT hash FROM row WHERE sequence = ?",
	[Q_CHECKPOINT] = "INSERT OR IGNORE INTO checkpoint (sequence, time_ms, hash, key_id, "
			 "signature) VALUES (?, ?, ?, ?, ?)",
	[Q_CHECKPOINTS] = "SELECT sequence, time_ms, hash, key_id, signature FROM checkpoint "
			  "WHERE sequence > ? ORDER BY sequence, time_ms",
};

/* The triggers keep slips of the hand out, not people. */
static const char schema[] =
	"CREATE TABLE IF NOT EXISTS row (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" time_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, key TEXT,"
	" body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX IF NOT EXISTS row_key ON row (key) WHERE key IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS row_kind ON row (kind, sequence);"
	"CREATE INDEX IF NOT EXISTS row_subject ON row (subject, sequence);"
	"CREATE TABLE IF NOT EXISTS checkpoint (sequence INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
	" hash TEXT NOT NULL, key_id TEXT NOT NULL, signature TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE INDEX IF NOT EXISTS checkpoint_sequence ON checkpoint (sequence);"
	"CREATE TRIGGER IF NOT EXISTS row_stays BEFORE DELETE ON row"
	" BEGIN SELECT raise(ABORT, 'rows of a ledger stay'); END;"
	"CREATE TRIGGER IF NOT EXISTS row_is_so BEFORE UPDATE ON row"
	" BEGIN SELECT raise(ABORT, 'rows of a ledger stay'); END;"
	"CREATE TABLE IF NOT EXISTS probe (n INTEGER NOT NULL) STRICT;";

struct ledger_store {
	struct sqlite *db;
	struct sqlite_query *queries[QUERY_COUNT], *selection;
	char statement[STATEMENT_MAX];
	struct ledger_filter filter; /* of the selection */
	struct ledger_head head;
	int lock; /* a descriptor, or -1 */
};

/* --- life --- */

static bool is_ours(struct sqlite *db)
{
	struct sqlite_query *q;
	if (sqlite_prepare(db, statements[Q_LAST], &q) != 0)
		return false;
	sqlite_finish(q);
	return true;
}

/* What SQLite makes beside the file has the file's permissions. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return ledger_checkpoint_touch(path);
}

static int lock(struct ledger_store *s)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	for (unsigned waited = 0; flock(s->lock, LOCK_EX | LOCK_NB) != 0; waited += 2) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= BUSY_MS)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void unlock(struct ledger_store *s)
{
	(void)flock(s->lock, LOCK_UN);
}

static int open_lock(struct ledger_store *s, const char *path)
{
	struct buf name = { 0 };
	buf_printf(&name, "%s-lock", path);
	s->lock = name.failed ? -1 : open(name.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = s->lock >= 0 ? 0 : name.failed ? -ENOMEM : -errno;
	buf_fini(&name);
	return error;
}

static int open_writing(struct ledger_store *s, const char *path)
{
	int error = make_file(path);
	if (!error)
		error = open_lock(s, path);
	if (!error)
		error = lock(s);
	if (error)
		return error;
	error = sqlite_open(path, SQLITE_CREATES, BUSY_MS, &s->db);
	if (!error)
		error = sqlite_run(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
	if (!error && !is_ours(s->db))
		error = sqlite_run(s->db, "BEGIN IMMEDIATE;");
	else if (!error)
		goto done;
	if (!error)
		error = sqlite_run(s->db, schema);
	if (!error)
		error = sqlite_run(s->db, "COMMIT");
done:
	unlock(s);
	return error;
}

static int prepare(struct ledger_store *s)
{
	int error = 0;
	for (size_t i = 0; i < QUERY_COUNT && !error; i++)
		error = sqlite_prepare(s->db, statements[i], &s->queries[i]);
	return error;
}

static const char *remedy(int error)
{
	switch (-error) {
	case ENOENT: return "there is none; check the path, or make one with redcard ledger init";
	case EACCES:
	case EROFS:
	case EPERM: return "it cannot be written; let the user that runs redcard write there";
	case EBUSY: return "another program keeps it locked; end that program";
	case ENOSPC: return "the disk is full; make room";
	case EUCLEAN: return "this is no ledger, or a damaged one; restore it from a copy";
	default: return strerror(-error);
	}
}

int ledger_store_open(const char *path, bool writes, struct ledger_store **out, struct buf *why)
{
	struct ledger_store *s = calloc(1, sizeof(*s));
	int error = s ? 0 : -ENOMEM;
	if (s)
		s->lock = -1;
	if (!error)
		error = writes ? open_writing(s, path)
			       : sqlite_open(path, SQLITE_READS, BUSY_MS, &s->db);
	if (!error)
		error = prepare(s);
	if (!error) {
		*out = s;
		return 0;
	}
	buf_printf(why, "the ledger %s cannot be opened: %s", path, remedy(error));
	ledger_store_close(s);
	return error;
}

void ledger_store_close(struct ledger_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < QUERY_COUNT; i++)
		sqlite_finish(s->queries[i]);
	sqlite_finish(s->selection);
	sqlite_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

const char *ledger_store_said(const struct ledger_store *s)
{
	return sqlite_said(s->db);
}

/* --- reading --- */

static void keep(char *to, size_t bytes, struct span text)
{
	size_t n = min_size(text.n, bytes - 1);
	memcpy(to, text.p ? text.p : "", n);
	to[n] = '\0';
}

int ledger_store_last(struct ledger_store *s, struct ledger_head *out)
{
	struct sqlite_query *q = s->queries[Q_LAST];
	int found = sqlite_step(q);
	*out = (struct ledger_head){ .hash = LEDGER_NO_HASH };
	if (found == 1) {
		out->sequence = (uint64_t)sqlite_number(q, 0);
		keep(out->id, sizeof(out->id), sqlite_text(q, 1));
		keep(out->hash, sizeof(out->hash), sqlite_text(q, 2));
	}
	sqlite_reset(q);
	return found;
}

int ledger_store_hash(struct ledger_store *s, uint64_t sequence, char out[SHA256_HEX])
{
	struct sqlite_query *q = s->queries[Q_HASH];
	sqlite_put_number(q, 1, (int64_t)sequence);
	int found = sqlite_step(q);
	if (found == 1)
		keep(out, SHA256_HEX, sqlite_text(q, 0));
	sqlite_reset(q);
	return found;
}

static void take_row(struct sqlite_query *q, struct ledger_row *out)
{
	*out = (struct ledger_row){
		.sequence = (uint64_t)sqlite_number(q, 0),
		.id = sqlite_text(q, 1),
		.time_ms = (uint64_t)sqlite_number(q, 2),
		.kind = sqlite_text(q, 3),
		.subject = sqlite_text(q, 4),
		.key = sqlite_text(q, 5),
		.body = sqlite_text(q, 6),
		.previous = sqlite_text(q, 7),
		.hash = sqlite_text(q, 8),
	};
}

static int find_one(struct sqlite_query *q, struct span value, struct ledger_row *out)
{
	sqlite_reset(q);
	sqlite_put_text(q, 1, value);
	int found = sqlite_step(q);
	if (found == 1)
		take_row(q, out);
	else
		sqlite_reset(q);
	return found;
}

int ledger_store_find(struct ledger_store *s, struct span id, struct ledger_row *out)
{
	return find_one(s->queries[Q_BY_ID], id, out);
}

int ledger_store_keyed(struct ledger_store *s, struct span key, struct ledger_row *out)
{
	return find_one(s->queries[Q_ALL_BY_KEY], key, out);
}

/* Only the conditions that are asked for, so that the index of that column is used. */
int ledger_store_select(struct ledger_store *s, const struct ledger_filter *f)
{
	ledger_store_end(s);
	s->filter = *f;
	int n = snprintf(s->statement, sizeof(s->statement),
			 "SELECT " COLUMNS " FROM row WHERE sequence > ?1%s%s%s"
			 " ORDER BY sequence %s LIMIT ?5",
			 f->kind.p ? " AND kind = ?2" : "", f->subject.p ? " AND subject = ?3" : "",
			 f->since_ms ? " AND time_ms >= ?4" : "", f->newest_first ? "DESC" : "ASC");
	CHECK(n > 0 && (size_t)n < sizeof(s->statement));
	int error = sqlite_prepare(s->db, s->statement, &s->selection);
	if (error)
		return error;
	sqlite_put_number(s->selection, 1, (int64_t)min_u64(f->after, INT64_MAX));
	if (f->kind.p)
		sqlite_put_text(s->selection, 2, s->filter.kind);
	if (f->subject.p)
		sqlite_put_text(s->selection, 3, s->filter.subject);
	if (f->since_ms)
		sqlite_put_number(s->selection, 4, (int64_t)min_u64(f->since_ms, INT64_MAX));
	sqlite_put_number(s->selection, 5, (int64_t)min_u64(f->limit, INT64_MAX));
	return 0;
}

int ledger_store_next(struct ledger_store *s, struct ledger_row *out)
{
	int found = sqlite_step(s->selection);
	if (found == 1)
		take_row(s->selection, out);
	return found;
}

void ledger_store_end(struct ledger_store *s)
{
	sqlite_finish(s->selection);
	s->selection = NULL;
	sqlite_reset(s->queries[Q_BY_ID]);
	sqlite_reset(s->queries[Q_ALL_BY_KEY]);
}

int ledger_store_checkpoints(struct ledger_store *s, uint64_t after, struct ledger_checkpoints *out)
{
	struct sqlite_query *q = s->queries[Q_CHECKPOINTS];
	int found, error = 0;
	sqlite_put_number(q, 1, (int64_t)min_u64(after, INT64_MAX));
	while (!error && (found = sqlite_step(q)) != 0) {
		struct ledger_checkpoint c = { 0 };
		if (found < 0) {
			error = found;
			break;
		}
		c.sequence = (uint64_t)sqlite_number(q, 0);
		c.time_ms = (uint64_t)sqlite_number(q, 1);
		keep(c.hash, sizeof(c.hash), sqlite_text(q, 2));
		keep(c.key_id, sizeof(c.key_id), sqlite_text(q, 3));
		keep(c.signature, sizeof(c.signature), sqlite_text(q, 4));
		error = ledger_checkpoints_add(out, &c);
	}
	sqlite_reset(q);
	return error;
}

/* --- writing --- */

int ledger_store_begin(struct ledger_store *s)
{
	int error = lock(s);
	if (error)
		return error;
	error = sqlite_run(s->db, "BEGIN IMMEDIATE");
	if (error) {
		unlock(s);
		return error;
	}
	int found = ledger_store_last(s, &s->head);
	if (found < 0)
		ledger_store_roll_back(s);
	return found < 0 ? found : 0;
}

void ledger_store_roll_back(struct ledger_store *s)
{
	int error = sqlite_run(s->db, "ROLLBACK");
	(void)error; /* some failures have done it already */
	unlock(s);
}

int ledger_store_commit(struct ledger_store *s)
{
	int error = sqlite_run(s->db, "COMMIT");
	if (error)
		ledger_store_roll_back(s);
	else
		unlock(s);
	return error;
}

const struct ledger_head *ledger_store_head(const struct ledger_store *s)
{
	return &s->head;
}

/* 1: a row of that key is there, which is the same or (-EEXIST) another. */
static int find_key(struct ledger_store *s, const struct ledger_row *row, struct ledger_added *out)
{
	struct sqlite_query *q = s->queries[Q_BY_KEY];
	if (!row->key.p)
		return 0;
	sqlite_put_text(q, 1, row->key);
	int found = sqlite_step(q);
	if (found == 1) {
		out->sequence = (uint64_t)sqlite_number(q, 0);
		keep(out->id, sizeof(out->id), sqlite_text(q, 1));
		out->repeated = span_eq(sqlite_text(q, 2), row->kind) &&
				span_eq(sqlite_text(q, 3), row->subject) &&
				span_eq(sqlite_text(q, 4), row->body);
		found = out->repeated ? 1 : -EEXIST;
	}
	sqlite_reset(q);
	return found;
}

static int insert(struct ledger_store *s, const struct ledger_row *row)
{
	struct sqlite_query *q = s->queries[Q_INSERT];
	sqlite_put_number(q, 1, (int64_t)row->sequence);
	sqlite_put_text(q, 2, row->id);
	sqlite_put_number(q, 3, (int64_t)row->time_ms);
	sqlite_put_text(q, 4, row->kind);
	sqlite_put_text(q, 5, row->subject);
	sqlite_put_text(q, 6, row->key);
	sqlite_put_text(q, 7, row->body);
	sqlite_put_text(q, 8, row->previous);
	sqlite_put_text(q, 9, row->hash);
	int error = sqlite_step(q);
	sqlite_reset(q);
	CHECK(error <= 0);
	return error == -EEXIST ? -EUCLEAN : error; /* the key was looked for */
}

int ledger_store_append(struct ledger_store *s, const struct ledger_row *given,
			struct ledger_added *out)
{
	struct ledger_row row = *given;
	char hash[SHA256_HEX];
	*out = (struct ledger_added){ 0 };
	int found = find_key(s, given, out);
	if (found)
		return found < 0 ? found : 0;
	row.time_ms = clock_real_ms();
	int error = ledger_next_id(s->head.sequence ? s->head.id : NULL, row.time_ms, out->id);
	if (error)
		return error;
	row.sequence = out->sequence = s->head.sequence + 1;
	row.id = span_of(out->id);
	row.previous = span_of(s->head.hash);
	error = ledger_row_hash(&row, hash);
	row.hash = span_of(hash);
	if (!error)
		error = insert(s, &row);
	if (error)
		return error;
	s->head.sequence = row.sequence;
	memcpy(s->head.id, out->id, sizeof(s->head.id));
	memcpy(s->head.hash, hash, sizeof(s->head.hash));
	return 0;
}

int ledger_store_add_checkpoint(struct ledger_store *s, const struct ledger_checkpoint *c)
{
	struct sqlite_query *q = s->queries[Q_CHECKPOINT];
	sqlite_put_number(q, 1, (int64_t)c->sequence);
	sqlite_put_number(q, 2, (int64_t)c->time_ms);
	sqlite_put_text(q, 3, span_of(c->hash));
	sqlite_put_text(q, 4, span_of(c->key_id));
	sqlite_put_text(q, 5, span_of(c->signature));
	int error = sqlite_step(q);
	sqlite_reset(q);
	return error;
}

int ledger_store_probe(struct ledger_store *s)
{
	int error = ledger_store_begin(s);
	if (error)
		return error;
	error = sqlite_run(s->db, "DELETE FROM probe; INSERT INTO probe VALUES (1);");
	if (error) {
		ledger_store_roll_back(s);
		return error;
	}
	return ledger_store_commit(s);
}

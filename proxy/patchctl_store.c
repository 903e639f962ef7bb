#include "proxy/patchctl_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "proxy/auth.h"
#include "proxy/patchctl_db.h"

#define BUSY_MS 2000
#define NONCE_MS (3u * AUTH_STALE_S * 1000) /* fresh on either side of our clock, and some */
#define COLUMNS                                                                                  \
	"id, target, by, bad, anchor, revision, reason, says, phase, deadline_ms, accepted_ms, " \
	"acting_ms, acted_ms, ended_ms, tries"

#define STATEMENT_COLUMNS \
	"change, verdict, target, revision, votes, needed, diff, reason, by, time_ms"

/* Of what has ended long ago, so many at a time. */
#define OLD_ROLLBACKS(column) \
	"SELECT " column      \
	" FROM rollback WHERE phase >= 3 AND ended_ms < ?1 ORDER BY ended_ms LIMIT 100"

static const char *const statements[QUERY_COUNT] = {
	[Q_ANCHOR_ADD] = "INSERT INTO anchor (target, revision, by, note, time_ms) "
			 "VALUES (?, ?, ?, ?, ?)",
	[Q_ANCHOR_FIND] = "SELECT target, revision, by, note, time_ms FROM anchor "
			  "WHERE target = ? AND revision = ?",
	[Q_ANCHORS] = "SELECT target, revision, by, note, time_ms FROM anchor "
		      "WHERE ?1 IS NULL OR target = ?1 ORDER BY n DESC LIMIT ?2",
	[Q_BY_KEY] = "SELECT " COLUMNS " FROM rollback JOIN request ON request.rollback = id "
		     "WHERE request.key = ?",
	[Q_BY_BAD] = "SELECT " COLUMNS " FROM rollback WHERE target = ? AND bad = ? AND phase < 4",
	[Q_HISTORY] = "SELECT count(*), max(accepted_ms) FROM rollback "
		      "WHERE target = ? AND accepted_ms > ? "
		      "AND NOT (phase IN (4, 6) AND acted_ms = 0)",
	[Q_ADD] = "INSERT INTO rollback (" COLUMNS ") "
		  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[Q_KEY_ADD] = "INSERT INTO request (key, rollback) VALUES (?, ?)",
	[Q_MOVE] = "UPDATE rollback SET anchor = ?, revision = ?, says = ?, phase = ?, "
		   "acting_ms = ?, acted_ms = ?, ended_ms = ?, tries = ? "
		   "WHERE id = ? AND phase = ? RETURNING id",
	[Q_ABORT] = "UPDATE rollback SET says = ?, phase = 6, ended_ms = ? "
		    "WHERE id = ? AND phase < 2 RETURNING id",
	[Q_FIND] = "SELECT " COLUMNS " FROM rollback WHERE id = ?",
	[Q_OPEN] = "SELECT " COLUMNS " FROM rollback WHERE phase < 3 ORDER BY n LIMIT ?",
	[Q_ALL] = "SELECT " COLUMNS " FROM rollback ORDER BY n DESC LIMIT ?",
	[Q_NONCE_ADD] = "INSERT INTO nonce (name, nonce, time_ms) VALUES (?, ?, ?)",
	[Q_NONCE_FORGET] = "DELETE FROM nonce WHERE time_ms < ?",
	[Q_QUORUM_FIND] =
		"SELECT " STATEMENT_COLUMNS " FROM quorum WHERE change = ? AND verdict = ? "
		"AND target = ? AND revision = ? AND votes = ? AND needed = ? "
		"AND diff = ? AND reason = ? AND by = ?",
	[Q_QUORUM_SUM] = "SELECT count(*), max(verdict) FROM quorum WHERE change = ?",
	[Q_QUORUM_ADD] = "INSERT INTO quorum (" STATEMENT_COLUMNS ") "
			 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[Q_QUORUM_OF] = "SELECT " STATEMENT_COLUMNS " FROM quorum WHERE change = ? ORDER BY n",
	[Q_FORGET_KEYS] = "DELETE FROM request WHERE rollback IN (" OLD_ROLLBACKS("id") ")",
	[Q_FORGET_ROLLBACKS] =
		"DELETE FROM rollback WHERE n IN (" OLD_ROLLBACKS("n") ") "
								       "RETURNING id",
	/* All of a change or nothing of it: what is left must not be better than it was. */
	[Q_FORGET_QUORUMS] = "DELETE FROM quorum WHERE change IN (SELECT change FROM quorum AS old "
			     "WHERE time_ms < ?1 AND NOT EXISTS (SELECT 1 FROM quorum AS new "
			     "WHERE new.change = old.change AND new.time_ms >= ?1) "
			     "ORDER BY time_ms LIMIT 10) RETURNING change",
	[Q_PROBE] = "REPLACE INTO probe (n) VALUES (1)",
};
_Static_assert(ROLLBACK_ACTED == 2 && ROLLBACK_VERIFIED == 3 && ROLLBACK_FAILED == 4 &&
		       ROLLBACK_ABORTED == 6,
	       "as the statements have them");

/* One rollback of a bad revision, unless that one did not restore it. */
static const char schema[] =
	"CREATE TABLE IF NOT EXISTS anchor (n INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL,"
	" revision TEXT NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL, time_ms INTEGER NOT NULL,"
	" UNIQUE (target, revision)) STRICT;"
	"CREATE TABLE IF NOT EXISTS rollback (n INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, by TEXT NOT NULL, bad TEXT NOT NULL,"
	" anchor TEXT NOT NULL, revision TEXT NOT NULL, reason TEXT NOT NULL, says TEXT NOT NULL,"
	" phase INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, accepted_ms INTEGER NOT NULL,"
	" acting_ms INTEGER NOT NULL, acted_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	" tries INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX IF NOT EXISTS rollback_bad ON rollback (target, bad) WHERE phase < 4;"
	"CREATE INDEX IF NOT EXISTS rollback_time ON rollback (target, accepted_ms);"
	"CREATE INDEX IF NOT EXISTS rollback_open ON rollback (n) WHERE phase < 3;"
	"CREATE TABLE IF NOT EXISTS request (key TEXT PRIMARY KEY, rollback TEXT NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS request_rollback ON request (rollback);"
	"CREATE INDEX IF NOT EXISTS rollback_ended ON rollback (ended_ms) WHERE phase >= 3;"
	"CREATE TABLE IF NOT EXISTS nonce (name TEXT NOT NULL, nonce TEXT NOT NULL,"
	" time_ms INTEGER NOT NULL, PRIMARY KEY (name, nonce)) STRICT;"
	"CREATE INDEX IF NOT EXISTS nonce_time ON nonce (time_ms);"
	/* Numbers that were not said are -1, so that the same statement is found again. */
	"CREATE TABLE IF NOT EXISTS quorum (n INTEGER PRIMARY KEY AUTOINCREMENT,"
	" change TEXT NOT NULL, verdict INTEGER NOT NULL, target TEXT NOT NULL,"
	" revision TEXT NOT NULL, votes INTEGER NOT NULL, needed INTEGER NOT NULL,"
	" diff INTEGER NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL,"
	" time_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS quorum_change ON quorum (change, n);"
	"CREATE INDEX IF NOT EXISTS quorum_time ON quorum (time_ms);"
	"CREATE TABLE IF NOT EXISTS probe (n INTEGER PRIMARY KEY) STRICT;";

/* --- life --- */

static int open_lock(struct patchctl_store *s, const char *folder)
{
	struct buf path = { 0 };
	buf_printf(&path, "%s/patchctl.lock", folder);
	s->lock = path.failed ? -1 : open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = path.failed ? -ENOMEM : s->lock < 0 ? -errno : 0;
	buf_fini(&path);
	if (!error && flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		error = -errno;
	return error;
}

static int open_database(struct patchctl_store *s, const char *folder)
{
	struct buf path = { 0 };
	buf_printf(&path, "%s/patchctl.db", folder);
	/* What SQLite makes beside the file has the file's permissions. */
	int fd = path.failed ? -1 : open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = path.failed ? -ENOMEM : fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (!error)
		error = sqlite_open(path.p, SQLITE_CREATES, BUSY_MS, &s->db);
	buf_fini(&path);
	if (!error)
		error = sqlite_run(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
	if (!error)
		error = sqlite_run(s->db, schema);
	for (size_t i = 0; i < QUERY_COUNT && !error; i++)
		error = sqlite_prepare(s->db, statements[i], &s->queries[i]);
	return error;
}

static const char *remedy(int error)
{
	switch (-error) {
	case EWOULDBLOCK: return "another PatchCtl works there; stop it, or name another folder";
	case EBUSY: return "another program keeps its database locked; end that program";
	case EACCES:
	case EROFS:
	case EPERM: return "it cannot be written; let the user that runs redcard write there";
	case ENOSPC: return "the disk is full; make room";
	case EUCLEAN:
	case EIO: return "patchctl.db is no database of PatchCtl, or a damaged one; restore it";
	default: return strerror(-error);
	}
}

int patchctl_store_open(const char *folder, struct patchctl_store **out, struct buf *why)
{
	struct patchctl_store *s = calloc(1, sizeof(*s));
	int error = s ? 0 : -ENOMEM;
	if (s) {
		pthread_mutex_init(&s->mutex, NULL);
		s->lock = -1;
		error = open_lock(s, folder);
	}
	if (!error)
		error = open_database(s, folder);
	if (!error) {
		*out = s;
		return 0;
	}
	buf_printf(why, "the state in %s cannot be opened: %s", folder, remedy(error));
	patchctl_store_close(s);
	return error;
}

void patchctl_store_close(struct patchctl_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < QUERY_COUNT; i++)
		sqlite_finish(s->queries[i]);
	sqlite_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

/* --- transactions --- */

int db_begin(struct patchctl_store *s)
{
	pthread_mutex_lock(&s->mutex);
	int error = sqlite_run(s->db, "BEGIN IMMEDIATE");
	if (error)
		pthread_mutex_unlock(&s->mutex);
	return error;
}

int db_end(struct patchctl_store *s, int error)
{
	for (size_t i = 0; i < QUERY_COUNT; i++)
		sqlite_reset(s->queries[i]);
	if (!error)
		error = sqlite_run(s->db, "COMMIT");
	if (error) {
		int undone = sqlite_run(s->db, "ROLLBACK");
		(void)undone; /* some failures have done it already */
	}
	pthread_mutex_unlock(&s->mutex);
	return error;
}

int db_run(struct sqlite_query *q)
{
	int error = sqlite_step(q);
	sqlite_reset(q);
	return error < 0 ? error : 0;
}

void db_keep(char *to, size_t bytes, struct span text)
{
	size_t n = min_size(text.n, bytes - 1);
	memcpy(to, text.p ? text.p : "", n);
	to[n] = '\0';
}

/* --- anchors --- */

static void take_anchor(struct sqlite_query *q, struct anchor *a)
{
	*a = (struct anchor){ .time_ms = (uint64_t)sqlite_number(q, 4) };
	KEEP(a->target, sqlite_text(q, 0));
	KEEP(a->revision, sqlite_text(q, 1));
	KEEP(a->by, sqlite_text(q, 2));
	KEEP(a->note, sqlite_text(q, 3));
}

static int find_anchor(struct patchctl_store *s, const char *target, const char *revision,
		       struct anchor *a)
{
	struct sqlite_query *q = s->queries[Q_ANCHOR_FIND];
	sqlite_put_text(q, 1, span_of(target));
	sqlite_put_text(q, 2, span_of(revision));
	int found = sqlite_step(q);
	struct anchor there;
	if (found == 1) {
		take_anchor(q, &there);
		*a = there;
	}
	sqlite_reset(q);
	return found;
}

int patchctl_store_register(struct patchctl_store *s, struct anchor *a, bool *known)
{
	int error = db_begin(s);
	if (error)
		return error;
	int found = find_anchor(s, a->target, a->revision, a);
	struct sqlite_query *q = s->queries[Q_ANCHOR_ADD];
	if (found == 0) {
		sqlite_put_text(q, 1, span_of(a->target));
		sqlite_put_text(q, 2, span_of(a->revision));
		sqlite_put_text(q, 3, span_of(a->by));
		sqlite_put_text(q, 4, span_of(a->note));
		sqlite_put_number(q, 5, (int64_t)a->time_ms);
		error = db_run(q);
	}
	*known = found == 1;
	return db_end(s, found < 0 ? found : error);
}

int patchctl_store_anchors(struct patchctl_store *s, struct span target, uint64_t limit,
			   bool (*each)(const struct anchor *a, void *owner), void *owner)
{
	struct sqlite_query *q = s->queries[Q_ANCHORS];
	struct anchor a;
	int found;
	pthread_mutex_lock(&s->mutex);
	sqlite_put_text(q, 1, target);
	sqlite_put_number(q, 2, (int64_t)limit);
	while ((found = sqlite_step(q)) == 1) {
		take_anchor(q, &a);
		if (!each(&a, owner))
			break;
	}
	sqlite_reset(q);
	pthread_mutex_unlock(&s->mutex);
	return found < 0 ? found : 0;
}

/* --- the rest --- */

int patchctl_store_nonce(struct patchctl_store *s, struct span name, struct span nonce,
			 uint64_t now_ms)
{
	int error = db_begin(s);
	if (error)
		return error;
	struct sqlite_query *q = s->queries[Q_NONCE_FORGET];
	sqlite_put_number(q, 1, (int64_t)(now_ms > NONCE_MS ? now_ms - NONCE_MS : 0));
	error = db_run(q);
	q = s->queries[Q_NONCE_ADD];
	sqlite_put_text(q, 1, name);
	sqlite_put_text(q, 2, nonce);
	sqlite_put_number(q, 3, (int64_t)now_ms);
	return db_end(s, error ? error : db_run(q));
}

/* How many rows it takes away, or -errno. */
static int take_away(struct sqlite_query *q, uint64_t before_ms)
{
	int found, n = 0;
	sqlite_put_number(q, 1, (int64_t)before_ms);
	while ((found = sqlite_step(q)) == 1)
		n++;
	sqlite_reset(q);
	return found < 0 ? found : n;
}

int patchctl_store_forget(struct patchctl_store *s, uint64_t before_ms)
{
	static const enum query all[] = { Q_FORGET_KEYS, Q_FORGET_ROLLBACKS, Q_FORGET_QUORUMS };
	int sum = 0, error = db_begin(s);
	if (error)
		return error;
	for (size_t i = 0; i < ARRAY_LEN(all) && !error; i++) {
		int n = take_away(s->queries[all[i]], before_ms);
		error = n < 0 ? n : 0;
		sum += n;
	}
	error = db_end(s, error);
	return error ? error : sum;
}

int patchctl_store_probe(struct patchctl_store *s)
{
	int error = db_begin(s);
	return error ? error : db_end(s, db_run(s->queries[Q_PROBE]));
}

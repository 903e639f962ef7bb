/* Inside PatchCtl's state: its database, for the files that keep one kind of thing each. */
#ifndef PROXY_PATCHCTL_DB_H
#define PROXY_PATCHCTL_DB_H

#include <pthread.h>

#include "lib/sqlite.h"
#include "proxy/patchctl_store.h"

enum query {
	Q_ANCHOR_ADD,
	Q_ANCHOR_FIND,
	Q_ANCHORS,
	Q_BY_KEY,
	Q_BY_BAD,
	Q_HISTORY,
	Q_ADD,
	Q_KEY_ADD,
	Q_MOVE,
	Q_ABORT,
	Q_FIND,
	Q_OPEN,
	Q_ALL,
	Q_NONCE_ADD,
	Q_NONCE_FORGET,
	Q_PROBE,
	Q_FORGET_KEYS,
	Q_FORGET_ROLLBACKS,
	Q_FORGET_QUORUMS,
	Q_QUORUM_FIND,
	Q_QUORUM_SUM,
	Q_QUORUM_ADD,
	Q_QUORUM_OF,
	QUERY_COUNT
};

struct patchctl_store {
	pthread_mutex_t mutex;
	struct sqlite *db;
	struct sqlite_query *queries[QUERY_COUNT];
	int lock;
};

/* A transaction, and the mutex with it. db_end() commits when there was no error. */
int db_begin(struct patchctl_store *s) MUST_USE;
int db_end(struct patchctl_store *s, int error) MUST_USE;

int db_run(struct sqlite_query *q) MUST_USE; /* a statement that gives no rows */

void db_keep(char *to, size_t bytes, struct span text); /* cut where it does not fit */
#define KEEP(to, text) db_keep(to, sizeof(to), text)

#endif

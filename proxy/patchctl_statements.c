/* What quorums have said of changes, as PatchCtl keeps it. */
#include <errno.h>

#include "proxy/patchctl_db.h"

const char *const statement_verdict_names[STATEMENT_VERDICTS] = {
	[STATEMENT_PASS] = "pass",
	[STATEMENT_AUDIT] = "audit",
	[STATEMENT_FAIL] = "fail",
};

static void take_statement(struct sqlite_query *q, struct statement *st)
{
	*st = (struct statement){ .verdict = (enum statement_verdict)sqlite_number(q, 1),
				  .votes = sqlite_number(q, 4),
				  .needed = sqlite_number(q, 5),
				  .diff_e6 = sqlite_number(q, 6),
				  .time_ms = (uint64_t)sqlite_number(q, 9) };
	KEEP(st->change, sqlite_text(q, 0));
	KEEP(st->target, sqlite_text(q, 2));
	KEEP(st->revision, sqlite_text(q, 3));
	KEEP(st->reason, sqlite_text(q, 7));
	KEEP(st->by, sqlite_text(q, 8));
}

static void put_statement(struct sqlite_query *q, const struct statement *st)
{
	sqlite_put_text(q, 1, span_of(st->change));
	sqlite_put_number(q, 2, st->verdict);
	sqlite_put_text(q, 3, span_of(st->target));
	sqlite_put_text(q, 4, span_of(st->revision));
	sqlite_put_number(q, 5, st->votes);
	sqlite_put_number(q, 6, st->needed);
	sqlite_put_number(q, 7, st->diff_e6);
	sqlite_put_text(q, 8, span_of(st->reason));
	sqlite_put_text(q, 9, span_of(st->by));
}

/* Whether there is room for one more; there always is for what makes the change worse. */
static int ask_room(struct patchctl_store *s, const struct statement *st)
{
	struct sqlite_query *q = s->queries[Q_QUORUM_SUM];
	sqlite_put_text(q, 1, span_of(st->change));
	int found = sqlite_step(q);
	bool room = found == 1 && (sqlite_number(q, 0) < STATEMENTS_MAX ||
				   sqlite_number(q, 1) < (int64_t)st->verdict);
	sqlite_reset(q);
	return found < 0 ? found : room ? 0 : -E2BIG;
}

int patchctl_store_say(struct patchctl_store *s, struct statement *st, bool *known)
{
	struct statement before;
	int error = db_begin(s);
	if (error)
		return error;
	struct sqlite_query *q = s->queries[Q_QUORUM_FIND];
	put_statement(q, st);
	int found = sqlite_step(q);
	if (found == 1) {
		take_statement(q, &before);
		*st = before;
	}
	sqlite_reset(q);
	*known = found == 1;
	if (found == 0)
		error = ask_room(s, st);
	if (found == 0 && !error) {
		q = s->queries[Q_QUORUM_ADD];
		put_statement(q, st);
		sqlite_put_number(q, 10, (int64_t)st->time_ms);
		error = db_run(q);
	}
	return db_end(s, found < 0 ? found : error);
}

int patchctl_store_said(struct patchctl_store *s, struct span change, enum statement_verdict *worst,
			bool (*each)(const struct statement *st, void *owner), void *owner)
{
	struct sqlite_query *q = s->queries[Q_QUORUM_OF];
	struct statement st;
	int found, any = 0;
	bool more = true;
	pthread_mutex_lock(&s->mutex);
	sqlite_put_text(q, 1, change);
	while ((found = sqlite_step(q)) == 1) {
		take_statement(q, &st);
		*worst = any && *worst > st.verdict ? *worst : st.verdict;
		any = 1;
		more = more && each(&st, owner);
	}
	sqlite_reset(q);
	pthread_mutex_unlock(&s->mutex);
	return found < 0 ? found : any;
}

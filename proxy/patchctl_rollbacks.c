/* Rollbacks, as PatchCtl keeps them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/patchctl_db.h"

#define DAY_MS (24u * 3600 * 1000)

static void take_rollback(struct sqlite_query *q, struct rollback *r)
{
	*r = (struct rollback){
		.phase = (enum rollback_phase)sqlite_number(q, 8),
		.deadline_ms = (uint64_t)sqlite_number(q, 9),
		.accepted_ms = (uint64_t)sqlite_number(q, 10),
		.acting_ms = (uint64_t)sqlite_number(q, 11),
		.acted_ms = (uint64_t)sqlite_number(q, 12),
		.ended_ms = (uint64_t)sqlite_number(q, 13),
		.tries = (uint64_t)sqlite_number(q, 14),
	};
	KEEP(r->id, sqlite_text(q, 0));
	KEEP(r->target, sqlite_text(q, 1));
	KEEP(r->by, sqlite_text(q, 2));
	KEEP(r->bad, sqlite_text(q, 3));
	KEEP(r->anchor, sqlite_text(q, 4));
	KEEP(r->revision, sqlite_text(q, 5));
	KEEP(r->reason, sqlite_text(q, 6));
	KEEP(r->says, sqlite_text(q, 7));
}

static int step_into(struct sqlite_query *q, struct rollback *out)
{
	int found = sqlite_step(q);
	struct rollback r;
	if (found == 1) {
		take_rollback(q, &r);
		*out = r;
	}
	sqlite_reset(q);
	return found;
}

static int add_key(struct patchctl_store *s, struct span key, const char *id)
{
	struct sqlite_query *q = s->queries[Q_KEY_ADD];
	sqlite_put_text(q, 1, key);
	sqlite_put_text(q, 2, span_of(id));
	return db_run(q);
}

static int insert(struct patchctl_store *s, const struct rollback *r)
{
	struct sqlite_query *q = s->queries[Q_ADD];
	const char *const texts[] = { r->id,     r->target,   r->by,     r->bad,
				      r->anchor, r->revision, r->reason, r->says };
	const uint64_t numbers[] = { r->phase,    r->deadline_ms, r->accepted_ms, r->acting_ms,
				     r->acted_ms, r->ended_ms,    r->tries };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		sqlite_put_text(q, (int)i + 1, span_of(texts[i]));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sqlite_put_number(q, (int)(ARRAY_LEN(texts) + i) + 1, (int64_t)numbers[i]);
	return db_run(q);
}

/* Whether the limits let one more begin. */
static int ask_limits(struct patchctl_store *s, const struct config_patchctl *limits,
		      const struct rollback *r, enum acceptance *out)
{
	struct sqlite_query *q = s->queries[Q_HISTORY];
	uint64_t now = r->accepted_ms;
	sqlite_put_text(q, 1, span_of(r->target));
	sqlite_put_number(q, 2, (int64_t)(now > DAY_MS ? now - DAY_MS : 0));
	int found = sqlite_step(q);
	if (found == 1) {
		uint64_t n = (uint64_t)sqlite_number(q, 0), last = (uint64_t)sqlite_number(q, 1);
		*out = n >= limits->quota                          ? ACCEPT_QUOTA
		       : n > 0 && now < last + limits->cooldown_ms ? ACCEPT_COOLDOWN
								   : ACCEPTED;
	}
	sqlite_reset(q);
	return found < 0 ? found : 0;
}

static bool stop_at_first(const struct anchor *a, void *owner)
{
	(void)a;
	*(bool *)owner = true;
	return false;
}

static int accept_new(struct patchctl_store *s, const struct config_patchctl *limits,
		      struct span key, const struct rollback *r, enum acceptance *out)
{
	int error = ask_limits(s, limits, r, out);
	if (error || *out != ACCEPTED)
		return error;
	error = insert(s, r);
	return error ? error : add_key(s, key, r->id);
}

int patchctl_store_accept(struct patchctl_store *s, const struct config_patchctl *limits,
			  struct span key, struct rollback *r, enum acceptance *out)
{
	struct rollback known;
	bool has_anchor = r->anchor[0] != '\0';
	int error = 0;
	if (!has_anchor)
		error = patchctl_store_anchors(s, span_of(r->target), 1, stop_at_first,
					       &has_anchor);
	if (!error)
		error = db_begin(s);
	if (error)
		return error;
	struct sqlite_query *q = s->queries[Q_BY_KEY];
	sqlite_put_text(q, 1, key);
	int found = step_into(q, &known);
	bool by_key = found == 1;
	if (found == 0) {
		q = s->queries[Q_BY_BAD];
		sqlite_put_text(q, 1, span_of(r->target));
		sqlite_put_text(q, 2, span_of(r->bad));
		found = step_into(q, &known);
	}
	if (by_key && (strcmp(known.target, r->target) != 0 || strcmp(known.bad, r->bad) != 0)) {
		*out = ACCEPT_KEY_TAKEN;
	} else if (found == 1) {
		error = by_key ? 0 : add_key(s, key, known.id);
		*out = ACCEPT_KNOWN;
		*r = known;
	} else if (found == 0 && !has_anchor) {
		*out = ACCEPT_NO_ANCHOR;
	} else if (found == 0) {
		error = accept_new(s, limits, key, r, out);
	}
	return db_end(s, found < 0 ? found : error);
}

int patchctl_store_move(struct patchctl_store *s, const struct rollback *r,
			enum rollback_phase from)
{
	CHECK(rollback_may_become(from, r->phase));
	int error = db_begin(s);
	if (error)
		return error;
	struct sqlite_query *q = s->queries[Q_MOVE];
	const uint64_t numbers[] = { r->phase, r->acting_ms, r->acted_ms, r->ended_ms, r->tries };
	sqlite_put_text(q, 1, span_of(r->anchor));
	sqlite_put_text(q, 2, span_of(r->revision));
	sqlite_put_text(q, 3, span_of(r->says));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sqlite_put_number(q, (int)i + 4, (int64_t)numbers[i]);
	sqlite_put_text(q, 9, span_of(r->id));
	sqlite_put_number(q, 10, (int64_t)from);
	int moved = sqlite_step(q);
	sqlite_reset(q);
	return db_end(s, moved < 0 ? moved : moved == 0 ? -ENOENT : 0);
}

int patchctl_store_abort(struct patchctl_store *s, struct span id, const char *says,
			 uint64_t now_ms, struct rollback *r, enum abortion *out)
{
	int error = db_begin(s);
	if (error)
		return error;
	struct sqlite_query *q = s->queries[Q_ABORT];
	sqlite_put_text(q, 1, span_of(says));
	sqlite_put_number(q, 2, (int64_t)now_ms);
	sqlite_put_text(q, 3, id);
	int aborted = sqlite_step(q), found = 0;
	sqlite_reset(q);
	if (aborted >= 0) {
		q = s->queries[Q_FIND];
		sqlite_put_text(q, 1, id);
		found = step_into(q, r);
	}
	*out = found != 1                     ? ABORT_UNKNOWN
	       : aborted == 1                 ? ABORTED
	       : r->phase == ROLLBACK_ABORTED ? ABORT_KNOWN
					      : ABORT_LATE;
	return db_end(s, aborted < 0 ? aborted : found < 0 ? found : 0);
}

int patchctl_store_find(struct patchctl_store *s, struct span id, struct rollback *out)
{
	struct sqlite_query *q = s->queries[Q_FIND];
	pthread_mutex_lock(&s->mutex);
	sqlite_put_text(q, 1, id);
	int found = step_into(q, out);
	pthread_mutex_unlock(&s->mutex);
	return found;
}

int patchctl_store_rollbacks(struct patchctl_store *s, bool open, uint64_t limit,
			     bool (*each)(const struct rollback *r, void *owner), void *owner)
{
	struct sqlite_query *q = s->queries[open ? Q_OPEN : Q_ALL];
	struct rollback r;
	int found;
	pthread_mutex_lock(&s->mutex);
	sqlite_put_number(q, 1, (int64_t)limit);
	while ((found = sqlite_step(q)) == 1) {
		take_rollback(q, &r);
		if (!each(&r, owner))
			break;
	}
	sqlite_reset(q);
	pthread_mutex_unlock(&s->mutex);
	return found < 0 ? found : 0;
}

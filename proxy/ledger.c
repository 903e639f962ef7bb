#include "proxy/ledger.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/canonical.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/ledger_files.h"

#define QUEUE_ROWS 4096
#define QUEUE_BYTES (16u << 20)
#define BATCH_ROWS 1024
#define PROBE_MS 1000 /* how often a ledger that could not write tries again */

struct job {
	struct job *next;
	struct ledger_row row; /* its texts are behind it */
	struct ledger_added added;
	void (*done)(const struct ledger_added *added, void *owner);
	void *owner;
	size_t bytes;
	char texts[];
};

struct ledger {
	struct ledger_store *store; /* the writer's, as are these */
	struct signature_key *key;
	char *path, *checkpoints;
	uint32_t checkpoint_rows, checkpoint_ms;
	uint64_t sealed, last;          /* sequences: of the last checkpoint, of the last row */
	uint64_t unsealed_ms, tried_ms; /* since when there is something to seal; the last probe */

	pthread_mutex_t lock;
	pthread_cond_t news;
	struct job *first, **end; /* under the lock, */
	size_t rows, bytes;
	bool closing;
	void (*told)(void *owner);
	void *listener;

	pthread_t thread;
	bool started;
	_Atomic uint64_t written, repeated, refused, failed, n_checkpoints;
	_Atomic int write_error, checkpoint_error;
};

const char *ledger_path(const struct ledger *l)
{
	return l->path;
}

const char *ledger_error(int error)
{
	switch (-error) {
	case 0: return "";
	case EBUSY: return "another program keeps the database locked";
	case ENOSPC: return "the disk is full";
	case EROFS: return "the database is read-only";
	case EUCLEAN: return "the database is damaged, or was changed by others";
	default: return strerror(-error);
	}
}

/* --- the writer's thread --- */

static void set_error(_Atomic int *kept, const char *what, int error)
{
	int before = atomic_exchange(kept, error);
	if (error && before != error)
		log_message(LOG_ERROR, "ledger", "%s cannot be written: %s", what,
			    ledger_error(error));
	else if (before && !error)
		log_message(LOG_INFO, "ledger", "%s can be written again", what);
}

/* Only a conflict is the row's own affair; anything else fails them all. */
static int append_all(struct ledger *l, struct job *jobs)
{
	for (struct job *j = jobs; j; j = j->next) {
		int error = ledger_store_append(l->store, &j->row, &j->added);
		j->added.error = error == -EEXIST ? error : 0;
		if (error && error != -EEXIST)
			return error;
	}
	return 0;
}

static int write_jobs(struct ledger *l, struct job *jobs)
{
	int error = ledger_store_begin(l->store);
	if (error)
		return error;
	error = append_all(l, jobs);
	if (error) {
		ledger_store_roll_back(l->store);
		return error;
	}
	uint64_t last = ledger_store_head(l->store)->sequence;
	error = ledger_store_commit(l->store);
	if (error)
		return error;
	if (last > l->last && !l->unsealed_ms)
		l->unsealed_ms = clock_ms();
	l->last = last;
	return 0;
}

static void answer(struct ledger *l, struct job *jobs, int error)
{
	for (struct job *j = jobs, *next; j; j = next) {
		next = j->next;
		if (error)
			j->added = (struct ledger_added){ .error = error };
		atomic_fetch_add(j->added.error      ? &l->failed
				 : j->added.repeated ? &l->repeated
						     : &l->written,
				 1);
		j->added.row = &j->row;
		j->done(&j->added, j->owner);
		free(j);
	}
}

/* What is sealed is on disk already, so each step may be the last one before a crash. */
static int seal(struct ledger *l)
{
	struct ledger_head head;
	struct ledger_checkpoint c = { .time_ms = clock_real_ms() };
	int found = ledger_store_begin(l->store);
	if (found)
		return found;
	head = *ledger_store_head(l->store);
	c.sequence = head.sequence;
	memcpy(c.hash, head.hash, sizeof(c.hash));
	int error = ledger_checkpoint_sign(&c, l->key);
	if (!error)
		error = ledger_checkpoint_append(l->checkpoints, &c);
	if (!error)
		error = ledger_store_add_checkpoint(l->store, &c);
	if (error) {
		ledger_store_roll_back(l->store);
		return error;
	}
	error = ledger_store_commit(l->store);
	if (!error)
		l->sealed = l->last = head.sequence;
	return error;
}

static void seal_now(struct ledger *l)
{
	int error = seal(l);
	set_error(&l->checkpoint_error, "a checkpoint", error);
	l->unsealed_ms = error ? clock_ms() : 0;
	if (!error)
		atomic_fetch_add(&l->n_checkpoints, 1);
}

static uint64_t next_due(const struct ledger *l)
{
	uint64_t due = UINT64_MAX;
	if (l->unsealed_ms)
		due = l->unsealed_ms + l->checkpoint_ms;
	if (atomic_load(&l->write_error))
		due = min_u64(due, l->tried_ms + PROBE_MS);
	return due;
}

static void wait_for_news(struct ledger *l)
{
	uint64_t due = next_due(l);
	const struct timespec until = { .tv_sec = (time_t)(due / 1000),
					.tv_nsec = (long)(due % 1000) * 1000000 };
	if (due == UINT64_MAX)
		pthread_cond_wait(&l->news, &l->lock);
	else
		(void)pthread_cond_timedwait(&l->news, &l->lock, &until);
}

/* What has waited, up to a batch. NULL: nothing has, and it is time for something else. */
static struct job *take_batch(struct ledger *l, bool *closing)
{
	pthread_mutex_lock(&l->lock);
	if (!l->first && !l->closing && clock_ms() < next_due(l))
		wait_for_news(l);
	struct job *batch = l->first, **at = &batch;
	for (size_t n = 0; *at && n < BATCH_ROWS; n++) {
		l->rows--;
		l->bytes -= (*at)->bytes;
		at = &(*at)->next;
	}
	l->first = *at;
	if (!l->first)
		l->end = &l->first;
	*at = NULL;
	*closing = l->closing && !l->first;
	pthread_mutex_unlock(&l->lock);
	return batch;
}

static void tell_listener(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	void (*told)(void *owner) = l->told;
	void *listener = l->listener;
	pthread_mutex_unlock(&l->lock);
	if (told)
		told(listener);
}

void ledger_tell(struct ledger *l, void (*told)(void *owner), void *owner)
{
	pthread_mutex_lock(&l->lock);
	CHECK(!l->told);
	l->told = told;
	l->listener = owner;
	pthread_mutex_unlock(&l->lock);
}

static void write_batch(struct ledger *l, struct job *batch)
{
	int error = write_jobs(l, batch);
	l->tried_ms = clock_ms();
	set_error(&l->write_error, "the ledger", error);
	answer(l, batch, error);
	if (!error)
		tell_listener(l);
}

static void *write_all(void *arg)
{
	struct ledger *l = arg;
	bool closing = false;
	while (!closing) {
		struct job *batch = take_batch(l, &closing);
		if (batch)
			write_batch(l, batch);
		uint64_t now = clock_ms();
		if (l->last - l->sealed >= l->checkpoint_rows ||
		    (l->unsealed_ms && now >= l->unsealed_ms + l->checkpoint_ms))
			seal_now(l);
		if (!batch && atomic_load(&l->write_error) && now >= l->tried_ms + PROBE_MS) {
			l->tried_ms = now;
			set_error(&l->write_error, "the ledger", ledger_store_probe(l->store));
		}
	}
	if (l->last > l->sealed)
		seal_now(l);
	return NULL;
}

/* --- asking for a row --- */

static struct span copy(char **to, struct span text)
{
	struct span out = { text.p ? *to : NULL, text.n };
	if (text.n)
		memcpy(*to, text.p, text.n);
	*to += text.n;
	return out;
}

static int make_job(const struct ledger_row *row, struct span body, struct job **out)
{
	size_t texts = row->kind.n + row->subject.n + row->key.n + body.n;
	struct job *j = calloc(1, sizeof(*j) + texts + 1);
	if (!j)
		return -ENOMEM;
	char *to = j->texts;
	j->bytes = sizeof(*j) + texts;
	j->row.kind = copy(&to, row->kind);
	j->row.subject = copy(&to, row->subject);
	j->row.body = copy(&to, body);
	j->row.key = copy(&to, row->key);
	*out = j;
	return 0;
}

static int canonical_job(const struct ledger_row *row, struct job **out)
{
	struct buf body = { .max = 8 * LEDGER_BODY_MAX };
	int error = row->body.n <= 4 * LEDGER_BODY_MAX ? canonical_text(row->body, &body) : -EFBIG;
	if (error == -E2BIG || (!error && (body.n == 0 || body.p[0] != '{')))
		error = -EINVAL;
	if (!error && body.n > LEDGER_BODY_MAX)
		error = -EFBIG;
	if (!error)
		error = make_job(row, (struct span){ body.p, body.n }, out);
	buf_fini(&body);
	return error;
}

int ledger_add(struct ledger *l, const struct ledger_row *row,
	       void (*done)(const struct ledger_added *added, void *owner), void *owner)
{
	struct job *j;
	CHECK(!ledger_row_wrong(row->kind, row->subject, row->key));
	int error = canonical_job(row, &j);
	if (error)
		return error;
	j->done = done;
	j->owner = owner;
	pthread_mutex_lock(&l->lock);
	if (l->closing || l->rows >= QUEUE_ROWS || l->bytes + j->bytes > QUEUE_BYTES)
		error = -EAGAIN;
	if (!error) {
		*l->end = j;
		l->end = &j->next;
		l->rows++;
		l->bytes += j->bytes;
		pthread_cond_signal(&l->news);
	}
	pthread_mutex_unlock(&l->lock);
	if (!error)
		return 0;
	atomic_fetch_add(&l->refused, 1);
	free(j);
	return error;
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t told;
	struct ledger_added added;
	bool done;
};

static void tell(const struct ledger_added *added, void *owner)
{
	struct waiting *w = owner;
	pthread_mutex_lock(&w->lock);
	w->added = *added;
	w->added.row = NULL;
	w->done = true;
	pthread_cond_signal(&w->told);
	pthread_mutex_unlock(&w->lock);
}

int ledger_add_wait(struct ledger *l, const struct ledger_row *row, struct ledger_added *out)
{
	struct waiting w = { .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER };
	int error = ledger_add(l, row, tell, &w);
	if (error)
		return error;
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.told, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.told);
	pthread_mutex_destroy(&w.lock);
	*out = w.added;
	return w.added.error;
}

void ledger_counts(const struct ledger *l, struct ledger_counts *out)
{
	int error = atomic_load(&l->write_error);
	*out = (struct ledger_counts){
		.written = atomic_load(&l->written),
		.repeated = atomic_load(&l->repeated),
		.refused = atomic_load(&l->refused),
		.failed = atomic_load(&l->failed),
		.checkpoints = atomic_load(&l->n_checkpoints),
		.error = error ? error : atomic_load(&l->checkpoint_error),
	};
}

/* --- life --- */

/* The last word that was given outside must still be true. */
static int check_head(struct ledger *l, const struct ledger_options *o, struct buf *why)
{
	struct ledger_checkpoint c;
	struct ledger_head head;
	char hash[SHA256_HEX];
	int sealed = ledger_checkpoint_last(o->checkpoints, &c);
	if (sealed < 0) {
		buf_printf(why, "%s: the last checkpoint of the ledger cannot be read: %s",
			   o->checkpoints,
			   sealed == -EUCLEAN ? "its last line is none; restore the file"
					      : strerror(-sealed));
		return sealed;
	}
	int found = ledger_store_last(l->store, &head);
	if (found >= 0 && sealed)
		found = ledger_store_hash(l->store, c.sequence, hash);
	if (found < 0) {
		buf_printf(why, "%s: %s", o->path, ledger_error(found));
		return found;
	}
	l->last = head.sequence;
	l->sealed = sealed ? c.sequence : 0;
	if (!sealed || (found == 1 && strcmp(hash, c.hash) == 0))
		return 0;
	buf_printf(why,
		   "%s: row %llu is not what the last checkpoint in %s sealed; see redcard ledger "
		   "verify, and restore the ledger or move both away",
		   o->path, (unsigned long long)c.sequence, o->checkpoints);
	return -EUCLEAN;
}

static int open_files(struct ledger *l, const struct ledger_options *o, struct buf *why)
{
	struct ledger_checkpoint c;
	bool fresh = ledger_checkpoint_last(o->checkpoints, &c) == 0;
	int error = ledger_key_open(o->key, fresh, &l->key, why);
	if (!error)
		error = ledger_store_open(o->path, true, &l->store, why);
	if (!error)
		error = check_head(l, o, why);
	if (!error && (error = ledger_checkpoint_touch(o->checkpoints)) != 0)
		buf_printf(why, "%s: the file of checkpoints cannot be written: %s", o->checkpoints,
			   strerror(-error));
	return error;
}

static int start(struct ledger *l)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->news, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&l->lock, NULL);
	if (l->last > l->sealed)
		l->unsealed_ms = clock_ms();
	int error = -pthread_create(&l->thread, NULL, write_all, l);
	l->started = !error;
	if (error) {
		pthread_cond_destroy(&l->news);
		pthread_mutex_destroy(&l->lock);
	}
	return error;
}

int ledger_open(const struct ledger_options *o, struct ledger **out, struct buf *why)
{
	struct ledger *l = calloc(1, sizeof(*l));
	int error = -ENOMEM;
	if (!l || !(l->checkpoints = strdup(o->checkpoints)) || !(l->path = strdup(o->path)))
		goto fail;
	l->checkpoint_rows = o->checkpoint_rows;
	l->checkpoint_ms = o->checkpoint_ms;
	l->end = &l->first;
	error = open_files(l, o, why);
	if (!error)
		error = start(l);
	if (error)
		goto fail;
	*out = l;
	return 0;
fail:
	if (why->n == 0)
		buf_printf(why, "%s: %s", o->path, strerror(-error));
	ledger_close(l);
	return error;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	if (l->started) {
		pthread_mutex_lock(&l->lock);
		l->closing = true;
		pthread_cond_signal(&l->news);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
		pthread_cond_destroy(&l->news);
		pthread_mutex_destroy(&l->lock);
	}
	ledger_store_close(l->store);
	signature_free(l->key);
	free(l->checkpoints);
	free(l->path);
	free(l);
}

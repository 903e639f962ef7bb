#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "proxy/outbox_inside.h"

#define WRITING_US 1000000u /* a disk that takes longer is not waited for */
#define STOP_US 3000000u    /* for what PatchCtl has not heard of */

const char *const outbox_source_names[OUTBOX_SOURCE_COUNT] = {
	[OUTBOX_RULE] = "rule",
	[OUTBOX_ASSERTION] = "assertion",
	[OUTBOX_QUORUM] = "quorum",
};

enum outbox_source outbox_source_of(struct span name)
{
	for (size_t i = 0; i < OUTBOX_SOURCE_COUNT; i++)
		if (span_eq(name, span_of(outbox_source_names[i])))
			return (enum outbox_source)i;
	return OUTBOX_RULE;
}

static struct outbox *_Atomic in_use;

void outbox_count(struct outbox *o, enum wish_result result)
{
	o->ends[result]++;
	metric_add(o->metrics, METRIC_WISHES, result, 1);
}

/* --- a new wish --- */

static void free_wish(struct outbox *o, struct wish *w)
{
	struct wish **at = &o->wishes;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	o->n_wishes--;
	free(w);
}

void outbox_forget(struct outbox *o, struct wish *w)
{
	w->state = WISH_GONE;
	if (!w->rows && !w->busy)
		free_wish(o, w);
}

void outbox_be_due(struct outbox *o, struct wish *w)
{
	w->state = WISH_DUE;
	w->due_us = clock_us();
	outbox_count(o, WISH_ASKED);
	pthread_cond_signal(&o->news);
}

static void be_known(struct outbox *o, struct wish *w)
{
	w->state = WISH_KNOWN;
	w->due_us = clock_us();
	pthread_cond_signal(&o->news);
}

/* Its first row is on disk, or will not be. On the writer's thread. */
static void on_wish(const struct ledger_added *added, void *owner)
{
	struct wish *w = owner;
	struct outbox *o = w->o;
	pthread_mutex_lock(&o->lock);
	w->rows--;
	if (!added->error || w->state == WISH_WRITING)
		memcpy(w->id, added->id, sizeof(w->id));
	w->recorded = !added->error;
	w->recorded_us = clock_real_us();
	if (added->error && added->error != -EEXIST)
		log_message(LOG_ERROR, "rollback_unrecorded",
			    "%s of %s: the ledger is not written (%s); the rollback of %s in %s is "
			    "asked for all the same, from memory",
			    w->rule, w->subject, ledger_error(added->error), w->bad, w->target);
	if (w->state == WISH_GONE || (w->state == WISH_ENDING && !w->rows))
		outbox_forget(o, w);
	else if (w->state == WISH_WRITING && (added->error == -EEXIST || added->repeated))
		be_known(o, w);
	else if (w->state == WISH_WRITING)
		outbox_be_due(o, w);
	pthread_mutex_unlock(&o->lock);
}

void outbox_write_wish(struct outbox *o, struct wish *w)
{
	struct buf body = { 0 };
	int error = outbox_key(w, w->key);
	outbox_add_wish(&body, w);
	const struct ledger_row row = { .kind = SPAN("rollback"),
					.subject = span_of(w->subject),
					.key = span_of(w->key),
					.body = { body.p, body.n } };
	if (!error && body.failed)
		error = -ENOMEM;
	if (!error && ledger_row_wrong(row.kind, row.subject, row.key))
		error = -EINVAL;
	w->state = WISH_WRITING;
	w->due_us = clock_us() + WRITING_US;
	w->rows++;
	if (!error)
		error = ledger_add(o->ledger, &row, on_wish, w);
	buf_fini(&body);
	if (!error)
		return;
	w->rows--;
	log_message(
		LOG_ERROR, "rollback_unrecorded",
		"%s of %s: no row could be made (%s); the rollback of %s in %s is asked for all "
		"the same, from memory",
		w->rule, w->subject, strerror(-error), w->bad, w->target);
	outbox_be_due(o, w);
}

static bool same(const struct wish *w, const struct outbox_wish *asked)
{
	return w->state != WISH_GONE && strcmp(w->target, asked->target) == 0 &&
	       strcmp(w->bad, asked->bad) == 0 && strcmp(w->rule, asked->rule) == 0;
}

static bool is_open(const struct outbox *o, const struct outbox_wish *asked)
{
	const struct wish *w = o->wishes;
	while (w && !same(w, asked))
		w = w->next;
	return w != NULL;
}

static bool copy(char *to, size_t bytes, const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n >= bytes)
		return false;
	memcpy(to, text, n + 1);
	return true;
}

static struct wish *new_wish(const struct outbox_wish *asked)
{
	struct wish *w = calloc(1, sizeof(*w));
	if (w && copy(w->target, sizeof(w->target), asked->target) &&
	    copy(w->bad, sizeof(w->bad), asked->bad) &&
	    copy(w->rule, sizeof(w->rule), asked->rule) &&
	    copy(w->subject, sizeof(w->subject), asked->subject))
		return w;
	free(w);
	return NULL;
}

static void lost(struct outbox *o, const struct outbox_wish *asked, const char *why)
{
	if (o)
		outbox_count(o, WISH_REFUSED);
	log_message(LOG_ERROR, "rollback_lost",
		    "%.200s of %.200s: the rollback of %.128s in %.64s is not asked for: %s",
		    asked->rule, asked->subject, asked->bad, asked->target, why);
}

static bool has_room(const struct outbox *o, const char *target)
{
	size_t n = 0;
	for (const struct wish *w = o->wishes; w; w = w->next)
		n += strcmp(w->target, target) == 0;
	return o->n_wishes < OUTBOX_OPEN_MOST && n < OUTBOX_OPEN_OF_TARGET;
}

static void begin(struct outbox *o, const struct outbox_wish *asked)
{
	if (is_open(o, asked)) {
		outbox_count(o, WISH_REPEATED);
		return;
	}
	bool room = has_room(o, asked->target);
	struct wish *w = room ? new_wish(asked) : NULL;
	if (!w) {
		lost(o, asked,
		     room ? "one of its names is too long" : "too many rollbacks are open");
		return;
	}
	w->o = o;
	w->source = asked->source;
	w->seen_ms = asked->seen_ms;
	w->asked_us = clock_real_us();
	w->deadline_ms = asked->seen_ms + o->config->rollback->budget_ms;
	w->next = o->wishes;
	o->wishes = w;
	o->n_wishes++;
	outbox_write_wish(o, w);
}

void outbox_ask(const struct outbox_wish *asked)
{
	struct outbox *o = atomic_load(&in_use);
	if (!o) {
		lost(NULL, asked, "there is no `rollback` in the configuration");
		return;
	}
	pthread_mutex_lock(&o->lock);
	begin(o, asked);
	pthread_mutex_unlock(&o->lock);
}

/* --- life --- */

static int open_inside(struct outbox *o, const struct outbox_options *options, struct buf *why)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->news, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->reading, NULL);
	o->ledger = options->ledger;
	o->metrics = options->metrics;
	o->config = config_ref(options->config);
	int error = ledger_store_open(options->ledger_path, false, &o->reader, why);
	if (error)
		return error;
	error = outbox_resume(o);
	if (error)
		buf_printf(why, "the ledger's rollbacks cannot be read: %s", ledger_error(error));
	return error;
}

int outbox_start(const struct outbox_options *options, struct outbox **out, struct buf *why)
{
	struct outbox *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	int error = open_inside(o, options, why);
	for (; o->n_couriers < OUTBOX_COURIERS && !error; o->n_couriers += !error)
		error = -pthread_create(&o->couriers[o->n_couriers], NULL, outbox_courier, o);
	if (error) {
		if (!why->n)
			buf_printf(why, "no thread can be made that asks for rollbacks: %s",
				   strerror(-error));
		outbox_stop(o);
		outbox_free(o);
		return error;
	}
	atomic_store(&in_use, o);
	*out = o;
	error = outbox_ask_again(o);
	if (error)
		log_message(LOG_ERROR, "rollback_lost",
			    "the cards of an earlier process cannot be read: %s",
			    ledger_error(error));
	return 0;
}

void outbox_configure(struct outbox *o, struct config *config)
{
	pthread_mutex_lock(&o->lock);
	struct config *old = o->config;
	o->config = config_ref(config);
	pthread_mutex_unlock(&o->lock);
	config_unref(old);
}

void outbox_stop(struct outbox *o)
{
	if (!o)
		return;
	atomic_store(&in_use, NULL);
	pthread_mutex_lock(&o->lock);
	o->stopping = true;
	o->stop_us = clock_us() + STOP_US;
	pthread_cond_broadcast(&o->news);
	pthread_mutex_unlock(&o->lock);
	for (unsigned i = 0; i < o->n_couriers; i++)
		pthread_join(o->couriers[i], NULL);
	o->n_couriers = 0;
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	while (o->wishes) {
		CHECK(!o->wishes->rows);
		free_wish(o, o->wishes);
	}
	ledger_store_close(o->reader);
	config_unref(o->config);
	pthread_cond_destroy(&o->news);
	pthread_mutex_destroy(&o->lock);
	pthread_mutex_destroy(&o->reading);
	free(o);
}

/* A courier: takes the wish that is due next, asks PatchCtl, and says when it is due again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/outbox_inside.h"

#define BACKOFF_FIRST_MS 50u
#define BACKOFF_MOST_MS 2000u
#define LOOK_LEAST_US 5000u
#define LOOK_MOST_US 250000u
#define GRACE_MS 1000u /* past the deadline, for the word of a PatchCtl that works on it */
#define RESUME_GRACE_US 5000000u /* the same after a start */

/* --- ends --- */

static const struct {
	const char *event;
	enum log_level level;
} end_logs[WISH_RESULT_COUNT] = {
	[WISH_VERIFIED] = { "rollback_verified", LOG_WARNING },
	[WISH_FAILED] = { "rollback_failed", LOG_ERROR },
	[WISH_EXPIRED] = { "rollback_expired", LOG_ERROR },
	[WISH_ABORTED] = { "rollback_aborted", LOG_WARNING },
	[WISH_BYPASSED] = { "rollback_bypassed", LOG_WARNING },
	[WISH_REFUSED] = { "rollback_refused", LOG_ERROR },
};

static void log_wish(const struct wish *w, enum log_level level, const char *event,
		     const struct wish_phases *p)
{
	struct buf *line = log_begin(level, event);
	if (!line)
		return;
	log_text(line, "target", span_of(w->target));
	log_text(line, "bad", span_of(w->bad));
	log_text(line, "rule", span_of(w->rule));
	log_text(line, "subject", span_of(w->subject));
	log_text(line, "wish", span_of(w->id));
	log_text(line, "rollback", span_of(w->rollback));
	log_text(line, "says", span_of(w->says));
	log_number(line, "tries", w->tries);
	if (p)
		log_float(line, "total_ms", p->total);
	log_end(line);
}

static double between(uint64_t from, uint64_t to, double unit)
{
	return from && to ? ((double)to - (double)from) / unit : -1;
}

static double not_before(double ms)
{
	return ms < 0 ? 0 : ms; /* the clock was set */
}

static double min_double(double a, double b)
{
	return a < b ? a : b;
}

static void measure(const struct wish *w, const struct told_rollback *told, struct wish_phases *p)
{
	const uint64_t us = 1000;
	*p = (struct wish_phases){ -1, -1, -1, -1, -1, -1, false };
	p->total = not_before(between(w->seen_ms * us, clock_real_us(), 1000));
	p->detect = not_before(between(w->seen_ms * us, w->asked_us, 1000));
	if (w->recorded_us)
		p->record = not_before(between(w->asked_us, w->recorded_us, 1000));
	if (w->accepted_us)
		p->decide = not_before(between(w->recorded_us ? w->recorded_us : w->asked_us,
					       w->accepted_us, 1000));
	if (!told)
		return;
	if (w->accepted_us && told->ended_ms >= told->accepted_ms) /* their clock may differ */
		p->total =
			min_double(p->total, between(w->seen_ms * us, w->accepted_us, 1000) +
						     between(told->accepted_ms, told->ended_ms, 1));
	p->act = between(told->accepted_ms, told->acted_ms, 1);
	p->verify = between(told->acted_ms, told->ended_ms, 1);
}

static void observe(struct outbox *o, const struct wish_phases *p)
{
	const double values[WISH_PHASE_COUNT] = { p->detect, p->record, p->decide,
						  p->act,    p->verify, p->total };
	for (size_t i = 0; i < WISH_PHASE_COUNT; i++)
		if (values[i] >= 0)
			metric_observe(o->metrics, METRIC_WISH_PHASE, i, values[i] / 1000);
}

void outbox_end(struct outbox *o, struct wish *w, enum wish_result how,
		const struct told_rollback *told)
{
	struct wish_phases phases;
	measure(w, told, &phases);
	bool tried = how == WISH_VERIFIED || how == WISH_FAILED || how == WISH_EXPIRED;
	if (how == WISH_VERIFIED) {
		observe(o, &phases);
		snprintf(w->restored, sizeof(w->restored), "%s", told->revision);
	}
	if (told && !told->acted_ms && (how == WISH_FAILED || how == WISH_ABORTED))
		outbox_unnote(o, w->target, w->bad);
	phases.missed =
		tried && (how != WISH_VERIFIED || phases.total > o->config->rollback->objective_ms);
	if (phases.missed)
		metric_add(o->metrics, METRIC_OBJECTIVE_MISSED, 0, 1);
	outbox_count(o, how);
	log_wish(w, end_logs[how].level, end_logs[how].event, &phases);
	w->state = WISH_ENDING;
	outbox_put_row(o, w, wish_result_names[how], &phases);
	if (!w->rows)
		w->state = WISH_GONE; /* no row is on its way that would let it go */
}

/* --- when it is due again --- */

static uint64_t random_below(uint64_t n)
{
	uint64_t r = 0;
	return n && getrandom(&r, sizeof(r), 0) == sizeof(r) ? r % n : n / 2;
}

/* The longest pause doubles; what is taken of it is chance, so that proxies do not come together.
 */
static void later(struct wish *w, uint32_t after_ms)
{
	uint64_t most = BACKOFF_FIRST_MS << min_u64(w->tries, 10);
	uint64_t ms = 1 + random_below(min_u64(most, BACKOFF_MOST_MS));
	w->due_us = clock_us() + 1000 * max_u64(ms, after_ms);
}

/* The longer it takes the less often. */
static void look_again(struct wish *w)
{
	uint64_t now = clock_real_us();
	uint64_t taken = now > w->accepted_us ? now - w->accepted_us : 0;
	uint64_t pause = max_u64(LOOK_LEAST_US, min_u64(taken / 8, LOOK_MOST_US));
	w->due_us = clock_us() + pause;
}

static void says(struct wish *w, const char *text)
{
	if (text[0])
		snprintf(w->says, sizeof(w->says), "%s", text);
}

/* --- what PatchCtl has said; under the lock --- */

static void take_on(struct outbox *o, struct wish *w, const struct told_rollback *told)
{
	bool first = strcmp(w->rollback, told->id) != 0; /* not one that it had forgotten */
	memcpy(w->rollback, told->id, sizeof(w->rollback));
	w->accepted_us = clock_real_us();
	w->state = WISH_ACCEPTED;
	snprintf(w->says, sizeof(w->says), "%s", told->says);
	if (first && (told->fresh || w->unsure))
		metric_add(o->metrics, METRIC_ROLLBACKS, w->source, 1);
	if (first)
		outbox_count(o, WISH_TAKEN);
	outbox_note(o, w->target, w->bad, clock_real_ms());
	log_wish(w, LOG_WARNING, "rollback_accepted", NULL);
	outbox_put_row(o, w, "accepted", NULL);
}

static void follow(struct outbox *o, struct wish *w, const struct told_rollback *told)
{
	static const struct {
		const char *phase;
		enum wish_result how;
	} ends[] = {
		{ "verified", WISH_VERIFIED },
		{ "failed", WISH_FAILED },
		{ "expired", WISH_EXPIRED },
		{ "aborted", WISH_ABORTED },
	};
	snprintf(w->says, sizeof(w->says), "%s", told->says);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (strcmp(told->phase, ends[i].phase) == 0) {
			outbox_end(o, w, ends[i].how, told);
			return;
		}
	}
	look_again(w);
}

static void heard(struct outbox *o, struct wish *w, const struct told_rollback *told)
{
	switch (told->told) {
	case TOLD_ROLLBACK:
		if (w->state != WISH_ACCEPTED)
			take_on(o, w, told);
		follow(o, w, told);
		return;
	case TOLD_NONE: /* it has forgotten; the key makes it no second one */
		w->state = WISH_DUE;
		says(w, told->says);
		later(w, told->after_ms);
		return;
	case TOLD_LATER:
		says(w, told->says);
		w->unsure = w->unsure || told->unsure;
		later(w, told->after_ms);
		return;
	case TOLD_NO: break;
	}
	says(w, told->says);
	if (w->state == WISH_ACCEPTED) { /* it goes on, though we may not look */
		later(w, told->after_ms);
		return;
	}
	if (told->about_deadline && !w->plain) {
		w->plain = true;
		w->due_us = clock_us();
		return;
	}
	outbox_end(o, w, WISH_FAILED, NULL);
}

/* --- one turn with a wish --- */

struct turn {
	struct outbox *o;
	struct fetcher *fetcher;
	struct config *config; /* a reference */
	struct wish *w;
};

/* Of an earlier wish of the same it depends whether this is another attempt. */
static void settle_known(struct turn *t)
{
	struct outbox *o = t->o;
	struct wish *w = t->w;
	char phase[32], subject[LEDGER_SUBJECT_MAX + 1];
	int found = outbox_look_up(o, w->id, phase, subject);
	bool restored = strcmp(phase, "verified") == 0 || strcmp(phase, "aborted") == 0;
	pthread_mutex_lock(&o->lock);
	if (found < 0) {
		log_message(LOG_ERROR, "rollback_unrecorded",
			    "%s of %s: the ledger is not read (%s); the rollback of %s in %s is "
			    "asked for all the same",
			    w->rule, w->subject, ledger_error(found), w->bad, w->target);
		outbox_be_due(o, w);
	} else if (!phase[0] || restored || strcmp(subject, w->subject) == 0) {
		outbox_count(o, WISH_REPEATED);
		w->state = WISH_GONE;
	} else if (w->attempt >= OUTBOX_ATTEMPTS) {
		snprintf(w->says, sizeof(w->says), "it was tried %u times", w->attempt);
		log_wish(w, LOG_ERROR, "rollback_refused", NULL);
		outbox_count(o, WISH_REFUSED);
		w->state = WISH_GONE;
	} else {
		w->attempt++;
		w->id[0] = '\0';
		outbox_write_wish(o, w);
	}
	pthread_mutex_unlock(&o->lock);
}

/* Whether it ends before anybody is asked. */
static bool held_back(struct outbox *o, struct wish *w)
{
	const struct bypass *b = outbox_bypass_of(o, w->target);
	if (b)
		snprintf(w->says, sizeof(w->says), "bypass by %s: %s", b->by, b->reason);
	if (!b && (w->tries || w->resumed || !outbox_too_many(o, w, w->says)))
		return false;
	outbox_end(o, w, b ? WISH_BYPASSED : WISH_REFUSED, NULL);
	return true;
}

/* Past the deadline PatchCtl is asked what it knows, but not to begin. */
static bool has_time(const struct wish *w)
{
	return clock_real_ms() < w->deadline_ms;
}

/* What PatchCtl may be at work on has a moment more, until its word is there. */
static uint64_t ends_ms(const struct wish *w)
{
	bool heard_of = w->state == WISH_ACCEPTED || w->unsure || w->resumed;
	return w->deadline_ms + (heard_of ? GRACE_MS : 0);
}

static bool is_over(const struct wish *w)
{
	return w->given_up ||
	       (clock_real_ms() >= ends_ms(w) && (!w->resumed || clock_us() >= w->grace_us));
}

static void tell(struct turn *t)
{
	struct outbox *o = t->o;
	struct wish *w = t->w;
	const struct config_rollback *c = t->config->rollback;
	struct told_rollback told;
	if (w->state == WISH_ACCEPTED)
		outbox_poll(t->fetcher, c, w, &told);
	else if (has_time(w))
		outbox_tell(t->fetcher, c, w, &told);
	else
		outbox_find(t->fetcher, c, w, &told);
	pthread_mutex_lock(&o->lock);
	w->tries += w->state != WISH_ACCEPTED || told.told == TOLD_LATER;
	if (told.told == TOLD_NONE && !has_time(w))
		w->given_up = true; /* nothing was begun, and nothing will be */
	heard(o, w, &told);
	pthread_mutex_unlock(&o->lock);
}

static void expire(struct outbox *o, struct wish *w)
{
	if (!w->says[0])
		says(w, "PatchCtl could not be asked in time");
	outbox_end(o, w, WISH_EXPIRED, NULL);
}

static void take_turn(struct turn *t)
{
	struct outbox *o = t->o;
	struct wish *w = t->w;
	bool asks = false, known = false;
	pthread_mutex_lock(&o->lock);
	if (w->state == WISH_WRITING) {
		log_message(LOG_ERROR, "rollback_unrecorded",
			    "%s of %s: the disk keeps the ledger waiting; the rollback of %s in %s "
			    "is asked for all the same",
			    w->rule, w->subject, w->bad, w->target);
		outbox_be_due(o, w);
	}
	if (w->resumed && !w->grace_us)
		w->grace_us = clock_us() + RESUME_GRACE_US;
	if (w->state == WISH_KNOWN)
		known = true;
	else if (is_over(w))
		expire(o, w);
	else
		asks = w->state == WISH_ACCEPTED || !held_back(o, w);
	pthread_mutex_unlock(&o->lock);
	if (known)
		settle_known(t);
	else if (asks)
		tell(t);
}

/* --- the thread --- */

/* When that wish must be looked at. */
static uint64_t due(const struct wish *w, uint64_t mono, uint64_t real)
{
	if (w->busy || w->state == WISH_ENDING || w->state == WISH_GONE)
		return UINT64_MAX;
	uint64_t end = ends_ms(w);
	if (w->resumed || w->state == WISH_WRITING || w->state == WISH_KNOWN)
		return w->due_us;
	return min_u64(w->due_us, mono + (end > real ? 1000 * (end - real) : 0));
}

static bool is_waited_for(const struct wish *w)
{
	return w->state == WISH_WRITING || w->state == WISH_KNOWN || w->state == WISH_DUE;
}

/* Stopping, only what PatchCtl has not heard of is worth a moment. */
static bool may_leave(const struct outbox *o)
{
	bool waits = false;
	for (const struct wish *w = o->wishes; w; w = w->next)
		waits = waits || is_waited_for(w);
	return o->stopping && (!waits || clock_us() >= o->stop_us);
}

static void wait_until(struct outbox *o, uint64_t us)
{
	const struct timespec until = { .tv_sec = (time_t)(us / 1000000),
					.tv_nsec = (long)(us % 1000000) * 1000 };
	(void)pthread_cond_timedwait(&o->news, &o->lock, &until);
}

#define NAP_US 1000000u /* the real clock may be set */

/* The one that is due first, when it is due. NULL: leave. */
static struct wish *take(struct outbox *o)
{
	while (!may_leave(o)) {
		uint64_t mono = clock_us(), real = clock_real_ms(), first = mono + NAP_US;
		struct wish *found = NULL;
		for (struct wish *w = o->wishes; w; w = w->next) {
			uint64_t at = due(w, mono, real);
			if (at < first || (at == first && !found)) {
				first = at;
				found = w;
			}
		}
		if (found && first <= mono)
			return found;
		if (o->stopping)
			first = min_u64(first, mono + 20000);
		wait_until(o, first);
	}
	return NULL;
}

static void give_back(struct outbox *o, struct turn *t)
{
	t->w->busy = false;
	if (t->w->state == WISH_GONE)
		outbox_forget(o, t->w);
	pthread_cond_signal(&o->news);
}

void *outbox_courier(void *outbox)
{
	struct outbox *o = outbox;
	struct turn t = { .o = o, .fetcher = fetcher_new() };
	pthread_mutex_lock(&o->lock);
	while (t.fetcher && (t.w = take(o))) {
		t.w->busy = true;
		t.config = config_ref(o->config);
		pthread_mutex_unlock(&o->lock);
		take_turn(&t);
		config_unref(t.config);
		pthread_mutex_lock(&o->lock);
		give_back(o, &t);
	}
	pthread_mutex_unlock(&o->lock);
	if (!t.fetcher)
		log_message(LOG_ERROR, "outbox", "a courier has no memory for requests");
	fetcher_free(t.fetcher);
	return NULL;
}

#include "proxy/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/keeper_core.h"

#define LOOK_MS 50 /* at a child of our own, which costs one call */

/* --- what is written down --- */

static void put_text(struct buf *body, const char *key, const char *text)
{
	buf_printf(body, "%s\"%s\":\"", body->n > 1 ? "," : "", key);
	buf_add_json(body, span_of(text));
	buf_add_char(body, '"');
}

static void put_row(struct keeper *k, const char *event, const struct guardian_finding *f)
{
	struct buf body = { 0 };
	buf_add_char(&body, '{');
	put_text(&body, "event", event);
	if (f && f->limit != LIMIT_NONE) {
		put_text(&body, "limit", guardian_limit_names[f->limit]);
		buf_printf(&body, ",\"allowed\":%.17g,\"value\":%.17g,\"samples\":%u", f->allowed,
			   f->value, f->samples);
	}
	if (k->child.pid)
		buf_printf(&body, ",\"pid\":%d", (int)k->child.pid);
	put_text(&body, "said", k->said);
	buf_add_char(&body, '}');
	pthread_mutex_lock(&k->lock);
	memcpy(k->shown, k->said, sizeof(k->shown));
	k->shown_pid = k->child.pid;
	pthread_mutex_unlock(&k->lock);
	if (!body.failed)
		ledger_put("guardian", "shadow", (struct span){ body.p, body.n });
	buf_fini(&body);
	log_message(f ? LOG_WARNING : LOG_INFO, "guardian", "the shadow: %s; %s", event, k->said);
}

/* --- states --- */

static void go_to(struct keeper *k, enum guardian_state state)
{
	pthread_mutex_lock(&k->lock);
	k->state = state;
	pthread_mutex_unlock(&k->lock);
	for (int i = 0; i < GUARDIAN_STATE_COUNT; i++)
		metric_set(k->options.shard, SHADOW_STATE, (size_t)i, i == (int)state);
}

static void pause_mirror(struct keeper *k, bool paused)
{
	if (k->options.pause)
		k->options.pause(k->options.owner, paused);
	pthread_mutex_lock(&k->lock);
	k->since_ms = paused ? UINT64_MAX : clock_ms();
	pthread_mutex_unlock(&k->lock);
}

/* Later each time, until it has lived through a window. */
static void go_down(struct keeper *k, uint64_t now_ms, bool again)
{
	const struct config_guardian *c = k->options.config;
	if (k->started_ms && now_ms - k->started_ms > c->window_ms)
		k->backoff_ms = c->backoff_first_ms;
	k->started_ms = 0; /* what cannot be started has not lived through one */
	k->start_ms = now_ms + k->backoff_ms;
	k->backoff_ms = (uint32_t)min_u64(2 * (uint64_t)k->backoff_ms, c->backoff_most_ms);
	go_to(k, again && c->restarts_it ? GUARDIAN_DOWN : GUARDIAN_OUT);
}

/* fresh: it was started a moment ago, by us or by others. */
static void begin(struct keeper *k, uint64_t now_ms, bool fresh)
{
	pthread_mutex_lock(&k->lock);
	guardian_forget(&k->guardian);
	pthread_mutex_unlock(&k->lock);
	k->started_ms = now_ms;
	k->killed = k->dying = false;
	k->warm_ms = now_ms + (fresh ? k->options.config->warm_up_ms : 0);
	k->warm = false;
	go_to(k, GUARDIAN_UNKNOWN);
}

static void start(struct keeper *k, uint64_t now_ms)
{
	if (!keeper_start(k)) {
		put_row(k, "not started", NULL);
		go_down(k, now_ms, true);
		return;
	}
	metric_add(k->options.shard, SHADOW_STARTS, 0, 1);
	k->seen = true;
	put_row(k, "started", NULL);
	begin(k, now_ms, true);
}

static void killed(struct keeper *k, const struct guardian_finding *f)
{
	k->killed = true;
	k->dying = false;
	metric_add(k->options.shard, SHADOW_KILLS, 0, 1);
	put_row(k, "killed", f);
	go_down(k, clock_ms(), true);
}

static void died(struct keeper *k, uint64_t now_ms)
{
	metric_add(k->options.shard, SHADOW_DEATHS, 0, 1);
	pause_mirror(k, true);
	pthread_mutex_lock(&k->lock);
	guardian_died(&k->guardian, now_ms);
	guardian_forget(&k->guardian);
	struct guardian_finding f = guardian_judge(&k->guardian, now_ms);
	k->finding = f;
	pthread_mutex_unlock(&k->lock);
	bool enough = f.state == GUARDIAN_BREACHED;
	k->killed = enough; /* nobody is to be believed that it is well again */
	put_row(k, "ended by itself", enough ? &f : NULL);
	go_down(k, now_ms, !enough);
}

/* It is not there any more, or still is. */
static void kill_it(struct keeper *k, const struct guardian_finding *f)
{
	const struct config_guardian *c = k->options.config;
	bool ours = c->start.argv || c->kill.argv;
	go_to(k, GUARDIAN_BREACHED);
	pause_mirror(k, true);
	switch (ours ? keeper_kill(k) : KEEPER_NOTHING) {
	case KEEPER_GONE: killed(k, f); return;
	case KEEPER_WAS_GONE:
		if (k->dying) /* at an earlier look */
			killed(k, f);
		else
			died(k, clock_ms());
		return;
	case KEEPER_STAYS:
		metric_add(k->options.shard, SHADOW_UNKILLED, 0, 1);
		put_row(k, "not killed", f);
		return;
	case KEEPER_NOTHING: break;
	}
	put_row(k, "mirroring stopped", f);
	k->killed = true;
	go_down(k, clock_ms(), false);
}

/* --- looking --- */

static struct guardian_finding judge(struct keeper *k, uint64_t now_ms)
{
	uint64_t bytes = 0;
	bool known = keeper_memory(k, &bytes);
	metric_set(k->options.shard, SHADOW_MEMORY, 0, known ? (double)bytes : (double)NAN);
	pthread_mutex_lock(&k->lock);
	guardian_memory(&k->guardian, known, bytes);
	struct guardian_finding f = guardian_judge(&k->guardian, now_ms);
	k->finding = f;
	pthread_mutex_unlock(&k->lock);
	return f;
}

static void look_at_life(struct keeper *k, uint64_t now_ms)
{
	if (!k->warm && now_ms >= k->warm_ms) {
		k->warm = true;
		pause_mirror(k, false);
	}
	struct guardian_finding f = judge(k, now_ms);
	if (f.state == GUARDIAN_BREACHED)
		kill_it(k, &f);
	else if (k->state != f.state)
		go_to(k, f.state);
}

/* A breach that could not be acted upon stays one, whatever the numbers say now. */
static void look(struct keeper *k, uint64_t now_ms)
{
	const struct config_guardian *c = k->options.config;
	bool idle = k->state == GUARDIAN_OUT || k->state == GUARDIAN_DOWN;
	if (k->state == GUARDIAN_DOWN && now_ms >= k->start_ms) {
		start(k, now_ms);
		return;
	}
	if (idle && (k->killed || !c->status.argv))
		return;
	if (k->state == GUARDIAN_BREACHED) {
		struct guardian_finding f = k->finding;
		kill_it(k, &f);
		return;
	}
	enum keeper_life life = keeper_look(k);
	k->seen = k->seen || life == KEEPER_ALIVE;
	if (idle && life == KEEPER_ALIVE) { /* somebody else has started it */
		snprintf(k->said, sizeof(k->said), "it runs again");
		put_row(k, "back", NULL);
		begin(k, now_ms, true);
	} else if (!idle && life == KEEPER_DEAD && !k->seen) {
		put_row(k, "not there", NULL);
		go_down(k, now_ms, true);
	} else if (!idle && life == KEEPER_DEAD && c->status.argv && now_ms < k->warm_ms) {
		return; /* who was told to start it has not done so yet */
	} else if (!idle && life == KEEPER_DEAD) {
		died(k, now_ms);
	} else if (!idle) {
		look_at_life(k, now_ms);
	}
}

static bool child_is_gone(struct keeper *k)
{
	return k->child.pid && child_ended(&k->child);
}

/* What was out: started, where that is the keeper's and it is not there already. */
static void begin_anew(struct keeper *k)
{
	const struct config_guardian *c = k->options.config;
	pthread_mutex_lock(&k->lock);
	guardian_begin_anew(&k->guardian);
	pthread_mutex_unlock(&k->lock);
	k->backoff_ms = c->backoff_first_ms;
	k->seen = keeper_look(k) == KEEPER_ALIVE;
	snprintf(k->said, sizeof(k->said), "a reload");
	if (!k->seen && (c->start.argv || c->restart.argv))
		start(k, clock_ms());
	else
		begin(k, clock_ms(), false);
}

/* Returns when there is something to do, or the keeper ends. */
static bool await_turn(struct keeper *k)
{
	uint64_t until = clock_ms() + k->options.config->every_ms;
	bool ends = false;
	pthread_mutex_lock(&k->lock);
	for (;;) {
		uint64_t now_ms = clock_ms(), next = min_u64(until, now_ms + LOOK_MS);
		if (k->state == GUARDIAN_DOWN)
			next = min_u64(next, max_u64(k->start_ms, now_ms + 1));
		const struct timespec t = { .tv_sec = (time_t)(next / 1000),
					    .tv_nsec = (long)(next % 1000) * 1000000 };
		ends = k->ends;
		if (ends || k->anew || now_ms >= until || child_is_gone(k) ||
		    (k->state == GUARDIAN_DOWN && now_ms >= k->start_ms))
			break;
		(void)pthread_cond_timedwait(&k->changed, &k->lock, &t);
	}
	bool anew = k->anew;
	k->anew = false;
	pthread_mutex_unlock(&k->lock);
	if (anew && !ends && k->state == GUARDIAN_OUT)
		begin_anew(k);
	return !ends;
}

static void *run(void *owner)
{
	struct keeper *k = owner;
	if (k->options.config->start.argv)
		start(k, clock_ms());
	else
		begin(k, clock_ms(), false);
	do
		look(k, clock_ms());
	while (await_turn(k));
	if (k->child.pid && !child_kill(&k->child, k->options.config->grace_ms))
		log_message(LOG_ERROR, "guardian", "the shadow cannot be killed");
	return NULL;
}

/* --- life --- */

int keeper_open(const struct keeper_options *o, struct keeper **out)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t clock;
	if (!k)
		return -ENOMEM;
	k->options = *o;
	k->backoff_ms = o->config->backoff_first_ms;
	k->since_ms = UINT64_MAX;
	guardian_init(&k->guardian, o->config);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &clock);
	pthread_condattr_destroy(&clock);
	int error = -pthread_create(&k->thread, NULL, run, k);
	if (error) {
		free(k);
		return error;
	}
	*out = k;
	return 0;
}

void keeper_close(struct keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->ends = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	atomic_store(&k->stop, true);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void keeper_tell(struct keeper *k, const struct shadow_told *t)
{
	const struct guardian_sample s = {
		.at_ms = clock_ms(),
		.shadow_ms = t->shadow_ms,
		.primary_ms = t->primary_ms,
		.error = t->result == SHADOW_ERROR || t->result == SHADOW_TIMEOUT,
	};
	pthread_mutex_lock(&k->lock);
	if (t->sent_ms >= k->since_ms) /* what an earlier one did is not this one's fault */
		guardian_add(&k->guardian, &s);
	pthread_mutex_unlock(&k->lock);
}

void keeper_begin_anew(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->anew = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
}

void keeper_view(struct keeper *k, struct keeper_view *out)
{
	pthread_mutex_lock(&k->lock);
	*out = (struct keeper_view){ .state = k->state,
				     .finding = k->finding,
				     .pid = (int)k->shown_pid,
				     .memory_known = k->guardian.memory_known,
				     .memory_bytes = k->guardian.memory_bytes };
	memcpy(out->said, k->shown, sizeof(out->said));
	pthread_mutex_unlock(&k->lock);
}

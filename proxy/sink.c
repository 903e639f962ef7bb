#include "proxy/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/ledger.h"
#include "proxy/sink_message.h"

#define LOOK_MS 1000 /* how often rows of other processes are looked for */
#define KEEP_MS 100  /* how often the cursor is written while rows go out */
#define PAUSE_MS 500 /* of the first retry; doubles */
#define PAUSE_MAX_MS 60000
#define CHANGES_LOOKED_AT 256 /* reported changes, for a pull request */

const char *const sink_state_names[SINK_STATE_COUNT] = {
	[SINK_UNKNOWN] = "unknown",
	[SINK_UP] = "up",
	[SINK_DOWN] = "down",
};

static void count(struct sink *s, enum sink_result result)
{
	atomic_fetch_add(&s->counts[result], 1);
}

/* --- waiting --- */

static uint64_t written(struct sink *s)
{
	pthread_mutex_lock(&s->clock->lock);
	uint64_t n = s->clock->written;
	pthread_mutex_unlock(&s->clock->lock);
	return n;
}

static bool draining(struct sink *s)
{
	pthread_mutex_lock(&s->clock->lock);
	bool is = s->clock->draining;
	pthread_mutex_unlock(&s->clock->lock);
	return is;
}

/* So long, or until it is to end, or the ledger has had rows more than `seen` times. */
static void rest(struct sink *s, uint64_t ms, uint64_t seen)
{
	struct sink_clock *c = s->clock;
	uint64_t due = clock_ms() + ms;
	const struct timespec until = { .tv_sec = (time_t)(due / 1000),
					.tv_nsec = (long)(due % 1000) * 1000000 };
	int error = 0;
	pthread_mutex_lock(&c->lock);
	while (!error && !c->draining && !atomic_load(&s->stop) && c->written <= seen)
		error = pthread_cond_timedwait(&c->news, &c->lock, &until);
	pthread_mutex_unlock(&c->lock);
}

static uint64_t pause_ms(unsigned tries)
{
	uint64_t most = min_u64(PAUSE_MAX_MS, (uint64_t)PAUSE_MS << min_size(tries, 16)), dice = 0;
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
		return most;
	return dice % (most + 1);
}

/* --- the ledger --- */

static void trouble(const struct sink *s, int *said, const char *what, int error)
{
	if (error && *said != error)
		log_message(LOG_ERROR, "sink", "sink %s: %s: %s", s->config->name, what,
			    ledger_error(error));
	*said = error;
}

static void advance(struct sink *s, const struct ledger_row *row)
{
	s->cursor.sequence = row->sequence;
	CHECK(row->hash.n == SHA256_HEX - 1);
	memcpy(s->cursor.hash, row->hash.p, row->hash.n);
	atomic_store(&s->at, row->sequence);
	s->tries = 0;
	s->sent = 0;
	s->refused = false;
}

static void keep(struct sink *s, uint64_t every_ms)
{
	uint64_t now = clock_ms();
	if (s->cursor.sequence == s->kept || now < s->kept_ms + every_ms)
		return;
	int error = sink_cursor_keep(&s->cursor);
	trouble(s, &s->unkept, "its place in the ledger cannot be kept", error);
	s->kept_ms = now;
	if (!error)
		s->kept = s->cursor.sequence;
}

static struct span hold(struct buf *texts, struct span text)
{
	struct span held = { text.p ? texts->p + texts->n : NULL, text.n };
	buf_add(texts, text.p, text.n);
	return held;
}

static int copy(struct sink *s, const struct ledger_row *row, struct ledger_row *out)
{
	struct buf *t = &s->texts;
	buf_clear(t);
	if (!buf_reserve(t, row->id.n + row->kind.n + row->subject.n + row->key.n + row->body.n +
				    row->previous.n + row->hash.n + 1))
		return -ENOMEM;
	*out = (struct ledger_row){ .sequence = row->sequence, .time_ms = row->time_ms };
	out->id = hold(t, row->id);
	out->kind = hold(t, row->kind);
	out->subject = hold(t, row->subject);
	out->key = hold(t, row->key);
	out->body = hold(t, row->body);
	out->previous = hold(t, row->previous);
	out->hash = hold(t, row->hash);
	return 1;
}

/* 1: the next row that is wanted; 0: there is none yet; -errno. What is not wanted is passed. */
static int next_row(struct sink *s, struct ledger_row *out)
{
	const struct ledger_filter behind = { .after = s->cursor.sequence, .limit = INT64_MAX };
	struct ledger_row row;
	int found = ledger_store_select(s->store, &behind);
	while (!found && !atomic_load(&s->stop) &&
	       (found = ledger_store_next(s->store, &row)) == 1) {
		if (sink_wants(s->config, &row)) {
			found = copy(s, &row, out);
			break;
		}
		advance(s, &row);
		found = 0;
	}
	ledger_store_end(s->store);
	return found;
}

static uint64_t pull_of(const struct config_sink *s, const struct ledger_row *row,
			struct span revision)
{
	struct json *j = NULL;
	uint64_t pull = 0;
	if (json_parse(row->body, &j) != 0)
		return 0;
	const struct json_value *body = json_root(j);
	if (!revision.p || span_eq(json_string(json_get(body, "revision")), revision))
		pull = sink_pull(s->repository, json_string(json_get(body, "url")));
	json_free(j);
	return pull;
}

/* The pull request of the row: its own, or that of the change which made its revision. 0: none. */
static uint64_t find_pull(struct sink *s, const struct ledger_row *row)
{
	const struct ledger_filter changes = { .kind = SPAN("change"),
					       .limit = CHANGES_LOOKED_AT,
					       .newest_first = true };
	struct ledger_row change;
	struct buf revision = { 0 };
	if (s->config->kind != SINK_GITHUB)
		return 0;
	uint64_t pull = pull_of(s->config, row, (struct span){ 0 });
	if (!pull && sink_revision(row, &revision) &&
	    ledger_store_select(s->store, &changes) == 0) {
		while (!pull && ledger_store_next(s->store, &change) == 1)
			pull = pull_of(s->config, &change, (struct span){ revision.p, revision.n });
		ledger_store_end(s->store);
	}
	buf_fini(&revision);
	return pull;
}

/* --- delivery --- */

/* One try of all that is still to be sent for the row. */
static enum sink_answer try(struct sink *s, const struct ledger_row *row, uint32_t *wait_s,
			    char why[FETCH_WHY])
{
	struct sink_messages m;
	uint64_t now_s = clock_real_ms() / 1000;
	enum sink_answer answer = SINK_TAKEN;
	*wait_s = 0;
	if (sink_messages_write(&m, s->config, row, now_s, find_pull(s, row)) != 0) {
		snprintf(why, FETCH_WHY, "out of memory");
		answer = SINK_FAILED;
	}
	for (; answer == SINK_TAKEN && s->sent < m.n; s->sent++) {
		answer = sink_send(s->fetcher, s->config, &m.v[s->sent], &s->stop, wait_s, NULL,
				   why);
		if (answer == SINK_REFUSED) {
			log_message(LOG_ERROR, "sink_refused", "sink %s refuses row %.*s: %s",
				    s->config->name, (int)row->id.n, row->id.p, why);
			s->refused = true;
			answer = SINK_TAKEN;
		}
		if (answer != SINK_TAKEN)
			break;
	}
	if (answer == SINK_TAKEN)
		answer = m.n == 0 ? SINK_NOTHING : s->refused ? SINK_REFUSED : SINK_TAKEN;
	sink_messages_fini(&m);
	return answer;
}

static void worked(struct sink *s)
{
	if (s->failing_ms)
		log_message(LOG_INFO, "sink_up", "sink %s takes rows again", s->config->name);
	s->failing_ms = 0;
}

/* Whether the row is given up. */
static bool failed(struct sink *s, const struct ledger_row *row, const char *why)
{
	uint64_t now = clock_ms(), day = clock_real_ms();
	atomic_store(&s->state, SINK_DOWN);
	if (!s->failing_ms) {
		s->failing_ms = now;
		log_message(LOG_WARNING, "sink_down", "sink %s: %s; rows wait", s->config->name,
			    why);
	}
	if (now - s->failing_ms < s->config->give_up_ms || day < row->time_ms ||
	    day - row->time_ms < s->config->give_up_ms) {
		count(s, SINK_RETRIED);
		return false;
	}
	count(s, SINK_SKIPPED);
	log_message(LOG_ERROR, "sink_skipped", "sink %s: row %.*s is given up: %s", s->config->name,
		    (int)row->id.n, row->id.p, why);
	return true;
}

/* Until it is delivered, refused or given up. False: it is to end before that. */
static bool deliver(struct sink *s, const struct ledger_row *row)
{
	uint32_t wait_s;
	char why[FETCH_WHY] = "";
	while (!atomic_load(&s->stop)) {
		switch (try(s, row, &wait_s, why)) {
		case SINK_TAKEN:
			worked(s);
			atomic_store(&s->state, SINK_UP);
			count(s, SINK_DELIVERED);
			return true;
		case SINK_REFUSED:
			worked(s);
			atomic_store(&s->state, SINK_DOWN);
			count(s, SINK_REFUSALS);
			return true;
		case SINK_NOTHING: return true;
		case SINK_STOPPED: return false;
		case SINK_FAILED: break;
		}
		if (failed(s, row, why))
			return true;
		keep(s, 0);
		if (draining(s))
			return false;
		rest(s, max_u64(pause_ms(s->tries++), (uint64_t)wait_s * 1000), UINT64_MAX);
	}
	return false;
}

void *sink_main(void *arg)
{
	struct sink *s = arg;
	struct ledger_row row;
	bool last = false;
	while (!atomic_load(&s->stop)) {
		uint64_t seen = written(s);
		last = draining(s);
		int found = next_row(s, &row);
		if (found == 1 && !deliver(s, &row))
			break;
		if (found == 1)
			advance(s, &row);
		trouble(s, &s->unread, "the ledger cannot be read", found < 0 ? found : 0);
		keep(s, found == 1 ? KEEP_MS : LOOK_MS);
		if (found != 1 && last)
			break;
		if (found != 1)
			rest(s, LOOK_MS, found < 0 ? UINT64_MAX : seen);
	}
	keep(s, 0);
	pthread_mutex_lock(&s->clock->lock);
	s->clock->running--;
	pthread_cond_broadcast(&s->clock->news);
	pthread_mutex_unlock(&s->clock->lock);
	return NULL;
}

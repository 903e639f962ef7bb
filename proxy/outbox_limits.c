/* What keeps the outbox from asking: limits against flapping, and a bypass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "proxy/outbox_inside.h"

#define DAY_MS (24u * 3600 * 1000)

/* --- limits --- */

static uint64_t hash_of(const char *text)
{
	char hex[SHA256_HEX];
	if (sha256_of(span_of(text), hex) != 0)
		return 0;
	hex[16] = '\0';
	return strtoull(hex, NULL, 16);
}

static struct recent *find_recent(struct outbox *o, uint64_t target, uint64_t bad, uint64_t now)
{
	size_t kept = min_size(o->n_recent, OUTBOX_RECENT);
	for (size_t i = 0; i < kept; i++) {
		struct recent *r = &o->recent[i];
		if (r->target == target && r->bad == bad && r->time_ms + DAY_MS > now)
			return r;
	}
	return NULL;
}

/* Of one bad revision there is one rollback, by however many rules. */
void outbox_note(struct outbox *o, const char *target, const char *bad, uint64_t time_ms)
{
	const struct recent r = { hash_of(target), hash_of(bad), time_ms };
	if (find_recent(o, r.target, r.bad, time_ms))
		return;
	size_t kept = min_size(o->n_recent, OUTBOX_RECENT), i = 0;
	while (i < kept && o->recent[i].time_ms + DAY_MS > time_ms)
		i++;
	if (i < kept)
		o->recent[i] = r;
	else
		o->recent[o->n_recent++ % OUTBOX_RECENT] = r;
}

void outbox_unnote(struct outbox *o, const char *target, const char *bad)
{
	struct recent *r = find_recent(o, hash_of(target), hash_of(bad), clock_real_ms());
	if (r)
		*r = (struct recent){ .time_ms = 0 };
}

bool outbox_too_many(const struct outbox *o, const struct wish *w, char why[OUTBOX_SAYS])
{
	const struct config_rollback *c = o->config->rollback;
	uint64_t target = hash_of(w->target), bad = hash_of(w->bad), now = clock_real_ms(),
		 last = 0;
	size_t kept = min_size(o->n_recent, OUTBOX_RECENT), n = 0;
	for (size_t i = 0; i < kept; i++) {
		const struct recent *r = &o->recent[i];
		if (r->target != target || r->time_ms + DAY_MS < now)
			continue;
		if (r->bad == bad)
			return false;
		n++;
		last = max_u64(last, r->time_ms);
	}
	if (n >= c->quota)
		snprintf(why, OUTBOX_SAYS,
			 "target %s has had %zu rollbacks in 24 hours, as many as rollback.quota "
			 "allows",
			 w->target, n);
	else if (last && now < last + c->cooldown_ms)
		snprintf(why, OUTBOX_SAYS,
			 "target %s was rolled back %.1f s ago, within rollback.cooldown",
			 w->target, (double)(now - min_u64(now, last)) / 1000);
	else
		return false;
	return true;
}

/* --- bypass --- */

const struct bypass *outbox_bypass_of(const struct outbox *o, const char *target)
{
	uint64_t now = clock_real_ms();
	for (size_t i = 0; i < OUTBOX_BYPASSES; i++) {
		const struct bypass *b = &o->bypasses[i];
		if (b->until_ms > now && (!b->target[0] || strcmp(b->target, target) == 0))
			return b;
	}
	return NULL;
}

bool outbox_bypassed(struct outbox *o, const char *target)
{
	pthread_mutex_lock(&o->lock);
	bool found = outbox_bypass_of(o, target) != NULL;
	pthread_mutex_unlock(&o->lock);
	return found;
}

static void keep(char *to, size_t bytes, struct span text)
{
	size_t n = min_size(text.n, bytes - 1);
	memcpy(to, text.n ? text.p : "", n);
	to[n] = '\0';
}

/* The place of that target's bypass, or of one that is over. The last one falls to the latest. */
static struct bypass *place_of(struct outbox *o, const char *target)
{
	uint64_t now = clock_real_ms();
	struct bypass *free_one = NULL;
	for (size_t i = 0; i < OUTBOX_BYPASSES; i++) {
		struct bypass *b = &o->bypasses[i];
		if (b->until_ms > now && strcmp(b->target, target) == 0)
			return b;
		if (b->until_ms <= now && !free_one)
			free_one = b;
	}
	return free_one ? free_one : &o->bypasses[OUTBOX_BYPASSES - 1];
}

static void end_all(struct outbox *o)
{
	for (size_t i = 0; i < OUTBOX_BYPASSES; i++)
		o->bypasses[i].until_ms = 0;
}

static void apply(struct outbox *o, const struct json_value *root)
{
	char target[ROLLBACK_TARGET_MAX + 1];
	bool begins = span_eq(json_string(json_get(root, "phase")), SPAN("begins"));
	keep(target, sizeof(target), json_string(json_get(root, "target")));
	if (!begins && !target[0]) {
		end_all(o);
		return;
	}
	struct bypass *b = place_of(o, target);
	*b = (struct bypass){ 0 };
	if (!begins)
		return;
	memcpy(b->target, target, sizeof(target));
	keep(b->reason, sizeof(b->reason), json_string(json_get(root, "reason")));
	keep(b->by, sizeof(b->by), json_string(json_get(root, "by")));
	double until = json_number(json_get(root, "until_ms"));
	b->until_ms =
		until > 0 ? min_u64((uint64_t)until, clock_real_ms() + OUTBOX_BYPASS_MOST_MS) : 0;
}

void outbox_bypass_written(const struct ledger_added *added, void *outbox)
{
	struct outbox *o = outbox;
	struct json *doc = NULL;
	if (added->error || json_parse(added->row->body, &doc) != 0)
		return;
	pthread_mutex_lock(&o->lock);
	apply(o, json_root(doc));
	pthread_cond_broadcast(&o->news);
	pthread_mutex_unlock(&o->lock);
	json_free(doc);
}

/* --- what is shown --- */

void outbox_measure(struct outbox *o)
{
	uint64_t now = clock_real_ms();
	pthread_mutex_lock(&o->lock);
	bool bypassed = false;
	for (size_t i = 0; i < OUTBOX_BYPASSES; i++)
		bypassed = bypassed || o->bypasses[i].until_ms > now;
	metric_set(o->metrics, METRIC_WISHES_OPEN, 0, (double)o->n_wishes);
	metric_set(o->metrics, METRIC_BYPASSED, 0, bypassed);
	pthread_mutex_unlock(&o->lock);
}

static void add_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(text));
	buf_add_text(out, "\",");
}

void outbox_status(struct outbox *o, struct buf *out)
{
	static const enum wish_result shown[] = { WISH_VERIFIED, WISH_FAILED,   WISH_EXPIRED,
						  WISH_ABORTED,  WISH_BYPASSED, WISH_REFUSED };
	uint64_t now = clock_real_ms();
	pthread_mutex_lock(&o->lock);
	buf_add_char(out, '{');
	add_member(out, "patchctl", o->config->rollback->patchctl);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		buf_printf(out, "\"%s\":%llu,", wish_result_names[shown[i]],
			   (unsigned long long)o->ends[shown[i]]);
	buf_add_text(out, "\"open\":[");
	for (const struct wish *w = o->wishes; w; w = w->next) {
		buf_add_char(out, '{');
		add_member(out, "target", w->target);
		add_member(out, "bad", w->bad);
		add_member(out, "rule", w->rule);
		add_member(out, "says", w->says);
		buf_printf(out, "\"tries\":%u,\"left_s\":%.1f}%s", w->tries,
			   ((double)w->deadline_ms - (double)now) / 1000, w->next ? "," : "");
	}
	buf_add_text(out, "],\"bypasses\":[");
	bool first = true;
	for (size_t i = 0; i < OUTBOX_BYPASSES; i++) {
		const struct bypass *b = &o->bypasses[i];
		if (b->until_ms <= now)
			continue;
		buf_add_text(out, first ? "{" : ",{");
		add_member(out, "target", b->target);
		add_member(out, "reason", b->reason);
		add_member(out, "by", b->by);
		buf_printf(out, "\"left_s\":%llu}", (unsigned long long)(b->until_ms - now) / 1000);
		first = false;
	}
	buf_add_text(out, "]}");
	pthread_mutex_unlock(&o->lock);
}

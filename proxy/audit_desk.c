#include "proxy/audit_desk.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char id[AUDIT_ID_BYTES + 1];
	char *head; /* members of the list's JSON, without braces */
	struct buf question;
	uint64_t asked_ms, until_ms;
	bool answered;
	struct audit_said said;
};

struct audit_desk {
	pthread_mutex_t mutex;
	struct entry *entries[AUDIT_DESK_MAX];
	size_t bytes; /* of all questions */
};

struct audit_desk *audit_desk_new(void)
{
	struct audit_desk *d = calloc(1, sizeof(*d));
	if (d)
		pthread_mutex_init(&d->mutex, NULL);
	return d;
}

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->head);
	buf_fini(&e->question);
	free(e);
}

void audit_desk_free(struct audit_desk *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < AUDIT_DESK_MAX; i++)
		entry_free(d->entries[i]);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

static void add_member(struct buf *out, const char *key, struct span text)
{
	buf_printf(out, ",\"%s\":\"", key);
	buf_add_json(out, text);
	buf_add_char(out, '"');
}

static char *head_of(const char *id, const char *auditor, const struct audit_question *q)
{
	struct buf out = { 0 };
	buf_printf(&out, "\"id\":\"%s\"", id);
	add_member(&out, "auditor", span_of(auditor));
	add_member(&out, "exchange", q->exchange);
	add_member(&out, "spec", q->spec);
	add_member(&out, "reason", q->reason);
	if (isnan(q->diff_percent))
		buf_add_text(&out, ",\"diff_percent\":null");
	else
		buf_printf(&out, ",\"diff_percent\":%.6g", q->diff_percent);
	buf_printf(&out, ",\"threshold\":%.6g", q->threshold);
	return buf_take_text(&out);
}

static struct entry *entry_new(const char *id, const char *auditor, const struct audit_question *q,
			       struct span question)
{
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	CHECK(strlen(id) == AUDIT_ID_BYTES);
	memcpy(e->id, id, sizeof(e->id));
	e->head = head_of(id, auditor, q);
	buf_add(&e->question, question.p, question.n);
	if (e->head && !e->question.failed)
		return e;
	entry_free(e);
	return NULL;
}

static int place(struct audit_desk *d, struct entry *e)
{
	size_t i = 0;
	while (i < AUDIT_DESK_MAX && d->entries[i])
		i++;
	if (i == AUDIT_DESK_MAX || d->bytes + e->question.n > AUDIT_DESK_BYTES)
		return -ENOSPC;
	d->entries[i] = e;
	d->bytes += e->question.n;
	return 0;
}

int audit_desk_put(struct audit_desk *d, const char *id, const char *auditor,
		   const struct audit_question *q, struct span question, uint64_t now_ms,
		   uint64_t until_ms)
{
	struct entry *e = entry_new(id, auditor, q, question);
	if (!e)
		return -ENOMEM;
	e->asked_ms = now_ms;
	e->until_ms = until_ms;
	pthread_mutex_lock(&d->mutex);
	int error = place(d, e);
	pthread_mutex_unlock(&d->mutex);
	if (error)
		entry_free(e);
	return error;
}

/* The place of that id, or NULL. */
static struct entry **find(struct audit_desk *d, struct span id)
{
	for (size_t i = 0; i < AUDIT_DESK_MAX; i++)
		if (d->entries[i] && span_eq(span_of(d->entries[i]->id), id))
			return &d->entries[i];
	return NULL;
}

/* The same, if it can still be answered. */
static struct entry *find_open(struct audit_desk *d, struct span id, uint64_t now_ms)
{
	struct entry **at = find(d, id);
	return at && !(*at)->answered && now_ms < (*at)->until_ms ? *at : NULL;
}

bool audit_desk_look(struct audit_desk *d, const char *id, struct audit_said *said)
{
	pthread_mutex_lock(&d->mutex);
	struct entry **at = find(d, span_of(id));
	bool answered = at && (*at)->answered;
	if (answered)
		*said = (*at)->said;
	pthread_mutex_unlock(&d->mutex);
	return answered;
}

void audit_desk_take(struct audit_desk *d, const char *id)
{
	struct entry *e = NULL;
	pthread_mutex_lock(&d->mutex);
	struct entry **at = find(d, span_of(id));
	if (at) {
		e = *at;
		*at = NULL;
		d->bytes -= e->question.n;
	}
	pthread_mutex_unlock(&d->mutex);
	entry_free(e);
}

static void add_entry(struct buf *out, const struct entry *e, uint64_t now_ms)
{
	buf_printf(out, "{%s,\"age_s\":%.1f,\"left_s\":%.1f", e->head,
		   (double)(now_ms - min_u64(now_ms, e->asked_ms)) / 1000,
		   (double)(e->until_ms - now_ms) / 1000);
}

void audit_desk_list(struct audit_desk *d, uint64_t now_ms, struct buf *out)
{
	size_t n = 0;
	buf_add_text(out, "{\"audits\":[");
	pthread_mutex_lock(&d->mutex);
	for (size_t i = 0; i < AUDIT_DESK_MAX; i++) {
		const struct entry *e = d->entries[i];
		if (!e || e->answered || now_ms >= e->until_ms)
			continue;
		buf_add_text(out, n++ ? "," : "");
		add_entry(out, e, now_ms);
		buf_add_char(out, '}');
	}
	pthread_mutex_unlock(&d->mutex);
	buf_add_text(out, "]}\n");
}

bool audit_desk_show(struct audit_desk *d, struct span id, uint64_t now_ms, struct buf *out)
{
	pthread_mutex_lock(&d->mutex);
	const struct entry *e = find_open(d, id, now_ms);
	if (e) {
		add_entry(out, e, now_ms);
		buf_add_text(out, ",\"question\":");
		buf_add(out, e->question.p, e->question.n);
		buf_add_text(out, "}\n");
	}
	pthread_mutex_unlock(&d->mutex);
	return e != NULL;
}

bool audit_desk_answer(struct audit_desk *d, struct span id, uint64_t now_ms,
		       const struct audit_said *said)
{
	pthread_mutex_lock(&d->mutex);
	struct entry *e = find_open(d, id, now_ms);
	if (e) {
		e->said = *said;
		e->answered = true;
	}
	pthread_mutex_unlock(&d->mutex);
	return e != NULL;
}

/* Wishes as rows of the ledger, and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "proxy/outbox_inside.h"

#define LAST_ROWS 256 /* that many may stand between a card and its wish */
#define DAY_MS (24u * 3600 * 1000)

int outbox_key(const struct wish *w, char key[SHA256_HEX])
{
	struct buf what = { 0 };
	buf_printf(&what, "rollback\n%s\n%s\n%s", w->target, w->bad, w->rule);
	if (w->attempt)
		buf_printf(&what, "\n%u", w->attempt);
	int error = what.failed ? -ENOMEM : sha256_of((struct span){ what.p, what.n }, key);
	buf_fini(&what);
	return error;
}

static void add_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "%s\"%s\":\"", out->n > 1 ? "," : "", key);
	buf_add_json(out, span_of(text));
	buf_add_char(out, '"');
}

static void add_names(struct buf *out, const struct wish *w, const char *phase)
{
	buf_add_char(out, '{');
	add_member(out, "phase", phase);
	add_member(out, "target", w->target);
	add_member(out, "bad", w->bad);
	add_member(out, "rule", w->rule);
	add_member(out, "subject", w->subject);
	add_member(out, "source", outbox_source_names[w->source]);
	buf_printf(out, ",\"attempt\":%u,\"seen_ms\":%llu", w->attempt,
		   (unsigned long long)w->seen_ms);
}

void outbox_add_wish(struct buf *out, const struct wish *w)
{
	add_names(out, w, "asked");
	buf_printf(out, ",\"asked_ms\":%llu,\"deadline_ms\":%llu}",
		   (unsigned long long)(w->asked_us / 1000), (unsigned long long)w->deadline_ms);
}

static void add_phases(struct buf *out, const struct wish_phases *p)
{
	const double values[WISH_PHASE_COUNT] = { p->detect, p->record, p->decide,
						  p->act,    p->verify, p->total };
	buf_add_text(out, ",\"phases_ms\":{");
	for (size_t i = 0, n = 0; i < WISH_PHASE_COUNT; i++)
		if (values[i] >= 0)
			buf_printf(out, "%s\"%s\":%.3f", n++ ? "," : "", wish_phase_names[i],
				   values[i]);
	buf_add_char(out, '}');
}

/* On the writer's thread. One that was written before a crash stays as it was. */
static void on_row(const struct ledger_added *added, void *owner)
{
	struct wish *w = owner;
	struct outbox *o = w->o;
	if (added->error && added->error != -EEXIST)
		log_message(LOG_ERROR, "ledger_lost", "a rollback's row: %.*s: %s",
			    (int)min_size(added->row->body.n, 1000), added->row->body.p,
			    ledger_error(added->error));
	pthread_mutex_lock(&o->lock);
	w->rows--;
	if (w->state == WISH_ENDING || w->state == WISH_GONE)
		outbox_forget(o, w);
	pthread_mutex_unlock(&o->lock);
}

void outbox_put_row(struct outbox *o, struct wish *w, const char *phase,
		    const struct wish_phases *phases)
{
	struct buf body = { 0 };
	char key[96];
	snprintf(key, sizeof(key), "%s:%s", phases ? "end" : phase, w->id[0] ? w->id : w->key);
	add_names(&body, w, phase);
	add_member(&body, "wish", w->id);
	add_member(&body, "rollback", w->rollback);
	if (w->restored[0])
		add_member(&body, "revision", w->restored);
	add_member(&body, "says", w->says);
	buf_printf(&body, ",\"tries\":%u,\"recorded\":%s", w->tries,
		   w->recorded ? "true" : "false");
	if (phases) {
		add_phases(&body, phases);
		buf_printf(&body, ",\"objective_missed\":%s", phases->missed ? "true" : "false");
	}
	buf_add_char(&body, '}');
	const struct ledger_row row = { .kind = SPAN("rollback"),
					.subject = span_of(w->subject),
					.key = span_of(key),
					.body = { body.p, body.n } };
	w->rows++;
	int error = body.failed ? -ENOMEM : ledger_add(o->ledger, &row, on_row, w);
	if (error) {
		w->rows--;
		log_message(LOG_ERROR, "ledger_lost", "a rollback's row: %.*s: %s",
			    (int)min_size(body.n, 1000), body.n ? body.p : "", ledger_error(error));
	}
	buf_fini(&body);
}

/* --- reading back --- */

static bool take(const struct json_value *root, const char *key, char *to, size_t bytes)
{
	struct span text = json_string(json_get(root, key));
	if (text.n >= bytes || (text.n && memchr(text.p, '\0', text.n)))
		return false;
	memcpy(to, text.n ? text.p : "", text.n);
	to[text.n] = '\0';
	return text.n > 0;
}

static uint64_t number(const struct json_value *root, const char *key)
{
	double v = json_number(json_get(root, key));
	return v > 0 && v < 9e15 ? (uint64_t)v : 0;
}

static struct wish *find(struct outbox *o, struct span id)
{
	struct wish *w = o->wishes;
	while (w && !span_eq(span_of(w->id), id))
		w = w->next;
	return w;
}

static int read_asked(struct outbox *o, const struct ledger_row *row, const struct json_value *root)
{
	struct wish *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	if (!take(root, "target", w->target, sizeof(w->target)) ||
	    !take(root, "bad", w->bad, sizeof(w->bad)) ||
	    !take(root, "rule", w->rule, sizeof(w->rule)) ||
	    !take(root, "subject", w->subject, sizeof(w->subject)) || !number(root, "seen_ms") ||
	    row->id.n >= sizeof(w->id)) {
		free(w); /* somebody's row that is no wish of ours */
		return 0;
	}
	w->source = outbox_source_of(json_string(json_get(root, "source")));
	memcpy(w->id, row->id.p, row->id.n);
	w->o = o;
	w->state = WISH_DUE;
	w->recorded = w->resumed = true;
	w->attempt = (unsigned)min_u64(number(root, "attempt"), OUTBOX_ATTEMPTS);
	w->seen_ms = number(root, "seen_ms");
	w->deadline_ms = w->seen_ms + o->config->rollback->budget_ms;
	w->asked_us = number(root, "asked_ms") * 1000;
	w->recorded_us = row->time_ms * 1000;
	int error = outbox_key(w, w->key);
	if (error) {
		free(w);
		return error;
	}
	w->next = o->wishes;
	o->wishes = w;
	o->n_wishes++;
	return 0;
}

static void read_end(struct outbox *o, const struct json_value *root, struct wish *w)
{
	char target[ROLLBACK_TARGET_MAX + 1], bad[OUTBOX_REVISION];
	struct span phase = json_string(json_get(root, "phase"));
	bool tried = span_eq(phase, SPAN("failed")) || span_eq(phase, SPAN("aborted"));
	if (tried && !json_get(json_get(root, "phases_ms"), wish_phase_names[WISH_ACT]) &&
	    take(root, "target", target, sizeof(target)) && take(root, "bad", bad, sizeof(bad)))
		outbox_unnote(o, target, bad);
	if (w)
		outbox_forget(o, w);
}

static void read_accepted(struct outbox *o, const struct ledger_row *row,
			  const struct json_value *root, struct wish *w)
{
	char target[ROLLBACK_TARGET_MAX + 1], bad[OUTBOX_REVISION];
	if (take(root, "target", target, sizeof(target)) && take(root, "bad", bad, sizeof(bad)) &&
	    row->time_ms + DAY_MS > clock_real_ms())
		outbox_note(o, target, bad, row->time_ms);
	if (!w || !take(root, "rollback", w->rollback, sizeof(w->rollback)))
		return;
	w->state = WISH_ACCEPTED;
	w->accepted_us = row->time_ms * 1000;
}

static int read_row(struct outbox *o, const struct ledger_row *row)
{
	struct json *doc = NULL;
	int error = 0;
	if (json_parse(row->body, &doc) != 0)
		return 0;
	const struct json_value *root = json_root(doc);
	struct span phase = json_string(json_get(root, "phase"));
	struct wish *w = find(o, json_string(json_get(root, "wish")));
	if (span_eq(phase, SPAN("asked")))
		error = read_asked(o, row, root);
	else if (span_eq(phase, SPAN("accepted")))
		read_accepted(o, row, root, w);
	else
		read_end(o, root, w);
	json_free(doc);
	return error;
}

static int read_bypasses(struct outbox *o)
{
	const struct ledger_filter all = {
		.kind = SPAN("bypass"),
		.since_ms = clock_real_ms() - OUTBOX_BYPASS_MOST_MS,
		.limit = INT64_MAX,
	};
	struct ledger_row row;
	int found = ledger_store_select(o->reader, &all);
	while (found >= 0 && (found = ledger_store_next(o->reader, &row)) == 1) {
		const struct ledger_added added = { .row = &row };
		outbox_bypass_written(&added, o);
	}
	ledger_store_end(o->reader);
	return found;
}

int outbox_resume(struct outbox *o)
{
	const struct ledger_filter all = { .kind = SPAN("rollback"), .limit = INT64_MAX };
	struct ledger_row row;
	int error = 0, found = ledger_store_select(o->reader, &all);
	while (!error && found >= 0 && (found = ledger_store_next(o->reader, &row)) == 1)
		error = read_row(o, &row);
	ledger_store_end(o->reader);
	if (!error && found >= 0)
		found = read_bypasses(o);
	if (!error && found >= 0 && o->n_wishes)
		log_message(LOG_WARNING, "rollback_resumes",
			    "%zu rollbacks of the ledger have no end; they go on", o->n_wishes);
	return error ? error : found < 0 ? found : 0;
}

/* A card and its wish are two rows, and a crash may part them. */
static void ask_again(const struct ledger_row *row)
{
	struct json *doc = NULL;
	char rule[OUTBOX_RULE_BYTES], subject[LEDGER_SUBJECT_MAX + 1];
	char target[ROLLBACK_TARGET_MAX + 1], bad[OUTBOX_REVISION];
	if (json_parse(row->body, &doc) != 0)
		return;
	const struct json_value *root = json_root(doc), *changes = json_get(root, "changes");
	snprintf(subject, sizeof(subject), "%.*s", (int)row->subject.n, row->subject.p);
	struct outbox_wish wish = { target, bad, rule, subject, number(root, "seen_ms"), 0 };
	if (!take(root, "rule", rule, sizeof(rule)) || !wish.seen_ms)
		changes = NULL;
	wish.source = outbox_source_of(json_string(json_get(root, "source")));
	for (size_t i = 0; i < json_count(changes); i++)
		if (take(json_at(changes, i), "target", target, sizeof(target)) &&
		    take(json_at(changes, i), "bad", bad, sizeof(bad)))
			outbox_ask(&wish);
	json_free(doc);
}

int outbox_ask_again(struct outbox *o)
{
	struct ledger_filter cards = { .kind = SPAN("card"), .limit = LAST_ROWS };
	struct ledger_head head;
	struct ledger_row row;
	pthread_mutex_lock(&o->reading);
	int found = ledger_store_last(o->reader, &head);
	cards.after = head.sequence > LAST_ROWS ? head.sequence - LAST_ROWS : 0;
	if (found == 1)
		found = ledger_store_select(o->reader, &cards);
	while (found >= 0 && head.sequence && (found = ledger_store_next(o->reader, &row)) == 1)
		ask_again(&row);
	ledger_store_end(o->reader);
	pthread_mutex_unlock(&o->reading);
	return found < 0 ? found : 0;
}

int outbox_look_up(struct outbox *o, const char *id, char phase[32],
		   char subject[LEDGER_SUBJECT_MAX + 1])
{
	char key[LEDGER_ID_LENGTH + 8];
	struct ledger_row row;
	struct json *doc = NULL;
	snprintf(key, sizeof(key), "end:%s", id);
	phase[0] = subject[0] = '\0';
	pthread_mutex_lock(&o->reading);
	int found = ledger_store_find(o->reader, span_of(id), &row);
	if (found == 1)
		snprintf(subject, LEDGER_SUBJECT_MAX + 1, "%.*s", (int)row.subject.n,
			 row.subject.p);
	ledger_store_end(o->reader);
	if (found == 1 && (found = ledger_store_keyed(o->reader, span_of(key), &row)) == 1 &&
	    json_parse(row.body, &doc) == 0)
		(void)take(json_root(doc), "phase", phase, 32);
	ledger_store_end(o->reader);
	pthread_mutex_unlock(&o->reading);
	json_free(doc);
	return found < 0 ? found : subject[0] != '\0';
}

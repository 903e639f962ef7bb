/* What the outbox and PatchCtl say to each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "proxy/auth.h"
#include "proxy/outbox_inside.h"

#define ASK_MS 3000u /* one request; a courier is not to be held up longer */
#define LOOK_LEAST_MS 500u
#define ANSWER_BYTES (256u << 10)
#define AFTER_MOST_MS 10000u
#define REASON_BYTES 180 /* PatchCtl takes 200 */

struct question {
	const char *method, *target, *key; /* key: the Idempotency-Key, or NULL */
	struct span body;
	uint32_t timeout_ms;
};

static int ask(struct fetcher *f, const struct config_rollback *c, const struct question *q,
	       struct fetch_answer *answer, char why[FETCH_WHY])
{
	char signs[3][AUTH_HEADER], key[96];
	struct buf url = { 0 };
	const char *headers[6] = { signs[0], signs[1], signs[2] };
	if (q->key) {
		snprintf(key, sizeof(key), "Idempotency-Key: %s", q->key);
		headers[3] = key;
		headers[4] = "Content-Type: application/json";
	}
	buf_printf(&url, "%s%s", c->patchctl, q->target);
	buf_add_char(&url, '\0');
	const struct auth_request what = { .method = span_of(q->method),
					   .target = span_of(q->target),
					   .body = q->body };
	if (url.failed || auth_headers(c->name, c->secret, &what, signs) != 0) {
		buf_fini(&url);
		snprintf(why, FETCH_WHY, "the request could not be signed");
		return -EIO;
	}
	const struct fetch_request request = { .method = q->method,
					       .url = url.p,
					       .headers = headers,
					       .body = q->body,
					       .ca_file = c->ca,
					       .timeout_ms = q->timeout_ms,
					       .answer_most = ANSWER_BYTES };
	int error = fetch(f, &request, answer, why);
	buf_fini(&url);
	return error;
}

/* --- what the answer says --- */

static void take(const struct json_value *root, const char *key, char *to, size_t bytes)
{
	struct span text = json_string(json_get(root, key));
	size_t n = min_size(text.n, bytes - 1);
	for (size_t i = 0; i < n; i++)
		to[i] = (char)((unsigned char)text.p[i] < 0x20 ? ' ' : text.p[i]);
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

static uint64_t number(const struct json_value *root, const char *key)
{
	double v = json_number(json_get(root, key));
	return v > 0 && v < 9e15 ? (uint64_t)v : 0;
}

static bool read_rollback(const struct json_value *root, struct told_rollback *out)
{
	static const char *const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	take(root, "id", out->id, sizeof(out->id));
	take(root, "phase", out->phase, sizeof(out->phase));
	take(root, "revision", out->revision, sizeof(out->revision));
	take(root, "says", out->says, sizeof(out->says));
	out->accepted_ms = number(root, "accepted_ms");
	out->acted_ms = number(root, "acted_ms");
	out->ended_ms = number(root, "ended_ms");
	return out->phase[0] && strspn(out->id, digits) == ROLLBACK_ID_BYTES - 1;
}

static void read_problem(const struct json_value *root, unsigned status, struct told_rollback *out)
{
	char title[64], detail[300];
	take(root, "title", title, sizeof(title));
	take(root, "detail", detail, sizeof(detail));
	snprintf(out->says, sizeof(out->says), "PatchCtl answers %u%s%s%s%s", status,
		 title[0] ? " " : "", title, detail[0] ? ": " : "", detail);
	out->about_deadline = status == 400 && strstr(detail, "`deadline_s`") != NULL;
	/* Our nonces are new: a connection broke, and libcurl sent the request once more. */
	if (status == 401 && strcmp(title, auth_names[AUTH_REPLAYED]) == 0) {
		out->told = TOLD_LATER;
		out->unsure = true;
	}
}

/* Which refusals another try can change. */
static enum told of_status(unsigned status)
{
	if (status >= 500 || status == 429 || status == 408 || status == 425)
		return TOLD_LATER;
	return status == 404 ? TOLD_NONE : TOLD_NO;
}

static void judge(int error, const struct fetch_answer *a, const char *why,
		  struct told_rollback *out)
{
	struct json *doc = NULL;
	if (error) {
		out->told = TOLD_LATER;
		out->unsure = error != -ECONNREFUSED && error != -EHOSTUNREACH;
		snprintf(out->says, sizeof(out->says), "PatchCtl cannot be asked: %s", why);
		return;
	}
	if (json_parse((struct span){ a->body.p ? a->body.p : "", a->body.n }, &doc) != 0)
		doc = NULL;
	const struct json_value *root = doc ? json_root(doc) : NULL;
	out->after_ms = (uint32_t)min_u64((uint64_t)a->retry_after_s * 1000, AFTER_MOST_MS);
	if (a->status == 200 || a->status == 202) {
		bool good = read_rollback(root, out);
		out->told = good ? TOLD_ROLLBACK : TOLD_LATER;
		out->fresh = a->status == 202;
		out->unsure = !good;
		if (!good)
			snprintf(out->says, sizeof(out->says), "what answers %u is no PatchCtl",
				 a->status);
	} else {
		out->told = of_status(a->status);
		out->unsure = a->status >= 500;
		read_problem(root, a->status, out);
	}
	json_free(doc);
}

/* --- the questions --- */

static uint64_t left_ms(const struct wish *w)
{
	uint64_t now = clock_real_ms();
	return w->deadline_ms > now ? w->deadline_ms - now : 1;
}

/* Past the deadline there is a moment for one more look. */
static uint32_t look_ms(const struct wish *w)
{
	return (uint32_t)max_u64(LOOK_LEAST_MS, min_u64(left_ms(w), ASK_MS));
}

/* One line, as a history has it. */
static void add_reason(struct buf *out, const struct wish *w)
{
	char reason[REASON_BYTES + 1];
	snprintf(reason, sizeof(reason), "%.100s of %.64s", w->rule, w->subject);
	for (char *p = reason; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || (unsigned char)*p >= 0x80)
			*p = '?';
	buf_add_json(out, span_of(reason));
}

void outbox_tell(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out)
{
	struct fetch_answer answer = { 0 };
	struct buf body = { 0 };
	char why[FETCH_WHY] = "out of memory";
	uint64_t left = left_ms(w);
	*out = (struct told_rollback){ 0 };
	buf_add_text(&body, "{\"target\":\"");
	buf_add_json(&body, span_of(w->target));
	buf_add_text(&body, "\",\"bad\":\"");
	buf_add_json(&body, span_of(w->bad));
	buf_add_text(&body, "\",\"reason\":\"");
	add_reason(&body, w);
	buf_add_char(&body, '"');
	if (!w->plain)
		buf_printf(&body, ",\"deadline_s\":%.3f", (double)left / 1000);
	buf_add_char(&body, '}');
	const struct question q = { .method = "POST",
				    .target = "/rollback",
				    .key = w->key,
				    .body = { body.p, body.n },
				    .timeout_ms = (uint32_t)min_u64(left, ASK_MS) };
	int error = body.failed ? -ENOMEM : ask(f, c, &q, &answer, why);
	judge(error, &answer, why, out);
	if (out->told == TOLD_NONE)
		out->told = TOLD_NO; /* there is no such page: no PatchCtl */
	buf_fini(&body);
	buf_fini(&answer.body);
}

void outbox_poll(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out)
{
	struct fetch_answer answer = { 0 };
	char target[64], why[FETCH_WHY];
	*out = (struct told_rollback){ 0 };
	snprintf(target, sizeof(target), "/rollback/%s", w->rollback);
	const struct question q = { .method = "GET", .target = target, .timeout_ms = look_ms(w) };
	judge(ask(f, c, &q, &answer, why), &answer, why, out);
	buf_fini(&answer.body);
}

static const struct json_value *find_ours(const struct json_value *all, const struct wish *w)
{
	for (size_t i = 0; i < json_count(all); i++) {
		const struct json_value *r = json_at(all, i);
		if (span_eq(json_string(json_get(r, "target")), span_of(w->target)) &&
		    span_eq(json_string(json_get(r, "bad")), span_of(w->bad)) &&
		    number(r, "accepted_ms") >= w->seen_ms)
			return r;
	}
	return NULL;
}

void outbox_find(struct fetcher *f, const struct config_rollback *c, const struct wish *w,
		 struct told_rollback *out)
{
	struct fetch_answer answer = { 0 };
	struct json *doc = NULL;
	char target[OUTBOX_REVISION + 16], why[FETCH_WHY];
	*out = (struct told_rollback){ .told = TOLD_LATER };
	snprintf(target, sizeof(target), "/audit/%s", w->bad);
	const struct question q = { .method = "GET", .target = target, .timeout_ms = look_ms(w) };
	int error = ask(f, c, &q, &answer, why);
	if (!error && answer.status == 200 &&
	    json_parse((struct span){ answer.body.p, answer.body.n }, &doc) == 0) {
		const struct json_value *r = find_ours(json_get(json_root(doc), "rollbacks"), w);
		out->told = r && read_rollback(r, out) ? TOLD_ROLLBACK : TOLD_NONE;
	}
	json_free(doc);
	buf_fini(&answer.body);
}

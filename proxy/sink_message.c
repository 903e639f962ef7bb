#include "proxy/sink_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "policy/ruleset.h"

#define VALUE_BYTES 200            /* of one value, for people */
#define DESCRIPTION_CHARACTERS 140 /* more are an error for GitHub */

/* --- what a row says --- */

/* Of a body, in the order in which people are told. */
static const char *const facts[] = { "phase",  "severity", "rule",     "action", "route",
				     "target", "bad",      "revision", "reason", "title",
				     "wave",   "verdict",  "says" };

static struct span text_of(const struct json_value *body, const char *key)
{
	return json_string(json_get(body, key));
}

static bool is_card(const struct ledger_row *row)
{
	return span_eq(row->kind, SPAN("card"));
}

static bool is_rollback(const struct ledger_row *row)
{
	return span_eq(row->kind, SPAN("rollback"));
}

static bool severe(const struct config_sink *s, const struct ledger_row *row)
{
	struct json *j = NULL;
	bool enough = true; /* one of an unknown severity is not hidden */
	if (s->severity == SEVERITY_LOW || json_parse(row->body, &j) != 0)
		return true;
	struct span severity = text_of(json_root(j), "severity");
	for (int i = SEVERITY_LOW; i < s->severity; i++)
		if (span_eq(severity, span_of(severity_names[i])))
			enough = false;
	json_free(j);
	return enough;
}

bool sink_wants(const struct config_sink *s, const struct ledger_row *row)
{
	for (size_t i = 0; i < s->n_rows; i++)
		if (span_eq(row->kind, span_of(s->rows[i])))
			return !is_card(row) || severe(s, row);
	return false;
}

/* Only what can be nothing else in a path: SHA-1 or SHA-256, whole. */
static bool is_revision(struct span s)
{
	if (s.n != 40 && s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* Of a rollback `revision` is what took the bad one back. */
static struct span revision_of(const struct ledger_row *row, const struct json_value *body)
{
	struct span bad = text_of(body, "bad"), revision = text_of(body, "revision");
	if (is_revision(bad))
		return bad;
	return is_revision(revision) && !is_rollback(row) ? revision : (struct span){ 0 };
}

bool sink_revision(const struct ledger_row *row, struct buf *out)
{
	struct json *j = NULL;
	if (json_parse(row->body, &j) != 0)
		return false;
	struct span revision = revision_of(row, json_root(j));
	buf_add(out, revision.p, revision.n);
	json_free(j);
	return revision.n > 0 && !out->failed;
}

uint64_t sink_pull(const char *repository, struct span url)
{
	static const struct span middle = SPAN_INIT("/pull/");
	struct span wanted = span_of(repository);
	uint64_t number = 0;
	const char *at = memchr(url.p ? url.p : "", ':', url.n);
	const char *end = url.p + url.n;
	if (!at || end - at < 3 || at[1] != '/' || at[2] != '/')
		return 0;
	at += 3;
	at = memchr(at, '/', (size_t)(end - at));
	if (!at || (size_t)(end - ++at) <= wanted.n + middle.n ||
	    !span_eq_nocase((struct span){ at, wanted.n }, wanted) ||
	    !span_eq((struct span){ at + wanted.n, middle.n }, middle))
		return 0;
	at += wanted.n + middle.n;
	for (; at < end && *at >= '0' && *at <= '9' && number < 100000000; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	return at == end || *at == '/' || *at == '#' || *at == '?' ? number : 0;
}

/* --- for people --- */

/* At most so many bytes of it, in whole characters. */
static struct span shortened(struct span s, size_t most)
{
	if (s.n <= most)
		return s;
	while (most && ((unsigned char)s.p[most] & 0xc0) == 0x80)
		most--;
	return (struct span){ s.p, most };
}

enum markup { MARKUP_SLACK, MARKUP_GITHUB, MARKUP_NONE };

/* In Slack three characters are markup that nothing else can make. In a code span of GitHub nothing
 * is, neither names nor links, and a backtick alone would end it. */
static void add_character(struct buf *out, char c, enum markup markup)
{
	bool control = (unsigned char)c < 0x20 || c == 0x7f;
	if (markup == MARKUP_SLACK && c == '&')
		buf_add_text(out, "&amp;");
	else if (markup == MARKUP_SLACK && c == '<')
		buf_add_text(out, "&lt;");
	else if (markup == MARKUP_SLACK && c == '>')
		buf_add_text(out, "&gt;");
	else
		buf_add_char(out, control ? ' ' : markup == MARKUP_GITHUB && c == '`' ? '\'' : c);
}

static void add_value(struct buf *out, struct span value, enum markup markup)
{
	struct span text = shortened(value, VALUE_BYTES);
	buf_add_text(out, markup == MARKUP_GITHUB ? "`" : "");
	for (size_t i = 0; i < text.n; i++)
		add_character(out, text.p[i], markup);
	buf_add_text(out, text.n < value.n ? "..." : "");
	buf_add_text(out, markup == MARKUP_GITHUB ? "`" : "");
}

/* ", rule `aws-key`" */
static void add_fact(struct buf *out, const char *name, struct span value, enum markup markup)
{
	if (!value.n)
		return;
	buf_printf(out, ", %s ", name);
	add_value(out, value, markup);
}

static void add_kind(struct buf *out, const struct ledger_row *row, const struct json_value *body)
{
	bool monitored = json_bool(json_get(body, "monitor"));
	if (is_card(row))
		buf_add_text(out, monitored ? "Card (the policy only monitors)" : "Red card");
	else if (is_rollback(row))
		buf_add_text(out, "Rollback");
	else
		buf_printf(out, "Redcard: %.*s", (int)row->kind.n, row->kind.p);
}

/* A card that no rule has shown is about a change, or a ballot. */
static bool of_exchange(const struct ledger_row *row, const struct json_value *body)
{
	struct span source = text_of(body, "source");
	return is_card(row) && (!source.n || span_eq(source, SPAN("rule")));
}

/* One line: what the row is, and its facts. */
static void add_line(struct buf *out, const struct ledger_row *row, const struct json_value *body,
		     enum markup markup)
{
	char number[32];
	add_kind(out, row, body);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		const struct json_value *v = json_get(body, facts[i]);
		if (v && json_type(v) == JSON_IS_NUMBER) {
			snprintf(number, sizeof(number), "%.17g", json_number(v));
			add_fact(out, facts[i], span_of(number), markup);
		} else {
			add_fact(out, facts[i], json_string(v), markup);
		}
	}
	add_fact(out, of_exchange(row, body) ? "exchange" : "of", row->subject, markup);
	add_fact(out, "row", row->id, markup);
}

/* --- requests --- */

static void add_header(struct sink_message *m, const char *name, const char *value)
{
	size_t i = 0;
	while (m->headers[i])
		i++;
	CHECK(i < SINK_HEADERS);
	buf_printf(&m->lines[i], "%s: %s", name, value);
	buf_add_char(&m->lines[i], '\0');
	m->headers[i] = m->lines[i].failed ? "" : m->lines[i].p;
}

static int finish(struct sink_messages *m)
{
	for (size_t i = 0; i < m->n; i++) {
		bool failed = m->v[i].url.failed || m->v[i].body.failed;
		for (size_t k = 0; k < SINK_HEADERS; k++)
			failed = failed || m->v[i].lines[k].failed;
		if (failed)
			return -ENOMEM;
	}
	return 0;
}

static struct sink_message *add_message(struct sink_messages *m, const char *method)
{
	CHECK(m->n < SINK_MESSAGES);
	struct sink_message *message = &m->v[m->n++];
	message->method = method;
	return message;
}

static int write_webhook(struct sink_messages *m, const struct config_sink *s,
			 const struct ledger_row *row, uint64_t now_s)
{
	struct sink_message *message = add_message(m, "POST");
	struct buf text = { 0 }, value = { 0 };
	char hex[SHA256_HEX];
	buf_add(&message->url, s->url, strlen(s->url) + 1);
	ledger_row_add_json(&message->body, row);
	buf_printf(&text, "%llu\n", (unsigned long long)now_s);
	buf_add(&value, text.p, text.n ? text.n - 1 : 0);
	buf_add_char(&value, '\0');
	buf_add(&text, row->id.p, row->id.n);
	buf_add_char(&text, '\n');
	buf_add(&text, message->body.p, message->body.n);
	int error = text.failed || value.failed ? -ENOMEM : 0;
	if (!error)
		error = sha256_hmac(span_of(s->secret), (struct span){ text.p, text.n }, hex);
	if (!error) {
		add_header(message, "content-type", "application/json");
		add_header(message, "x-redcard-time", value.p);
		buf_clear(&value);
		buf_add(&value, row->id.p, row->id.n);
		buf_add_char(&value, '\0');
		add_header(message, "x-redcard-delivery", value.failed ? "" : value.p);
		buf_clear(&value);
		buf_printf(&value, "sha256=%s", hex);
		buf_add_char(&value, '\0');
		add_header(message, "x-redcard-signature", value.failed ? "" : value.p);
		error = value.failed ? -ENOMEM : finish(m);
	}
	buf_fini(&text);
	buf_fini(&value);
	return error;
}

/* {KEY: text} */
static void add_text_body(struct buf *out, const char *key, const struct buf *text)
{
	buf_printf(out, "{\"%s\":\"", key);
	buf_add_json(out, (struct span){ text->p, text->n });
	buf_add_text(out, "\"}");
	out->failed = out->failed || text->failed;
}

static int write_slack(struct sink_messages *m, const struct config_sink *s,
		       const struct ledger_row *row, const struct json_value *body)
{
	struct sink_message *message = add_message(m, "POST");
	struct buf text = { 0 };
	add_line(&text, row, body, MARKUP_SLACK);
	buf_add(&message->url, s->url, strlen(s->url) + 1);
	add_header(message, "content-type", "application/json");
	add_text_body(&message->body, "text", &text);
	buf_fini(&text);
	return finish(m);
}

/* --- GitHub --- */

static struct sink_message *add_call(struct sink_messages *m, const struct config_sink *s,
				     const char *method)
{
	struct sink_message *message = add_message(m, method);
	struct buf value = { 0 };
	size_t n = strlen(s->url);
	while (n && s->url[n - 1] == '/')
		n--;
	buf_printf(&message->url, "%.*s/repos/%s", (int)n, s->url, s->repository);
	buf_printf(&value, "Bearer %s", s->token);
	buf_add_char(&value, '\0');
	message->body.failed = value.failed;
	add_header(message, "accept", "application/vnd.github+json");
	add_header(message, "authorization", value.failed ? "" : value.p);
	add_header(message, "x-github-api-version", "2022-11-28");
	if (strcmp(method, "POST") == 0)
		add_header(message, "content-type", "application/json");
	buf_fini(&value);
	return message;
}

/* Whether a bad word about the revision is known. That it was taken back makes it no good one, and
 * of one that nobody complains about nothing is known. */
static bool condemns(const struct ledger_row *row, const struct json_value *body)
{
	struct span action = text_of(body, "action");
	if (is_rollback(row))
		return !span_eq(text_of(body, "phase"), SPAN("aborted"));
	return is_card(row) && !json_bool(json_get(body, "monitor")) &&
	       (!action.n || span_eq(action, SPAN("cut")) || json_bool(json_get(body, "rollback")));
}

/* What took a bad revision back, and was read back and found to be as the anchor: the one good word
 * that there is. */
static struct span restored_by(const struct ledger_row *row, const struct json_value *body)
{
	struct span revision = text_of(body, "revision");
	bool known = is_rollback(row) && span_eq(text_of(body, "phase"), SPAN("verified")) &&
		     is_revision(text_of(body, "bad")) && is_revision(revision) &&
		     !span_eq(revision, text_of(body, "bad"));
	return known ? revision : (struct span){ 0 };
}

/* The start of a text that has so many characters. */
static struct span characters(const struct buf *text, size_t most)
{
	size_t i = 0;
	for (; i < text->n; i++)
		if (((unsigned char)text->p[i] & 0xc0) != 0x80 && most-- == 0)
			break;
	return (struct span){ text->p, i };
}

static void add_status(struct sink_messages *m, const struct config_sink *s, struct span revision,
		       const char *state, const struct buf *line)
{
	struct sink_message *message = add_call(m, s, "POST");
	buf_printf(&message->url, "/statuses/%.*s", (int)revision.n, revision.p);
	buf_add_char(&message->url, '\0');
	buf_add_text(&message->body, "{\"context\":\"redcard\",\"description\":\"");
	buf_add_json(&message->body, characters(line, DESCRIPTION_CHARACTERS));
	buf_printf(&message->body, "\",\"state\":\"%s\"}", state);
	message->body.failed = message->body.failed || line->failed;
}

static void add_comment(struct sink_messages *m, const struct config_sink *s, struct span revision,
			uint64_t pull, const struct buf *line)
{
	struct sink_message *message = add_call(m, s, "POST");
	if (pull)
		buf_printf(&message->url, "/issues/%llu/comments", (unsigned long long)pull);
	else
		buf_printf(&message->url, "/commits/%.*s/comments", (int)revision.n, revision.p);
	buf_add_char(&message->url, '\0');
	add_text_body(&message->body, "body", line);
}

static bool other_target(const struct config_sink *s, const struct json_value *body)
{
	struct span target = text_of(body, "target");
	return s->target && !span_eq(target, span_of(s->target));
}

static int write_github(struct sink_messages *m, const struct config_sink *s,
			const struct ledger_row *row, const struct json_value *body, uint64_t pull)
{
	struct buf plain = { 0 }, marked = { 0 };
	struct span revision = revision_of(row, body), restored = restored_by(row, body);
	if ((!revision.n && !pull) || other_target(s, body))
		return 0;
	add_line(&plain, row, body, MARKUP_NONE);
	add_line(&marked, row, body, MARKUP_GITHUB);
	if (revision.n && condemns(row, body))
		add_status(m, s, revision, "failure", &plain);
	if (restored.n)
		add_status(m, s, restored, "success", &plain);
	add_comment(m, s, revision, pull, &marked);
	buf_fini(&plain);
	buf_fini(&marked);
	return finish(m);
}

int sink_messages_write(struct sink_messages *m, const struct config_sink *s,
			const struct ledger_row *row, uint64_t now_s, uint64_t pull)
{
	struct json *j = NULL;
	*m = (struct sink_messages){ 0 };
	if (s->kind == SINK_WEBHOOK)
		return write_webhook(m, s, row, now_s);
	int error = json_parse(row->body, &j);
	if (error)
		return error;
	error = s->kind == SINK_SLACK ? write_slack(m, s, row, json_root(j))
				      : write_github(m, s, row, json_root(j), pull);
	json_free(j);
	return error;
}

int sink_messages_test(struct sink_messages *m, const struct config_sink *s, const char *id,
		       uint64_t now_s)
{
	const struct ledger_row row = {
		.id = span_of(id),
		.time_ms = now_s * 1000,
		.kind = SPAN("test"),
		.subject = SPAN("redcard sinks test"),
		.body = SPAN("{\"title\":\"a test of this sink\"}"),
		.previous = SPAN(LEDGER_NO_HASH),
		.hash = SPAN(LEDGER_NO_HASH),
	};
	if (s->kind != SINK_GITHUB)
		return sink_messages_write(m, s, &row, now_s, 0);
	*m = (struct sink_messages){ 0 };
	buf_add_char(&add_call(m, s, "GET")->url, '\0');
	return finish(m);
}

void sink_messages_fini(struct sink_messages *m)
{
	for (size_t i = 0; i < SINK_MESSAGES; i++) {
		buf_fini(&m->v[i].url);
		buf_fini(&m->v[i].body);
		for (size_t k = 0; k < SINK_HEADERS; k++)
			buf_fini(&m->v[i].lines[k]);
	}
	m->n = 0;
}

#include "proxy/meta_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/canonical.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "proxy/admin_request.h"
#include "proxy/answer.h"
#include "proxy/change_state.h"
#include "proxy/config_ledger.h"
#include "proxy/config_webhook.h"
#include "proxy/ledger_post.h"
#include "proxy/meta_event.h"
#include "proxy/nonces.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define BODY_BYTES 65536

bool meta_pages_have(struct span path)
{
	return span_eq(path, SPAN("/webhook/meta"));
}

static struct span body_of(const struct exchange *x)
{
	return (struct span){ x->request_head.p, x->request_head.n };
}

static struct span header(const struct exchange *x, struct span name)
{
	return http1_find(http1_head(x->client->http), name);
}

static enum step_next refuse(struct exchange *x, enum webhook_refusal why, unsigned status,
			     const char *title, const char *detail)
{
	metric_add(x->w->metrics, METRIC_WEBHOOK_REFUSED, why, 1);
	return admin_problem(x, status, title, detail);
}

/* --- who sends it --- */

static int open_nonces(struct server *s)
{
	struct buf path = { 0 };
	if (s->nonces)
		return 0;
	buf_printf(&path, "%s.nonces", s->first->config->ledger->options.path);
	int error = path.failed ? -ENOMEM : nonces_open(path.p, clock_real_ms() / 1000, &s->nonces);
	buf_fini(&path);
	return error;
}

static int remember(void *owner, struct span name, struct span nonce)
{
	struct server *s = owner;
	uint64_t now_s = clock_real_ms() / 1000;
	int error = open_nonces(s);
	/* Its time may be as far ahead as it may be behind. */
	if (!error)
		error = nonces_remember(s->nonces, name, nonce, now_s,
					now_s + 2 * AUTH_STALE_S + 1);
	if (error && error != -EEXIST)
		log_message(LOG_ERROR, "webhook", "nonces cannot be kept: %s", strerror(-error));
	return error;
}

/* Bearer tokens are not looked at. */
static enum auth authenticate(struct exchange *x, const struct auth_token **who)
{
	const struct config_webhook *config = x->rt->config->webhook;
	const struct http1_head *head = http1_head(x->client->http);
	const struct auth_check check = { .tokens = config->tokens,
					  .n_tokens = config->n_tokens,
					  .now_s = clock_real_ms() / 1000,
					  .remember = remember,
					  .owner = x->w->server };
	const struct auth_request request = {
		.method = head->method,
		.target = head->target,
		.body = body_of(x),
		.time = header(x, SPAN("x-redcard-time")),
		.nonce = header(x, SPAN("x-redcard-nonce")),
		.signature = header(x, SPAN("x-redcard-signature")),
	};
	return auth_who(&check, &request, who);
}

static enum step_next unauthorized(struct exchange *x, enum auth why)
{
	static const struct {
		enum webhook_refusal label;
		const char *detail;
	} rows[AUTH_COUNT] = {
		[AUTH_ABSENT] = { WEBHOOK_ABSENT, "this call needs a signature" },
		[AUTH_WRONG] = { WEBHOOK_WRONG, "the signature is wrong" },
		[AUTH_STALE] = { WEBHOOK_STALE,
				 "the signature's time is more than 60 s from the time here" },
		[AUTH_REPLAYED] = { WEBHOOK_REPLAYED, "this nonce was used before" },
	};
	if (why == AUTH_BROKEN || why == AUTH_GOOD)
		return refuse(x, WEBHOOK_BROKEN, 503, "nonces not kept",
			      "whether this is a replay cannot be told; nothing was written");
	log_message(LOG_WARNING, "webhook_unauthorized", "%s: %s", x->client->peer,
		    auth_names[why]);
	return refuse(x, rows[why].label, 401, auth_names[why], rows[why].detail);
}

/* --- what it says --- */

/* Whose token it was, by the header that was verified. */
static struct span sender(const struct exchange *x)
{
	struct span signature = header(x, SPAN("x-redcard-signature"));
	const char *colon = memchr(signature.p, ':', signature.n);
	CHECK(colon);
	return (struct span){ signature.p, (size_t)(colon - signature.p) };
}

/* What makes a retry the same event: its Idempotency-Key, else its nonce. more: NULL, or a part. */
static bool event_key(const struct exchange *x, const char *more, char out[SHA256_HEX])
{
	struct span once = header(x, SPAN("idempotency-key")), who = sender(x);
	struct span what = once.p ? once : header(x, SPAN("x-redcard-nonce"));
	struct buf text = { 0 };
	buf_printf(&text, "meta\n%s\n", once.p ? "key" : "nonce");
	buf_add(&text, who.p, who.n);
	buf_add_char(&text, '\n');
	buf_add(&text, what.p, what.n);
	if (more)
		buf_printf(&text, "\n%s", more);
	bool good = !text.failed && sha256_of((struct span){ text.p, text.n }, out) == 0;
	buf_fini(&text);
	return good;
}

/* What would be taken back: as the event says, else as a builder has reported it. */
static int find_place(struct exchange *x, struct meta_event *e)
{
	struct ledger_store *s = x->w->server->ledger_reader;
	if (e->target.n) {
		memcpy(e->place.target, e->target.p, e->target.n);
		memcpy(e->place.revision, e->revision.p, e->revision.n);
		return 1;
	}
	return changes_newest(s, e->spec.n ? e->spec : e->change, &e->place);
}

static int settle_rollback(struct exchange *x, struct meta_event *e)
{
	int found = find_place(x, e);
	e->rollback = META_NONE;
	if (found < 0)
		return found;
	if (e->wants_rollback)
		e->rollback = found ? META_ASKED : e->spec.n ? META_WAITS : META_IMPOSSIBLE;
	return 0;
}

static void ask(const struct exchange *x, const struct meta_event *e, const char *change,
		const char *rule)
{
	struct outbox_wish wish = { .target = e->place.target,
				    .bad = e->place.revision,
				    .rule = rule,
				    .subject = change,
				    .seen_ms = clock_real_ms() - (x->w->now_ms - x->began_ms),
				    .source = OUTBOX_ASSERTION };
	if (e->rollback == META_ASKED)
		outbox_ask(&wish); /* now, so that its row goes before the event's */
	wish.target = NULL;        /* all that are reported for it, of any target */
	if (e->spec.n && !e->target.n)
		changes_condemn(e->spec, &wish);
}

static void put_cards(const struct exchange *x, const struct meta_event *e)
{
	char change[META_CHANGE_MAX + 1] = "", key[SHA256_HEX];
	memcpy(change, e->change.p, e->change.n);
	for (size_t i = 0; i < e->n_assertions; i++) {
		const struct assertion *a = &e->assertions[i];
		struct buf body = { 0 }, part = { 0 };
		if (e->results[i].fault == FAULT_NONE)
			continue;
		meta_event_add_card(&body, e, i);
		buf_printf(&part, "%s\n%s\n%s", a->field, meta_rollbacks[e->rollback],
			   e->place.revision);
		if (!body.failed && !part.failed && event_key(x, part.p, key))
			ledger_put_once("card", change, (struct span){ body.p, body.n }, key);
		else
			log_message(LOG_ERROR, "ledger_lost", "a card of change %s: out of memory",
				    change);
		if (a->rollback && !e->monitor)
			ask(x, e, change, a->field);
		buf_fini(&body);
		buf_fini(&part);
	}
}

/* --- its answer --- */

static void count(struct exchange *x, const struct meta_event *e)
{
	struct metrics_shard *m = x->w->metrics;
	metric_add(m, METRIC_META_EVENTS,
		   e->n_violations ? META_VERDICT_VIOLATION : META_VERDICT_PASS, 1);
	metric_add(m, METRIC_META_UNKNOWN, 0, e->n_unknown);
	for (size_t i = 0; i < e->n_assertions; i++)
		if (e->results[i].fault != FAULT_NONE)
			metric_add(m, METRIC_ASSERTIONS, metric_assertion(e->assertions[i].field),
				   1);
}

static int read_state(struct exchange *x, struct span change, struct change_state *out)
{
	struct server *s = x->w->server;
	if (!s->states)
		s->states = change_states_new();
	return s->states ? change_state_read(s->states, s->ledger_reader, change, out) : -ENOMEM;
}

static enum step_next answer(struct exchange *x, struct meta_event *e,
			     const struct ledger_added *added)
{
	struct change_state state;
	struct buf out = { 0 };
	int error = read_state(x, e->change, &state);
	if (!added->repeated)
		count(x, e);
	buf_printf(&out, "{\"id\":\"%s\",\"repeated\":%s,\"rollback\":\"%s\",", added->id,
		   added->repeated ? "true" : "false", meta_rollbacks[e->rollback]);
	meta_event_add_verdict(&out, e);
	buf_printf(&out, ",\"state\":\"%s\",\"state_severity\":",
		   error              ? "unknown"
		   : state.violations ? "violation"
				      : "pass");
	if (!error && state.violations)
		buf_printf(&out, "\"%s\"}\n", severity_names[state.severity]);
	else
		buf_add_text(&out, "null}\n");
	if (!out.failed)
		answer_body(x, 200, "application/json", (struct span){ out.p, out.n });
	bool failed = out.failed;
	buf_fini(&out);
	return failed ? admin_problem(x, 503, "out of memory", "there is no room for the answer")
		      : exchange_to(x, &step_finish);
}

static enum step_next not_written(struct exchange *x, int error)
{
	bool key = header(x, SPAN("idempotency-key")).p != NULL;
	if (error == -EEXIST && !key)
		return unauthorized(x, AUTH_REPLAYED);
	metric_add(x->w->metrics, METRIC_WEBHOOK_REFUSED,
		   error == -EEXIST ? WEBHOOK_CONFLICT : WEBHOOK_UNWRITTEN, 1);
	return ledger_post_refuse(x, error);
}

static struct meta_event *read_event(struct exchange *x, const char **wrong)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	*wrong = NULL;
	if (!e)
		return NULL;
	*wrong = meta_event_read(body_of(x), e);
	if (!*wrong) {
		meta_event_judge(e, x->rt->config->ruleset);
		return e;
	}
	meta_event_fini(e);
	free(e);
	return NULL;
}

static void drop_event(struct meta_event *e)
{
	meta_event_fini(e);
	free(e);
}

static enum step_next no_memory(struct exchange *x)
{
	return refuse(x, WEBHOOK_UNWRITTEN, 503, "out of memory", "nothing was written");
}

/* The event is read again: it was not kept while its row was on the way. */
static enum step_next run_record(struct exchange *x)
{
	const struct ledger_added *added = ledger_post_answer(x);
	const char *wrong;
	if (!added)
		return STEP_WAIT;
	if (added->error)
		return not_written(x, added->error);
	if (added->repeated && !header(x, SPAN("idempotency-key")).p)
		return unauthorized(x, AUTH_REPLAYED); /* as a lost file of nonces had it */
	struct meta_event *e = read_event(x, &wrong);
	if (!e)
		return no_memory(x);
	int error = settle_rollback(x, e);
	enum step_next next = error ? ledger_post_refuse(x, error) : answer(x, e, added);
	drop_event(e);
	return next;
}

static const struct step step_record = { "record", run_record };

/* Before anything is done about it: 1 where its row is there already, and so are its cards; 0;
 * -EEXIST where its key belongs to another row, or another -errno. */
static int is_repeated(struct exchange *x, const struct ledger_row *row)
{
	struct ledger_store *s = x->w->server->ledger_reader;
	struct buf canonical = { 0 };
	struct json *doc = NULL;
	struct ledger_row there;
	int error = json_parse(row->body, &doc);
	if (!error)
		error = canonical_add(&canonical, json_root(doc));
	int found = error ? error : ledger_store_keyed(s, row->key, &there);
	if (found == 1 && (!span_eq(there.subject, row->subject) ||
			   !span_eq(there.body, (struct span){ canonical.p, canonical.n })))
		found = -EEXIST;
	ledger_store_end(s);
	buf_fini(&canonical);
	json_free(doc);
	return found;
}

static enum step_next put(struct exchange *x, struct meta_event *e)
{
	struct buf body = { 0 }, by = { 0 };
	char key[SHA256_HEX];
	struct span who = sender(x);
	buf_printf(&by, "%.*s", (int)who.n, who.p);
	meta_event_add_row(&body, e, by.failed ? "" : by.p);
	const struct ledger_row row = { .kind = SPAN_INIT("meta"),
					.subject = e->change,
					.key = { key, SHA256_HEX - 1 },
					.body = { body.p, body.n } };
	enum step_next next;
	int found = 0;
	if (body.failed || by.failed || !event_key(x, NULL, key)) {
		next = no_memory(x);
	} else if (body.n > LEDGER_BODY_MAX) {
		next = ledger_post_refuse(x, -EFBIG);
	} else if ((found = is_repeated(x, &row)) < 0) {
		next = not_written(x, found);
	} else {
		if (!found)
			put_cards(x, e);
		next = ledger_post_add(x, &row, &step_record);
	}
	buf_fini(&body);
	buf_fini(&by);
	return next;
}

static bool is_key(struct span once)
{
	return !once.p || (once.n && !ledger_row_wrong(SPAN("meta"), SPAN("x"), once));
}

static enum step_next run_receive(struct exchange *x)
{
	const struct auth_token *who = NULL;
	const char *wrong;
	switch (admin_gather(x, BODY_BYTES, "an event has at most 64 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	enum auth auth = authenticate(x, &who);
	if (auth != AUTH_GOOD)
		return unauthorized(x, auth);
	if (!is_key(header(x, SPAN("idempotency-key"))))
		return refuse(x, WEBHOOK_MALFORMED, 400, "no key",
			      "an Idempotency-Key has 1 to 200 bytes of plain text");
	struct meta_event *e = read_event(x, &wrong);
	if (!e)
		return wrong ? refuse(x, WEBHOOK_MALFORMED, 400, "no event", wrong) : no_memory(x);
	int error = settle_rollback(x, e);
	enum step_next next = error ? not_written(x, error) : put(x, e);
	drop_event(e);
	return next;
}

static const struct step step_receive = { "receive", run_receive };

enum step_next meta_pages_answer(struct exchange *x, const struct http1_head *head,
				 struct span path)
{
	(void)path;
	if (!x->rt->config->webhook || !x->w->server->ledger)
		return admin_problem(x, 404, "no webhook", "this redcard has no `webhook`");
	if (!span_eq(head->method, SPAN("POST")))
		return admin_problem(x, 405, "method not allowed", "events come with POST");
	return admin_may_post(x, head) ? exchange_to(x, &step_receive)
				       : exchange_to(x, &step_finish);
}

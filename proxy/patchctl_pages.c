#include "proxy/patchctl_pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/answer.h"
#include "proxy/auth.h"
#include "proxy/patchctl_body.h"
#include "proxy/patchctl_page.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define BODY_BYTES 65536

struct patchctl *patchctl_of(const struct exchange *x)
{
	return x->w->server->patchctl;
}

const struct config_patchctl *patchctl_config(const struct exchange *x)
{
	return x->rt->config->patchctl;
}

struct span patchctl_said(const struct exchange *x)
{
	return (struct span){ x->request_head.p, x->request_head.n };
}

/* --- answers --- */

enum step_next patchctl_answer(struct exchange *x, unsigned status, struct buf *out)
{
	buf_add_char(out, '\n');
	bool failed = out->failed;
	if (!failed)
		answer_body(x, status, "application/json", (struct span){ out->p, out->n });
	buf_fini(out);
	return failed ? admin_problem(x, 503, "out of memory", "there is no room for the answer")
		      : exchange_to(x, &step_finish);
}

enum step_next patchctl_broken(struct exchange *x, int error)
{
	log_message(LOG_ERROR, "patchctl_state", "the state cannot be read or written: %s",
		    strerror(-error));
	return admin_problem(x, 503, "state not written",
			     "the state could not be read or written; nothing was done");
}

enum step_next patchctl_refuse(struct exchange *x, enum patchctl_refusal why, unsigned status,
			       const char *title, const char *detail)
{
	metric_add(patchctl_of(x)->shard, PATCHCTL_REFUSED, why, 1);
	return admin_problem(x, status, title, detail);
}

bool patchctl_path_begins(struct span path, struct span prefix)
{
	return path.n > prefix.n && memcmp(path.p, prefix.p, prefix.n) == 0;
}

/* --- anchors --- */

static enum step_next post_anchor(struct exchange *x, struct span about, struct span query,
				  const struct auth_token *who)
{
	(void)about, (void)query;
	struct patchctl *p = patchctl_of(x);
	struct anchor a = { .time_ms = clock_real_ms() };
	struct buf out = { 0 };
	bool known = false;
	const char *wrong = patchctl_read_anchor(patchctl_said(x), patchctl_config(x), &a);
	if (wrong)
		return admin_problem(x, 400, "no anchor", wrong);
	memcpy(a.by, who->name, strlen(who->name) + 1);
	int error = patchctl_store_register(p->store, &a, &known);
	if (error)
		return patchctl_broken(x, error);
	patchctl_put_anchor(&out, &a);
	return patchctl_answer(x, known ? 200 : 201, &out);
}

/* --- rollbacks --- */

static enum step_next accepted(struct exchange *x, enum acceptance how, const struct rollback *r)
{
	struct buf out = { 0 };
	switch (how) {
	case ACCEPT_KEY_TAKEN:
		return admin_problem(
			x, 422, "key in use",
			"this Idempotency-Key belongs to a rollback of something else");
	case ACCEPT_NO_ANCHOR:
		return admin_problem(x, 422, "no anchor",
				     "this target has no anchor; register one, or name it");
	case ACCEPT_COOLDOWN:
		return patchctl_refuse(
			x, REFUSED_COOLDOWN, 429, "cooldown",
			"this target was rolled back a moment ago; look first, or ask again "
			"when limits.cooldown has passed");
	case ACCEPT_QUOTA:
		return patchctl_refuse(
			x, REFUSED_QUOTA, 429, "quota",
			"this target has had as many rollbacks in 24 hours as limits.quota "
			"allows");
	case ACCEPT_KNOWN: metric_add(patchctl_of(x)->shard, PATCHCTL_REPEATED, 0, 1); break;
	case ACCEPTED: break;
	}
	patchctl_put_rollback(&out, r);
	return patchctl_answer(x, how == ACCEPTED ? 202 : 200, &out);
}

static enum step_next post_rollback(struct exchange *x, struct rollback *r)
{
	enum acceptance how = ACCEPTED;
	struct span key = http1_find(http1_head(x->client->http), SPAN("idempotency-key"));
	if (!patchctl_is_key(key))
		return admin_problem(x, 400, "no key",
				     "a rollback needs an Idempotency-Key of 1 to 128 bytes of "
				     "plain text without blanks");
	int error = crew_accept(patchctl_of(x)->crew, x->rt->config, key, r, &how);
	return error ? patchctl_broken(x, error) : accepted(x, how, r);
}

static enum step_next post_abort(struct exchange *x, struct span id, struct span query,
				 const struct auth_token *who)
{
	(void)query;
	struct rollback r;
	struct buf out = { 0 };
	char reason[ROLLBACK_TEXT];
	enum abortion how = ABORT_UNKNOWN;
	const char *wrong = patchctl_read_reason(patchctl_said(x), reason);
	if (wrong)
		return admin_problem(x, 400, "no reason", wrong);
	int error = crew_abort(patchctl_of(x)->crew, id, who->name, reason, &r, &how);
	if (error)
		return patchctl_broken(x, error);
	if (how == ABORT_UNKNOWN)
		return admin_problem(x, 404, "no such rollback", "there is no rollback of this id");
	if (how == ABORT_LATE)
		return admin_problem(x, 409, "too late",
				     rollback_ended(r.phase)
					     ? "this rollback is at its end; look at its phase"
					     : "the driver has begun with what cannot be undone");
	patchctl_put_rollback(&out, &r);
	return patchctl_answer(x, 200, &out);
}

static enum step_next begin_rollback(struct exchange *x, struct span about, struct span query,
				     const struct auth_token *who)
{
	(void)about;
	struct rollback r = { .accepted_ms = clock_real_ms() };
	bool plans = span_eq(query, SPAN("plan=1"));
	if (query.n && !plans)
		return admin_problem(x, 400, "unknown query", "a rollback has the query plan=1");
	const char *wrong =
		patchctl_read_rollback(patchctl_said(x), patchctl_config(x), r.accepted_ms, &r);
	if (wrong)
		return admin_problem(x, 400, "no rollback", wrong);
	worker_new_id(x->w, r.id);
	memcpy(r.by, who->name, strlen(who->name) + 1);
	return plans ? patchctl_post_plan(x, &r) : post_rollback(x, &r);
}

/* --- quorums --- */

static enum step_next patch_quorum(struct exchange *x, struct span change, struct span query,
				   const struct auth_token *who)
{
	struct statement st = { .time_ms = clock_real_ms() };
	struct buf out = { 0 };
	bool known = false;
	(void)query;
	if (change.n >= sizeof(st.change))
		return admin_problem(x, 400, "no change", "a change has a name of up to 127 bytes");
	memcpy(st.change, change.p, change.n);
	if (!driver_is_word(st.change))
		return admin_problem(x, 400, "no change",
				     "a change is one word of letters, digits and . _ - : / @ +");
	const char *wrong = patchctl_read_statement(patchctl_said(x), patchctl_config(x), &st);
	if (wrong)
		return admin_problem(x, 400, "no statement", wrong);
	memcpy(st.by, who->name, strlen(who->name) + 1);
	int error = patchctl_store_say(patchctl_of(x)->store, &st, &known);
	if (error == -E2BIG)
		return admin_problem(x, 409, "too much said",
				     "this change has as many statements as are kept of one");
	if (error)
		return patchctl_broken(x, error);
	patchctl_put_statement(&out, &st);
	return patchctl_answer(x, known ? 200 : 201, &out);
}

/* --- who asks, and what --- */

static int remember(void *owner, struct span name, struct span nonce)
{
	struct patchctl *p = owner;
	return patchctl_store_nonce(p->store, name, nonce, clock_real_ms());
}

static enum auth authenticate(struct exchange *x, const struct http1_head *head,
			      const struct auth_token **who)
{
	struct patchctl *p = patchctl_of(x);
	const struct auth_check check = { .tokens = patchctl_config(x)->tokens,
					  .n_tokens = patchctl_config(x)->n_tokens,
					  .now_s = clock_real_ms() / 1000,
					  .remember = remember,
					  .owner = p };
	const struct auth_request request = {
		.method = head->method,
		.target = head->target,
		.body = patchctl_said(x),
		.authorization = http1_find(head, SPAN("authorization")),
		.time = http1_find(head, SPAN("x-redcard-time")),
		.nonce = http1_find(head, SPAN("x-redcard-nonce")),
		.signature = http1_find(head, SPAN("x-redcard-signature")),
	};
	return auth_who(&check, &request, who);
}

static enum step_next unauthorized(struct exchange *x, enum auth why)
{
	static const char *const details[AUTH_COUNT] = {
		[AUTH_ABSENT] = "this call needs a bearer token or a signature",
		[AUTH_WRONG] = "the token or the signature is wrong",
		[AUTH_STALE] = "the signature's time is more than 60 s from the time here",
		[AUTH_REPLAYED] = "this nonce was used before",
	};
	if (why == AUTH_BROKEN)
		return patchctl_broken(x, -EIO);
	log_message(LOG_WARNING, "patchctl_unauthorized", "%s: %s", x->client->peer,
		    auth_names[why]);
	return patchctl_refuse(x, why == AUTH_REPLAYED ? REFUSED_REPLAYED : REFUSED_UNAUTHORIZED,
			       401, auth_names[why], details[why]);
}

/* One that changes something. about: the id or the change that its path names. */
struct change {
	const char *method, *before, *behind;
	enum role role;
	enum step_next (*run)(struct exchange *x, struct span about, struct span query,
			      const struct auth_token *who);
};

static const struct change changes[] = {
	{ "POST", "/anchors", NULL, ROLE_REGISTER, post_anchor },
	{ "POST", "/rollback", NULL, ROLE_ROLLBACK, begin_rollback },
	{ "POST", "/rollback/", "/abort", ROLE_ROLLBACK, post_abort },
	{ "PATCH", "/quorum/", "", ROLE_QUORUM, patch_quorum },
};

static bool leads_to(const struct change *c, struct span path, struct span *about)
{
	size_t before = strlen(c->before), behind = c->behind ? strlen(c->behind) : 0;
	if (!c->behind)
		return span_eq(path, span_of(c->before));
	if (path.n <= before + behind || memcmp(path.p, c->before, before) != 0 ||
	    memcmp(path.p + path.n - behind, c->behind, behind) != 0)
		return false;
	*about = (struct span){ path.p + before, path.n - before - behind };
	return true;
}

static enum step_next call(struct exchange *x, const struct http1_head *head, struct span path,
			   struct span query, const struct auth_token *who)
{
	struct span about = { 0 };
	const struct change *c = NULL;
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	for (size_t i = 0; i < ARRAY_LEN(changes) && !c; i++)
		if (span_eq(head->method, span_of(changes[i].method)) &&
		    leads_to(&changes[i], path, &about))
			c = &changes[i];
	if (!reads && !c)
		return admin_problem(x, 405, "method not allowed",
				     "pages are read with GET; POST is for /anchors, /rollback and "
				     "/rollback/ID/abort, PATCH for /quorum/CHANGE");
	if (!who->roles[c ? c->role : ROLE_READ])
		return patchctl_refuse(x, REFUSED_FORBIDDEN, 403, "role missing",
				       "this token's roles do not cover this call");
	if (reads)
		return patchctl_read_page(x, path, query);
	if (!admin_may_post(x, head))
		return exchange_to(x, &step_finish);
	return c->run(x, about, query, who);
}

static enum step_next run_receive(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->client->http);
	const struct auth_token *who = NULL;
	switch (admin_gather(x, BODY_BYTES, "a body has at most 64 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	enum auth auth = authenticate(x, head, &who);
	if (auth != AUTH_GOOD)
		return unauthorized(x, auth);
	const char *mark = memchr(head->target.p, '?', head->target.n);
	struct span path = { head->target.p,
			     mark ? (size_t)(mark - head->target.p) : head->target.n };
	struct span query = { 0 };
	if (mark)
		query = (struct span){ mark + 1, head->target.n - path.n - 1 };
	return call(x, head, path, query, who);
}

static const struct step step_receive = { "receive", run_receive };

static enum step_next open_page(struct exchange *x, bool numbers)
{
	struct buf out = { 0 };
	if (numbers)
		metrics_render(patchctl_of(x)->metrics, &out);
	else
		buf_add_text(&out, "ok\n");
	answer_body(x, 200, numbers ? "text/plain; version=0.0.4" : "text/plain",
		    (struct span){ out.p, out.n });
	buf_fini(&out);
	return exchange_to(x, &step_finish);
}

enum step_next patchctl_pages_answer(struct exchange *x, const struct http1_head *head,
				     struct span path)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	if (reads && (span_eq(path, SPAN("/livez")) || span_eq(path, SPAN("/metrics"))))
		return open_page(x, span_eq(path, SPAN("/metrics")));
	if (x->expects_continue)
		conn_write(&x->client->conn, go_on, sizeof(go_on) - 1);
	x->expects_continue = false;
	exchange_phase(x, x->rt->config->timeouts.client_body);
	return exchange_to(x, &step_receive);
}

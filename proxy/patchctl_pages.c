#include "proxy/patchctl_pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "proxy/admin_request.h"
#include "proxy/answer.h"
#include "proxy/auth.h"
#include "proxy/patchctl.h"
#include "proxy/patchctl_body.h"
#include "proxy/patchctl_metrics.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define BODY_BYTES 65536
#define LIST_MAX 200
#define AUDIT_LOOKS 10000 /* rows that the history of a revision is looked for in */

static struct patchctl *patchctl_of(const struct exchange *x)
{
	return x->w->server->patchctl;
}

static uint64_t real_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- answers --- */

static enum step_next answer(struct exchange *x, unsigned status, struct buf *out)
{
	buf_add_char(out, '\n');
	bool failed = out->failed;
	if (!failed)
		answer_body(x, status, "application/json", (struct span){ out->p, out->n });
	buf_fini(out);
	return failed ? admin_problem(x, 503, "out of memory", "there is no room for the answer")
		      : exchange_to(x, &step_finish);
}

static enum step_next broken(struct exchange *x, int error)
{
	log_message(LOG_ERROR, "patchctl_state", "the state cannot be read or written: %s",
		    strerror(-error));
	return admin_problem(x, 503, "state not written",
			     "the state could not be read or written; nothing was done");
}

static enum step_next refuse(struct exchange *x, enum patchctl_refusal why, unsigned status,
			     const char *title, const char *detail)
{
	metric_add(patchctl_of(x)->shard, PATCHCTL_REFUSED, why, 1);
	return admin_problem(x, status, title, detail);
}

/* --- anchors --- */

struct list {
	struct buf out;
	size_t n;
	struct span revision; /* p NULL: any */
};

static bool is_about(const struct list *l, const char *revision)
{
	return !l->revision.p || span_eq(l->revision, span_of(revision));
}

static bool list_anchor(const struct anchor *a, void *owner)
{
	struct list *l = owner;
	if (!is_about(l, a->revision))
		return true;
	buf_add_text(&l->out, l->n++ ? "," : "");
	patchctl_put_anchor(&l->out, a);
	return !l->out.failed;
}

static enum step_next get_anchors(struct exchange *x, struct span query)
{
	static const struct span by_target = SPAN_INIT("target=");
	struct list list = { 0 };
	struct span target = { 0 };
	if (query.n >= by_target.n && memcmp(query.p, by_target.p, by_target.n) == 0)
		target = (struct span){ query.p + by_target.n, query.n - by_target.n };
	else if (query.n)
		return admin_problem(x, 400, "unknown query", "anchors are asked for by target");
	buf_add_text(&list.out, "{\"anchors\":[");
	int error =
		patchctl_store_anchors(patchctl_of(x)->store, target, LIST_MAX, list_anchor, &list);
	buf_add_text(&list.out, "]}");
	if (!error)
		return answer(x, 200, &list.out);
	buf_fini(&list.out);
	return broken(x, error);
}

static enum step_next post_anchor(struct exchange *x, const struct auth_token *who)
{
	struct patchctl *p = patchctl_of(x);
	struct anchor a = { .time_ms = real_ms() };
	struct buf out = { 0 };
	bool known = false;
	const char *wrong = patchctl_read_anchor(
		(struct span){ x->request_head.p, x->request_head.n }, p->config, &a);
	if (wrong)
		return admin_problem(x, 400, "no anchor", wrong);
	memcpy(a.by, who->name, strlen(who->name) + 1);
	int error = patchctl_store_register(p->store, &a, &known);
	if (error)
		return broken(x, error);
	patchctl_put_anchor(&out, &a);
	return answer(x, known ? 200 : 201, &out);
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
		return refuse(x, REFUSED_COOLDOWN, 429, "cooldown",
			      "this target was rolled back a moment ago; look first, or ask again "
			      "when limits.cooldown has passed");
	case ACCEPT_QUOTA:
		return refuse(x, REFUSED_QUOTA, 429, "quota",
			      "this target has had as many rollbacks in 24 hours as limits.quota "
			      "allows");
	case ACCEPT_KNOWN: metric_add(patchctl_of(x)->shard, PATCHCTL_REPEATED, 0, 1); break;
	case ACCEPTED: break;
	}
	patchctl_put_rollback(&out, r);
	return answer(x, how == ACCEPTED ? 202 : 200, &out);
}

static enum step_next post_rollback(struct exchange *x, struct rollback *r)
{
	enum acceptance how = ACCEPTED;
	struct span key = http1_find(http1_head(x->client->http), SPAN("idempotency-key"));
	if (!patchctl_is_key(key))
		return admin_problem(x, 400, "no key",
				     "a rollback needs an Idempotency-Key of 1 to 128 bytes of "
				     "plain text without blanks");
	int error = crew_accept(patchctl_of(x)->crew, key, r, &how);
	return error ? broken(x, error) : accepted(x, how, r);
}

static enum step_next get_rollback(struct exchange *x, struct span id)
{
	struct rollback r;
	struct buf out = { 0 };
	int found = patchctl_store_find(patchctl_of(x)->store, id, &r);
	if (found < 0)
		return broken(x, found);
	if (!found)
		return admin_problem(x, 404, "no such rollback", "there is no rollback of this id");
	patchctl_put_rollback(&out, &r);
	return answer(x, 200, &out);
}

static bool list_rollback(const struct rollback *r, void *owner)
{
	struct list *l = owner;
	if (!is_about(l, r->bad) && !is_about(l, r->anchor) && !is_about(l, r->revision))
		return true;
	buf_add_text(&l->out, l->n++ ? "," : "");
	patchctl_put_rollback(&l->out, r);
	return !l->out.failed && l->n < LIST_MAX;
}

static enum step_next get_rollbacks(struct exchange *x)
{
	struct list list = { 0 };
	buf_add_text(&list.out, "{\"rollbacks\":[");
	int error = patchctl_store_rollbacks(patchctl_of(x)->store, false, LIST_MAX, list_rollback,
					     &list);
	buf_add_text(&list.out, "]}");
	if (!error)
		return answer(x, 200, &list.out);
	buf_fini(&list.out);
	return broken(x, error);
}

/* What a revision has to do with: anchors of it; rollbacks of which it is the bad one, the anchor
 * or the restoring one. */
static enum step_next get_audit(struct exchange *x, struct span revision)
{
	struct patchctl_store *s = patchctl_of(x)->store;
	struct list list = { .revision = revision, .out.max = 4u << 20 };
	buf_add_text(&list.out, "{\"change\":\"");
	buf_add_json(&list.out, revision);
	buf_add_text(&list.out, "\",\"anchors\":[");
	int error = patchctl_store_anchors(s, (struct span){ 0 }, AUDIT_LOOKS, list_anchor, &list);
	list.n = 0;
	buf_add_text(&list.out, "],\"rollbacks\":[");
	if (!error)
		error = patchctl_store_rollbacks(s, false, AUDIT_LOOKS, list_rollback, &list);
	buf_add_text(&list.out, "]}");
	if (!error)
		return answer(x, 200, &list.out);
	buf_fini(&list.out);
	return broken(x, error);
}

/* --- plans --- */

struct patchctl_plan {
	struct patchctl_plan *next; /* of its worker */
	struct worker *w;
	struct exchange *x; /* NULL: gone */
	struct buf out;
	_Atomic bool done;
};

static void on_planned(const struct crew_plan *plan, void *owner)
{
	struct patchctl_plan *p = owner;
	struct worker *w = p->w;
	buf_printf(&p->out, "{\"outcome\":\"%s\",\"anchor\":\"",
		   driver_outcome_names[plan->outcome]);
	buf_add_json(&p->out, span_of(plan->anchor));
	buf_add_text(&p->out, "\",\"says\":\"");
	buf_add_json(&p->out, plan->says);
	buf_add_text(&p->out, "\"}");
	atomic_store_explicit(&p->done, true, memory_order_release);
	worker_wake(w); /* the plan may be gone */
}

static void free_plan(struct patchctl_plan *p)
{
	buf_fini(&p->out);
	free(p);
}

void patchctl_plans_tell(struct worker *w)
{
	for (struct patchctl_plan **at = &w->plans, *p; (p = *at);) {
		if (!atomic_load_explicit(&p->done, memory_order_acquire)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		p->next = NULL;
		if (p->x)
			exchange_advance(p->x); /* to its end, which forgets the plan */
		else
			free_plan(p);
		at = &w->plans; /* who knows what that did */
	}
}

void patchctl_plans_fini(struct worker *w)
{
	for (struct patchctl_plan *p = w->plans, *next; p; p = next) {
		next = p->next;
		free_plan(p);
	}
	w->plans = NULL;
}

/* One that is made was taken off the list when its exchange was told. */
void patchctl_plan_forget(struct patchctl_plan *p)
{
	if (!p)
		return;
	p->x = NULL;
	for (struct patchctl_plan *at = p->w->plans; at; at = at->next)
		if (at == p)
			return; /* the list frees it */
	free_plan(p);
}

static enum step_next run_plan(struct exchange *x)
{
	struct patchctl_plan *p = x->plan;
	if (!atomic_load_explicit(&p->done, memory_order_acquire))
		return STEP_WAIT;
	return answer(x, 200, &p->out);
}

static const struct step step_plan = { "plan", run_plan };

static enum step_next post_plan(struct exchange *x, const struct rollback *r)
{
	struct patchctl_plan *p = calloc(1, sizeof(*p));
	if (!p)
		return broken(x, -ENOMEM);
	p->w = x->w;
	p->x = x;
	int error = crew_plan(patchctl_of(x)->crew, r, on_planned, p);
	if (error) {
		free(p);
		return error == -EAGAIN ? admin_problem(x, 503, "too many plans",
							"too many plans wait; ask again later")
					: broken(x, error);
	}
	p->next = x->w->plans;
	x->w->plans = p;
	x->plan = p;
	exchange_phase(x, 0);
	return exchange_to(x, &step_plan);
}

static enum step_next begin_rollback(struct exchange *x, struct span query,
				     const struct auth_token *who)
{
	struct rollback r = { .accepted_ms = real_ms() };
	bool plans = span_eq(query, SPAN("plan=1"));
	if (query.n && !plans)
		return admin_problem(x, 400, "unknown query", "a rollback has the query plan=1");
	const char *wrong =
		patchctl_read_rollback((struct span){ x->request_head.p, x->request_head.n },
				       patchctl_of(x)->config, r.accepted_ms, &r);
	if (wrong)
		return admin_problem(x, 400, "no rollback", wrong);
	worker_new_id(x->w, r.id);
	memcpy(r.by, who->name, strlen(who->name) + 1);
	return plans ? post_plan(x, &r) : post_rollback(x, &r);
}

/* --- who asks, and what --- */

static enum step_next readyz(struct exchange *x)
{
	int error = patchctl_store_probe(patchctl_of(x)->store);
	if (error)
		return broken(x, error);
	answer_body(x, 200, "text/plain", SPAN("ok\n"));
	return exchange_to(x, &step_finish);
}

static int remember(void *owner, struct span name, struct span nonce)
{
	struct patchctl *p = owner;
	return patchctl_store_nonce(p->store, name, nonce, real_ms());
}

static enum auth authenticate(struct exchange *x, const struct http1_head *head,
			      const struct auth_token **who)
{
	struct patchctl *p = patchctl_of(x);
	const struct auth_check check = { .tokens = p->config->tokens,
					  .n_tokens = p->config->n_tokens,
					  .now_s = real_ms() / 1000,
					  .remember = remember,
					  .owner = p };
	const struct auth_request request = {
		.method = head->method,
		.target = head->target,
		.body = { x->request_head.p, x->request_head.n },
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
		return broken(x, -EIO);
	log_message(LOG_WARNING, "patchctl_unauthorized", "%s: %s", x->client->peer,
		    auth_names[why]);
	return refuse(x, why == AUTH_REPLAYED ? REFUSED_REPLAYED : REFUSED_UNAUTHORIZED, 401,
		      auth_names[why], details[why]);
}

static bool starts_with(struct span path, struct span prefix)
{
	return path.n > prefix.n && memcmp(path.p, prefix.p, prefix.n) == 0;
}

static enum step_next read_page(struct exchange *x, struct span path, struct span query)
{
	static const struct span one = SPAN_INIT("/rollback/"), audit = SPAN_INIT("/audit/");
	if (span_eq(path, SPAN("/readyz")))
		return readyz(x);
	if (span_eq(path, SPAN("/anchors")))
		return get_anchors(x, query);
	if (span_eq(path, SPAN("/rollbacks")))
		return get_rollbacks(x);
	if (starts_with(path, one))
		return get_rollback(x, (struct span){ path.p + one.n, path.n - one.n });
	if (starts_with(path, audit))
		return get_audit(x, (struct span){ path.p + audit.n, path.n - audit.n });
	return admin_problem(
		x, 404, "no such page",
		"PatchCtl has /anchors, /rollback, /rollback/ID, /rollbacks, /audit/CHANGE, "
		"/readyz, "
		"/livez and /metrics");
}

static enum step_next call(struct exchange *x, const struct http1_head *head, struct span path,
			   struct span query, const struct auth_token *who)
{
	bool posts = span_eq(head->method, SPAN("POST"));
	bool anchor = span_eq(path, SPAN("/anchors")), back = span_eq(path, SPAN("/rollback"));
	bool reads = span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD"));
	enum role role = !posts ? ROLE_READ : anchor ? ROLE_REGISTER : ROLE_ROLLBACK;
	if (!who->roles[role])
		return refuse(x, REFUSED_FORBIDDEN, 403, "role missing",
			      "this token's roles do not cover this call");
	if (reads)
		return read_page(x, path, query);
	if (!posts || (!anchor && !back))
		return admin_problem(x, 405, "method not allowed",
				     "pages are read with GET; /anchors and /rollback take a POST");
	if (!admin_may_post(x, head))
		return exchange_to(x, &step_finish);
	return anchor ? post_anchor(x, who) : begin_rollback(x, query, who);
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

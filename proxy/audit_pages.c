#include "proxy/audit_pages.h"

#include <string.h>

#include "proxy/admin_request.h"
#include "proxy/answer.h"
#include "proxy/audit_desk.h"
#include "proxy/server.h"
#include "proxy/worker.h"

#define ANSWER_BYTES 65536

static const struct span all = SPAN_INIT("/audits");

/* What follows "/audits/", or nothing. */
static struct span id_of(struct span path)
{
	if (path.n <= all.n + 1 || path.p[all.n] != '/')
		return (struct span){ 0 };
	return (struct span){ path.p + all.n + 1, path.n - all.n - 1 };
}

bool audit_pages_have(struct span path)
{
	return path.n >= all.n && memcmp(path.p, all.p, all.n) == 0 &&
	       (path.n == all.n || path.p[all.n] == '/');
}

static enum step_next not_waiting(struct exchange *x)
{
	return admin_problem(x, 404, "no such audit",
			     "no audit of this id waits; it was answered, or its time is over");
}

static enum step_next show(struct exchange *x, struct span id)
{
	struct buf out = { 0 };
	bool found = true;
	if (id.n)
		found = audit_desk_show(x->w->server->desk, id, x->w->now_ms, &out);
	else
		audit_desk_list(x->w->server->desk, x->w->now_ms, &out);
	if (found && !out.failed)
		answer_body(x, 200, "application/json", (struct span){ out.p, out.n });
	bool failed = out.failed;
	buf_fini(&out);
	if (failed)
		return admin_problem(x, 503, "out of memory", "there is no room for the question");
	return found ? exchange_to(x, &step_finish) : not_waiting(x);
}

static enum step_next judge(struct exchange *x)
{
	const struct http1_head *head = http1_head(x->client->http);
	struct span target = head->target;
	const char *query = memchr(target.p, '?', target.n);
	struct audit_said said;
	if (query)
		target.n = (size_t)(query - target.p);
	audit_read_json((struct span){ x->request_head.p, x->request_head.n }, &said);
	if (said.answer != AUDIT_YES && said.answer != AUDIT_NO)
		return admin_problem(x, 400, "no answer", said.reason);
	if (!audit_desk_answer(x->w->server->desk, id_of(target), x->w->now_ms, &said))
		return not_waiting(x);
	answer_body(x, 200, "application/json", SPAN("{\"answered\":true}\n"));
	return exchange_to(x, &step_finish);
}

static enum step_next run_receive(struct exchange *x)
{
	switch (admin_gather(x, ANSWER_BYTES, "an answer has at most 64 KiB")) {
	case ADMIN_BODY_WAITS: return STEP_WAIT;
	case ADMIN_BODY_REFUSED: return exchange_to(x, &step_finish);
	case ADMIN_BODY_WHOLE: break;
	}
	return judge(x);
}

static const struct step step_receive = { "receive", run_receive };

enum step_next audit_pages_answer(struct exchange *x, const struct http1_head *head,
				  struct span path)
{
	struct span id = id_of(path);
	if (!head->host.n || !admin_names_address(head->host))
		return admin_problem(x, 403, "asked by a name",
				     "audits are read at the listener's address or localhost");
	if (span_eq(head->method, SPAN("GET")) || span_eq(head->method, SPAN("HEAD")))
		return show(x, id);
	if (id.n && span_eq(head->method, SPAN("POST")))
		return admin_may_post(x, head) ? exchange_to(x, &step_receive)
					       : exchange_to(x, &step_finish);
	if (!id.n)
		return admin_problem(x, 405, "method not allowed", "this page is read with GET");
	return admin_problem(x, 400, "wrong method",
			     "an audit is read with GET and answered with POST");
}

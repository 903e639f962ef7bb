/* What PatchCtl shows: anchors, rollbacks, and what is known of a change. */
#include <errno.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/patchctl_body.h"
#include "proxy/patchctl_page.h"

#define LIST_MAX 200
#define AUDIT_LOOKS 10000 /* rows that the history of a revision is looked for in */

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
		return patchctl_answer(x, 200, &list.out);
	buf_fini(&list.out);
	return patchctl_broken(x, error);
}

/* --- rollbacks --- */

static enum step_next get_rollback(struct exchange *x, struct span id)
{
	struct rollback r;
	struct buf out = { 0 };
	int found = patchctl_store_find(patchctl_of(x)->store, id, &r);
	if (found < 0)
		return patchctl_broken(x, found);
	if (!found)
		return admin_problem(x, 404, "no such rollback", "there is no rollback of this id");
	patchctl_put_rollback(&out, &r);
	return patchctl_answer(x, 200, &out);
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
		return patchctl_answer(x, 200, &list.out);
	buf_fini(&list.out);
	return patchctl_broken(x, error);
}

/* --- what quorums have said --- */

static bool list_statement(const struct statement *st, void *owner)
{
	struct list *l = owner;
	buf_add_text(&l->out, l->n++ ? "," : "");
	patchctl_put_statement(&l->out, st);
	return !l->out.failed;
}

/* {verdict, statements}: the worst verdict, and all that led to it. 1, 0: nothing is known, and
 * nothing was added; -errno. */
static int put_quorum(struct patchctl_store *s, struct span change, struct buf *out)
{
	struct list list = { 0 };
	enum statement_verdict worst = STATEMENT_FAIL;
	int said = patchctl_store_said(s, change, &worst, list_statement, &list);
	if (said == 1) {
		buf_printf(out, "{\"verdict\":\"%s\",\"statements\":[",
			   statement_verdict_names[worst]);
		buf_add(out, list.out.p, list.out.n);
		buf_add_text(out, "]}");
	}
	if (said == 1 && list.out.failed)
		said = -ENOMEM;
	buf_fini(&list.out);
	return said;
}

static enum step_next no_change(struct exchange *x)
{
	return admin_problem(x, 404, "no such change", "nothing is known of this change");
}

static enum step_next get_quorum(struct exchange *x, struct span change)
{
	struct buf out = { 0 };
	int said = put_quorum(patchctl_of(x)->store, change, &out);
	if (said == 1)
		return patchctl_answer(x, 200, &out);
	buf_fini(&out);
	return said < 0 ? patchctl_broken(x, said) : no_change(x);
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
	size_t n = list.n;
	list.n = 0;
	buf_add_text(&list.out, "],\"rollbacks\":[");
	if (!error)
		error = patchctl_store_rollbacks(s, false, AUDIT_LOOKS, list_rollback, &list);
	n += list.n;
	buf_add_text(&list.out, "],\"quorum\":");
	int said = error ? error : put_quorum(s, revision, &list.out);
	buf_add_text(&list.out, said == 0 ? "null}" : "}");
	if (said >= 0 && n + (size_t)said > 0)
		return patchctl_answer(x, 200, &list.out);
	buf_fini(&list.out);
	return said < 0 ? patchctl_broken(x, said) : no_change(x);
}

/* --- by path --- */

static enum step_next readyz(struct exchange *x)
{
	int error = patchctl_store_probe(patchctl_of(x)->store);
	if (error)
		return patchctl_broken(x, error);
	answer_body(x, 200, "text/plain", SPAN("ok\n"));
	return exchange_to(x, &step_finish);
}

enum step_next patchctl_read_page(struct exchange *x, struct span path, struct span query)
{
	static const struct span one = SPAN_INIT("/rollback/"), audit = SPAN_INIT("/audit/"),
				 quorum = SPAN_INIT("/quorum/");
	if (span_eq(path, SPAN("/readyz")))
		return readyz(x);
	if (span_eq(path, SPAN("/anchors")))
		return get_anchors(x, query);
	if (span_eq(path, SPAN("/rollbacks")))
		return get_rollbacks(x);
	if (patchctl_path_begins(path, one))
		return get_rollback(x, (struct span){ path.p + one.n, path.n - one.n });
	if (patchctl_path_begins(path, audit))
		return get_audit(x, (struct span){ path.p + audit.n, path.n - audit.n });
	if (patchctl_path_begins(path, quorum))
		return get_quorum(x, (struct span){ path.p + quorum.n, path.n - quorum.n });
	return admin_problem(
		x, 404, "no such page",
		"PatchCtl has /anchors, /rollback, /rollback/ID, /rollbacks, /quorum/CHANGE, "
		"/audit/CHANGE, /readyz, /livez and /metrics");
}

#include "proxy/ledger_post.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/admin_request.h"
#include "proxy/server.h"
#include "proxy/worker.h"

struct ledger_post {
	struct ledger_post *next; /* of its worker */
	struct worker *w;
	struct exchange *x; /* NULL: gone */
	struct ledger_added added;
	void (*written)(const struct ledger_added *added, void *owner); /* NULL: nobody else */
	void *owner;
	_Atomic bool done;
};

static void on_added(const struct ledger_added *added, void *owner)
{
	struct ledger_post *p = owner;
	struct worker *w = p->w;
	if (p->written)
		p->written(added, p->owner);
	p->added = *added;
	p->added.row = NULL;
	atomic_store_explicit(&p->done, true, memory_order_release);
	worker_wake(w); /* the post may be gone */
}

void ledger_posts_tell(struct worker *w)
{
	for (struct ledger_post **at = &w->posts, *p; (p = *at);) {
		if (!atomic_load_explicit(&p->done, memory_order_acquire)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		struct exchange *x = p->x;
		if (!x) {
			free(p);
			continue;
		}
		p->next = NULL;
		exchange_advance(x); /* to its end, which forgets the post */
		at = &w->posts;      /* who knows what that did */
	}
}

void ledger_posts_fini(struct worker *w)
{
	for (struct ledger_post *p = w->posts, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	w->posts = NULL;
}

/* One that is done was taken off the list when its exchange was told. */
void ledger_post_forget(struct ledger_post *p)
{
	if (!p)
		return;
	p->x = NULL;
	for (struct ledger_post *at = p->w->posts; at; at = at->next)
		if (at == p)
			return; /* the list frees it */
	free(p);
}

const struct ledger_added *ledger_post_answer(const struct exchange *x)
{
	return atomic_load_explicit(&x->post->done, memory_order_acquire) ? &x->post->added : NULL;
}

enum step_next ledger_post_refuse(struct exchange *x, int error)
{
	switch (-error) {
	case EINVAL:
		return admin_problem(x, 400, "no row",
				     "the body is one JSON object with distinct keys");
	case EFBIG: return admin_problem(x, 413, "body too large", "a row has at most 64 KiB");
	case EEXIST:
		return admin_problem(x, 422, "key in use",
				     "this Idempotency-Key belongs to another row");
	case EAGAIN:
		return admin_problem(x, 503, "ledger busy",
				     "too many rows wait for the disk; nothing was written");
	default:
		return admin_problem(x, 503, "ledger not written",
				     "the row could not be written; nothing was");
	}
}

enum step_next ledger_post_add(struct exchange *x, const struct ledger_row *row,
			       const struct step *then)
{
	return ledger_post_add_with(x, row, then, NULL, NULL);
}

enum step_next ledger_post_add_with(struct exchange *x, const struct ledger_row *row,
				    const struct step *then,
				    void (*written)(const struct ledger_added *added, void *owner),
				    void *owner)
{
	struct ledger_post *p = calloc(1, sizeof(*p));
	if (!p)
		return ledger_post_refuse(x, -ENOMEM);
	p->w = x->w;
	p->x = x;
	p->written = written;
	p->owner = owner;
	int error = ledger_add(x->w->server->ledger, row, on_added, p);
	if (error) {
		free(p);
		return ledger_post_refuse(x, error);
	}
	p->next = x->w->posts;
	x->w->posts = p;
	x->post = p;
	return exchange_to(x, then);
}

/* Plans: a thread of the crew makes one while its exchange waits. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/patchctl_page.h"
#include "proxy/patchctl_pages.h"
#include "proxy/server.h"
#include "proxy/worker.h"

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
	return patchctl_answer(x, 200, &p->out);
}

static const struct step step_plan = { "plan", run_plan };

enum step_next patchctl_post_plan(struct exchange *x, const struct rollback *r)
{
	struct patchctl_plan *p = calloc(1, sizeof(*p));
	if (!p)
		return patchctl_broken(x, -ENOMEM);
	p->w = x->w;
	p->x = x;
	int error = crew_plan(patchctl_of(x)->crew, x->rt->config, r, on_planned, p);
	if (error) {
		free(p);
		return error == -EAGAIN ? admin_problem(x, 503, "too many plans",
							"too many plans wait; ask again later")
					: patchctl_broken(x, error);
	}
	p->next = x->w->plans;
	x->w->plans = p;
	x->plan = p;
	exchange_phase(x, 0);
	return exchange_to(x, &step_plan);
}

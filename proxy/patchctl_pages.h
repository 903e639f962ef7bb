/*
 * PatchCtl's calls. All but /livez and /metrics are authenticated (auth.h).
 *
 *	POST /anchors	    {"target", "revision", "note"}	201; 200: it is known
 *	GET /anchors?target=NAME
 *	POST /rollback	    {"target", "bad", "anchor", "reason", "deadline_s"}, Idempotency-Key
 *			    202: accepted, on disk; 200: it is known
 *	POST /rollback?plan=1  what would be done
 *	POST /rollback/ID/abort	{"reason"}	    200; 409: it has begun
 *	PATCH /quorum/CHANGE	{"verdict", ...}    201; 200: it was said before
 *	GET /rollback/ID, /rollbacks, /quorum/CHANGE, /audit/REVISION, /readyz
 */
#ifndef PROXY_PATCHCTL_PAGES_H
#define PROXY_PATCHCTL_PAGES_H

#include "proxy/exchange.h"

enum step_next patchctl_pages_answer(struct exchange *x, const struct http1_head *head,
				     struct span path);

/* A plan is made by a thread of the crew; its exchange waits for it. */
struct patchctl_plan;
void patchctl_plans_tell(struct worker *w);         /* those that are made, to their exchanges */
void patchctl_plans_fini(struct worker *w);         /* after the crew */
void patchctl_plan_forget(struct patchctl_plan *p); /* by its exchange; NULL is fine */

#endif

/*
 * An event of the streaming auditor: the body of POST /webhook/meta, read strictly, judged by the
 * assertions of a policy, and what is written down of it.
 */
#ifndef PROXY_META_EVENT_H
#define PROXY_META_EVENT_H

#include "lib/json.h"
#include "policy/assertion.h"
#include "proxy/changes.h"

#define META_CHANGE_MAX 128 /* bytes of the id of a change, or of a spec */

/* What becomes of the change. */
enum meta_rollback {
	META_NONE,       /* nothing asks for it, or the policy only monitors */
	META_ASKED,      /* of PatchCtl, by the outbox */
	META_WAITS,      /* until the spec's change is reported */
	META_IMPOSSIBLE, /* nobody said what is to be taken back */
	META_ROLLBACK_COUNT
};

extern const char *const meta_rollbacks[META_ROLLBACK_COUNT];

struct meta_event {
	struct json *doc;                                          /* the spans are its own */
	struct span change, target, revision, spec, builder, note; /* n 0: absent */
	struct assertion_metrics metrics;
	const struct assertion *assertions; /* the policy's */
	struct assertion_result results[ASSERTIONS_MAX];
	size_t n_assertions, n_violations, n_unknown;
	enum severity severity; /* the worst, where there is a violation */
	bool wants_rollback, monitor;
	struct change_place place; /* what is to be taken back, where it is known */
	enum meta_rollback rollback;
};

/* NULL, or what is wrong, in one sentence. meta_event_fini() is owed in any case. */
const char *meta_event_read(struct span body, struct meta_event *out);
void meta_event_fini(struct meta_event *e);

void meta_event_judge(struct meta_event *e, const struct ruleset *set);

/* The verdict and its violations: members of a JSON object, without its braces. */
void meta_event_add_verdict(struct buf *out, const struct meta_event *e);
/* The row of kind "meta". by: whose token it was. */
void meta_event_add_row(struct buf *out, const struct meta_event *e, const char *by);
/* The card of one violation. */
void meta_event_add_card(struct buf *out, const struct meta_event *e, size_t i);

#endif

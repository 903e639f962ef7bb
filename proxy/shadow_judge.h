/*
 * What a shadow's answer is worth: judged by the policy as if a client were to get it, and compared
 * with what the primary's client got, as a quorum of two compares (policy/quorum.h). Nothing that
 * could not be compared counts as agreement.
 */
#ifndef PROXY_SHADOW_JUDGE_H
#define PROXY_SHADOW_JUDGE_H

#include "lib/fetch.h"
#include "proxy/config_shadow.h"
#include "proxy/mirror.h"
#include "proxy/shadow_metrics.h"

struct shadow_case {
	const struct config *config;
	const struct config_route *route;    /* NULL: it is known no longer */
	const char *target;                  /* of the request */
	const struct mirror_answer *primary; /* NULL: it did not come */
	struct fetch_answer *reply;          /* its body may be decoded in place */
	bool too_large;                      /* there is more of it than is read */
};

struct shadow_finding {
	enum shadow_result result;
	const char *reason; /* static, or the ruleset's */
	bool scored;
	double low, high; /* percent */
	uint64_t cards;
};

struct shadow_answer {
	struct span target; /* of the request, with its query */
	struct span type;   /* Content-Type; empty: none */
	struct span body;   /* decoded */
};

/* How an answer is read, as the proxy would: by its route (NULL: none is known), else by what it
 * looks like. */
void shadow_choose_wire(const struct config_route *route, const struct shadow_answer *a,
			enum framing *framing, enum dialect *dialect);

struct gate_scratch;

/* Of an answer that came. */
void shadow_judge(const struct shadow_case *c, struct gate_scratch *scratch,
		  struct shadow_finding *out);

#endif

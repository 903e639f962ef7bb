/* What a drill asks of the running system: the proxy's admin listener, PatchCtl, the front door. */
#ifndef PROXY_DRILL_ASK_H
#define PROXY_DRILL_ASK_H

#include "proxy/drill.h"

struct drill_request {
	const char *method, *url, *path; /* url and path make one */
	struct span body;                /* JSON; p NULL: none */
	const char *spec;                /* x-redcard-spec; NULL: none */
	const struct drill_key *key;     /* signs it; NULL: nobody */
	const char *part;                /* for messages: "PatchCtl" */
	const char *header;              /* of the answer; NULL: none is wanted */
	bool may_break;                  /* an answer that is broken off is one, too */
};

/* Any status is an answer. false: one sentence in *why. */
bool drill_ask(struct drill *d, const struct drill_request *r, struct fetch_answer *out,
	       struct buf *why) MUST_USE;
/* The same, of which the answer must be JSON and its status one of 200, 201, 202. */
bool drill_ask_json(struct drill *d, const struct drill_request *r, struct json **out,
		    struct buf *why) MUST_USE;

#endif

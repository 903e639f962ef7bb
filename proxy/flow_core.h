/* The inside of a flow, for flow*.c alone. */
#ifndef PROXY_FLOW_CORE_H
#define PROXY_FLOW_CORE_H

#include "lib/http1.h"
#include "lib/inflate.h"
#include "proxy/flow.h"
#include "proxy/sample.h"

#define FLOW_WAITING_MOST 1024 /* requests of a connection without their answers */
#define FLOW_TYPE_BYTES 128

struct config_route;

struct flow_copy {             /* of a request in the sample, and of its answer */
	struct config *config; /* a reference; it has the route */
	const struct config_route *route;
	char id[MIRROR_ID];
	char spec[SAMPLE_KEY_BYTES];
	size_t spec_n;
	char *target;
	size_t fixed, charged; /* of the shared room: for itself, for its buffers */
	struct buf bytes;
	uint64_t lost;
	bool no_room;
	/* The answer. */
	unsigned status;
	char type[FLOW_TYPE_BYTES];
	struct inflate *inflate;
	struct buf body;
	bool undecoded, too_large, answer_lost, whole;
	uint64_t first_ns, end_ns;
};

struct flow_asked { /* a request, until its answer has ended */
	struct flow_asked *next;
	bool is_head, upgrades;
	bool complete; /* nothing more comes of the request, */
	bool answered; /* or of its answer */
	uint64_t sent_ns;
	struct flow_copy *copy; /* NULL: not in the sample, or lost */
};

enum flow_answers { ANSWERS_GO_ON, ANSWERS_LOST, ANSWERS_CLOSED };

struct flow {
	struct flow_shared *shared;
	struct http1 *request, *answer;
	struct buf head; /* of the request that has begun; charged to the room twice, as the parser
			    has it too */
	struct flow_asked *first, *last; /* that wait */
	unsigned n;
	struct flow_asked *asking; /* whose bytes come; NULL: between two */
	uint64_t requests;         /* that ended */
	enum flow_end ended;
	enum flow_answers answers;
};

/* Adds to a buffer of the copy; false: there is no room. */
bool flow_hold(struct flow *f, struct flow_copy *c, struct buf *to, struct span bytes);
void flow_unhold(struct flow *f, struct flow_copy *c, struct buf *b); /* frees what it has */

/* A copy for a request in the sample, or NULL. */
struct flow_copy *flow_choose(struct flow *f, const struct http1_head *head, uint64_t now_ns);
void flow_copy_free(struct flow *f, struct flow_copy *c); /* NULL is fine */

/* Requests are followed no longer. */
void flow_stop(struct flow *f, enum flow_end why);
/* No more answers can be told apart (LOST), or come (CLOSED). */
void flow_answers_stop(struct flow *f, enum flow_answers how, uint64_t now_ns);
/* Hands out the answers that are there, in order, and forgets what is done. */
void flow_settle(struct flow *f);

#endif

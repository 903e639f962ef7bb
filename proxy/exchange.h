/*
 * An exchange: one request and its response, from the request's head to the record that says what
 * happened.
 *
 * Theory of operation
 *
 *   route --> gather --> connect --> send --> await --> respond --> body --> [ballot] --> finish
 *     |                     ^ |                 |          |          |
 *     |                     +-+ another address +----------+----------+--> (cut, failure, gone)
 *     +--> an answer of our own                                              --> finish
 *
 * Callbacks store what happened and call exchange_advance(), which runs steps until one has to
 * wait. All decisions are in steps. The request's body is moved by the steps from `await` on,
 * whenever either side made progress.
 *
 * An exchange belongs to its client; it borrows the client's parser for the request and owns a
 * backend while it has one.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include <stdbool.h>

#include "lib/http1.h"
#include "lib/inflate.h"
#include "lib/timers.h"
#include "proxy/backend.h"
#include "proxy/ballot.h"
#include "proxy/client.h"
#include "proxy/exchange_id.h"
#include "proxy/gate.h"
#include "proxy/metric_table.h"
#include "proxy/tap.h"

enum step_next { STEP_AGAIN, STEP_WAIT, STEP_DONE };

struct step {
	const char *name;
	enum step_next (*run)(struct exchange *x);
};

enum body_form { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

struct exchange {
	const struct step *step;
	struct worker *w;
	struct runtime *rt;
	const struct config_route *route; /* NULL before routing and for answers of our own */
	struct config_route *own_route;   /* what route points at, where it is this exchange's */
	struct client *client;
	struct backend *backend;
	char id[EXCHANGE_ID_LENGTH + 1];
	char *summary;     /* "METHOD path" for the record */
	bool detect_query; /* the query asks for events, which tells Gemini's framing */
	uint64_t began_ms;

	/* The request. */
	struct buf request_head; /* written for the builder, followed by the gathered body */
	enum http1_framing request_framing;
	size_t head_bytes;       /* of request_head, before the body */
	uint64_t request_bytes;  /* of the body, parsed */
	uint64_t gathered_bytes; /* of these, in request_head */
	uint64_t gather_until_ms;
	bool request_done; /* its last byte was parsed */
	bool is_head;
	bool client_is_1_0;
	bool wants_upgrade;
	bool expects_continue; /* a 100 is still owed */
	uint32_t tried;        /* addresses */
	uint32_t retries;
	uint64_t sent_ms; /* when the head went to a builder */

	/* The answer. */
	unsigned status;
	struct buf head; /* waits for the first judged byte */
	enum body_form form;
	bool as_framed; /* the builder's chunks go on as they came */
	bool head_queued;
	bool answer_empty; /* no body byte will come */
	bool answer_done;  /* the builder's last byte was parsed */
	bool event_stream;
	bool close_client;
	bool aborted;               /* the client's connection ends without the body's proper end */
	struct gate *gate;          /* NULL: nothing to judge, or not yet */
	size_t cards_put;           /* of the judge's cards, by cards_put() */
	struct card_change *change; /* what a rollback takes back; NULL: the route has none */
	bool sniffs;                /* the first bytes of the body will choose the framing */
	enum dialect sniff_dialect;
	struct buf sniffed; /* white space before them */
	struct inflate *inflate;
	uint64_t unscanned; /* body bytes that passed beside the gate */
	bool lost;          /* the builder's connection is gone; its input may still be there */
	enum upstream_error lost_why;

	struct ledger_post *post;   /* the row it waits for, or NULL */
	struct patchctl_plan *plan; /* the same of a driver's plan */

	bool rivals_asked;    /* they have the request, */
	struct voter voter;   /* where its answer is compared with others */
	const char *disputed; /* why the quorum refused it, or NULL */
	bool unrecorded;      /* it ran while the ledger could not be written */

	struct tap_copy *copy; /* NULL: its route is not mirrored */

	/* How it ended. */
	enum exchange_result result;
	const char *reason; /* for the record; static or the ruleset's */

	uint64_t hold_since_ms; /* 0: nothing is held */
	uint64_t held_from;     /* where in the body what is held begins */
	uint64_t keepalive_ms;  /* when the next comment is due */
	uint64_t
		head_due_ms; /* when the head leaves without a body; 0: it left, or there is none */
	struct timer phase, tick, total;

	/* The budget. */
	enum budget_limit broken;   /* a limit on time */
	uint64_t first_ms, last_ms; /* the first byte of the body, the latest frame; 0: none yet */
	uint64_t frames, passed;    /* as of last_ms */
	struct timer allowance;
	struct spent_meter spent; /* of the builder's day */
};

/* Called with a complete head in the client's parser. May end before it returns. */
void exchange_begin(struct client *client);
void exchange_advance(struct exchange *x); /* x may be gone afterwards */

void exchange_backend_opened(struct exchange *x);
void exchange_backend_lost(struct exchange *x, enum upstream_error why);
/* The client left, or (RESULT_TIMEOUT) takes nothing any more. */
void exchange_client_gone(struct exchange *x, enum exchange_result result);
void exchange_drain(struct exchange *x); /* time is over: end it */

/* For the files of the exchange only. */
extern const struct step step_route, step_gather, step_connect, step_send, step_await, step_respond,
	step_body, step_ballot, step_tunnel, step_finish;

/* An exchange at no step yet; summary is copied. NULL: no memory. */
struct exchange *exchange_new(struct client *client, struct runtime *rt, const char *summary);

enum step_next exchange_to(struct exchange *x, const struct step *step); /* AGAIN at that step */
/* an answer of our own if nothing was sent yet, else an abort */
enum step_next exchange_failed(struct exchange *x, enum exchange_result result, unsigned status,
			       const char *reason, const char *detail);
enum step_next exchange_builder_failed(struct exchange *x, enum upstream_error why,
				       const char *detail);
void exchange_drop_backend(struct exchange *x);
void exchange_phase(struct exchange *x, uint32_t ms); /* 0: no limit */

enum pump { PUMP_WAIT, PUMP_DONE, PUMP_FAILED };
enum pump exchange_pump_request(struct exchange *x); /* FAILED: x has already been given its end */
/* from: whose request it is, as the builder is told */
int exchange_write_head(struct exchange *x, const struct http1_head *head,
			const struct client *from) MUST_USE;
bool exchange_commit_head(struct exchange *x); /* queues the answer's head if it is not */
void exchange_schedule(struct exchange *x); /* sets the tick timer to the earliest of what is due */
void exchange_keep_alive(struct exchange *x); /* sets when the next comment is due */
void exchange_tick(struct timer *t);          /* the head, a keep-alive or a hold is due */
/* false: no memory */
bool exchange_edits(const struct exchange *x); /* what leaves may differ from what came */
bool exchange_open_gate(struct exchange *x, enum framing framing, enum dialect dialect);
/* drops the backend; the next step connects */
void exchange_retry(struct exchange *x, enum upstream_error why);
enum step_next exchange_cut(struct exchange *x); /* the gate said so */

/* What the gate kept for the quorum leaves, and the answer ends. */
enum step_next exchange_admitted(struct exchange *x);

/* exchange_ballot.c: of an exchange without a seat they do nothing, and what they ask is false. */
/* Where the route has a quorum. False: x has been given its end. */
bool exchange_take_seat(struct exchange *x, const struct http1_head *head);
bool exchange_fans_out(const struct exchange *x);  /* it has rivals that wait for its request, */
void exchange_ask_rivals(struct exchange *x);      /* which is gathered */
bool exchange_is_barred(const struct exchange *x); /* nothing leaves before the verdict */
void exchange_tap(struct exchange *x, struct gate_options *options);
void exchange_vote(struct exchange *x, enum quorum_ending how);
void exchange_vote_failed(struct exchange *x); /* as its result and step say */
void exchange_unseat(struct exchange *x);
enum step_next exchange_refused_by_quorum(struct exchange *x);
void exchange_news(struct exchange *x); /* of its ballot; x may be gone afterwards */

/* exchange_ledger.c */
extern const char exchange_ledger_error[];    /* the reason */
bool exchange_may_record(struct exchange *x); /* false: x has been given its end */
/* What has cards, or waits for a verdict, and cannot be written down goes no further. */
enum gate_state exchange_recorded(struct exchange *x, enum gate_state state);

/* exchange_budget.c */
void exchange_budget_begin(struct exchange *x); /* the route is known */
void exchange_budget_sent(struct exchange *x);  /* the request's head went to the builder */
/* false: the builder's day is spent, and x has been given its end */
bool exchange_may_spend(struct exchange *x);
void exchange_budget_feeds(struct exchange *x);  /* the gate will get bytes of the answer */
void exchange_budget_fed(struct exchange *x);    /* it got them */
void exchange_budget_settle(struct exchange *x); /* nothing more will come */
enum budget_limit exchange_broken(
	const struct exchange *x); /* the budget that broke, of any sort */

#endif

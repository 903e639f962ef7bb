/* An exchange whose answer votes: it takes a seat of a ballot, and what it may release can hang on
 * what other builders answer. */
#include <stdlib.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/card.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

/* An error passes: nobody takes it for a render. A redirect would lead the client around the
 * quorum.
 */
#define LEAST_ERROR 400

/* --- how an answer ended, as a vote --- */

static enum quorum_ending ending(const struct exchange *x)
{
	static const enum quorum_ending of_budgets[BUDGET_LIMIT_COUNT] = {
		[BUDGET_NONE] = QUORUM_CUT,          [BUDGET_OUTPUT_BYTES] = QUORUM_CUT,
		[BUDGET_OUTPUT_TOKENS] = QUORUM_CUT, [BUDGET_COST] = QUORUM_CUT,
		[BUDGET_DURATION] = QUORUM_LATE,     [BUDGET_FIRST_BYTE] = QUORUM_ABSENT,
		[BUDGET_STALL] = QUORUM_STALLED,     [BUDGET_DAILY] = QUORUM_CUT,
		[BUDGET_UNKEPT] = QUORUM_CUT,
	};
	if (x->result == RESULT_CUT)
		return of_budgets[exchange_broken(x)];
	if (x->status == 0 || x->result == RESULT_REFUSED)
		return QUORUM_ABSENT;
	if (x->result == RESULT_TIMEOUT)
		return x->step == &step_body ? QUORUM_STALLED : QUORUM_ABSENT;
	return QUORUM_TRUNCATED;
}

void exchange_vote(struct exchange *x, enum quorum_ending how)
{
	if (x->voter.ballot)
		voter_end(&x->voter, how);
}

void exchange_vote_failed(struct exchange *x)
{
	exchange_vote(x, ending(x));
}

/* The request never came as a whole: the rivals that wait for it need not. */
static void dismiss_rivals(struct exchange *x)
{
	if (!exchange_fans_out(x) || x->rivals_asked)
		return;
	const struct config_quorum *q = voter_quorum(&x->voter);
	for (unsigned i = 0; i < q->n_builders; i++)
		if (i != q->chosen)
			voter_end_seat(&x->voter, i, QUORUM_ABSENT);
}

void exchange_unseat(struct exchange *x)
{
	exchange_vote_failed(x);
	dismiss_rivals(x);
	voter_leave(&x->voter);
}

static void take_pieces(void *owner, const struct wire *wire, const struct piece *v, size_t n)
{
	struct exchange *x = owner;
	voter_feed(&x->voter, wire, v, n);
}

bool exchange_is_barred(const struct exchange *x)
{
	return x->voter.ballot && voter_quorum(&x->voter)->on_quorum && !x->client->conn.silent &&
	       x->status < LEAST_ERROR;
}

void exchange_tap(struct exchange *x, struct gate_options *options)
{
	options->barred = exchange_is_barred(x);
	if (x->voter.ballot && x->status < 300)
		options->tap = (struct gate_tap){ take_pieces, x };
}

/* --- seats --- */

static enum step_next refuse(struct exchange *x, unsigned status, const char *reason,
			     const char *detail)
{
	x->close_client |= !x->request_done;
	return exchange_failed(x, RESULT_REFUSED, status, reason, detail);
}

static enum step_next no_memory(struct exchange *x)
{
	return refuse(x, 503, "out of memory", "this proxy is out of memory; try again later");
}

static bool is_spec(struct span spec)
{
	static const char allowed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:/@+=-";
	for (size_t i = 0; i < spec.n; i++)
		if (!memchr(allowed, spec.p[i], sizeof(allowed) - 1))
			return false;
	return spec.n > 0 && spec.n <= BALLOT_SPEC_BYTES;
}

static unsigned seat_of(const struct config_quorum *q, size_t upstream)
{
	unsigned i = 0;
	while (q->builders[i].upstream != upstream)
		i++;
	return i;
}

static bool join_by_spec(struct exchange *x, const struct http1_head *head)
{
	const struct config_quorum *q = x->route->quorum;
	struct span spec = http1_find(head, SPAN("x-redcard-spec"));
	if (!is_spec(spec)) {
		refuse(x, 400, "no spec",
		       "this route compares answers by their x-redcard-spec, an id of at most 128 "
		       "letters, digits and ._:/@+=-");
		return false;
	}
	switch (ballot_join(&x->voter, x->w, x->rt, q, seat_of(q, x->route->upstream), spec,
			    x->id)) {
	case BALLOT_JOINED: return true;
	case BALLOT_DUPLICATE:
		refuse(x, 409, "duplicate vote",
		       "this builder has already been asked about that x-redcard-spec, or its "
		       "verdict has been given; use a new one");
		return false;
	case BALLOT_FULL:
		refuse(x, 503, "too many specs",
		       "this proxy waits for the votes on too many specs; try again later");
		return false;
	case BALLOT_NO_MEMORY: break;
	}
	no_memory(x);
	return false;
}

/* The route as it is for another of the quorum's builders. What it sets is meant for its own
 * builder, and what it removes or replaces is no other's either. */
static struct config_route *route_of(const struct exchange *x, const struct config_builder *b)
{
	size_t n = x->route->n_headers;
	struct config_route *route = malloc(sizeof(*route) + n * sizeof(struct config_header));
	if (!route)
		return NULL;
	struct config_header *removed = (void *)(route + 1);
	for (size_t i = 0; i < n; i++)
		removed[i] = (struct config_header){ .name = x->route->headers[i].name };
	*route = *x->route;
	route->upstream = b->upstream;
	route->host_header = b->host_header;
	route->headers = b->headers ? b->headers : removed;
	route->n_headers = b->headers ? b->n_headers : n;
	return route;
}

/* The same request to another builder, in an exchange of its own that nobody listens to. It waits
 * until the request is there as a whole. */
static bool seat_rival(struct exchange *x, unsigned seat)
{
	struct client *client = client_silent(x->client);
	struct config_route *route = route_of(x, &x->route->quorum->builders[seat]);
	struct exchange *rival = client && route ? exchange_new(client, x->rt, x->summary) : NULL;
	if (!rival) {
		if (client)
			conn_close(&client->conn);
		free(route);
		return false;
	}
	rival->route = rival->own_route = route;
	rival->detect_query = x->detect_query;
	rival->is_head = x->is_head;
	rival->request_framing = x->request_framing;
	rival->request_done = true;
	rival->close_client = true;
	rival->step = &step_connect;
	exchange_budget_begin(rival);
	ballot_sit(&rival->voter, &x->voter, seat, rival->id);
	if (card_change_begin(rival, http1_head(x->client->http)) &&
	    exchange_write_head(rival, http1_head(x->client->http), x->client) == 0) {
		card_change_seated(rival);
		return true;
	}
	(void)no_memory(rival);
	exchange_advance(rival);
	return true;
}

static bool fan_out(struct exchange *x)
{
	const struct config_quorum *q = x->route->quorum;
	if (ballot_open(&x->voter, x->w, x->rt, q, x->id) != BALLOT_JOINED) {
		no_memory(x);
		return false;
	}
	for (unsigned i = 0; i < q->n_builders; i++)
		if (i != q->chosen && !seat_rival(x, i))
			voter_end_seat(&x->voter, i, QUORUM_ABSENT);
	return true;
}

bool exchange_take_seat(struct exchange *x, const struct http1_head *head)
{
	if (!x->route->quorum)
		return true;
	if (x->route->quorum->pairing == PAIRING_SPEC)
		return join_by_spec(x, head);
	if (x->expects_continue) { /* all of the builders want the body */
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		conn_write(&x->client->conn, go_on, sizeof(go_on) - 1);
		client_queued(x->client);
		x->expects_continue = false;
	}
	return fan_out(x);
}

bool exchange_fans_out(const struct exchange *x)
{
	return x->voter.ballot && voter_quorum(&x->voter)->pairing == PAIRING_FAN_OUT &&
	       !x->client->conn.silent;
}

void exchange_ask_rivals(struct exchange *x)
{
	size_t body = x->head_bytes;
	const struct config_quorum *q = voter_quorum(&x->voter);
	x->rivals_asked = true;
	for (unsigned i = 0; i < q->n_builders; i++) {
		struct voter *v = i != q->chosen ? voter_beside(&x->voter, i) : NULL;
		if (!v)
			continue;
		struct exchange *rival = CONTAINER_OF(v, struct exchange, voter);
		buf_add(&rival->request_head, x->request_head.p + body, x->request_head.n - body);
		rival->request_bytes = rival->gathered_bytes = x->request_bytes;
		if (rival->request_head.failed)
			(void)no_memory(rival);
		else
			(void)exchange_may_spend(rival);
		exchange_advance(rival);
	}
}

/* --- the verdict --- */

enum step_next exchange_refused_by_quorum(struct exchange *x)
{
	x->disputed = voter_reason(&x->voter);
	exchange_vote(x, QUORUM_CUT);
	if (x->gate) {
		(void)gate_refuse(x->gate, x->disputed);
		return exchange_cut(x);
	}
	if (x->head_queued)
		return exchange_failed(x, RESULT_CUT, 403, x->disputed, "");
	x->result = RESULT_CUT;
	x->reason = x->disputed;
	exchange_drop_backend(x);
	x->close_client |= !x->request_done;
	answer_cut(x);
	return exchange_to(x, &step_finish);
}

static enum step_next run_ballot(struct exchange *x)
{
	switch (voter_word(&x->voter)) {
	case BALLOT_OPEN: return STEP_WAIT;
	case BALLOT_ADMIT: return exchange_admitted(x);
	case BALLOT_REFUSE: break;
	}
	return exchange_refused_by_quorum(x);
}

const struct step step_ballot = { "ballot", run_ballot };

void exchange_news(struct exchange *x)
{
	if (x->client->conn.silent) {
		if (voter_needed(&x->voter))
			return;
		x->reason = "not needed";
		exchange_client_gone(x, RESULT_NOT_NEEDED);
		return;
	}
	if (x->step == &step_ballot) {
		exchange_advance(x);
	} else if (exchange_is_barred(x) && voter_word(&x->voter) == BALLOT_REFUSE &&
		   (!x->gate || gate_barred(x->gate))) {
		(void)exchange_refused_by_quorum(x);
		exchange_advance(x);
	}
}

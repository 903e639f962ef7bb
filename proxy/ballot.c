#include "proxy/ballot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/ballot_record.h"
#include "proxy/exchange.h"
#include "proxy/server.h"
#include "proxy/worker.h"

struct ballots {
	pthread_mutex_t lock; /* taken before a ballot's own */
	struct ballot *first;
	unsigned n;
};

/* --- news --- */

int voters_init(struct voters *v)
{
	*v = (struct voters){ 0 };
	return -pthread_mutex_init(&v->lock, NULL);
}

void voters_fini(struct voters *v)
{
	pthread_mutex_destroy(&v->lock);
}

static void tell(struct voter *v, const struct worker *self)
{
	struct voters *list = &v->w->voters;
	pthread_mutex_lock(&list->lock);
	if (!v->on_list) {
		v->on_list = true;
		v->prev = NULL;
		v->next = list->first;
		if (list->first)
			list->first->prev = v;
		list->first = v;
	}
	pthread_mutex_unlock(&list->lock);
	if (v->w != self)
		worker_wake(v->w);
}

static void unlist(struct voters *list, struct voter *v)
{
	if (!v->on_list)
		return;
	v->on_list = false;
	if (v->prev)
		v->prev->next = v->next;
	else
		list->first = v->next;
	if (v->next)
		v->next->prev = v->prev;
}

static void ask_what_is_due(struct worker *w)
{
	if (!atomic_exchange(&w->asks_due, false))
		return;
	for (struct ballot *b = w->ballots, *next; b; b = next) {
		next = b->next_home;
		pthread_mutex_lock(&b->lock);
		if (b->asks && !b->audit && b->quorum)
			ballot_ask(b);
		bool over = ballot_is_over(b);
		pthread_mutex_unlock(&b->lock);
		if (over)
			ballot_retire(b);
	}
}

void voters_tell(struct worker *w)
{
	ask_what_is_due(w);
	for (;;) {
		pthread_mutex_lock(&w->voters.lock);
		struct voter *v = w->voters.first;
		if (v)
			unlist(&w->voters, v);
		pthread_mutex_unlock(&w->voters.lock);
		if (!v)
			return;
		exchange_news(CONTAINER_OF(v, struct exchange, voter));
	}
}

static void tell_all(struct ballot *b, const struct worker *self)
{
	for (unsigned i = 0; i < b->config->n_builders; i++)
		if (b->seats[i].voter)
			tell(b->seats[i].voter, self);
}

/* --- life --- */

struct ballots *ballots_new(void)
{
	struct ballots *all = calloc(1, sizeof(*all));
	if (all && pthread_mutex_init(&all->lock, NULL) == 0)
		return all;
	free(all);
	return NULL;
}

void ballots_free(struct ballots *all)
{
	if (!all)
		return;
	CHECK(!all->first);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

void ballot_unref(struct ballot *b)
{
	if (atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	quorum_free(b->quorum);
	runtime_unref(b->rt);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

bool ballot_is_over(const struct ballot *b)
{
	return !b->quorum && !b->timeout.deadline_ms && !b->retired;
}

/* At home: it is known no longer. */
void ballot_retire(struct ballot *b)
{
	struct ballots *all = b->spec[0] ? b->home->server->ballots : NULL;
	b->retired = true;
	timer_remove(&b->home->timers, &b->timeout);
	if (b->prev_home)
		b->prev_home->next_home = b->next_home;
	else
		b->home->ballots = b->next_home;
	if (b->next_home)
		b->next_home->prev_home = b->prev_home;
	if (all) {
		pthread_mutex_lock(&all->lock);
		struct ballot **at = &all->first;
		while (*at != b)
			at = &(*at)->next;
		*at = b->next;
		all->n--;
		pthread_mutex_unlock(&all->lock);
	}
	ballot_unref(b);
}

/* Where some are admitted, another one is refused for what parts it from the chosen builder. */
static void note_reasons(struct ballot *b)
{
	size_t n;
	const struct quorum_pair *pairs = quorum_pairs(b->quorum, &n);
	for (size_t i = 0; i < n; i++) {
		const struct quorum_pair *p = &pairs[i];
		if (p->a != b->config->chosen && p->b != b->config->chosen)
			continue;
		unsigned other = p->a == b->config->chosen ? p->b : p->a;
		b->seats[other].reason =
			p->verdict == SCORE_PASS ? COMPARE_ABOVE_THRESHOLD : p->reason;
	}
}

void ballot_give_word(struct ballot *b, enum ballot_word word, struct worker *self)
{
	b->word = word;
	b->admitted = b->asks ? b->asks : quorum_agreeing(b->quorum);
	note_reasons(b);
	if (word == BALLOT_REFUSE)
		ballot_card(b, self);
	quorum_free(b->quorum);
	b->quorum = NULL;
	tell_all(b, self);
}

/* Only the home asks; it looks after its next batch. */
static void ask_at_home(struct ballot *b, struct worker *self)
{
	if (b->home == self) {
		ballot_ask(b);
		return;
	}
	atomic_store(&b->home->asks_due, true);
	worker_wake(b->home);
}

static void settle(struct ballot *b, const struct quorum_verdict *v, struct worker *self)
{
	b->settled = true;
	ballot_record(b, v, self);
	if (v->verdict == SCORE_AUDIT && b->config->auditor)
		b->asks = quorum_hopeful(b->quorum);
	if (b->asks)
		ask_at_home(b, self);
	else
		ballot_give_word(b, v->verdict == SCORE_PASS ? BALLOT_ADMIT : BALLOT_REFUSE, self);
}

/* Looks at the quorum after something was said to it. */
static void look(struct ballot *b, struct worker *self)
{
	if (b->settled)
		return;
	struct quorum_verdict v = quorum_verdict(b->quorum);
	b->reason = v.reason;
	/* What leaves on quorum alone leaves nobody when it is refused: the rest need not come. */
	bool refused = v.final && v.verdict != SCORE_PASS;
	bool may_ask = b->config->auditor && v.verdict == SCORE_AUDIT;
	if (v.settled || (refused && b->config->on_quorum && !may_ask)) {
		settle(b, &v, self);
	} else if (v.final && !refused && b->admitted != quorum_agreeing(b->quorum)) {
		b->word = BALLOT_ADMIT;
		b->admitted = quorum_agreeing(b->quorum);
		tell_all(b, self);
	}
}

static void end_seat(struct ballot *b, unsigned seat, enum quorum_ending how)
{
	struct seat *s = &b->seats[seat];
	if (s->ended)
		return;
	s->ended = true;
	s->how = how;
	if (b->quorum)
		quorum_end(b->quorum, seat, how);
}

static void time_is_over(struct timer *t)
{
	struct ballot *b = CONTAINER_OF(t, struct ballot, timeout);
	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < b->config->n_builders; i++)
		end_seat(b, i, b->seats[i].taken ? QUORUM_LATE : QUORUM_ABSENT);
	look(b, b->home);
	bool over = !b->asks || !b->quorum;
	pthread_mutex_unlock(&b->lock);
	if (over)
		ballot_retire(b);
}

static struct ballot *ballot_new(struct worker *w, struct runtime *rt,
				 const struct config_quorum *q)
{
	const struct quorum_settings settings = {
		.builders = q->n_builders,
		.agree = q->agree,
		.chosen = q->chosen,
		.threshold = q->threshold,
		.max_bytes = q->text_bytes,
		.max_nodes = q->nodes,
		.base = q->base,
		.n_base = q->n_base,
	};
	struct ballot *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->quorum = quorum_new(&settings);
	if (!b->quorum || pthread_mutex_init(&b->lock, NULL) != 0) {
		quorum_free(b->quorum);
		free(b);
		return NULL;
	}
	b->rt = runtime_ref(rt);
	b->config = q;
	b->home = w;
	atomic_init(&b->refs, 1);
	b->began_ms = w->now_ms;
	worker_new_id(w, b->id);
	b->timeout.fire = time_is_over;
	timer_set(&w->timers, &b->timeout, w->now_ms + q->timeout_ms);
	b->next_home = w->ballots;
	if (w->ballots)
		w->ballots->prev_home = b;
	w->ballots = b;
	return b;
}

/* --- seats --- */

static void sit(struct ballot *b, struct voter *v, struct worker *w, unsigned seat, const char *id)
{
	struct seat *s = &b->seats[seat];
	CHECK(!s->taken);
	*v = (struct voter){ .ballot = b, .w = w, .seat = seat };
	s->taken = true;
	s->voter = v;
	memcpy(s->exchange, id, sizeof(s->exchange));
	atomic_fetch_add(&b->refs, 1);
}

enum ballot_join ballot_open(struct voter *v, struct worker *w, struct runtime *rt,
			     const struct config_quorum *q, const char *id)
{
	struct ballot *b = ballot_new(w, rt, q);
	if (!b)
		return BALLOT_NO_MEMORY;
	sit(b, v, w, q->chosen, id);
	return BALLOT_JOINED;
}

void ballot_sit(struct voter *v, struct voter *beside, unsigned seat, const char *id)
{
	sit(beside->ballot, v, beside->w, seat, id);
}

static struct ballot *find(const struct ballots *all, const struct config_quorum *q,
			   struct span spec)
{
	for (struct ballot *b = all->first; b; b = b->next)
		if (span_eq(span_of(b->spec), spec) && strcmp(b->config->name, q->name) == 0)
			return b;
	return NULL;
}

/* A reload may have changed who the builders are, or what is asked of them. */
static bool same_terms(const struct ballot *b, const struct runtime *rt,
		       const struct config_quorum *q)
{
	const struct config_quorum *c = b->config;
	bool same = c->n_builders == q->n_builders && c->agree == q->agree &&
		    c->chosen == q->chosen && c->threshold == q->threshold &&
		    c->on_quorum == q->on_quorum;
	for (unsigned i = 0; same && i < q->n_builders; i++)
		same = strcmp(b->rt->config->upstreams[b->config->builders[i].upstream].name,
			      rt->config->upstreams[q->builders[i].upstream].name) == 0;
	return same;
}

static enum ballot_join join_known(struct ballot *b, struct voter *v, struct worker *w,
				   unsigned seat, const char *id)
{
	enum ballot_join joined = BALLOT_DUPLICATE;
	pthread_mutex_lock(&b->lock);
	if (!b->settled && !b->seats[seat].taken && !b->seats[seat].ended) {
		sit(b, v, w, seat, id);
		joined = BALLOT_JOINED;
	}
	pthread_mutex_unlock(&b->lock);
	return joined;
}

static enum ballot_join join_new(struct ballots *all, struct voter *v, struct worker *w,
				 struct runtime *rt, const struct config_quorum *q, unsigned seat,
				 struct span spec, const char *id)
{
	if (all->n >= BALLOTS_BY_SPEC)
		return BALLOT_FULL;
	struct ballot *b = ballot_new(w, rt, q);
	if (!b)
		return BALLOT_NO_MEMORY;
	memcpy(b->spec, spec.p, spec.n);
	b->next = all->first;
	all->first = b;
	all->n++;
	sit(b, v, w, seat, id);
	return BALLOT_JOINED;
}

enum ballot_join ballot_join(struct voter *v, struct worker *w, struct runtime *rt,
			     const struct config_quorum *q, unsigned seat, struct span spec,
			     const char *id)
{
	struct ballots *all = w->server->ballots;
	CHECK(spec.n <= BALLOT_SPEC_BYTES);
	pthread_mutex_lock(&all->lock);
	struct ballot *b = find(all, q, spec);
	enum ballot_join joined;
	if (b && !same_terms(b, rt, q))
		joined = BALLOT_DUPLICATE;
	else if (b)
		joined = join_known(b, v, w, seat, id);
	else
		joined = join_new(all, v, w, rt, q, seat, spec, id);
	pthread_mutex_unlock(&all->lock);
	return joined;
}

void voter_leave(struct voter *v)
{
	struct ballot *b = v->ballot;
	if (!b)
		return;
	struct worker *w = v->w;
	pthread_mutex_lock(&b->lock);
	CHECK(b->seats[v->seat].ended || b->settled);
	b->seats[v->seat].voter = NULL;
	bool over = !b->spec[0] && b->settled && !b->quorum && !b->retired;
	for (unsigned i = 0; i < b->config->n_builders; i++)
		over = over && !b->seats[i].voter;
	pthread_mutex_unlock(&b->lock);
	pthread_mutex_lock(&w->voters.lock);
	unlist(&w->voters, v);
	pthread_mutex_unlock(&w->voters.lock);
	v->ballot = NULL;
	if (over)
		ballot_retire(b);
	ballot_unref(b);
}

/* --- what voters say and ask --- */

void voter_feed(struct voter *v, const struct wire *wire, const struct piece *p, size_t n)
{
	struct ballot *b = v->ballot;
	pthread_mutex_lock(&b->lock);
	if (b->quorum && !b->seats[v->seat].ended && quorum_feed(b->quorum, v->seat, wire, p, n))
		look(b, v->w);
	pthread_mutex_unlock(&b->lock);
}

void voter_end_seat(struct voter *v, unsigned seat, enum quorum_ending how)
{
	struct ballot *b = v->ballot;
	pthread_mutex_lock(&b->lock);
	end_seat(b, seat, how);
	look(b, v->w);
	pthread_mutex_unlock(&b->lock);
}

void voter_end(struct voter *v, enum quorum_ending how)
{
	voter_end_seat(v, v->seat, how);
}

enum ballot_word voter_word(const struct voter *v)
{
	struct ballot *b = v->ballot;
	pthread_mutex_lock(&b->lock);
	enum ballot_word word = b->word;
	if (word == BALLOT_ADMIT && !(b->admitted >> v->seat & 1))
		word = b->quorum ? BALLOT_OPEN : BALLOT_REFUSE;
	pthread_mutex_unlock(&b->lock);
	return word;
}

bool voter_needed(const struct voter *v)
{
	pthread_mutex_lock(&v->ballot->lock);
	bool needed = !v->ballot->settled && !v->ballot->seats[v->seat].ended;
	pthread_mutex_unlock(&v->ballot->lock);
	return needed;
}

const char *voter_reason(const struct voter *v)
{
	struct ballot *b = v->ballot;
	pthread_mutex_lock(&b->lock);
	enum compare_reason why = b->word == BALLOT_ADMIT ? b->seats[v->seat].reason : b->reason;
	pthread_mutex_unlock(&b->lock);
	return compare_reason_names[why];
}

const struct config_quorum *voter_quorum(const struct voter *v)
{
	return v->ballot->config;
}

const char *voter_ballot_id(const struct voter *v)
{
	return v->ballot->id;
}

struct voter *voter_beside(const struct voter *v, unsigned seat)
{
	return v->ballot->seats[seat].voter;
}

/* --- the end of a worker --- */

void ballots_drain(struct worker *w)
{
	for (struct ballot *b = w->ballots; b; b = b->next_home) {
		pthread_mutex_lock(&b->lock);
		for (unsigned i = 0; i < b->config->n_builders; i++)
			if (!b->seats[i].taken)
				end_seat(b, i, QUORUM_ABSENT);
		look(b, w);
		pthread_mutex_unlock(&b->lock);
	}
}

void ballots_drop(struct worker *w)
{
	while (w->ballots) {
		ballot_stop_asking(w->ballots);
		time_is_over(&w->ballots->timeout);
	}
}

/* The answers of a flow: which request each belongs to, and what it said. */
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"
#include "proxy/config_mirror.h"
#include "proxy/flow_core.h"
#include "proxy/shadow_judge.h"

static struct mirror_counts *counts(struct flow *f)
{
	return &f->shared->counts.mirror;
}

/* --- what was answered --- */

static void lose_answer(struct flow *f, struct flow_copy *c)
{
	c->answer_lost = true;
	flow_unhold(f, c, &c->body);
}

static void add_text(struct flow *f, struct flow_copy *c, struct span text)
{
	c->too_large = c->body.n + text.n > c->config->mirror->answer_most;
	if (c->too_large)
		flow_unhold(f, c, &c->body);
	else if (!flow_hold(f, c, &c->body, text))
		lose_answer(f, c);
}

static void add_body(struct flow *f, struct flow_copy *c, struct span body)
{
	struct buf *plain = &f->shared->plain;
	if (c->undecoded || c->too_large || c->answer_lost)
		return;
	if (!c->inflate) {
		add_text(f, c, body);
		return;
	}
	buf_clear(plain);
	enum inflate_status status = inflate_feed(c->inflate, body.p, body.n, plain);
	add_text(f, c, (struct span){ plain->p, plain->n });
	switch (status) {
	case INFLATE_OK:
	case INFLATE_END: break;
	case INFLATE_TOO_BIG:
		c->too_large = true;
		flow_unhold(f, c, &c->body);
		break;
	case INFLATE_CORRUPT: c->undecoded = true; break;
	case INFLATE_NO_MEMORY:
	case INFLATE_STATUS_COUNT: lose_answer(f, c); break;
	}
	if (plain->failed)
		lose_answer(f, c);
	if (plain->cap > 1 << 20)
		buf_fini(plain);
}

static void begin_answer(struct flow_copy *c, const struct http1_head *head)
{
	const struct config_limits *limits = &c->config->limits;
	struct span coding = http1_find(head, SPAN("content-encoding"));
	struct span type = http1_find(head, SPAN("content-type"));
	c->status = head->status;
	type.n = min_size(type.n, sizeof(c->type) - 1);
	memcpy(c->type, type.n ? type.p : "", type.n);
	c->type[type.n] = '\0';
	if (head->framing == HTTP1_NO_BODY || coding.n == 0 ||
	    span_eq_nocase(coding, SPAN("identity")))
		return;
	c->inflate = inflate_new(coding, limits->decoded_bytes, limits->decoded_ratio);
	c->undecoded = !c->inflate;
}

static void hand_out(struct flow *f, const struct flow_asked *a)
{
	const struct flow_copy *c = a->copy;
	uint64_t from = a->sent_ns;
	struct mirror_answer m = {
		.status = c->status,
		.body = { c->body.p, c->body.n },
		.whole = c->whole && !c->undecoded,
		.too_large = c->too_large,
		.first_us =
			c->first_ns ? max_u64((max_u64(c->first_ns, from) - from) / 1000, 1) : 0,
		.total_us = (max_u64(c->end_ns, from) - from) / 1000,
	};
	const struct shadow_answer wire = { .target = span_of(c->target),
					    .type = span_of(c->type),
					    .body = m.body };
	memcpy(m.id, c->id, MIRROR_ID);
	if (c->body.n)
		shadow_choose_wire(c->route, &wire, &m.framing, &m.dialect);
	counts(f)->answers++;
	f->shared->sink.answer(f->shared->sink.owner, &m);
}

/* --- which request is answered --- */

static void forget_first(struct flow *f)
{
	struct flow_asked *a = f->first;
	f->first = a->next;
	if (!f->first)
		f->last = NULL;
	f->n--;
	if (a->copy && a->copy->answer_lost)
		counts(f)->answers_lost++;
	else if (a->copy)
		hand_out(f, a);
	flow_copy_free(f, a->copy);
	room_give(&f->shared->room, sizeof(*a));
	free(a);
}

void flow_settle(struct flow *f)
{
	while (f->first && f->first->complete) {
		struct flow_asked *a = f->first;
		if (!a->answered && f->answers == ANSWERS_GO_ON)
			return;
		if (!a->answered && a->copy && f->answers == ANSWERS_LOST)
			lose_answer(f, a->copy);
		forget_first(f);
	}
}

static struct flow_asked *answered_next(const struct flow *f)
{
	struct flow_asked *a = f->first;
	while (a && a->answered)
		a = a->next;
	return a;
}

static void end_answer(struct flow *f, bool whole, uint64_t now_ns)
{
	struct flow_asked *a = answered_next(f);
	struct flow_copy *c = a->copy;
	a->answered = true;
	if (c) {
		if (c->inflate && !c->undecoded && inflate_finish(c->inflate) != INFLATE_END)
			c->undecoded = true;
		c->whole = whole;
		c->end_ns = now_ns;
	}
	flow_settle(f);
}

static bool waits_for_upgrade(const struct flow *f)
{
	const struct flow_asked *a = answered_next(f);
	while (a && !(a->upgrades && a->complete))
		a = a->next;
	return a;
}

void flow_answers_stop(struct flow *f, enum flow_answers how, uint64_t now_ns)
{
	if (f->answers != ANSWERS_GO_ON)
		return;
	struct flow_asked *a = answered_next(f);
	f->answers = how;
	if (a && a->copy && how == ANSWERS_CLOSED)
		a->copy->end_ns = max_u64(now_ns, a->sent_ns);
	if (how == ANSWERS_LOST && waits_for_upgrade(f))
		flow_stop(f, FLOW_UPGRADED); /* or not: nobody can tell what follows */
	f->shared->counts.unanswered += how == ANSWERS_LOST && f->ended == FLOW_GOES_ON;
	http1_free(f->answer);
	f->answer = NULL;
	flow_settle(f);
}

void flow_without_answers(struct flow *f)
{
	flow_answers_stop(f, ANSWERS_LOST, 0);
}

/* --- what comes --- */

/* Another protocol follows, in both directions. */
static void upgrade(struct flow *f, uint64_t now_ns)
{
	end_answer(f, true, now_ns);
	flow_stop(f, FLOW_UPGRADED);
	flow_answers_stop(f, ANSWERS_CLOSED, now_ns);
}

static void take_head(struct flow *f, struct flow_asked *a, uint64_t now_ns)
{
	const struct http1_head *head = http1_head(f->answer);
	if (a->copy && (head->status >= 200 || head->status == 101))
		begin_answer(a->copy, head);
	if (head->status == 101)
		upgrade(f, now_ns);
	else
		http1_drop_head(f->answer);
}

/* An interim answer is followed by the final one. */
static void take_end(struct flow *f, uint64_t now_ns)
{
	bool final = http1_head(f->answer)->status >= 200;
	http1_next(f->answer);
	if (final)
		end_answer(f, true, now_ns);
}

void flow_answer_bytes(struct flow *f, struct span bytes, uint64_t now_ns)
{
	enum http1_event event = HTTP1_BODY;
	while (f->answers == ANSWERS_GO_ON && event != HTTP1_MORE) {
		struct flow_asked *a = answered_next(f);
		struct span body = { 0 };
		size_t used = 0;
		if (!a && bytes.n) /* nobody has asked: whatever it is, it cannot be paired */
			flow_answers_stop(f, ANSWERS_LOST, now_ns);
		if (!a)
			return;
		if (http1_idle(f->answer))
			http1_expect(f->answer, a->is_head ? SPAN("HEAD") : SPAN("GET"));
		event = http1_feed(f->answer, bytes.p, bytes.n, &used, &body);
		bytes.p += used;
		bytes.n -= used;
		if (event == HTTP1_HEAD)
			take_head(f, a, now_ns);
		else if (event == HTTP1_END)
			take_end(f, now_ns);
		else if (event == HTTP1_REFUSED)
			flow_answers_stop(f, ANSWERS_LOST, now_ns);
		if (event == HTTP1_BODY && a->copy && !a->copy->first_ns)
			a->copy->first_ns = now_ns;
		if (event == HTTP1_BODY && a->copy)
			add_body(f, a->copy, body);
	}
}

void flow_answer_lost(struct flow *f, uint64_t n, uint64_t now_ns)
{
	struct flow_asked *a = answered_next(f);
	if (f->answers != ANSWERS_GO_ON)
		return;
	uint64_t of_body = a ? http1_skip(f->answer, n) : 0;
	if (of_body && a->copy)
		lose_answer(f, a->copy);
	if (of_body)
		flow_answer_bytes(f, (struct span){ "", 0 },
				  now_ns); /* that may have been its end */
	if (of_body < n)
		flow_answers_stop(f, ANSWERS_LOST, now_ns);
}

void flow_answer_end(struct flow *f, uint64_t now_ns)
{
	if (f->answers != ANSWERS_GO_ON)
		return;
	if (answered_next(f) && http1_eof(f->answer) == HTTP1_END)
		end_answer(f, true, now_ns);
	flow_answers_stop(f, ANSWERS_CLOSED, now_ns);
}

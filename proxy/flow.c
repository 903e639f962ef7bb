#include "proxy/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"
#include "proxy/flow_core.h"

const char *const flow_end_names[] = { "goes_on", "tls",      "http2", "malformed",
				       "hole",    "upgraded", "full",  "closed" };
static_assert(ARRAY_LEN(flow_end_names) == FLOW_END_COUNT, "one name for each");

/* --- what is kept --- */

bool flow_hold(struct flow *f, struct flow_copy *c, struct buf *to, struct span bytes)
{
	if (bytes.n == 0)
		return true;
	if (!room_take(&f->shared->room, bytes.n))
		return false;
	c->charged += bytes.n;
	buf_add(to, bytes.p, bytes.n);
	if (!to->failed)
		return true;
	room_give(&f->shared->room, bytes.n);
	c->charged -= bytes.n;
	return false;
}

void flow_unhold(struct flow *f, struct flow_copy *c, struct buf *b)
{
	room_give(&f->shared->room, b->n);
	c->charged -= b->n;
	buf_fini(b);
}

static struct mirror_counts *counts(struct flow *f)
{
	return &f->shared->counts.mirror;
}

/* Bytes of a request in the sample. After a hole they are worth nothing, but were captured. */
static void add_bytes(struct flow *f, struct flow_copy *c, struct span bytes)
{
	counts(f)->sampled += bytes.n;
	if (!c->no_room && !c->lost && !flow_hold(f, c, &c->bytes, bytes)) {
		c->no_room = true;
		c->lost += c->bytes.n;
		counts(f)->captured -= c->bytes.n;
		counts(f)->lost += c->bytes.n;
		flow_unhold(f, c, &c->bytes);
	}
	if (c->no_room)
		c->lost += bytes.n;
	*(c->no_room ? &counts(f)->lost : &counts(f)->captured) += bytes.n;
}

static void lose_bytes(struct flow *f, struct flow_copy *c, uint64_t n)
{
	c->lost += n;
	counts(f)->sampled += n;
	counts(f)->lost += n;
	flow_unhold(f, c, &c->bytes);
}

/* --- how a request ends --- */

static void hand_out_request(struct flow *f, const struct flow_asked *a)
{
	const struct flow_copy *c = a->copy;
	struct mirror_request q = { .route = span_of(c->route->name),
				    .spec = { c->spec, c->spec_n },
				    .bytes = { c->bytes.p, c->bytes.n },
				    .time_us = (uint64_t)((int64_t)(a->sent_ns / 1000) +
							  f->shared->realtime_us) };
	memcpy(q.id, c->id, MIRROR_ID);
	f->shared->sink.request(f->shared->sink.owner, &q);
}

/* It is not all there. */
static void hand_out_loss(struct flow *f, struct flow_asked *a)
{
	struct mirror_loss loss = { .bytes = a->copy->lost };
	memcpy(loss.id, a->copy->id, MIRROR_ID);
	(*(loss.bytes ? &counts(f)->incomplete : &counts(f)->truncated))++;
	f->shared->sink.lost(f->shared->sink.owner, &loss);
	flow_copy_free(f, a->copy);
	a->copy = NULL;
}

static void end_request(struct flow *f, bool all)
{
	struct flow_asked *a = f->asking;
	f->asking = NULL;
	f->requests++;
	a->complete = true;
	if (a->copy && all && !a->copy->lost) {
		counts(f)->complete++;
		hand_out_request(f, a);
		flow_unhold(f, a->copy, &a->copy->bytes);
	} else if (a->copy) {
		hand_out_loss(f, a);
	}
	if (a->upgrades && f->answers == ANSWERS_LOST)
		flow_stop(f, FLOW_UPGRADED); /* or not: nobody can tell what follows */
	flow_settle(f);
}

static void forget_head(struct flow *f)
{
	room_give(&f->shared->room, 2 * f->head.n);
	buf_fini(&f->head);
}

void flow_stop(struct flow *f, enum flow_end why)
{
	if (f->ended != FLOW_GOES_ON)
		return;
	f->ended = why;
	f->shared->counts.ends[why]++;
	forget_head(f);
	if (f->asking)
		end_request(f, false);
	http1_free(f->request);
	f->request = NULL;
}

/* --- requests --- */

static bool keep_head(struct flow *f, struct span bytes)
{
	while (f->head.n == 0 && bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n'))
		bytes.p++, bytes.n--; /* an empty line before a request is none of it */
	if (!room_take(&f->shared->room, 2 * bytes.n))
		return false;
	size_t before = f->head.n;
	buf_add(&f->head, bytes.p, bytes.n);
	room_give(&f->shared->room, 2 * (before + bytes.n - f->head.n)); /* what was not added */
	return !f->head.failed;
}

/* The head is complete: the request waits for its answer from here on. */
static bool begin_request(struct flow *f, uint64_t now_ns)
{
	const struct http1_head *head = http1_head(f->request);
	struct flow_asked *a = NULL;
	if (f->n < FLOW_WAITING_MOST && room_take(&f->shared->room, sizeof(*a)))
		a = calloc(1, sizeof(*a));
	if (!a)
		return false;
	a->is_head = span_eq(head->method, SPAN("HEAD"));
	a->upgrades = head->upgrade;
	a->copy = flow_choose(f, head, now_ns);
	*(f->last ? &f->last->next : &f->first) = a;
	f->last = f->asking = a;
	f->n++;
	http1_drop_head(f->request);
	if (a->copy) {
		counts(f)->requests++;
		add_bytes(f, a->copy, (struct span){ f->head.p, f->head.n });
	}
	forget_head(f);
	return true;
}

/* `rest` begins with what was refused. */
static enum flow_end why_refused(const struct flow *f, struct span rest)
{
	static const char preface[] = "PRI * HTTP/2.0";
	char begin[sizeof(preface) - 1];
	if (http1_refusal(f->request) == HTTP1_NO_MEMORY)
		return FLOW_FULL;
	if (f->requests || f->asking)
		return FLOW_MALFORMED;
	size_t n = min_size(f->head.n, sizeof(begin));
	memcpy(begin, n ? f->head.p : "", n);
	rest.n = min_size(rest.n, sizeof(begin) - n);
	memcpy(begin + n, rest.n ? rest.p : "", rest.n);
	n += rest.n;
	if (n > 0 && begin[0] == 0x16) /* a handshake record (RFC 8446, 5.1) */
		return FLOW_TLS;
	return n >= 3 && memcmp(begin, preface, n) == 0 ? FLOW_HTTP2 : FLOW_MALFORMED;
}

/* One thing that the parser reports of the bytes, of which it has used `used`. */
static void take_event(struct flow *f, enum http1_event event, struct span used, struct span rest,
		       uint64_t now_ns)
{
	bool kept = true;
	if (f->asking && f->asking->copy)
		add_bytes(f, f->asking->copy, used);
	else if (!f->asking)
		kept = keep_head(f, used);
	if (f->asking && !(f->asking->copy && f->asking->copy->first_ns))
		f->asking->sent_ns = now_ns; /* until its answer begins */
	if (event == HTTP1_REFUSED)
		flow_stop(f, why_refused(f, rest));
	else if (!kept || (event == HTTP1_HEAD && !begin_request(f, now_ns)))
		flow_stop(f, FLOW_FULL);
	else if (event == HTTP1_HEAD)
		f->asking->sent_ns = now_ns;
	if (event == HTTP1_END && f->ended == FLOW_GOES_ON) {
		http1_next(f->request);
		end_request(f, true);
	}
}

void flow_request_bytes(struct flow *f, struct span bytes, uint64_t now_ns)
{
	enum http1_event event = HTTP1_BODY;
	while (f->ended == FLOW_GOES_ON && event != HTTP1_MORE) {
		size_t used = 0;
		struct span body;
		event = http1_feed(f->request, bytes.p, bytes.n, &used, &body);
		struct span taken = { bytes.p, used };
		bytes.p += used;
		bytes.n -= used;
		take_event(f, event, taken, bytes, now_ns);
	}
}

void flow_request_lost(struct flow *f, uint64_t n, uint64_t now_ns)
{
	if (f->ended != FLOW_GOES_ON)
		return;
	bool in_request = f->asking;
	uint64_t of_body = in_request ? http1_skip(f->request, n) : 0;
	bool hides = of_body < n;
	if (in_request && f->asking->copy)
		lose_bytes(f, f->asking->copy, of_body ? of_body : n);
	flow_request_bytes(f, (struct span){ "", 0 }, now_ns); /* that may have been its end */
	if (hides)
		flow_stop(f, FLOW_HOLE);
}

void flow_request_end(struct flow *f)
{
	flow_stop(f, FLOW_CLOSED);
}

/* --- life --- */

struct flow *flow_new(struct flow_shared *shared)
{
	struct flow *f = calloc(1, sizeof(*f));
	const struct config_limits *l = &shared->config->limits;
	const struct http1_limits limits = { l->head_bytes, l->target_bytes, l->headers };
	if (!f)
		return NULL;
	f->shared = shared;
	f->request = http1_new(HTTP1_REQUEST, &limits);
	f->answer = http1_new(HTTP1_RESPONSE, &limits);
	if (f->request && f->answer)
		return f;
	http1_free(f->request);
	http1_free(f->answer);
	free(f);
	return NULL;
}

void flow_free(struct flow *f, uint64_t now_ns)
{
	if (!f)
		return;
	flow_stop(f, FLOW_CLOSED);
	flow_answers_stop(f, ANSWERS_CLOSED, now_ns);
	CHECK(!f->first);
	http1_free(f->answer);
	free(f);
}

bool flow_over(const struct flow *f)
{
	return f->ended != FLOW_GOES_ON && !f->first;
}

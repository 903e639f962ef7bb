#include "proxy/tap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/shm_ring.h"
#include "proxy/config_mirror.h"
#include "proxy/exchange.h"
#include "proxy/server.h"
#include "proxy/tap_copy.h"
#include "proxy/worker.h"

/* Of a record without bytes. */
#define END_ROOM (sizeof(struct mirror_record) + SHM_RING_OVERHEAD)

const char *const tap_result_names[TAP_RESULT_COUNT] = {
	[TAP_CAPTURED] = "captured", [TAP_INCOMPLETE] = "incomplete", [TAP_TRUNCATED] = "truncated",
	[TAP_UNSENT] = "unsent",     [TAP_LIMITED] = "limited",       [TAP_ABSENT] = "absent",
};

/* Keeps the worker's count of what its copies hold of answers. */
static void count_held(struct exchange *x)
{
	struct tap_copy *c = x->copy;
	x->w->tap_held += c->answer.cap;
	x->w->tap_held -= c->held;
	c->held = c->answer.cap;
}

void tap_copy_free(struct exchange *x)
{
	if (!x->copy)
		return;
	buf_fini(&x->copy->answer);
	count_held(x);
	free(x->copy);
	x->copy = NULL;
}

struct span tap_key(const struct tap_copy *c, bool *in)
{
	*in = c && c->in;
	return c ? (struct span){ c->key, c->key_n } : (struct span){ "", 0 };
}

/* --- the session --- */

/* The worker's ring while the replayer that x began with is there, or NULL. */
struct shm_ring *tap_ring(struct exchange *x)
{
	struct tap_session *s = x->w->tap;
	if (!s || tap_session_over(s) || tap_session_number(s) != x->copy->session)
		return NULL;
	return tap_session_ring(s, x->w->index);
}

/* A worker changes to another session between two requests, and only then takes the lock. */
struct tap_session *tap_session_for_new(struct worker *w)
{
	struct tap *t = w->server->tap;
	if (!t)
		return NULL; /* there is no mirror */
	if (!tap_session_is(t, w->tap)) {
		tap_session_drop(w->tap);
		w->tap = tap_session_take(t);
	}
	return w->tap && !tap_session_over(w->tap) && !tap_session_paused(w->tap) ? w->tap : NULL;
}

/* --- choosing --- */

static uint8_t keep(char to[SAMPLE_KEY_BYTES], struct span from)
{
	if (from.n == 0 || from.n > SAMPLE_KEY_BYTES)
		return 0;
	memcpy(to, from.p, from.n);
	return (uint8_t)from.n;
}

static uint32_t ppm_of(const struct exchange *x)
{
	return config_mirror_ppm(x->rt->config, x->route);
}

static bool may_mirror(const struct exchange *x, const struct http1_head *head)
{
	return x->w->server->tap && ppm_of(x) > 0 && !x->client->conn.silent && !x->wants_upgrade &&
	       !http1_find(head, SPAN("x-redcard-shadow")).p;
}

bool tap_choose(struct exchange *x, const struct http1_head *head)
{
	if (!may_mirror(x, head))
		return true;
	struct tap_copy *c = calloc(1, sizeof(*c));
	if (!c)
		return false;
	x->copy = c;
	c->key_n = keep(c->key, sample_key(head, (struct span){ x->id, EXCHANGE_ID_LENGTH }));
	c->spec_n = keep(c->spec, http1_find(head, SPAN("x-redcard-spec")));
	c->body = head->framing == HTTP1_LENGTH ? head->length : 0;
	c->in = sample_takes((struct span){ c->key, c->key_n }, ppm_of(x));
	c->result = TAP_UNSENT;
	if (!c->in)
		return true;
	struct tap_session *s = tap_session_for_new(x->w);
	if (!s)
		c->result = TAP_ABSENT;
	else if (!tap_admits(x->w->server->tap, x->rt->config->mirror->rate, x->w->now_ms))
		c->result = TAP_LIMITED;
	else
		c->session = tap_session_number(s);
	return true;
}

static struct tap_copy *copied(const struct exchange *x)
{
	struct tap_copy *c = x->copy;
	return c && c->in && c->result != TAP_ABSENT && c->result != TAP_LIMITED ? c : NULL;
}

/* --- the request --- */

/* Each request that has begun in the ring keeps room for its end: without that the replayer would
 * keep a request that the proxy believes captured, and never know. */
static bool put(struct shm_ring *ring, const struct span *parts, size_t n, uint32_t ends_kept)
{
	size_t wanted = (size_t)ends_kept * END_ROOM + SHM_RING_OVERHEAD;
	for (size_t i = 0; i < n; i++)
		wanted += parts[i].n;
	return (ends_kept == 0 || shm_ring_room(ring) >= wanted) && shm_ring_put(ring, parts, n);
}

static uint32_t *owed(const struct exchange *x)
{
	return tap_session_owed(x->w->tap, x->w->index);
}

bool tap_put(struct exchange *x, struct shm_ring *ring, uint32_t flags, struct span bytes)
{
	struct tap_copy *c = x->copy;
	bool pays = flags & MIRROR_END && c->owes;
	bool owes = flags & MIRROR_BEGIN && !(flags & MIRROR_END);
	struct span route = span_of(flags & MIRROR_BEGIN ? x->route->name : "");
	struct mirror_record r = {
		.kind = MIRROR_PART,
		.flags = flags,
		.mark = c->mark,
		.route_n = (uint16_t)min_size(route.n, UINT16_MAX),
		.spec_n = flags & MIRROR_BEGIN ? c->spec_n : 0,
		.offset = c->offset,
		.total = c->offset + bytes.n,
		.lost = c->lost,
		.time_us = flags & MIRROR_BEGIN ? clock_real_us() : 0,
	};
	memcpy(r.id, x->id, EXCHANGE_ID_LENGTH);
	const struct span parts[] = { { (const char *)&r, sizeof(r) },
				      { route.p, r.route_n },
				      { c->spec, r.spec_n },
				      bytes };
	uint32_t *n = owed(x);
	if (!put(ring, parts, ARRAY_LEN(parts), *n - pays + owes))
		return false;
	*n += owes;
	*n -= pays;
	c->owes = c->owes ? !pays : owes;
	return true;
}

/* Adds to the counts of both: those that the replayer sees, and the proxy's own. */
void tap_count(struct exchange *x, struct shm_ring *ring, enum mirror_counter counter, uint64_t n)
{
	if (ring)
		shm_ring_count(ring, counter, n);
	if (counter == MIRROR_CAPTURED)
		metric_add(x->w->metrics, METRIC_MIRROR_BYTES, 0, n);
	else if (counter == MIRROR_LOST_BYTES)
		metric_add(x->w->metrics, METRIC_MIRROR_BYTES, 1, n);
}

static void lose(struct exchange *x, struct shm_ring *ring, size_t n)
{
	struct tap_copy *c = x->copy;
	c->state = COPY_LOSING;
	c->offset += n;
	c->lost += n;
	tap_count(x, ring, MIRROR_SAMPLED, n);
	tap_count(x, ring, MIRROR_LOST_BYTES, n);
}

static void add(struct exchange *x, struct shm_ring *ring, uint32_t flags, struct span bytes)
{
	struct tap_copy *c = x->copy;
	if (!ring || c->state == COPY_LOSING || !tap_put(x, ring, flags, bytes)) {
		lose(x, ring, bytes.n);
		return;
	}
	c->state = COPY_BEGUN;
	c->offset += bytes.n;
	tap_count(x, ring, MIRROR_SAMPLED, bytes.n);
	tap_count(x, ring, MIRROR_CAPTURED, bytes.n);
}

/* In pieces that leave room for others; last: flags of the last one. */
static void add_all(struct exchange *x, struct shm_ring *ring, uint32_t first, uint32_t last,
		    struct span bytes)
{
	while (bytes.n > MIRROR_PART_BYTES) {
		add(x, ring, first, (struct span){ bytes.p, MIRROR_PART_BYTES });
		bytes.p += MIRROR_PART_BYTES;
		bytes.n -= MIRROR_PART_BYTES;
		first = 0;
	}
	add(x, ring, first | last, bytes);
}

/* What is known of the request by now must fit; half of the ring will do for what is larger. */
static bool fits(const struct exchange *x, struct shm_ring *ring)
{
	uint64_t bytes = max_u64(x->request_head.n, x->head_bytes + x->copy->body);
	uint64_t parts = bytes / MIRROR_PART_BYTES + 2;
	uint64_t wanted = bytes + UINT16_MAX / 64 +
			  parts * (sizeof(struct mirror_record) + SHM_RING_OVERHEAD);
	return shm_ring_room(ring) >=
	       min_u64(wanted, shm_ring_largest(ring) / 2) + (uint64_t)*owed(x) * END_ROOM;
}

void tap_settle(struct exchange *x, struct shm_ring *ring)
{
	static const enum mirror_counter counters[] = { [TAP_CAPTURED] = MIRROR_COMPLETE,
							[TAP_INCOMPLETE] = MIRROR_INCOMPLETE,
							[TAP_TRUNCATED] = MIRROR_TRUNCATED };
	struct tap_copy *c = x->copy;
	c->state = COPY_ENDED;
	c->result = c->lost ? TAP_INCOMPLETE : c->all_queued ? TAP_CAPTURED : TAP_TRUNCATED;
	tap_count(x, ring, counters[c->result], 1);
}

/* Says how the request ended; when not even that finds room, once more when the exchange ends. */
void tap_put_end(struct exchange *x, struct shm_ring *ring, uint32_t more)
{
	struct tap_copy *c = x->copy;
	uint32_t flags = MIRROR_END | more | (c->lost ? MIRROR_LOST : 0);
	c->end_owed = ring && !tap_put(x, ring, flags, (struct span){ "", 0 });
}

static void copy_sent(struct exchange *x, struct shm_ring *ring, struct span bytes)
{
	struct tap_copy *c = x->copy;
	if (!ring || !fits(x, ring))
		lose(x, ring, bytes.n);
	else
		add_all(x, ring, MIRROR_BEGIN, c->all_queued ? MIRROR_END : 0, bytes);
	if (c->all_queued && c->lost)
		tap_put_end(x, ring, 0);
	if (c->all_queued)
		tap_settle(x, ring);
}

void tap_sent(struct exchange *x)
{
	struct tap_copy *c = copied(x);
	struct shm_ring *ring = c ? tap_ring(x) : NULL;
	struct span bytes = { x->request_head.p, x->request_head.n };
	if (c && c->state == COPY_UNMARKED) {
		tap_mark_again(x, ring, bytes.n);
		return;
	}
	if (!c || c->state != COPY_CHOSEN)
		return;
	c->all_queued = x->request_done;
	c->sent_us = clock_us();
	tap_count(x, ring, MIRROR_REQUESTS, 1);
	if (!ring || !tap_mark(x, ring, bytes.n))
		copy_sent(x, ring, bytes);
}

void tap_bytes(struct exchange *x, const void *p, size_t n)
{
	struct tap_copy *c = copied(x);
	if (!c || n == 0 || c->state == COPY_CHOSEN || c->state == COPY_ENDED)
		return;
	if (c->mark)
		tap_mark_more(x, n);
	else
		add_all(x, tap_ring(x), 0, 0, (struct span){ p, n });
}

void tap_request_done(struct exchange *x)
{
	struct tap_copy *c = copied(x);
	if (!c || c->state == COPY_CHOSEN || c->state == COPY_ENDED)
		return;
	c->all_queued = true;
	if (c->mark)
		return; /* its end is said when the kernel has seen it */
	tap_put_end(x, tap_ring(x), 0);
	tap_settle(x, tap_ring(x));
}

/* --- the answer --- */

void tap_answer(struct exchange *x, struct span released)
{
	struct tap_copy *c = copied(x);
	if (!c || c->state == COPY_CHOSEN || released.n == 0 || !x->w->tap)
		return;
	if (!c->first_us)
		c->first_us = clock_us();
	tap_mark_settle(x);
	c->too_large |= c->answer.n + released.n > tap_session_answer_most(x->w->tap) ||
			x->w->tap_held + released.n > TAP_HELD_MOST;
	if (c->too_large || c->lost) {
		buf_fini(&c->answer);
	} else {
		buf_add(&c->answer, released.p, released.n);
		c->too_large = c->answer.failed;
	}
	count_held(x);
}

static uint32_t answer_flags(const struct exchange *x)
{
	const struct tap_copy *c = x->copy;
	bool whole = x->answer_done && !x->aborted && x->result != RESULT_CUT &&
		     x->result != RESULT_CLIENT_GONE && x->result != RESULT_TIMEOUT;
	return (whole ? MIRROR_WHOLE : 0) | (x->result == RESULT_CUT ? MIRROR_CUT : 0) |
	       (c->too_large ? MIRROR_TOO_LARGE : 0);
}

static void put_answer(struct exchange *x, struct shm_ring *ring)
{
	struct tap_copy *c = x->copy;
	c->too_large |= c->answer.n + sizeof(struct mirror_record) > shm_ring_largest(ring);
	struct mirror_record r = {
		.kind = MIRROR_ANSWER,
		.flags = answer_flags(x),
		.status = x->status,
		.framing = x->gate ? wire_framing(gate_wire(x->gate)) : FRAMING_NONE,
		.dialect = x->gate ? wire_dialect(gate_wire(x->gate)) : DIALECT_UNKNOWN,
		.first_us = c->first_us ? c->first_us - c->sent_us : 0,
		.total_us = clock_us() - c->sent_us,
	};
	memcpy(r.id, x->id, EXCHANGE_ID_LENGTH);
	const struct span parts[] = { { (const char *)&r, sizeof(r) },
				      { c->answer.p, c->too_large ? 0 : c->answer.n } };
	bool handed = put(ring, parts, ARRAY_LEN(parts), *owed(x));
	shm_ring_count(ring, handed ? MIRROR_ANSWERS : MIRROR_ANSWERS_LOST, 1);
	metric_add(x->w->metrics, METRIC_MIRROR_ANSWERS, handed ? 0 : 1, 1);
}

void tap_finish(struct exchange *x)
{
	struct tap_copy *c = x->copy;
	if (!c || !c->in)
		return;
	struct shm_ring *ring = tap_ring(x);
	if (c->state != COPY_CHOSEN && c->state != COPY_ENDED) {
		c->all_queued = false;
		tap_put_end(x, ring, MIRROR_LEFT);
		tap_settle(x, ring);
	} else if (c->end_owed) {
		tap_put_end(x, ring, 0);
	}
	if (ring && c->result == TAP_CAPTURED)
		put_answer(x, ring);
	metric_add(x->w->metrics, METRIC_MIRRORED, c->result, 1);
}

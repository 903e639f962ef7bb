/* Copies that the eBPF program makes: the worker marks where in a connection's stream the request
 * is, and says its end when the kernel has seen all of it. */
#include "proxy/backend.h"
#include "proxy/exchange.h"
#include "proxy/tap_copy.h"
#include "proxy/tap_slots.h"
#include "proxy/worker.h"

/* --- a connection's slot --- */

void tap_seat_take(struct worker *w, struct tap_seat *seat, int socket)
{
	struct tap_session *s = tap_session_for_new(w);
	struct tap_slots *slots = s ? tap_session_slots(s) : NULL;
	if (slots && tap_slots_give(slots, w->index, socket, &seat->slot))
		seat->session = tap_session_ref(s);
}

void tap_seat_leave(struct worker *w, struct tap_seat *seat)
{
	if (!seat->session)
		return;
	tap_slots_take_back(tap_session_slots(seat->session), w->index, seat->slot);
	tap_session_drop(seat->session);
	seat->session = NULL;
}

/* Of x's backend, where it may be used. */
static struct tap_seat *seat_of(const struct exchange *x)
{
	struct tap_seat *seat = x->backend ? &x->backend->seat : NULL;
	return seat && seat->session && seat->session == x->w->tap && !x->backend->conn.tls ? seat
											    : NULL;
}

static struct tap_slots *slots_of(const struct tap_seat *seat)
{
	return tap_session_slots(seat->session);
}

/* Where the next byte that is queued will stand in the stream. */
static uint64_t position(const struct exchange *x)
{
	return x->backend->conn.sent_bytes + conn_queued(&x->backend->conn);
}

/* --- a request's range --- */

static void set_mark(struct exchange *x, struct tap_seat *seat, size_t queued)
{
	struct tap_copy *c = x->copy;
	uint64_t to = position(x);
	c->from = to - queued;
	c->offset = queued;
	c->state = COPY_BEGUN;
	tap_slots_mark(slots_of(seat), seat->slot, c->mark, c->from, to,
		       max_u64(queued, x->head_bytes + c->body));
}

bool tap_mark(struct exchange *x, struct shm_ring *ring, size_t queued)
{
	struct tap_copy *c = x->copy;
	struct tap_seat *seat = seat_of(x);
	if (!seat || !tap_slots_clear(slots_of(seat), seat->slot))
		return false;
	c->mark = tap_slots_next_mark(slots_of(seat), x->w->index);
	if (!tap_put(x, ring, MIRROR_BEGIN, (struct span){ "", 0 })) {
		c->mark = 0;
		return false;
	}
	set_mark(x, seat, queued);
	metric_add(x->w->metrics, METRIC_MIRROR_MARKED, 0, 1);
	return true;
}

/* All numbers of it are known: captured bytes, and the rest, which is lost. */
static void finish(struct exchange *x, uint64_t captured, uint32_t flags)
{
	struct tap_copy *c = x->copy;
	struct shm_ring *ring = tap_ring(x);
	captured = min_u64(captured, c->offset);
	c->lost = c->offset - captured;
	tap_count(x, ring, MIRROR_SAMPLED, c->offset);
	tap_count(x, ring, MIRROR_CAPTURED, captured);
	tap_count(x, ring, MIRROR_LOST_BYTES, c->lost);
	tap_put_end(x, ring, flags);
	tap_settle(x, ring);
}

void tap_mark_again(struct exchange *x, struct shm_ring *ring, size_t queued)
{
	struct tap_copy *c = x->copy;
	struct tap_seat *seat = seat_of(x);
	c->all_queued = x->request_done;
	if (ring && seat && tap_slots_clear(slots_of(seat), seat->slot)) {
		set_mark(x, seat, queued);
		return;
	}
	c->offset = queued;
	finish(x, 0, 0);
}

void tap_mark_more(struct exchange *x, size_t n)
{
	struct tap_copy *c = x->copy;
	struct tap_seat *seat = seat_of(x);
	c->offset += n;
	if (seat)
		tap_slots_grow(slots_of(seat), seat->slot, c->from + c->offset);
}

static bool is_marked(const struct tap_copy *c)
{
	return c && c->mark && c->state == COPY_BEGUN;
}

void tap_mark_settle(struct exchange *x)
{
	struct tap_seat *seat = is_marked(x->copy) ? seat_of(x) : NULL;
	uint64_t captured, lost;
	if (!seat || !x->copy->all_queued)
		return;
	tap_slots_read(slots_of(seat), seat->slot, &captured, &lost);
	if (captured + lost == x->copy->offset)
		finish(x, captured, 0);
}

void tap_backend_leaves(struct exchange *x)
{
	struct tap_copy *c = x->copy;
	uint64_t captured = 0, lost = 0;
	if (!is_marked(c) || !x->backend)
		return;
	struct tap_seat *seat = &x->backend->seat;
	if (seat->session) {
		struct tap_slots *slots = slots_of(seat);
		tap_slots_read(slots, seat->slot, &captured, &lost);
		tap_slots_end(slots, seat->slot);
	}
	if (captured + lost == 0 && backend_untouched(x->backend)) {
		c->state = COPY_UNMARKED; /* perhaps another connection takes it */
		c->offset = 0;
		return;
	}
	finish(x, captured, c->all_queued ? 0 : MIRROR_LEFT);
}

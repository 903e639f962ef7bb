#include "proxy/mirror_join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/mirror_record.h"

#define BUCKETS 1024
#define FLAGS_OF_PART (MIRROR_BEGIN | MIRROR_END | MIRROR_LOST | MIRROR_LEFT)
#define FLAGS_OF_ANSWER (MIRROR_WHOLE | MIRROR_CUT | MIRROR_TOO_LARGE)

struct half {                         /* a request of which more is to come */
	struct half *next;            /* in its bucket */
	struct half *older, *younger; /* of all */
	uint64_t peer, mark;
	bool ended; /* its last bytes are still on their way */
	uint64_t total;
	struct mirror_request request; /* its spans are made when it is handed out */
	struct buf names, bytes;
	size_t route_n;
};

struct mirror_join {
	struct mirror_sink sink;
	struct half *buckets[BUCKETS];
	struct half *oldest, *youngest;
	size_t n, bytes;
	struct mirror_join_counts counts;
};

struct parts { /* of a record */
	struct mirror_record head;
	struct span route, spec, bytes;
};

struct mirror_join *mirror_join_new(const struct mirror_sink *sink)
{
	struct mirror_join *j = calloc(1, sizeof(*j));
	if (j)
		j->sink = *sink;
	return j;
}

/* --- the table --- */

/* A marked request goes by its mark, which its bytes have too; another one by its exchange. */
static bool is_it(const struct half *h, uint64_t peer, uint64_t mark, const char *id)
{
	return h->peer == peer && h->mark == mark &&
	       (mark || memcmp(h->request.id, id, MIRROR_ID) == 0);
}

static struct half **place(struct mirror_join *j, uint64_t peer, uint64_t mark, const char *id)
{
	struct span name = mark ? (struct span){ (const char *)&mark, sizeof(mark) }
				: (struct span){ id, MIRROR_ID };
	struct half **at = &j->buckets[span_hash(name, peer) % BUCKETS];
	while (*at && !is_it(*at, peer, mark, id))
		at = &(*at)->next;
	return at;
}

static void drop(struct mirror_join *j, struct half *h)
{
	*place(j, h->peer, h->mark, h->request.id) = h->next;
	*(h->older ? &h->older->younger : &j->oldest) = h->younger;
	*(h->younger ? &h->younger->older : &j->youngest) = h->older;
	j->n--;
	j->bytes -= h->bytes.n;
	buf_fini(&h->names);
	buf_fini(&h->bytes);
	free(h);
}

/* What the proxy counts of a marked request is counted when it ends. */
static void give_up(struct mirror_join *j, struct half *h)
{
	if (h->ended)
		j->counts.given_up++;
	if (!h->mark || h->ended)
		j->counts.lost_bytes += h->mark ? h->total : h->bytes.n;
	drop(j, h);
}

static struct half *begin(struct mirror_join *j, uint64_t peer, const struct parts *p)
{
	struct half *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	if (j->n >= MIRROR_OPEN_REQUESTS)
		give_up(j, j->oldest);
	h->peer = peer;
	h->mark = p->head.mark;
	memcpy(h->request.id, p->head.id, MIRROR_ID);
	h->request.time_us = p->head.time_us;
	buf_add(&h->names, p->route.p, p->route.n);
	buf_add(&h->names, p->spec.p, p->spec.n);
	h->route_n = p->route.n;
	*place(j, peer, h->mark, h->request.id) = h;
	h->older = j->youngest;
	*(h->older ? &h->older->younger : &j->oldest) = h;
	j->youngest = h;
	j->n++;
	return h;
}

void mirror_join_forget(struct mirror_join *j, uint64_t peer)
{
	for (struct half *h = j->oldest, *next; h; h = next) {
		next = h->younger;
		if (h->peer == peer && h->ended)
			give_up(j, h);
		else if (h->peer == peer)
			drop(j, h);
	}
}

void mirror_join_free(struct mirror_join *j)
{
	while (j && j->oldest)
		drop(j, j->oldest);
	free(j);
}

struct mirror_join_counts mirror_join_counts(const struct mirror_join *j)
{
	return j->counts;
}

/* --- records --- */

static bool is_id(const char id[MIRROR_ID])
{
	for (size_t i = 0; i < MIRROR_ID - 1; i++)
		if (!memchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", id[i], 32))
			return false;
	return id[MIRROR_ID - 1] == '\0';
}

static bool is_sound(const struct mirror_record *r, size_t bytes)
{
	if (!is_id(r->id))
		return false;
	if (r->kind == MIRROR_PART)
		return !(r->flags & ~(uint32_t)FLAGS_OF_PART) && !(r->mark && bytes);
	return r->kind == MIRROR_ANSWER && !(r->flags & ~(uint32_t)FLAGS_OF_ANSWER) &&
	       r->framing < FRAMING_COUNT && r->dialect < DIALECT_COUNT && r->status < 1000 &&
	       r->route_n == 0 && r->spec_n == 0;
}

static bool split(struct span record, struct parts *p)
{
	if (record.n < sizeof(p->head))
		return false;
	memcpy(&p->head, record.p, sizeof(p->head));
	size_t names = (size_t)p->head.route_n + p->head.spec_n;
	if (record.n - sizeof(p->head) < names ||
	    !is_sound(&p->head, record.n - sizeof(p->head) - names))
		return false;
	p->route = (struct span){ record.p + sizeof(p->head), p->head.route_n };
	p->spec = (struct span){ p->route.p + p->route.n, p->head.spec_n };
	p->bytes = (struct span){ p->spec.p + p->spec.n, record.n - sizeof(p->head) - names };
	return true;
}

static int hand_out(struct mirror_join *j, const struct mirror_request *request)
{
	j->counts.complete++;
	j->sink.request(j->sink.owner, request);
	return 1;
}

static int hand_out_loss(struct mirror_join *j, const struct parts *p)
{
	struct mirror_loss loss = { .bytes = p->head.flags & MIRROR_LOST ? p->head.lost : 0 };
	memcpy(loss.id, p->head.id, MIRROR_ID);
	j->sink.lost(j->sink.owner, &loss);
	return 1;
}

static int hand_out_half(struct mirror_join *j, struct half *h)
{
	h->request.route = (struct span){ h->names.p, h->route_n };
	h->request.spec = (struct span){ h->names.p + h->route_n, h->names.n - h->route_n };
	h->request.bytes = (struct span){ h->bytes.p, h->bytes.n };
	int handed = hand_out(j, &h->request);
	drop(j, h);
	return handed;
}

static int hand_out_whole(struct mirror_join *j, const struct parts *p)
{
	struct mirror_request request = {
		.route = p->route, .spec = p->spec, .bytes = p->bytes, .time_us = p->head.time_us
	};
	memcpy(request.id, p->head.id, MIRROR_ID);
	return hand_out(j, &request);
}

/* Older ones make room. False: it is the oldest itself and has none, and is given up. */
static bool append(struct mirror_join *j, struct half *h, struct span bytes)
{
	while (j->bytes + bytes.n > MIRROR_OPEN_BYTES && j->oldest != h)
		give_up(j, j->oldest);
	if (j->bytes + bytes.n <= MIRROR_OPEN_BYTES)
		buf_add(&h->bytes, bytes.p, bytes.n);
	else
		h->bytes.failed = true;
	if (h->bytes.failed || h->names.failed) {
		j->counts.lost_bytes += h->mark ? 0 : bytes.n;
		give_up(j, h);
		return false;
	}
	j->bytes += bytes.n;
	return true;
}

/* Of a request that was given up, or whose begin found no room. */
static int end_of_none(struct mirror_join *j, const struct parts *p)
{
	bool ends = p->head.flags & MIRROR_END,
	     failed = p->head.flags & (MIRROR_LOST | MIRROR_LEFT);
	j->counts.lost_bytes += p->head.mark && ends && !failed ? p->head.total : p->bytes.n;
	j->counts.given_up += ends && !failed;
	return ends ? hand_out_loss(j, p) : 0;
}

/* What a proxy says of a marked request, whose bytes come from elsewhere, perhaps later. */
static int take_marked(struct mirror_join *j, struct half *h, const struct parts *p)
{
	uint32_t flags = p->head.flags;
	if (!(flags & MIRROR_END))
		return 0;
	if (flags & (MIRROR_LOST | MIRROR_LEFT)) {
		drop(j, h);
		return hand_out_loss(j, p);
	}
	h->ended = true;
	h->total = p->head.total;
	return h->bytes.n == h->total ? hand_out_half(j, h) : 0;
}

int mirror_join_bytes(struct mirror_join *j, uint64_t peer, uint64_t mark, uint64_t offset,
		      struct span bytes)
{
	struct half *h = *place(j, peer, mark, "");
	if (!h)
		return -ENOENT;
	if (offset != h->bytes.n)
		return 0; /* what is before it was lost, and the proxy will say so */
	if (!append(j, h, bytes))
		return 0;
	return h->ended && h->bytes.n == h->total ? hand_out_half(j, h) : 0;
}

static int take_part(struct mirror_join *j, uint64_t peer, const struct parts *p)
{
	uint32_t flags = p->head.flags;
	struct half *h = *place(j, peer, p->head.mark, p->head.id);
	if (flags & MIRROR_BEGIN) {
		if (h || p->head.offset != 0)
			return -EPROTO;
		if ((flags & FLAGS_OF_PART) == (MIRROR_BEGIN | MIRROR_END))
			return hand_out_whole(j, p);
		h = begin(j, peer, p);
	}
	if (!h)
		return end_of_none(j, p);
	if (h->mark)
		return take_marked(j, h, p);
	if (!(flags & MIRROR_LOST) && p->head.offset != h->bytes.n)
		return -EPROTO;
	if (!append(j, h, p->bytes))
		return end_of_none(j, &(struct parts){ .head = p->head });
	if (!(flags & MIRROR_END))
		return 0;
	if (flags & (MIRROR_LOST | MIRROR_LEFT)) {
		drop(j, h);
		return hand_out_loss(j, p);
	}
	return p->head.total == h->bytes.n ? hand_out_half(j, h) : -EPROTO;
}

static int take_answer(struct mirror_join *j, const struct parts *p)
{
	struct mirror_answer answer = {
		.status = p->head.status,
		.framing = p->head.framing,
		.dialect = p->head.dialect,
		.body = p->bytes,
		.whole = p->head.flags & MIRROR_WHOLE,
		.cut = p->head.flags & MIRROR_CUT,
		.too_large = p->head.flags & MIRROR_TOO_LARGE,
		.first_us = p->head.first_us,
		.total_us = p->head.total_us,
	};
	memcpy(answer.id, p->head.id, MIRROR_ID);
	j->sink.answer(j->sink.owner, &answer);
	return 1;
}

int mirror_join_take(struct mirror_join *j, uint64_t peer, struct span record)
{
	struct parts p;
	if (!split(record, &p))
		return -EPROTO;
	return p.head.kind == MIRROR_PART ? take_part(j, peer, &p) : take_answer(j, &p);
}

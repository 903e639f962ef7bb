#include "proxy/wiretap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tcp_stream.h"
#include "proxy/config.h"

#define BUCKETS 4096
#define CLOSED_MS 5000 /* so long a connection is known that has ended: packets come twice */

enum connection_state {
	CONNECTION_FOLLOWED,
	CONNECTION_UNSEEN, /* its SYN was not */
	CONNECTION_OVER    /* nothing more comes of it, or it has ended */
};

struct connection {
	struct connection *next;            /* in its bucket */
	struct connection *older, *younger; /* by their latest packets */
	struct wiretap *w;
	struct wiretap_key key;
	enum connection_state state;
	bool ended; /* both said so, or one reset it */
	uint32_t first;
	uint64_t last_ns;
	struct flow *flow;
	struct tcp_stream requests, answers;
	bool has_answers; /* it is known where they begin */
	uint64_t now_ns;  /* of the packet that is taken */
	uint64_t hole_at[2], hole_ns[2];
};

struct wiretap {
	struct flow_shared shared;
	uint64_t seed; /* of the table */
	struct connection *buckets[BUCKETS];
	struct connection *oldest, *youngest;
	size_t n;
	struct wiretap_counts counts;
};

/* --- what a stream hands out --- */

static void on_request_bytes(void *owner, struct span bytes)
{
	struct connection *c = owner;
	flow_request_bytes(c->flow, bytes, c->now_ns);
}

static void on_request_lost(void *owner, uint64_t position, uint64_t n)
{
	struct connection *c = owner;
	(void)position;
	c->w->counts.missing_bytes[0] += n;
	flow_request_lost(c->flow, n, c->now_ns);
}

static void on_request_end(void *owner)
{
	flow_request_end(((struct connection *)owner)->flow);
}

static void on_answer_bytes(void *owner, struct span bytes)
{
	struct connection *c = owner;
	flow_answer_bytes(c->flow, bytes, c->now_ns);
}

static void on_answer_lost(void *owner, uint64_t position, uint64_t n)
{
	struct connection *c = owner;
	(void)position;
	c->w->counts.missing_bytes[1] += n;
	flow_answer_lost(c->flow, n, c->now_ns);
}

static void on_answer_end(void *owner)
{
	struct connection *c = owner;
	flow_answer_end(c->flow, c->now_ns);
}

static const struct tcp_stream_sink requests_sink = { on_request_bytes, on_request_lost,
						      on_request_end };
static const struct tcp_stream_sink answers_sink = { on_answer_bytes, on_answer_lost,
						     on_answer_end };

/* --- the table --- */

static struct connection **place(struct wiretap *w, const struct wiretap_key *key)
{
	struct span bytes = { (const char *)key, sizeof(*key) };
	struct connection **at = &w->buckets[span_hash(bytes, w->seed) % BUCKETS];
	while (*at && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
		at = &(*at)->next;
	return at;
}

static void unlink_age(struct connection *c)
{
	struct wiretap *w = c->w;
	*(c->older ? &c->older->younger : &w->oldest) = c->younger;
	*(c->younger ? &c->younger->older : &w->youngest) = c->older;
}

static void link_youngest(struct connection *c)
{
	struct wiretap *w = c->w;
	c->older = w->youngest;
	c->younger = NULL;
	*(c->older ? &c->older->younger : &w->oldest) = c;
	w->youngest = c;
}

/* Nothing more is made of it; it stays known for a while. */
static void let_go(struct connection *c)
{
	if (c->state == CONNECTION_FOLLOWED)
		c->w->counts.open--;
	c->state = CONNECTION_OVER;
	tcp_stream_fini(&c->requests);
	tcp_stream_fini(&c->answers);
	flow_free(c->flow, c->now_ns);
	c->flow = NULL;
}

/* Nothing more comes; what still waits is read. */
static void end(struct connection *c)
{
	c->ended = true;
	if (c->state != CONNECTION_FOLLOWED)
		return;
	tcp_stream_flush(&c->requests);
	if (c->has_answers)
		tcp_stream_flush(&c->answers);
	let_go(c);
}

static void forget(struct connection *c)
{
	struct wiretap *w = c->w;
	end(c);
	*place(w, &c->key) = c->next;
	unlink_age(c);
	w->n--;
	free(c);
}

static struct connection *know(struct wiretap *w, const struct wiretap_packet *p)
{
	if (w->n >= WIRETAP_CONNECTIONS) {
		w->counts.pushed += w->oldest->state == CONNECTION_FOLLOWED;
		forget(w->oldest);
	}
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->w = w;
	c->key = p->key;
	c->state = CONNECTION_OVER;
	c->now_ns = c->last_ns = p->time_ns;
	*place(w, &c->key) = c;
	link_youngest(c);
	w->n++;
	return c;
}

/* --- packets --- */

static struct connection *begin(struct wiretap *w, const struct wiretap_packet *p)
{
	struct connection *c = know(w, p);
	if (!c)
		return NULL;
	w->counts.seen++;
	c->first = p->sequence + 1;
	c->flow = flow_new(&w->shared);
	if (!c->flow)
		return c;
	tcp_stream_init(&c->requests, c->first, &requests_sink, c, &w->shared.room);
	c->state = CONNECTION_FOLLOWED;
	w->counts.open++;
	return c;
}

static void begin_answers(struct connection *c, uint32_t first)
{
	tcp_stream_init(&c->answers, first, &answers_sink, c, &c->w->shared.room);
	c->has_answers = true;
}

/* The builder speaks when it was asked, so the first byte that a client sends acknowledges its SYN
 * and nothing else: that tells where its answers begin where the kernel shows no SYN of it. */
static void take_request(struct connection *c, const struct wiretap_packet *p)
{
	if (p->flags & WIRETAP_ACK) {
		if (c->has_answers)
			tcp_stream_acknowledged(&c->answers, p->acknowledged);
		else if (p->bytes.n && p->sequence == c->first)
			begin_answers(c, p->acknowledged);
	}
	tcp_stream_take(&c->requests, p->sequence, p->bytes);
	if (p->flags & WIRETAP_FIN)
		tcp_stream_finish(&c->requests, p->sequence);
}

static void take_answer(struct connection *c, const struct wiretap_packet *p)
{
	if ((p->flags & WIRETAP_SYN) && !c->has_answers)
		begin_answers(c, p->sequence + 1);
	if (p->flags & WIRETAP_ACK)
		tcp_stream_acknowledged(&c->requests, p->acknowledged);
	if (!c->has_answers) {
		flow_without_answers(c->flow);
		return;
	}
	tcp_stream_take(&c->answers, p->sequence, p->bytes);
	if (p->flags & WIRETAP_FIN)
		tcp_stream_finish(&c->answers, p->sequence);
}

static bool is_over(const struct connection *c)
{
	return flow_over(c->flow) || (c->requests.ended && c->has_answers && c->answers.ended);
}

static void take(struct connection *c, const struct wiretap_packet *p)
{
	(p->answers ? take_answer : take_request)(c, p);
	if (p->flags & WIRETAP_RST)
		end(c);
	else if (is_over(c))
		let_go(c);
}

/* The connection of a packet; NULL: it is of none that one need know. */
static struct connection *find(struct wiretap *w, const struct wiretap_packet *p)
{
	struct connection *c = *place(w, &p->key);
	bool begins = !p->answers && (p->flags & (WIRETAP_SYN | WIRETAP_ACK)) == WIRETAP_SYN;
	if (begins && c && c->state != CONNECTION_UNSEEN && c->first == p->sequence + 1)
		return c; /* once more */
	if (begins && c)
		forget(c);
	if (begins)
		return begin(w, p);
	if (!c && p->bytes.n && (c = know(w, p))) {
		w->counts.unseen++;
		c->state = CONNECTION_UNSEEN;
	}
	return c;
}

void wiretap_take(struct wiretap *w, const struct wiretap_packet *p)
{
	struct connection *c = find(w, p);
	if (!c)
		return;
	c->now_ns = p->time_ns;
	if (!c->ended || p->bytes.n) { /* else it is forgotten soon */
		c->last_ns = p->time_ns;
		unlink_age(c);
		link_youngest(c);
	}
	if (c->state == CONNECTION_FOLLOWED)
		take(c, p);
	else if (p->flags & (WIRETAP_RST | WIRETAP_FIN))
		c->ended = true;
}

/* --- time --- */

/* What is missing in front of bytes that have waited too long never comes. */
static void look_at_hole(struct connection *c, struct tcp_stream *s, unsigned i, uint64_t now_ns)
{
	if (!tcp_stream_waits(s)) {
		c->hole_ns[i] = 0;
	} else if (!c->hole_ns[i] || c->hole_at[i] != s->next) {
		c->hole_ns[i] = now_ns;
		c->hole_at[i] = s->next;
	} else if (now_ns - c->hole_ns[i] >= WIRETAP_HOLE_MS * UINT64_C(1000000)) {
		c->now_ns = max_u64(c->now_ns, c->hole_ns[i]);
		tcp_stream_give_up(s);
	}
}

void wiretap_tick(struct wiretap *w, uint64_t now_ns)
{
	for (struct connection *c = w->oldest, *next; c; c = next) {
		next = c->younger;
		uint64_t idle_ms = (max_u64(now_ns, c->last_ns) - c->last_ns) / 1000000;
		if (idle_ms >= (c->ended ? CLOSED_MS : WIRETAP_IDLE_MS)) {
			forget(c);
			continue;
		}
		if (c->state != CONNECTION_FOLLOWED)
			continue;
		look_at_hole(c, &c->requests, 0, now_ns);
		if (c->has_answers)
			look_at_hole(c, &c->answers, 1, now_ns);
		if (is_over(c))
			let_go(c);
	}
}

/* --- life --- */

struct wiretap *wiretap_new(struct config *config, const struct mirror_sink *sink,
			    const uint64_t random[2], int64_t realtime_us, size_t most)
{
	struct wiretap *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->seed = random[0] ^ random[1];
	w->shared = (struct flow_shared){ .config = config_ref(config),
					  .sink = *sink,
					  .room.most = most,
					  .random = { random[0], random[1] },
					  .realtime_us = realtime_us };
	return w;
}

void wiretap_free(struct wiretap *w)
{
	if (!w)
		return;
	while (w->oldest)
		forget(w->oldest);
	CHECK(w->shared.room.used == 0);
	buf_fini(&w->shared.plain);
	config_unref(w->shared.config);
	free(w);
}

void wiretap_use(struct wiretap *w, struct config *config)
{
	struct config *old = w->shared.config;
	w->shared.config = config_ref(config);
	config_unref(old);
}

void wiretap_pause(struct wiretap *w, bool paused)
{
	w->shared.paused = paused;
}

struct wiretap_counts wiretap_counts(const struct wiretap *w)
{
	struct wiretap_counts all = w->counts;
	all.flows = w->shared.counts;
	return all;
}

size_t wiretap_memory(const struct wiretap *w)
{
	return w->shared.room.used;
}

#include "lib/tcp_stream.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX (1ull << 30) /* RFC 7323, 2.3: nothing that is further ahead can be sound */

struct tcp_segment {
	struct tcp_segment *next;
	uint64_t from, to;
	char bytes[];
};

void tcp_stream_init(struct tcp_stream *s, uint32_t first, const struct tcp_stream_sink *sink,
		     void *owner, struct room *room)
{
	*s = (struct tcp_stream){
		.sink = sink, .owner = owner, .room = room, .first = first, .end = UINT64_MAX
	};
}

/* The position of a number that is within half of all numbers of the next one; below 0: before the
 * stream, as a probe of an idle connection is. */
static int64_t position_of(const struct tcp_stream *s, uint32_t sequence)
{
	uint32_t ahead = sequence - (uint32_t)(s->first + s->next);
	return (int64_t)s->next + (int64_t)(int32_t)ahead;
}

/* --- what waits --- */

static void drop_earliest(struct tcp_stream *s)
{
	struct tcp_segment *g = s->earliest;
	s->earliest = g->next;
	if (!s->earliest)
		s->latest = NULL;
	s->n--;
	room_give(s->room, sizeof(*g) + (size_t)(g->to - g->from));
	free(g);
}

void tcp_stream_fini(struct tcp_stream *s)
{
	while (s->earliest)
		drop_earliest(s);
}

/* Behind `before`; NULL: in front of all. False: there is no room for it. */
static bool keep(struct tcp_stream *s, struct tcp_segment *before, uint64_t from, struct span bytes)
{
	size_t size = sizeof(struct tcp_segment) + bytes.n;
	if (s->n == TCP_STREAM_SEGMENTS || !room_take(s->room, size))
		return false;
	struct tcp_segment *g = malloc(size);
	if (!g) {
		room_give(s->room, size);
		return false;
	}
	g->from = from;
	g->to = from + bytes.n;
	memcpy(g->bytes, bytes.p, bytes.n);
	g->next = before ? before->next : s->earliest;
	*(before ? &before->next : &s->earliest) = g;
	if (!g->next)
		s->latest = g;
	s->n++;
	return true;
}

/* The last one that begins at or before `from`, or NULL. Most of what waits comes in order. */
static struct tcp_segment *before_of(const struct tcp_stream *s, uint64_t from)
{
	struct tcp_segment *found = NULL;
	if (s->latest && s->latest->from <= from)
		return s->latest;
	for (struct tcp_segment *g = s->earliest; g && g->from <= from; g = g->next)
		found = g;
	return found;
}

/* --- what is handed out --- */

static void hand_out(struct tcp_stream *s, struct span bytes)
{
	s->next += bytes.n;
	s->sink->bytes(s->owner, bytes);
}

static void lose_until(struct tcp_stream *s, uint64_t position)
{
	uint64_t from = s->next;
	s->next = position;
	s->sink->lost(s->owner, from, position - from);
}

/* What waits and has become the next. */
static void follow(struct tcp_stream *s)
{
	while (s->earliest && s->earliest->from == s->next) {
		struct tcp_segment *g = s->earliest;
		hand_out(s, (struct span){ g->bytes, (size_t)(g->to - g->from) });
		drop_earliest(s);
	}
}

static void end(struct tcp_stream *s)
{
	if (s->ended || s->next != s->end)
		return;
	s->ended = true;
	s->sink->end(s->owner);
}

/* Bytes of which nobody has the first one; how many of them that holds for. */
static size_t place(struct tcp_stream *s, struct tcp_segment *before, uint64_t from,
		    struct span bytes)
{
	const struct tcp_segment *behind = before ? before->next : s->earliest;
	if (behind)
		bytes.n = (size_t)min_u64(bytes.n, behind->from - from);
	if (from == s->next) {
		hand_out(s, bytes);
		follow(s);
		return bytes.n;
	}
	if (keep(s, before, from, bytes))
		return bytes.n;
	if (s->earliest && s->earliest->from < from)
		tcp_stream_give_up(s);
	else
		lose_until(s, from);
	return 0; /* once more: its place has changed */
}

/* --- what comes --- */

void tcp_stream_take(struct tcp_stream *s, uint32_t sequence, struct span bytes)
{
	int64_t at = position_of(s, sequence), gone = (int64_t)s->next - at;
	if (bytes.n == 0 || gone >= (int64_t)bytes.n || at - (int64_t)s->next > (int64_t)WINDOW_MAX)
		return;
	if (gone > 0) {
		bytes.p += gone;
		bytes.n -= (size_t)gone;
		at += gone;
	}
	uint64_t from = (uint64_t)at;
	bytes.n = (size_t)min_u64(bytes.n, s->end - min_u64(from, s->end));
	while (bytes.n) {
		struct tcp_segment *before = before_of(s, from);
		uint64_t had = max_u64(s->next, before ? before->to : 0);
		size_t n = had > from ? (size_t)min_u64(had - from, bytes.n)
				      : place(s, before, from, bytes);
		from += n;
		bytes.p += n;
		bytes.n -= n;
	}
	end(s);
}

void tcp_stream_finish(struct tcp_stream *s, uint32_t sequence)
{
	int64_t at = position_of(s, sequence);
	uint64_t had = s->latest ? s->latest->to : s->next;
	if (s->end == UINT64_MAX && at >= 0 && (uint64_t)at >= had &&
	    (uint64_t)at - s->next <= WINDOW_MAX)
		s->end = (uint64_t)at;
	end(s);
}

void tcp_stream_acknowledged(struct tcp_stream *s, uint32_t sequence)
{
	int64_t ahead = position_of(s, sequence) - (int64_t)s->next;
	if (ahead <= 0 || ahead > (int64_t)WINDOW_MAX)
		return;
	uint64_t until = min_u64(s->next + (uint64_t)ahead, s->end);
	while (s->next < until) {
		lose_until(s, s->earliest ? min_u64(s->earliest->from, until) : until);
		follow(s);
	}
	end(s);
}

void tcp_stream_give_up(struct tcp_stream *s)
{
	if (!s->earliest)
		return;
	lose_until(s, s->earliest->from);
	follow(s);
	end(s);
}

void tcp_stream_flush(struct tcp_stream *s)
{
	while (s->earliest)
		tcp_stream_give_up(s);
	if (s->end != UINT64_MAX && s->next < s->end)
		lose_until(s, s->end);
	end(s);
}

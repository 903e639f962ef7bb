#include "lib/tcp_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define LOST '_'

/* What was handed out, a lost byte as LOST; every call must go on where the last one ended. */
struct seen {
	struct buf text;
	uint64_t lost;
	unsigned ends, losses;
	uint64_t lost_at; /* the last one */
};

static void on_bytes(void *owner, struct span bytes)
{
	struct seen *s = owner;
	cr_assert(s->ends == 0 && bytes.n > 0);
	buf_add(&s->text, bytes.p, bytes.n);
}

static void on_lost(void *owner, uint64_t position, uint64_t n)
{
	struct seen *s = owner;
	cr_assert(s->ends == 0 && n > 0);
	cr_assert_eq(position, s->text.n);
	for (uint64_t i = 0; i < n; i++)
		buf_add_char(&s->text, LOST);
	s->lost += n;
	s->losses++;
	s->lost_at = position;
}

static void on_end(void *owner)
{
	((struct seen *)owner)->ends++;
}

static const struct tcp_stream_sink sink = { on_bytes, on_lost, on_end };

struct play {
	struct seen seen;
	struct room room;
	struct tcp_stream stream;
	uint32_t first;
};

static void begin(struct play *p, uint32_t first, size_t most)
{
	*p = (struct play){ .room.most = most, .first = first };
	tcp_stream_init(&p->stream, first, &sink, &p->seen, &p->room);
}

/* In memory of its own, so that what is kept of it too long is found. */
static void take(struct play *p, uint64_t at, const char *bytes, size_t n)
{
	char *copy = malloc(n + 1);
	memcpy(copy, bytes, n);
	tcp_stream_take(&p->stream, (uint32_t)(p->first + at), (struct span){ copy, n });
	free(copy);
}

static void take_text(struct play *p, uint64_t at, const char *text)
{
	take(p, at, text, strlen(text));
}

static void expect(const struct play *p, const char *text)
{
	cr_assert(p->seen.text.n == strlen(text) &&
			  memcmp(p->seen.text.p ? p->seen.text.p : "", text, strlen(text)) == 0,
		  "handed out %.*s, not %s", (int)p->seen.text.n,
		  p->seen.text.p ? p->seen.text.p : "", text);
}

static void finish(struct play *p)
{
	tcp_stream_fini(&p->stream);
	cr_assert_eq(p->room.used, 0, "%zu bytes were not given back", p->room.used);
	buf_fini(&p->seen.text);
}

static const uint32_t firsts[] = { 0, 1, 1000, UINT32_MAX, UINT32_MAX - 4, 0x7fffffff, 0x80000000 };

Test(tcp_stream, every_split_in_every_order_of_three)
{
	static const char text[] = "abcdefghij";
	static const unsigned orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	for (size_t f = 0; f < ARRAY_LEN(firsts); f++)
		for (unsigned a = 0; a <= 10; a++)
			for (unsigned b = a; b <= 10; b++)
				for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
					const unsigned from[] = { 0, a, b }, to[] = { a, b, 10 };
					struct play p;
					begin(&p, firsts[f], 1 << 16);
					for (unsigned i = 0; i < 3; i++) {
						unsigned k = orders[o][i];
						take(&p, from[k], text + from[k], to[k] - from[k]);
					}
					expect(&p, text);
					cr_assert_eq(p.seen.lost, 0);
					finish(&p);
				}
}

Test(tcp_stream, every_overlap_of_two)
{
	static const char text[] = "abcdefgh";
	for (unsigned a = 0; a < 8; a++)
		for (unsigned b = a + 1; b <= 8; b++)
			for (unsigned c = 0; c < 8; c++)
				for (unsigned d = c + 1; d <= 8; d++) {
					struct play p;
					begin(&p, UINT32_MAX - 3, 1 << 16);
					take(&p, a, text + a, b - a);
					take(&p, c, text + c, d - c);
					take(&p, a, text + a, b - a);
					take(&p, 0, text, 8);
					expect(&p, text);
					finish(&p);
				}
}

Test(tcp_stream, the_first_copy_counts)
{
	struct play p;
	begin(&p, 7, 1 << 16);
	take_text(&p, 2, "CD");
	take_text(&p, 5, "F");
	take_text(&p, 1, "bcdefgh");
	expect(&p, "");
	take_text(&p, 0, "ab");
	expect(&p, "abCDeFgh");
	take_text(&p, 0, "xxxxxxxxi");
	expect(&p, "abCDeFghi");
	finish(&p);
}

Test(tcp_stream, what_stands_before_the_stream_is_none_of_it)
{
	struct play p;
	begin(&p, 100, 1 << 16);
	tcp_stream_take(&p.stream, 99, SPAN("\0ab"));
	expect(&p, "ab");
	tcp_stream_take(&p.stream, 101, SPAN("\0")); /* a probe of an idle connection */
	tcp_stream_take(&p.stream, 50, SPAN("old"));
	tcp_stream_take(&p.stream, 102 + (1u << 30) + 1, SPAN("far"));
	tcp_stream_acknowledged(&p.stream, 102 + (1u << 30) + 1);
	tcp_stream_acknowledged(&p.stream, 50);
	expect(&p, "ab");
	cr_assert(!tcp_stream_waits(&p.stream));
	finish(&p);
}

Test(tcp_stream, what_was_acknowledged_and_is_missing_is_lost)
{
	struct play p;
	begin(&p, UINT32_MAX - 1, 1 << 16);
	take_text(&p, 0, "ab");
	take_text(&p, 4, "ef");
	take_text(&p, 8, "ij");
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 2));
	expect(&p, "ab");
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 5));
	expect(&p, "ab__ef");
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 7));
	expect(&p, "ab__ef_");
	cr_assert_eq(p.seen.lost_at, 6);
	take_text(&p, 2, "cdefgh");
	expect(&p, "ab__ef_hij");
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 13));
	expect(&p, "ab__ef_hij___");
	cr_assert_eq(p.seen.lost, 6);
	finish(&p);
}

Test(tcp_stream, the_end_comes_once_and_last)
{
	struct play p;
	begin(&p, 9, 1 << 16);
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 4));
	take_text(&p, 2, "cdxx");
	expect(&p, "");
	cr_assert_eq(p.seen.ends, 0);
	take_text(&p, 0, "ab");
	expect(&p, "abcd");
	cr_assert_eq(p.seen.ends, 1);
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 4));
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 9));
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 5));
	take_text(&p, 4, "more");
	tcp_stream_flush(&p.stream);
	expect(&p, "abcd");
	cr_assert_eq(p.seen.ends, 1);
	finish(&p);
}

Test(tcp_stream, an_acknowledged_end_is_no_lost_byte)
{
	struct play p;
	begin(&p, 9, 1 << 16);
	take_text(&p, 0, "ab");
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 3));
	tcp_stream_acknowledged(&p.stream, (uint32_t)(p.first + 4));
	expect(&p, "ab_");
	cr_assert_eq(p.seen.ends, 1);
	finish(&p);
}

Test(tcp_stream, an_end_before_what_is_there_is_none)
{
	struct play p;
	begin(&p, 9, 1 << 16);
	take_text(&p, 0, "abc");
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 2));
	take_text(&p, 5, "f");
	tcp_stream_finish(&p.stream, (uint32_t)(p.first + 5));
	take_text(&p, 3, "de");
	expect(&p, "abcdef");
	cr_assert_eq(p.seen.ends, 0);
	finish(&p);
}

Test(tcp_stream, without_room_the_oldest_hole_is_given_up)
{
	struct play p;
	begin(&p, 1, 100);
	char big[64];
	memset(big, 'x', sizeof(big));
	take(&p, 1, big, 64);
	take(&p, 70, big, 64);
	cr_assert_eq(p.seen.lost, 1);
	cr_assert_eq(p.seen.text.n, 65);
	take(&p, 300, big, 64);
	cr_assert_eq(p.seen.lost, 6);
	cr_assert_eq(p.seen.text.n, 134);
	cr_assert(tcp_stream_waits(&p.stream));
	tcp_stream_give_up(&p.stream);
	cr_assert_eq(p.seen.text.n, 364);
	tcp_stream_give_up(&p.stream);
	cr_assert_eq(p.seen.losses, 3);
	finish(&p);
}

Test(tcp_stream, no_more_segments_wait_than_may)
{
	struct play p;
	begin(&p, 1, 1 << 30);
	for (uint64_t i = 0; i < 2 * TCP_STREAM_SEGMENTS; i++)
		take_text(&p, 2 * i + 1, "x");
	cr_assert_eq(p.stream.n, TCP_STREAM_SEGMENTS);
	cr_assert_eq(p.seen.lost, TCP_STREAM_SEGMENTS);
	tcp_stream_flush(&p.stream);
	cr_assert_eq(p.seen.lost, 2 * TCP_STREAM_SEGMENTS);
	finish(&p);
}

/* --- a random network --- */

static uint64_t state;

static unsigned dice(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

struct network {
	char sent[3000];
	bool seen[3000]; /* a copy of it was */
	size_t n;
};

/* Pieces of the stream in any order, some twice, some never; an acknowledgement now and then of
 * what the other side has, which is all of it. Every byte that was seen in time is handed out, no
 * other. */
static void run_network(unsigned lossy)
{
	struct network w = { .n = 1 + dice(3000) };
	struct play p;
	char expected[3000];
	begin(&p, (uint32_t)(0u - dice(4000)), 1 << 20);
	for (size_t i = 0; i < w.n; i++)
		w.sent[i] = (char)('a' + dice(26));
	memset(expected, 0, sizeof(expected));
	for (unsigned i = 0, packets = 20 + dice(400); i < packets; i++) {
		size_t from = dice((unsigned)w.n), n = 1 + dice(80);
		n = min_size(n, w.n - from);
		for (size_t k = from; k < from + n; k++)
			w.seen[k] |= k >= p.stream.next;
		take(&p, from, w.sent + from, n);
		if (lossy && dice(lossy) == 0)
			tcp_stream_acknowledged(&p.stream,
						(uint32_t)(p.first + dice((unsigned)w.n + 1)));
	}
	if (dice(2))
		tcp_stream_finish(&p.stream, (uint32_t)(p.first + w.n));
	if (!lossy)
		for (size_t at = w.n; at > 0;) {
			size_t n = 1 + dice((unsigned)min_size(at, 100));
			at -= n;
			take(&p, at, w.sent + at, n);
		}
	bool ended = p.stream.end != UINT64_MAX;
	tcp_stream_flush(&p.stream);
	cr_assert(p.seen.text.n <= w.n && (!ended || p.seen.text.n == w.n));
	cr_assert_eq(p.seen.ends, ended);
	for (size_t k = 0; k < p.seen.text.n; k++)
		cr_assert_eq(p.seen.text.p[k], !lossy || w.seen[k] ? w.sent[k] : LOST);
	cr_assert(lossy || (p.seen.lost == 0 && p.seen.text.n == w.n));
	finish(&p);
}

Test(tcp_stream, a_random_network_against_the_plain_bytes)
{
	for (unsigned seed = 1; seed <= 3000; seed++) {
		state = seed;
		run_network(seed % 3 ? 0 : 1 + seed % 40);
	}
}

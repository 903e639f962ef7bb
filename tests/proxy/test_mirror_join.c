#include "proxy/mirror_join.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/mirror_record.h"

struct seen {
	unsigned requests, answers, losses;
	uint64_t lost;
	char bytes[256], route[64], spec[64], id[MIRROR_ID];
	struct mirror_answer answer;
};

static void copy(char *to, struct span from)
{
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

static void on_request(void *owner, const struct mirror_request *r)
{
	struct seen *s = owner;
	s->requests++;
	copy(s->bytes, r->bytes);
	copy(s->route, r->route);
	copy(s->spec, r->spec);
	memcpy(s->id, r->id, MIRROR_ID);
}

static void on_answer(void *owner, const struct mirror_answer *a)
{
	struct seen *s = owner;
	s->answers++;
	s->answer = *a;
	copy(s->bytes, a->body);
}

static void on_loss(void *owner, const struct mirror_loss *l)
{
	struct seen *s = owner;
	s->losses++;
	s->lost += l->bytes;
}

static struct mirror_join *join_new(struct seen *s)
{
	const struct mirror_sink sink = { on_request, on_answer, on_loss, s };
	*s = (struct seen){ 0 };
	return mirror_join_new(&sink);
}

static void name(char id[MIRROR_ID], unsigned n)
{
	snprintf(id, MIRROR_ID, "%026u", n);
}

static int take(struct mirror_join *j, const struct mirror_record *r, const char *rest, size_t n)
{
	char *record = malloc(sizeof(*r) + n);
	memcpy(record, r, sizeof(*r));
	memcpy(record + sizeof(*r), rest, n);
	int taken = mirror_join_take(j, 1, (struct span){ record, sizeof(*r) + n });
	free(record);
	return taken;
}

/* A part of request n; the first one has a route and a spec. */
static int part(struct mirror_join *j, unsigned n, uint32_t flags, uint64_t offset,
		const char *bytes)
{
	struct mirror_record r = { .kind = MIRROR_PART,
				   .flags = flags,
				   .offset = offset,
				   .total = offset + strlen(bytes) };
	char rest[300] = "";
	name(r.id, n);
	if (flags & MIRROR_BEGIN) {
		r.route_n = 3;
		r.spec_n = 2;
		memcpy(rest, "alls1", 6);
	}
	strcat(rest, bytes);
	return take(j, &r, rest, strlen(rest));
}

Test(mirror_join, parts_become_requests_whatever_comes_between)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	cr_assert_eq(part(j, 1, MIRROR_BEGIN, 0, "hello "), 0);
	cr_assert_eq(part(j, 2, MIRROR_BEGIN | MIRROR_END, 0, "one"), 1);
	cr_assert_str_eq(s.bytes, "one");
	cr_assert_str_eq(s.route, "all");
	cr_assert_str_eq(s.spec, "s1");
	cr_assert_eq(part(j, 3, MIRROR_BEGIN, 0, "other "), 0);
	cr_assert_eq(part(j, 1, 0, 6, "wor"), 0);
	cr_assert_eq(part(j, 1, MIRROR_END, 9, "ld"), 1);
	cr_assert_str_eq(s.bytes, "hello world");
	cr_assert_str_eq(s.spec, "s1");
	cr_assert_eq(part(j, 3, MIRROR_END, 6, ""), 1);
	cr_assert_str_eq(s.bytes, "other ");
	cr_assert_eq(s.requests, 3u);
	cr_assert_eq(mirror_join_counts(j).complete, 3u);
	mirror_join_free(j);
}

Test(mirror_join, what_lost_a_byte_is_not_handed_out)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	struct mirror_record end = { .kind = MIRROR_PART,
				     .flags = MIRROR_END | MIRROR_LOST,
				     .offset = 500,
				     .total = 500,
				     .lost = 400 };
	name(end.id, 1);
	cr_assert_eq(part(j, 1, MIRROR_BEGIN, 0, "hello "), 0);
	cr_assert_eq(take(j, &end, "", 0), 1);
	cr_assert_eq(s.lost, 400u);
	cr_assert_eq(part(j, 2, MIRROR_BEGIN, 0, "hello "), 0);
	cr_assert_eq(part(j, 2, MIRROR_END | MIRROR_LEFT, 6, ""), 1);
	name(end.id, 3);
	cr_assert_eq(take(j, &end, "", 0), 1);
	cr_assert_eq(s.requests, 0u);
	cr_assert_eq(s.losses, 3u);
	cr_assert_eq(s.lost, 800u);
	cr_assert_eq(mirror_join_counts(j).given_up, 0u);
	mirror_join_free(j);
}

Test(mirror_join, too_many_at_once_cost_the_oldest)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	for (unsigned n = 0; n < MIRROR_OPEN_REQUESTS + 2; n++)
		cr_assert_eq(part(j, n, MIRROR_BEGIN, 0, "0123456789"), 0);
	cr_assert_eq(part(j, 0, 0, 10, "more"), 0);
	cr_assert_eq(part(j, 0, MIRROR_END, 14, ""), 1);
	cr_assert_eq(part(j, 2, MIRROR_END, 10, ""), 1);
	struct mirror_join_counts n = mirror_join_counts(j);
	cr_assert_eq(n.complete, 1u);
	cr_assert_eq(n.given_up, 1u);
	cr_assert_eq(n.lost_bytes, 24u);
	cr_assert_eq(s.losses, 1u);
	mirror_join_free(j);
}

/* Halves whose end never finds room in its ring would fill the bound for good. */
Test(mirror_join, halves_that_never_end_cost_the_oldest)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	size_t n = 4u << 20, halves = MIRROR_OPEN_BYTES / n;
	char *much = calloc(1, n);
	struct mirror_record r = { .kind = MIRROR_PART, .flags = MIRROR_BEGIN };
	for (unsigned i = 0; i < halves; i++) {
		name(r.id, i);
		cr_assert_eq(take(j, &r, much, n), 0);
	}
	cr_assert_eq(part(j, 1000, MIRROR_BEGIN, 0, "hello "), 0);
	cr_assert_eq(part(j, 1000, MIRROR_END, 6, "world"), 1);
	cr_assert_eq(s.requests, 1u);
	cr_assert_str_eq(s.bytes, "hello world");
	cr_assert_eq(mirror_join_counts(j).lost_bytes, n);
	mirror_join_free(j);
	free(much);
}

/* Of a marked request: its bytes come from elsewhere. */
static int marked(struct mirror_join *j, unsigned n, uint32_t flags, uint64_t total)
{
	struct mirror_record r = {
		.kind = MIRROR_PART, .flags = flags, .mark = n + 1, .total = total
	};
	name(r.id, n);
	return take(j, &r, "", 0);
}

static int bytes(struct mirror_join *j, unsigned n, uint64_t offset, size_t length)
{
	static char some[1 << 20];
	return mirror_join_bytes(j, 1, n + 1, offset, (struct span){ some, length });
}

Test(mirror_join, a_marked_request_that_is_given_up_is_lost_with_all_its_bytes)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	cr_assert_eq(marked(j, 0, MIRROR_BEGIN, 0), 0);
	cr_assert_eq(bytes(j, 0, 0, 10), 0);
	for (unsigned n = 1; n <= MIRROR_OPEN_REQUESTS; n++)
		cr_assert_eq(marked(j, n, MIRROR_BEGIN, 0), 0);
	cr_assert_eq(mirror_join_counts(j).lost_bytes, 0u, "its proxy counts when it ends");
	cr_assert_eq(bytes(j, 0, 10, 20), -ENOENT);
	cr_assert_eq(marked(j, 0, MIRROR_END, 30), 1);
	struct mirror_join_counts n = mirror_join_counts(j);
	cr_assert_eq(n.given_up, 1u);
	cr_assert_eq(n.lost_bytes, 30u);
	cr_assert_eq(marked(j, 1, MIRROR_END, 7), 0, "its bytes are on their way");
	mirror_join_forget(j, 1);
	n = mirror_join_counts(j);
	cr_assert_eq(n.given_up, 2u, "and will not come any more");
	cr_assert_eq(n.lost_bytes, 37u);
	cr_assert_eq(n.complete, 0u);
	mirror_join_free(j);
}

Test(mirror_join, too_many_bytes_cost_the_oldest)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	const unsigned most = MIRROR_OPEN_BYTES >> 20;
	for (unsigned n = 0; n <= most; n++) {
		cr_assert_eq(marked(j, n, MIRROR_BEGIN, 0), 0);
		cr_assert_eq(bytes(j, n, 0, 1 << 20), 0);
	}
	cr_assert_eq(bytes(j, 0, 1 << 20, 1), -ENOENT, "it made room");
	cr_assert_eq(marked(j, 1, MIRROR_BEGIN | MIRROR_END, 0), -EPROTO);
	cr_assert_eq(marked(j, 2, MIRROR_END | MIRROR_LEFT, 1 << 20), 1);
	cr_assert_eq(marked(j, 0, MIRROR_END, 1 << 20), 1);
	struct mirror_join_counts n = mirror_join_counts(j);
	cr_assert_eq(n.given_up, 1u);
	cr_assert_eq(n.lost_bytes, 1u << 20);
	mirror_join_free(j);
}

Test(mirror_join, a_proxy_that_goes_takes_its_halves_along)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	cr_assert_eq(part(j, 1, MIRROR_BEGIN, 0, "hello "), 0);
	mirror_join_forget(j, 2);
	cr_assert_eq(part(j, 1, 0, 6, "w"), 0);
	mirror_join_forget(j, 1);
	cr_assert_eq(part(j, 1, MIRROR_BEGIN | MIRROR_END, 0, "again"), 1);
	cr_assert_str_eq(s.bytes, "again");
	mirror_join_free(j);
}

Test(mirror_join, answers_come_as_they_are)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	struct mirror_record r = { .kind = MIRROR_ANSWER,
				   .flags = MIRROR_WHOLE,
				   .status = 200,
				   .framing = FRAMING_SSE,
				   .dialect = DIALECT_CHAT,
				   .first_us = 7,
				   .total_us = 9 };
	name(r.id, 1);
	cr_assert_eq(take(j, &r, "text", 4), 1);
	cr_assert_str_eq(s.bytes, "text");
	cr_assert(s.answer.whole && !s.answer.cut && !s.answer.too_large);
	cr_assert_eq(s.answer.framing, FRAMING_SSE);
	cr_assert_eq(s.answer.total_us, 9u);
	mirror_join_free(j);
}

Test(mirror_join, what_is_no_record_is_refused)
{
	struct seen s;
	struct mirror_join *j = join_new(&s);
	const struct mirror_record good = { .kind = MIRROR_PART, .flags = MIRROR_BEGIN };
	struct mirror_record r = good;
	cr_assert_eq(take(j, &r, "", 0), -EPROTO, "no id");
	name(r.id, 1);
	cr_assert_eq(mirror_join_take(j, 1, (struct span){ (const char *)&r, sizeof(r) - 1 }),
		     -EPROTO);
	r.route_n = 10;
	cr_assert_eq(take(j, &r, "123456789", 9), -EPROTO, "a route longer than the record");
	r = good;
	name(r.id, 1);
	r.kind = 3;
	cr_assert_eq(take(j, &r, "", 0), -EPROTO, "kind");
	r.kind = MIRROR_ANSWER;
	cr_assert_eq(take(j, &r, "", 0), -EPROTO, "flags of a part");
	r.flags = 0;
	r.framing = FRAMING_COUNT;
	cr_assert_eq(take(j, &r, "", 0), -EPROTO, "framing");
	cr_assert_eq(part(j, 2, MIRROR_BEGIN, 5, "x"), -EPROTO, "begins in the middle");
	cr_assert_eq(part(j, 2, MIRROR_BEGIN, 0, "x"), 0);
	cr_assert_eq(part(j, 2, MIRROR_BEGIN, 0, "x"), -EPROTO, "twice");
	cr_assert_eq(part(j, 2, 0, 7, "x"), -EPROTO, "a hole");
	cr_assert_eq(s.requests + s.answers + s.losses, 0u);
	mirror_join_free(j);
}

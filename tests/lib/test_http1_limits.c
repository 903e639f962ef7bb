#include <criterion/criterion.h>

#include "tests/lib/http1_play.h"

#define H "Host: a\r\n"
#define G(headers) "GET / HTTP/1.1\r\n" headers "\r\n"
#define P(headers, body) "POST / HTTP/1.1\r\n" H headers "\r\n" body
#define CHUNKS(body) P("Transfer-Encoding: chunked\r\n", body)

static char *play_whole(struct play setup, const struct buf *b)
{
	char *whole = play(setup, b->p, b->n, b->n, b->n),
	     *bytewise = play(setup, b->p, b->n, 1, 1);
	cr_assert_str_eq(whole, bytewise);
	free(bytewise);
	return whole;
}

static void expect_ending(struct play setup, const struct buf *b, const char *ending)
{
	char *line = play_whole(setup, b);
	size_t n = strlen(line), m = strlen(ending);
	cr_assert(n >= m && strcmp(line + n - m, ending) == 0, "%s does not end in %s", line,
		  ending);
	free(line);
}

static void add_many(struct buf *b, size_t n, char c)
{
	while (n-- > 0)
		buf_add_char(b, c);
}

Test(http1, a_head_is_limited_to_the_byte)
{
	struct buf b = { 0 };
	buf_add_text(&b, "GET / HTTP/1.1\r\n" H "X: ");
	add_many(&b, 5000, 'x');
	buf_add_text(&b, "\r\n\r\n");
	struct play setup = { .kind = HTTP1_REQUEST, .limits = { (uint32_t)b.n, 100, 2 } };
	expect_ending(setup, &b, "xx]EM");
	setup.limits.head_bytes--;
	expect_ending(setup, &b, "R(headers_too_large)");
	setup.limits.head_bytes++;
	setup.limits.headers = 1;
	expect_ending(setup, &b, "R(headers_too_large)");
	buf_fini(&b);
}

Test(http1, a_target_is_limited_to_the_byte)
{
	struct buf b = { 0 };
	buf_add_text(&b, "GET /");
	add_many(&b, 3000, 'x');
	buf_add_text(&b, " HTTP/1.1\r\n" H "\r\n");
	struct play setup = { .kind = HTTP1_REQUEST, .limits = { 8192, 3001, 2 } };
	expect_ending(setup, &b, "[Host=a]EM");
	setup.limits.target_bytes = 3000;
	expect_ending(setup, &b, "R(target_too_long)");
	setup.limits.target_bytes = 3001;
	setup.limits.head_bytes = 2000;
	expect_ending(setup, &b, "R(target_too_long)");
	buf_fini(&b);
}

Test(http1, trailers_and_chunk_extensions_are_limited)
{
	struct buf b = { 0 };
	struct play setup = { .kind = HTTP1_REQUEST, .limits = { 200, 100, 3 } };
	buf_add_text(&b, CHUNKS("0\r\n"));
	size_t head = b.n;
	for (int i = 0; i < 4; i++)
		buf_add_text(&b, "T: x\r\n");
	buf_add_text(&b, "\r\n");
	expect_ending(setup, &b, "R(headers_too_large)");
	b.n = head;
	buf_add_text(&b, "T: ");
	add_many(&b, 201, 'x');
	buf_add_text(&b, "\r\n\r\n");
	expect_ending(setup, &b, "R(headers_too_large)");
	b.n = head - 3;
	buf_add_text(&b, "0;");
	add_many(&b, 201, 'x');
	buf_add_text(&b, "\r\n\r\n");
	expect_ending(setup, &b, "R(bad_chunk)");
	b.n = head - 3;
	for (int i = 0; i < 9; i++) /* the limit holds for a chunk, not for a stream */
		buf_add_text(
			&b,
			"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=bbbbbbbbbbbbbbbbbbbbbb\r\nx\r\n");
	buf_add_text(&b, "0\r\n\r\n");
	expect_ending(setup, &b, "B(xxxxxxxxx)EM");
	buf_fini(&b);
}

Test(http1, the_memory_of_a_head_is_given_back)
{
	static const char request[] =
		P("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nT: v\r\n\r\n");
	struct http1_limits limits = { 8192, 100, 32 };
	struct http1 *h = http1_new(HTTP1_REQUEST, &limits);
	size_t idle = http1_memory(h), used = 0, at, slices;
	struct span body;
	enum http1_event event;
	cr_assert_leq(idle, 500);
	cr_assert(http1_idle(h));
	cr_assert_eq(http1_feed(h, request, sizeof(request) - 1, &at, &body), HTTP1_HEAD);
	cr_assert(!http1_idle(h));
	cr_assert_gt(http1_memory(h), idle);
	http1_drop_head(h);
	cr_assert_eq(http1_memory(h), idle);
	used = http1_feed_body(h, request + at, sizeof(request) - 1 - at, &body, 1, &slices,
			       &event);
	cr_assert_eq(event, HTTP1_BODY);
	at += used;
	used = http1_feed_body(h, request + at, sizeof(request) - 1 - at, &body, 1, &slices,
			       &event);
	cr_assert_eq(event, HTTP1_END);
	cr_assert_gt(http1_memory(h), idle, "the trailers");
	http1_next(h);
	cr_assert_eq(http1_memory(h), idle);
	cr_assert(http1_idle(h));
	http1_free(h);
}

Test(http1, a_refusal_latches)
{
	struct http1_limits limits = { 8192, 100, 32 };
	struct http1 *h = http1_new(HTTP1_REQUEST, &limits);
	struct span body;
	size_t used;
	cr_assert_eq(http1_feed(h, "FOO ", 4, &used, &body), HTTP1_REFUSED);
	cr_assert_eq(http1_feed(h, G(H), strlen(G(H)), &used, &body), HTTP1_REFUSED);
	cr_assert_eq(http1_eof(h), HTTP1_REFUSED);
	cr_assert_eq(http1_refusal(h), HTTP1_BAD_METHOD);
	cr_assert_eq(http1_refusal_status(http1_refusal(h)), 501);
	http1_free(h);
	http1_free(NULL);
}

Test(http1, questions_about_a_head)
{
	struct http1_header v[] = {
		{ SPAN("Connection"), SPAN("close, X-Hop ,") },
		{ SPAN("x-hop"), SPAN("1") },
		{ SPAN("Keep-Alive"), SPAN("5") },
		{ SPAN("TE"), SPAN("trailers") },
		{ SPAN("Cookie"), SPAN("a") },
		{ SPAN("cookie"), SPAN("") },
	};
	struct http1_head head = { .headers = v, .n = ARRAY_LEN(v) };
	cr_assert(span_eq(http1_find(&head, SPAN("COOKIE")), SPAN("a")));
	cr_assert_null(http1_find(&head, SPAN("x")).p);
	for (size_t i = 0; i < 4; i++)
		cr_assert(http1_hop_by_hop(&head, &v[i]), "%zu", i);
	cr_assert(!http1_hop_by_hop(&head, &v[4]));
	for (int i = 0; i < HTTP1_REFUSAL_COUNT; i++) {
		unsigned status = http1_refusal_status((enum http1_refusal)i);
		cr_assert_not_null(http1_refusal_names[i]);
		cr_assert(status >= 400 && status < 600);
	}
}

#include <criterion/criterion.h>

#include "proxy/flow_core.h"
#include "tests/proxy/flow_play.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows that lose nothing */

/* What is seen of a connection, step by step. */
struct step {
	char what; /* > request, < answer, - and = so many bytes of them lost, ) and ( the ends,
		      . the connection is gone */
	const char *text;
	unsigned lost;
};

#define REQUEST(body_length, body) \
	"POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: " body_length "\r\n\r\n" body
#define GET "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
#define ANSWER(body_length, body) "HTTP/1.1 200 OK\r\ncontent-length: " body_length "\r\n\r\n" body

static struct config *config;

static void setup(void)
{
	config = flow_play_all();
	cr_assert_not_null(config);
}

static void teardown(void)
{
	config_unref(config);
}

TestSuite(flow, .init = setup, .fini = teardown);

static void feed(struct flow *f, bool answer, const char *text, size_t n, size_t size,
		 uint64_t *now)
{
	for (size_t at = 0; at < n; at += size) {
		size_t piece = min_size(size, n - at);
		char *copy = malloc(piece);
		memcpy(copy, text + at, piece);
		*now += 1000000;
		(answer ? flow_answer_bytes : flow_request_bytes)(f, (struct span){ copy, piece },
								  *now);
		free(copy);
	}
}

static void play_step(struct flow *f, const struct step *s, size_t size, uint64_t *now)
{
	switch (s->what) {
	case '>': feed(f, false, s->text, strlen(s->text), size, now); break;
	case '<': feed(f, true, s->text, strlen(s->text), size, now); break;
	case '-': flow_request_lost(f, s->lost, *now); break;
	case '=': flow_answer_lost(f, s->lost, *now); break;
	case ')': flow_request_end(f); break;
	case '(': flow_answer_end(f, *now); break;
	}
}

static void check_counts(const struct flow_shared *shared)
{
	const struct mirror_counts *n = &shared->counts.mirror;
	cr_assert_eq(n->sampled, n->captured + n->lost);
	cr_assert_eq(n->requests, n->complete + n->incomplete + n->truncated);
	cr_assert_eq(n->complete, n->answers + n->answers_lost);
	cr_assert_eq(shared->room.used, 0, "%zu bytes were not given back", shared->room.used);
}

/* In pieces of that size; then the reason for which it is not followed, when there is one. */
static char *play(struct flow_shared *shared, const struct step *steps, size_t size)
{
	static struct flow_play p;
	uint64_t now = 1000000000;
	p = (struct flow_play){ 0 };
	shared->sink = flow_play_sink(&p);
	struct flow *f = flow_new(shared);
	for (const struct step *s = steps; s->what; s++)
		play_step(f, s, size, &now);
	enum flow_end ended = f->ended;
	flow_free(f, now);
	if (ended != FLOW_GOES_ON && ended != FLOW_CLOSED)
		buf_printf(&p.log, "!%s", flow_end_names[ended]);
	buf_add_char(&p.log, '\0');
	buf_fini(&shared->plain);
	check_counts(shared);
	return p.log.p;
}

static void expect_with(struct flow_shared *shared, const struct step *steps, const char *expected)
{
	static const size_t sizes[] = { 1 << 20, 1, 2, 3, 7, 50 };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct flow_shared mine = *shared;
		char *log = play(&mine, steps, sizes[i]);
		cr_assert_str_eq(log, expected, "pieces of %zu:\n%s\nnot\n%s", sizes[i], log,
				 expected);
		free(log);
	}
}

static struct flow_shared shared_of(struct config *c)
{
	return (struct flow_shared){ .config = c, .room.most = 1 << 20, .random = { 1, 2 } };
}

#define EXPECT(expected, ...)                                                \
	do {                                                                 \
		struct flow_shared shared = shared_of(config);               \
		const struct step steps[] = { __VA_ARGS__, { 0, NULL, 0 } }; \
		expect_with(&shared, steps, expected);                       \
	} while (0)

Test(flow, a_request_and_its_answer)
{
	EXPECT("Q0[all](" REQUEST("5", "hello") ")A0(200 whole none/unknown fine)",
	       { '>', REQUEST("5", "hello") }, { '<', ANSWER("4", "fine") });
}

Test(flow, requests_on_one_connection_one_after_the_other_and_pipelined)
{
	EXPECT("Q0[all](" GET ")A0(200 whole none/unknown a)Q1[all](" GET ")Q2[all](" REQUEST(
		       "0", "") ")A1(200 whole none/unknown b)A2(200 whole none/unknown )",
	       { '>', GET }, { '<', ANSWER("1", "a") }, { '>', GET REQUEST("0", "") },
	       { '<', ANSWER("1", "b") ANSWER("0", "") });
}

#define CHUNKED "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
#define CHUNKS "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"

Test(flow, chunks_on_both_sides)
{
	EXPECT("Q0[all](" CHUNKED CHUNKS ")A0(200 whole none/unknown abcdefg)Q1[all](" GET
	       ")A1(200 whole none/unknown )",
	       { '>', CHUNKED CHUNKS },
	       { '<', "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" CHUNKS },
	       { '>', GET }, { '<', ANSWER("0", "") });
}

#define HEAD "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"

Test(flow, answers_without_a_body)
{
	EXPECT("Q0[all](" HEAD ")A0(200 whole none/unknown )Q1[all](" GET
	       ")A1(204 whole none/unknown )Q2[all](" GET ")A2(304 whole none/unknown )Q3[all](" GET
	       ")A3(200 whole none/unknown x)",
	       { '>', HEAD }, { '<', "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" }, { '>', GET },
	       { '<', "HTTP/1.1 204 No Content\r\n\r\n" }, { '>', GET },
	       { '<', "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n" }, { '>', GET },
	       { '<', ANSWER("1", "x") });
}

#define EXPECTS "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"

Test(flow, interim_answers_are_none)
{
	EXPECT("Q0[all](" EXPECTS "ab)A0(200 whole none/unknown c)", { '>', EXPECTS },
	       { '<', "HTTP/1.1 100 Continue\r\n\r\n" }, { '>', "ab" },
	       { '<', "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" ANSWER("1", "c") });
}

Test(flow, an_answer_that_ends_before_its_request)
{
	EXPECT("Q0[all](" EXPECTS "ab)A0(417 whole none/unknown no)Q1[all](" GET
	       ")A1(200 whole none/unknown )",
	       { '>', EXPECTS },
	       { '<', "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno" },
	       { '>', "ab" }, { '>', GET }, { '<', ANSWER("0", "") });
}

Test(flow, what_follows_such_an_answer_is_no_other_ones)
{
	EXPECT("Q0[all](" EXPECTS "ab)A0(417 whole none/unknown no)", { '>', EXPECTS },
	       { '<', "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno"
		      "HTTP/1.1 408 x\r\ncontent-length: 0\r\n\r\n" },
	       { '>', "ab" });
}

#define UNTIL_CLOSE "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"

Test(flow, an_answer_until_the_connection_ends)
{
	EXPECT("Q0[all](" GET ")A0(200 whole document/unknown {})", { '>', GET }, { ')', "" },
	       { '<', UNTIL_CLOSE "{}" }, { '(', "" });
	EXPECT("Q0[all](" GET ")A0(200 document/unknown {})", { '>', GET },
	       { '<', UNTIL_CLOSE "{}" });
}

Test(flow, what_breaks_off)
{
	EXPECT("Q0[all](" GET ")A0(200 none/unknown ab)", { '>', GET }, { '<', ANSWER("5", "ab") },
	       { '(', "" });
	EXPECT("Q0[all](" GET ")A0(0 none/unknown )", { '>', GET }, { '(', "" });
	EXPECT("L0(0)", { '>', REQUEST("5", "ab") }, { ')', "" });
	EXPECT("L0(0)", { '>', REQUEST("5", "ab") });
	EXPECT("", { '>', "POST /v1/x HT" }, { ')', "" });
}

#define UPGRADE "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
#define H2C "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
#define SWITCHES "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"

Test(flow, an_upgrade_ends_it)
{
	EXPECT("!upgraded", { '>', UPGRADE }, { '<', SWITCHES "\1\2" }, { '>', "\3" GET });
	EXPECT("Q0[all](" H2C ")A0(101 whole none/unknown )!upgraded", { '>', H2C },
	       { '<', SWITCHES "\1\2" }, { '>', GET });
	EXPECT("Q0[all](" GET ")A0(200 whole none/unknown )", { '>', UPGRADE },
	       { '<', ANSWER("2", "no") }, { '>', GET }, { '<', ANSWER("0", "") });
	EXPECT("!upgraded", { '>', UPGRADE }, { '=', NULL, 9 }, { '>', GET });
}

Test(flow, a_hole_in_a_body_of_known_length_costs_that_message)
{
	EXPECT("L0(3)Q1[all](" GET ")A1(200 whole none/unknown b)", { '>', REQUEST("5", "h") },
	       { '-', NULL, 3 }, { '>', "o" GET }, { '<', ANSWER("1", "a") ANSWER("1", "b") });
	EXPECT("L0(4)Q1[all](" GET ")", { '>', REQUEST("5", "h") }, { '-', NULL, 4 }, { '>', GET },
	       { '<', ANSWER("5", "a") }, { '=', NULL, 4 }, { '<', "HTTP/1.1 999 x\r\n" },
	       { '=', NULL, 1 });
	EXPECT("Q0[all](" GET ")Q1[all](" GET ")A1(200 whole none/unknown b)", { '>', GET GET },
	       { '<', ANSWER("5", "a") }, { '=', NULL, 2 }, { '<', "xy" ANSWER("1", "b") });
}

Test(flow, a_hole_elsewhere_ends_the_direction)
{
	EXPECT("L0(5)!hole", { '>', REQUEST("5", "") }, { '-', NULL, 6 }, { '>', GET });
	EXPECT("L0(1)!hole", { '>', CHUNKED "3\r\na" }, { '-', NULL, 1 },
	       { '>', "c\r\n0\r\n\r\n" });
	EXPECT("!hole", { '>', "GET / HTT" }, { '-', NULL, 1 }, { '>', "/1.1\r\nhost: a\r\n\r\n" });
	EXPECT("Q0[all](" GET ")A0(200 whole none/unknown a)!hole", { '>', GET }, { '-', NULL, 1 },
	       { '>', GET }, { '<', ANSWER("1", "a") ANSWER("1", "b") });
	EXPECT("Q0[all](" GET ")Q1[all](" GET ")", { '>', GET }, { '=', NULL, 1 },
	       { '<', ANSWER("1", "a") }, { '>', GET });
}

Test(flow, what_is_no_http_1)
{
	EXPECT("!tls", { '>', "\x16\3\1\2" }, { '<', "\x16\3\3" });
	EXPECT("!http2", { '>', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" });
	EXPECT("!malformed", { '>', "SSH-2.0-x\r\n" });
	EXPECT("Q0[all](" GET ")A0(200 whole none/unknown a)!malformed", { '>', GET "\x16\3\1\2" },
	       { '<', ANSWER("1", "a") });
	EXPECT("Q0[all](" GET ")", { '>', GET }, { '<', "what?\r\n" });
	EXPECT("Q0[all](" GET ")A0(200 whole none/unknown a)Q1[all](" GET ")", { '>', GET },
	       { '<', ANSWER("1", "a") "HTTP/1.1 408 x\r\n" }, { '>', GET },
	       { '<', ANSWER("1", "b") });
}

Test(flow, the_wire_is_the_one_that_the_proxy_would_read)
{
	static const char ask[] = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n";
	EXPECT("Q0[all](POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n)A0(200 whole sse/chat data: "
	       "{}\n\n)",
	       { '>', ask },
	       { '<', "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
		      "content-length: 10\r\n\r\ndata: {}\n\n" });
	EXPECT("Q0[all](POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n)A0(200 whole document/chat "
	       "{})",
	       { '>', ask }, { '<', ANSWER("2", "{}") });
}

Test(flow, an_encoded_answer_is_decoded)
{
	static const char gz[] =
		"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c\x4a\x06\0\xc2\x41\x24\x35\x03\0\0\0";
	static const char head[] =
		"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 23\r\n\r\n";
	static const char *const expected[] = { "Q0[all](" GET ")A0(200 whole none/unknown abc)",
						"Q0[all](" GET ")A0(200 none/unknown abc)" };
	for (unsigned broken = 0; broken < 2; broken++) {
		static struct flow_play p;
		struct flow_shared shared = shared_of(config);
		p = (struct flow_play){ 0 };
		shared.sink = flow_play_sink(&p);
		struct flow *f = flow_new(&shared);
		char bytes[23];
		memcpy(bytes, gz, 23);
		bytes[18] ^= (char)broken; /* the checksum */
		flow_request_bytes(f, span_of(GET), 1);
		flow_answer_bytes(f, span_of(head), 2);
		for (size_t i = 0; i < 23; i++)
			flow_answer_bytes(f, (struct span){ bytes + i, 1 }, 3);
		flow_free(f, 4);
		buf_add_char(&p.log, '\0');
		cr_assert_str_eq(p.log.p, expected[broken]);
		buf_fini(&p.log);
		buf_fini(&shared.plain);
		check_counts(&shared);
	}
	EXPECT("Q0[all](" GET ")A0(200 none/unknown )", { '>', GET },
	       { '<', "HTTP/1.1 200 OK\r\ncontent-encoding: rot13\r\ncontent-length: 1\r\n\r\nx" });
}

Test(flow, what_is_too_large_or_finds_no_room)
{
	struct config *small = flow_play_config("percent: 100, answer_most: 1KiB",
						"  - {name: all, match: {path: /}, upstream: a}\n");
	char *text = malloc(1100 + 64);
	struct step steps[] = {
		{ '>', GET }, { '<', text }, { '>', GET }, { '<', ANSWER("1", "a") }, { 0 }
	};
	memset(text, 'x', 1100 + 64);
	text[sprintf(text, "HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n")] = 'x';
	text[strlen("HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n") + 1025] = '\0';
	struct flow_shared shared = shared_of(small);
	expect_with(&shared, steps,
		    "Q0[all](" GET ")A0(200 whole large none/unknown )Q1[all](" GET
		    ")A1(200 whole none/unknown a)");
	struct step big[] = { { '>', REQUEST("1100", "") }, { '>', text }, { '>', GET }, { 0 } };
	memset(text, 'x', 1100);
	text[1100] = '\0';
	shared.room.most = 1500;
	expect_with(&shared, big, "L0(1154)Q1[all](" GET ")A1(0 none/unknown )");
	config_unref(small);
	free(text);
}

Test(flow, a_connection_without_its_answers_is_counted)
{
	static struct flow_play p;
	struct flow_shared shared = shared_of(config);
	p = (struct flow_play){ 0 };
	shared.sink = flow_play_sink(&p);
	struct flow *f = flow_new(&shared);
	flow_request_bytes(f, span_of(GET), 1);
	flow_without_answers(f);
	flow_without_answers(f);
	flow_request_bytes(f, span_of(GET), 1);
	flow_free(f, 1);
	cr_assert_eq(shared.counts.unanswered, 1);
	cr_assert_eq(shared.counts.mirror.answers_lost, 2);
	check_counts(&shared);
	buf_fini(&p.log);
}

Test(flow, the_sample_is_the_proxys)
{
	struct config *some = flow_play_config(
		"percent: 0",
		"  - {name: none, match: {path: /none}, upstream: a}\n"
		"  - {name: all, match: {path: /all}, upstream: a, shadow: {percent: 100}}\n");
	struct flow_shared shared = shared_of(some);
	static struct flow_play p;
	shared.sink = flow_play_sink(&p);
	struct flow *f = flow_new(&shared);
	flow_request_bytes(f,
			   SPAN("GET /none HTTP/1.1\r\nhost: a\r\n\r\n"
				"GET /other HTTP/1.1\r\nhost: a\r\n\r\n"
				"GET /all/../none HTTP/1.1\r\nhost: a\r\n\r\n"
				"GET /all HTTP/1.1\r\nhost: a\r\nx-redcard-shadow: 1\r\n\r\n"
				"GET /all HTTP/1.1\r\nhost: a\r\nx-redcard-spec: s1\r\n\r\n"),
			   1);
	shared.paused = true;
	flow_request_bytes(f, SPAN("GET /all HTTP/1.1\r\nhost: a\r\n\r\n"), 1);
	flow_free(f, 1);
	buf_add_char(&p.log, '\0');
	cr_assert_str_eq(p.log.p,
			 "Q0[all s1](GET /all HTTP/1.1\r\nhost: a\r\nx-redcard-spec: s1\r\n\r\n)"
			 "A0(0 none/unknown )");
	cr_assert_eq(shared.counts.unrouted, 2);
	check_counts(&shared);
	buf_fini(&p.log);
	config_unref(some);
}

Test(flow, a_rate_bounds_the_sample)
{
	struct config *slow = flow_play_config("percent: 100, rate: 2",
					       "  - {name: all, match: {path: /}, upstream: a}\n");
	struct flow_shared shared = shared_of(slow);
	static struct flow_play p;
	shared.sink = flow_play_sink(&p);
	struct flow *f = flow_new(&shared);
	for (unsigned i = 0; i < 10; i++)
		flow_request_bytes(f, SPAN(GET), 5000000000 + i / 5 * 1000000000ull);
	flow_free(f, 1);
	cr_assert_eq(shared.counts.mirror.complete, 4);
	cr_assert_eq(shared.counts.limited, 6);
	check_counts(&shared);
	buf_fini(&p.log);
	config_unref(slow);
}

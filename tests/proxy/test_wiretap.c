#include <criterion/criterion.h>

#include "tests/proxy/flow_play.h"

#define MS 1000000ull

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

TestSuite(wiretap, .init = setup, .fini = teardown);

/* --- a connection, as one writes it down --- */

struct line { /* a connection between others */
	struct wiretap *w;
	unsigned port;
	uint32_t first[2]; /* sequence numbers of the SYNs */
	uint64_t said[2];  /* bytes: by the client, by the builder */
	uint64_t now_ns;
};

static struct flow_play heard;

static struct wiretap *tap(size_t most)
{
	static const uint64_t random[2] = { 1, 2 };
	const struct mirror_sink sink = flow_play_sink(&heard);
	heard = (struct flow_play){ 0 };
	return wiretap_new(config, &sink, random, 0, most);
}

static void packet(struct line *l, bool answers, unsigned flags, uint64_t at, struct span bytes)
{
	uint32_t syn = (flags & WIRETAP_SYN) ? 0 : 1;
	struct wiretap_packet p = {
		.key = { .peer = { 1 }, .local = { 2 }, .peer_port = (uint16_t)l->port },
		.answers = answers,
		.flags = (uint8_t)flags,
		.sequence = (uint32_t)(l->first[answers] + syn + at),
		.acknowledged = (uint32_t)(l->first[!answers] + 1 + l->said[!answers]),
		.time_ns = l->now_ns += 1000,
		.bytes = bytes
	};
	wiretap_take(l->w, &p);
}

static void open_line(struct line *l, struct wiretap *w, unsigned port, uint32_t first)
{
	*l = (struct line){ .w = w, .port = port, .first = { first, first * 7 }, .now_ns = MS };
	packet(l, false, WIRETAP_SYN, 0, SPAN(""));
}

static void say(struct line *l, bool answers, const char *text)
{
	size_t n = strlen(text);
	packet(l, answers, WIRETAP_ACK, l->said[answers], (struct span){ text, n });
	l->said[answers] += n;
}

static void finish(struct line *l, bool answers)
{
	packet(l, answers, WIRETAP_FIN | WIRETAP_ACK, l->said[answers], SPAN(""));
}

static void expect(const char *text)
{
	buf_add_char(&heard.log, '\0');
	cr_assert_str_eq(heard.log.p, text);
	buf_fini(&heard.log);
}

#define GET "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"
#define UNTIL_CLOSE "HTTP/1.1 200 OK\r\n\r\nabc"

static void check_even(const struct wiretap *w)
{
	struct mirror_counts n = wiretap_counts(w).flows.mirror;
	cr_assert_eq(n.sampled, n.captured + n.lost);
	cr_assert_eq(wiretap_counts(w).open, 0);
	cr_assert_eq(n.requests, n.complete + n.incomplete + n.truncated);
	cr_assert_eq(n.complete, n.answers + n.answers_lost);
	cr_assert_eq(wiretap_memory(w), 0);
}

Test(wiretap, a_connection_from_its_syn_to_its_end)
{
	struct wiretap *w = tap(1 << 20);
	struct line l;
	open_line(&l, w, 1000, UINT32_MAX - 5);
	packet(&l, true, WIRETAP_SYN | WIRETAP_ACK, 0, SPAN(""));
	say(&l, false, GET);
	say(&l, true, UNTIL_CLOSE);
	finish(&l, true);
	cr_assert_eq(wiretap_counts(w).open, 1);
	finish(&l, false);
	check_even(w);
	expect("Q0[all](" GET ")A0(200 whole none/unknown abc)");
	finish(&l, false); /* packets come twice */
	say(&l, false, GET);
	cr_assert_eq(wiretap_counts(w).unseen, 0);
	open_line(&l, w, 1000, 77);
	cr_assert_eq(wiretap_counts(w).seen, 2);
	wiretap_free(w);
}

Test(wiretap, the_answers_are_known_without_their_syn)
{
	struct wiretap *w = tap(1 << 20);
	struct line l;
	open_line(&l, w, 1000, 5);
	say(&l, false, GET);
	say(&l, true, ANSWER);
	packet(&l, false, WIRETAP_RST, l.said[0], SPAN(""));
	check_even(w);
	expect("Q0[all](" GET ")A0(200 whole none/unknown a)");
	wiretap_free(w);
}

Test(wiretap, what_is_older_is_counted_and_not_guessed)
{
	struct wiretap *w = tap(1 << 20);
	struct line l = { .w = w, .port = 1, .first = { 1, 2 } };
	say(&l, false, GET);
	say(&l, true, ANSWER);
	say(&l, false, GET);
	finish(&l, false);
	cr_assert_eq(wiretap_counts(w).unseen, 1);
	check_even(w);
	expect("");
	wiretap_tick(w, l.now_ns + 6000 * MS);
	open_line(&l, w, 1, 9);
	say(&l, false, GET);
	cr_assert_eq(wiretap_counts(w).unseen, 1);
	cr_assert_eq(wiretap_counts(w).seen, 1);
	wiretap_free(w);
	expect("Q0[all](" GET ")A0(0 none/unknown )");
}

Test(wiretap, a_new_syn_is_a_new_connection)
{
	struct wiretap *w = tap(1 << 20);
	struct line l;
	open_line(&l, w, 1, 9);
	say(&l, false, "GET / HT");
	packet(&l, false, WIRETAP_SYN, 0, SPAN("")); /* the same once more */
	say(&l, false, "TP/1.1\r\nhost: a\r\n\r\n");
	open_line(&l, w, 1, 1000);
	say(&l, false, GET);
	cr_assert_eq(wiretap_counts(w).seen, 2);
	wiretap_free(w);
	expect("Q0[all](" GET ")A0(0 none/unknown )Q1[all](" GET ")A1(0 none/unknown )");
}

Test(wiretap, what_idles_goes)
{
	struct wiretap *w = tap(1 << 20);
	struct line l;
	open_line(&l, w, 1, 9);
	say(&l, false, "GET / HT");
	cr_assert_gt(wiretap_memory(w), 0);
	wiretap_tick(w, l.now_ns + (WIRETAP_IDLE_MS - 1) * MS);
	cr_assert_eq(wiretap_counts(w).open, 1);
	wiretap_tick(w, l.now_ns + WIRETAP_IDLE_MS * MS);
	check_even(w);
	wiretap_free(w);
	expect("");
}

Test(wiretap, a_hole_is_waited_for_and_then_given_up)
{
	struct wiretap *w = tap(1 << 20);
	struct line l;
	open_line(&l, w, 1, 9);
	say(&l, false, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab");
	l.said[0]++;
	say(&l, false, "de" GET);
	wiretap_tick(w, l.now_ns);
	wiretap_tick(w, l.now_ns + (WIRETAP_HOLE_MS - 1) * MS);
	cr_assert_eq(heard.log.n, 0);
	wiretap_tick(w, l.now_ns + WIRETAP_HOLE_MS * MS);
	wiretap_free(w);
	expect("L0(1)Q1[all](" GET ")A1(0 none/unknown )");
}

Test(wiretap, more_connections_than_are_known_push_out_the_oldest)
{
	struct wiretap *w = tap(1 << 30);
	struct line l;
	for (unsigned i = 0; i < WIRETAP_CONNECTIONS + 10; i++)
		open_line(&l, w, 1 + i, i);
	cr_assert_eq(wiretap_counts(w).open, WIRETAP_CONNECTIONS);
	cr_assert_eq(wiretap_counts(w).pushed, 10);
	wiretap_free(w);
	buf_fini(&heard.log);
}

/* --- conversations over a random network --- */

static uint64_t state;

static unsigned dice(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

#define TALKS 40

struct talk { /* request i, and the answer to it */
	struct buf request, answer;
	unsigned status;
	struct buf body; /* of the answer */
};

static void chunk(struct buf *out, struct span body)
{
	while (body.n) {
		size_t n = 1 + dice((unsigned)body.n);
		buf_printf(out, "%zx\r\n", n);
		buf_add(out, body.p, n);
		buf_add_text(out, "\r\n");
		body.p += n;
		body.n -= n;
	}
	buf_add_text(out, "0\r\n\r\n");
}

/* A body that looks like other messages. */
static void add_framed(struct buf *out, struct span body)
{
	if (dice(3)) {
		buf_printf(out, "content-length: %zu\r\n\r\n", body.n);
		buf_add(out, body.p, body.n);
	} else {
		buf_add_text(out, "transfer-encoding: chunked\r\n\r\n");
		chunk(out, body);
	}
}

static void make_talk(struct talk *t, unsigned i)
{
	static const char filler[] =
		"GET / HTTP/1.1\r\nhost: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n0\r\n\r\n";
	struct buf body = { 0 };
	unsigned kind = dice(8);
	*t = (struct talk){ .status = kind == 1 ? 204 : 200 };
	for (unsigned n = dice(20); n > 0; n--)
		buf_add(&body, filler, 1 + dice(sizeof(filler) - 1));
	buf_printf(&t->request, "%s /r%u HTTP/1.1\r\nhost: a\r\n", kind == 0 ? "HEAD" : "POST", i);
	if (kind <= 1)
		buf_add_text(&t->request, "\r\n");
	else
		add_framed(&t->request, (struct span){ body.p, body.n });
	if (dice(5) == 0)
		buf_add_text(&t->answer, "HTTP/1.1 103 Early Hints\r\n\r\n");
	buf_printf(&t->answer, "HTTP/1.1 %u x\r\n", t->status);
	if (kind > 1) {
		buf_printf(&t->body, "answer %u: %.*s", i, (int)min_size(body.n, 300), body.p);
		add_framed(&t->answer, (struct span){ t->body.p, t->body.n });
	} else {
		buf_add_text(&t->answer, kind ? "\r\n" : "content-length: 7\r\n\r\n");
	}
	buf_fini(&body);
}

struct check {
	struct talk *talks;
	unsigned known[TALKS]; /* by the order in which they were told of */
	unsigned requests, whole;
	struct flow_play ids;
};

static void check_request(void *owner, const struct mirror_request *q)
{
	struct check *c = owner;
	unsigned i = TALKS, n = flow_play_number(&c->ids, q->id);
	char begin[16] = "";
	memcpy(begin, q->bytes.p, min_size(q->bytes.n, sizeof(begin) - 1));
	cr_assert(sscanf(begin, "%*s /r%u ", &i) == 1 && i < TALKS);
	const struct buf *sent = &c->talks[i].request;
	cr_assert(sent->n == q->bytes.n && memcmp(sent->p, q->bytes.p, sent->n) == 0);
	c->known[n] = i;
	c->requests++;
}

static void check_answer(void *owner, const struct mirror_answer *a)
{
	struct check *c = owner;
	const struct talk *t = &c->talks[c->known[flow_play_number(&c->ids, a->id)]];
	if (!a->whole)
		return;
	cr_assert_eq(a->status, t->status);
	cr_assert(a->body.n == t->body.n &&
		  memcmp(a->body.p ? a->body.p : "", t->body.p ? t->body.p : "", t->body.n) == 0);
	c->whole++;
}

static void check_lost(void *owner, const struct mirror_loss *loss)
{
	(void)flow_play_number(&((struct check *)owner)->ids, loss->id);
}

/* Pieces of what one side says now, in any order and some of them twice; one in `lossy` never. */
static void scatter(struct line *l, bool answers, const struct buf *b, unsigned lossy)
{
	struct span pieces[300];
	unsigned n = 0;
	for (size_t at = 0; at < b->n;) {
		size_t size = n < 299 ? 1 + dice(b->n < 290 ? 20 : (unsigned)(b->n / 8)) : b->n;
		pieces[n++] = (struct span){ b->p + at, size = min_size(size, b->n - at) };
		at += size;
	}
	for (unsigned i = n; i > 1; i--) {
		unsigned j = lossy || dice(2) ? dice(i) : i - 1;
		struct span last = pieces[i - 1];
		pieces[i - 1] = pieces[j];
		pieces[j] = last;
	}
	for (unsigned i = 0; i < n; i++) {
		if (lossy && dice(lossy) == 0)
			continue;
		for (unsigned times = 1 + !dice(6); times > 0; times--)
			packet(l, answers, WIRETAP_ACK,
			       l->said[answers] + (size_t)(pieces[i].p - b->p), pieces[i]);
	}
	l->said[answers] += b->n;
}

static void run_conversation(unsigned seed, unsigned lossy)
{
	static struct talk talks[TALKS];
	static struct check check;
	static const uint64_t random[2] = { 3, 4 };
	struct mirror_sink sink = { check_request, check_answer, check_lost, &check };
	state = seed;
	memset(&check, 0, sizeof(check));
	check.talks = talks;
	struct wiretap *w = wiretap_new(config, &sink, random, 0, 1 << 20);
	struct line l;
	open_line(&l, w, 7, (uint32_t)(0u - dice(3000)));
	for (unsigned i = 0; i < TALKS; i++)
		make_talk(&talks[i], i);
	for (unsigned i = 0; i < TALKS;) {
		struct buf asks = { 0 }, answers = { 0 };
		for (unsigned n = 1 + !dice(3) * dice(6); n > 0 && i < TALKS; n--, i++) {
			buf_add(&asks, talks[i].request.p, talks[i].request.n);
			buf_add(&answers, talks[i].answer.p, talks[i].answer.n);
		}
		scatter(&l, false, &asks, lossy);
		scatter(&l, true, &answers, lossy);
		buf_fini(&asks);
		buf_fini(&answers);
	}
	finish(&l, false);
	finish(&l, true);
	check_even(w);
	wiretap_free(w);
	cr_assert(lossy || (check.requests == TALKS && check.whole == TALKS), "seed %u: %u and %u",
		  seed, check.requests, check.whole);
	for (unsigned i = 0; i < TALKS; i++) {
		buf_fini(&talks[i].request);
		buf_fini(&talks[i].answer);
		buf_fini(&talks[i].body);
	}
}

Test(wiretap, conversations_over_a_network_that_reorders_and_repeats)
{
	for (unsigned seed = 1; seed <= 150; seed++)
		run_conversation(seed, 0);
}

/* What is handed out is what was said, and every answer is that to its request. */
Test(wiretap, conversations_of_which_parts_are_lost)
{
	for (unsigned seed = 1; seed <= 400; seed++)
		run_conversation(seed, 10 + seed % 150);
}

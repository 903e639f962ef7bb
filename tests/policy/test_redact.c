/* policy/judge_redact.c in every wire: the same bytes leave for every split, nothing of a secret
 * among them, and all else as it came. Secret-looking strings are put together at run time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "policy/judge.h"
#include "tests/policy/places.h"

#define LEAD "tok_"
#define MASK "<hidden token>"

static const char policy[] =
	"version: 1\n"
	"mask: '<hidden {rule}>'\n"
	"rules:\n"
	"  - {id: token, title: t, severity: high, action: redact, regex: '\\btok_([a-z0-9]{16,40})\\b'}\n"
	"  - {id: long, title: t, severity: high, action: redact, regex: 'cde([a-z0-9]{20})'}\n"
	"  - {id: pin, title: t, severity: high, action: redact, regex: 'pin\\W{1,6}([0-9]{8})\\b'}\n"
	"  - {id: any, title: t, severity: high, action: redact, regex: 'any=([^;]{8,60});'}\n"
	"  - {id: end, title: t, severity: high, action: redact, regex: 'end=([^;]{8,60})'}\n"
	"  - {id: block, title: t, severity: high, action: redact, regex: 'BEGIN([A-Za-z\\s]{4,80})END'}\n"
	"  - {id: last, title: t, severity: high, action: redact, hold: window 12, regex: 'w[0-9]{8}w'}\n"
	"  - {id: stop, title: t, severity: high, action: cut, regex: 'fgh([a-z0-9]{8})'}\n";

static struct ruleset *set;
static struct judge_scratch *scratch;

static void load_policy(const char *text)
{
	struct buf errors = { 0 };
	if (ruleset_parse("test", span_of(text), &set, &errors) != 0)
		cr_assert_fail("%.*s", (int)errors.n, errors.p);
	cr_assert_eq(judge_scratch_new(set, &scratch), 0);
	buf_fini(&errors);
}

static void load(void)
{
	load_policy(policy);
}

static void unload(void)
{
	judge_scratch_free(scratch);
	ruleset_unref(set);
}

TestSuite(redact, .init = load, .fini = unload);

struct wire_kind {
	const char *name;
	enum framing framing;
	enum dialect dialect;
};

struct result {
	struct buf out; /* what leaves, when it is cut what may leave before */
	struct verdict verdict;
	size_t cards;
};

/* All of the body with its edits; they are never taken back, so they can be applied at the end. */
static void apply(struct result *r, const struct judge *j, struct span in)
{
	uint64_t end = r->verdict.kind == VERDICT_CUT ? r->verdict.release_raw : in.n, at = 0;
	size_t n;
	const struct edit *v = judge_edits(j, &n);
	for (size_t i = 0; i < n && v[i].from < end; i++) {
		struct span mask = ruleset_mask(set, v[i].rule);
		cr_assert_leq(at, v[i].from);
		buf_add(&r->out, in.p + at, (size_t)(v[i].from - at));
		buf_add(&r->out, mask.p, v[i].masked ? mask.n : 0);
		at = min_u64(v[i].to, end);
	}
	buf_add(&r->out, in.p + at, (size_t)(end - at));
}

static struct result run(const struct wire_kind *kind, struct span in, size_t first, size_t size)
{
	const struct wire_options options = { .framing = kind->framing,
					      .dialect = kind->dialect,
					      .for_edits = true,
					      .frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct judge *j = judge_new(set, w);
	struct pieces pieces = { 0 };
	struct result r = { 0 };
	size_t have = min_size(first, in.n), used = 0;
	for (bool more = true; more; have = min_size(have + size, in.n)) {
		pieces.n = 0;
		used += wire_feed(w, in.p + used, have - used, &pieces);
		cr_assert_eq(wire_failed(w), WIRE_OK, "%s: %s", kind->name,
			     wire_error_names[wire_failed(w)]);
		judge_feed(j, scratch, pieces.v, pieces.n, false, &r.verdict);
		more = have < in.n;
	}
	pieces.n = 0;
	cr_assert_eq(wire_finish(w, in.p + used, in.n - used, &pieces), WIRE_OK, "%s", kind->name);
	judge_feed(j, scratch, pieces.v, pieces.n, true, &r.verdict);
	apply(&r, j, in);
	(void)judge_cards(j, &r.cards);
	pieces_fini(&pieces);
	judge_free(j);
	wire_free(w);
	return r;
}

/* The result at every split in two, and in parts of 1, 3 and 64 bytes. */
static struct result every_split(const struct wire_kind *kind, struct span in)
{
	static const size_t sizes[] = { 1, 3, 64 };
	struct result whole = run(kind, in, in.n, in.n);
	for (size_t i = 0; i < in.n + ARRAY_LEN(sizes); i++) {
		size_t first = i < in.n ? i : sizes[i - in.n];
		struct result r = run(kind, in, first, i < in.n ? in.n : first);
		cr_assert(r.out.n == whole.out.n && memcmp(r.out.p, whole.out.p, whole.out.n) == 0,
			  "%s: split at %zu:\n%.*s\nnot\n%.*s", kind->name, first, (int)r.out.n,
			  r.out.p, (int)whole.out.n, whole.out.p);
		cr_assert_eq(r.verdict.kind, whole.verdict.kind);
		cr_assert_eq(r.cards, whole.cards);
		buf_fini(&r.out);
	}
	return whole;
}

static void is_json(struct span text)
{
	struct json *j = NULL;
	cr_assert_eq(json_parse(text, &j), 0, "%.*s", (int)text.n, text.p);
	json_free(j);
}

/* Every payload that was JSON is JSON. */
static void check_json(enum framing framing, struct span all)
{
	if (framing == FRAMING_DOCUMENT || framing == FRAMING_ARRAY)
		is_json(all);
	while (framing != FRAMING_NONE && all.n) {
		const char *end = memchr(all.p, '\n', all.n);
		struct span line = { all.p, end ? (size_t)(end - all.p) : all.n };
		if (line.n > 6 && memcmp(line.p, "data: {", 7) == 0)
			is_json((struct span){ line.p + 6, line.n - 6 });
		else if (framing == FRAMING_LINES && line.n)
			is_json(line);
		size_t skip = line.n + (end != NULL);
		all = (struct span){ all.p + skip, all.n - skip };
	}
}

static void expect(const struct wire_kind *kind, const struct buf *in, const struct buf *wanted)
{
	cr_assert_not(in->failed || wanted->failed);
	struct result r = every_split(kind, (struct span){ in->p, in->n });
	cr_assert_eq(r.verdict.kind, VERDICT_PASS, "%s", kind->name);
	cr_assert(r.out.n == wanted->n && memcmp(r.out.p, wanted->p, wanted->n) == 0,
		  "%s:\n%.*s\nnot\n%.*s", kind->name, (int)r.out.n, r.out.p, (int)wanted->n,
		  wanted->p);
	check_json(kind->framing, (struct span){ r.out.p, r.out.n });
	buf_fini(&r.out);
}

/* How the secret's characters are written, from the innermost layer out. */
enum form { AS_IS, OUTER_ESCAPES, INNER_ESCAPES, FORM_COUNT };

/* One text and which of its characters belong to secrets, before the outer layer. */
struct text {
	char c[2048];
	bool secret[2048];
	size_t n;
};

static void text_add(struct text *t, const char *s, bool secret)
{
	for (; *s; s++) {
		cr_assert_lt(t->n, sizeof(t->c));
		t->secret[t->n] = secret;
		t->c[t->n++] = *s;
	}
}

static void text_make(struct text *t, const struct place *place, enum form form)
{
	static const char *const words[] = { "say\n " LEAD, "k0a1b2c3d4e5f6g7", " and \"" LEAD,
					     "zz9yy8xx7ww6vv5uu4", "\" \\ done" };
	char escape[16];
	t->n = 0;
	text_add(t, place->layers == 2 ? "{\"code\":\"" : "", false);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (const char *p = words[i]; *p; p++) {
			bool secret = i % 2;
			snprintf(escape, sizeof(escape), "%c", *p);
			if (secret && form == INNER_ESCAPES && place->layers == 2)
				snprintf(escape, sizeof(escape), "\\u%04x", *p);
			else if (place->layers == 2 && strchr("\"\\\n", *p))
				snprintf(escape, sizeof(escape), "\\%c", *p == '\n' ? 'n' : *p);
			text_add(t, escape, secret);
		}
	text_add(t, place->layers == 2 ? "\",\"n\":17}" : "", false);
}

static void add_outer(struct buf *out, char c, bool escaped)
{
	if (escaped)
		buf_printf(out, "\\u%04x", (unsigned char)c);
	else
		buf_add_json(out, (struct span){ &c, 1 });
}

/* The stream as it comes and as it must leave. */
static void write_both(const struct place *place, const struct text *t, size_t step, enum form form,
		       struct buf *in, struct buf *wanted)
{
	struct buf *const both[] = { in, wanted };
	for (size_t b = 0; b < 2; b++) {
		buf_add_text(both[b], place->open);
		for (size_t at = 0; at < t->n; at++) {
			bool secret = t->secret[at], last = at == t->n - 1;
			buf_add_text(both[b], at % step == 0 ? place->prefix : "");
			if (b && secret)
				buf_add_text(both[b], at && t->secret[at - 1] ? "" : MASK);
			else
				add_outer(both[b], t->c[at], secret && form == OUTER_ESCAPES);
			if (at % step == step - 1 || last) {
				buf_add_text(both[b], place->suffix);
				buf_add_text(both[b], last ? "" : place->between);
			}
		}
		buf_add_text(both[b], place->close);
	}
}

Test(redact, every_wire_and_form)
{
	static struct text t;
	static const size_t steps[] = { SIZE_MAX, 7, 3 };
	for (size_t i = 0; i < ARRAY_LEN(places) * ARRAY_LEN(steps) * FORM_COUNT; i++) {
		const struct place *place = &places[i / ARRAY_LEN(steps) / FORM_COUNT];
		size_t step = steps[i / FORM_COUNT % ARRAY_LEN(steps)];
		struct wire_kind kind = { place->name, place->framing, place->dialect };
		struct buf in = { 0 }, wanted = { 0 };
		if (step != SIZE_MAX && !place->spread)
			continue;
		text_make(&t, place, (enum form)(i % FORM_COUNT));
		write_both(place, &t, step, (enum form)(i % FORM_COUNT), &in, &wanted);
		expect(&kind, &in, &wanted);
		buf_fini(&in);
		buf_fini(&wanted);
	}
}

static const struct wire_kind plain = { "plain", FRAMING_NONE, DIALECT_UNKNOWN };
static const struct wire_kind chat = { "chat", FRAMING_SSE, DIALECT_CHAT };
static const struct wire_kind responses = { "responses", FRAMING_SSE, DIALECT_RESPONSES };

static void expect_text(const struct wire_kind *kind, const char *in, const char *wanted)
{
	struct buf a = { 0 }, b = { 0 };
	buf_add_text(&a, in);
	buf_add_text(&b, wanted);
	expect(kind, &a, &b);
	buf_fini(&a);
	buf_fini(&b);
}

static struct verdict verdict_of(const struct wire_kind *kind, const char *in, struct buf *out)
{
	struct result r = every_split(kind, span_of(in));
	*out = r.out;
	return r.verdict;
}

#define SECRET     \
	"k0a1b2c3" \
	"d4e5f6g7"

Test(redact, plain_text)
{
	expect_text(&plain, "a " LEAD SECRET " b " LEAD SECRET, "a " LEAD MASK " b " LEAD MASK);
	expect_text(&plain, "a " LEAD "short b", "a " LEAD "short b");
	expect_text(&plain, "one w12345678w, w1234567w", "one <hidden last>, w1234567w");
	expect_text(&plain, "BEGINab\ncd\r\nef\nEND", "BEGIN<hidden block>END");
}

Test(redact, overlapping_secrets_are_one)
{
	/* The second begins inside the first, and is decided before it. */
	expect_text(&plain,
		    LEAD "01234567890abcde"
			 "fg345678901234567890 x",
		    LEAD MASK " x");
	expect_text(&plain, "any=" LEAD SECRET " and so on; x", "any=<hidden any>; x");
}

Test(redact, a_cut_goes_before_a_redaction)
{
	struct buf out;
	struct verdict v = verdict_of(&plain,
				      "x " LEAD "01234fgh"
				      "0123456789 and more",
				      &out);
	cr_assert_eq(v.kind, VERDICT_CUT);
	cr_assert_eq(strcmp(ruleset_rule(set, v.rule)->id, "stop"), 0);
	cr_assert_eq(out.n, strlen("x " LEAD));
	buf_fini(&out);
	/* The other rule's window holds the last 12 bytes. */
	v = verdict_of(&plain,
		       LEAD SECRET " and fgh"
				   "01234567 x",
		       &out);
	cr_assert_eq(v.kind, VERDICT_CUT);
	cr_assert(out.n == strlen(LEAD MASK " and") && memcmp(out.p, LEAD MASK " and", out.n) == 0);
	buf_fini(&out);
}

#define DONE(text)                                                                                \
	"event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\","        \
	"\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"text\":\"" text "\"}\n\n"    \
	"event: response.content_part.done\ndata: {\"type\":\"response.content_part.done\","      \
	"\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":"           \
	"\"output_text\",\"text\":\"" text "\"}}\n\n"                                             \
	"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":" \
	"\"r1\",\"output\":[{\"id\":\"m1\",\"type\":\"message\",\"content\":[{\"type\":"          \
	"\"output_text\",\"text\":\"" text "\"}]}],\"usage\":{\"output_tokens\":31}}}\n\n"
#define DELTA(text)                                                                          \
	"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\"," \
	"\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"delta\":\"" text "\"}\n\n"

Test(redact, closing_events_say_it_masked_too)
{
	expect_text(&responses,
		    DELTA("a " LEAD "k0a1b2c3") DELTA("d4e5f6g7 b") DONE("a " LEAD SECRET " b"),
		    DELTA("a " LEAD MASK) DELTA(" b") DONE("a " LEAD MASK " b"));
}

#define EVENT(user, text)                                                                  \
	"data: {\"id\":\"c1\",\"user\":\"" user "\",\"choices\":[{\"index\":0,\"delta\":{" \
	"\"content\":\"" text "\"}}]}\n\n"

Test(redact, envelope_that_repeats)
{
	expect_text(&chat, EVENT(LEAD SECRET, "a") EVENT(LEAD SECRET, "b") EVENT(LEAD SECRET, "c"),
		    EVENT(LEAD MASK, "a") EVENT(LEAD MASK, "b") EVENT(LEAD MASK, "c"));
}

Test(redact, payloads_that_are_no_json_keep_their_lines)
{
	expect_text(&chat, "data: x BEGINab\ndata: cd END y\n\n: note\n\ndata: z\n\n",
		    "data: x BEGIN<hidden block>\ndata: END y\n\n: note\n\ndata: z\n\n");
}

#define ARGUMENTS(text)                                                                          \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":" \
	"{\"arguments\":\"" text "\"}}]}}]}\n\n"

/* An event ends inside what looked like an escape of the inner layer and is none, or is no whole
 * one: its bytes go with the text that they are, and no byte of the framing with them. */
Test(redact, divided_escapes_that_are_none)
{
	expect_text(&chat, ARGUMENTS("{\\\"a\\\":\\\"any=0123456\\\\") ARGUMENTS("x89; b\\\"}"),
		    ARGUMENTS("{\\\"a\\\":\\\"any=<hidden any>") ARGUMENTS("; b\\\"}"));
	expect_text(&chat, ARGUMENTS("{\\\"a\\\":\\\"any=0123456\\\\") ARGUMENTS("; b\\\"}"),
		    ARGUMENTS("{\\\"a\\\":\\\"any=<hidden any>") ARGUMENTS("; b\\\"}"));
	expect_text(&chat,
		    ARGUMENTS("{\\\"a\\\":\\\"any=012345\\\\u0") ARGUMENTS("\\u00e9; b\\\"}"),
		    ARGUMENTS("{\\\"a\\\":\\\"any=<hidden any>") ARGUMENTS("; b\\\"}"));
	/* The text's end decides; what is left of the escape stands in the first event alone. */
	expect_text(&chat, ARGUMENTS("{\\\"a\\\":\\\"end=01234567\\\\") "data: [DONE]\n\n",
		    ARGUMENTS("{\\\"a\\\":\\\"end=<hidden end>") "data: [DONE]\n\n");
}

Test(redact, what_would_break_a_document_is_cut)
{
	static const char *const cut[] = {
		ARGUMENTS("{\\\"pin\\\": 12345678}"),
		ARGUMENTS("{\\\"a\\\":\\\"any=123456789\\\",\\\"b\\\":\\\"xyz;\\\"}"),
		EVENT("any=123456789", "xyz; and all that"),
		EVENT("any=123", "x") "data: {\"a\":\"4567\",\"b\":\"89;\"}\n\n",
	};
	struct buf out;
	for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
		struct verdict v = verdict_of(&chat, cut[i], &out);
		bool crosses = i != 2; /* content and envelope are two texts */
		cr_assert_eq(v.kind, crosses ? VERDICT_CUT : VERDICT_PASS, "%zu", i);
		buf_fini(&out);
	}
	expect_text(&chat, ARGUMENTS("{\\\"a\\\":\\\"my pin is: pin 12345678\\\"}"),
		    ARGUMENTS("{\\\"a\\\":\\\"my pin is: pin <hidden pin>\\\"}"));
	struct verdict v = verdict_of(&plain, "any=01234567\xc3;", &out);
	cr_assert_eq(v.kind, VERDICT_CUT, "half a character");
	buf_fini(&out);
	v = verdict_of(&plain,
		       "any=\xa9"
		       "01234567;",
		       &out);
	cr_assert_eq(v.kind, VERDICT_CUT, "half a character");
	buf_fini(&out);
	expect_text(&plain,
		    "any=\xc3\xa9"
		    "01234567\xe2\x82\xac; x",
		    "any=<hidden any>; x");
}

Test(redact, monitor_takes_nothing_out)
{
	char text[sizeof(policy) + 32];
	struct buf out;
	unload();
	snprintf(text, sizeof(text), "mode: monitor\n%s", policy);
	load_policy(text);
	const char *in = "a " LEAD SECRET " b";
	struct verdict v = verdict_of(&plain, in, &out);
	cr_assert_eq(v.kind, VERDICT_PASS);
	cr_assert(out.n == strlen(in) && memcmp(out.p, in, out.n) == 0);
	cr_assert_not(ruleset_redacts(set));
	buf_fini(&out);
}

Test(redact, cards_say_redact)
{
	struct judge *j = judge_new(set, NULL);
	struct verdict v;
	size_t n;
	struct piece piece = {
		.raw_off = 5, .raw_len = 21, .text_len = 21, .text = LEAD SECRET " "
	};
	judge_feed(j, scratch, &piece, 1, true, &v);
	const struct card *card = judge_cards(j, &n);
	cr_assert_eq(n, 1);
	cr_assert(card->action == ACTION_REDACT && card->raw_off == 9 && card->text_len == 16);
	const struct edit *e = judge_edits(j, &n);
	cr_assert(n == 1 && e->from == 9 && e->to == 25 && e->masked);
	judge_edited(j, 25);
	(void)judge_edits(j, &n);
	cr_assert_eq(n, 0);
	judge_free(j);
}

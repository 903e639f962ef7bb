/*
 * Any body under a policy that redacts, whole and cut in two random ways: the same bytes leave, the
 * same cards are shown, it ends alike, and the masks account for what is missing.
 *
 * Bytes 0 and 1 choose the rule, byte 2 the framing, dialect and frame size, bytes 3 and 4 seed the
 * cuts; the rest is the body.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/gate.h"

#define BODY_MAX 4096
#define HEAD 5
#define POLICIES 1024

struct policy { /* compiled once for each choice */
	bool known;
	struct ruleset *set; /* NULL: refused */
	struct gate_scratch scratch;
	size_t mask;
};

struct result {
	struct buf left, ending;
	struct gate_record record;
	enum gate_state state;
	int end_error;
	size_t n;
	struct card cards[JUDGE_CARDS_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- a policy from ten bits --- */

static const char *const masks[] = { "[redacted]", "x" };

static void write_policy(unsigned choice, struct buf *out)
{
	/* Those that Vectorscan 5.4.9 finds: see ARCHITECTURE.md, choices with a reason. */
	static const char *const leads[] = { "ze-", "key=", "(?:yab|ycd)_", "zwin" };
	static const char *const bodies[] = { "[a-c]{4}", "[a-c]{2,}", "[^,;\\s]{3,6}",
					      "[a-z0-9\"]{2,9}" };
	static const char *const ends[] = { "", "\\b", "E", "(?:,|$)" };
	static const char *const holds[] = { "", ", hold: {bytes: 9}", ", hold: window 12",
					     ", entropy: 0.5" };
	static const char *const others[] = {
		"", "  - {id: b, title: t, severity: low, action: cut, regex: 'cu-[a-c]{3}'}\n"
	};
	buf_printf(out,
		   "version: 1\nmask: '%s'\nrules:\n"
		   "  - {id: a, title: t, severity: low, action: redact, regex: '%s(%s)%s'%s}\n%s",
		   masks[choice >> 8 & 1], leads[choice & 3], bodies[choice >> 2 & 3],
		   ends[choice >> 4 & 3], holds[choice >> 6 & 3], others[choice >> 9 & 1]);
}

static struct policy *policy_of(unsigned choice)
{
	static struct policy policies[POLICIES];
	struct policy *p = &policies[choice];
	struct buf text = { 0 }, errors = { 0 };
	if (p->known)
		return p;
	p->known = true;
	write_policy(choice, &text);
	CHECK(!text.failed);
	if (ruleset_parse("fuzz.yaml", (struct span){ text.p, text.n }, &p->set, &errors) == 0)
		CHECK(gate_scratch_init(&p->scratch, p->set) == 0);
	p->mask = strlen(masks[choice >> 8 & 1]);
	buf_fini(&text);
	buf_fini(&errors);
	return p;
}

/* --- a run --- */

static void take(struct policy *p, struct result *r, struct gate *g, const struct gate_out *out)
{
	const struct gate_record *c = gate_record(g);
	buf_add(&r->left, out->old.p, out->old.n);
	buf_add(&r->left, out->fresh.p, out->fresh.n);
	CHECK(r->left.n + c->redacted == c->released + c->redactions * p->mask);
	CHECK(c->released <= c->judged && c->judged <= c->received);
}

/* seed 0: whole. */
static void run(struct policy *p, uint8_t form, const uint8_t *body, size_t n, uint64_t seed,
		struct result *r)
{
	const struct gate_options options = {
		.ruleset = p->set,
		.framing = (enum framing)(form % FRAMING_COUNT),
		.dialect = (enum dialect)(form / FRAMING_COUNT % DIALECT_COUNT),
		.frame_bytes = form & 0x80 ? 64 : 16384,
		.document_bytes = form & 0x80 ? 64 : 65536,
	};
	struct gate *g = gate_new(&options);
	struct gate_out out;
	CHECK(g);
	*r = (struct result){ .state = GATE_OPEN };
	for (size_t at = 0, part; at < n && r->state == GATE_OPEN; at += part) {
		seed = seed * 6364136223846793005u + 1442695040888963407u * (seed != 0);
		part = min_size(seed ? 1 + (size_t)((seed >> 40) % (1u << (seed >> 60))) : n,
				n - at);
		char *copy = malloc(part); /* its own memory, so that a late read is seen */
		CHECK(copy);
		memcpy(copy, body + at, part);
		r->state = gate_feed(g, &p->scratch, copy, part, &out);
		take(p, r, g, &out);
		free(copy);
	}
	if (r->state == GATE_OPEN) {
		r->state = gate_finish(g, &p->scratch, &out);
		take(p, r, g, &out);
	}
	if (r->state == GATE_CUT)
		r->end_error = gate_end(g, SPAN("X"), &r->ending);
	r->record = *gate_record(g);
	const struct card *cards = judge_cards(gate_judge(g), &r->n);
	for (size_t i = 0; i < r->n; i++)
		r->cards[i] = cards[i];
	gate_free(g);
}

static void result_fini(struct result *r)
{
	buf_fini(&r->left);
	buf_fini(&r->ending);
}

static void same_bytes(const struct buf *a, const struct buf *b)
{
	CHECK(!a->failed && !b->failed && a->n == b->n);
	CHECK(!a->n || memcmp(a->p, b->p, a->n) == 0);
}

/* The form of an ending follows the dialect, which may have been told by an event behind the cut.
 */
static void same(const struct result *a, const struct result *b, bool dialect_known)
{
	same_bytes(&a->left, &b->left);
	if (dialect_known)
		same_bytes(&a->ending, &b->ending);
	CHECK(a->state == b->state && a->n == b->n);
	CHECK(!dialect_known || a->end_error == b->end_error);
	CHECK(a->record.released == b->record.released);
	CHECK(a->record.redactions == b->record.redactions);
	CHECK(a->record.redacted == b->record.redacted);
	for (size_t i = 0; i < a->n; i++)
		CHECK(a->cards[i].rule == b->cards[i].rule &&
		      a->cards[i].raw_off == b->cards[i].raw_off &&
		      a->cards[i].text_len == b->cards[i].text_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, one, two;
	if (size < HEAD || size > HEAD + BODY_MAX)
		return 0;
	struct policy *p = policy_of((data[0] | (unsigned)data[1] << 8) % POLICIES);
	if (!p->set)
		return 0;
	run(p, data[2], data + HEAD, size - HEAD, 0, &whole);
	run(p, data[2], data + HEAD, size - HEAD, data[3] + 1u, &one);
	run(p, data[2], data + HEAD, size - HEAD, data[4] + 1000u, &two);
	bool dialect_known = data[2] / FRAMING_COUNT % DIALECT_COUNT != DIALECT_UNKNOWN;
	same(&whole, &one, dialect_known);
	same(&whole, &two, dialect_known);
	result_fini(&whole);
	result_fini(&one);
	result_fini(&two);
	return 0;
}

#include "proxy/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/proof_redact.h"
#include "proxy/recording.h"

struct range { /* raw bytes */
	uint64_t from, to;
};

struct list { /* ranges of secrets' bodies, or of frames */
	struct range *v;
	size_t n, cap;
};

struct proof {
	const struct proof_options *o;
	struct gate_options gate;
	struct span body;
	struct list secrets, frames;
	struct secret texts[JUDGE_CARDS_MAX]; /* of what a redaction takes out */
	size_t n_texts;
	struct redacted expected;
	struct proof_result *r;
	/* Of the whole body, enforced. */
	struct gate *whole;
	uint64_t whole_released;
};

static bool list_add(struct list *l, uint64_t from, uint64_t to)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct range *v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return false;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = (struct range){ from, to };
	return true;
}

/* --- the oracle --- */

static bool is_secret(const struct proof *p, const struct card *c)
{
	return ruleset_rule(p->o->ruleset, c->rule)->action != ACTION_FLAG;
}

/* The same of a card in decoded text: the pieces of its channel, from where holding began. */
static bool add_encoded(struct proof *p, const struct card *c, const struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->n; i++) {
		const struct piece *one = &pieces->v[i];
		uint64_t end = one->raw_off + one->raw_len;
		if (one->kind != PIECE_TEXT || one->channel != c->channel || end <= c->body_raw ||
		    one->raw_off >= c->raw_end)
			continue;
		bool in_step = one->raw_len == one->text_len;
		uint64_t from = in_step ? max_u64(one->raw_off, c->body_raw) : one->raw_off;
		if (!list_add(&p->secrets, from, in_step ? min_u64(end, c->raw_end) : end))
			return false;
	}
	return true;
}

/* The raw bytes of one card's body: those of the pieces whose text it covers. */
static bool add_secret(struct proof *p, const struct card *c, const struct pieces *pieces)
{
	uint64_t at = 0, from = c->body_off, to = c->text_off + c->text_len;
	if (c->layers)
		return add_encoded(p, c, pieces);
	for (size_t i = 0; i < pieces->n; i++) {
		const struct piece *one = &pieces->v[i];
		if (one->kind != PIECE_TEXT || one->channel != c->channel)
			continue;
		uint64_t first = max_u64(from, at), last = min_u64(to, at + one->text_len);
		bool in_step = one->raw_len == one->text_len;
		if (first < last &&
		    !list_add(&p->secrets, one->raw_off + (in_step ? first - at : 0),
			      in_step ? one->raw_off + last - at : one->raw_off + one->raw_len))
			return false;
		at += one->text_len;
	}
	return true;
}

/* Its text, where what leaves is not the body's own bytes and has to be read again. */
static bool add_text(struct proof *p, const struct card *c, const struct pieces *pieces)
{
	if (!ruleset_redacts(p->o->ruleset))
		return true;
	struct secret *s = &p->texts[p->n_texts++];
	s->rule = c->rule;
	return recording_text(pieces, c->channel, c->body_off, c->text_off + c->text_len,
			      &s->text) ||
	       !s->text.failed;
}

static bool oracle_of(struct proof *p, struct gate *g, const struct pieces *pieces)
{
	size_t n;
	const struct card *cards = judge_cards(gate_judge(g), &n);
	p->r->cards = (size_t)judge_counts(gate_judge(g))->cards;
	for (size_t i = 0; i < n; i++) {
		if (!is_secret(p, &cards[i]))
			continue;
		p->r->secrets++;
		if (!add_secret(p, &cards[i], pieces) || !add_text(p, &cards[i], pieces))
			return false;
	}
	for (size_t i = 0; i < pieces->n; i++) {
		const struct piece *f = &pieces->v[i];
		if (f->kind == PIECE_FRAME && f->raw_len &&
		    !list_add(&p->frames, f->raw_off, f->raw_off + f->raw_len))
			return false;
	}
	return true;
}

static bool find_secrets(struct proof *p)
{
	struct gate_options options = p->gate;
	options.observe = true;
	struct gate *g = gate_new(&options);
	struct pieces pieces = { 0 };
	struct gate_out gone;
	uint32_t frame_bytes =
		options.framing == FRAMING_DOCUMENT ? options.document_bytes : options.frame_bytes;
	bool ok = g &&
		  recording_decode(p->body, options.framing, options.dialect, frame_bytes, &pieces);
	if (ok) {
		(void)gate_feed(g, p->o->scratch, p->body.p, p->body.n, &gone);
		(void)gate_finish(g, p->o->scratch, &gone);
		ok = oracle_of(p, g, &pieces);
	}
	pieces_fini(&pieces);
	gate_free(g);
	return ok;
}

/* --- a run --- */

/* One increment that left: it must be the body's own bytes, with masks in the places of what is
 * redacted. */
static bool is_bodys(const struct proof *p, uint64_t at, const struct gate_out *out)
{
	struct span own = p->expected.bytes;
	if (at + out->old.n + out->fresh.n > own.n)
		return false;
	return (!out->old.n || !memcmp(own.p + at, out->old.p, out->old.n)) &&
	       (!out->fresh.n || !memcmp(own.p + at + out->old.n, out->fresh.p, out->fresh.n));
}

static uint64_t leaked_before(const struct proof *p, uint64_t released)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->secrets.n; i++) {
		const struct range *s = &p->secrets.v[i];
		n += redacted_misses(&p->expected, p->body, p->gate.framing != FRAMING_NONE,
				     s->from, min_u64(s->to, max_u64(released, s->from)));
	}
	return n;
}

static bool same_end(const struct proof *p, struct gate *g)
{
	size_t n, m;
	const struct card *a = judge_cards(gate_judge(p->whole), &n);
	const struct card *b = judge_cards(gate_judge(g), &m);
	if (n != m || gate_record(g)->released != p->whole_released ||
	    strcmp(gate_reason(g), gate_reason(p->whole)) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (a[i].rule != b[i].rule || a[i].text_off != b[i].text_off ||
		    a[i].text_len != b[i].text_len || a[i].raw_off != b[i].raw_off)
			return false;
	return true;
}

struct run {
	struct gate *gate;
	uint64_t fed, released;
	uint64_t left;       /* bytes that came out: masks count, what they stand for does not */
	size_t frame;        /* the first that has not left */
	bool differs, watch; /* watch: note the delays */
};

static void note_delays(struct proof *p, struct run *run)
{
	const struct list *f = &p->frames;
	for (; run->frame < f->n && f->v[run->frame].to <= run->released; run->frame++) {
		const struct range *one = &f->v[run->frame];
		uint64_t late = run->fed > one->to ? run->fed - one->to : 0;
		p->r->delays[p->r->n_delays++] = (uint32_t)min_u64(late, UINT32_MAX);
		p->r->delayed_bytes += late ? one->to - one->from : 0;
	}
}

static void take(struct proof *p, struct run *run, const struct gate_out *out)
{
	uint64_t n = gate_record(run->gate)->released - run->released;
	run->differs |= !is_bodys(p, run->left, out);
	run->left += out->old.n + out->fresh.n;
	run->released += n;
	run->differs |= run->left != redacted_at(&p->expected, run->released);
	if (n == 0)
		return;
	p->r->increments++;
	/* A body without frames leaves byte by byte: what is not there at once was held. */
	if (run->watch && p->gate.framing == FRAMING_NONE)
		p->r->delayed_bytes += n - 1;
	else if (run->watch)
		note_delays(p, run);
}

static void feed(struct proof *p, struct run *run, size_t n)
{
	struct gate_out out;
	(void)gate_feed(run->gate, p->o->scratch, p->body.p + run->fed, n, &out);
	run->fed += n;
	take(p, run, &out);
}

/* The body in parts: the first of `first` bytes (0: none), then of `step`. The gate is the
 * caller's; NULL: no memory. */
static struct gate *run_parts(struct proof *p, size_t first, size_t step, bool watch)
{
	struct run run = { .gate = gate_new(&p->gate), .watch = watch };
	struct gate_out out;
	if (!run.gate)
		return NULL;
	if (first)
		feed(p, &run, first);
	while (run.fed < p->body.n && gate_verdict(run.gate)->kind != VERDICT_CUT)
		feed(p, &run, min_size(step, p->body.n - run.fed));
	(void)gate_finish(run.gate, p->o->scratch, &out);
	take(p, &run, &out);
	uint64_t held = judge_counts(gate_judge(run.gate))->held_max;
	p->r->held_text_max = max_u64(p->r->held_text_max, held);
	p->r->leaked_bytes = max_u64(p->r->leaked_bytes, leaked_before(p, run.released));
	p->r->disagreements += run.differs || (p->whole && !same_end(p, run.gate));
	return run.gate;
}

static bool run_split(struct proof *p, size_t first, size_t step, bool watch)
{
	struct gate *g = run_parts(p, first, step, watch);
	gate_free(g);
	return g != NULL;
}

static bool run_all(struct proof *p)
{
	size_t n = p->body.n, positions = n ? n - 1 : 0;
	p->whole = run_parts(p, 0, n ? n : 1, false);
	if (!p->whole)
		return false;
	p->whole_released = gate_record(p->whole)->released;
	p->r->reason = gate_reason(p->whole);
	p->r->redactions = gate_record(p->whole)->redactions;
	p->r->clean = p->r->reason[0] == '\0' && p->r->redactions == 0;
	p->r->delays = calloc(p->frames.n + 1, sizeof(*p->r->delays));
	if (!p->r->delays || !run_split(p, 0, 1, p->r->clean))
		return false;
	p->r->splits = min_size(positions, p->o->splits);
	for (uint64_t i = 1; i <= p->r->splits; i++)
		if (!run_split(p, (size_t)(i * positions / p->r->splits), n, false))
			return false;
	return true;
}

/* What was taken out must not be there to be read in what left, however it got back. */
static bool check_returns(struct proof *p)
{
	uint64_t n = 0;
	size_t left = redacted_at(&p->expected, p->whole_released);
	if (p->n_texts &&
	    redacted_returns(&p->gate, p->o->scratch, (struct span){ p->expected.bytes.p, left },
			     p->texts, p->n_texts, &n) != 0)
		return false;
	p->r->leaked_bytes = max_u64(p->r->leaked_bytes, n);
	return true;
}

int proof_run(const struct proof_options *o, struct span body, struct proof_result *out)
{
	struct proof p = { .o = o,
			   .gate = { .ruleset = o->ruleset,
				     .frame_bytes = GATE_FRAME_BYTES,
				     .document_bytes = GATE_DOCUMENT_BYTES },
			   .body = body,
			   .r = out };
	*out = (struct proof_result){ .body_bytes = body.n, .reason = "" };
	recording_wire(o->wire, (struct span){ body.p, min_size(body.n, 4096) }, &p.gate.framing,
		       &p.gate.dialect);
	bool ok = redacted_make(&p.expected, &p.gate, o->scratch, body) && find_secrets(&p) &&
		  run_all(&p) && check_returns(&p);
	gate_free(p.whole);
	redacted_fini(&p.expected);
	for (size_t i = 0; i < p.n_texts; i++)
		buf_fini(&p.texts[i].text);
	free(p.secrets.v);
	free(p.frames.v);
	if (!ok)
		proof_fini(out);
	return ok ? 0 : -ENOMEM;
}

void proof_fini(struct proof_result *r)
{
	free(r->delays);
	r->delays = NULL;
	r->n_delays = 0;
}

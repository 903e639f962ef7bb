#include "policy/quorum.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/dispute.h"
#include "policy/pairing.h"

const char *const quorum_ending_names[] = { "complete", "truncated", "stalled",
					    "late",     "absent",    "cut" };
static_assert(ARRAY_LEN(quorum_ending_names) == QUORUM_ENDING_COUNT, "a name for each ending");

struct builder {
	struct render render;
	bool ended;
	enum quorum_ending how;
	struct quorum_file view[RENDER_FILES];
};

struct quorum {
	struct quorum_settings settings;
	struct builder builders[QUORUM_BUILDERS_MAX];
	struct quorum_pair pairs[QUORUM_PAIRS_MAX];
	uint64_t seen[QUORUM_PAIRS_MAX]; /* bytes of both texts when the pair became final */
	size_t n_pairs;
	struct labels *labels; /* of what is known of the files' trees; NULL until there is some */
	uint32_t base_nodes;
	bool blind; /* nothing is foreseen: no memory, or a base that is no program */
};

struct quorum *quorum_new(const struct quorum_settings *settings)
{
	CHECK(settings->builders >= 2 && settings->builders <= QUORUM_BUILDERS_MAX);
	CHECK(settings->agree >= 2 && settings->agree <= settings->builders);
	CHECK(settings->chosen < settings->builders);
	struct quorum *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->settings = *settings;
	for (unsigned a = 0; a < settings->builders; a++) {
		q->builders[a].render.max_bytes = settings->max_bytes;
		for (unsigned b = a + 1; b < settings->builders; b++)
			q->pairs[q->n_pairs++] =
				(struct quorum_pair){ .a = (uint8_t)a, .b = (uint8_t)b };
	}
	return q;
}

void quorum_free(struct quorum *q)
{
	if (!q)
		return;
	for (unsigned i = 0; i < q->settings.builders; i++)
		render_fini(&q->builders[i].render);
	labels_free(q->labels);
	free(q);
}

size_t quorum_memory(const struct quorum *q)
{
	size_t n = sizeof(*q);
	for (unsigned i = 0; i < q->settings.builders; i++)
		n += render_memory(&q->builders[i].render);
	return n;
}

/* --- pairs --- */

static uint64_t seen_of(const struct quorum *q, const struct quorum_pair *pair)
{
	return q->builders[pair->a].render.seen + q->builders[pair->b].render.seen;
}

static enum compare_reason reason_of(enum quorum_ending how)
{
	static const enum compare_reason reasons[] = {
		[QUORUM_COMPLETE] = COMPARE_EQUAL,  [QUORUM_TRUNCATED] = COMPARE_TRUNCATED,
		[QUORUM_STALLED] = COMPARE_STALLED, [QUORUM_LATE] = COMPARE_LATE,
		[QUORUM_ABSENT] = COMPARE_ABSENT,   [QUORUM_CUT] = COMPARE_CUT,
	};
	static_assert(ARRAY_LEN(reasons) == QUORUM_ENDING_COUNT, "a reason for each ending");
	return reasons[how];
}

/* It will not pass. What is said until it is judged: */
static void dispute(struct quorum *q, size_t i, enum compare_reason why)
{
	struct quorum_pair *pair = &q->pairs[i];
	if (pair->disputed || pair->judged)
		return;
	q->seen[i] = seen_of(q, pair);
	pair->disputed = true;
	pair->reason = why;
	pair->verdict = compare_verdict(why);
}

static void dispute_failed(struct quorum *q, size_t i, const struct builder *b)
{
	if (b->ended && b->how != QUORUM_COMPLETE)
		dispute(q, i, reason_of(b->how));
	else if (b->render.failed)
		dispute(q, i, b->render.why);
}

static void judge_pair(struct quorum *q, size_t i)
{
	struct quorum_pair *pair = &q->pairs[i];
	const struct builder *a = &q->builders[pair->a], *b = &q->builders[pair->b];
	const enum compare_reason said = pair->reason; /* if it is disputed */
	pair->scored = false;
	pair->score = (struct score){ 0 };
	if (a->how != QUORUM_COMPLETE || b->how != QUORUM_COMPLETE) {
		pair->reason = reason_of(a->how != QUORUM_COMPLETE ? a->how : b->how);
		pair->verdict = compare_verdict(pair->reason);
	} else {
		pairing_judge(&a->render, &b->render, &q->settings, pair);
	}
	uint64_t all = seen_of(q, pair);
	if (pair->disputed && pair->verdict == SCORE_PASS) { /* what was said stays said */
		pair->verdict = compare_verdict(said);
		pair->reason = said;
	} else if (!pair->disputed) {
		q->seen[i] = all;
	}
	pair->seen = all ? (double)q->seen[i] / (double)all : 1;
	pair->disputed = pair->verdict != SCORE_PASS;
	pair->judged = true;
}

/* --- what is foreseen --- */

/* The base's nodes, once. */
static void begin_labels(struct quorum *q)
{
	q->labels = labels_new();
	q->blind = !q->labels;
	for (size_t i = 0; i < q->settings.n_base && !q->blind; i++) {
		const struct quorum_base *base = &q->settings.base[i];
		const struct syntax_language *language = syntax_of_file(base->path);
		struct tree t = { 0 };
		q->blind = language && tree_build(language, base->text, q->labels, &t) > TREE_EMPTY;
		q->base_nodes += t.n;
		tree_fini(&t);
	}
}

static bool is_open(const struct quorum_pair *pair, unsigned builder)
{
	return !pair->disputed && !pair->judged && (pair->a == builder || pair->b == builder);
}

/* Nothing is open any more, so nothing is foreseen. */
static void forget_labels(struct quorum *q)
{
	for (size_t i = 0; i < q->n_pairs; i++)
		if (!q->pairs[i].disputed && !q->pairs[i].judged)
			return;
	labels_free(q->labels);
	q->labels = NULL;
	q->blind = true;
}

static void foresee(struct quorum *q, unsigned builder)
{
	bool open = false;
	for (size_t i = 0; i < q->n_pairs; i++)
		open = open || is_open(&q->pairs[i], builder);
	if (!open) {
		dispute_forget(&q->builders[builder].render);
		return;
	}
	if (!q->labels && !q->blind)
		begin_labels(q);
	if (q->blind ||
	    (!dispute_grow(&q->builders[builder].render, q->labels) && !q->builders[builder].ended))
		return;
	for (size_t i = 0; i < q->n_pairs; i++) {
		struct quorum_pair *pair = &q->pairs[i];
		enum compare_reason why;
		struct score score = { 0 };
		if (is_open(pair, builder) &&
		    dispute_certain(&q->builders[pair->a].render, &q->builders[pair->b].render,
				    &q->settings, q->base_nodes, &why, &score)) {
			dispute(q, i, why);
			pair->scored = why == COMPARE_ABOVE_THRESHOLD;
			pair->score = score;
		}
	}
}

/* Of the pairs that the builder is one of. */
static void look(struct quorum *q, unsigned builder)
{
	for (size_t i = 0; i < q->n_pairs; i++) {
		struct quorum_pair *pair = &q->pairs[i];
		if (pair->a != builder && pair->b != builder)
			continue;
		const struct builder *a = &q->builders[pair->a], *b = &q->builders[pair->b];
		dispute_failed(q, i, a);
		dispute_failed(q, i, b);
		if (a->ended && b->ended)
			judge_pair(q, i);
	}
	foresee(q, builder);
	forget_labels(q);
}

static unsigned final_pairs(const struct quorum *q)
{
	unsigned n = 0;
	for (size_t i = 0; i < q->n_pairs; i++)
		n += q->pairs[i].disputed || q->pairs[i].judged;
	return n;
}

bool quorum_feed(struct quorum *q, unsigned builder, const struct wire *wire, const struct piece *v,
		 size_t n)
{
	CHECK(builder < q->settings.builders && !q->builders[builder].ended);
	unsigned before = final_pairs(q);
	render_feed(&q->builders[builder].render, wire, v, n);
	look(q, builder);
	return final_pairs(q) != before;
}

static void show_files(struct builder *b)
{
	for (uint32_t i = 0; i < b->render.n; i++) {
		const struct render_file *f = &b->render.files[i];
		b->view[i] = (struct quorum_file){ .path = { f->path.p, f->path.n },
						   .language = f->language,
						   .text = { f->text.p, f->text.n } };
	}
}

void quorum_end(struct quorum *q, unsigned builder, enum quorum_ending how)
{
	CHECK(builder < q->settings.builders && !q->builders[builder].ended);
	struct builder *b = &q->builders[builder];
	b->ended = true;
	b->how = how;
	if (how == QUORUM_COMPLETE)
		render_end(&b->render);
	else
		render_fini(&b->render);
	show_files(b);
	look(q, builder);
}

/* --- the verdict --- */

static const struct quorum_pair *pair_of(const struct quorum *q, unsigned a, unsigned b)
{
	for (size_t i = 0; i < q->n_pairs; i++)
		if (q->pairs[i].a == (a < b ? a : b) && q->pairs[i].b == (a < b ? b : a))
			return &q->pairs[i];
	CHECK(!"a pair of two builders");
	return NULL;
}

enum hope { PASSED, NOT_DISPUTED, NOT_FAILED }; /* what counts as agreement of a pair */

static bool agrees(const struct quorum_pair *p, enum hope hope)
{
	switch (hope) {
	case PASSED: return p->judged && p->verdict == SCORE_PASS;
	case NOT_DISPUTED: return !p->disputed;
	case NOT_FAILED: return !p->disputed || p->verdict != SCORE_FAIL;
	}
	return false;
}

static bool all_agree(const struct quorum *q, unsigned set, enum hope hope)
{
	for (size_t i = 0; i < q->n_pairs; i++)
		if (set >> q->pairs[i].a & 1 && set >> q->pairs[i].b & 1 &&
		    !agrees(&q->pairs[i], hope))
			return false;
	return true;
}

/* The first set of builders that is large enough, with the chosen one; 0: there is none. */
static unsigned agreement(const struct quorum *q, enum hope hope)
{
	for (unsigned set = 1; set < 1U << q->settings.builders; set++)
		if (set >> q->settings.chosen & 1 &&
		    (unsigned)__builtin_popcount(set) >= q->settings.agree &&
		    all_agree(q, set, hope))
			return set;
	return 0;
}

/* Of the first pair with that verdict, those with the chosen builder first. */
static enum compare_reason blame(const struct quorum *q, enum score_verdict verdict)
{
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; i < q->n_pairs; i++) {
			const struct quorum_pair *p = &q->pairs[i];
			bool chosen = p->a == q->settings.chosen || p->b == q->settings.chosen;
			if (chosen != others && p->disputed && p->verdict == verdict)
				return p->reason;
		}
	return COMPARE_ABOVE_THRESHOLD;
}

static enum compare_reason reason_to_pass(const struct quorum *q, unsigned set)
{
	for (unsigned i = 0; i < q->settings.builders; i++)
		if (i != q->settings.chosen && set >> i & 1)
			return pair_of(q, q->settings.chosen, i)->reason;
	CHECK(!"a set of two");
	return COMPARE_EQUAL;
}

struct quorum_verdict quorum_verdict(const struct quorum *q)
{
	struct quorum_verdict v = { .yes = 1, .settled = true };
	unsigned set = agreement(q, PASSED);
	for (size_t i = 0; i < q->n_pairs; i++) {
		const struct quorum_pair *p = &q->pairs[i];
		v.settled = v.settled && p->judged;
		if (p->a == q->settings.chosen || p->b == q->settings.chosen)
			v.yes += agrees(p, PASSED);
	}
	v.final = set || !agreement(q, NOT_DISPUTED);
	if (set) {
		v.verdict = SCORE_PASS;
		v.reason = reason_to_pass(q, set);
		return v;
	}
	v.verdict = agreement(q, NOT_FAILED) ? SCORE_AUDIT : SCORE_FAIL;
	v.reason = blame(q, v.verdict);
	return v;
}

unsigned quorum_agreeing(const struct quorum *q)
{
	unsigned all = 0;
	for (unsigned set = 1; set < 1U << q->settings.builders; set++)
		if (set >> q->settings.chosen & 1 &&
		    (unsigned)__builtin_popcount(set) >= q->settings.agree &&
		    all_agree(q, set, PASSED))
			all |= set;
	return all;
}

unsigned quorum_hopeful(const struct quorum *q)
{
	return agreement(q, NOT_FAILED);
}

const struct quorum_pair *quorum_pairs(const struct quorum *q, size_t *n)
{
	*n = q->n_pairs;
	return q->pairs;
}

const struct quorum_file *quorum_files(const struct quorum *q, unsigned builder, size_t *n)
{
	CHECK(builder < q->settings.builders);
	const struct builder *b = &q->builders[builder];
	*n = b->ended ? b->render.n : 0;
	return b->view;
}

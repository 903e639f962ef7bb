#include "policy/excuse.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static int compile_one(struct ruleset *set, const struct rule *r, struct allowance *a,
		       struct buf *errors)
{
	a->question = recall_question();
	if (a->n_stopwords) {
		a->words = ruleset_keep_array(set, 1, words_size(a->stopwords, a->n_stopwords));
		if (!a->words)
			return -ENOMEM;
		words_fill(a->words, a->stopwords, a->n_stopwords);
	}
	a->regexes = a->n_texts ? ruleset_keep_array(set, a->n_texts, sizeof(*a->regexes)) : NULL;
	if (a->n_texts && !a->regexes)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_texts; i++) {
		struct buf why = { 0 };
		int rc = regex_new(a->texts[i], REGEX_WHOLE, &a->regexes[i], &why);
		if (rc == -EINVAL)
			buf_printf(
				errors,
				"%s:%u: rule %s: allow: expression %zu does not compile: %.*s; correct it there\n",
				a->file, a->line, r->info.id, i + 1, (int)why.n,
				why.n ? why.p : "");
		buf_fini(&why);
		if (rc)
			return rc;
	}
	return 0;
}

int excuse_compile(struct ruleset *set, struct rule *r, struct buf *errors)
{
	int rc = 0;
	r->question = recall_question();
	for (size_t i = 0; i < r->n_branches; i++)
		r->branches[i].opening_question = recall_question();
	for (size_t i = 0; i < r->n_allowances && !rc; i++)
		rc = compile_one(set, r, &r->allowances[i], errors);
	return rc;
}

void excuse_fini(struct rule *r)
{
	for (size_t i = 0; i < r->n_allowances; i++)
		for (size_t k = 0; r->allowances[i].regexes && k < r->allowances[i].n_texts; k++)
			regex_free(r->allowances[i].regexes[k]);
}

void excuse_describe(const struct rule *r, struct buf *out)
{
	buf_printf(out, "%.6f %zu\n", r->entropy, r->n_allowances);
	for (size_t i = 0; i < r->n_allowances; i++) {
		const struct allowance *a = &r->allowances[i];
		buf_printf(out, "%d %d %zu %zu\n", a->target, a->both, a->n_texts, a->n_stopwords);
		for (size_t k = 0; k < a->n_texts; k++)
			buf_printf(out, "%zu:%s\n", strlen(a->texts[k]), a->texts[k]);
		for (size_t k = 0; k < a->n_stopwords; k++)
			buf_printf(out, "%zu:%s\n", strlen(a->stopwords[k]), a->stopwords[k]);
	}
}

/* Most bytes are there a few times, and their share is worked out once. */
double excuse_entropy(struct span secret)
{
	uint32_t counts[256] = { 0 };
	double sum = 0, known[16] = { 0 };
	for (size_t i = 0; i < secret.n; i++)
		counts[(unsigned char)secret.p[i]]++;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		uint32_t n = counts[i];
		if (!n)
			continue;
		double p = (double)n / (double)secret.n;
		double share = n < ARRAY_LEN(known) && known[n] < 0 ? known[n] : p * log2(p);
		if (n < ARRAY_LEN(known))
			known[n] = share;
		sum -= share;
	}
	return sum;
}

/* The first match of the opening has the first beginning, with the run before it as without. */
static uint64_t run_begin(const struct rule_branch *b, const struct track *t, uint64_t back,
			  uint64_t at)
{
	for (uint32_t n = 0; n < b->opening_run && at > back; n++, at--)
		if (!b->opening_in[(unsigned char)t->text[at - 1 - t->base]])
			break;
	return at;
}

/* How far behind `back` the opening begins that ends at `to`; UINT32_MAX: nowhere. It depends on
 * what it may look at. */
static uint32_t find_opening(const struct rule_branch *b, const struct tools *s,
			     const struct track *t, uint64_t back, uint64_t to)
{
	const uint64_t from = max_u64(t->base + REGEX_LOOK_BACK, back) - REGEX_LOOK_BACK;
	const unsigned inside = t->base ? REGEX_INSIDE : 0;
	struct span seen = { t->text + (from - t->base), (size_t)(to - from) };
	struct span text = { t->text, (size_t)(to - t->base) };
	size_t at = (size_t)(back - t->base), start = 0, end;
	bool known = false;
	struct recalled *one =
		recall_of(s->recall, b->opening_question + (inside != 0), seen, &known);
	if (known)
		return one->says;
	bool found =
		regex_find(b->opening, s->regex, text, at, inside, 0, &start, &end) == REGEX_YES;
	uint32_t behind = found ? (uint32_t)(start - at) : UINT32_MAX;
	if (one)
		one->says = behind;
	return behind;
}

/* Where the match begins, found by looking back from where its lead-in ends. */
static uint64_t match_begin(const struct rule *r, const struct tools *s, const struct candidate *c,
			    const struct track *t, const struct secret *secret)
{
	const struct rule_branch *b = &r->branches[c->branch];
	uint64_t reach = b->opening ? min_u64(b->opening_max, EXCUSE_REACH) : EXCUSE_REACH;
	uint64_t back = max_u64(c->point > reach ? c->point - reach : 0, t->base);
	if (r->info.hold != HOLD_LEAD_IN)
		return max_u64(secret->begin, back);
	uint32_t behind = b->opening ? find_opening(b, s, t, back, c->point) : UINT32_MAX;
	if (behind == UINT32_MAX)
		return min_u64(c->point, secret->from);
	return run_begin(b, t, back, back + behind);
}

static struct span between(const struct track *t, uint64_t from, uint64_t to)
{
	return (struct span){ t->text + (from - t->base), (size_t)(to > from ? to - from : 0) };
}

/* The text that an allowance's expressions are for. */
static struct span target(const struct rule *r, const struct tools *s, const struct candidate *c,
			  const struct track *t, const struct secret *secret, uint64_t decided,
			  enum allow_target which)
{
	if (which == ALLOW_SECRET)
		return between(t, secret->from, secret->to);
	uint64_t from = match_begin(r, s, c, t, secret), to = secret->end;
	uint64_t least = max_u64(c->point > EXCUSE_REACH ? c->point - EXCUSE_REACH : 0, t->base);
	if (which == ALLOW_LINE) {
		candidate_lines_end(t, secret->to, 1, decided, &to);
		while (from > least && t->text[from - 1 - t->base] != '\n')
			from--;
	}
	while (to > from && t->text[to - 1 - t->base] == '\n')
		to--;
	return between(t, from, to);
}

static bool any_matches(const struct allowance *a, const struct tools *s, struct span text)
{
	size_t start, end;
	for (size_t i = 0; i < a->n_texts; i++)
		if (regex_find(a->regexes[i], s->regex, text, 0, 0, 0, &start, &end) == REGEX_YES)
			return true;
	return false;
}

static bool any_word(const struct allowance *a, const struct tools *s, struct span secret)
{
	(void)s;
	return a->words && words_within(a->words, secret);
}

/* The same answer as the last time, where it was asked about this text lately. */
static bool ask_again(bool (*ask)(const struct allowance *, const struct tools *, struct span),
		      const struct allowance *a, const struct tools *s, uint64_t question,
		      struct span text)
{
	bool known = false;
	struct recalled *one = recall_of(s->recall, question, text, &known);
	bool says = known ? one->says : ask(a, s, text);
	if (one)
		one->says = says;
	return says;
}

static bool looks_back(const struct allowance *a)
{
	return a->n_texts && a->target != ALLOW_SECRET;
}

/* What needs the secret alone. */
static bool too_plain(const struct rule *r, const struct tools *s, struct span secret)
{
	if (r->entropy > 0 && excuse_entropy(secret) <= r->entropy)
		return true;
	for (size_t i = 0; i < r->n_allowances; i++) {
		const struct allowance *a = &r->allowances[i];
		if (looks_back(a))
			continue;
		bool word = any_word(a, s, secret);
		bool also = a->both && a->n_texts;
		if (word && !also)
			return true;
		if (a->n_texts && (word || !(a->both && a->n_stopwords)) &&
		    any_matches(a, s, secret))
			return true;
	}
	return false;
}

/* It asks for the match or its line, and where these begin takes looking back. */
static bool excuses(const struct allowance *a, const struct rule *r, const struct tools *s,
		    const struct candidate *c, const struct track *t, const struct secret *secret,
		    uint64_t decided)
{
	struct span text = between(t, secret->from, secret->to);
	bool word = a->words && ask_again(any_word, a, s, a->question, text);
	if (word && !a->both)
		return true;
	if (a->both && a->n_stopwords && !word)
		return false;
	text = target(r, s, c, t, secret, decided, a->target);
	return ask_again(any_matches, a, s, a->question + 1, text);
}

bool excuse_holds(const struct rule *r, const struct tools *s, const struct candidate *c,
		  const struct track *t, const struct secret *secret, uint64_t decided)
{
	bool known = false;
	struct span text = between(t, secret->from, secret->to);
	struct recalled *one = recall_of(s->recall, r->question, text, &known);
	bool holds = known ? one->says : too_plain(r, s, text);
	if (one)
		one->says = holds;
	for (size_t i = 0; i < r->n_allowances && !holds; i++)
		holds = looks_back(&r->allowances[i]) &&
			excuses(&r->allowances[i], r, s, c, t, secret, decided);
	return holds;
}

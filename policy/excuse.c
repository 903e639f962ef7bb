#include "policy/excuse.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "policy/head.h"
#include "policy/pattern.h"

/* Whether all that the expression matches begins where the text does. */
static bool is_anchored(const char *expression, const struct pattern_branch *root)
{
	bool all = true;
	for (const struct pattern_branch *b = root; b && all; b = b->next) {
		const struct pattern_node *n = b->first;
		while (n && n->kind == PATTERN_FLAGS)
			n = n->next;
		all = n && n->kind == PATTERN_ASSERT && expression[n->from] == '^' &&
		      !(n->flags & PATTERN_M) && n->min;
	}
	return all;
}

static void know_begins(const char *expression, uint32_t begins[8])
{
	struct pattern *p = NULL;
	struct head head;
	const char *why = NULL;
	memset(begins, 0xff, 8 * sizeof(*begins));
	if (pattern_parse(expression, &p, &why))
		return;
	if (is_anchored(expression, pattern_root(p)) && !head_read(expression, &head) && head.n)
		for (unsigned c = 0; c < 256; c++)
			begins[c / 32] &= ~((uint32_t) !(head.may[c] & 1) << c % 32);
	pattern_free(p);
}

static int compile_text(const struct rule *r, const struct allowance *a, size_t i,
			struct buf *errors)
{
	struct buf why = { 0 };
	int rc = regex_new(a->texts[i], REGEX_WHOLE, &a->compiled[i].regex, &why);
	if (rc == -EINVAL)
		buf_printf(
			errors,
			"%s:%u: rule %s: allow: expression %zu does not compile: %.*s; correct it there\n",
			a->file, a->line, r->info.id, i + 1, (int)why.n, why.n ? why.p : "");
	buf_fini(&why);
	know_begins(a->texts[i], a->compiled[i].begins);
	return rc;
}

static int compile_one(struct ruleset *set, const struct rule *r, struct allowance *a,
		       struct buf *errors)
{
	int rc = 0;
	if (a->n_stopwords) {
		a->words = ruleset_keep_array(set, 1, words_size(a->stopwords, a->n_stopwords));
		if (!a->words)
			return -ENOMEM;
		words_fill(a->words, a->stopwords, a->n_stopwords);
	}
	if (!a->n_texts)
		return 0;
	a->compiled = ruleset_keep_array(set, a->n_texts, sizeof(*a->compiled));
	if (!a->compiled)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_texts && !rc; i++)
		rc = compile_text(r, a, i, errors);
	return rc;
}

int excuse_compile(struct ruleset *set, struct rule *r, struct buf *errors)
{
	int rc = 0;
	for (size_t i = 0; i < r->n_allowances && !rc; i++)
		rc = compile_one(set, r, &r->allowances[i], errors);
	return rc;
}

void excuse_fini(struct rule *r)
{
	for (size_t i = 0; i < r->n_allowances; i++)
		for (size_t k = 0; r->allowances[i].compiled && k < r->allowances[i].n_texts; k++)
			regex_free(r->allowances[i].compiled[k].regex);
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

/* Most bytes are not there, and most of the others a few times, so that their share is worked out
 * once. */
double excuse_entropy(struct span secret)
{
	UNFILLED uint32_t counts[256];
	uint64_t seen[4] = { 0 };
	double sum = 0, known[16] = { 0 };
	for (size_t i = 0; i < secret.n; i++) {
		unsigned char c = (unsigned char)secret.p[i];
		counts[c] = seen[c / 64] >> c % 64 & 1 ? counts[c] + 1 : 1;
		seen[c / 64] |= UINT64_C(1) << c % 64;
	}
	for (unsigned w = 0; w < ARRAY_LEN(seen); w++)
		for (uint64_t left = seen[w]; left; left &= left - 1) {
			uint32_t n = counts[w * 64 + (unsigned)__builtin_ctzll(left)];
			double p = (double)n / (double)secret.n;
			double share =
				n < ARRAY_LEN(known) && known[n] < 0 ? known[n] : p * log2(p);
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

/* Where the match begins, found by looking back from where its lead-in ends. */
static uint64_t match_begin(const struct rule *r, struct regex_scratch *s,
			    const struct candidate *c, const struct track *t,
			    const struct secret *secret)
{
	const struct rule_branch *b = &r->branches[c->branch];
	const struct regex *opening = b->opening;
	uint64_t reach = opening ? min_u64(b->opening_max, EXCUSE_REACH) : EXCUSE_REACH;
	uint64_t back = max_u64(c->point > reach ? c->point - reach : 0, t->base);
	struct span text = { t->text, (size_t)(c->point - t->base) };
	size_t start, end;
	if (r->info.hold != HOLD_LEAD_IN)
		return max_u64(secret->begin, back);
	if (opening && regex_find(opening, s, text, (size_t)(back - t->base),
				  t->base ? REGEX_INSIDE : 0, 0, &start, &end) == REGEX_YES)
		return run_begin(b, t, back, t->base + start);
	return min_u64(c->point, secret->from);
}

static struct span between(const struct track *t, uint64_t from, uint64_t to)
{
	return (struct span){ t->text + (from - t->base), (size_t)(to > from ? to - from : 0) };
}

/* The text that an allowance's expressions are for. */
static struct span target(const struct rule *r, struct regex_scratch *s, const struct candidate *c,
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

static bool may_begin(const struct allowance_text *one, unsigned char byte)
{
	return one->begins[byte / 32] >> byte % 32 & 1;
}

static bool any_matches(const struct allowance *a, struct regex_scratch *s, struct span text)
{
	size_t start, end;
	for (size_t i = 0; i < a->n_texts; i++) {
		const struct allowance_text *one = &a->compiled[i];
		if (text.n && !may_begin(one, (unsigned char)text.p[0]))
			continue;
		if (regex_find(one->regex, s, text, 0, 0, 0, &start, &end) == REGEX_YES)
			return true;
	}
	return false;
}

static bool excuses(const struct allowance *a, const struct rule *r, struct regex_scratch *s,
		    const struct candidate *c, const struct track *t, const struct secret *secret,
		    uint64_t decided)
{
	struct span text = between(t, secret->from, secret->to);
	bool word = a->words && words_within(a->words, text);
	if (word && !(a->both && a->n_texts))
		return true;
	if (!a->n_texts || (a->both && a->n_stopwords && !word))
		return false;
	return any_matches(a, s, target(r, s, c, t, secret, decided, a->target));
}

/* What needs the secret alone is asked first: where the match or its line begins takes looking
 * back. */
bool excuse_holds(const struct rule *r, struct regex_scratch *s, const struct candidate *c,
		  const struct track *t, const struct secret *secret, uint64_t decided)
{
	struct span text = between(t, secret->from, secret->to);
	if (r->entropy > 0 && excuse_entropy(text) <= r->entropy)
		return true;
	for (int wide = 0; wide < 2; wide++)
		for (size_t i = 0; i < r->n_allowances; i++) {
			const struct allowance *a = &r->allowances[i];
			bool looks_back = a->n_texts && a->target != ALLOW_SECRET;
			if (looks_back == wide && excuses(a, r, s, c, t, secret, decided))
				return true;
		}
	return false;
}

#include "policy/excuse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

int excuse_compile(struct ruleset *set, struct rule *r, struct buf *errors)
{
	if (!r->n_allow)
		return 0;
	r->allow = ruleset_keep_array(set, r->n_allow, sizeof(struct regex *));
	if (!r->allow)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_allow; i++) {
		struct buf why = { 0 };
		int rc = regex_new(r->allow_texts[i], 0, &r->allow[i], &why);
		if (rc == -EINVAL)
			buf_printf(
				errors,
				"%s:%u: rule %s: allow: expression %zu does not compile: %.*s; correct it there\n",
				r->info.file, r->allow_line, r->info.id, i + 1, (int)why.n,
				why.n ? why.p : "");
		buf_fini(&why);
		if (rc)
			return rc;
	}
	return 0;
}

void excuse_fini(struct rule *r)
{
	for (size_t i = 0; r->allow && i < r->n_allow; i++)
		regex_free(r->allow[i]);
}

void excuse_describe(const struct rule *r, struct buf *out)
{
	buf_printf(out, "%.6f %zu %zu\n", r->entropy, r->n_allow, r->n_stopwords);
	for (size_t i = 0; i < r->n_allow; i++)
		buf_printf(out, "%zu:%s\n", strlen(r->allow_texts[i]), r->allow_texts[i]);
	for (size_t i = 0; i < r->n_stopwords; i++)
		buf_printf(out, "%zu:%s\n", strlen(r->stopwords[i]), r->stopwords[i]);
}

double excuse_entropy(struct span secret)
{
	size_t counts[256] = { 0 };
	double sum = 0;
	for (size_t i = 0; i < secret.n; i++)
		counts[(unsigned char)secret.p[i]]++;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		double p = secret.n ? (double)counts[i] / (double)secret.n : 0;
		sum -= p > 0 ? p * log2(p) : 0;
	}
	return sum;
}

static bool contains(struct span text, const char *word)
{
	size_t n = strlen(word);
	for (size_t at = 0; at + n <= text.n; at++) {
		size_t i = 0;
		while (i < n &&
		       tolower((unsigned char)text.p[at + i]) == tolower((unsigned char)word[i]))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

bool excuse_holds(const struct rule *r, struct regex_scratch *s, struct span secret)
{
	size_t start, end;
	if (r->entropy > 0 && excuse_entropy(secret) <= r->entropy)
		return true;
	for (size_t i = 0; i < r->n_stopwords; i++)
		if (contains(secret, r->stopwords[i]))
			return true;
	for (size_t i = 0; i < r->n_allow; i++)
		if (regex_find(r->allow[i], s, secret, 0, 0, 0, &start, &end) == REGEX_YES)
			return true;
	return false;
}

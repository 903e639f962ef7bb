#include "policy/syntax_predicate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum operator{ OP_EQ, OP_ANY_OF, OP_MATCH };

struct predicate {
	enum operator op;
	bool negated;
	uint32_t capture;
	struct regex *regex; /* OP_MATCH */
	size_t n;
	struct predicate_argument v[]; /* the other arguments */
};

static const struct {
	const char *name;
	enum operator op;
	bool negated;
} operators[] = {
	{ "eq?", OP_EQ, false },         { "not-eq?", OP_EQ, true },
	{ "any-of?", OP_ANY_OF, false }, { "not-any-of?", OP_ANY_OF, true },
	{ "match?", OP_MATCH, false },   { "not-match?", OP_MATCH, true },
};

static bool arguments_fit(enum operator op, const struct predicate_argument *v, size_t n)
{
	if (n < 2 || !v[0].capture || (op != OP_ANY_OF && n != 2))
		return false;
	for (size_t i = 1; i < n; i++)
		if (v[i].capture && op != OP_EQ)
			return false;
	return true;
}

int predicate_new(struct span name, const struct predicate_argument *v, size_t n,
		  struct predicate **out, struct buf *why)
{
	size_t i = 0;
	while (i < ARRAY_LEN(operators) && !span_eq(span_of(operators[i].name), name))
		i++;
	if (i == ARRAY_LEN(operators)) {
		buf_printf(why,
			   "#%.*s is not known; write eq?, any-of?, match?, or not- before them",
			   (int)name.n, name.p);
		return -EINVAL;
	}
	if (!arguments_fit(operators[i].op, v, n)) {
		buf_printf(why, "#%s takes a capture and %s", operators[i].name,
			   operators[i].op == OP_EQ       ? "a text or a capture"
			   : operators[i].op == OP_ANY_OF ? "one or more texts"
							  : "one regex");
		return -EINVAL;
	}
	struct predicate *p = calloc(1, sizeof(*p) + n * sizeof(*v));
	if (!p)
		return -ENOMEM;
	p->op = operators[i].op;
	p->negated = operators[i].negated;
	p->capture = v[0].number;
	p->n = n - 1;
	memcpy(p->v, v + 1, (n - 1) * sizeof(*v));
	int rc = p->op == OP_MATCH ? regex_new(v[1].text.p, 0, &p->regex, why) : 0;
	if (rc) {
		predicate_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void predicate_free(struct predicate *p)
{
	if (!p)
		return;
	regex_free(p->regex);
	free(p);
}

static bool equals_one(const struct predicate *p, struct span text, const struct predicate_match *m)
{
	for (size_t i = 0; i < p->n; i++) {
		struct span other = p->v[i].text;
		if (p->v[i].capture && !m->text(m, p->v[i].number, &other))
			return true;
		if (span_eq(text, other))
			return true;
	}
	return false;
}

bool predicate_holds(const struct predicate *p, struct regex_scratch *s,
		     const struct predicate_match *m, bool *failed)
{
	struct span text;
	size_t from, to;
	if (!m->text(m, p->capture, &text))
		return true;
	if (p->op != OP_MATCH)
		return equals_one(p, text, m) != p->negated;
	enum regex_result found = regex_find(p->regex, s, text, 0, 0, 0, &from, &to);
	*failed = *failed || found == REGEX_FAILED;
	return (found == REGEX_YES) != p->negated;
}

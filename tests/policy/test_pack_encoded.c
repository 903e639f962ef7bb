/* The pack's samples in base64, hex and percent encoding, under a policy that decodes: what is
 * found as it stands is found there, nothing of its body leaves, and near misses stay such. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/policy/encode.h"
#include "tests/policy/pack.h"

static struct ruleset *set;
static struct judge_scratch *scratch;
static size_t positives, near_misses;

static const struct rule_info *rule_of(const struct sample *s)
{
	for (size_t i = 0; i < ruleset_count(set); i++)
		if (strcmp(ruleset_rule(set, i)->id, s->rule) == 0)
			return ruleset_rule(set, i);
	return NULL;
}

static uint64_t judge(const struct sample *s, struct span text, size_t step)
{
	struct judge *j = judge_new(set, NULL);
	struct verdict v = { 0 };
	size_t n, found = 0;
	cr_assert_not_null(j);
	for (size_t at = 0; at < text.n; at += step) {
		struct piece p = { .raw_off = at, .text = text.p + at };
		p.raw_len = p.text_len = (uint32_t)(text.n - at < step ? text.n - at : step);
		judge_feed(j, scratch, &p, 1, false, &v);
	}
	judge_feed(j, scratch, NULL, 0, true, &v);
	const struct card *cards = judge_cards(j, &n);
	for (size_t i = 0; i < n; i++)
		found += cards[i].layers && !strcmp(ruleset_rule(set, cards[i].rule)->id, s->rule);
	cr_assert_eq(found > 0, s->positive, "%s: %.*s", s->rule, (int)text.n, text.p);
	cr_assert(!s->positive || v.kind == VERDICT_CUT, "%s", s->rule);
	uint64_t released = v.kind == VERDICT_CUT ? v.release_raw : text.n;
	judge_free(j);
	return released;
}

/* body: the first raw byte that has a part of the secret's body. */
static void check(const struct sample *s, struct span text, size_t body)
{
	uint64_t whole = judge(s, text, text.n);
	cr_assert(!s->positive || whole <= body, "%s leaves %lu bytes, the body begins at %zu",
		  s->rule, whole, body);
	cr_assert_eq(judge(s, text, 1), whole, "%s byte by byte", s->rule);
	cr_assert_eq(judge(s, text, 7), whole, "%s by seven bytes", s->rule);
}

static void visit(struct pack *p, const struct sample *s)
{
	(void)p;
	if (!rule_of(s) || !rule_of(s)->decode)
		return;
	for (size_t shift = 1; shift < 4; shift++) {
		struct buf plain = { 0 };
		buf_add(&plain, "a: ", shift);
		buf_add_char(&plain, ' ');
		size_t body = plain.n + s->body;
		buf_add(&plain, s->text.p, s->text.n);
		char *out = malloc(plain.n * 3 + 16);
		cr_assert(out && !plain.failed);
		memcpy(out, "say ", 4);
		for (int url = 0; url < 2; url++) {
			size_t n = encode64(plain.p, plain.n, url, out + 4);
			check(s, (struct span){ out, n + 4 }, 4 + 8 * body / 6);
		}
		size_t n = encode16(plain.p, plain.n, shift == 2, out + 4);
		check(s, (struct span){ out, n + 4 }, 4 + 2 * body);
		n = encode_percent(plain.p, plain.n, 1, out + 4);
		check(s, (struct span){ out, n + 4 }, 4 + 3 * body);
		free(out);
		buf_fini(&plain);
		positives += s->positive;
		near_misses += !s->positive;
	}
}

Test(pack_encoded, every_sample)
{
	static const char policy[] = "version: 1\ninclude: [builtin]\n"
				     "decode: [base64, hex, percent]\n";
	struct buf errors = { 0 };
	int rc = ruleset_parse("test.yaml", SPAN(policy), &set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	cr_assert_eq(judge_scratch_new(set, &scratch), 0);
	buf_fini(&errors);
	pack_each(visit);
	cr_assert(positives > 100 && near_misses > 50, "%zu and %zu", positives, near_misses);
	judge_scratch_free(scratch);
	ruleset_unref(set);
}

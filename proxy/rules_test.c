/*
 * `redcard rules test`: the samples that rules carry. A positive must be found, in the same place
 * whole, byte by byte and cut in two at every position; a near miss must be quiet at all of them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/cli.h"
#include "proxy/policy_open.h"
#include "proxy/report.h"
#include "proxy/rules.h"
#include "proxy/verbs.h"

struct tester {
	struct ruleset *set;
	struct gate_scratch scratch;
	bool json, require, failed, shows_progress; /* failed: a tool's error */
	uint64_t runs;
	size_t tested, broken, untested;
	struct buf out;
};

struct hit { /* what a run found of the rule at hand */
	size_t n;
	uint64_t off;
	uint32_t len;
};

/* --- one sample --- */

static const char *note(struct tester *t, struct gate *g, uint16_t rule, struct hit *hit)
{
	size_t n;
	const struct card *cards = judge_cards(gate_judge(g), &n);
	for (size_t i = 0; i < n; i++) {
		if (cards[i].rule != rule)
			continue;
		if (hit->n++ == 0) {
			hit->off = cards[i].text_off;
			hit->len = cards[i].text_len;
		}
	}
	t->runs++;
	if (gate_reason(g)[0])
		return "could not be judged";
	return judge_counts(gate_judge(g))->cards > n ? "has too many findings to keep" : NULL;
}

/* The sample in parts: the first of `first` bytes, then of `step`. What is wrong with it, or NULL.
 */
static const char *run(struct tester *t, uint16_t rule, struct span text, size_t first, size_t step,
		       struct hit *hit)
{
	const struct gate_options options = { .ruleset = t->set,
					      .observe = true,
					      .frame_bytes = GATE_FRAME_BYTES,
					      .document_bytes = GATE_DOCUMENT_BYTES };
	struct gate *g = gate_new(&options);
	struct gate_out gone;
	*hit = (struct hit){ 0 };
	if (!g) {
		t->failed = true;
		return "could not be judged for lack of memory";
	}
	for (size_t at = 0, n = first; at < text.n; at += n, n = min_size(step, text.n - at))
		(void)gate_feed(g, &t->scratch, text.p + at, n, &gone);
	(void)gate_finish(g, &t->scratch, &gone);
	const char *wrong = note(t, g, rule, hit);
	gate_free(g);
	return wrong;
}

/* What is wrong with a sample, or NULL; *split is where it was cut, 0 when it was whole. */
static const char *try_sample(struct tester *t, uint16_t rule, const char *sample, bool positive,
			      size_t *split)
{
	struct span text = span_of(sample);
	struct hit whole, hit;
	*split = 0;
	const char *wrong = run(t, rule, text, text.n, text.n, &whole);
	if (!wrong && positive != (whole.n > 0))
		wrong = positive ? "is not found" : "is found";
	/* Cut behind the first byte comes twice: in two, and byte by byte. */
	for (size_t at = 0; !wrong && at + 1 < text.n; at++) {
		wrong = at ? run(t, rule, text, at, text.n, &hit) : run(t, rule, text, 1, 1, &hit);
		*split = at ? at : 1;
		if (!wrong && (hit.n != whole.n || hit.off != whole.off || hit.len != whole.len))
			wrong = "is found in another way";
	}
	return wrong;
}

/* --- one rule --- */

static void report_failure(struct tester *t, const char *id, const char *kind, size_t number,
			   size_t split, const char *wrong, size_t before)
{
	if (t->json) {
		buf_add_text(&t->out, before ? ",{" : "{");
		report_member(&t->out, "kind", kind);
		buf_printf(&t->out, ",\"number\":%zu,\"cut_at\":%zu,", number, split);
		report_member(&t->out, "problem", wrong);
		buf_add_char(&t->out, '}');
		return;
	}
	printf("FAILED    %s: %s %zu %s", id, kind, number, wrong);
	if (split)
		printf(" when cut at byte %zu", split);
	fputc('\n', stdout);
}

static size_t try_list(struct tester *t, size_t rule, const char *const *v, size_t n, bool positive,
		       size_t before)
{
	size_t failures = 0, split;
	for (size_t i = 0; i < n; i++) {
		const char *wrong = try_sample(t, (uint16_t)rule, v[i], positive, &split);
		if (wrong)
			report_failure(t, ruleset_rule(t->set, rule)->id,
				       positive ? "positive" : "near miss", i + 1, split, wrong,
				       before + failures++);
	}
	return failures;
}

static void report_rule(struct tester *t, const char *id, const struct rule_samples *s,
			size_t failures, bool lacking)
{
	bool untested = !s->n_positives && !s->n_near_misses;
	const char *state = failures ? "failed" : untested ? "untested" : "passed";
	if (t->json) {
		buf_add_text(&t->out, "],");
		report_member(&t->out, "id", id);
		buf_add_char(&t->out, ',');
		report_member(&t->out, "state", state);
		buf_printf(&t->out, ",\"positives\":%zu,\"near_misses\":%zu}", s->n_positives,
			   s->n_near_misses);
	} else if (!failures) {
		printf("%-9s %s", state, id);
		if (!untested)
			printf(": %zu positives, %zu near misses", s->n_positives,
			       s->n_near_misses);
		puts(lacking && t->require ? "; a positive and a near miss are required" : "");
	}
}

static void test_rule(struct tester *t, size_t rule)
{
	const char *id = ruleset_rule(t->set, rule)->id;
	struct rule_samples s = ruleset_detail(t->set, rule).samples;
	bool lacking = !s.n_positives || !s.n_near_misses;
	if (t->shows_progress)
		fprintf(stderr, "\r\033[K%zu of %zu  %.60s", rule + 1, ruleset_count(t->set), id);
	if (t->json)
		buf_add_text(&t->out, t->tested + t->untested ? ",\n  {\"failures\":["
							      : "\n  {\"failures\":[");
	size_t failures = try_list(t, rule, s.positives, s.n_positives, true, 0);
	failures += try_list(t, rule, s.near_misses, s.n_near_misses, false, failures);
	report_rule(t, id, &s, failures, lacking);
	t->broken += failures || (t->require && lacking);
	t->untested += !s.n_positives && !s.n_near_misses;
	t->tested += s.n_positives || s.n_near_misses;
}

/* --- all of them --- */

static bool named(const struct cli *cli, const char *id)
{
	for (size_t i = 0; i < cli->n; i++)
		if (strcmp(cli->v[i], id) == 0)
			return true;
	return cli->n == 0;
}

static bool all_known(const struct tester *t, const struct cli *cli)
{
	for (size_t i = 0; i < cli->n; i++) {
		size_t k = 0;
		while (k < ruleset_count(t->set) &&
		       strcmp(ruleset_rule(t->set, k)->id, cli->v[i]) != 0)
			k++;
		if (k < ruleset_count(t->set))
			continue;
		fprintf(stderr,
			"redcard rules test: no rule is called %s; see redcard rules list\n",
			cli->v[i]);
		return false;
	}
	return true;
}

static void test_all(struct tester *t, const struct cli *cli)
{
	t->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	for (size_t i = 0; i < ruleset_count(t->set); i++)
		if (named(cli, ruleset_rule(t->set, i)->id))
			test_rule(t, i);
	if (t->shows_progress)
		fputs("\r\033[K", stderr);
	if (t->out.failed) {
		fputs("redcard rules test: out of memory for the report; name fewer rules\n",
		      stderr);
		t->failed = true;
	} else if (t->json) {
		printf("{\"rules\":[%.*s],\n \"tested\":%zu,\"failed\":%zu,\"untested\":%zu,\"runs\":%llu}\n",
		       (int)t->out.n, t->out.p ? t->out.p : "", t->tested, t->broken, t->untested,
		       (unsigned long long)t->runs);
	} else {
		printf("%zu rules tested in %llu runs, %zu failed; %zu untested\n", t->tested,
		       (unsigned long long)t->runs, t->broken, t->untested);
	}
}

int rules_test_main(int argc, char **argv)
{
	const char *policy = "builtin";
	struct tester t = { 0 };
	const struct cli_option options[] = {
		{ .name = "policy",
		  .letter = 'p',
		  .value = "FILE",
		  .text = &policy,
		  .help = "the policy (builtin)" },
		{ .name = "require-samples",
		  .flag = &t.require,
		  .help = "a rule without a positive and a near miss fails" },
		{ .name = "json", .flag = &t.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "rules test",
		.summary =
			"Tries the samples that rules carry, whole and cut everywhere: positives must be found,\n"
			"near misses must not. Exits with 1 when one fails.",
		.operands = "[ID]...",
		.operands_max = 4096,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard rules test -p policy.yaml\n"
			    "  redcard rules test -p policy.yaml --require-samples my-rule\n",
	};
	int status;
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	bool ready = policy_open(policy, &t.set, &t.scratch) == 0 && all_known(&t, &cli);
	if (ready)
		test_all(&t, &cli);
	buf_fini(&t.out);
	gate_scratch_fini(&t.scratch);
	ruleset_unref(t.set);
	if (!ready || t.failed)
		return EXIT_TOOL;
	return t.broken ? EXIT_FINDING : EXIT_CLEAN;
}

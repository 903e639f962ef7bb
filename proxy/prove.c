/* `redcard prove`: the promise of the gate, tried on recorded bodies with somebody's own rules. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/cli.h"
#include "proxy/policy_open.h"
#include "proxy/proof.h"
#include "proxy/recording.h"
#include "proxy/verbs.h"

#define SPLITS_DEFAULT 2000
#define SPLITS_MAX 100000000

struct totals {
	struct proof_options options;
	bool json, failed, broken; /* broken: a promise did not hold */
	size_t streams, clean, cut, redacted, secrets;
	uint64_t splits, increments, leaked, disagreements, held_text_max;
	uint64_t clean_bytes, delayed_bytes, redactions;
	uint32_t *delays;
	size_t n_delays;
	struct buf out;
};

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Of the sorted delays, of which there are some; the least value that at least `share` of them do
 * not exceed. */
static uint32_t percentile(const struct totals *t, double share)
{
	size_t at = (size_t)(share * (double)t->n_delays);
	return t->delays[min_size(at, t->n_delays - 1)];
}

/* --- adding up --- */

static bool add(struct totals *t, const struct proof_result *r)
{
	t->streams++;
	t->secrets += r->secrets;
	t->splits += r->splits;
	t->increments += r->increments;
	t->leaked += r->leaked_bytes;
	t->disagreements += r->disagreements;
	t->held_text_max = max_u64(t->held_text_max, r->held_text_max);
	t->broken |= r->leaked_bytes || r->disagreements;
	t->clean += r->clean;
	t->cut += r->reason[0] != '\0';
	t->redacted += !r->clean && !r->reason[0];
	t->redactions += r->redactions;
	if (!r->clean)
		return true;
	t->clean_bytes += r->body_bytes;
	t->delayed_bytes += r->delayed_bytes;
	if (!r->n_delays)
		return true;
	uint32_t *v = realloc(t->delays, (t->n_delays + r->n_delays) * sizeof(*v));
	if (!v)
		return false;
	memcpy(v + t->n_delays, r->delays, r->n_delays * sizeof(*v));
	t->delays = v;
	t->n_delays += r->n_delays;
	return true;
}

/* --- reporting --- */

static void report_json(struct totals *t, const char *name, const struct proof_result *r)
{
	buf_add_text(&t->out, t->streams > 1 ? ",\n  {\"file\":\"" : "\n  {\"file\":\"");
	buf_add_json(&t->out, span_of(name));
	buf_add_text(&t->out, "\",\"ended_by\":\"");
	buf_add_json(&t->out, span_of(r->reason));
	buf_printf(
		&t->out,
		"\",\"bytes\":%llu,\"cards\":%zu,\"secrets\":%zu,\"splits\":%llu,\"increments\":%llu,"
		"\"leaked_bytes\":%llu,\"disagreements\":%llu,\"held_text_max_bytes\":%llu,"
		"\"redactions\":%llu}",
		(unsigned long long)r->body_bytes, r->cards, r->secrets,
		(unsigned long long)r->splits, (unsigned long long)r->increments,
		(unsigned long long)r->leaked_bytes, (unsigned long long)r->disagreements,
		(unsigned long long)r->held_text_max, (unsigned long long)r->redactions);
}

static void report_text(const char *name, const struct proof_result *r)
{
	bool broken = r->leaked_bytes || r->disagreements;
	printf("%-6s %s: %llu increments of %llu splits, %llu bytes leaked, %llu disagreements",
	       broken ? "BROKEN" : "holds", name, (unsigned long long)r->increments,
	       (unsigned long long)r->splits, (unsigned long long)r->leaked_bytes,
	       (unsigned long long)r->disagreements);
	if (r->redactions)
		printf("; %llu redacted", (unsigned long long)r->redactions);
	if (r->reason[0])
		printf("; ended by %s", r->reason);
	fputc('\n', stdout);
}

static void summary_json(const struct totals *t)
{
	printf("{\"streams\":[%.*s],\n \"splits\":%llu,\"increments\":%llu,\"secrets\":%zu,"
	       "\"disagreements\":%llu,\"held_text_max_bytes\":%llu,\"clean_streams\":%zu,"
	       "\"ended_streams\":%zu,\"redacted_streams\":%zu,\"redactions\":%llu",
	       (int)t->out.n, t->out.p ? t->out.p : "", (unsigned long long)t->splits,
	       (unsigned long long)t->increments, t->secrets, (unsigned long long)t->disagreements,
	       (unsigned long long)t->held_text_max, t->clean, t->cut, t->redacted,
	       (unsigned long long)t->redactions);
	if (t->secrets)
		printf(",\"leaked_bytes\":%llu", (unsigned long long)t->leaked);
	if (t->clean_bytes)
		printf(",\"clean_bytes\":%llu,\"delayed_bytes\":%llu",
		       (unsigned long long)t->clean_bytes, (unsigned long long)t->delayed_bytes);
	if (t->n_delays)
		printf(",\"delay_p50_bytes\":%u,\"delay_p99_bytes\":%u", percentile(t, 0.5),
		       percentile(t, 0.99));
	puts("}");
}

/* What there was no data for is said to be so: streams without a secret show no leak, and streams
 * that were ended show no delay. */
static void summary_text(const struct totals *t)
{
	printf("\n%zu streams (%zu clean, %zu redacted, %zu ended), each whole, byte by byte and cut in two: %llu splits\n"
	       "  increments checked    %llu\n"
	       "  disagreements         %llu\n"
	       "  most text held        %llu bytes\n",
	       t->streams, t->clean, t->redacted, t->cut, (unsigned long long)t->splits,
	       (unsigned long long)t->increments, (unsigned long long)t->disagreements,
	       (unsigned long long)t->held_text_max);
	if (t->secrets)
		printf("  secret bytes leaked   %llu, of %zu secrets\n",
		       (unsigned long long)t->leaked, t->secrets);
	else
		printf("  secret bytes leaked   no data: no secret stands in them\n");
	if (t->clean_bytes)
		printf("  clean bytes delayed   %.3f %%\n",
		       100.0 * (double)t->delayed_bytes / (double)t->clean_bytes);
	else
		printf("  clean bytes delayed   no data: no stream is clean\n");
	if (t->n_delays)
		printf("  delay of a frame      median %u, p99 %u bytes (of %zu)\n",
		       percentile(t, 0.5), percentile(t, 0.99), t->n_delays);
}

/* --- the work --- */

static void complain(struct totals *t, const char *name, int error)
{
	fprintf(stderr, "redcard prove: %s: %s; %s\n", name, strerror(-error),
		recording_remedy(error));
	t->failed = true;
}

static void prove_file(struct totals *t, const char *name)
{
	struct buf body = { 0 };
	struct proof_result r = { 0 };
	int error = recording_read(name, &body);
	if (!error)
		error = proof_run(&t->options, (struct span){ body.p ? body.p : "", body.n }, &r);
	if (!error && !add(t, &r))
		error = -ENOMEM;
	if (error)
		complain(t, name, error);
	else if (t->json)
		report_json(t, name, &r);
	else
		report_text(name, &r);
	proof_fini(&r);
	buf_fini(&body);
}

static void prove_files(struct totals *t, const struct cli *cli)
{
	bool shows = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	for (size_t i = 1; i < cli->n; i++) {
		if (shows)
			fprintf(stderr, "\r\033[K%zu of %zu  %.60s", i, cli->n - 1, cli->v[i]);
		prove_file(t, cli->v[i]);
		fflush(stdout);
	}
	if (shows)
		fputs("\r\033[K", stderr);
	if (t->delays)
		qsort(t->delays, t->n_delays, sizeof(*t->delays), by_size);
	if (t->json)
		summary_json(t);
	else
		summary_text(t);
}

static bool load(struct totals *t, const char *policy, struct gate_scratch *scratch)
{
	t->options.scratch = scratch;
	return policy_open(policy, &t->options.ruleset, scratch) == 0;
}

static bool parse_splits(const char *text, size_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || end == text || text[0] == '-' || n == 0 || n > SPLITS_MAX) {
		fprintf(stderr,
			"redcard prove: --splits %s is no number from 1 to %d; write one, such as --splits 2000\n",
			text, SPLITS_MAX);
		return false;
	}
	*out = n;
	return true;
}

int prove_main(int argc, char **argv)
{
	const char *splits = NULL;
	struct totals t = { .options = { .wire = "auto", .splits = SPLITS_DEFAULT } };
	const struct cli_option options[] = {
		{ .name = "splits",
		  .value = "N",
		  .text = &splits,
		  .help = "cut a stream at most at so many positions, evenly chosen (2000)" },
		{ .name = "wire",
		  .letter = 'w',
		  .value = "WIRE",
		  .text = &t.options.wire,
		  .help = RECORDING_WIRES " (auto)" },
		{ .name = "json", .flag = &t.json, .help = "print JSON" },
	};
	struct cli cli = {
		.verb = "prove",
		.summary =
			"Cuts recorded streams everywhere; exits with 1 when a secret's byte leaked.",
		.operands = "POLICY STREAM...",
		.operands_min = 2,
		.operands_max = 100000,
		.options = options,
		.n_options = ARRAY_LEN(options),
		.examples = "  redcard prove builtin answer.sse\n"
			    "  redcard prove policy.yaml --splits 100 recorded/*.sse\n",
	};
	int status;
	struct gate_scratch scratch = { 0 };
	if (!cli_parse(&cli, argc, argv, &status))
		return status;
	bool ready = recording_wire_known("prove", t.options.wire) &&
		     (!splits || parse_splits(splits, &t.options.splits)) &&
		     load(&t, cli.v[0], &scratch);
	if (ready)
		prove_files(&t, &cli);
	free(t.delays);
	buf_fini(&t.out);
	gate_scratch_fini(&scratch);
	ruleset_unref(t.options.ruleset);
	if (!ready || t.failed)
		return EXIT_TOOL;
	return t.broken ? EXIT_FINDING : EXIT_CLEAN;
}

/*
 * micro [-p POLICY] [-s STAGE -n EVENTS]: what one event of a stream costs inside redcard, without
 * sockets.
 *
 * Alone it times every stage and prints JSON; with -s and -n it runs one stage that often and
 * prints nothing, which is what an instruction counter wants. A stage is what is run and how much
 * it is fed at a time:
 *
 *   wire        the decoder alone: bytes to pieces
 *   judge       decoder and judge with the policy, by default the whole built-in pack
 *   gate        the same end to end through the gate, as an exchange drives it
 *   ...-body    the same of a plain body without frames; an event is 80 bytes of it
 */
#include <stdbool.h>
#include <unistd.h>

#include "bench/frames.h"
#include "bench/harness.h"
#include "policy/judge.h"
#include "policy/ruleset.h"
#include "proxy/gate.h"

#define STREAM_BLOCKS 20 /* blocks of FRAME_BLOCK frames in one stream */
#define BODY_BYTES (FRAME_BLOCK * FRAME_BYTES)

static char body[BODY_BYTES];
static char plain[FRAME_BLOCK * FRAME_TEXT * 5];
static struct ruleset *set;
static struct gate_scratch scratch;

static const struct stage {
	const char *name;
	void (*run)(size_t step);
	size_t step; /* bytes fed at a time */
} * find_stage(const char *name);

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "micro: %s\n", what);
	exit(2);
}

/* One stream through the decoder, and through the judge when there is one. */
static void decode(enum framing framing, struct span text, int blocks, size_t step, bool judged)
{
	struct wire_options options = { .framing = framing,
					.dialect = DIALECT_CHAT,
					.frame_max = 65536 };
	struct wire *w = wire_new(&options);
	struct judge *j = judged ? judge_new(set, w) : NULL;
	struct verdict verdict = { .kind = VERDICT_PASS };
	if (!w || (judged && !j))
		give_up("out of memory");
	for (int block = 0; block < blocks; block++) {
		for (size_t at = 0; at < text.n; at += step) {
			scratch.pieces.n = 0;
			if (wire_feed(w, text.p + at, step, &scratch.pieces) != step)
				give_up("the decoder kept bytes of a whole frame");
			if (j)
				judge_feed(j, scratch.judge, scratch.pieces.v, scratch.pieces.n,
					   false, &verdict);
		}
	}
	if (verdict.kind == VERDICT_CUT)
		give_up("the built-in pack cut an ordinary stream");
	judge_free(j);
	wire_free(w);
}

static void run_wire(size_t step)
{
	decode(FRAMING_SSE, (struct span){ body, BODY_BYTES }, STREAM_BLOCKS, step, false);
}

static void run_judge(size_t step)
{
	decode(FRAMING_SSE, (struct span){ body, BODY_BYTES }, STREAM_BLOCKS, step, true);
}

static void run_wire_body(size_t step)
{
	decode(FRAMING_NONE, (struct span){ plain, sizeof(plain) }, STREAM_BLOCKS / 5, step, false);
}

static void run_judge_body(size_t step)
{
	decode(FRAMING_NONE, (struct span){ plain, sizeof(plain) }, STREAM_BLOCKS / 5, step, true);
}

static void run_gate(size_t step)
{
	struct gate_options options = { .ruleset = set,
					.framing = FRAMING_SSE,
					.dialect = DIALECT_CHAT,
					.frame_bytes = 65536,
					.document_bytes = 1048576 };
	struct gate *g = gate_new(&options);
	struct gate_out out;
	if (!g)
		give_up("out of memory");
	for (int block = 0; block < STREAM_BLOCKS; block++)
		for (size_t at = 0; at < BODY_BYTES; at += step)
			if (gate_feed(g, &scratch, body + at, step, &out) != GATE_OPEN)
				give_up("the built-in pack cut an ordinary stream");
	gate_free(g);
}

static const struct stage stages[] = {
	{ "wire-event", run_wire, FRAME_BYTES },
	{ "wire-45k", run_wire, BODY_BYTES },
	{ "judge-event", run_judge, FRAME_BYTES },
	{ "judge-45k", run_judge, BODY_BYTES },
	{ "gate-event", run_gate, FRAME_BYTES },
	{ "gate-45k", run_gate, BODY_BYTES },
	{ "wire-body", run_wire_body, sizeof(plain) },
	{ "judge-body", run_judge_body, sizeof(plain) },
};

static const struct stage *find_stage(const char *name)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (strcmp(stages[i].name, name) == 0)
			return &stages[i];
	give_up("no such stage");
}

/* CPU time, so that a busy machine spoils less. */
static uint64_t spent_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The best of several short runs: everything else only adds. */
static double time_stage(const struct stage *stage)
{
	double best = 1e30;
	for (int round = 0; round < 7; round++) {
		unsigned streams = 0;
		uint64_t start = spent_ns(), spent = 0;
		for (; spent < 60000000u; streams++, spent = spent_ns() - start)
			stage->run(stage->step);
		double ns = (double)spent / (double)streams / (STREAM_BLOCKS * FRAME_BLOCK);
		if (ns < best)
			best = ns;
	}
	return best;
}

static void time_all(void)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		printf("%s\"%s\": {\"ns\": %.1f}", i ? ", " : "{", stages[i].name,
		       time_stage(&stages[i]));
	printf("}\n");
}

int main(int argc, char **argv)
{
	const struct stage *stage = NULL;
	const char *policy = "builtin";
	long events = 0;
	int o;
	while ((o = getopt(argc, argv, "p:s:n:")) != -1) {
		if (o == 's')
			stage = find_stage(optarg);
		else if (o == 'n')
			events = atol(optarg);
		else if (o == 'p')
			policy = optarg;
		else
			return 2;
	}
	struct buf errors = { 0 };
	if (ruleset_load(policy, &set, &errors) != 0) {
		fprintf(stderr, "%.*s", (int)errors.n, errors.p);
		return 2;
	}
	buf_fini(&errors);
	if (gate_scratch_init(&scratch, set) != 0)
		give_up("out of memory");
	size_t at = 0;
	for (size_t i = 0; i < FRAME_BLOCK; i++)
		frame_write(body + i * FRAME_BYTES, &at);
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = frame_source[i % (sizeof(frame_source) - 1)];
	if (!stage)
		time_all();
	for (; stage && events > 0; events -= STREAM_BLOCKS * FRAME_BLOCK)
		stage->run(stage->step);
	gate_scratch_fini(&scratch);
	ruleset_unref(set);
	return 0;
}

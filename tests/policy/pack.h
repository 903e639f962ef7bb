/*
 * Samples of the shipped rules, and what a stream that holds one must come to. Shared by the suites
 * that put the same samples into plain bodies and into every wire.
 */
#ifndef TESTS_POLICY_PACK_H
#define TESTS_POLICY_PACK_H

#include <stdbool.h>

#include "lib/wire.h"
#include "lib/yaml.h"
#include "policy/judge.h"
#include "policy/ruleset.h"

#define PACK_FILES 10

struct sample {
	const struct yaml_node *of;   /* the rule's entry in the file */
	const struct yaml_node *also; /* rules that may speak up beside it, or NULL */
	const char *rule;
	bool positive;
	struct buf text;
	size_t body; /* positives: where the secret's body begins */
	size_t body_end;
};

/* A body of some wire that holds one sample. */
struct sample_body {
	const char *name;
	enum framing framing;
	enum dialect dialect;
	struct span bytes;
	size_t secret; /* raw offset of the first byte of the sample's body */
};

struct pack {
	struct ruleset *set;
	struct judge_scratch *scratch;
	struct yaml *files[PACK_FILES];
};

/* What a stream came to. */
struct outcome {
	struct card cards[JUDGE_CARDS_MAX];
	size_t n;
	enum verdict_kind kind;
	uint64_t released;
	uint64_t released_early; /* most that could have left at any time */
};

/* Calls visit with each sample of each rule. */
void pack_each(void (*visit)(struct pack *p, const struct sample *s));

/* Feeds the body in chunks of `step` bytes, the first of `first` bytes. */
void pack_run(struct pack *p, const struct sample_body *b, size_t first, size_t step,
	      struct outcome *o);

/* Exactly one card of the sample's rule for a positive, none for a near miss, and no byte of a cut
 * body could leave. */
void pack_check(struct pack *p, const struct sample *s, const struct sample_body *b,
		const struct outcome *o);

/* The same released bytes and the same cards as `whole`. */
void pack_check_same(const struct sample *s, const struct sample_body *b, const struct outcome *o,
		     const struct outcome *whole, size_t first, size_t step);

#endif

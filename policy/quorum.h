/*
 * The quorum: what N builders rendered for one request, compared pair by pair while they stream.
 *
 * Theory of operation
 *
 *   pieces --> render (files, tool calls) --> pair --> verdict of the quorum
 *
 * A render is the code of one answer: plain bodies, fences in prose, files in tool arguments. The
 * files of two renders are paired by path, else by language and place, and scored as one: the sums
 * of their distances, of which a missing file has its size. What a tool call says besides files is
 * compared as it is.
 *
 * When both renders of a pair have ended, it is judged as compare() does it. Before that a lower
 * bound on the final distance (online.h) and an upper bound on the final sizes (dispute.h) may show
 * that it will not be at or under the threshold; then the pair is *disputed*, and that is final.
 * Text that comes later can turn its audit into a fail, never into a pass. Not foreseen: bodies,
 * fences without a word, Bash, actions.
 *
 * The bound on the sizes is the settings' max_nodes as long as neither has ended: answers that
 * differ could still go on alike up to there. With max_nodes at four times what an answer has, real
 * pairs that differ by half are disputed before 70 % of their bytes (test_quorum_corpora.c); with
 * more, when the shorter one ends.
 *
 * The quorum passes when `agree` builders, the chosen one among them, agree pair by pair. It fails
 * closed: what could not be judged is no agreement.
 *
 * No I/O and no clock: whoever owns it says what arrived, and how an answer ended. What it says
 * depends on the bytes and the endings alone, not on how they were cut or interleaved.
 */
#ifndef POLICY_QUORUM_H
#define POLICY_QUORUM_H

#include "lib/wire.h"
#include "policy/compare.h"

enum {
	QUORUM_BUILDERS_MAX = 8,
	QUORUM_PAIRS_MAX = QUORUM_BUILDERS_MAX * (QUORUM_BUILDERS_MAX - 1) / 2,
	QUORUM_BYTES = 1 << 20, /* defaults: of the text of one render, */
	QUORUM_NODES = 20000,   /* and of its trees */
};

struct quorum_base { /* what the builders were given to change */
	struct span path, text;
};

struct quorum_settings {
	unsigned builders, agree, chosen; /* chosen: an index */
	uint32_t threshold;               /* SCORE_UNITS a percent */
	uint32_t max_bytes, max_nodes;    /* of one render: past them it fails as too large */
	const struct quorum_base *base;   /* borrowed */
	size_t n_base;
};

enum quorum_ending {
	QUORUM_COMPLETE,
	QUORUM_TRUNCATED, /* the connection or the format broke off */
	QUORUM_STALLED,   /* too long without a byte */
	QUORUM_LATE,      /* not complete in time */
	QUORUM_ABSENT,    /* no answer, or none with status 200 */
	QUORUM_CUT,       /* by a rule or a budget */
	QUORUM_ENDING_COUNT
};

extern const char *const quorum_ending_names[QUORUM_ENDING_COUNT];

struct quorum;

struct quorum *quorum_new(const struct quorum_settings *settings); /* NULL: out of memory */
void quorum_free(struct quorum *q);                                /* NULL is fine */
size_t quorum_memory(const struct quorum *q);

/* Pieces of one builder's answer, in order, as the wire made them. Nothing after its end. True: a
 * pair has become final, and the verdict may be another. */
bool quorum_feed(struct quorum *q, unsigned builder, const struct wire *wire, const struct piece *v,
		 size_t n);
/* Once for each builder. */
void quorum_end(struct quorum *q, unsigned builder, enum quorum_ending how);

struct quorum_pair {
	uint8_t a, b;
	bool disputed; /* will not pass, and that is final */
	bool judged;   /* both have ended, and this is the verdict: */
	enum score_verdict verdict;
	enum compare_reason reason;
	bool scored; /* with a score, of all files together; before it is judged, an interval */
	struct score score;
	uint32_t nodes_a, nodes_b;
	double seen; /* the share of both texts that had been seen when it became final; set when
			judged */
};

struct quorum_verdict {
	bool final;   /* of it, pass is decided or excluded; */
	bool settled; /* no pair is open */
	enum score_verdict verdict;
	enum compare_reason reason;
	unsigned yes; /* builders that agree with the chosen one, itself included */
};

/* As of now. */
struct quorum_verdict quorum_verdict(const struct quorum *q);
const struct quorum_pair *quorum_pairs(const struct quorum *q, size_t *n);

/* Builders that are one of enough that agree pair by pair, the chosen one among them: a bit for
 * each.
 */
unsigned quorum_agreeing(const struct quorum *q);

/* Builders that would agree if each audit among them became a pass, a bit for each; 0: none would.
 */
unsigned quorum_hopeful(const struct quorum *q);

struct quorum_file {
	struct span path;                       /* may be empty */
	const struct syntax_language *language; /* NULL: none of ours */
	struct span text;
};

/* The files of one render, for an auditor; valid until the next call that changes it. */
const struct quorum_file *quorum_files(const struct quorum *q, unsigned builder, size_t *n);

#endif

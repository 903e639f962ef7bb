/*
 * The judge: pieces in, a verdict out. One judge serves one stream; it sees text and offsets, never
 * sockets, clocks or files. Same bytes, same verdict: how the pieces were split into calls changes
 * neither the cards nor the offsets.
 *
 * Theory of operation
 *
 *   text     ... aws_key = "AKIA|IOSFODNN7EXAMPLE"
 *                         lead-in|body --->
 *                                ^ hold: nothing from here on may leave until the candidate is
 * decided
 *
 * Hyperscan, in streaming mode, reports where lead-ins end (and whole matches of rules without
 * one), or where their heads do, and the rest is walked; see trigger.h. Text that is full of heads
 * is taken through a table instead; see seek.h. Each lead-in's end opens a candidate, unless the
 * text that is there rules it out. PCRE2 matches the rule's body anchored there with hard partial
 * matching: *partial* means the candidate is alive and holds; *no match* means it died; *match*
 * means it is decided, and no later byte could change it. The decision point of a candidate is the
 * shortest text for which the answer is no longer partial: a property of the text alone. When
 * several decisions fall into one call, the one whose deciding byte comes first in the stream wins,
 * and the release limit is computed as of that byte. After a cut nothing more is judged.
 *
 * Text that stands in another encoding is a channel of its own, derived from the channel's; see
 * layer.h. Its bytes stand for raw bytes like all others, and all of the above holds for it. What
 * redacts cuts there: what is cut out of an encoding damages the rest of it.
 *
 * A rule that redacts decides in the same way; its decision is an edit of the raw body, and the
 * stream goes on. What cannot be taken out without harm to what a client reads is cut.
 */
#ifndef POLICY_JUDGE_H
#define POLICY_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/wire.h"
#include "policy/edits.h"
#include "policy/ruleset.h"

/* Working memory shared by all judges of one thread; holds nothing between calls that a verdict
 * depends on. */
struct judge_scratch;
int judge_scratch_new(const struct ruleset *set, struct judge_scratch **out) MUST_USE; /* -ENOMEM */
int judge_scratch_grow(struct judge_scratch *scratch,
		       const struct ruleset *set) MUST_USE; /* after a reload */
void judge_scratch_free(struct judge_scratch *scratch);

enum verdict_kind {
	VERDICT_PASS, /* everything fed so far may leave */
	VERDICT_HOLD, /* everything before release_raw may leave */
	VERDICT_CUT   /* everything before release_raw may leave, then the stream ends; latches */
};

enum cut_cause {
	CUT_NONE,
	CUT_RULE,         /* a rule matched; one that redacts, where that was not possible */
	CUT_HOLD_BOUND,   /* a hold grew past its bytes, and the rule says cut */
	CUT_ENGINE_ERROR, /* matching failed (memory, match limit) */
	CUT_CAUSE_COUNT
};

extern const char *const cut_cause_names[CUT_CAUSE_COUNT];

struct verdict {
	enum verdict_kind kind;
	enum cut_cause cause;
	uint64_t release_raw; /* HOLD and CUT: absolute raw offset; never goes back while kind is
				 HOLD */
	uint64_t decided_raw; /* CUT: raw offset just behind the byte that decided; a property of
				 the bytes alone */
	uint16_t rule;        /* CUT_RULE, CUT_HOLD_BOUND: which */
};

/* A broken rule. Offsets are in the channel's text and in the raw body; the text itself is never
 * kept. */
struct card {
	uint16_t rule;
	uint16_t channel;
	enum action action; /* as the rule says; in monitor mode nothing was done */
	uint8_t layers; /* 0: the channel's own text; else of decoded text, see judge_layers_name()
			 */
	uint64_t text_off; /* of the secret (or the match, when the rule has no secret group) */
	uint32_t text_len;
	uint64_t body_off;  /* where holding began: after what the lead-in has of it */
	uint64_t raw_off;   /* raw offset of its first byte */
	uint64_t raw_end;   /* after its last */
	uint64_t body_raw;  /* of body_off */
	uint64_t text_hash; /* tells repeats apart; not to be shown */
};

#define JUDGE_CARDS_MAX 96   /* per stream; more are counted, not kept; */
#define JUDGE_CARDS_PLAIN 64 /* of these, of rules that take nothing back */

struct judge_counts {
	uint64_t text_bytes; /* judged, all channels */
	uint64_t frames;     /* whose ends were among the pieces */
	uint64_t held_max;   /* most text bytes held at once */
	uint64_t bound_cuts;
	uint64_t bound_releases;
	uint64_t undecided; /* of syntax rules: code that is broken, or past a bound */
	uint64_t cards;     /* all, also those past JUDGE_CARDS_MAX */
};

struct judge;

/* Takes its own reference to set. wire names the channels (its kind decides SCOPE_CODE) and must
 * outlive the judge. */
struct judge *judge_new(struct ruleset *set, const struct wire *wire); /* NULL: out of memory */
void judge_observe(
	struct judge *j); /* before the first feed: cards only, whatever the policy's mode */
void judge_free(struct judge *j);           /* NULL is fine */
size_t judge_memory(const struct judge *j); /* bytes of heap it holds */

/* Judges n pieces, in raw order; their text is copied where it must be kept. `final` says that no
 * text follows in any channel: every candidate is decided. */
void judge_feed(struct judge *j, struct judge_scratch *scratch, const struct piece *v, size_t n,
		bool final, struct verdict *out);

/* Gives up every hold because time is over: each holding rule's bound decides. */
void judge_expire(struct judge *j, struct verdict *out);

const struct card *judge_cards(const struct judge *j, size_t *n); /* valid until the next call */
/* What was decided to be taken out of the raw body, in order and apart; those that the last call
 * made begin at or behind what the call before let go. Valid until the next call. */
const struct edit *judge_edits(const struct judge *j, size_t *n);
void judge_edited(struct judge *j, uint64_t raw); /* what lies before raw has left: forget it */

/* "", or the layers that a card's text stood in, the innermost first: "hex in base64". */
void judge_layers_name(uint8_t layers, char name[32]);
/* The same behind the channel's name: "choice 0 content, base64". */
void card_channel(const struct card *card, const struct wire *wire, char name[96]);

const struct judge_counts *judge_counts(const struct judge *j);
struct ruleset *judge_ruleset(const struct judge *j); /* borrowed */

#endif

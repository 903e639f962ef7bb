/*
 * Inside the judge: its state, and the steps of a call. judge.c gathers text and finds what leads
 * in, judge_open.c makes candidates of that, judge_layers.c does the same for what is encoded in
 * the text, judge_syntax.c asks the programs in it, judge_decide.c turns candidates into decisions,
 * judge_settle.c turns decisions into cards, holds and verdicts, judge_redact.c those that redact
 * into edits.
 */
#ifndef POLICY_JUDGE_STATE_H
#define POLICY_JUDGE_STATE_H

#include "policy/channel.h"
#include "policy/judge.h"
#include "policy/judge_scratch.h"

struct judge {
	struct ruleset *set;
	const struct wire *wire;
	struct channel **channels; /* of the wire, by number; NULL where there is none */
	struct channel **every;    /* these and the derived ones, each behind its parent */
	uint32_t n_channels, n_every, cap_every;
	uint32_t n_derived;
	uint32_t n_programs; /* channels with text that may hold programs */
	struct card *cards;
	uint32_t n_cards, cap_cards;
	struct judge_counts counts;
	struct edits edits;
	struct verdict verdict;
	uint64_t raw_seen; /* end of the raw bytes of every piece so far, in order */
	uint64_t safe_raw; /* what the last verdict let go */
	uint32_t ends;     /* channel ends so far */
	uint32_t open;     /* open candidates, all channels */
	uint32_t window;   /* text bytes always held, of every channel */
	bool observe;      /* nothing is held or cut */
};

static inline const struct rule *judge_rule(const struct judge *j, const struct candidate *c)
{
	return &j->set->rules[c->rule];
}

static inline bool judge_holds(const struct judge *j, const struct rule *r)
{
	return !j->observe && rule_holds(j->set, r);
}

/* Which of a slot's new text is code, where some rule asks; then, with the candidates found, the
 * programs among it and what they decide. False: no memory. */
bool judge_find_code(struct judge *j, struct slot *slot);
bool judge_ask(struct judge *j, struct judge_scratch *s, struct slot *slot);
/* A channel more among them all; false: no memory, and it is freed. */
bool judge_add_channel(struct judge *j, struct channel *c);

/* What the matcher found in a slot's text are candidates, where they are. False: no memory, or the
 * engine failed. */
bool judge_open(struct judge *j, struct judge_scratch *s, struct slot *slot);
/* Of those that the text ruled out at once: where what they held for the text before `until` began,
 * UINT64_MAX: nowhere; and whether one of this rule held from `raw` on then. */
uint64_t judge_gone_limit(const struct judge *j, const struct judge_scratch *s,
			  const struct slot *slot, uint64_t until);
bool judge_gone_held(const struct judge *j, const struct judge_scratch *s, const struct slot *slot,
		     uint16_t rule, uint64_t raw, uint64_t until);

/* judge_layers.c: decodes what is new in one slot into slots of derived channels, which come behind
 * it; then, for all, where the holds of candidates in derived text begin. False: no memory, or more
 * than is allowed. */
bool judge_decode(struct judge *j, struct judge_scratch *s, uint32_t slot_index);
void judge_place_holds(struct judge *j, struct judge_scratch *s);

/* Brings one slot's candidates up to date and notes what was decided. False: the engine failed. */
bool judge_decide(struct judge *j, struct judge_scratch *s, uint32_t slot_index);

/* Decisions in the order of their deciding bytes, up to the first that cuts; true: one did. */
bool judge_settle(struct judge *j, struct judge_scratch *s);

/* Whether what this decision is about can be taken out of the body; and doing so. False: no memory.
 */
bool judge_can_redact(const struct judge *j, const struct slot *slot, const struct decision *d);
bool judge_redact(struct judge *j, const struct slot *slot, const struct decision *d);

void judge_hold(struct judge *j); /* after a portion without a cut: what is held now */
void judge_cut(struct judge *j, enum cut_cause cause, uint16_t rule, uint64_t decided,
	       uint64_t release);

#endif

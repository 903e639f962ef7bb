/*
 * What a judge remembers of one channel between calls, and the working view of it during a call.
 *
 * Kept between calls: the text that an open candidate or a look-back still needs, the position in
 * the stream matcher, the open candidates, and which keywords were seen. A slot is a channel's view
 * during one call: kept text and new text in one contiguous track, so that the matcher and the
 * expressions run once per channel and call.
 */
#ifndef POLICY_CHANNEL_H
#define POLICY_CHANNEL_H

#include "lib/fence.h"
#include "policy/candidate.h"
#include "policy/layer.h"
#include "policy/region.h"
#include "policy/seek.h"

struct channel;

struct channel_layers { /* what is decoded from a channel */
	struct layers decoder;
	struct channel *derived[LAYER_COUNT]; /* NULL until there is text */
	struct layer_want want;
};

struct channel {
	struct track kept;
	struct seek seek;
	uint64_t stream_base; /* text offset where the text that is sought in began */
	struct walks walks;   /* behind heads that were found; see trigger.h */
	uint64_t given_up;    /* window holds before this were released because time was over */
	struct candidates open;
	uint64_t *
		keywords; /* bit set: this rule's keyword was seen in an earlier call; NULL: none */
	uint64_t *companions;  /* by number: 1 + the line where it was last found; 0: not yet */
	uint64_t lines;        /* line feeds before the kept text, where companions are told */
	uint32_t slot;         /* during a call: index + 1 */
	bool code;             /* its kind is code as a whole */
	bool prose;            /* its kind may hold fences */
	bool arguments;        /* its kind is JSON, whose strings may be programs */
	uint32_t program;      /* its number among those that may hold programs; 0: none yet */
	bool was_code;         /* prose: whether the last byte was inside a fence */
	struct fence fence;    /* prose */
	struct region *region; /* NULL until there is code and a rule that asks about programs */
	/* A derived one: what it is decoded from, and how, the last step in the lowest two bits. */
	struct channel *parent;
	uint8_t path, depth, kinds;    /* 0: a channel of the wire's; kinds: a bit each */
	struct channel_layers *layers; /* NULL until text was looked at */
};

struct code_edge { /* text up to here, from the edge before on, is code or is not */
	uint64_t until;
	bool code;
	bool closed;                            /* its last line is the fence that ends it */
	bool stated;                            /* its language is said: */
	const struct syntax_language *language; /* NULL: none of ours */
};

struct keyword_seen { /* in this call */
	uint32_t keyword;
	uint64_t end;
};

struct slot {
	struct channel *channel;
	struct track work;
	uint64_t old_end; /* text before this call ends here */
	struct candidates list;
	struct multimatch_hits gone; /* that the text rules out; see judge_open.c */
	struct keyword_seen *seen;
	struct code_edge *edges; /* of the new text, when some rule asks */
	uint32_t n_seen, cap_seen;
	uint32_t n_edges, cap_edges;
	uint32_t new_from; /* candidates before this index were open before the call */
	uint16_t number;   /* the channel's */
	bool ended;
	struct moment end;
};

void channel_free(struct channel *c); /* NULL is fine */
size_t channel_memory(const struct channel *c, const struct ruleset *set);

/* What this channel's text is looked through with. */
struct seeker channel_seeker(const struct channel *c, const struct ruleset *set,
			     struct multimatch_scratch *scratch);

bool slot_begin(struct slot *s, struct channel *c,
		uint16_t number);           /* false: no memory, here and below */
bool slot_room(struct slot *s, uint32_t n); /* for n bytes more and a run */
bool slot_saw(struct slot *s, uint32_t keyword, uint64_t end);
/* Whether the rule's keyword was seen in the channel's first `until` bytes. */
bool slot_has(const struct slot *s, uint32_t keyword, uint64_t until);
bool slot_find_code(struct slot *s);
/* The region that the byte before `point` stands in may break this rule. */
bool slot_may_ask(const struct slot *s, const struct syntax_rule *rule, uint64_t point);
bool slot_is_code(const struct slot *s,
		  uint64_t at); /* the byte at `at`, new or the last of the old ones */
bool slot_save(struct slot *s, const struct ruleset *set);
void slot_fini(struct slot *s);

static inline struct view slot_view(const struct slot *s)
{
	return (struct view){ .track = &s->work, .ended = s->ended, .end = s->end };
}

#endif

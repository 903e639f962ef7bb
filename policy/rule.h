/*
 * A rule in its compiled form, and the set that owns it. Shared by the loader (rule_file.c), the
 * compiler (ruleset.c) and the judge; everything else sees ruleset.h only.
 *
 * A rule has one matcher. What the matcher decides passes a chain of refinements (judge.c) before
 * it counts: keywords, and what excuses the secret; syntax queries have their place beside `body`.
 * Other ways to write rules down (gitleaks files) are loaders beside rule_file.c that fill struct
 * rule's "as read" part.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdatomic.h>

#include "policy/layer.h"
#include "policy/multimatch.h"
#include "policy/regex.h"
#include "policy/ruleset.h"

#define RULES_MAX 4096
#define RULE_NO_KEYWORDS UINT32_MAX
#define RULE_REACH_MAX \
	128 /* the longest lead-in that is not simply the beginning of its expression */

struct rule {
	struct rule_info info;
	struct regex *body;  /* HOLD_LEAD_IN: anchored where `from` is; otherwise the whole, ending
				where it is told */
	struct regex *start; /* the lead-in, to find where it starts; NULL when the body goes on
				where it ends */
	unsigned group;      /* the secret's, in `body` */
	uint32_t prefix;     /* bytes of the secret that stand in the lead-in */
	uint32_t reach;      /* bytes before the candidate's point that matching may go back to */
	uint32_t delay;      /* bytes after a whole match that its last assertion needs */
	const char *mask;    /* what stands for a secret that is redacted */
	uint32_t keyword;    /* its number among the rules whose keywords must be seen, or
				RULE_NO_KEYWORDS */

	/* What takes a match back; see excuse.h. */
	double entropy;       /* bits per byte that a secret must exceed; 0: any will do */
	struct regex **allow; /* n_allow */
	const char *const *stopwords;
	size_t n_allow, n_stopwords;

	/* As read. */
	const char *const *allow_texts;
	unsigned allow_line;
	const char *const *keywords;
	size_t n_keywords;
	int secret_group;   /* -1: not given */
	const char *wanted; /* lead_in: given, or NULL */
	bool foreign; /* not written for streams: what has no lead-in is not held, and is named */
	bool hold_given;
	unsigned regex_line, lead_in_line, hold_line, decode_line;
};

struct rule_pattern { /* what a pattern of the set's multimatch stands for */
	uint16_t rule;
	bool keyword;
};

struct rule_text; /* one string that the set owns */

struct ruleset {
	atomic_uint refs;
	struct rule *rules;
	size_t n, cap;
	struct multimatch *multimatch;
	struct rule_pattern *patterns;
	size_t n_patterns;
	/* The same of the rules that decode; NULL and none without any. See decoding.h. */
	struct multimatch *decoded;
	struct rule_pattern *decoded_patterns;
	uint8_t decode_depth[1 << LAYER_COUNT]; /* the deepest for layers of these kinds */
	struct layer_hint decode_hint;
	uint32_t keyword_rules; /* how many rules have a keyword number */
	uint32_t context;       /* bytes of text that must be kept before the newest */
	uint32_t window;        /* the longest window of a rule that holds; 0: none */
	bool monitor;
	bool code_scope;  /* some rule asks whether text is code */
	bool redacts;     /* some rule redacts, and the mode enforces */
	const char *mask; /* as read, or NULL */
	uint32_t hold_ms;
	enum on_bound hold_ms_bound;
	struct buf notes;
	char hash[65];
	struct rule_text *texts;
};

/* Whether a rule's candidates keep text back in this set. */
static inline bool rule_holds(const struct ruleset *set, const struct rule *r)
{
	return !set->monitor && r->info.action != ACTION_FLAG && r->info.hold != HOLD_NONE;
}

const char *ruleset_keep(struct ruleset *set,
			 struct span text); /* a copy that lives as long; NULL: out of memory */
void *ruleset_keep_array(struct ruleset *set, size_t n, size_t size); /* zeroed */

/* Reads one policy and what it includes into set->rules, in order. yaml.p NULL: from the file. */
int rule_file_read(struct ruleset *set, const char *name, struct span yaml,
		   struct buf *errors) MUST_USE;

/* The keys that a policy file knows, for the test that compares them with the schema; NULL after
 * the last. */
const char *rule_file_policy_key(size_t i);
const char *rule_file_rule_key(size_t i);

struct builtin_file {
	const char *name;
	struct span text;
};

/* The pack in the binary, file by file; false after the last. */
bool builtin_file(size_t i, struct builtin_file *out);

#endif

/*
 * A rule in its compiled form, and the set that owns it. Shared by the loader (rule_file.c), the
 * compiler (ruleset.c) and the judge; everything else sees ruleset.h only.
 *
 * A rule has one matcher, an expression or a query. What the matcher decides passes a chain of
 * refinements (judge_decide.c) before it counts: keywords, and what excuses the secret.
 * Other ways to write rules down (gitleaks files) are loaders beside rule_file.c that fill struct
 * rule's "as read" part.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdatomic.h>

#include "policy/head.h"
#include "policy/layer.h"
#include "policy/multimatch.h"
#include "policy/regex.h"
#include "policy/ruleset.h"
#include "policy/run.h"
#include "policy/trigger.h"
#include "policy/ways.h"
#include "policy/words.h"

#define RULES_MAX 4096
#define RULE_NO_KEYWORDS UINT32_MAX
#define RULE_NO_COMPANION UINT32_MAX
#define REQUIRED_ANYWHERE UINT32_MAX
#define RULE_REACH_MAX \
	128 /* the longest lead-in that is not simply the beginning of its expression */

/* One allowlist. It excuses a match when one of its expressions matches in its target or one of its
 * words is in the secret. */
enum allow_target { ALLOW_SECRET, ALLOW_MATCH, ALLOW_LINE };

struct allowance_text {
	struct regex *regex;
	uint32_t begins[8]; /* the bytes that a text must begin with for it to match */
};

struct allowance {
	enum allow_target target;
	bool both; /* an expression and a word are needed */
	const char *const *texts;
	struct allowance_text *compiled; /* n_texts; NULL until compiled */
	const char *const *stopwords;
	struct words *words; /* the same; NULL until compiled, or none */
	size_t n_texts, n_stopwords;
	const char *file;
	unsigned line;
};

/* A rule without which another does not count; see companion.h. */
struct requirement {
	const char *id;
	uint32_t lines; /* how far away at most, or REQUIRED_ANYWHERE */
	uint32_t number;
	unsigned line;
};

/* One way to break a rule. */
struct rule_branch {
	const char *lead_in; /* HOLD_LEAD_IN; otherwise the whole */
	struct regex *body;  /* HOLD_LEAD_IN: anchored where `from` is; otherwise the whole, ending
				where it is told */
	const struct head
		*head;         /* HOLD_LEAD_IN: of `body`, for a look before the engine; or NULL */
	struct ways *ways;     /* likewise */
	struct regex *start;   /* the lead-in, to find where it starts; NULL when the body goes on
				  where it ends */
	struct regex *opening; /* the same, and all that may come before it, where an allowance
				  asks for the match; or NULL */
	uint32_t opening_max;  /* bytes that may be before the lead-in's end; PATTERN_MANY */
	uint32_t opening_run;  /* up to so many bytes of `opening_in` come before `opening` */
	const bool *opening_in;
	unsigned group;  /* the secret's, in `body` */
	uint32_t prefix; /* bytes of the secret that stand in the lead-in */
	uint32_t reach;  /* bytes before the candidate's point that matching may go back to */
};

struct rule {
	struct rule_info info;
	struct rule_branch *branches; /* as many as there are lead-ins; at least one */
	size_t n_branches;
	uint32_t delay;   /* bytes after a whole match that its last assertion needs */
	const char *mask; /* what stands for a secret that is redacted */
	uint32_t keyword; /* its number among the rules whose keywords must be seen, or
			     RULE_NO_KEYWORDS */

	/* What takes a match back; see excuse.h. */
	double entropy; /* bits per byte that a secret must exceed; 0: any will do */
	struct allowance *allowances;
	size_t n_allowances;
	bool sees_match, sees_line; /* some allowance asks for more than the secret */
	uint32_t rest_lines;        /* a match waits for so many line feeds behind it */

	/* What it takes beside a match. */
	const char *own_id; /* as its own file has it; NULL: nothing requires it */
	struct requirement *required;
	size_t n_required;
	uint32_t companion; /* its number among the rules that others require, or
			       RULE_NO_COMPANION */
	bool silent;        /* it counts for those only */

	struct syntax_rule *syntax; /* the matcher is a query; see syntax_rule.h */

	/* As read. */
	const char *const *languages;
	size_t n_languages;
	unsigned query_line, languages_line;
	const char *const *keywords;
	size_t n_keywords;
	int secret_group;   /* -1: not given */
	const char *wanted; /* lead_in: given, or NULL */
	const char *origin; /* the file that a policy includes for it; info.file, or what extends
			       that */
	bool foreign; /* not written for streams: what has no lead-in is not held, and is named */
	bool hold_given;
	struct rule_samples samples;
	unsigned regex_line, lead_in_line, hold_line, decode_line;
};

struct rule_pattern {            /* what is looked for in one pass stands for this */
	const struct head *head; /* what must go on where it ends; NULL: nobody knows */
	uint16_t rule;
	uint8_t branch;
	uint8_t places; /* of the head, which are held */
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
	struct triggers *triggers;    /* what the multimatch has of the patterns */
	struct runs *runs;            /* patterns that the multimatch has not */
	struct ways_classes *classes; /* of the bodies' ways */
	/* The same of the rules that decode; NULL and none without any. See decoding.h. */
	struct multimatch *decoded;
	struct rule_pattern *decoded_patterns;
	uint8_t decode_depth[1 << LAYER_COUNT]; /* the deepest for layers of these kinds */
	struct layer_hint decode_hint;
	uint32_t keyword_rules; /* how many rules have a keyword number */
	uint32_t companions;    /* how many rules have a companion number */
	uint32_t context;       /* bytes of text that must be kept before the newest */
	uint32_t window;        /* the longest window of a rule that holds; 0: none */
	bool monitor;
	bool code_scope;  /* some rule asks whether text is code */
	bool syntax;      /* some rule is a query */
	bool redacts;     /* some rule redacts, and the mode enforces */
	const char *mask; /* as read, or NULL */
	uint32_t hold_ms;
	enum on_bound hold_ms_bound;
	struct buf notes;
	struct assertion *assertions; /* see assertion.h */
	size_t n_assertions;
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
const char *rule_file_override_key(size_t i);
const char *rule_file_assertion_key(size_t i);

struct builtin_file {
	const char *name;
	struct span text;
};

/* The pack in the binary, file by file; false after the last. */
bool builtin_file(size_t i, struct builtin_file *out);

#endif

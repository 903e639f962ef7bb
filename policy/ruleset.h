/*
 * A ruleset: the compiled, immutable form of one policy file. Loaded by one thread, then shared:
 * every stream holds a reference to the set it began with, so that a reload never changes a running
 * stream's rules.
 */
#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
enum action { ACTION_FLAG, ACTION_REDACT, ACTION_CUT, ACTION_COUNT };

/* How a rule's text is kept back while it could still become a violation (DESIGN section 3). */
enum hold_kind {
	HOLD_LEAD_IN, /* from the end of the lead-in until the rule decides */
	HOLD_WINDOW,  /* the last hold_bytes of the channel, always */
	HOLD_NONE,    /* nothing: the match is reported, its bytes may have left */
	HOLD_COUNT
};

enum on_bound { BOUND_CUT, BOUND_RELEASE, BOUND_COUNT };
enum scope {
	SCOPE_ANY,
	SCOPE_CODE,
	SCOPE_COUNT
}; /* code: fences in prose, tool arguments and plain bodies */

extern const char *const severity_names[SEVERITY_COUNT];
extern const char *const action_names[ACTION_COUNT];
extern const char *const hold_names[HOLD_COUNT];
extern const char *const on_bound_names[BOUND_COUNT];
extern const char *const scope_names[SCOPE_COUNT];

/* What a rule says to people and how it is held. Strings live as long as the set. */
struct rule_info {
	const char *id;
	const char *title;
	const char *remedy;  /* may be "" */
	const char *why;     /* what goes wrong, in a sentence or two; may be "" */
	const char *cwe;     /* such as CWE-78, or "" */
	const char *regex;   /* "" where a query matches */
	const char *query;   /* of tree-sitter, or "" */
	const char *lead_in; /* the regex found or given, or "" */
	const char *file;    /* where it was read, with `line` from 1 */
	unsigned line;
	enum severity severity;
	enum action action;
	enum hold_kind hold;
	uint32_t hold_bytes; /* HOLD_WINDOW: how many; HOLD_LEAD_IN: the bound */
	enum on_bound on_bound;
	enum scope scope;
	bool rollback;
	uint8_t decode, decode_depth; /* layers that it is judged in, a bit each; see layer.h */
	bool unbounded; /* a match can need more than hold_bytes; false for HOLD_NONE */
};

struct ruleset;

/* The texts that a rule carries to be tried with: those it must find, and those it must not. */
struct rule_samples {
	const char *const *positives, *const *near_misses;
	size_t n_positives, n_near_misses;
};

/* The rest of what a rule says, for people who read it. Lives as long as the set. */
struct rule_detail {
	unsigned secret_group;
	const char *mask; /* of a rule that redacts, else NULL */
	double entropy;   /* 0: any will do */
	const char *const *keywords;
	size_t n_keywords;
	struct rule_samples samples;
};

struct rule_allowed {   /* what excuses a match */
	const char *in; /* the secret, match or line that is looked at */
	bool both;      /* an expression and a word are needed, not either */
	const char *const *regexes, *const *stopwords;
	size_t n_regexes, n_stopwords;
};

/* Reads a policy file and everything it includes; "builtin" is the pack in the binary with its
 * default policy. On failure returns -errno and appends to *errors one line for each problem,
 * `file:line: what is wrong; remedy`, each with its newline; *out is untouched. */
int ruleset_load(const char *path, struct ruleset **out, struct buf *errors) MUST_USE;

/* The same from memory; name stands for the file in messages, and for its form: NAME.toml is a
 * gitleaks file. */
int ruleset_parse(const char *name, struct span text, struct ruleset **out,
		  struct buf *errors) MUST_USE;

struct ruleset *ruleset_ref(struct ruleset *set); /* atomic; returns set */
void ruleset_unref(struct ruleset *set);          /* atomic; the last one frees; NULL is fine */

size_t ruleset_count(const struct ruleset *set);
const struct rule_info *ruleset_rule(const struct ruleset *set, size_t index);
struct rule_detail ruleset_detail(const struct ruleset *set, size_t index);
bool ruleset_allowed(const struct ruleset *set, size_t index, size_t i,
		     struct rule_allowed *out); /* false after the last */
const char *ruleset_hash(
	const struct ruleset *set); /* 64 hex digits: SHA-256 over the canonical rules */
/* What of foreign rule files is not honoured in a stream: lines `file:line: rule: what`. */
struct span ruleset_notes(const struct ruleset *set);
bool ruleset_redacts(const struct ruleset *set); /* what leaves may differ from what came */
struct span ruleset_mask(const struct ruleset *set, size_t index); /* of a rule that redacts */
bool ruleset_monitor(const struct ruleset *set);                   /* `mode: monitor` */
uint32_t ruleset_hold_ms(const struct ruleset *set);               /* the longest a hold may last */
enum on_bound ruleset_hold_ms_bound(const struct ruleset *set);

#endif

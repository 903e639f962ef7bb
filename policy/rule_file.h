/*
 * Inside the loader of policy files: one file being read, its keys, and the takers of single
 * values. Each taker complains with file, line and remedy, and gives a harmless value back, so that
 * reading goes on.
 */
#ifndef POLICY_RULE_FILE_H
#define POLICY_RULE_FILE_H

#include "lib/yaml.h"
#include "policy/rule.h"

#define HOLD_BYTES_MAX 65536
#define TEXT_MAX 1000

struct rule_file { /* one file being read */
	struct ruleset *set;
	const char *name;
	const struct rule_file *includer; /* NULL: the policy itself */
	struct buf *errors;
	int rc;
	uint32_t hold_bytes; /* defaults of its rules */
	enum on_bound on_bound;
	const struct yaml_node *disable, *overrides;
	uint8_t decode, decode_depth;
};

struct rule_key {
	const char *name;
	void (*take)(struct rule_file *f, struct rule *r, const struct yaml_node *n);
};

void rule_file_complain(struct rule_file *f, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

bool rule_file_is_text(struct rule_file *f, const struct yaml_node *n, size_t max);
const char *rule_file_text(struct rule_file *f, const struct yaml_node *n, size_t max);
int rule_file_name(struct rule_file *f, const struct yaml_node *n, const char *const *names,
		   size_t count);
bool rule_file_number(struct rule_file *f, const struct yaml_node *n, uint32_t least, uint32_t most,
		      uint32_t *out);
bool rule_file_flag(struct rule_file *f, const struct yaml_node *n);

/* The keys of one map, each known and each taken. */
void rule_file_map(struct rule_file *f, struct rule *r, const struct yaml_node *map,
		   const struct rule_key *keys, size_t count, const char *where);

/* A path that the file names: relative ones are relative to it. NULL: no memory. */
const char *rule_file_beside(struct rule_file *f, const char *name);
/* False, after a complaint: its id is in use. */
bool rule_file_unique(struct rule_file *f, const struct rule *r);
/* Appends a rule that is complete. */
void rule_file_add(struct rule_file *f, const struct rule *r);
/* A list of 1 to `most` texts of at most `bytes` each; its length, or 0 after a complaint. */
size_t rule_file_list(struct rule_file *f, const struct yaml_node *n, size_t most, size_t bytes,
		      const char *const **out);

/* rule_file_about.c: keys that are for people and for tests, and decide nothing. */
void rule_file_why(struct rule_file *f, struct rule *r, const struct yaml_node *n);
void rule_file_cwe(struct rule_file *f, struct rule *r, const struct yaml_node *n);
void rule_file_samples(struct rule_file *f, struct rule *r, const struct yaml_node *n);
void rule_file_decode(struct rule_file *f, struct rule *r, const struct yaml_node *n);

/* gitleaks.c: a gitleaks configuration, whose tree is `root`. */
void gitleaks_take(struct rule_file *f, const struct yaml_node *root);

/* rule_override.c: a policy's `overrides`, when all rules are read. */
void rule_file_override(struct rule_file *f, const struct yaml_node *list);

/* rule_file_assertion.c: a policy's `assertions`. */
void rule_file_assertions(struct rule_file *f, const struct yaml_node *list);

void rule_file_take_rule(struct rule_file *f, const struct yaml_node *n); /* one item of `rules` */

#endif

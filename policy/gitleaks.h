/*
 * Inside the loader of gitleaks files: a file with what it extends, and the two halves of the
 * loader. gitleaks.c reads files and rules, gitleaks_allow.c their allowlists.
 */
#ifndef POLICY_GITLEAKS_H
#define POLICY_GITLEAKS_H

#include "policy/rule_file.h"

#define GITLEAKS_REGEX_MAX 8000
#define GITLEAKS_LIST_MAX 8192
#define GITLEAKS_EXTEND_MAX 8
#define REQUIRED_MAX 16
#define REQUIRED_LINES_MAX 100

/* One file of a chain, the one that extends first. */
struct gitleaks_source {
	struct rule_file *f;
	const struct yaml_node *root;
	struct gitleaks_source *base; /* what it extends, or NULL */
};

/* One rule: what each file of the chain says of it, from the one that extends on. */
struct gitleaks_rule {
	struct {
		struct rule_file *f;
		const struct yaml_node *map;
	} said[GITLEAKS_EXTEND_MAX + 1];
	size_t n;
};

void gitleaks_note(struct rule_file *f, unsigned line, const char *rule, const char *what);
/* A scalar that is not empty, or NULL. */
const struct yaml_node *gitleaks_text(const struct yaml_node *map, const char *key);
/* Whether it is a table of these keys; complains. */
bool gitleaks_known(struct rule_file *f, const struct yaml_node *map, const char *const *keys,
		    size_t count);

/* An expression, written as ours; "" after a complaint that begins with what it is of. */
const char *gitleaks_regex(struct rule_file *f, const struct yaml_node *n, const char *rule,
			   const char *what);

/* The allowlists of a table: refused where they are wrong, noted where a stream has not what they
 * ask for. */
void gitleaks_check_allowlists(struct rule_file *f, const char *rule, const struct yaml_node *map);
/* All that concern a rule: its own, and its files'. */
void gitleaks_take_allowlists(struct rule *r, const struct gitleaks_rule *from,
			      const struct gitleaks_source *files);

#endif

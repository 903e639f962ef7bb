/* A rule for people and for programs: what several verbs say of it. */
#ifndef PROXY_RULE_PRINT_H
#define PROXY_RULE_PRINT_H

#include "lib/buf.h"
#include "policy/ruleset.h"

/* How its text is kept back: the end of a line, with the newline, on standard output. */
void rule_print_hold(const struct rule_info *rule);

/* Members of a JSON object, without its braces. */
void rule_add_members(struct buf *out, const struct rule_info *rule);

/* The assertions of a policy: lines on standard output, and as a JSON list. */
void rule_print_assertions(const struct ruleset *set);
void rule_add_assertions(struct buf *out, const struct ruleset *set);

#endif

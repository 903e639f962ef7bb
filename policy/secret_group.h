/*
 * Which group of a rule's expression is the secret, when the rule does not say: the first one, as
 * gitleaks has it. That is a trap where the first group was only meant to hold alternatives,
 *
 *   badge-[0-9]{8}-(de|fr)
 *
 * because what precedes the secret is lead-in and leaves.
 */
#ifndef POLICY_SECRET_GROUP_H
#define POLICY_SECRET_GROUP_H

#include <stdbool.h>

#include "lib/base.h"

#define SECRET_GROUP_LEAST 6 /* variable bytes that are worth a question */

/* True when at least SECRET_GROUP_LEAST variable bytes come before the first group and the group
 * itself has fewer. *group is the group and *before the most variable item, both within regex.
 * False also for an expression that is not understood. */
bool secret_group_doubtful(const char *regex, struct span *group, struct span *before);

#endif

/* The policy of a verb that judges without serving. */
#ifndef PROXY_POLICY_OPEN_H
#define PROXY_POLICY_OPEN_H

#include "proxy/gate.h"

/* Loads the rules and makes *scratch (zeroed) fit for them. -errno, after the problems' lines on
 * standard error; *set and *scratch are then still to be given back. */
int policy_open(const char *path, struct ruleset **set, struct gate_scratch *scratch) MUST_USE;

#endif

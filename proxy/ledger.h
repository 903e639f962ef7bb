/*
 * Rows of what was decided, for those who check it later: kind, subject, and a JSON object. Until
 * there is a store of their own they are lines of the log (event "ledger").
 */
#ifndef PROXY_LEDGER_H
#define PROXY_LEDGER_H

#include "lib/base.h"

/* kind: "vote", "quorum", "audit"; subject: what it is about, an id. body: a JSON object whose keys
 * are sorted. Any thread. */
void ledger_put(const char *kind, const char *subject, struct span body);

#endif

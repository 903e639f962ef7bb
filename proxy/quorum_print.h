/* What a configuration says of several builders, for people and for the status page. */
#ifndef PROXY_QUORUM_PRINT_H
#define PROXY_QUORUM_PRINT_H

#include "lib/metrics.h"
#include "proxy/config.h"

/* A line for each quorum and auditor, and for the ledger. */
void quorum_print(const struct config *c, struct buf *out);
/* ,"quorums":[...],"quorum_verdicts":{...}; nothing without quorums. */
void quorum_add_json(const struct config *c, const struct metrics *m, struct buf *out);

#endif

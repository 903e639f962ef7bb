/*
 * The sinks of a server: who follows its ledger, replaced as a whole when the configuration is read
 * again. Each goes on where the one of its name was.
 */
#ifndef PROXY_SINKS_H
#define PROXY_SINKS_H

#include "lib/metrics.h"
#include "proxy/config.h"
#include "proxy/ledger.h"

struct sinks;

/* Of the ledger that the configuration names, which tells them of rows from now on; the first ones
 * are prepared. As sinks_prepare(); sinks_free() is owed in any case. */
int sinks_open(struct ledger *l, struct config *config, struct sinks **out,
	       struct buf *errors) MUST_USE;

/* Makes the configuration's sinks ready: what can fail is tried here. -errno, and lines as those of
 * config_load() in *errors. Without a ledger (NULL) there are none, and a warning. */
int sinks_prepare(struct sinks *all, struct config *config, struct buf *errors) MUST_USE;
/* What was prepared takes the place of what runs, which ends within about a second; an attempt that
 * is cut off by that is repeated. Never at the same time as sinks_prepare(). m: its own shard.
 * NULL is fine. */
void sinks_adopt(struct sinks *all, struct metrics_shard *m);

/* The thread that scrapes: what is new since the last time. NULL is fine. last: the ledger's last
 * row; 0: not known. */
void sinks_measure(struct sinks *all, struct metrics_shard *m, uint64_t last);
void sinks_add_json(struct sinks *all, struct buf *out, uint64_t last); /* a list */

/* Nothing tells it any more. Rows that can be delivered at once still are, for so long; those that
 * are left are delivered after the next start. NULL is fine. */
void sinks_free(struct sinks *all, uint32_t drain_ms);

#endif

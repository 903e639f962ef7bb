/* PatchCtl: the service that restores anchors, in a process of its own. */
#ifndef PROXY_PATCHCTL_H
#define PROXY_PATCHCTL_H

#include "proxy/patchctl_crew.h"

struct patchctl {
	const struct config_patchctl *config;
	struct patchctl_store *store;
	struct crew *crew;
	struct metrics *metrics;
	struct metrics_shard *shard; /* the worker's, which answers requests */
};

#endif

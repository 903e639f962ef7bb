/* `redcard shadow run`: the replayer and the guardian, in a process of their own. */
#ifndef PROXY_SHADOW_H
#define PROXY_SHADOW_H

#include <pthread.h>

#include "lib/metrics.h"
#include "proxy/attach.h"
#include "proxy/exchange.h"
#include "proxy/keeper.h"
#include "proxy/mirror.h"
#include "proxy/replayer.h"

struct shadow {
	struct config *config;
	struct metrics *metrics;
	struct metrics_shard *source_shard; /* the main thread's */
	struct metrics_shard *page_shard;   /* the pages' */
	struct replayer *replayer;
	struct keeper *keeper;            /* NULL: no guardian */
	struct ledger *ledger;            /* NULL: rows go to the log */
	uint64_t rows_written, rows_lost; /* as the pages counted them last */
	/* What the pages show of the source, which is the main thread's. */
	pthread_mutex_t lock;
	struct mirror_counts counts;
	struct attach_view view; /* when it is attached to a service */
	bool attached;
	const char *tap;
	char tap_why[512];
	_Atomic bool wants_pause; /* the guardian's word */
};

enum step_next shadow_pages_answer(struct exchange *x, const struct http1_head *head,
				   struct span path);

int shadow_run_main(int argc, char **argv);

#endif

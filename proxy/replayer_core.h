/* The inside of the replayer: its jobs, and the two things that a thread does with one. */
#ifndef PROXY_REPLAYER_CORE_H
#define PROXY_REPLAYER_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/fetch.h"
#include "proxy/gate.h"
#include "proxy/replayer.h"
#include "proxy/shadow_judge.h"

#define EARLY_MS 5000  /* an answer waits so long for its request */
#define ASLEEP_MS 1000 /* without a tick: this process stood still */

enum job_state {
	JOB_EARLY,   /* there is only an answer */
	JOB_QUEUED,  /* to be sent */
	JOB_SENDING, /* a thread's */
	JOB_WAITING, /* the shadow has answered, the primary has not */
	JOB_READY,   /* to be judged */
	JOB_JUDGING, /* a thread's */
};

struct job {
	struct job *next;
	enum job_state state;
	uint64_t until_ms; /* EARLY and WAITING */
	uint64_t sent_ms;
	uint64_t counted; /* of the replayer's bytes */
	char id[MIRROR_ID];
	char route[64], spec[129];
	struct buf bytes; /* of the request, until it is sent; so many: */
	uint64_t asked;
	bool has_primary;
	struct mirror_answer primary;
	struct buf primary_body;
	char *target;
	struct fetch_answer reply;
	bool answered;  /* the reply is whole */
	bool doubtful;  /* its peer may just have ended an idle connection: no fault of its */
	bool too_large; /* its rest was not read */
	bool concluded; /* by what stands here: */
	struct shadow_finding finding;
};

struct replayer_thread {
	struct replayer *r;
	pthread_t thread;
	struct fetcher *fetcher;
	struct gate_scratch scratch;
	struct metrics_shard *shard;
};

struct replayer {
	struct replayer_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct config *config;
	struct metrics_shard *shard; /* of what is not sent; under the lock */
	struct job *first, *last;
	uint32_t n;
	uint64_t bytes;
	bool paused, ends;
	_Atomic bool stop;                   /* what is being sent is given up */
	_Atomic uint64_t ticked_ms, woke_ms; /* CLOCK_MONOTONIC: the last tick, and after a pause */
	struct replayer_thread *threads;
	uint32_t n_threads;
};

/* This process did not stand still between then and now. */
bool replayer_was_awake(const struct replayer *r, uint64_t since_ms);
/* Rewrites, sends, and keeps what came of it in the job; without an answer it is concluded. */
void replayer_send(struct replayer_thread *t, const struct config *config, struct job *j);
/* Judges what is not concluded; counts it, and puts its row. */
void replayer_conclude(struct replayer_thread *t, const struct config *config, struct job *j);

#endif
